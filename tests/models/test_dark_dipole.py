"""The dark-photon model against 30-digit points, its limits and symmetries."""

import functools
import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.oracles import made_with
from nmmjax.errors import InputError
from nmmjax.models.dark_dipole.model import DarkDipole
from nmmjax.physics import neutrinos
from nmmjax.physics.dark_loops import wedge
from nmmjax.physics.dark_scalars import scalars_from_masses, scalars_from_matrices
from nmmjax.physics.dark_sector import dark_loops as sector_loops
from nmmjax.physics.dark_sector import lepton_loop
from nmmjax.target.model import guarded_predict
from nmmjax.target.posterior import Posterior

SM = made_with("dark_dipole/points.json")
EPS = 2.0**-53
TO_MU_B = 2.0 * SM.m_e / SM.e
LEPTONS = ("e", "mu", "tau")
PAIRS = (("emu", 0, 1), ("etau", 0, 2), ("mutau", 1, 2))
MASSES = ("MH1", "MH2", "MA1", "MA2")


@pytest.fixture(scope="module")
def points(reference):
    return reference("dark_dipole/points.json")["points"]


def complex_matrix(entries):
    return np.array([[complex(float(x[0]), float(x[1])) for x in row] for row in entries])


def pmns(point):
    a = {k: float(v) for k, v in point["pmns"].items()}
    sines = (math.sin(a[k]) ** 2 for k in ("t12", "t23", "t13"))
    return neutrinos.pmns(*(jnp.asarray(x) for x in (*sines, a["delta"], a["a21"], a["a31"])))


def common_parameters(point):
    names = {"m_lnv": "m", "m_dirac": "mD", "m_e_vll": "ME", "g_d": "gD", "eps": "eps"}
    names |= {"m_aprime": "mAp"}
    return {p: float(point["inputs"][key]) for p, key in names.items()}


def yukawa_parameters(y):
    parts = {"re": y.real, "im": y.imag}
    return {
        f"{part}_y_{x}{a + 1}": parts[part][i, a]
        for i, x in enumerate(LEPTONS)
        for a in (0, 1)
        for part in parts
    }


def eigenstate_theta(point):
    names = ("m_h1", "m_h2", "m_a1", "m_a2", "theta_r", "theta_i")
    found = {
        p: float(point["inputs"][k]) for p, k in zip(names, (*MASSES, "thR", "thI"), strict=True)
    }
    y = complex_matrix(point["y_real_imag"])
    return found | common_parameters(point) | yukawa_parameters(y)


def matrix_theta(point):
    """The same point as N = diag(n1, n2), A and rotated Yukawas, by 40-digit arithmetic."""
    with mp.workdps(40):
        given = {k: mp.mpf(v) for k, v in point["inputs"].items()}
        rotation = {
            k: mp.matrix([[mp.cos(t), mp.sin(t)], [-mp.sin(t), mp.cos(t)]])
            for k, t in (("R", given["thR"]), ("I", given["thI"]))
        }
        real, imag = (
            rotation[k] * mp.diag([given[f"M{s}1"] ** 2, given[f"M{s}2"] ** 2]) * rotation[k].T
            for k, s in (("R", "H"), ("I", "A"))
        )
        conserving, breaking = (real + imag) / 2, (real - imag) / 2
        n, o = mp.eigsy(conserving)
        a = o.T * breaking * o
        y = mp.matrix([[mp.mpc(*x) for x in row] for row in point["y_real_imag"]]) * o
        names = {"n1": n[0], "n2": n[1], "a11": a[0, 0], "a12": a[0, 1], "a22": a[1, 1]}
        scalars = {p: float(x) for p, x in names.items()}
        y = np.array([[complex(y[i, k]) for k in range(2)] for i in range(3)])
    return scalars | common_parameters(point) | yukawa_parameters(y)


THETA = {"eigenstates": eigenstate_theta, "mass_matrix": matrix_theta}


