"""`dark_dipole`: symmetries and limits, decays of the dark photon, the whole prior, settings."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.dark_points import (
    LEPTONS,
    SM,
    TO_MU_B,
    arrays,
    complex_matrix,
    eigenstate_theta,
    matrix_theta,
    predictor,
    yukawa_parameters,
)
from nmmjax.errors import InputError
from nmmjax.models.dark_dipole.model import DarkDipole
from nmmjax.physics import neutrinos
from nmmjax.physics.dark_loops import wedge
from nmmjax.physics.dark_scalars import scalars_from_masses, scalars_from_matrices
from nmmjax.physics.dark_sector import dark_loops as sector_loops
from nmmjax.physics.dark_sector import lepton_loop, light_from_yukawas
from nmmjax.physics.mass_zero import dirac_mass
from nmmjax.target.model import guarded_predict
from nmmjax.target.posterior import Posterior


@pytest.fixture(scope="module")
def points(reference):
    return reference("dark_dipole/points.json")["points"]


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


def test_no_yukawas():
    """Massless neutrinos, no moment, no decays: only mixing is undefined."""
    found = predictor()(arrays(DarkDipole().reference | yukawa_parameters(np.zeros((3, 2)))))
    assert {p for p, x in found.items() if not np.isfinite(x)} == {
        "sin2_th12",
        "sin2_th13",
        "sin2_th23",
    }
    for name in ("m_nu", "sum_m_nu", "m_beta", "mu_nu", "mu_eff_dark_solar", "br_mu_e_gamma"):
        assert float(found[name]) == 0.0, name


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
    """A doublet of 45 GeV and more decouples; a light one counts as two neutrinos.

    Width of one: arXiv:1401.2447, Table 5, which is 0.8% above the tree level's.
    """
    predict = predictor(scalars="eigenstates")
    neutrino = 0.167151
    assert neutrino == pytest.approx(SM.g_f * SM.m_z**3 / (12 * math.sqrt(2) * math.pi), rel=0.01)
    light, heavy = (float(predict(decay_point(m_dirac=x))["gamma_z_inv"]) for x in (0.02, 50.0))
    assert heavy == pytest.approx(3 * neutrino, rel=1e-12)
    assert light == pytest.approx(5 * neutrino, rel=1e-6)


def test_rounding_makes_no_negative_share():
    """nu_e and nu_mu couple to the same scalar: each of 200 nu_e misses one state altogether."""
    s = scalars_from_matrices(*(jnp.asarray(x) for x in (0.04, 0.33, -5e-4, 5.5e-5, 3.2e-3)))
    loops = sector_loops(s, jnp.asarray(2.5e-10), jnp.asarray(0.75), 96)

    def shares(y_e):
        y = jnp.array([[0.0, 0.0], [0.0, 0.78], [0.2, -5e-4]]).at[0, 1].set(y_e) + 0j
        return light_from_yukawas(y, loops, "NO").u_squared

    found = jax.jit(jax.vmap(shares))(jnp.geomspace(1e-5, 1.0, 200))
    assert bool(jnp.all(found >= 0.0))
    assert float(jnp.max(jnp.abs(jnp.sum(found, axis=2) - 1.0))) < 1e-15


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
        shares = np.array([0.55, 0.225, 0.225])  # pp, to 5%
        unit = float(theta["eps"]) * SM.e
        seen = unit * math.sqrt(shares @ np.sum(abs(v) ** 2, axis=1))
        assert found["g_nu_e_solar"] == pytest.approx(seen, rel=0.1)
        diagonal = unit * shares * np.diag(v).real
        assert found["g_nu_e_neutral"] == pytest.approx(np.sum(diagonal), abs=0.1 * seen)
        assert found["g_nu_e_charged"] == pytest.approx(diagonal[0], rel=0.1)
        mu = float(found["mu_nu"]) / TO_MU_B
        dominates = np.linalg.norm(v, 2) ** 2 > 2 * SM.m_e * 2e-4 * mu**2
        assert bool(found["vector_dominates"]) == dominates


MODES = [
    {},
    {"convention": "as_printed"},
    {"scalars": "eigenstates", "su2_consistent": True},
    {"yukawas": "casas_ibarra"},
    {"scalars": "eigenstates", "yukawas": "casas_ibarra", "ordering": "IO"},
    {"scalars": "mass_zero"},
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


@pytest.mark.slow
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


def test_pairs_and_a_tilt_are_the_same_model_as_masses():
    """Away from the surface against `eigenstates`; on it no mass, and the moment of the page."""
    paired, plain = DarkDipole(scalars="mass_zero"), DarkDipole(scalars="eigenstates")
    point = paired.reference | {"split_1": 0.2, "split_2": -0.1, "tilt": 0.3}
    masses = {
        f"m_{x}{k}": point[f"m_s{k}"] * math.exp(sign * point[f"split_{k}"] / 2)
        for x, sign in (("h", -1), ("a", 1))
        for k in (1, 2)
    }
    m_dirac = float(dirac_mass(point["m_lnv"], 0.2, 0.4, 160)) * math.exp(0.3)
    here = paired.predict(arrays(point))
    there = plain.predict(arrays(plain.reference | point | masses | {"m_dirac": m_dirac}))
    for name, value in here.items():
        assert value == pytest.approx(float(there[name]), rel=1e-9), name
    none = {"split_1": 0.0, "split_2": 0.0, "tilt": 0.0}
    found = paired.predict(arrays(paired.reference | none))
    assert float(found["m_nu"]) < 1e-12 * float(found["m_nu_naive"])
    assert float(found["mu_nu"]) > 1e-3 * float(here["mu_nu"])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"scalars": "mass_matrx"}, "it is 'mass_matrix', 'eigenstates' or 'mass_zero'"),
        ({"scalars": "mass_zero", "su2_consistent": True}, "sets m_dirac from the scalars"),
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
