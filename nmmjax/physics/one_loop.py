"""Dimensionless one-loop functions: elementwise, guarded, smooth under `jax.grad`.

With t = m_F^2/M_S^2, q = 1/(1+t) and z = (t-1)/(t+1) = tanh(ln(t)/2), every function of t is a
polynomial in q, z and t times the even, slowly varying kernel

    B(t) = (artanh z - z)/z^3,    B(1) = 1/3,    B(1/t) = B(t),

so nothing cancels anywhere on 0 < t < inf and one logarithm serves them all. Its slope is the
next kernel of the same family (`kernels.kernel`), from which B itself follows. Differences of L
are divided differences of entire functions: exact for any splitting, and no quadrature.

Derived and verified functions; where arXiv:2605.19544 prints others, the docstring says so.
Errors quoted are the largest relative ones found against 50-digit arithmetic, for the value
and, after the slash, its first derivatives (forward and reverse); see test_errors.py.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import factorial, zeta

from nmmjax.physics.kernels import divided, forward, horner, kernel
from nmmjax.physics.staging import kept

type Real = Float[Array, "..."] | float

_SHC_SERIES = 1.0 / factorial(2 * np.arange(12) + 1)  # sinh(x)/x in x^2
_COSH_SERIES = 1.0 / factorial(2 * np.arange(12))  # cosh(x) in x^2
_COTH_RADIUS = 0.25  # the series of x coth x converges to pi
_COTH_SERIES = np.concatenate(
    [[1.0], -2.0 * zeta(2 * np.arange(1, 8)) / (-(np.pi**2)) ** np.arange(1, 8)]
)


def _kernel(t):
    """q = 1/(1+t), z = (t-1)/(t+1) and B(t)."""
    q = 1.0 / (1.0 + t)
    return q, (t - 1.0) * q, kernel(1, t)


def _l(t):
    q, z, b = _kernel(t)
    return 2.0 * q * (1.0 + z * z * b)


def L(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Mass loop L = ln t/(t-1) = 2q (1 + z^2 B), 0 < t < inf.

    L(1) = 1, L(1/t) = t L(t), dL/dln t = -G(1/t)/t. Error 5e-16 / 8e-16.
    Source: the function of arXiv:2605.19544, eqs. (45), (55), there of s = 1/t.
    """
    return forward(_l, t)


def _g(t):
    q, z, b = _kernel(t)
    return q * (1.0 - 2.0 * q * z * b)


