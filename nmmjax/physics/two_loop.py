r"""Barr-Freire-Zee two-loop moments: a closed loop of heavy particles between photon, W and scalar.

The inner loop depends on one Feynman parameter x through its squared mass c(x), the outer one
is an integral over the squared loop momentum K, the second divided difference D3. In
y = ln(x/(1-x)) the integrand is analytic in |Im y| < pi and decays exponentially, faster above
than below, over a range that grows with ln(m_s/m_b). The trapezoid rule in s, y = 8 sinh(s/8),
therefore converges exponentially: 94 fixed nodes of step 0.4 reach rounding where even steps in y
take 145 for 1e-12. Where the inner masses are constants the integral over x is done once, for
158 fixed K in geometric progression (|Im ln K| < pi again): a sum of simple poles in m_s^2 is left,
28 times faster than D3 at every x.

Masses in GeV, integrals in GeV^-2. Errors are the largest relative ones found against 30-digit
values, for the value and, after the slash, its derivative (test_errors.py).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.physics.kernels import forward
from nmmjax.physics.one_loop import G, dL

type Real = Float[Array, "..."] | float

_STEP, _STRETCH = 0.4, 8.0
_S = _STEP * np.arange(-54, 40)
_Y = _STRETCH * np.sinh(_S / _STRETCH)  # -59 < y < 27.7
_X, _X_BAR = 1.0 / (1.0 + np.exp(-_Y)), 1.0 / (1.0 + np.exp(_Y))
_DX = _STEP * np.cosh(_S / _STRETCH) * _X * _X_BAR
_K_STEP = 0.45
_K = np.exp(_K_STEP * np.arange(-45, 113))  # in units of m_w^2


def D3(a: Real, b: Real, c: Real) -> Float[Array, "..."]:
    r"""Second divided difference of z ln z at three squared masses > 0.

        D3 = \int_0^\infty K dK/((K+a)(K+b)(K+c)) = [r(a/c) - r(b/c)]/(a-b),  r(z) = z ln z/(z-1)

    Symmetric; no digit is lost at a ~ b or at c ~ a, b. D3(a, a, c) = G(a/c)/c. Derivatives in a
    and b lose a/|a-b| ulps; at a = b exactly the first are right, the second are not.
    |ln(c/a)| < 350. Error 3e-16 / 2e-15, the slopes in a and b times 1 + a/|a-b|.
    Source: derived; r(z) = L(1/z) of `physics.one_loop`.
    """
    a, b = jnp.asarray(a, float), jnp.asarray(b, float)
    same = a == b
    low, gap = jnp.minimum(a, b), jnp.where(same, 1.0, jnp.abs(b - a))
    apart = dL(jnp.log(c / low), -jnp.log1p(gap / low)) / gap
    return jnp.where(same, G(0.5 * (a + b) / c) / c, apart)


def J_up(
    m_s: Float[Array, "*b"],
    m_w: float,
    m_t: float,
    m_b: float,
    q_t: float = 2.0 / 3.0,
    q_b: float = -1.0 / 3.0,
) -> Float[Array, "*b"]:
    r"""Inner fermion loop with the mass flip on the upper component ("top").

        J_up = \int_0^1 dx Q(x) D3(m_w^2, m_s^2, c(x)),
        Q = q_t x + q_b (1-x),   c = (m_t^2 x + m_b^2 (1-x))/(x(1-x))

    m_s charged scalar, GeV, any shape, the only argument to differentiate in; GeV^-2.
    Multiplies y m_t of the coupling y tbar P_L b phi^+ (see `nmmjax.models.zee`).
    Error 3e-16 / 4e-16 for m_s < 5e4, 6e-15 at 1e6.
    Source: derived (inner tensor from explicit Dirac traces); the muon's analogue has the
    weights of arXiv:1502.04199.
    """
    weight = q_t * _X + q_b * _X_BAR
    return _sum_of_poles(weight, m_s, m_w, m_t, m_b)


def J_down(
    m_s: Float[Array, "*b"],
    m_w: float,
    m_t: float,
    m_b: float,
    q_t: float = 2.0 / 3.0,
    q_b: float = -1.0 / 3.0,
) -> Float[Array, "*b"]:
    r"""Inner fermion loop with the mass flip on the lower component ("bottom").

        J_down = -\int_0^1 dx Q(x) (2-x)/x D3(m_w^2, m_s^2, c(x))

    with Q, c, units and source as `J_up`. Multiplies y' m_b of y' tbar P_R b phi^+.
    Error 3e-16 / 2e-16.
    """
    weight = (q_t * _X + q_b * _X_BAR) * (1.0 + _X_BAR) / _X
    return -_sum_of_poles(weight, m_s, m_w, m_t, m_b)


def J_scalar(m_s: Float[Array, "*b"], m_w: float, m_plus: Real, m_0: Real) -> Float[Array, "*b"]:
    r"""Inner loop of a charged and a neutral scalar: \int_0^1 dx x D3(m_w^2, m_s^2, c(x)).

    c = (m_plus^2 x + m_0^2 (1-x))/(x(1-x)); units as `J_up`. Error 6e-16 / 5e-15 (at m_plus = 150,
    m_0 = 300 GeV); differentiable in every argument.
    Source: derived twice (docs/errata/baselines.md).
    """
    c = jnp.asarray(m_plus**2 / _X_BAR + m_0**2 / _X)
    loops = D3(m_w**2, jnp.asarray(m_s)[..., None] ** 2, _last(c, m_s))
    return jnp.sum(_last(_DX * _X, m_s) * loops, axis=-1)


def _last(nodes, m_s):
    """Numbers at the nodes, on an axis after those of m_s."""
    return nodes.reshape((1,) * jnp.ndim(m_s) + (-1,))


def _sum_of_poles(weight, m_s, m_w, m_up, m_down):
    r"""\int_0^\infty K dK/((K + m_w^2)(K + m_s^2)) \int_0^1 dx weight(x)/(K + c(x))."""
    k = m_w**2 * _K
    inner = np.sum(_DX * weight / (k[:, None] + m_up**2 / _X_BAR + m_down**2 / _X), axis=1)
    residues = _K_STEP * k * _K / (1.0 + _K) * inner

    def total(m_s):
        return jnp.sum(_last(residues, m_s) / (_last(k, m_s) + m_s[..., None] ** 2), axis=-1)

    return forward(total, jnp.asarray(m_s))
