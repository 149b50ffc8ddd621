"""Monotone cubics through a published table, of a number or in the logarithms."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import PchipInterpolator


def pchip(
    x: Float[Array, "*b"], knots: tuple[float, ...], values: tuple[float, ...]
) -> Float[Array, "*b"]:
    """Monotone cubic through the table (Fritsch-Butland), constant outside it; any shape of x."""
    breaks, coefficients = _coefficients(knots, values)
    c = jnp.asarray(coefficients)
    at = jnp.clip(x, breaks[0], breaks[-1])
    i = jnp.clip(jnp.searchsorted(breaks, at, side="right") - 1, 0, len(breaks) - 2)
    d = at - jnp.asarray(breaks)[i]
    return ((c[0, i] * d + c[1, i]) * d + c[2, i]) * d + c[3, i]


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
    mass: Float[Array, "*b"], masses: tuple[float, ...], limits: tuple[float, ...]
) -> Float[Array, "*b"]:
    """PCHIP of ln limit in ln m, exponentiated; beyond the last mass its last slope goes on."""
    x, y = _logs(masses), _logs(limits)
    log_mass = jnp.log(jnp.maximum(mass, masses[0]))
    slope = float(PchipInterpolator(x, y)(x[-1], 1))
    log_limit = pchip(log_mass, x, y) + slope * jnp.maximum(log_mass - x[-1], 0.0)
    return jnp.exp(log_limit)
