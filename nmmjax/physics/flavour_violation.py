r"""Lepton-flavour violation by the mixing of charged leptons with heavy SU(2) triplet fermions.

Theta (3 x n) is the mixing of nu with Psi^0, to leading order y_psi v_H/(sqrt2 m_psi); l^- mixes
with Psi^- by sqrt2 Theta. Psi^- has T3 = -1 on both sides, the lepton -1/2 and 0: the Z couples to
lbar_a gamma P_L l_b with g_ab = -(Theta Theta^dagger)_ab, at tree level.
"""

import functools
import itertools
import math

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from nmmjax.physics import decays
from nmmjax.physics.constants import Constants
from nmmjax.physics.kernels import forward, kernel
from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.neutrinos import FLAVOURS
from nmmjax.physics.numbers import SIXTEEN_PI2, squared

type Mixing = Complex[Array, "3 n"]
type Heavy = Float[Array, " n"]


def z_couplings(theta: Mixing) -> Complex[Array, "3 3"]:
    """-Theta Theta^dag = g_ab of (g/cos theta_W) g_ab lbar_a gamma^mu P_L l_b Z_mu, off diagonal.

    To relative order Theta^2. Source: arXiv:0707.4058, the type-III seesaw; derived.
    """
    return -product(theta, dagger(theta))


def etas(z: Complex[Array, "3 3"]) -> dict[str, Array]:
    """eta_ab = |Theta Theta^dag|_ab/2, a <= b."""
    names = itertools.combinations_with_replacement(enumerate(FLAVOURS), 2)
    return {f"eta_{a}{b}": 0.5 * jnp.abs(z[i, j]) for (i, a), (j, b) in names}


def _moments(r):
    """int_0^1 x^k/(1 + (r-1) x) dx, k = 0..3: L, G, I_F and I_F - N_F by one kernel, C of N_F."""
    q = 1.0 / (1.0 + r)
    z, c = (r - 1.0) * q, kernel(2, r)
    b = 1.0 / 3.0 + z * z * c
    i_2 = 0.5 * q * (1.0 + 4.0 * q * q * b)
    n_f = q * (1.0 / 6.0 - 0.5 * q * z * (1.0 / 3.0 - 4.0 * (r * q) * q * c))
    return 2.0 * q * (1.0 + z * z * b), q * (1.0 - 2.0 * q * z * b), i_2, i_2 - n_f


def _w_loop(r, i_0, i_1, i_2, i_3):
    """N and W: (1-x)^2 (2-x) + r x (1-x^2)/2 - 8 (1-x)^2 - 2 r x (1-x)."""
    return -6.0 * i_0 + 11.0 * i_1 - 4.0 * i_2 - i_3 - 0.5 * r * (3.0 * i_1 - 4.0 * i_2 + i_3)


def _z_loop(r, i_1, i_2, i_3):
    """E and Z: -x (1-x)(2-x) - r x^2 (1+x)/2 + 8 x (1-x) + 2 r x^2."""
    return 6.0 * i_1 - 5.0 * i_2 - i_3 + 0.5 * r * (3.0 * i_2 - i_3)


def gauge_amplitude(m_psi: Heavy, sm: Constants) -> Heavy:
    r"""b(m_psi) of the dipole A_ab = (G_F/(4 sqrt2 pi^2)) sum_i Theta_ai Theta*_bi b(m_i).

        4 b = 10/3 - (16/3)(1 + s_W^2) + [A(x_W) - 8/3] + [B(x_Z) + 7/3] + [C(x_h) + 7/3]

    with x_V = m_psi^2/m_V^2 and A, B, C -> 0 for heavy triplets: the loops of light nu and W (with
    U_CC U_CC^dag = 1 + Theta Theta^dag), light l and Z, N and W, E and Z, E and h. The limit is
    -(16/3) s_W^2. Error 2e-15 / 3e-15, the slope relative to b/m_psi where that is larger.
    Source: derived twice, with the vertex integrals of J. P. Leveille, Nucl. Phys. B137 (1978) 63,
    and at large x from the g-2 of W and Z and Goldstone-boson loops. The functions A, B, C agree
    with arXiv:0803.0481 as remembered, its constant 13/3 for our 16/3 does not
    (docs/errata/weak_triplet3.md).
    """
    return forward(functools.partial(_gauge_amplitude, sm), m_psi)


