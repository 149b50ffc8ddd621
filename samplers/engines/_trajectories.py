"""The common part of the gradient engines: options, doubts, trajectories that leave the domain.

The guard against NaN is `base.differentiable`: kernels and adaptations of blackjax see -inf and
a zero gradient where the target or its gradient is undefined, so that such a proposal is
rejected and enters no average that tunes a step size.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..base import (
    AbstractEngine,
    Block,
    Doubt,
    LogDensity,
    log_density,
    name_of,
    require_finite,
    scan,
)

DIVERGED = (
    "trajectories diverged: the density is too curved for the step size, and what lies there may "
    "be missing (smaller steps by a higher target_acceptance, another chart, or the engine "
    "'ensemble')"
)
ENERGY = Doubt(
    "sample_stats/energy",
    "energy",
    "the trajectories explore the energy, and with it the tails of the density, too slowly",
)


class AbstractTrajectories(AbstractEngine):
    """Independent chains of trajectories that follow gradients, after a warm-up of their own."""

    burn_in: ClassVar[int] = 0
    ahead: ClassVar[bool] = True

    warmup: eqx.AbstractVar[int]
    block: eqx.AbstractVar[int]

    @property
    def gradients(self) -> bool:
        return True

    @property
    def per_block(self) -> int:
        return self.block

    @property
    def parts(self) -> int:
        return self.chains

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (Doubt("sample_stats/diverging", "share", DIVERGED),)

    def adapted(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> Any:
        """Return the state after the adaptation of `_adapt`, in which blackjax broadcasts."""
        self.require_starts(target, starts)
        with jax.numpy_rank_promotion("allow"):
            return self._adapt(key, target, starts)

    @abc.abstractmethod
    def _adapt(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> Any: ...

    @abc.abstractmethod
    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: Any
    ) -> tuple[Any, dict[str, Array]]: ...

    def _one_each(self, key: PRNGKeyArray, target: LogDensity, state: Any) -> tuple[Any, Block]:
        """`block` draws, one trajectory each."""
        last, states, info = scan(self._step, key, target, state, self.block, 1)
        stats = {"lp": states.log_density, **info}
        return last, self._block(states.position, stats, states.example)

    def require_starts(self, target: LogDensity, starts: Float[Array, "chain dim"]) -> None:
        """Raise ValueError unless there are `chains` starting points of finite density."""
        if starts.shape[0] != self.chains:
            raise ValueError(
                f"{name_of(self)} needs {self.chains} starting points, got {starts.shape[0]}"
            )
        value, _ = eqx.filter_jit(log_density)(target, starts.T)
        require_finite(value)

    def require_acceptance(self, value: float) -> None:
        """Raise ValueError unless a target acceptance lies between 0 and 1."""
        if not 0.0 < value < 1.0:
            raise ValueError(
                f"{name_of(self)} needs target_acceptance between 0 and 1, got {value:g}"
            )

    def require_metric(self, metric: str, known: tuple[str, ...]) -> None:
        """Raise ValueError unless the metric is one of those known."""
        if metric not in known:
            raise ValueError(f"{name_of(self)} needs metric {' or '.join(known)}, got '{metric}'")

    def _block(
        self,
        position: Float[Array, "draw chain dim"],
        stats: dict[str, Array],
        undefined: Float[Array, "n dim"],
    ) -> Block:
        """Draws and (draw, chain) statistics of a block, chains first; shares for the progress."""
        proposals = jnp.sum(stats["n_proposals"])
        shares = {
            "nonfinite_fraction": jnp.sum(stats["n_nonfinite"]) / proposals,
            "divergent_fraction": jnp.mean(stats["diverging"]),
        }
        by_chain = {name: x.T for name, x in stats.items()}
        return Block(jnp.moveaxis(position, 0, 1), by_chain | shares, undefined=undefined)


def left_domain(
    target: LogDensity, position: Float[Array, "chain dim"], value: Float[Array, " chain"]
) -> dict[str, Int[Array, " chain"]]:
    """n_nonfinite and n_nan (0 or 1) of trajectories that ended at `position` with log density
    `value`. Only where one of them is -inf is the target asked whether it is undefined there.
    """
    nonfinite = jnp.isneginf(value)

    def asked() -> Bool[Array, " chain"]:
        return log_density(target, position.T)[1]

    undefined = jax.lax.cond(jnp.any(nonfinite), asked, lambda: jnp.zeros_like(nonfinite))
    return {"n_nonfinite": nonfinite.astype(int), "n_nan": undefined.astype(int)}