def conditioning(point, scalars):
    """Relative change of splittings and of m - m_D by rounding the inputs to doubles."""
    given = {k: float(v) for k, v in point["inputs"].items()}
    signed = abs(float(point["outputs"]["M_heavy_signed"][0]))
    gaps = [abs(float(x)) for x in point["outputs"]["splittings_GeV2"].values()]
    size, smallest = max(given[k] ** 2 for k in MASSES), min(x for x in gaps if x > 0)
    if scalars == "mass_matrix":
        theta = matrix_theta(point)
        size, smallest = max(theta["n1"], theta["n2"]), abs(theta["n1"] - theta["n2"])
    return 2 * EPS * max(given["m"], given["mD"]) / signed + 4 * EPS * size / smallest


@functools.cache
def predictor(**settings):
    return jax.jit(DarkDipole(sm=SM, **settings).predict)


def arrays(theta):
    return {k: jnp.asarray(v) for k, v in theta.items()}


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
            c = abs(float(model._loops(theta, model._scalars(theta)).moment))
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


def test_rephasing_and_relabelling(points):
    """Phases of the leptons, S_1 <-> S_2 and S_2 -> -S_2 change no observable."""
    point = points[3]
    theta = matrix_theta(point)
    y = np.array(
        [[theta[f"re_y_{x}{a}"] + 1j * theta[f"im_y_{x}{a}"] for a in (1, 2)] for x in LEPTONS]
    )
    phases = np.exp(1j * np.array([0.3, 1.1, -2.0]))[:, None]
    swap = {"n1": "n2", "n2": "n1", "a11": "a22", "a22": "a11"}
    changed = [
        theta | yukawa_parameters(phases * y),
        theta | {p: theta[q] for p, q in swap.items()} | yukawa_parameters(y[:, ::-1]),
        theta | {"a12": -theta["a12"]} | yukawa_parameters(y * np.array([1, -1])),
    ]
    here = predictor()(arrays(theta))
    for other in changed:
        there = predictor()(arrays(other))
        for name, value in here.items():
            assert there[name] == pytest.approx(float(value), rel=1e-11), name
    control = predictor()(arrays(theta | {"a12": -theta["a12"]}))
    assert control["m_nu"] != pytest.approx(float(here["m_nu"]), rel=1e-3)


def test_orthogonal_flavours_hide_from_mu_e_gamma(points):
    """mu -> e gamma bounds an inner product of the flavour vectors, the moment is their wedge."""
    (point,) = (p for p in points if p["label"] == "orthogonal_e_mu")
    found = predictor(scalars="eigenstates")(arrays(eigenstate_theta(point)))
    assert found["br_mu_e_gamma"] < 1e-20
    y = complex_matrix(point["y_real_imag"])
    norms = [np.sum(np.abs(y[i]) ** 2) for i in (0, 1)]
    inner = abs(np.vdot(y[1], y[0])) ** 2
    assert inner + abs(wedge(jnp.asarray(y))[0, 1]) ** 2 == pytest.approx(norms[0] * norms[1])


def test_effective_moments(points):
    """Solar and reactor mixtures against the general formulas in the mass basis."""
    for ordering in ("NO", "IO"):
        predict = predictor(scalars="eigenstates", ordering=ordering)
        for point in points[:10]:
            theta, y = arrays(eigenstate_theta(point)), complex_matrix(point["y_real_imag"])
            found = predict(theta)
            light = neutrinos.takagi(
                jnp.asarray(1e9 * complex_matrix(point["outputs"]["Mnu_flavour_GeV"])), ordering
            )
            size = jnp.sqrt(jnp.sum(jnp.abs(wedge(jnp.asarray(y))) ** 2) / 2)
            mu = wedge(jnp.asarray(y)) / size * theta["eps"] * found["mu_nu"]
            fractions = neutrinos.solar_fractions(light.u, found["dm2_21"], "7Be")
            mass = neutrinos.to_mass_basis(mu, light.u)
            seen = neutrinos.effective_moments(mass, light.u, {"solar": fractions}, majorana=True)
            for name in ("solar", "reactor"):
                value = float(seen[f"mu_eff_{name}"])
                assert found[f"mu_eff_dark_{name}"] == pytest.approx(value, rel=1e-7), name


def solar_electrons(u, squares, source):
    """P_e1 of the massless state 1: e component of the lowest state in the Sun, eigensolver."""
    energy, electrons = neutrinos.SOLAR[source]
    density = electrons * 6.02214076e23 * (SM.hbar * 2.99792458e10) ** 3  # GeV^3
    potential = 2.0 * np.sqrt(2.0) * SM.g_f * density * energy * 1e18  # eV^2
    hamiltonian = u @ np.diag(squares) @ u.T + np.diag([potential, 0.0, 0.0])
    return np.linalg.eigh(hamiltonian)[1][0, 0] ** 2


