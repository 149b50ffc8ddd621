"""`dark_dipole` at reference points of 40 digits: eigenstates, mass matrix, fitted Yukawas."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.dark_points import (
    EPS,
    SM,
    TO_MU_B,
    arrays,
    complex_matrix,
    conditioning,
    eigenstate_theta,
    matrix_theta,
    pmns,
    predictor,
    yukawa_parameters,
)
from nmmjax.models.dark_dipole import sector
from nmmjax.models.dark_dipole.model import DarkDipole
from nmmjax.physics import neutrinos
from nmmjax.physics.dark_loops import wedge

PAIRS = (("emu", 0, 1), ("etau", 0, 2), ("mutau", 1, 2))


@pytest.fixture(scope="module")
def points(reference):
    return reference("dark_dipole/points.json")["points"]


THETA = {"eigenstates": eigenstate_theta, "mass_matrix": matrix_theta}


def expected(point, convention):
    """Observables of a reference point by public name."""
    out = point["outputs"]
    mu = complex_matrix(out[f"mu_flavour_{convention}_muB"])
    found = {f"mu_nu_{name}": abs(mu[i, j]) for name, i, j in PAIRS}
    found["mu_nu"] = math.sqrt(sum(abs(mu[i, j]) ** 2 for _, i, j in PAIRS))
    found["mu_eff_dark"] = float(point["inputs"]["eps"]) * found["mu_nu"]
    branching = {k: float(x) for k, x in out[f"BR_{convention}"].items()}
    found |= {f"br_{k}": branching[k] for k in ("mu_e_gamma", "tau_e_gamma", "tau_mu_gamma")}
    found["mu_eff_dark_reactor"] = float(point["inputs"]["eps"]) * math.hypot(
        found["mu_nu_emu"], found["mu_nu_etau"]
    )
    shifts = out[f"Delta_a_{convention}"]
    found |= {f"delta_a_{x}": float(shifts[x]) for x in ("e", "mu")}
    if convention == "derived":
        found["br_mu_3e"] = branching["mu_3e_dipole"]
        found |= {
            f"cr_mu_e_{x.lower()}": branching[f"mu_e_conv_{x}_dipole"] for x in ("Al", "Ti", "Au")
        }
        masses = [float(x) for x in out["mnu_eV"]]
        found |= {f"m_nu_{i + 1}": masses[i] for i in range(3)} | {"m_nu": masses[2]}
    return found


def rounding_of(name, point, value, convention):
    """Absolute error of an observable that is a cancellation in this point, from its terms."""
    if point["label"] == "mass_zero_surface" and name.startswith("m_nu"):
        return math.inf  # zero by tuning: test_mass_zero_surface
    if name.startswith("mu_"):
        # Products of Yukawas cancel in Lambda.
        y = np.max(np.abs(complex_matrix(point["y_real_imag"])))
        loop = abs(float(point["outputs"][f"sum_M_DJ_{convention}"]))
        g_d = float(point["inputs"]["gD"])
        return 10 * EPS * TO_MU_B * g_d / (64 * math.pi**2) * loop * y**2
    if name.startswith(("br_mu", "cr_")):
        # |A_emu| <= sqrt(A_ee A_mumu), and the rate is quadratic in A.
        terms = float(point["outputs"]["Delta_a_derived"]["e"]) / SM.m_e**2
        terms *= float(point["outputs"]["Delta_a_derived"]["mu"]) / SM.m_mu**2
        amplitude = complex_matrix([[point["outputs"]["A_R_mue_derived"]]])[0, 0]
        return value * 2 * 10 * EPS * math.sqrt(terms) / 2 / abs(amplitude)
    return 0.0


@pytest.mark.parametrize("convention", ["derived", "as_printed"])
@pytest.mark.parametrize("scalars", one_quick(["eigenstates", "mass_matrix"]))
def test_reference_points(points, scalars, convention):
    predict = predictor(scalars=scalars, convention=convention)
    for point in points:
        found = predict(arrays(THETA[scalars](point)))
        loss = conditioning(point, scalars)
        for name, value in expected(point, convention).items():
            tolerance = 1e-9 if name.startswith("cr_") else 1e-11
            error = abs(float(found[name]) - value)
            allowed = (tolerance + loss) * value
            allowed += rounding_of(name, point, value, convention)
            assert error <= allowed, (point["label"], name, error, value, loss)


@pytest.mark.slow
def test_mass_basis_of_the_reference_points(points):
    """The moments of the files' own PMNS matrices, by lambda = y U*, in both conventions."""
    for point in points:
        theta, y = arrays(eigenstate_theta(point)), complex_matrix(point["y_real_imag"])
        rotated = np.array(wedge(jnp.asarray((y.T @ np.conj(pmns(point))).T)))
        loss = conditioning(point, "eigenstates")
        for convention, entries in (("derived", rotated), ("as_printed", 2.0 * rotated.imag)):
            model = DarkDipole(sm=SM, scalars="eigenstates", convention=convention)
            c = abs(float(model._loops(theta, sector.scalars(theta, "eigenstates")).moment))
            unit = TO_MU_B * float(theta["g_d"]) * c / (128.0 * math.pi**2)
            ref = np.abs(complex_matrix(point["outputs"][f"mu_mass_{convention}_muB"]))
            rounding = 10 * EPS * unit * np.max(np.abs(y)) ** 2
            error = np.max(np.abs(unit * np.abs(entries) - ref))
            assert error <= (1e-11 + loss) * np.max(ref) + rounding


