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
from jaxtyping import Array, Complex, Float, Inexact

from nmmjax.physics.numbers import square_root, squared

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
    """M_light = a = U D V^dag; light left-handed states are the columns of [w_l; -x^dag w_l] U."""

    a: Complex[Array, "3 3"]
    w_l: Complex[Array, "3 3"]
    x: Complex[Array, "3 n"]
    y: Complex[Array, "n 3"]


def product(*factors: Array) -> Array:
    """Product of small matrices from left to right, in place of `@`.

    A sum that the compiler fuses with its surroundings under `vmap`, where `@` is one library
    call a matrix: 7 times faster for 3 x 3 matrices on a CPU.
    """
    result = factors[0]
    for factor in factors[1:]:
        result = jnp.sum(result[:, :, None] * factor[None, :, :], axis=1)
    return result


def dagger(m: Array) -> Array:
    """Hermitian conjugate of a matrix."""
    return jnp.conj(m).T


def frobenius(m: Float[Array, ""] | Inexact[Array, "n m"]) -> Float[Array, ""]:
    """(sum |m_ij|^2)^(1/2) with slope 0 where m = 0; the modulus of a number."""
    return square_root(jnp.sum(squared(m))) if m.ndim else jnp.abs(m)


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
    """a d - b c to 2 ulp of the exact value, whatever the cancellation. Error 2e-16.

    Differentiable to any order. Source: W. Kahan's a d - b c with `two_prod`.
    """
    return _det2(*(jnp.asarray(x, float) for x in (a, b, c, d)))


def svd2(a: Real, b: Real, c: Real, d: Real) -> Svd2:
    """Singular values and angles of [[a, b], [c, d]], entries in GeV, any shape.

        heavy = [sqrt((a+d)^2 + (b-c)^2) + sqrt((a-d)^2 + (b+c)^2)]/2,   light = (ad - bc)/heavy
        tan 2theta_l = 2(ac + bd)/(c^2 + d^2 - a^2 - b^2),  theta_r: b <-> c

    Heavy is d-like for small angles. Smooth where |light| < heavy (where they are equal
    neither the angles nor `heavy` has a derivative). Entries below 1e150. Error 4e-16 / 4e-16 of
    values and angles, also where ad and bc agree to the last bit.
    Source: arXiv:2605.19544, eqs. (17), (18), exact form.
    """
    a, b, c, d = (jnp.asarray(x, float) for x in (a, b, c, d))
    heavy = 0.5 * (jnp.sqrt((a + d) ** 2 + (b - c) ** 2) + jnp.sqrt((a - d) ** 2 + (b + c) ** 2))
    square, skew = (d - a) * (d + a), (c - b) * (c + b)
    theta_l = 0.5 * jnp.arctan2(2.0 * det2(a, b, -d, c), square + skew)
    theta_r = 0.5 * jnp.arctan2(2.0 * det2(a, c, -d, b), square - skew)
    return Svd2(det2(a, b, c, d) / heavy, heavy, theta_l, theta_r)


def _real_residual(c, a, b):
    """c - a b of real matrices, in twice the working precision."""
    total, lost = c, jnp.zeros_like(c)
    for column, row in zip(a.T, b, strict=True):
        p, e = two_prod(column[:, None], row[None, :])
        new = total - p
        step = new - total
        lost += (total - (new - step)) - (p + step) - e
        total = new
    return total + lost


@jax.custom_jvp
def _residual(c, a, b):
    """c - a b of complex matrices, in twice the working precision."""
    both = jnp.concatenate([b.real, b.imag])
    swapped = jnp.concatenate([b.imag, b.real])
    real = _real_residual(c.real, jnp.concatenate([a.real, -a.imag], axis=1), both)
    imag = _real_residual(c.imag, jnp.concatenate([a.real, a.imag], axis=1), swapped)
    return lax.complex(real, imag)


@_residual.defjvp
def _residual_jvp(values, tangents):
    c, a, b = values
    dc, da, db = tangents
    return _residual(c, a, b), dc - product(da, b) - product(a, db)


def _solve(m, b):
    if len(m) == 1:
        return (1.0 / m) * b  # m may be real: a division by it would be one of complex numbers
    if len(m) == 2:  # Cramer: elementwise, so it fuses under vmap
        (p, q), (r, s) = m
        return jnp.stack([s * b[0] - q * b[1], p * b[1] - r * b[0]]) / (p * s - q * r)
    return jnp.linalg.solve(m, b)


def inverse(m: Inexact[Array, "n n"]) -> Inexact[Array, "n n"]:
    """m^-1, elementwise for n = 1 and 2."""
    return _solve(m, jnp.eye(len(m)))