def test_two_equal_masses():
    """Orthogonal Yukawas with m_h1 = m_a1, m_h2 = m_a2: no angle, but moments and m_beta."""
    u = np.linalg.qr(np.array([[0.8, 0.3, 0.5], [0.1, 0.9, -0.4], [-0.6, 0.2, 0.7]]))[0]
    y = 1e-2 * u[:, 1:]
    masses = {"m_h1": 0.2, "m_h2": 0.4, "m_a1": 0.2, "m_a2": 0.4}
    model = DarkDipole(scalars="eigenstates")
    theta = model.reference | masses | yukawa_parameters(y)
    found = predictor(scalars="eigenstates")(arrays(theta))
    assert float(found["m_nu_2"]) == pytest.approx(float(found["m_nu_3"]), rel=1e-12)
    assert all(np.isnan(found[p]) for p in ("sin2_th12", "sin2_th13", "sin2_th23"))
    rows = 1.0 - u[0, 0] ** 2  # (M M^dag)_ee/m^2
    assert float(found["m_beta"] / found["m_nu"]) == pytest.approx(np.sqrt(rows), rel=1e-12)
    mass = float(found["m_nu"]) ** 2
    for name, source in (("pp", "pp"), ("be7", "7Be")):
        share = np.sqrt(1.0 - solar_electrons(u, [0.0, mass, mass], source))
        seen = float(found[f"mu_eff_dark_{name}"] / found["mu_eff_dark"])
        assert seen == pytest.approx(share, rel=1e-9)
    undefined = {p for p, x in found.items() if not np.isfinite(x)}
    assert undefined == {"sin2_th12", "sin2_th13", "sin2_th23"}


def test_parallel_yukawas():
    """One massive neutrino, no moment: only what tells the two massless states apart is lost."""
    y = np.outer([0.01, 0.02, -0.01], [1.0, 0.5])
    found = predictor()(arrays(DarkDipole().reference | yukawa_parameters(y)))
    for name in ("mu_nu", "mu_eff_dark_solar", "mu_eff_dark_pp", "mu_eff_dark_be7", "m_nu_2"):
        assert float(found[name]) == pytest.approx(0.0, abs=1e-20), name
    assert float(found["m_beta"] / found["m_nu"]) == pytest.approx(np.sqrt(1.0 / 6.0), rel=1e-12)
    assert float(found["sin2_th13"]) == pytest.approx(1.0 / 6.0, rel=1e-12)
    assert float(found["sin2_th23"]) == pytest.approx(0.8, rel=1e-12)
    assert {p for p, x in found.items() if not np.isfinite(x)} == {"sin2_th12"}


def test_no_moment_without_breaking():
    """mu = m_nu = 0 for a conserved U(1)_D, and mu = 0 for aligned breaking."""
    point = arrays(DarkDipole().reference)
    none = point | {p: jnp.asarray(0.0) for p in ("a11", "a12", "a22")}
    found = predictor()(none)
    assert found["mu_nu"] == 0.0
    assert predictor()(point | {"a12": jnp.asarray(0.0)})["mu_nu"] == 0.0
    assert predictor()(point)["mu_nu"] > 0.0


def decay_point(**changes):
    base = {"m_h1": 0.3, "m_h2": 0.4, "m_a1": 0.32, "m_a2": 0.45, "theta_r": 0.2, "theta_i": 0.9}
    base |= {"m_lnv": 1e-9, "m_dirac": 0.02, "m_e_vll": 1500.0, "g_d": 0.3, "eps": 1e-4}
    base |= {"m_aprime": 0.1} | dict.fromkeys(yukawa_parameters(np.zeros((3, 2))), 1e-4)
    return arrays(base | changes)


def ratio(found):
    """Gamma_inv/Gamma_vis."""
    return float(found["br_inv_aprime"] / (1.0 - found["br_inv_aprime"]))


