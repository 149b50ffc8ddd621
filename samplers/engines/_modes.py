"""Telling modes apart: which starts to polish, which tops belong together, how wide a peak is."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse.csgraph import connected_components

from ..base import LogDensity

type Points = Float[Array, "n dim"]
type Scalars = Float[Array, " n"]

_SEEDS = 256  # starts that are polished, at most
_APART = 0.05  # distance from which on starts are polished apart, in spreads
_DIP = 0.5  # fall of ln p between two points of one mode, at most
_ALONG = np.arange(1, 24) * 0.6180339887498949 % 1.0  # where it is looked for: no period fits
_SHORT = 1e-3  # by which ln p may miss a top


def in_units(target: Any, scale: Float[Array, " dim"]) -> LogDensity:
    """Rescale ln density (over radius and angle for `planes`) to z / scale; never NaN or +inf."""
    planes = getattr(target, "planes", ())

    def value(x: Float[Array, " dim"]) -> Float[Array, ""]:
        z = x * scale
        density = target(z)
        for i in planes:
            density = density + 0.5 * jnp.log(z[i] ** 2 + z[i + 1] ** 2)
        return jnp.where(density < jnp.inf, density, -jnp.inf)  # NaN fails the comparison

    return value


def spread_out(x: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points to polish, each the best of those near it, and the one nearest to each start.

    Starts of zero density belong to none (-1).
    """
    distance, owner = np.full(len(x), np.inf), np.full(len(x), -1)
    finite = np.isfinite(value)
    seeds: list[int] = []
    for i in np.argsort(-value):
        if not finite[i] or len(seeds) == _SEEDS:
            break
        if distance[i] < _APART:
            continue
        away = np.linalg.norm(x - x[i], axis=1)
        owner[away < distance] = len(seeds)
        distance = np.minimum(distance, away)
        seeds.append(int(i))
    return np.array(seeds), np.where(finite, owner, -1)


@eqx.filter_jit
def dips(
    target: LogDensity, scale: Float[Array, " dim"], x: Points, value: Scalars
) -> Float[Array, "n n"]:
    """Measure how far ln p falls below the lower of two points on the line between them."""
    density = in_units(target, scale)

    def between(a: Float[Array, " dim"], b: Float[Array, " dim"]) -> Float[Array, ""]:
        return jnp.min(jax.vmap(lambda t: density(a + t * (b - a)))(jnp.asarray(_ALONG)))

    lowest = jax.lax.map(lambda a: jax.vmap(lambda b: between(a, b))(x), x)
    return jnp.minimum(value[:, None], value[None]) - lowest


def told_apart(x: np.ndarray, value: np.ndarray, dips: np.ndarray) -> np.ndarray:
    """Label the points. Points are of one mode if ln p on the line between them does not dip
    below the higher; a mode whose top can rise straight to higher tops joins the nearest.
    """
    level = dips + np.abs(value[:, None] - value) < _DIP
    label = connected_components(level, directed=False)[1]
    best = np.argsort(-value)
    tops = [best[label[best] == k][0] for k in dict.fromkeys(label[best])]
    for i, top in enumerate(tops):
        above = [t for t in tops[:i] if dips[top, t] < _DIP]
        if above:
            nearest = min(above, key=lambda t: float(np.linalg.norm(x[t] - x[top])))
            label = np.where(label == label[top], label[nearest], label)
    return label


@jax.jit
def laplace(gradient: Points, hessian: Float[Array, "n dim dim"]) -> tuple[Points, Scalars]:
    """Standard deviations and ln of the volume of Gaussians with these slopes of ln p.

    NaN where the Gaussian would rise further by _SHORT or is wider than one.
    """
    curvature, axes = jnp.linalg.eigh(-hessian)
    rise = 0.5 * jnp.sum(jnp.einsum("nji,nj->ni", axes, gradient) ** 2 / curvature, axis=1)
    peak = (curvature[:, 0] > 1.0) & (rise < _SHORT)
    held = jnp.where(peak[:, None], curvature, jnp.nan)
    variance = jnp.einsum("nij,nj->ni", axes**2, 1.0 / held)
    log_volume = 0.5 * gradient.shape[1] * math.log(2.0 * math.pi)
    return jnp.sqrt(variance), log_volume - 0.5 * jnp.sum(jnp.log(held), axis=1)