def fitted_points(points):
    return [p for p in points if p["label"].startswith("casas_ibarra")]


def fitted_theta(point, model):
    """Parameters of a Casas-Ibarra point; the masses squared from its targets."""
    ci = point["casas_ibarra"]
    angles = {k: float(v) for k, v in point["pmns"].items()}
    names = {"sin2_th12": "t12", "sin2_th23": "t23", "sin2_th13": "t13"}
    found = {p: math.sin(angles[k]) ** 2 for p, k in names.items()}
    found |= {"delta_cp": angles["delta"], "alpha_21": angles["a21"], "alpha_31": angles["a31"]}
    m = [float(x) ** 2 for x in ci["target_mnu_eV"]]
    found["dm2_21"] = m[1] - m[0]
    found["dm2_3l"] = m[2] - (m[0] if ci["ordering"] == "NO" else m[1])
    found |= {"ci_re": float(ci["z"][0]), "ci_im": float(ci["z"][1])}
    scalars = {k: v for k, v in eigenstate_theta(point).items() if "_y_" not in k}
    return {p.name: jnp.asarray((scalars | found)[p.name]) for p in model.parameters}


@pytest.mark.slow
def test_casas_ibarra_reproduces_masses_mixing_and_yukawas(points):
    for point in fitted_points(points):
        ci = point["casas_ibarra"]
        target = np.array([float(x) for x in ci["target_mnu_eV"]])
        yukawas = []
        for sign in (1, -1):
            settings = {"yukawas": "casas_ibarra", "ordering": ci["ordering"], "ci_sign": sign}
            model = DarkDipole(sm=SM, scalars="eigenstates", **settings)
            theta = fitted_theta(point, model)
            loss = conditioning(point, "eigenstates")
            k = complex_matrix(point["outputs"]["K_GeV"])
            y = np.array(model.yukawa_matrix(theta))
            m_nu = 1e9 * np.conj(y) @ k @ np.conj(y).T
            light = neutrinos.takagi(jnp.asarray(m_nu), ci["ordering"])
            fit = np.cosh(2 * float(ci["z"][1])) * np.linalg.cond(k)  # digits lost by the angle
            tolerance = 1e-10 + (loss + 10 * EPS) * fit
            assert np.max(np.abs(light.masses - target)) < tolerance * target.max()
            u = np.array(pmns(point))
            rebuilt = np.conj(u) @ np.diag(target) @ np.conj(u).T
            assert np.max(np.abs(m_nu - rebuilt)) < tolerance * target.max()
            assert np.allclose(np.abs(light.u), np.abs(u), rtol=0, atol=tolerance * 1e2)
            z = complex(theta["ci_re"], theta["ci_im"])
            for other in (z, -z, z + math.pi / 2, math.pi / 2 - z):
                at = {"ci_re": jnp.asarray(other.real), "ci_im": jnp.asarray(other.imag)}
                yukawas += [s * np.array(model.yukawa_matrix(theta | at)) for s in (1, -1)]
        # Signs and order of the eigenvectors of K are conventions: some branch is the file's.
        ref = complex_matrix(point["y_real_imag"])
        assert min(np.max(np.abs(y - ref)) for y in yukawas) < tolerance * 10 * np.max(np.abs(ref))