def _gauge_amplitude(sm, m_psi):
    light = 5.0 / 6.0 - (4.0 / 3.0) * (1.0 + sm.s2w)
    bosons = jnp.array([sm.m_w, sm.m_z, sm.m_h])
    x_w, x_z, x_h = (m_psi[None, :] / bosons[:, None]) ** 2
    i_0, i_1, i_2, i_3 = _moments(jnp.stack([x_w, x_z, x_h]))
    w = _w_loop(x_w, i_0[0], i_1[0], i_2[0], i_3[0])
    z = _z_loop(x_z, i_1[1], i_2[1], i_3[1])
    return light + w + z + x_h * (1.5 * i_2[2] - 0.5 * i_3[2])


def _even(t):
    """Psi^- S^0 and Psi^0 S^- together, no chirality flip."""
    _, i_1, i_2, i_3 = _moments(t)
    return 1.5 * i_2 - i_3 - 0.5 * i_1


def _odd(t):
    """Psi^- S^0 and Psi^0 S^- together, with a chirality flip on Psi."""
    _, i_1, i_2, _ = _moments(t)
    return 2.0 * i_2 - i_1


def dipoles(
    theta: Mixing,
    m_psi: Heavy,
    y_t: Inexact[Array, "n n"],
    m_scalar: Float[Array, ""],
    sm: Constants,
) -> decays.Dipoles:
    r"""Dipoles A_ab of `nmmjax.decays`, GeV^-2, to leading order in Theta and in m_l/m_psi.

    Gauge and Higgs loops, `gauge_amplitude`, and those of the scalar triplet S with y_T:
        A_ab = (1/(16 pi^2 M^2)) {a_i a*_i [LL(t_i)] + a_i m_i a'*_i [LR(t_i)]},  t = m_i^2/M^2,
    a = Theta y_T, a' = Theta m_psi^-1 y_T^dag, summed over i, for Psi^0 S^- and Psi^- S^0, whose
    masses are taken equal (M). Estimates: v_S terms, y_e and two-loop running are left out, with
    (m_l/m_W)^2 ln(m_W/m_l)^2 of l = mu (4e-5) and tau (5e-3). Error 2e-15 of what is left.
    """
    t = (m_psi / m_scalar) ** 2
    even, odd = forward(_even, t)[None, :], (m_psi * forward(_odd, t))[None, :]
    loop = product(y_t * even, dagger(y_t)) + product(y_t * odd, y_t / m_psi[None, :])
    gauge = sm.g_f / (4.0 * math.sqrt(2.0) * math.pi**2) * gauge_amplitude(m_psi, sm)
    inner = jnp.diag(gauge) + loop / (SIXTEEN_PI2 * m_scalar**2)
    return product(theta, inner, dagger(theta))


def observables(
    dipole: decays.Dipoles, z: Complex[Array, "3 3"], sm: Constants
) -> dict[str, Array]:
    r"""br_l_l'_gamma and delta_a by the dipole; br_mu_3e, br_tau_3l, cr_mu_e_* by the Z.

        BR(l -> 3 l') = 4 |g_l'l|^2 (2 g_L^2 + g_R^2) BR(l -> l' nu nubar),
        CR = 8 G_F^2 |g_emu|^2 |(1 - 4 s_W^2) V_p - V_n|^2/Gamma_capture

    with g_L = -1/2 + s_W^2, g_R = s_W^2. Dipoles and other loops, of relative order 1e-3, are left
    out of the tree-level rates. Source: hep-ph/9909265, eqs. (77), (116); hep-ph/0203110, eqs. (2),
    (14); the couplings arXiv:0707.4058. Compared with flavio 2.7.1: see `docs/errata`.
    """
    values = decays.observables(dipole, sm)
    strength = squared(z)
    own = 4.0 * (2.0 * (sm.s2w - 0.5) ** 2 + sm.s2w**2)
    values["br_mu_3e"] = own * strength[0, 1]
    values["br_tau_3e"] = own * sm.br_tau_enunu * strength[0, 2]
    values["br_tau_3mu"] = own * sm.br_tau_mununu * strength[1, 2]
    for name, nucleus in decays.nuclei().items():
        overlap = (1.0 - 4.0 * sm.s2w) * nucleus.proton - nucleus.neutron
        rate = 8.0 * sm.g_f**2 * sm.m_mu**5 * overlap**2 * strength[0, 1]
        values[f"cr_mu_e_{name.lower()}"] = rate / (nucleus.capture * sm.hbar)
    return values
