"""Dimensionless one-loop functions: elementwise, guarded, smooth under `jax.grad`.

With t = m_F^2/M_S^2, q = 1/(1+t) and z = (t-1)/(t+1) = tanh(ln(t)/2), every function of t is
rational in q, z and the even, slowly varying kernel

    B(t) = (artanh z - z)/z^3,    B(1) = 1/3,    B(1/t) = B(t),

so no formula below cancels anywhere on 0 < t < inf, and one logarithm serves them all.
Differences of L at nearby points are divided differences of entire functions, not quadratures.
Conventions of arXiv:2605.19544 (couplings) with the derived, verified functions; the bridge
family (arXiv:2506.15777) uses the same kernel. Errors quoted are the worst measured against
50-digit arithmetic in tests/test_loops.py, for the value and the first derivative alike.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import zeta

type Real = Float[Array, "..."] | float

_B_RADIUS = 0.2  # in z^2: 3/z^2 ulps lost by the closed form, 0.2^22 left out of the series
_B_SERIES = 1.0 / (2.0 * np.arange(22) + 3.0)
# x coth x = 1 + sum_k c_k x^2k; radius of convergence pi
_COTH_RADIUS = 0.25
_COTH_SERIES = np.array(
    [1.0] + [-2.0 * (-1.0) ** k * zeta(2 * k) / math.pi ** (2 * k) for k in range(1, 8)]
)
_SHC_SERIES = np.array([1.0 / math.factorial(2 * k + 1) for k in range(11)])  # sinh(x)/x in x^2
_COSH_SERIES = np.array([1.0 / math.factorial(2 * k) for k in range(11)])  # cosh(x) in x^2


def _horner(series, x):
    total = jnp.full_like(x, series[-1])
    for c in series[-2::-1]:
        total = total * x + c
    return total


def _kernel(t):
    """q = 1/(1+t), z = (t-1)/(t+1) and B = (artanh z - z)/z^3."""
    q = 1.0 / (1.0 + t)
    z = (t - 1.0) * q
    w = z * z
    near = w < _B_RADIUS
    # Both branches of `where` are differentiated, so each gets a harmless argument.
    z_far = jnp.where(near, 0.6, z)
    closed = (0.5 * jnp.log(jnp.where(near, 4.0, t)) - z_far) / (z_far * z_far * z_far)
    return q, z, jnp.where(near, _horner(_B_SERIES, jnp.where(near, w, 0.0)), closed)


def L(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """ln t/(t-1)."""
    q, z, b = _kernel(t)
    return 2.0 * q * (1.0 + z * z * b)


def G(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """(t-1-ln t)/(t-1)^2."""
    q, z, b = _kernel(t)
    return q * (1.0 - 2.0 * q * z * b)


def Gm(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """((1+t) ln t - 2(t-1))/(t-1)^3."""
    q, _, b = _kernel(t)
    return 2.0 * q * q * b


def I_F(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """int_0^1 y^2/(1+(t-1)y) dy."""
    q, _, b = _kernel(t)
    return 0.5 * q * (1.0 + 4.0 * q * q * b)


def I_S(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """int_0^1 y(1-y)/(1+(t-1)y) dy."""
    q, _, b = _kernel(t)
    return 0.5 * q * (1.0 - 4.0 * t * q * q * b)


def F(m: Real, M: Real, mu_R: Real) -> Float[Array, "..."]:
    """L(m^2/M^2) + ln(m^2/mu_R^2) - 1."""
    _, z, b = _kernel((m / M) ** 2)
    return jnp.log(m / mu_R) + jnp.log(M / mu_R) + z * z * b


def _divided(series, a, b):
    """f(b) and (f(a)-f(b))/(a-b) of the polynomial with these coefficients."""
    value, slope = jnp.full_like(b, series[-1]), jnp.zeros_like(b)
    for c in series[-2::-1]:
        slope = slope * a + value
        value = value * b + c
    return value, slope


def _coth(h):
    """x coth x at h less s h, with s = sign(h) for |h| > 1/4 and 0 inside; returns both."""
    near = jnp.abs(h) < _COTH_RADIUS
    series = _horner(_COTH_SERIES, jnp.where(near, h * h, 0.0))
    a = jnp.where(near, 1.0, jnp.abs(h))
    e = jnp.exp(-2.0 * a)
    return jnp.where(near, series, 2.0 * a * e / (1.0 - e)), jnp.where(near, 0.0, jnp.sign(h))


def _near_weights(u, du):
    """Means of G(1/t)/t and of t G(t) over ln t in [u, u+du], |du| < 1; they add to 1."""
    d = 0.5 * du
    s = u + d
    inner = jnp.abs(s) < 1.0
    s_in = jnp.where(inner, s, 0.0)
    shc, shc_slope = _divided(_SHC_SERIES, s_in * s_in, d * d)
    cosh, cosh_slope = _divided(_COSH_SERIES, s_in * s_in, d * d)
    sigma = 0.5 * s_in * shc_slope / cosh_slope
    a = jnp.where(inner, 2.0, jnp.abs(s))
    e = jnp.exp(-a)
    small = e * (e - cosh + a * shc) / (1.0 + e * e - 2.0 * e * cosh)
    right = s > 0.0
    w = jnp.where(inner, 0.5 - sigma, jnp.where(right, small, 1.0 - small))
    w_c = jnp.where(inner, 0.5 + sigma, jnp.where(right, 1.0 - small, small))
    return w, w_c


def _far_integrals(u, du):
    """The same times du, from the end points: for |du| > 1."""
    h = 0.5 * u
    (p_0, s_0), (p_1, s_1) = _coth(h), _coth(h + 0.5 * du)
    odd = p_0 - p_1 + h * (s_0 - s_1)
    return 0.5 * (1.0 - s_1) * du + odd, 0.5 * (1.0 + s_1) * du - odd


def dL(u: Real, du: Real) -> Float[Array, "..."]:
    """L(e^(u+du)) - L(e^u)."""
    u, du = jnp.asarray(u), jnp.asarray(du)
    near = jnp.abs(du) < 1.0
    w, _ = _near_weights(u, jnp.where(near, du, 0.5))
    far, _ = _far_integrals(u, jnp.where(near, 2.0, du))
    return -jnp.where(near, w * du, far)


def Fsplit(ln_m2: Real, ln_M2: Real, d_ln_m2: Real, d_ln_M2: Real) -> Float[Array, "..."]:
    """F(m_1, M_1) - F(m_2, M_2)."""
    u, du = jnp.asarray(ln_m2 - ln_M2), jnp.asarray(d_ln_m2 - d_ln_M2)
    near = jnp.abs(du) < 1.0
    w, w_c = _near_weights(u, jnp.where(near, du, 0.5))
    du_far = jnp.where(near, 2.0, du)
    far, far_c = _far_integrals(u, du_far)
    return jnp.where(
        near, w_c * d_ln_m2 + w * d_ln_M2, (far_c * d_ln_m2 + far * d_ln_M2) / du_far
    )


def mass_split(m2: Real, u2: Real, dm: Real, du: Real) -> Float[Array, "..."]:
    """m_1 L(t_1) - m_2 L(t_2) with m_1 = m_2+dm, ln t_1 = u_2+du."""
    return dm * L(jnp.exp(jnp.asarray(u2 + du))) + m2 * dL(u2, du)
