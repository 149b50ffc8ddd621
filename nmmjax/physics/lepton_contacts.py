r"""Contact interactions of charged leptons from one loop of a heavy fermion F and a scalar phi.

    L = - sum_ma c_m y_a Fbar_m phi_m^* l_a^c + h.c.,   t = m_F^2/m_phi^2,   K = 16 pi^2

where F is a Dirac fermion and the lepton's charge is split, Q_m on F_m and 1 - Q_m on phi_m.
Beside the dipoles A of `decays`, two operators of left-handed leptons appear at order 1/m^2, by an
off-shell photon and by the box with two F and two phi:

    L = -e^2 B_ab (lbar_a gamma P_L l_b) sum_f Q_f fbar gamma f
        + X_ab (lbar_a gamma P_L l_b)(lbar_a gamma P_L l_a)

The Z is left out: masses that conserve T3, split or not, leave its coupling at q^2 = 0 as it is,
and q^2/m_Z^2 is small.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.physics import decays
from nmmjax.physics.constants import Constants
from nmmjax.physics.dark_loops import stieltjes
from nmmjax.physics.neutrinos import FLAVOURS
from nmmjax.physics.numbers import SIXTEEN_PI2, squared

type Real = Float[Array, "*b"]


class Contacts(NamedTuple):
    """Coefficients of the operators above, rows a, columns b, in GeV^-2."""

    photon: Float[Array, "3 3"]  # B
    box: Float[Array, "3 3"]  # X


def P_S(t: Real) -> Real:
    r"""Off-shell photon on the scalar: (1/6) \int_0^1 s^3 ds/(s + t (1-s)).

        = (2 - 9t + 18t^2 - 11t^3 + 6t^3 ln t)/(36 (1-t)^4);   P_S(0) = 1/18, P_S(1) = 1/24

    t > 0. Source: derived; hep-ph/9510309, A_1 of neutralinos, is P_S/(16 pi^2).
    """
    return stieltjes(3, (t, jnp.ones_like(t)), (1, 4)) / 6.0


def P_F(t: Real) -> Real:
    r"""Off-shell photon on the fermion: (1/6) \int_0^1 s^3 [2/(1-s+st) + t/(1-s+st)^2] ds.

        = -(16 - 45t + 36t^2 - 7t^3 + 12 ln t - 18t ln t)/(36 (1-t)^4)

    P_F(1) = 1/8, -(1/3) ln t at 0.

    t > 0. Source: derived; hep-ph/9510309, A_1 of charginos, is P_F/(16 pi^2).
    """
    one = jnp.ones_like(t)
    return (2.0 * stieltjes(0, (t, one), (1, 4)) + t * stieltjes(0, (t, one), (2, 3))) / 6.0


def D_box(t: Real) -> Real:
    r"""Box of two equal fermions and two equal scalars: \int_0^\infty u^2 du/[(u+t)^2 (u+1)^2].

        = (1 - t^2 + 2t ln t)/(1-t)^3;   D_box(0) = 1, D_box(1) = 1/3

    t > 0. Source: derived; hep-ph/9510309, J_4 of equal masses is -D_box/(16 pi^2 m_phi^2).
    """
    return stieltjes(2, (t, jnp.ones_like(t)), (2, 2))


def contacts(
    y: Float[Array, "3"],
    weights: Float[Array, " m"],
    charges: Float[Array, " m"],
    m_f: Real,
    m_s: Real,
    colors: int,
) -> Contacts:
    """B and X for couplings y_a; `weights` c_m^2 add up to 1, `charges` are Q_m.

        B_ab = (N_c/K m_phi^2) y_a y_b sum_m c_m^2 [(1 - Q_m) P_S + Q_m P_F]
        X_ab = - (N_c/4 K m_phi^2) y_a^3 y_b sum_m c_m^4 D_box

    Both exchanges of the box are X: its matrix element is that of the operator.
    """
    t, unit = (m_f / m_s) ** 2, colors / (SIXTEEN_PI2 * m_s**2)
    charge = jnp.sum(weights * charges)
    photon = unit * ((1.0 - charge) * P_S(t) + charge * P_F(t))
    box = -0.25 * unit * jnp.sum(weights**2) * D_box(t)
    pairs = y[:, None] * y[None, :]
    return Contacts(photon * pairs, box * y[:, None] ** 2 * pairs)


def rates(
    dipoles: decays.Dipoles, z: Complex[Array, "3 3"], found: Contacts, sm: Constants
) -> dict[str, Array]:
    r"""br_mu_3e, br_tau_3l, cr_mu_e_* of dipoles, Z couplings z (`flavour_violation`) and contacts.

    With all coefficients over 2 sqrt2 G_F, a = e^2 A_ab, for l_b -> 3 l_a:

        G_L = -4 sqrt2 G_F z g_L + e^2 B + X,   G_R = -4 sqrt2 G_F z g_R + e^2 B
        BR  = [2 |G_L|^2 + |G_R|^2 + 4 Re a*(2 G_L + G_R)
               + 16 |a|^2 (ln(m_b/m_a) - 11/8)] BR(l_b -> l_a nu nubar)
        CR  = 4 m_mu^5 |c_p V_p + c_n V_n - (e/8) A D|^2/Gamma_capture
        c_p = -sqrt2 G_F z (1 - 4 s_W^2) - e^2 B,   c_n = sqrt2 G_F z

    to relative order m_a/m_b; the opposite dipole, m_a/m_b A_ba*, interferes with nothing.
    Source: hep-ph/9510309, with the logarithm of hep-ph/9909265, eq. (117); hep-ph/0203110,
    eq. (14). alpha = alpha(0).
    """
    e_sq = sm.e**2
    values = {}
    leptonic = {(0, 1): 1.0, (0, 2): sm.br_tau_enunu, (1, 2): sm.br_tau_mununu}
    for (a, b), share in leptonic.items():
        name = f"br_{FLAVOURS[b]}_3{FLAVOURS[a]}"
        values[name] = share * _three_leptons(a, b, dipoles, z, found, sm)
    c_p = -math.sqrt(2.0) * sm.g_f * (1.0 - 4.0 * sm.s2w) * z[0, 1] - e_sq * found.photon[0, 1]
    c_n = math.sqrt(2.0) * sm.g_f * z[0, 1]
    other = (sm.m_e / sm.m_mu) ** 2 * squared(dipoles[1, 0])
    for nucleus, x in decays.nuclei().items():
        dipole = 0.125 * sm.e * x.dipole
        coherent = c_p * x.proton + c_n * x.neutron - dipole * dipoles[0, 1]
        rate = 4.0 * sm.m_mu**5 * (squared(coherent) + dipole**2 * other)
        values[f"cr_mu_e_{nucleus.lower()}"] = rate / (x.capture * sm.hbar)
    return values


def _three_leptons(a, b, dipoles, z, found, sm):
    """BR(l_b -> 3 l_a) over that of l_b -> l_a nu nubar."""
    unit, e_sq = 2.0 * math.sqrt(2.0) * sm.g_f, sm.e**2
    m_a, m_b = (getattr(sm, f"m_{FLAVOURS[i]}") for i in (a, b))
    photon = e_sq * found.photon[a, b] / unit
    left = -2.0 * z[a, b] * (sm.s2w - 0.5) + photon + found.box[a, b] / unit
    right = -2.0 * z[a, b] * sm.s2w + photon
    dipole, other = e_sq * dipoles[a, b] / unit, e_sq * dipoles[b, a] / unit * m_a / m_b
    between = jnp.real(jnp.conj(dipole) * (2.0 * left + right))
    log = 16.0 * (math.log(m_b / m_a) - 11.0 / 8.0)
    contact = 2.0 * squared(left) + squared(right)
    return contact + 4.0 * between + log * (squared(dipole) + squared(other))
