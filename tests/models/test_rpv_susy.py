"""rpv_susy: 30-digit values, antisymmetry of the moment, cancellations and decoupling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.models.rpv_susy import RpvSusy
from nmmjax.physics.constants import SM

COLUMNS = {
    "l1": "L1",
    "l2": "L2",
    "a_eff": "A_eff",
    "m2_l_j": "mL2_j",
    "m2_r_j": "mR2_j",
    "m2_l_k": "mL2_k",
    "m2_r_k": "mR2_k",
}


def reference_point(**changes):
    return {p: jnp.asarray(x) for p, x in (RpvSusy().reference | changes).items()}


def test_every_reference_row(reference):
    compiled, sm = {}, made_with("baselines/models.json")
    for row in reference("baselines/models.json")["RPV"]:
        kind = ("lambda" if row["type"] == "lambda" else "lambda_prime", row["j"], row["k"])
        if kind not in compiled:
            compiled[kind] = jax.jit(RpvSusy(*kind, sm=sm).predict)
        theta = {p: jnp.asarray(float(row[key])) for p, key in COLUMNS.items()}
        observed = compiled[kind](theta)
        expected = {
            "mu_nu": abs(float(row["mu_muB"])),
            "mu_eff_plasmon": abs(float(row["mu_muB"])),
            "m_nu": 1e9 * float(row["M_nu_GeV"]),
            "min_eig": min(float(x) for x in row["m2"]),
        }
        for name, value in expected.items():
            assert float(observed[name]) == pytest.approx(value, rel=1e-13), name
        signed = float(observed["m_nu_l1"] + observed["m_nu_l2"])
        assert signed == pytest.approx(expected["m_nu"], rel=1e-13)


def test_exchange_of_the_neutrinos():
    """l1 <-> l2 exchanges i and i': the mass stays, the moment changes sign."""
    theta = reference_point()
    swapped = theta | {"l1": theta["l2"], "l2": theta["l1"]}
    model = RpvSusy()
    one, other = model.predict(theta), model.predict(swapped)
    assert float(one["m_nu"]) == pytest.approx(float(other["m_nu"]), rel=1e-14)
    assert float(one["mu_nu"]) == pytest.approx(float(other["mu_nu"]), rel=1e-14)
    equal = model.predict(theta | {"l2": theta["l1"]})
    assert float(equal["mu_nu"]) == 0.0
    opposite = RpvSusy(relative_sign=-1).predict(theta | {"l2": theta["l1"]})
    assert float(opposite["m_nu"]) == 0.0
    assert float(opposite["mu_nu"]) > float(one["mu_nu"])


def test_exchange_of_the_fermions():
    """j <-> k with their sfermions: the same mass, the opposite moment."""
    theta = reference_point()
    swapped = theta | {
        f"m2_{c}_{a}": theta[f"m2_{c}_{b}"] for c in "lr" for a, b in (("j", "k"), ("k", "j"))
    }
    one = RpvSusy(j="mu", k="tau").predict(theta)
    other = RpvSusy(j="tau", k="mu").predict(swapped)
    for name in ("m_nu", "mu_nu", "min_eig"):
        assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-13)


def test_equal_sfermions_leave_the_logarithm_of_the_fermion_masses():
    """mu -> (e/K)(l1-l2) m_j m_k A ln(m_j^2/m_k^2)/M^4 times -1 for A << M."""
    m_sq = 1e3**2
    theta = reference_point(**dict.fromkeys(("m2_l_j", "m2_r_j", "m2_l_k", "m2_r_k"), m_sq))
    log = np.log((SM.m_tau / SM.m_mu) ** 2)
    expected = 2.0 * SM.m_e * 8e-4 * SM.m_mu * SM.m_tau * 500.0 * log / (16.0 * np.pi**2 * m_sq**2)
    assert float(RpvSusy().predict(theta)["mu_nu"]) == pytest.approx(expected, rel=1e-4)


def test_decoupling():
    """Equal sfermions: mu ~ A/M^4 exactly but for (m A)^2/M^4, m ~ A/M^2 up to its logarithm."""

    def at(m_sq):
        masses = dict.fromkeys(("m2_l_j", "m2_r_j", "m2_l_k", "m2_r_k"), m_sq)
        return RpvSusy().predict(reference_point(**masses))

    near, far = at(1e8), at(1e10)
    assert np.log10(float(near["mu_nu"] / far["mu_nu"])) == pytest.approx(4.0, abs=1e-4)
    assert np.log10(float(near["m_nu"] / far["m_nu"])) == pytest.approx(2.0, abs=0.01)


def test_tachyons_are_outside_the_domain():
    theta = reference_point(a_eff=1.2 * 500.0 * 550.0 / SM.m_mu)
    margins = RpvSusy().domain(theta)
    assert float(margins["stable_j"]) < 0.0
    inside = RpvSusy().domain(reference_point())
    assert all(float(margin) > 0.0 for margin in inside.values())


def test_squarks_and_sleptons_are_told_apart():
    slepton = RpvSusy().predict(reference_point())
    squark = RpvSusy(coupling="lambda_prime", j="s", k="b").predict(reference_point())
    assert "m_charged_scalar" in slepton
    assert "m_colored_scalar" in squark
    assert "m_charged_scalar" not in squark
