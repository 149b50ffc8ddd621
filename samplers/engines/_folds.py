"""The tuning of meads: each fold of the chains goes by what another shows.

Hoffman and Sountsov, AISTATS 2022 (PMLR 151, 7799), Algorithm 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from blackjax.adaptation import meads_adaptation
from blackjax.adaptation.meads_adaptation import maximum_eigenvalue
from blackjax.mcmc.metrics import LowRankInverseMassMatrix
from jaxtyping import Array, Float, Int


class Tuning(NamedTuple):
    """What each fold goes by: step size, scales, damping and drift of the slice."""

    step_size: Float[Array, " fold"]
    scale: Float[Array, "fold dim"]
    alpha: Float[Array, " fold"]
    delta: Float[Array, " fold"]


def tuned(
    z: Float[Array, "fold of_fold dim"],
    slope: Float[Array, "fold of_fold dim"],
    step: Int[Array, ""],
    metric: LowRankInverseMassMatrix | None,
) -> Tuning:
    """Return the tuning by positions and gradients: that of fold k by fold k - 1, its damping by k.

    step size h  min(1, 1/2 / sqrt(largest eigenvalue of the scaled gradients))
    damping      1 - exp(-2 h rate), rate = 1 / sqrt(largest eigenvalue of the scaled positions),
                 at least 1 / (h t) in step t
    """
    scale = z.std(axis=1)

    def length(slope: Float[Array, "of_fold dim"]) -> Float[Array, ""]:
        return jnp.minimum(0.5 / jnp.sqrt(maximum_eigenvalue(slope)), 1.0)

    def damping(z: Float[Array, "of_fold dim"], step_size: Float[Array, ""]) -> Float[Array, ""]:
        rate = 1.0 / jnp.sqrt(maximum_eigenvalue(z - z.mean(axis=0)))
        rate = jnp.maximum(rate, 1.0 / ((step + 1) * step_size))
        return 1.0 - jnp.exp(-2.0 * step_size * rate)

    step_size = jnp.roll(jax.vmap(length)(slope * scale[:, None]), 1)
    if metric is None:
        white = z / scale[:, None]
    else:
        whiten = meads_adaptation._low_rank_precondition_pos
        white = jax.vmap(lambda z: whiten(z, metric.sigma, metric.U, metric.lam))(z)
    alpha = jax.vmap(damping)(white, step_size)
    return Tuning(step_size, jnp.roll(scale, 1, axis=0), alpha, alpha / 2)
