"""What the gradient engines share: refusing bad starts, counting trajectories that left the domain.

The guard against NaN is `base.differentiable`: kernels and adaptations of blackjax see -inf and
a zero gradient where the target or its gradient is undefined, so that such a proposal is
rejected and enters no average that tunes a step size.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..base import LogDensity, log_density, require_finite


def require_options(name: str, engine: Any, least: dict[str, int]) -> None:
    """Raise ValueError unless every named option is at least so large."""
    for option, smallest in least.items():
        if getattr(engine, option) < smallest:
            raise ValueError(f"{name} needs {option} >= {smallest}, got {getattr(engine, option)}")


def require_acceptance(name: str, value: float) -> None:
    """Raise ValueError unless a target acceptance lies between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} needs target_acceptance between 0 and 1, got {value:g}")


def require_starts(
    name: str, chains: int, target: LogDensity, starts: Float[Array, "chain dim"]
) -> None:
    """Raise ValueError unless there are `chains` starting points of finite density."""
    if starts.shape[0] != chains:
        raise ValueError(f"{name} needs {chains} starting points, got {starts.shape[0]}")
    value, _ = eqx.filter_jit(log_density)(target, starts.T)
    require_finite(value)


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


def by_chain(stats: dict[str, Array]) -> dict[str, Array]:
    """(draw, chain) arrays -> (chain, draw)."""
    return {name: x.T for name, x in stats.items()}
