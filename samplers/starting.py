"""Overdispersed starting points that an engine finds for another: around optima, of mixtures."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from . import devices
from .base import EngineError, LogDensity
from .engines._ascent import adam, begin, polished
from .engines._climb import Slopes
from .engines._mixture import Mixture
from .engines._modes import Points, Scalars, in_units
from .engines.importance import Importance, weighted

_DEPTH = 20.0  # optima further below the best are no starting points
_HALVINGS = 20  # of a jump, at most
_DRAWN = 16  # prior draws per start, the first of finite density counts
_OVERDISPERSED = 2.0  # width of the mixture's components over their own


def from_search(
    target: Any, key: PRNGKeyArray, count: int, *, searches: int = 4, steps: int = 500
) -> Points:
    """Find (count, dim) overdispersed starting points around the modes of a target.

    searches * count independent prior draws of finite density climb as in `Search`. Those
    that end within 20 of the highest are the optima, weighted by their basins; `count` of them,
    none twice if there are enough, take one jump each: a draw from the Gaussian of twice the
    Laplace width (at most twice the spread of the prior), halved until the point is inside the
    support and its density not lower than that Gaussian leaves one of a thousand. No point
    sees another's.

    The target has `from_unit`, from the unit cube of its prior. Raises ValueError if no prior
    draw has finite density.
    """
    drawn, picked, jump = jr.split(key, 3)
    state = begin(target, _finite_prior_draws(target, drawn, searches * count))
    if not np.isfinite(state.value).any():
        raise ValueError(f"no finite density in {_DRAWN * searches * count} prior draws")
    state = adam(target, state, steps, steps)
    top, at = polished(target, state.scale, state.position)
    good = np.flatnonzero(np.asarray(at.value) > float(jnp.max(at.value)) - _DEPTH)
    chosen = jr.choice(picked, jnp.asarray(good), (count,), replace=len(good) < count)
    at = jax.tree.map(lambda v: v[chosen], at)
    return _jumped(target, jump, state.scale, top[chosen], at) * state.scale[None]


def from_mixtures(
    engine: Importance,
    key: PRNGKeyArray,
    target: LogDensity,
    starts: Float[Array, "chain dim"],
    count: int,
) -> Float[Array, "count dim"]:
    """Return `count` overdispersed starting points for another engine, all different.

    starts  (engine.chains, dim) starting points for this one

    Drawn from the mixtures of all repeats alike, made twice as wide, 16 candidates for each, and
    chosen without replacement with the square root of their weights: halfway between the target
    and something twice as wide with heavier tails. Of the devices in use as many take part as
    divide the repeats. Raises EngineError if too few candidates have a finite density.
    """
    words, points = np.asarray(jr.key_data(key)), np.asarray(starts)  # off the devices in use
    with devices.using(devices.fewer(engine.repeats)):
        found = _drawn(
            engine, jr.wrap_key_data(jnp.asarray(words)), target, jnp.asarray(points), count
        )
    return jnp.asarray(np.asarray(found))


def _drawn(
    engine: Importance, key: PRNGKeyArray, target: LogDensity, starts: Array, count: int
) -> Array:
    key_fit, key_draw, key_choose = jr.split(key, 3)
    mixture = engine.init(key_fit, target, starts).mixture
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), mixture)
    pooled = Mixture(
        flat.log_weight - np.log(engine.repeats), flat.mean, _OVERDISPERSED * flat.factor
    )
    weigh = eqx.filter_jit(weighted)
    x, log_weight, nonfinite, *_ = weigh(key_draw, target, pooled, 0, 16 * count)
    if int(nonfinite) > 15 * count:
        raise EngineError(
            f"importance: only {16 * count - int(nonfinite)} of {16 * count} draws of the mixture "
            f"have a finite density; {count} starting points are needed"
        )
    noisy = 0.5 * log_weight + jr.gumbel(key_choose, log_weight.shape)
    return x[jax.lax.top_k(noisy, count)[1]]


@eqx.filter_jit
def _finite_prior_draws(target: Any, key: PRNGKeyArray, count: int) -> Points:
    """The first prior draw of finite density of 16 per point."""
    u = jr.uniform(key, (count, _DRAWN, target.dim), minval=jnp.finfo(float).tiny)

    def first_finite(u: Float[Array, "own drawn dim"], target: Any) -> tuple[Points, tuple[()]]:
        z = jax.vmap(jax.vmap(target.from_unit))(u)
        first = jnp.argmax(jnp.isfinite(jax.vmap(jax.vmap(target))(z)), axis=1)
        return jnp.take_along_axis(z, first[:, None, None], axis=1)[:, 0], ()

    return devices.shared(first_finite, u, target)[0]


@eqx.filter_jit
def _jumped(
    target: Any, key: PRNGKeyArray, scale: Float[Array, " dim"], x: Points, at: Slopes
) -> Points:
    """A jump of twice the Laplace width from each optimum, halved until it is not too far down."""
    dim = x.shape[1]
    deepest = 4.0 * (0.5 * dim + 3.1 * math.sqrt(0.5 * dim) + 5.0)

    curvature, axes = jnp.linalg.eigh(at.hessian)
    widths = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(curvature), 1.0))
    # The symmetric root: it does not depend on the signs of the axes, which rounding decides.
    root = jnp.einsum("nij,nj,nkj->nik", axes, widths, axes)
    jump = jnp.einsum("nij,nj->ni", root, jr.normal(key, x.shape))
    lengths = jnp.asarray(2.0 * 0.5 ** np.arange(_HALVINGS))[None, :, None]

    def halved(
        rows: tuple[Points, Points, Scalars], target: Any, scale: Array
    ) -> tuple[Points, tuple[()]]:
        x, jump, value = rows
        density = in_units(target, scale)
        tried = x[:, None] + lengths * jump[:, None]
        fine = jax.vmap(jax.vmap(density))(tried) > value[:, None] - deepest
        first = jnp.take_along_axis(tried, jnp.argmax(fine, axis=1)[:, None, None], axis=1)[:, 0]
        return jnp.where(jnp.any(fine, axis=1)[:, None], first, x), ()

    return devices.shared(halved, (x, jump, at.value), target, scale)[0]