@pytest.mark.slow
def test_free_and_fitted_yukawas_agree(points):
    """The Yukawas of the fit, given freely: every shared observable, both orderings."""
    for point in fitted_points(points):
        ordering = point["casas_ibarra"]["ordering"]
        fitted = DarkDipole(sm=SM, scalars="eigenstates", yukawas="casas_ibarra", ordering=ordering)
        theta = fitted_theta(point, fitted)
        y = np.array(fitted.yukawa_matrix(theta))
        here = predictor(scalars="eigenstates", yukawas="casas_ibarra", ordering=ordering)(theta)
        free = arrays(yukawa_parameters(y))
        free |= {k: v for k, v in theta.items() if k in eigenstate_theta(point)}
        there = predictor(scalars="eigenstates", ordering=ordering)(free)
        for name in here:
            size = max(abs(float(here["m_nu"])), 0.0) if name.startswith("m_nu_") else 0.0
            assert there[name] == pytest.approx(float(here[name]), rel=1e-8, abs=1e-9 * size), name
        for name in ("sin2_th12", "sin2_th13", "sin2_th23", "dm2_21", "dm2_3l"):
            assert there[name] == pytest.approx(float(theta[name]), rel=1e-8), name


def test_master_relation(points):
    """|mu| = g_D |C| sqrt(m_a m_b/|det K|)/(128 pi^2), whatever the Casas-Ibarra angle."""
    point = fitted_points(points)[0]
    predict = predictor(scalars="eigenstates", yukawas="casas_ibarra")
    theta = fitted_theta(point, DarkDipole(sm=SM, scalars="eigenstates", yukawas="casas_ibarra"))
    moments, rates = [], []
    for z in (0.0, 1.0, 2.0):
        found = predict(theta | {"ci_re": jnp.asarray(z), "ci_im": jnp.asarray(-0.5 * z)})
        moments.append(float(found["mu_nu"]))
        rates.append(float(found["br_mu_e_gamma"]))
    ref = complex_matrix(point["outputs"]["mu_mass_derived_muB"])
    assert moments == pytest.approx([abs(ref[1, 2])] * 3, rel=1e-10)
    assert max(rates) > 1.5 * min(rates)  # which does move mu -> e gamma


def test_mass_zero_surface(points):
    for point in (p for p in points if p["label"] == "mass_zero_surface"):
        found = predictor(scalars="eigenstates")(arrays(eigenstate_theta(point)))
        assert found["m_nu"] < 1e-12 * abs(found["m_nu_lnv_l"])
        assert found["mu_nu"] > 1e-12
        terms = float(found["m_nu_lnv_r"]), float(found["m_nu_lnv_l"])
        assert abs(sum(terms)) < 1e-12 * abs(terms[0])


def test_mass_terms_add_up(points):
    model = DarkDipole(sm=SM, scalars="eigenstates")
    for point in points[:24]:
        found = predictor(scalars="eigenstates")(arrays(eigenstate_theta(point)))
        total = sum(float(found[name]) for name in model.mass_terms)
        scale = max(abs(float(found[name])) for name in model.mass_terms)
        assert total == pytest.approx(float(found["m_nu"]), rel=0, abs=1e-13 * scale)


def test_mixing_against_takagi(points):
    """Mixing and masses by the closed form against a Takagi factorisation, both orderings."""
    for ordering in ("NO", "IO"):
        predict = predictor(scalars="eigenstates", ordering=ordering)
        for point in points[:18]:
            found = predict(arrays(eigenstate_theta(point)))
            m_nu = 1e9 * complex_matrix(point["outputs"]["Mnu_flavour_GeV"])
            light = neutrinos.takagi(jnp.asarray(m_nu), ordering)
            reference = neutrinos.mass_observables(light.masses, light.u, majorana=True)
            for name in ("m_nu", "sum_m_nu", "m_beta", "m_ee"):
                assert found[name] == pytest.approx(float(reference[name]), rel=1e-9), name
            for name, value in neutrinos.mixing(light.u).items():
                if name != "delta_cp":
                    assert found[name] == pytest.approx(float(value), rel=1e-7), name
