"""The common part of the evidence engines: priors cut to finite likelihood, and log Z tables.

log Z = ln of the integral of prior(z) likelihood(z) dz, the prior normalised over z. Where the
likelihood is zero (-inf) the prior still counts: with p its share of finite likelihood,
Z = p * integral of (prior cut to finite likelihood, normalised) * likelihood.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from scipy.special import chdtrc, logsumexp

from .. import devices
from ..base import Doubt, EngineError, LogDensity, example
from ._targets import PriorTimesLikelihood

_MOST_DRAWS = 2**24  # from the prior, per repeat, before a share of finite likelihood is too small
_LEAST_BATCH = 1024  # of prior draws side by side

DOUBTS = (
    Doubt(
        "evidence/repeats_p",
        "p_value",
        "the ln Z of independent repeats scatter more than their errors allow: a mode was missed, "
        "or the engine mixes too slowly",
    ),
)  # of every engine with repeats


class Particle(NamedTuple):
    """A position with its log prior and log likelihood: both finite, or both -inf."""

    position: Float[Array, "*particle dim"]
    log_prior: Float[Array, "*particle"]
    log_likelihood: Float[Array, "*particle"]


class FinitePrior(NamedTuple):
    """Draws from the prior cut to finite likelihood, and how large a share of it that is.

    found      how many there are: what else the arrays hold is nothing
    trials     prior draws it took to find them
    undefined  of which the density was NaN or +inf
    example    one of those; NaN without one
    """

    particles: Particle
    found: Int[Array, "*repeat"]
    trials: Int[Array, "*repeat"]
    undefined: Int[Array, "*repeat"]
    example: Float[Array, "*repeat dim"]

    def log_share(self) -> tuple[Float[Array, "*repeat"], Float[Array, "*repeat"]]:
        """ln of the share of finite likelihood, and its variance.

        Draws stop at the n-th success, so (n - 1) / (trials - 1) is unbiased.
        """
        share = jnp.maximum(self.found - 1, 1) / jnp.maximum(self.trials - 1, 1)
        return jnp.log(share), (1.0 - share) / self.found


def particle(
    target: PriorTimesLikelihood, z: Float[Array, " dim"]
) -> tuple[Particle, Bool[Array, ""]]:
    """Return the particle at z, and whether its density is undefined (NaN or +inf, taken for 0)."""
    log_prior, log_likelihood = target.log_prior_at(z), target.log_likelihood_at(z)
    total = log_prior + log_likelihood
    sound = jnp.isfinite(total)
    zero = -jnp.inf
    return (
        Particle(z, jnp.where(sound, log_prior, zero), jnp.where(sound, log_likelihood, zero)),
        jnp.isnan(total) | jnp.isposinf(total),
    )


@eqx.filter_jit
def densities(
    target: LogDensity, draws: Float[Array, "repeat draw dim"]
) -> Float[Array, "repeat draw"]:
    """Compute the log density of draws, each device those of its own repeats."""
    return devices.shared(lambda z, target: (jax.vmap(jax.vmap(target))(z), ()), draws, target)[0]


def finite_prior(key: PRNGKeyArray, target: PriorTimesLikelihood, count: int) -> FinitePrior:
    """`count` prior draws of finite likelihood, by rejection; fewer if 1.7e7 draws hold fewer."""
    dim = target.dim
    batch = max(count, _LEAST_BATCH)
    rounds = _MOST_DRAWS // batch + 1

    def draw(key: PRNGKeyArray) -> tuple[Particle, Array]:
        u = jr.uniform(key, (batch, dim), minval=jnp.finfo(float).tiny)
        return jax.vmap(lambda u: particle(target, target.from_unit(u)))(u)

    def more(carry: tuple[Array, FinitePrior]) -> Array:
        i, so_far = carry
        return (so_far.found < count) & (i < rounds)

    def fill(carry: tuple[Array, FinitePrior]) -> tuple[Array, FinitePrior]:
        i, so_far = carry
        new, undefined = draw(jr.fold_in(key, i))
        finite = jnp.isfinite(new.log_likelihood)
        before = so_far.found + jnp.cumsum(finite) - finite
        place = jnp.where(finite, before, count)  # beyond the end: dropped
        used = before < count  # up to the last success
        return i + 1, FinitePrior(
            jax.tree.map(lambda a, b: a.at[place].set(b, mode="drop"), so_far.particles, new),
            jnp.minimum(so_far.found + jnp.sum(finite), count),
            so_far.trials + jnp.sum(used),
            so_far.undefined + jnp.sum(undefined & used),
            example(so_far.example, new.position.T, undefined & used),
        )

    zero, none = jnp.array(0), jnp.zeros(count)
    nowhere = jnp.full(dim, jnp.nan, float)
    empty = FinitePrior(Particle(jnp.zeros((count, dim)), none, none), zero, zero, zero, nowhere)
    return jax.lax.while_loop(more, fill, (zero, empty))[1]


def require_found(engine: str, prior: FinitePrior) -> None:
    """Refuse a target whose likelihood is zero almost everywhere (nothing to check in a trace).

    Raises `EngineError` with the numbers.
    """
    if isinstance(prior.found, Tracer):
        return
    found, count = int(np.min(prior.found)), prior.particles.log_prior.shape[-1]
    if found < count:
        raise EngineError(
            f"{engine} needs {count} prior draws of finite likelihood; "
            f"{int(np.max(prior.trials))} draws held {found}"
            + (f", {lost} were undefined (NaN)" if (lost := int(np.max(prior.undefined))) else "")
        )


def undefined_share(proposals: Array, nonfinite: Array, undefined: Array) -> dict[str, Array]:
    """`undefined_fraction`: share of all proposals but those of zero density, for the progress."""
    inside = jnp.sum(proposals - nonfinite + undefined)
    return {"undefined_fraction": jnp.sum(undefined) / jnp.maximum(inside, 1)}


def with_spread(log_z: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the error of each log Z: its own, or the spread over repeats where that is larger.

    What a run cannot see (a mode that it missed, a kernel that mixes slowly) shows only there.
    """
    spread = np.std(log_z, ddof=1) if len(log_z) > 1 else 0.0
    return np.maximum(within, spread)