def root(h: Inexact[Array, "n n"]) -> Inexact[Array, "n n"]:
    """(1 + h)^(1/2) of a positive Hermitian matrix, smooth where eigenvalues coincide."""
    one = jnp.eye(len(h))
    trace = jnp.trace(h).real
    if len(h) == 1:
        return one * jnp.sqrt(1.0 + trace)
    if len(h) == 2:  # Cayley and Hamilton
        root_det = jnp.sqrt(1.0 + trace + (h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]).real)
        return ((1.0 + root_det) * one + h) / jnp.sqrt(2.0 + trace + 2.0 * root_det)
    return _spectral_root(h)


@jax.custom_jvp
def _spectral_root(h):
    values, vectors = jnp.linalg.eigh(h)
    return product(vectors * jnp.sqrt(1.0 + values)[None, :], dagger(vectors))


@_spectral_root.defjvp
def _spectral_root_jvp(values, tangents):
    # root d + d root = dh; the eigenvectors would divide by differences of eigenvalues.
    (h,), (dh,) = values, tangents
    r, one = _spectral_root(h), jnp.eye(len(h))
    both = jnp.kron(r, one) + jnp.kron(one, r.T)
    return r, jnp.linalg.solve(both, dh.reshape(-1, 1)).reshape(h.shape)


def shrink(x: Complex[Array, "m n"]) -> Complex[Array, "m m"]:
    """(1 + x x^dag)^(-1/2) = 1 - x (r + r^2)^-1 x^dag, r = (1 + x^dag x)^(1/2); smooth."""
    r = root(product(dagger(x), x))
    return jnp.eye(len(x)) - product(x, _solve(r + product(r, r), dagger(x)))


def widened(m: Complex[Array, "k l"], y: Complex[Array, "n l"]) -> Complex[Array, "k l"]:
    """m (1 + y^dag y)^(1/2) = m + m y^dag (1 + r)^-1 y, r = (1 + y y^dag)^(1/2); smooth."""
    r = root(product(y, dagger(y)))
    return m + product(m, dagger(y), _solve(jnp.eye(len(y)) + r, y))


def narrowed(m: Complex[Array, "k l"], y: Complex[Array, "n l"]) -> Complex[Array, "k l"]:
    """m (1 + y^dag y)^(-1/2) = m - m y^dag (r + r^2)^-1 y, r = (1 + y y^dag)^(1/2); smooth."""
    r = root(product(y, dagger(y)))
    return m - product(m, dagger(y), _solve(r + product(r, r), y))


def normed(x: Complex[Array, "m n"]) -> Complex[Array, "m n"]:
    """(1 + x x^dag)^(-1/2) x = x (1 + x^dag x)^(-1/2); smooth."""
    r = root(product(dagger(x), x))
    return dagger(_solve(r, dagger(x)))


def light_block(
    m_d: Complex[Array, "3 3"],
    m_h: Complex[Array, "3 n"],
    m_s: Complex[Array, "n 3"],
    m_psi: Complex[Array, "n n"],
) -> LightBlock:
    """Light 3 x 3 block of the mass matrix [[m_D, m_H], [m_S, m_Psi]], in GeV.

        x = m_H m_Psi^-1,   y = m_Psi^-1 (1 + x^dag x)^-1 (x^dag m_D + m_S)
        a = (1 + x x^dag)^(-1/2) (m_D - x m_S) (1 + y^dag y)^(-1/2)

    The singular values of a are the light ones, to (m_light/m_heavy)^2. m_D - x m_S is summed
    in double precision twice over, so entries that cancel keep their digits. Smooth for any
    m_D, m_H, m_S, also zero, while m_Psi is invertible; the singular vectors of a are the
    caller's. Light values: error 2e-14 / 7e-16, also where m_D and x m_S agree to 1e-15.
    Source: derived, for the mass matrices of arXiv:2605.19544 with several families.
    """
    x = _solve(m_psi.T, m_h.T).T
    # What rounding took from x, worth keeping where m_D - x m_S cancels; it has no derivative.
    x_rest = lax.stop_gradient(_solve(m_psi.T, _residual(m_h, x, m_psi).T).T)
    schur = _residual(m_d, x, m_s) - product(x_rest, m_s)
    metric = jnp.eye(len(m_psi)) + product(dagger(x), x)
    y = _solve(m_psi, _solve(metric, product(dagger(x), m_d) + m_s))
    w_l = shrink(x)
    return LightBlock(product(w_l, schur, shrink(dagger(y))), w_l, x, y)