def test_dark_photon_decays():
    predict = predictor(scalars="eigenstates")
    m, g, eps = 0.1, 0.3, 0.5
    electron = SM.alpha_0 * eps**2 * m / 3.0 * (1 + 2 * (SM.m_e / m) ** 2)
    electron *= math.sqrt(1 - 4 * (SM.m_e / m) ** 2)
    # a Dirac fermion (lepton number conserved): g^2 m/(12 pi) (1 + 2r)(1 - 4r)^(1/2)
    r = (0.02 / m) ** 2
    dirac = g**2 * m / (12 * math.pi) * (1 + 2 * r) * math.sqrt(1 - 4 * r)
    found = predict(decay_point(eps=eps))
    assert ratio(found) == pytest.approx(dirac / electron, rel=1e-8)
    assert found["invisible_dominates"] == 1.0
    # both closed: only light neutrinos are left
    found = predict(decay_point(m_dirac=0.06))
    assert found["br_inv_aprime"] < 1e-3
    assert found["invisible_dominates"] == 0.0
    # scalars alone, far above every threshold: sum_kl C_kl^2 = 2 pairs of g^2 m/(48 pi)
    light = {"m_h1": 1e-3, "m_h2": 2e-3, "m_a1": 1.5e-3, "m_a2": 2.5e-3, "m_dirac": 10.0}
    found = predict(decay_point(eps=eps, **light))
    assert ratio(found) == pytest.approx(2 * g**2 * m / (48 * math.pi) / electron, rel=1e-2)
    # one pair open, C = cos(theta_I - theta_R)
    light = {"m_h1": 1e-3, "m_a1": 1.5e-3, "m_dirac": 10.0}
    found = predict(decay_point(eps=eps, **light))
    one = g**2 * m / (48 * math.pi) * math.cos(0.7) ** 2
    assert ratio(found) == pytest.approx(one / electron, rel=1e-2)


def test_invisible_z_width():
    """A doublet of 45 GeV and more decouples; a light one counts as two neutrinos."""
    predict = predictor(scalars="eigenstates")
    neutrino = SM.g_f * SM.m_z**3 / (12 * math.sqrt(2) * math.pi)
    light, heavy = (float(predict(decay_point(m_dirac=x))["gamma_z_inv"]) for x in (0.02, 50.0))
    assert heavy == pytest.approx(3 * neutrino, rel=1e-12)
    assert light == pytest.approx(5 * neutrino, rel=1e-6)


def test_vector_coupling_of_the_model(points):
    """v_nunu_aprime is the spectral norm of V = g_D/(16 pi^2) y* T y^T."""
    for point in points[:10]:
        theta = arrays(eigenstate_theta(point))
        y = complex_matrix(point["y_real_imag"])
        names = ("m_h1", "m_h2", "m_a1", "m_a2", "theta_r", "theta_i")
        s = scalars_from_masses(*(theta[p] for p in names))
        t = np.array(sector_loops(s, theta["m_lnv"], theta["m_dirac"], 192).vector)
        v = float(theta["g_d"]) / (16 * math.pi**2) * np.conj(y) @ t @ y.T
        found = predictor(scalars="eigenstates")(theta)
        assert found["v_nunu_aprime"] == pytest.approx(np.linalg.norm(v, 2), rel=1e-9)
        mu = float(found["mu_nu"]) / TO_MU_B
        dominates = np.linalg.norm(v, 2) ** 2 > 2 * SM.m_e * 2e-4 * mu**2
        assert bool(found["vector_dominates"]) == dominates


MODES = [
    {},
    {"convention": "as_printed"},
    {"scalars": "eigenstates", "su2_consistent": True},
    {"yukawas": "casas_ibarra"},
    {"scalars": "eigenstates", "yukawas": "casas_ibarra", "ordering": "IO"},
]


def prior_points(model, count, seed=7):
    posterior = Posterior(model, chart="box")
    u = np.random.default_rng(seed).uniform(size=(count, posterior.dim))
    z = jax.jit(jax.vmap(posterior.from_unit))(jnp.asarray(u))
    return jax.jit(jax.vmap(posterior.theta))(z)


def total(model, point):
    """Sum of all observables, themselves, and whether the point lies in the domain."""
    found, inside = guarded_predict(model, point)
    return sum(found.values()), (found, inside)


def check_finite(found, inside):
    assert np.mean(inside) > 0.2
    for name, values in found.items():
        assert np.all(np.isfinite(values)), name
    assert np.all((found["br_inv_aprime"] >= 0.0) & (found["br_inv_aprime"] <= 1.0))


