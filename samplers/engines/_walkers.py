"""The options and checks that `ensemble` and `emcee_` share: independent ensembles of walkers."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ..base import AbstractEngine, name_of


class AbstractWalkers(AbstractEngine):
    """Ensembles of walkers: those of one ensemble are coupled, the ensembles are independent."""

    ensembles: int = eqx.field(static=True, default=4)
    walkers: int = eqx.field(static=True, default=64)
    thin: int = eqx.field(static=True, default=100)
    block: int = eqx.field(static=True, default=25)

    def __check_init__(self) -> None:
        self.require_least({"ensembles": 1, "thin": 1, "block": 1})
        if self.walkers % 2 or self.walkers < 4:
            raise ValueError(
                f"{name_of(self)} needs an even number of walkers >= 4, got {self.walkers}"
            )

    @property
    def chains(self) -> int:
        return self.ensembles * self.walkers

    @property
    def groups(self) -> np.ndarray:
        return np.repeat(np.arange(self.ensembles), self.walkers)

    @property
    def per_block(self) -> int:
        return self.block

    def require_walkers(self, starts: Float[Array, "chain dim"]) -> None:
        """Raise ValueError unless there are as many starting points as walkers, and enough."""
        chains, dim = starts.shape
        if chains != self.chains:
            raise ValueError(f"{name_of(self)} needs {self.chains} starting points, got {chains}")
        if self.walkers < 2 * dim:
            raise ValueError(
                f"{name_of(self)} needs an even number of walkers >= 2*dim = {2 * dim}, "
                f"got {self.walkers}"
            )
