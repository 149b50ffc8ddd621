r"""Neutrino mass that the running of a moment's operator induces below the heavy scale.

The one place for `m_nu_rge`. Both logarithms are one calculation: in unitary gauge only the loop of
a W (or Z) and a lepton joins the dipole's charged (neutral) part to a gauge vertex, and

    sigma^{mu nu} k_mu kslash gamma_nu = -3i k^2

leaves 3 m^2 ln(Lambda^2/m_W^2)/(16 pi^2), m the mass of the boson or, where flavours are
antisymmetric and that part cancels, of the charged lepton.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics.constants import Constants
from nmmjax.physics.numbers import EV, SIXTEEN_PI2, Real


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
    from 1 TeV, confirmed by the loops above (m_W^2 twice and m_Z^2).
    """
    g_sq = _squared_coupling(sm, "SU(2)")
    f = 2.0 + (2.0 / 3.0) * sm.s2w / (1.0 - sm.s2w)
    rate = 9.0 * g_sq**2 * sm.v_ew**2 * f / (16.0 * SIXTEEN_PI2 * sm.m_e)
    return rate * _at_least_one(logarithm(scale, sm.v_ew)) * moment


def majorana_mass(
    moments: Float[Array, "3 3"], scale: Real, sm: Constants, operator: str
) -> Float[Array, ""]:
    r"""Estimate of the Majorana mass in eV that goes with transition moments of flavours.

        max_ab |mu_ab| |m_a^2 - m_b^2|/(2 m_e) [3 g^2 max(1, ln(M/m_W))/K + g_i^2 (M/v)^2/K^2]

    with K = 16 pi^2: running at one loop, and the dimension-5 mass of two loops by power counting.
    moments   mu_ab in mu_B, rows and columns e, mu, tau
    scale     M in GeV
    operator  "SU(2)", with g_i = g, or "hypercharge", with g_i = g' and without the first term

    The first term is derived, and is that of the published running of dimension-7 operators
    (arXiv:1901.10302, arXiv:2306.03008: 16 pi^2 dC_LH/dln mu = -6 g (C_LHW Y Y^dagger + transpose)
    for antisymmetric C_LHW, nothing from C_LHB). The second has no coefficient that the effective
    theory knows: 1 is put in its place. An order of magnitude.
    """
    squares = jnp.array([sm.m_e, sm.m_mu, sm.m_tau]) ** 2
    spin = jnp.max(jnp.abs(moments * (squares[:, None] - squares[None, :]))) / (2.0 * sm.m_e)
    g_sq = _squared_coupling(sm, operator)
    rate = g_sq * (scale / (sm.v_ew * SIXTEEN_PI2)) ** 2
    if operator == "SU(2)":
        rate = rate + 3.0 * g_sq / SIXTEEN_PI2 * _at_least_one(logarithm(scale, sm.m_w))
    return EV * spin * rate


def _squared_coupling(sm: Constants, operator: str) -> float:
    """g^2 or g'^2 at m_Z."""
    share = {"SU(2)": sm.s2w, "hypercharge": 1.0 - sm.s2w}[operator]
    return 4.0 * math.pi / (sm.alpha_inv_mz * share)
