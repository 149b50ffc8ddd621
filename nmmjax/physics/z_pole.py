r"""Z pole, muon decay and universality when the leptons e, mu, tau mix with heavy ones.

The Fermi constant of muon decay is no longer that of v: G_mu = k G_F with G_F = 1/(sqrt2 v^2). All
observables are the Standard Model's prediction times, or plus, what changes: radiative corrections
are those of the Standard Model. Couplings of the Z are in units of g/cos theta_W.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from nmmjax.physics.constants import Constants
from nmmjax.physics.matrices import normed
from nmmjax.physics.neutrinos import FLAVOURS
from nmmjax.physics.numbers import SQRT2, square_root, squared

type Real = Float[Array, ""]
type Three = Float[Array, "3"]

# Standard Model. Widths in MeV: arXiv:1401.2447, eq. (28) and Table 5, error 0.012 of the leptons,
# at m_h = 125.13, m_t = 172.6, m_Z = 91.1879 GeV, alpha_s = 0.118, Delta alpha = 0.05907.
GAMMA_Z = {"ee": 83.961, "mumu": 83.961, "tautau": 83.771}
GAMMA_Z_NU = 167.151  # one neutrino
M_W = 80.356  # GeV: hep-ph/0311148, eq. (6), with the same inputs
SIN2_EFF = 0.23148  # average of PDG 2026 (S044SEF), in place of the prediction; +-0.00012


class Currents(NamedTuple):
    """What mixing changes in the weak currents of e, mu, tau: zeros without it."""

    charged: Three  # (N N^dag)_aa - 1, N the matrix of the light charged current
    left: Three  # shift of g_L of Z -> l_a l_a
    right: Three  # shift of g_R
    neutral: Real  # 4 sum_ij |g_ij|^2 - 3 of the light neutrinos


def triplet_currents(
    theta: Complex[Array, "3 n"], m_psi: Float[Array, " n"], sm: Constants
) -> Currents:
    r"""Currents of leptons that mix with vector-like triplets (Y = 0) of masses m_psi, GeV.

    nu mixes with Psi^0 by Theta, l^- with Psi^- by sqrt2 Theta' with Theta'_ai =
    Theta_ai/(1 - m_a^2/m_i^2); Psi^0 and Psi^- have T3 = 0 and -1 on both sides. With
    eps = Theta Theta^dag:
        N N^dag - 1 = Theta (1 + Theta^dag Theta)^-1 Theta^dag                  ~ eps
        delta g_L   = -[Theta' (1 + 2 Theta'^dag Theta')^-1 Theta'^dag]_aa      ~ -eps_aa
        delta g_R   = sum_i (m_a^2/m_i^2) times the part of i in 2 delta g_L
        neutrinos   4 sum |g|^2 = tr (1 + eps)^-2
    To (m_l/m_psi)^2 Theta^4 where several flavours mix, exact for one. Source: the currents of
    arXiv:2605.19544, Eq. 7; to first order arXiv:0707.4058.
    """
    ratio = np.array([[sm.m_e], [sm.m_mu], [sm.m_tau]]) / m_psi[None, :]
    y = normed(theta)
    share = squared(normed(theta * (SQRT2 / (1.0 - ratio**2))))
    nu = jnp.sum(squared(y)), jnp.sum(squared(jnp.sum(jnp.conj(y)[:, :, None] * y[:, None], 0)))
    return Currents(
        charged=jnp.sum(squared(y), axis=1),
        left=-0.5 * jnp.sum(share, axis=1),
        right=-jnp.sum(share * ratio**2, axis=1),
        neutral=nu[1] - 2.0 * nu[0],
    )


def unmixed() -> Currents:
    """Currents of the Standard Model."""
    return Currents(jnp.zeros(3), jnp.zeros(3), jnp.zeros(3), jnp.zeros(()))


def muon_shift(currents: Currents) -> Real:
    """G_mu/G_F - 1 = [(N N^dag)_ee (N N^dag)_mumu]^(1/2) - 1."""
    return jnp.expm1(0.5 * (jnp.log1p(currents.charged[0]) + jnp.log1p(currents.charged[1])))


def weak_angle(sin2: float, shift: Real) -> Real:
    """sin^2 theta_W from s^2 c^2 = pi alpha/(sqrt2 G_F m_Z^2), G_F = G_mu/(1 + shift).

    sin2   its value without a shift; on shell the same relation holds, with its Delta r
    1/2 where the relation has no solution: shift above 0.40, a hundred times what is allowed.
    """
    product, cosine = sin2 * (1.0 - sin2), 1.0 - 2.0 * sin2
    moved = jnp.minimum(4.0 * product * shift, cosine**2)
    return sin2 + 0.5 * moved / (cosine + square_root(cosine**2 - moved))


def observables(currents: Currents, shift: Real, sm: Constants) -> dict[str, Array]:
    r"""Widths in MeV (gamma_z_inv in GeV), m_w in GeV, sin2_eff, delta_g_mu, ckm_row_1.

        Gamma_a = Gamma_SM (G_F/G_mu) f(g_L, g_R)/f(g_L, g_R of the Standard Model),
        f = (g_L^2 + g_R^2)(1 - x) + 6 x g_L g_R,  x = m_a^2/m_Z^2,
        |V_ud|^2 + |V_us|^2 + |V_ub|^2 as measured with electrons: (N N^dag)_ee (G_F/G_mu)^2

    shift   G_mu/G_F - 1: `muon_shift`, or of whatever else contributes to muon decay
    sin2_eff is that of fermions that do not mix. To first order in eps
        d Gamma_a/Gamma_a = 4.28 eps_aa - 0.60 (eps_ee + eps_mumu),
        d sin2_eff = 0.165 (eps_ee + eps_mumu).
    Source: derived, with alpha, m_Z and G_mu as inputs.
    """
    s2 = weak_angle(SIN2_EFF, shift)
    x = np.array([sm.m_e, sm.m_mu, sm.m_tau]) ** 2 / sm.m_z**2
    changed = _rate(s2 - 0.5 + currents.left, s2 + currents.right, x)
    rates = changed / _rate(SIN2_EFF - 0.5, SIN2_EFF, x) / (1.0 + shift)
    widths = {
        f"gamma_z_{a}": width * rate
        for (a, width), rate in zip(GAMMA_Z.items(), rates, strict=True)
    }
    nu = 1e-3 * GAMMA_Z_NU * (3.0 + currents.neutral) / (1.0 + shift)
    on_shell = weak_angle(1.0 - (M_W / sm.m_z) ** 2, shift)
    return widths | {
        "gamma_z_inv": nu,
        "sin2_eff": s2,
        "delta_g_mu": shift,
        "m_w": sm.m_z * jnp.sqrt(1.0 - on_shell),
        "ckm_row_1": (1.0 + currents.charged[0]) / (1.0 + shift) ** 2,
    }


def universality(currents: Currents) -> dict[str, Array]:
    """g_tau/g_mu, g_tau/g_e and g_mu/g_e of the charged current, by the norms of its rows."""
    g = dict(zip(FLAVOURS, jnp.sqrt(1.0 + currents.charged), strict=True))
    return {
        "g_tau_over_g_mu": g["tau"] / g["mu"],
        "g_tau_over_g_e": g["tau"] / g["e"],
        "g_mu_over_g_e": g["mu"] / g["e"],
    }


def _rate(left, right, x):
    return (left**2 + right**2) * (1.0 - x) + 6.0 * x * left * right


def triplet_observables(
    theta: Complex[Array, "3 n"], m_psi: Float[Array, " n"], sm: Constants
) -> dict[str, Array]:
    """All observables of this module for leptons that mix with triplets."""
    currents = triplet_currents(theta, m_psi, sm)
    return observables(currents, muon_shift(currents), sm) | universality(currents)


def one_flavour(mixing: Real, lepton: str) -> Complex[Array, "3 1"]:
    """Theta of one triplet that mixes with one lepton, e, mu or tau."""
    return jnp.zeros((3, 1), complex).at[FLAVOURS.index(lepton), 0].set(mixing)
