r"""Where the neutrinos of arXiv:2603.25704 have a moment and no mass at one loop.

With f(x) = \int t (t + m^2 - m_D^2)/[d (t + x)] dt, d = (t + M_1^2)(t + M_2^2), the mass is
M_nu = y* K y^dag, K = m/(32 pi^2) [f(M_I^2) - f(M_R^2)], a function of matrices (an infinite
constant of f drops out). 1/(t + x) is totally positive and the integrand changes sign once, and so
f' does at most once: no value of f belongs to more than two x. K = 0 with M_R^2 and M_I^2 that do
not commute (the moment) therefore needs, up to the order of A_1 and A_2,

    M_H1 = M_A1,   M_H2 = M_A2,   f(M_H1^2) = f(M_H2^2)

at any mixing angles, and the last fixes m_D. Three conditions: what else there is of a moment with
a mass below its natural size lies in a tube around these points, as thin as the mass is small.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from nmmjax.physics.dark_loops import TAIL, grid_sums

_STEPS = 8  # Newton steps from m_D^2 = m_1 m_2; the last gives the derivative

type Scalar = Float[Array, ""] | float


def dirac_mass(m: Scalar, m_1: Scalar, m_2: Scalar, count: int) -> Float[Array, ""]:
    r"""Return the m_D at which f(m_1^2) = f(m_2^2), in GeV.

        m_D^2 - m^2 = I_2/I_1,   I_p = \int t^p dt/[(t + M_1^2)(t + M_2^2)(t + m_1^2)(t + m_2^2)]

    M_1,2 = m -+ m_D. There is one for any m_1, m_2 > 0 (and for m_1 = m_2, where f' = 0); it lies
    above (m_1 m_2)^(1/2) for small m. `count` nodes in ln t.
    """

    def off(u):
        """ln(I_2/I_1) - u, u = ln(m_D^2 - m^2)."""
        m_dirac = jnp.sqrt(m**2 + jnp.exp(u))
        poles = ((m - m_dirac) ** 2, (m + m_dirac) ** 2, m_1**2, m_2**2)
        first, second = _integrals(poles, count)
        return jnp.log(second / first) - u

    def newton(_, u):
        value, slope = jax.jvp(off, (u,), (jnp.ones_like(u),))
        return u - value / lax.stop_gradient(slope)

    start = jnp.log(jnp.asarray(m_1 * m_2, float))
    u = newton(0, lax.stop_gradient(lax.fori_loop(0, _STEPS, newton, start)))
    return jnp.sqrt(m**2 + jnp.exp(u))


def _integrals(poles, count):
    """(I_1, I_2) for these four poles."""
    logs = jnp.log(jnp.stack([jnp.asarray(x) for x in poles]))

    def node(t):
        over = 1.0
        for x in poles:
            over = over / (t + x)
        return t**2 * over, t**3 * over

    return grid_sums(node, jnp.min(logs) - 0.5 * TAIL, jnp.max(logs) + TAIL, count)