@pytest.mark.parametrize("settings", one_quick(MODES[:4:3]), ids=["free", "fitted"])
def test_finite_on_random_prior_points(settings):
    model = DarkDipole(**settings)
    evaluate = jax.jit(lambda x: jax.lax.map(lambda p: total(model, p)[1], x, batch_size=500))
    check_finite(*evaluate(prior_points(model, 20000)))


@pytest.mark.slow
@pytest.mark.parametrize("settings", MODES)
def test_finite_gradients_on_random_prior_points(settings):
    """Value and gradient of the sum of all observables: a NaN in any shows."""
    model = DarkDipole(**settings)
    slope = jax.value_and_grad(lambda p: total(model, p), has_aux=True)
    evaluate = jax.jit(lambda x: jax.lax.map(slope, x, batch_size=500))
    (_, (found, inside)), slopes = evaluate(prior_points(model, 20000))
    check_finite(found | slopes, inside)


def test_nodes_are_enough():
    """160 nodes against 320 on the whole default prior."""
    model = DarkDipole()
    theta = prior_points(model, 2000)

    def loops(point, count):
        names = ("n1", "n2", "a11", "a12", "a22")
        s = scalars_from_matrices(*(point[p] for p in names))
        found = sector_loops(s, point["m_lnv"], point["m_dirac"], count)
        return *found, lepton_loop(s, point["m_e_vll"], count)

    def both(point):
        inside = jnp.all(jnp.stack(list(model.domain(point).values())) > 0.0)
        point = {p: jnp.where(inside, x, model.reference[p]) for p, x in point.items()}
        return loops(point, 160), loops(point, 320)

    coarse, fine = jax.jit(lambda x: jax.lax.map(both, x, batch_size=500))(theta)
    for here, there in zip(coarse, fine, strict=True):
        size = np.max(np.abs(there), axis=tuple(range(1, there.ndim)), keepdims=True)
        assert np.max(np.abs(here - there) / size) < 1e-11


def test_reference_is_inside_the_domain():
    for settings in MODES:
        model = DarkDipole(**settings)
        point = arrays(model.reference)
        assert set(point) == {p.name for p in model.parameters}
        assert all(float(x) > 0 for x in model.domain(point).values())


def test_domain():
    model = DarkDipole()
    point = arrays(model.reference)
    assert model.domain(point | {"a11": jnp.asarray(0.05)})["scalars_imag"] < 0
    assert model.domain(point | {"a22": jnp.asarray(-0.2)})["scalars_real"] < 0
    assert model.domain(point | {"m_aprime": jnp.asarray(-0.1)})["positive"] < 0
    fitted = DarkDipole(sm=SM, yukawas="casas_ibarra")
    point = arrays(fitted.reference)
    assert fitted.domain(point | {"sin2_th12": jnp.asarray(1.1)})["sin2_th12"] < 0
    assert fitted.domain(point | {"dm2_3l": jnp.asarray(-2.5e-3)})["dm2_3l"] < 0


def test_su2_consistent_ties_the_doublet():
    tied, free = DarkDipole(su2_consistent=True), DarkDipole()
    assert {p.name for p in free.parameters} - {p.name for p in tied.parameters} == {"m_dirac"}
    point = arrays(tied.reference)
    here = tied.predict(point)
    there = free.predict(point | {"m_dirac": point["m_e_vll"]})
    assert all(np.array_equal(here[name], there[name]) for name in here)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"scalars": "mass_matrx"}, "it is 'mass_matrix' or 'eigenstates'"),
        ({"yukawas": "x"}, "yukawas = 'x' given; it is 'free' or 'casas_ibarra'"),
        ({"ordering": "XO"}, "ordering = 'XO' given"),
        ({"convention": "printed"}, "it is 'derived' or 'as_printed'"),
        ({"source": "hep"}, "source = 'hep' given"),
        ({"ci_sign": 2}, "ci_sign = 2 given; it is 1 or -1"),
        ({"nodes": 3}, "nodes = 3 given; it is a whole number >= 32"),
    ],
)
def test_settings_are_checked(settings, text):
    with pytest.raises(InputError, match=text):
        DarkDipole(**settings)
