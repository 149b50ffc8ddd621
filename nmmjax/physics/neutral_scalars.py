r"""Charged leptons and the neutral scalars of a second doublet without a vacuum expectation value.

    L = Y_ab lbar_a P_R l_b phi^0 + h.c.,   phi^0 = (H + i A)/sqrt2,   Y real

At tree level they make l_b -> 3 l_a, at one loop the dipoles of `decays`.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics import decays
from nmmjax.physics.constants import Constants
from nmmjax.physics.matrices import product
from nmmjax.physics.moment_loops import N_F
from nmmjax.physics.neutrinos import FLAVOURS
from nmmjax.physics.numbers import SIXTEEN_PI2, gap, squared
from nmmjax.physics.one_loop import I_F

type Real = Float[Array, ""]
type Matrix = Float[Array, "3 3"]


def dipoles(y: Matrix, m_h0: Real, m_a0: Real, sm: Constants) -> Matrix:
    r"""A_l'l of H and A in GeV^-2, with every charged lepton c in the loop, x_k = m_c^2/m_k^2.

        A_l'l = sum_c {[Y_l'c Y_lc + (m_l'/m_l) Y_cl' Y_cl] [N_F(x_H)/m_H^2 + N_F(x_A)/m_A^2]/2
                       + (m_c/m_l) Y_l'c Y_cl [I_F(x_H)/m_H^2 - I_F(x_A)/m_A^2]}/(32 pi^2)

    m_h0, m_a0   masses of H and A, above those of the leptons: external masses are neglected
    Source: hep-ph/0302221; A_ll is the one-loop Delta a of a scalar less that of a pseudoscalar.
    """
    m_l = jnp.array([sm.m_e, sm.m_mu, sm.m_tau])
    kept, flipped = jnp.zeros(3), jnp.zeros(3)
    for mass, sign in ((m_h0, 1.0), (m_a0, -1.0)):
        x = (m_l / mass) ** 2
        kept += 0.5 * N_F(x) / mass**2
        flipped += sign * I_F(x) / mass**2
    ratio = m_l[:, None] / m_l[None, :]
    chiral = product(y * kept[None, :], y.T) + ratio * product(y.T * kept[None, :], y)
    return (chiral + product(y * (flipped * m_l)[None, :], y) / m_l[None, :]) / (2.0 * SIXTEEN_PI2)


def three_leptons(
    dipoles: decays.Dipoles, y: Matrix, m_h0: Real, m_a0: Real, sm: Constants
) -> dict[str, Array]:
    r"""br_mu_3e, br_tau_3l of dipoles and of H and A at tree level.

        G_R = -(1/4)(1/m_H^2 + 1/m_A^2) Y_ba Y_aa,   G'_R the same with Y_ab
        S   = (1/2)(1/m_H^2 - 1/m_A^2) Y_ab Y_aa,    S' the same with Y_ba
        BR  = [G_R^2 + 4 Re a G_R + 16 |a|^2 (ln(m_b/m_a) - 11/8) + S^2/8 + primed]
              BR(l_b -> l_a nu nubar)

    with all coefficients over 2 sqrt2 G_F, a = e^2 A_ab and a' = e^2 (m_a/m_b) A*_ba: by a Fierz
    rearrangement (lbar_a P_R l_b)(lbar_a P_L l_a) is -1/2 of two vector currents. S has two equal
    chiralities on either line and interferes with nothing, to relative order m_a/m_b.
    Source: hep-ph/9909265, eq. (117), in the normalisation of `lepton_contacts.rates`.
    """
    unit = 2.0 * math.sqrt(2.0) * sm.g_f
    plus, minus = m_h0**-2 + m_a0**-2, gap(m_a0, m_h0) / (m_h0 * m_a0) ** 2
    leptonic = {(0, 1): 1.0, (0, 2): sm.br_tau_enunu, (1, 2): sm.br_tau_mununu}
    values = {}
    for (a, b), share in leptonic.items():
        m_a_over_m_b = _mass(a, sm) / _mass(b, sm)
        log = 16.0 * (-math.log(m_a_over_m_b) - 11.0 / 8.0)
        total = jnp.zeros(())
        for out, into, ratio in ((a, b, 1.0), (b, a, m_a_over_m_b)):
            photon = sm.e**2 * ratio * dipoles[out, into] / unit
            scalar = y[into, out] * y[a, a] / unit
            vector = -0.25 * plus * scalar
            total += squared(vector) + 4.0 * vector * jnp.real(photon) + log * squared(photon)
            total += squared(0.5 * minus * scalar) / 8.0
        values[f"br_{FLAVOURS[b]}_3{FLAVOURS[a]}"] = share * total
    return values


def _mass(lepton: int, sm: Constants) -> float:
    return getattr(sm, f"m_{FLAVOURS[lepton]}")
