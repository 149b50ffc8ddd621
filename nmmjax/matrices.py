"""Mass matrices whose light singular values lie many decades below the heavy ones.

A seesaw-like matrix [[m_D, m_H], [m_S, m_Psi]] holds its light values in cancellations that a
general SVD cannot see. Here they come from a compensated determinant (2 x 2) or from the exact
block form (3 + n). Products are formed without any rounding of their own, so a compiler may or
may not contract a*b + c into one operation: the bits stay the same.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float

type Real = Float[Array, "..."] | float

_LOW_BITS = 27  # of 53: both halves of a factor hold at most 26 bits and a sign


class Svd2(NamedTuple):
    """M = N(theta_l) diag(light, heavy) N(theta_r)^T with N(x) = [[cos x, sin x], [-sin x, cos x]].

    light carries the sign of det M; the angles lie in [-pi/2, pi/2].
    """

    light: Float[Array, "..."]
    heavy: Float[Array, "..."]
    theta_l: Float[Array, "..."]
    theta_r: Float[Array, "..."]


class LightBlock(NamedTuple):
    """M_light = a; light left-handed states are the columns of [w_l; -x^dag w_l] U, a = U D V^dag."""

    a: Complex[Array, "3 3"]
    w_l: Complex[Array, "3 3"]
    x: Complex[Array, "3 n"]


def _halves(a):
    """a = high + low exactly: high is a rounded to 26 bits, and constant under `grad`."""
    bits = lax.bitcast_convert_type(lax.stop_gradient(a), jnp.uint64)
    half = jnp.uint64(1 << (_LOW_BITS - 1))
    mask = jnp.uint64(2**64 - (1 << _LOW_BITS))
    high = lax.bitcast_convert_type((bits + half) & mask, jnp.float64)
    return high, a - high


def _product(a_high, a_low, b_high, b_low):
    # Every product here is exact, so fused and separate operations give the same p and e.
    # p is a sum on purpose: a product could be contracted, unrounded, where p is used.
    p = (a_high * b_high + (a_high * b_low + a_low * b_high)) + a_low * b_low
    e = (((a_high * b_high - p) + a_high * b_low) + a_low * b_high) + a_low * b_low
    total = p + e
    return total, (p - total) + e


def two_prod(a: Real, b: Real) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """p, e with p + e = a b exactly and p the rounding of a b; float64.

    Exact while |a|, |b| < 1e300 and |a b| > 1e-275. Source: T. J. Dekker, Numer. Math. 18
    (1971) 224, with the halves cut by bits and p summed from exact products.
    """
    return _product(*_halves(jnp.asarray(a, float)), *_halves(jnp.asarray(b, float)))


@jax.custom_jvp
def _det2(a, b, c, d):
    (p, e), (q, f) = two_prod(a, d), two_prod(b, c)
    return (p - q) + (e - f)


@_det2.defjvp
def _det2_jvp(values, tangents):
    a, b, c, d = values
    da, db, dc, dd = tangents
    return _det2(a, b, c, d), (d * da + a * dd) - (c * db + b * dc)


def det2(a: Real, b: Real, c: Real, d: Real) -> Float[Array, "..."]:
    """a d - b c to 2 ulp of the exact value, whatever the cancellation.

    Differentiable to any order. Source: W. Kahan's a d - b c with `two_prod`.
    """
    return _det2(*(jnp.asarray(x, float) for x in (a, b, c, d)))


def svd2(a: Real, b: Real, c: Real, d: Real) -> Svd2:
    """Singular values and angles of [[a, b], [c, d]], entries in GeV, any shape.

        heavy = [sqrt((a+d)^2 + (b-c)^2) + sqrt((a-d)^2 + (b+c)^2)]/2,   light = (ad - bc)/heavy
        tan 2theta_l = 2(ac + bd)/(c^2 + d^2 - a^2 - b^2),  theta_r: b <-> c

    Heavy is d-like for small angles. Smooth where |light| < heavy (where they are equal
    neither the angles nor `heavy` has a derivative). Entries below 1e150.
    Source: arXiv:2605.19544, eqs. (17), (18), exact form.
    """
    a, b, c, d = (jnp.asarray(x, float) for x in (a, b, c, d))
    heavy = 0.5 * (jnp.sqrt((a + d) ** 2 + (b - c) ** 2) + jnp.sqrt((a - d) ** 2 + (b + c) ** 2))
    square, skew = (d - a) * (d + a), (c - b) * (c + b)
    theta_l = 0.5 * jnp.arctan2(2.0 * det2(a, b, -d, c), square + skew)
    theta_r = 0.5 * jnp.arctan2(2.0 * det2(a, c, -d, b), square - skew)
    return Svd2(det2(a, b, c, d) / heavy, heavy, theta_l, theta_r)