def agreement(log_z: np.ndarray, within: np.ndarray) -> float:
    """p value of a chi-square test that repeats agree within their own errors; 1 for one repeat."""
    if len(log_z) < 2 or np.any(within == 0.0):
        return 1.0
    weight = within**-2.0
    mean = np.sum(weight * log_z) / np.sum(weight)
    return float(chdtrc(len(log_z) - 1, np.sum(weight * (log_z - mean) ** 2)))


def of_weights(log_weight: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a table `evidence` from (repeat, sample) weights target / proposal.

    log_z_error   the larger of log_z_within and the spread over repeats
    log_z_within  sqrt(1 / ess - 1 / samples), of the weights
    ess           (sum w)^2 / sum w^2
    pareto_k      shape of the tail of the weights
    repeats_p     chi-square: do the repeats agree within log_z_within?

    NaN, and an infinite k, where no draw has a weight.
    """
    repeats, samples = log_weight.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.asarray(logsumexp(log_weight, axis=1))
        ess = 1.0 / np.sum(np.exp(log_weight - total[:, None]) ** 2, axis=1)
        log_z = total - np.log(samples)
        within = np.sqrt(np.maximum(1.0 / ess - 1.0 / samples, 0.0))
        error, p = with_spread(log_z, within), agreement(log_z, within)
    return {
        "log_z": log_z,
        "log_z_error": error,
        "log_z_within": within,
        "ess": ess,
        "pareto_k": np.array([pareto_k(w) for w in log_weight]),
        "repeats_p": np.full(repeats, p),
    }


def points(
    position: Float[Array, "repeat draw dim"], log_weight: Float[Array, "repeat draw"]
) -> dict[str, Array]:
    """Rows of a table `points`: weighted draws that have a weight; weights sum to 1 by repeat."""
    relative = np.asarray(log_weight)
    repeat, draw = np.nonzero(np.isfinite(relative))
    with np.errstate(invalid="ignore"):
        relative = relative - np.asarray(logsumexp(relative, axis=1, keepdims=True))
    return {
        "repeat": jnp.asarray(repeat),
        "position": position[repeat, draw],
        "log_weight": jnp.asarray(relative[repeat, draw]),
    }


def resampled(key: PRNGKeyArray, weights: np.ndarray, count: int) -> np.ndarray:
    """Numbers of `count` equally weighted draws, by systematic resampling, in random order.

    weights  (n,), of sum 1
    """
    key_comb, key_order = jr.split(key)
    comb = (np.arange(count) + float(jr.uniform(key_comb))) / count
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), comb), len(weights) - 1)
    return chosen[np.asarray(jr.permutation(key_order, count))]


def pareto_k(log_weight: np.ndarray) -> float:
    """Shape of a generalised Pareto tail fitted to the largest of (n,) importance weights.

    min(n / 5, 3 sqrt(n)) of them, arXiv:1507.02646; posterior mean under the prior of Zhang and
    Stephens, Technometrics 51 (2009) 316, drawn towards 0.5 as if by ten more weights. Infinite
    where that cannot be told: fewer than five, or a quarter of them the same.
    """
    n = len(log_weight)
    tail = int(min(0.2 * n, 3.0 * np.sqrt(n)))
    ordered = np.sort(log_weight)
    if tail < 5 or not np.isfinite(ordered[-tail - 1]):
        return np.inf
    cut = np.exp(ordered[-tail - 1] - ordered[-1])
    x = np.exp(ordered[-tail:] - ordered[-1]) - cut
    if x[-1] == 0.0:
        return -np.inf
    grid = 30 + int(np.sqrt(tail))
    quartile = x[int(tail / 4.0 + 0.5) - 1]
    if quartile <= x[0]:
        return np.inf
    steps = 1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    theta = steps / (3.0 * quartile) + 1.0 / x[-1]
    k = np.mean(np.log1p(-theta[:, None] * x), axis=1)
    fit = tail * (np.log(-theta / k) - k - 1.0)
    weight = np.exp(fit - logsumexp(fit))
    shape = np.mean(np.log1p(-np.sum(theta * weight) * x))
    return float((tail * shape + 5.0) / (tail + 10.0))
