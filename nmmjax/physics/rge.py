r"""Neutrino mass that the running of a moment's operator induces below the heavy scale.

The one place for `m_nu_rge`: of Dirac neutrinos with a coefficient that is derived and checked,
of Majorana neutrinos with coefficients FROM MEMORY, good for an order of magnitude only.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics.constants import Constants
from nmmjax.physics.numbers import SIXTEEN_PI2, Real

_TEV = 1e3  # GeV
# mu_B per eV: moment that a mass by one loop (per ln(M^2/m_W^2)) or by two (at M = 1 TeV) allows.
# hep-ph/0606248 for its SU(2) and its hypercharge dipole, both from memory, neither confirmed.
_ALLOWED = {"SU(2)": (1e-10, 1e-9), "hypercharge": (math.inf, 4e-9)}


def logarithm(scale: Real, low: float) -> Float[Array, "..."]:
    """ln(scale/low): what `rge_log` shows. Leading logarithms are a guess where it is below 1."""
    return jnp.log(jnp.asarray(scale / low))


def _at_least_one(log: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """max(log, 1): without a large logarithm the matching at one loop has the same size."""
    return jnp.maximum(log, 1.0)


def dirac_mass(moment: Real, scale: Real, sm: Constants) -> Float[Array, "..."]:
    r"""Dirac mass in GeV by running of the SU(2) dipole operator from `scale` (GeV) down to v.

        9 g^4 v^2 (2 + (2/3) tan^2 theta_W) max(1, ln(scale/v)) moment/(256 pi^2 m_e)

    moment   in mu_B, signed; the mass has its sign
    scale    heaviest mass in the loop of the moment, where the operator is matched
    Leading logarithm with fixed couplings: 5 to 10% per decade. Below e v = 669 GeV an estimate:
    the logarithm is no longer large, and the finite part that it leaves out no longer small.
    Source of the coefficient: hep-ph/0504134 with the SU(2) dipole alone; 235 eV for 1e-12 mu_B
    from 1 TeV, confirmed by a second derivation.
    """
    g_sq = 4.0 * math.pi / (sm.alpha_inv_mz * sm.s2w)
    f = 2.0 + (2.0 / 3.0) * sm.s2w / (1.0 - sm.s2w)
    rate = 9.0 * g_sq**2 * sm.v_ew**2 * f / (16.0 * SIXTEEN_PI2 * sm.m_e)
    return rate * _at_least_one(logarithm(scale, sm.v_ew)) * moment


def majorana_mass(
    moments: Float[Array, "3 3"], scale: Real, sm: Constants, operator: str
) -> Float[Array, ""]:
    r"""Estimate of the Majorana mass in eV that goes with transition moments of flavours.

        max_ab |mu_ab| |m_a^2 - m_b^2|/m_tau^2 [2 max(1, ln(M/m_W))/a_1 + (M/TeV)^2/a_2]

    moments   mu_ab in mu_B, rows and columns e, mu, tau
    scale     M in GeV
    operator  "SU(2)" with a_1 = 1e-10, a_2 = 1e-9, or "hypercharge" with a_2 = 4e-9 alone, in mu_B

    Source of the coefficients: hep-ph/0606248, from memory and unconfirmed: an order of magnitude.
    """
    one_loop, two_loops = _ALLOWED[operator]
    squares = jnp.array([sm.m_e, sm.m_mu, sm.m_tau]) ** 2
    spin = jnp.max(jnp.abs(moments * (squares[:, None] - squares[None, :]))) / sm.m_tau**2
    run = 2.0 * _at_least_one(logarithm(scale, sm.m_w))
    return spin * (run / one_loop + (scale / _TEV) ** 2 / two_loops)
