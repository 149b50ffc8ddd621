"""Charged-lepton rates from a given dipole against numbers that flavio 2.7.1 printed.

flavio (https://flav-io.github.io, 2.7.1 with particle < 1.0, default parameters) was given one
coefficient at the scale of the process, so that nothing runs: Cgamma = (e/2) m_l A with
e^2 = 4 pi alpha(0) for l -> l', C7 = 2 sqrt2 pi^2 A/G_F for Delta a. The factors between its
rates and ours are known: measured lifetimes and phase space where we take leptonic branching
ratios, and its alpha at 1 and 1.8 GeV in l -> 3l'.
"""

import math

import jax.numpy as jnp
import pytest

from nmmjax.physics import decays
from nmmjax.physics.constants import SM

E, MU, TAU = 0, 1, 2
ALPHA_1_GEV, ALPHA_TAU = 1.020871472578557, 1.0269148787964144  # flavio's alpha over alpha(0)
TAU_TAU, M_TAU = 441111601235.1124, 1.77686  # flavio's tau lifetime in 1/GeV and mass


def tree_width(mass):
    return SM.g_f**2 * mass**5 / (192.0 * math.pi**3)


def phase_space(daughter, mother):
    return (1.0 - (daughter / mother) ** 2) ** 3


MUON = SM.tau_mu / SM.hbar * tree_width(SM.m_mu)
TAU_E = TAU_TAU * tree_width(M_TAU) / SM.br_tau_enunu
TAU_MU = TAU_TAU * tree_width(M_TAU) / SM.br_tau_mununu

PRINTED = [
    ("br_mu_e_gamma", E, MU, 2e-12, 3.207118951924188e-13, MUON * phase_space(SM.m_e, SM.m_mu)),
    ("br_mu_3e", E, MU, 2e-12, 1.997350200240385e-15, ALPHA_1_GEV),
    ("cr_mu_e_au", E, MU, 2e-12, 1.2534791216914448e-15, 1.0),
    ("cr_mu_e_al", E, MU, 2e-12, 8.520219230776794e-16, 1.0),
    ("cr_mu_e_ti", E, MU, 2e-12, 1.3218945277282601e-15, 1.0),
    ("br_tau_e_gamma", E, TAU, 2e-9, 5.701376947042497e-08, TAU_E * phase_space(SM.m_e, M_TAU)),
    ("br_tau_mu_gamma", MU, TAU, 2e-9, 5.64111324208815e-08, TAU_MU * phase_space(SM.m_mu, M_TAU)),
    ("br_tau_3e", E, TAU, 2e-9, 6.146155593325239e-10, TAU_E * ALPHA_TAU),
    ("br_tau_3mu", MU, TAU, 2e-9, 1.3122744765055737e-10, TAU_MU * ALPHA_TAU),
    ("delta_a_mu", MU, MU, 1e-8, 2.2327384624314106e-10, 1.0),
    ("delta_a_e", E, E, 1e-8, 5.222385024428178e-15, 1.0),
]


@pytest.mark.parametrize(("name", "to", "of", "dipole", "printed", "factor"), PRINTED)
def test_rates_against_flavio(name, to, of, dipole, printed, factor):
    dipoles = jnp.zeros((3, 3), complex).at[to, of].set(dipole)
    ours = float(decays.observables(dipoles)[name])
    assert printed == pytest.approx(factor * ours, rel=3e-5)


def test_known_factors():
    assert pytest.approx(1.0043, abs=1e-4) == MUON * phase_space(SM.m_e, SM.m_mu)
    assert pytest.approx(1.0004, abs=1e-4) == TAU_E
    assert abs(TAU_MU * phase_space(SM.m_mu, M_TAU) - 1.0) > 0.01  # 1.7%: no accident of the 3e-5
