"""Monotone cubics through a published table, of a number or in the logarithms."""

import functools
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int
from scipy.interpolate import PchipInterpolator


def pchip(
    x: Float[Array, "*b"], knots: tuple[float, ...], values: tuple[float, ...]
) -> Float[Array, "*b"]:
    """Monotone cubic through the table (Fritsch-Butland), constant outside it; any shape of x."""
    breaks, coefficients = _coefficients(knots, values)
    c = jnp.asarray(coefficients)
    at = jnp.clip(x, breaks[0], breaks[-1])
    i = jnp.clip(_right_of(breaks, at) - 1, 0, len(breaks) - 2)
    d = at - jnp.asarray(breaks)[i]
    return ((c[0, i] * d + c[1, i]) * d + c[2, i]) * d + c[3, i]


def _right_of(breaks: np.ndarray, x: Float[Array, "*b"]) -> Int[Array, "*b"]:
    """Count the breaks <= x: by bisection on a CPU, one by one elsewhere, which is one launch."""

    def by(method: str) -> Callable[[Array], Array]:
        return lambda x: jnp.searchsorted(jnp.asarray(breaks), x, side="right", method=method)

    return lax.platform_dependent(x, cpu=by("scan"), default=by("compare_all"))


@functools.cache
def _coefficients(
    knots: tuple[float, ...], values: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    spline = PchipInterpolator(knots, values)
    return spline.x, spline.c


@functools.cache
def _logs(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(x) for x in np.log(values))


def log_log(
    mass: Float[Array, "*b"],
    masses: tuple[float, ...],
    limits: tuple[float, ...],
    reach: float = math.inf,
) -> Float[Array, "*b"]:
    """Interpolate ln limit in ln m by PCHIP and exponentiate.

    Beyond the last mass the last slope goes on, and levels off over `reach` in ln m.
    """
    x, y = _logs(masses), _logs(limits)
    log_mass = jnp.log(jnp.maximum(mass, masses[0]))
    slope = float(PchipInterpolator(x, y)(x[-1], 1))
    beyond = jnp.maximum(log_mass - x[-1], 0.0)
    if reach < math.inf:
        beyond = reach * jnp.tanh(beyond / reach)
    return jnp.exp(pchip(log_mass, x, y) + slope * beyond)
