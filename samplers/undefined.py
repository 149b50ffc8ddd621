"""Examples of proposals whose density is undefined, kept for whoever reads the run."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

type Faults = Callable[[np.ndarray], Mapping[str, np.ndarray]]

_MOST = 64  # kept per session


class Examples:
    """Proposals of undefined density, for the table `undefined`.

    The table is written when there are twice as many as before, so that a long run rewrites its
    file but a few times.

    faults  (n, dim) positions of undefined density -> flags (n,) by cause; None: keep none
    """

    def __init__(self, faults: Faults | None) -> None:
        self._faults = faults
        self._rows: dict[bytes, np.ndarray] = {}
        self._next = 1

    def new(self, positions: Array | np.ndarray | None) -> dict[str, dict[str, Array]]:
        """Take in (n, dim) positions and return the table once it is due, else nothing."""
        if positions is None or self._faults is None:
            return {}
        found = np.asarray(positions)
        for row in found[np.isfinite(found).all(axis=1)]:
            if len(self._rows) >= _MOST:
                break
            self._rows[row.tobytes()] = row
        if len(self._rows) < self._next:
            return {}
        self._next = 2 * len(self._rows)
        found = np.stack(list(self._rows.values()))
        faults = self._faults(found)
        flags = {f"not_finite[{n}]": jnp.asarray(x) for n, x in faults.items() if x.any()}
        return {"undefined": {"position": jnp.asarray(found), **flags}}