def G(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""Dipole of a neutral fermion, G = (t-1-ln t)/(t-1)^2 = q (1 - 2qzB), 0 < t < inf.

        G(t) = \int_0^1 y/(1+(t-1)y) dy = I_F + I_S,   mu = e Q m_F a b G(t)/(16 pi^2 M_S^2)

    G(1) = 1/2, t G(t) + G(1/t)/t = 1. Error 6e-16 / 8e-16.
    Source: derived (photon on fermion plus on scalar), arXiv:2506.15777; 2605.19544 has -Gm.
    """
    return forward(_g, t)


def _gm(t):
    q, _, b = _kernel(t)
    return 2.0 * q * q * b


def Gm(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """I_F - I_S = ((1+t) ln t - 2(t-1))/(t-1)^3 = 2 q^2 B, 0 < t < inf.

    Gm(1) = 1/6. Error 2e-15 / 3e-15. Source: minus this stands in arXiv:2605.19544,
    eqs. (42), (54), in the place of G (kept for `as_printed`).
    """
    return forward(_gm, t)


def _i_f(t):
    q, _, b = _kernel(t)
    return 0.5 * q * (1.0 + 4.0 * q * q * b)


def I_F(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""Photon on the fermion, \int_0^1 y^2/(1+(t-1)y) dy = q (1 + 4 q^2 B)/2, 0 < t < inf.

    I_F(1) = 1/3. Error 9e-16 / 2e-15. Source: derived; a charged external
    fermion has Q_F I_F + Q_S I_S.
    """
    return forward(_i_f, t)


def _i_s(t):
    q, _, b = _kernel(t)
    return 0.5 * q * (1.0 - 4.0 * (t * q) * q * b)


def I_S(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""Photon on the scalar, \int_0^1 y(1-y)/(1+(t-1)y) dy = q (1 - 4 t q^2 B)/2, 0 < t < inf.

    I_S(1) = 1/6. Error 7e-16 / 5e-15. Source: derived, as for I_F.
    """
    return forward(_i_s, t)


def F(m: Real, M: Real, mu_R: Real) -> Float[Array, "..."]:
    """Mass loop in the MSbar scheme, L(m^2/M^2) + ln(m^2/mu_R^2) - 1; all three in GeV, > 0.

    Equals -B0(0; m, M) and is symmetric: F = ln(m/mu_R) + ln(M/mu_R) + z^2 B.
    Error 5e-16 of the logarithms in it. Source: derived, for arXiv:2605.19544.
    """
    return jnp.log(m / mu_R) + jnp.log(M / mu_R) + forward(_tail, jnp.asarray((m / M) ** 2))


def _tail(t):
    _, z, b = _kernel(t)
    return z * z * b


def _near_weights(u, du):
    """Means of G(1/t)/t and of t G(t) over ln t in [u, u+du]; they add to 1. |du| < 1.

    With s = u + du/2 and d = du/2 they are (1 -+ sigma)/2,
    sigma = (sinh s - s sinh(d)/d)/(cosh s - cosh d): both differences vanish as s^2 - d^2.
    """
    d = 0.5 * du
    s = u + d
    inner = jnp.abs(s) < 1.0
    s_in = jnp.where(inner, s, 0.0)
    shc, shc_slope = divided(_SHC_SERIES, s_in * s_in, d * d)
    cosh, cosh_slope = divided(_COSH_SERIES, s_in * s_in, d * d)
    half_sigma = 0.5 * s_in * shc_slope / cosh_slope
    a = jnp.where(inner, 2.0, jnp.abs(s))
    e = jnp.exp(-a)
    small = e * (e - cosh + a * shc) / (1.0 + e * e - 2.0 * e * cosh)  # (1 - |sigma|)/2
    w = jnp.where(s > 0.0, small, 1.0 - small)
    w_c = jnp.where(s > 0.0, 1.0 - small, small)
    return jnp.where(inner, 0.5 - half_sigma, w), jnp.where(inner, 0.5 + half_sigma, w_c)


def _coth(h):
    """p, s with h coth h = p + s h: s = sign(h) outside the series, 0 inside."""
    near = jnp.abs(h) < _COTH_RADIUS
    series = horner(_COTH_SERIES, jnp.where(near, h * h, 0.0))
    a = jnp.where(near, 1.0, jnp.abs(h))
    e = jnp.exp(-2.0 * a)
    return jnp.where(near, series, 2.0 * a * e / (1.0 - e)), jnp.where(near, 0.0, jnp.sign(h))


def _far_integrals(u, du):
    """The weights of `_near_weights` times du, from L = h coth h - h at both ends. |du| > 1."""
    h = 0.5 * u
    (p_0, s_0), (p_1, s_1) = _coth(h), _coth(h + 0.5 * du)
    odd = p_0 - p_1 + h * (s_0 - s_1)
    return 0.5 * (1.0 - s_1) * du + odd, 0.5 * (1.0 + s_1) * du - odd


@jax.custom_jvp
def _dl(u, du):
    near = jnp.abs(du) < 1.0
    w, _ = _near_weights(u, jnp.where(near, du, 0.5))
    far, _ = _far_integrals(u, jnp.where(near, 2.0, du))
    return -jnp.where(near, w * du, far)


@_dl.defjvp
def _dl_jvp(primals, tangents):
    value, slope, w, _ = _with_slopes(_dl.fun, *primals, primals[1])
    return value, slope * tangents[0] - w * tangents[1]


def _with_slopes(f, u, du, *rest):
    """f, its slope in u, and G(1/t)/t and t G(t) at the end of the line, ln t = u + du."""
    value, slope = jax.jvp(lambda moved: f(moved, *rest), (u,), (jnp.ones_like(u),))
    t = jnp.exp(u + du)
    q, z, b = _kernel(t)
    p = t * q
    weights = q * (1.0 + 2.0 * p * z * b), p * (1.0 - 2.0 * q * z * b)
    return kept((value, slope, *weights))


def dL(u: Real, du: Real) -> Float[Array, "..."]:
    """L(e^(u+du)) - L(e^u) for any logarithm u and splitting du, to full relative accuracy.

    The splitting is an argument of its own: u+du is never rounded away. |u|, |u+du| < 350.
    Error 7e-15 / 7e-15 for |u| < 69, of which |u| half-ulps are the rounding of u itself.
    Source: derived; enters arXiv:2605.19544, eqs. (45), (55).
    """
    return _dl(*_same_shape(u, du))


def _same_shape(*x):
    return jnp.broadcast_arrays(*(jnp.asarray(each, float) for each in x))


@jax.custom_jvp
def _fsplit(u, d_m, d_s):
    du = d_m - d_s
    near = jnp.abs(du) < 1.0
    w, w_c = _near_weights(u, jnp.where(near, du, 0.5))
    du_far = jnp.where(near, 2.0, du)
    far, far_c = _far_integrals(u, du_far)
    return jnp.where(near, w_c * d_m + w * d_s, (far_c * d_m + far * d_s) / du_far)


@_fsplit.defjvp
def _fsplit_jvp(primals, tangents):
    u, d_m, d_s = primals
    value, slope, w, w_c = _with_slopes(_fsplit.fun, u, d_m - d_s, d_m, d_s)
    return value, slope * tangents[0] + w_c * tangents[1] + w * tangents[2]


def Fsplit(ln_m2: Real, ln_M2: Real, d_ln_m2: Real, d_ln_M2: Real) -> Float[Array, "..."]:
    r"""F(m_1, M_1) - F(m_2, M_2), where ln m_1^2 = ln_m2 + d_ln_m2, ln M_1^2 = ln_M2 + d_ln_M2.

        \int [t G(t) dln m^2 + G(1/t)/t dln M^2]  along the straight line: both weights > 0

    so two splittings cancel only where the physics does. Error 3e-16 of
    |d_ln_m2| + |d_ln_M2|. Source: derived.
    """
    return _fsplit(*_same_shape(ln_m2 - ln_M2, d_ln_m2, d_ln_M2))


def mass_split(m2: Real, u2: Real, dm: Real, du: Real) -> Float[Array, "..."]:
    """m_1 L(t_1) - m_2 L(t_2) = dm L(t_1) + m_2 dL, with m_1 = m_2 + dm, ln t_1 = u_2 + du.

    m_2, dm in GeV, u_2 = ln t_2. Error 2e-16, times the cancellation
    between the two terms.
    Source: derived; arXiv:2605.19544, eq. (55).
    """
    return dm * L(jnp.asarray(jnp.exp(u2 + du))) + m2 * dL(u2, du)


def _dl_pair(u, dbar, delta):
    near = jnp.abs(delta) < 1.0
    h = 0.5 * (u + dbar)
    even = _near_even(h, jnp.where(near, 0.5 * delta, 0.25))
    eta = jnp.where(near, 1.0, 0.5 * delta)
    (p_up, s_up), (p_down, s_down), (p, s) = _coth(h + eta), _coth(h - eta), _coth(h)
    far = 0.5 * (p_up + p_down + h * (s_up + s_down - 2.0 * s) + eta * (s_up - s_down)) - p
    return dL(u, dbar) + jnp.where(near, even, far)


def dL_pair(u: Real, dbar: Real, delta: Real) -> Float[Array, "..."]:
    """[L(e^(u+dbar+delta)) + L(e^(u+dbar-delta))]/2 - L(e^u), even in delta.

    For two scalars split by +-delta, whose first-order pieces cancel. With c = u + dbar the
    rest is sinh(eta)^2 (P(h) - P(eta))/(sinh(h)^2 - sinh(eta)^2), h = c/2, eta = delta/2,
    P(x) = x coth x: a positive second difference. Error 4e-15 / 4e-15 of the two
    pieces for |u| < 40, |delta| < 20. Source: derived, for arXiv:2605.19544, section on Model-II.
    """
    return forward(_dl_pair, *(jnp.asarray(x) for x in (u, dbar, delta)))


def _near_even(h, eta):
    """sinh(eta)^2 (P(h) - P(eta))/(sinh(h)^2 - sinh(eta)^2), P(x) = x coth x. |eta| < 1/2."""
    shc, cosh = horner(_SHC_SERIES, eta * eta), horner(_COSH_SERIES, eta * eta)
    inner = jnp.abs(h) < 1.0
    h_in = jnp.where(inner, h, 0.0)
    minus, slope = divided(_SHC_SERIES, (h_in + eta) ** 2, (h_in - eta) ** 2)
    plus = minus + 4.0 * h_in * eta * slope
    series = 2.0 * eta * eta * shc * slope / (horner(_SHC_SERIES, h_in * h_in) * minus * plus)
    a = jnp.where(inner, 2.0, jnp.abs(h))
    e = jnp.exp(-2.0 * a)
    sinh2 = (eta * shc) ** 2
    rise = a * (1.0 + e) / (1.0 - e) - cosh / shc
    return jnp.where(inner, series, 4.0 * e * sinh2 * rise / ((1.0 - e) ** 2 - 4.0 * e * sinh2))
