"""A second opinion on ln Z: importance sampling from mixtures fitted to draws of the posterior.

The draws are those of the engine that is checked, so that a region without draws is missing in
both. What the check sees are wrong volumes and wrong weights of what was found.
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.special import ndtr

from ..base import Doubt, LogDensity
from .importance import Importance

_CHECK = Importance(repeats=2, components=8, rounds=4, adapt=2000, samples=10000, block=10000)
DOUBT = Doubt(
    "evidence_check/agreement_p",
    "p_value",
    "importance sampling from the same draws finds another ln Z",
    unless="evidence_check/pareto_k",
)


def by_importance(
    key: PRNGKeyArray,
    target: LogDensity,
    draws: Float[Array, "repeat draw dim"],
    evidence: dict[str, Array],
) -> dict[str, Array]:
    """Make the table `evidence_check`: ln Z of two repeats, each from a mixture for half the draws.

    evidence  the table that is checked: log_z and log_z_error of independent repeats

    Costs 36 000 log densities. Columns as those of `importance`, and agreement_p, of a normal test
    that both ln Z are the same within their joint error.
    """
    dim = draws.shape[-1]
    halves = jnp.reshape(draws[:, : draws.shape[1] // 2 * 2], (-1, 2, dim)).swapaxes(0, 1)
    key_fit, key_draw = jr.split(key)
    state = _CHECK.fitted(key_fit, target, halves)
    found = _CHECK.estimate(_CHECK.more(key_draw, target, state))
    (a, e), (b, f) = (_joined(table) for table in (evidence, found))
    with np.errstate(invalid="ignore"):
        p = 2.0 * ndtr(-abs(a - b) / np.hypot(e, f))
    rows = found | {"agreement_p": np.full(len(found["log_z"]), p)}
    return {name: jnp.asarray(x) for name, x in rows.items()}


def _joined(table: dict[str, Array] | dict[str, np.ndarray]) -> tuple[float, float]:
    """Mean of ln Z over repeats, and its error."""
    log_z, error = (np.asarray(table[name]) for name in ("log_z", "log_z_error"))
    return float(np.mean(log_z)), float(np.sqrt(np.sum(error**2)) / len(log_z))
