"""Tabulated values behind the claims of the talk."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.places import TESTS as HERE
from nmmjax.models.left_right import LeftRight
from nmmjax.models.rpv_susy import RpvSusy
from nmmjax.models.su2_horizontal import SU2Horizontal
from nmmjax.physics.constants import SM
from nmmjax.physics.moment_loops import N_F
from nmmjax.physics.one_loop import G
from nmmjax.physics.trapping import plasma_frequency
from published.baselines import PUBLISHED

NUMBERS = json.loads((HERE / "reference" / "baselines" / "slide_numbers.json").read_text())[
    "numbers"
]


def predict(model, **changes):
    theta = {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}
    return jax.jit(model.predict)(theta)


def left_right_unit(lepton):
    return float(
        predict(LeftRight(lepton=lepton, convention="as_printed"), xi=0.25 * np.pi)["mu_nu"]
    )


def su2_coupling(moment):
    """f f' sin 2alpha that gives this moment at m_h = 100 GeV and a decoupled H."""
    point = {"f": 0.1, "f_prime": 0.1, "alpha": 0.25 * np.pi, "m_h_plus": 100.0, "delta_c": 0.0}
    return 0.01 * moment / float(predict(SU2Horizontal(), m_heavy_plus=1e12, **point)["mu_nu"])


def dirac_unit(constant):
    """Coefficient of m/eV in mu_B for X = constant."""
    return constant * 2.0 * SM.m_e * SM.g_f / (4.0 * np.sqrt(2.0) * np.pi**2) * 1e-9


def su2_g_minus_2():
    """f'^2 for 251e-11 with neutral scalars of 100 GeV."""
    observed = predict(SU2Horizontal(), f_prime=1.0, m_h0=100.0, m_a0=100.0)
    assert float(N_F(jnp.asarray((SM.m_tau / 100.0) ** 2))) == pytest.approx(1.0 / 3.0, rel=0.01)
    return 251e-11 / float(observed["delta_a_mu_neutral"])


def rpv_estimate():
    squares = dict.fromkeys(("m2_l_j", "m2_r_j", "m2_l_k", "m2_r_k"), 500.0**2)
    return float(
        predict(RpvSusy(convention="as_printed"), l1=0.01, a_eff=500.0, **squares)["mu_nu"]
    )


COMPUTED = {
    "SM_Dirac_coeff_muB_per_eV (3eGF/8sqrt2pi^2)": lambda: dirac_unit(1.5),
    "slide_formula_without_3_at_0.1eV": lambda: 0.1 * dirac_unit(0.5),
    "with_3_at_0.1eV": lambda: 0.1 * dirac_unit(1.5),
    "Dirac_transition_coeff (3eGF/32sqrt2pi^2)(mtau/MW)^2 per eV": lambda: (
        dirac_unit(0.375) * (SM.m_tau / SM.m_w) ** 2
    ),
    "Majorana_transition_coeff (3eGF/16sqrt2pi^2)(mtau/MW)^2 per eV": lambda: (
        dirac_unit(0.75) * (SM.m_tau / SM.m_w) ** 2
    ),
    "naturalness M=100GeV mu=1e-11 -> eV": lambda: next(
        row.derived() for row in PUBLISHED if "0.1 MeV" in row.claim
    ),
    "LR_coeff_sin2xi_e": lambda: left_right_unit("e"),
    "LR_coeff_sin2xi_mu": lambda: left_right_unit("mu"),
    "LR_coeff_sin2xi_tau": lambda: left_right_unit("tau"),
    "LR_sin2xi_for_1e-15_e": lambda: 1e-15 / left_right_unit("e"),
    "LR_sin2xi_for_1e-15_mu": lambda: 1e-15 / left_right_unit("mu"),
    "LR_sin2xi_for_1e-15_tau": lambda: 1e-15 / left_right_unit("tau"),
    "LR_xi_geometric_MW2=5TeV": lambda: (SM.m_w / 5e3) ** 2,
    "SU2H_ffp_sin2a_for_2.2e-11_mh100_mHinf": lambda: su2_coupling(2.2e-11),
    "SU2H_ffp_sin2a_for_6.4e-12_mh100_mHinf": lambda: su2_coupling(6.4e-12),
    "SU2H_fp2_for_Da251e-11_m100 (mH0=mA0)": su2_g_minus_2,
    "omega_pl_TRGB_rho1e6_eV": lambda: plasma_frequency(1e6),
    "RPV_slide lam'^2 ml^2 A/(16pi^2 M^4): lam'=0.1 ml=mtau A=M=500 (muB)": rpv_estimate,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_tabulated_number(name):
    """Twelve printed digits; the plasma frequency was tabulated with ten digits of hbar c."""
    tolerance = 1e-9 if name.startswith("omega_pl") else 1e-11
    assert float(COMPUTED[name]()) == pytest.approx(float(NUMBERS[name]), rel=tolerance)


def test_leading_logarithm_of_the_talk():
    """ln(m_h^2/m_tau^2) - 1 against (t-1-ln t)/(1-t)^2: 8e-4 at 100 GeV."""
    t = (SM.m_tau / 100.0) ** 2
    assert (-np.log(t) - 1.0) / float(G(jnp.asarray(t))) - 1.0 == pytest.approx(-8e-4, rel=0.2)
