"""sm_dirac and sm_majorana: 30-digit values, symmetries and the size of the moments."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.models.sm_dirac import SmDirac
from nmmjax.models.sm_majorana import SmMajorana
from nmmjax.physics import neutrinos
from nmmjax.physics.constants import SM

NUFIT = {  # the inputs of the reference file
    "NO": (0.3088, 0.470, 0.02248, 212.0, 7.537e-5, 2.511e-3),
    "IO": (0.3088, 0.550, 0.02262, 274.0, 7.537e-5, -2.483e-3),
}
NAMES = ("sin2_th12", "sin2_th23", "sin2_th13", "delta_cp", "dm2_21", "dm2_3l")
PHASES = ("alpha_21", "alpha_31")


def point(row):
    theta = dict(zip(NAMES, NUFIT[row["ordering"]], strict=True))
    theta["delta_cp"] = np.radians(theta["delta_cp"])
    theta["m_lightest"] = float(row["m_lightest_eV"])
    theta |= {p: np.radians(row[f"{p.replace('_', '')}_deg"]) for p in PHASES}
    return {p: jnp.asarray(x) for p, x in theta.items()}


def matrix(entries):
    def number(x):
        return complex(float(x["re"]), float(x["im"])) if isinstance(x, dict) else float(x)

    return np.array([[number(x) for x in row] for row in entries])


def compare(got, expected, rtol):
    """Entrywise; what the reference holds at 1e-70 is an exact zero."""
    zero = np.abs(expected) < 1e-45
    np.testing.assert_allclose(np.asarray(got)[~zero], expected[~zero], rtol=rtol)
    assert np.max(np.abs(np.asarray(got)[zero]), initial=0.0) < 1e-35


@pytest.mark.parametrize(("table", "kind"), [("SM_Dirac", SmDirac), ("SM_Majorana", SmMajorana)])
def test_every_reference_row(reference, table, kind):
    def both(model):
        return jax.jit(lambda theta: (model.moments(theta), model.predict(theta)))

    sm = made_with("baselines/models.json")
    compiled = {o: both(kind(ordering=o, sm=sm)) for o in NUFIT}
    for row in reference("baselines/models.json")[table]:
        theta = point(row)
        (mu, d), observed = compiled[row["ordering"]](theta)
        compare(mu, matrix(row["mu_ij_muB"]), 1e-13)
        compare(d, matrix(row["eps_ij_muB"]), 1e-11)
        masses = [observed[f"m_nu_{i}"] for i in (1, 2, 3)]
        np.testing.assert_allclose(masses, np.array(row["m_nu_eV"], float), rtol=1e-14)
        reactor = float(row["mu_nue_short_baseline"])
        assert float(observed["mu_eff_reactor"]) == pytest.approx(reactor, rel=1e-11)
        u = neutrinos.pmns(*(theta[p] for p in NAMES[:4]))
        vacuum = neutrinos.solar_fractions(u, theta["dm2_21"], "vacuum")
        solar = np.sqrt(np.sum(vacuum * np.sum(np.abs(mu - 1j * d) ** 2, axis=0)))
        assert solar == pytest.approx(float(row["mu_solar_vacuum_averaged"]), rel=1e-11)


def test_majorana_moments_are_antisymmetric_and_dirac_ones_hermitian():
    theta = {p: jnp.asarray(x) for p, x in SmMajorana().reference.items()}
    for moment in SmMajorana().moments(theta):
        np.testing.assert_allclose(moment, -moment.T, rtol=1e-13)
        assert np.all(np.diagonal(moment) == 0.0)
        assert np.all(np.real(moment) == 0.0)
    for moment in SmDirac().moments(theta):
        np.testing.assert_allclose(moment, np.conj(moment).T, rtol=1e-13, atol=1e-40)


def test_gim_transitions_vanish_for_equal_charged_leptons():
    """Unitarity: with equal lepton masses X is a multiple of 1 and no transition is left."""
    sm = type(SM)(m_e=1.0, m_mu=1.0, m_tau=1.0)
    theta = {p: jnp.asarray(x) for p, x in SmDirac().reference.items()}
    off = ~np.eye(3, dtype=bool)
    equal, _ = SmDirac(sm=sm).moments(theta)
    real, _ = SmDirac().moments(theta)
    assert np.abs(equal)[off].max() < 1e-15 * np.abs(equal).max()
    assert np.abs(real)[off].max() > 1e-6 * np.abs(real).max()


def test_cp_parities():
    """CP conserved: relative sign of parities decides between (m_i+m_j) and (m_i-m_j)."""
    theta = {p: jnp.asarray(x) for p, x in SmMajorana().reference.items()} | {
        "delta_cp": jnp.asarray(0.0),
        "alpha_31": jnp.asarray(0.0),
    }
    mu, d = SmMajorana().moments(theta | {"alpha_21": jnp.asarray(0.0)})
    assert np.abs(mu).max() < 1e-14 * np.abs(d).max()
    mu, d = SmMajorana().moments(theta | {"alpha_21": jnp.asarray(np.pi)})
    assert abs(mu[0, 1]) > 1e10 * abs(d[0, 1])
    assert abs(d[0, 2]) > 1e10 * abs(mu[0, 2])


def test_majorana_is_twice_the_dirac_transition():
    """mu^M = mu^D - transpose: 2 i Im for mu, 2 Re for d."""
    theta = {p: jnp.asarray(x) for p, x in SmMajorana().reference.items()} | {
        p: jnp.asarray(0.0) for p in PHASES
    }
    dirac, _ = SmDirac().moments(theta)
    majorana, _ = SmMajorana().moments(theta)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(
        np.asarray(majorana)[off], np.asarray(dirac - dirac.T)[off], rtol=1e-12, atol=1e-40
    )


def test_majorana_phases_are_no_parameters_of_dirac_neutrinos(monkeypatch):
    """U diag(1, e^{ia}, e^{ib}) turns phases of moments, and no observable."""
    model = SmDirac()
    assert not {p.name for p in model.parameters} & set(PHASES)
    theta = {p: jnp.asarray(x) for p, x in model.reference.items()}
    (before, _), observed = model.moments(theta), model.predict(theta)
    pmns = neutrinos.pmns
    monkeypatch.setattr(neutrinos, "pmns", lambda *angles: pmns(*angles, 1.1, -2.3))
    (after, _), turned = model.moments(theta), model.predict(theta)
    assert np.abs(np.angle(after[0, 1] / before[0, 1])) > 0.1
    for name, value in observed.items():
        np.testing.assert_allclose(turned[name], value, rtol=1e-12, err_msg=name)


def test_diagonal_coefficient():
    """3 e G_F m/(8 sqrt2 pi^2) = 3.2026e-19 (m/eV) mu_B up to m_l^2/m_W^2."""
    theta = {p: jnp.asarray(x) for p, x in SmDirac().reference.items()} | {
        "m_lightest": jnp.asarray(0.1)
    }
    observed = SmDirac().predict(theta)
    with mp.workdps(30):
        unit = 3 * mp.mpf(SM.m_e) * mp.mpf(SM.g_f) / (4 * mp.sqrt(2) * mp.pi**2)
        expected = float(unit * mp.mpf("1e-10"))
    assert float(observed["mu_nu_11"]) == pytest.approx(expected, rel=5e-4)
    assert expected == pytest.approx(3.2026e-20, rel=1e-4)


def test_effective_moments_of_dirac_neutrinos_do_not_depend_on_the_basis_of_nu_r():
    """Almost diagonal moments: nearly the same size for every experiment when masses are equal."""
    theta = {p: jnp.asarray(x) for p, x in SmDirac().reference.items()} | {
        "m_lightest": jnp.asarray(0.5)
    }
    observed = SmDirac().predict(theta)
    assert float(observed["mu_eff_reactor"]) == pytest.approx(
        float(observed["mu_eff_solar"]), rel=1e-3
    )
    assert float(observed["mu_nu"]) == pytest.approx(float(observed["mu_eff_plasmon"]), rel=1e-6)
