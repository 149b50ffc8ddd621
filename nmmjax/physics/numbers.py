"""Numbers and elementary functions that the formulas share."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

type Real = Float[Array, "..."] | float

SIXTEEN_PI2 = 16.0 * math.pi**2
SQRT2 = math.sqrt(2.0)
EV = 1e9  # eV per GeV
MASS_SCALE = 0.05  # eV, the scale of (dm2_3l)^(1/2)
PERTURBATIVE = math.sqrt(4.0 * math.pi)  # Yukawa coupling where expansions in it break down


def squared(z: Inexact[Array, "*b"]) -> Float[Array, "*b"]:
    """|z|^2, without the square root that |z| would take."""
    return jnp.real(z) ** 2 + jnp.imag(z) ** 2


def square_root(x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """sqrt(x) with slope 0, not inf, at exactly x = 0; NaN for x < 0 and for NaN."""
    zero = x == 0.0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, x)))


def gap(x: Real, y: Real) -> Any:
    """x^2 - y^2 as (x-y)(x+y): no digit is lost where x and y are close."""
    return (x - y) * (x + y)
