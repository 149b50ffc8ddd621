"""Flavour: PMNS and Takagi against mpmath, moments against published and tabulated numbers."""

import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmmjax.errors import InputError
from nmmjax.models import _oscillation
from nmmjax.physics import casas_ibarra, neutrinos
from nmmjax.physics.constants import SM
from nmmjax.physics.numbers import square_root
from nmmjax.physics.svd3 import svd3

ANGLES = ("sin2_th12", "sin2_th23", "sin2_th13", "delta_cp")
PHASES = ("alpha_21", "alpha_31")
takagi = jax.jit(neutrinos.takagi, static_argnames="ordering")
pmns_jit = jax.jit(neutrinos.pmns)
mixing = jax.jit(neutrinos.mixing)
unit = st.floats(0.01, 0.99)
angle = st.floats(-math.pi, math.pi)


def close(value, rel):
    """Within rel of value, with no absolute slack: rates here are far below 1e-12."""
    return pytest.approx(value, rel=rel, abs=0.0)


def pmns(theta):
    return pmns_jit(*(theta[p] for p in (*ANGLES, *PHASES)))


def mp_pmns(s12, s23, s13, delta, a21, a31):
    """R23 U13 R12 P, multiplied out at 40 digits."""
    s12, s23, s13 = (mp.sqrt(mp.mpf(float(x))) for x in (s12, s23, s13))
    c12, c23, c13 = (mp.sqrt(1 - s * s) for s in (s12, s23, s13))
    e = mp.expj(float(delta))
    r23 = mp.matrix([[1, 0, 0], [0, c23, s23], [0, -s23, c23]])
    u13 = mp.matrix([[c13, 0, s13 / e], [0, 1, 0], [-s13 * e, 0, c13]])
    r12 = mp.matrix([[c12, s12, 0], [-s12, c12, 0], [0, 0, 1]])
    return r23 * u13 * r12 * mp.diag([1, mp.expj(float(a21) / 2), mp.expj(float(a31) / 2)])


def reconstruct(masses, u):
    return np.conj(u) @ np.diag(masses) @ np.conj(u).T


# Oscillation inputs


@given(unit, unit, unit, angle, angle, angle)
@settings(max_examples=30, deadline=None)
def test_pmns_is_the_product_of_rotations(s12, s23, s13, delta, a21, a31):
    u = np.asarray(pmns_jit(s12, s23, s13, delta, a21, a31))
    expected = np.array(mp_pmns(s12, s23, s13, delta, a21, a31).tolist(), dtype=complex)
    np.testing.assert_allclose(u, expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(u.conj().T @ u, np.eye(3), atol=2e-15)


@given(unit, unit, unit, angle, st.lists(angle, min_size=6, max_size=6))
@settings(max_examples=30, deadline=None)
def test_mixing_inverts_pmns_for_any_phases_of_rows_and_columns(s12, s23, s13, delta, phases):
    u = pmns_jit(s12, s23, s13, delta)
    left, right = np.exp(1j * np.array(phases[:3])), np.exp(1j * np.array(phases[3:]))
    found = mixing(jnp.asarray(left[:, None] * np.asarray(u) * right))
    assert found["sin2_th12"] == close(s12, 1e-13)
    assert found["sin2_th23"] == close(s23, 1e-13)
    assert found["sin2_th13"] == close(s13, 1e-13)
    assert abs(math.remainder(float(found["delta_cp"]) - delta, 2 * math.pi)) < 1e-11


@pytest.mark.parametrize("ordering", neutrinos.ORDERINGS)
def test_reference_point_and_priors(ordering):
    point = _oscillation.reference(ordering)
    declared = (*_oscillation.parameters(ordering), *_oscillation.majorana_parameters())
    assert {p.name for p in declared} == set(point)
    for p in declared:
        assert jnp.isfinite(p.prior.log_prior(point[p.name])), p.name
    # NuFIT 6.1 with SK: five times the one-sigma errors stay inside the boxes of the splittings
    spread = {"sin2_th12": 0.0067, "dm2_21": 1e-6, "dm2_3l": 2.1e-5, "sin2_th13": 6e-4}
    priors = {p.name: p.prior for p in declared}
    for name, sigma in spread.items():
        for value in (point[name] - 5 * sigma, point[name] + 5 * sigma):
            assert jnp.isfinite(priors[name].log_prior(value)), name
    expected = {"NO": (0.3088, 0.470, 0.02248, 212.0), "IO": (0.3088, 0.550, 0.02262, 274.0)}
    *sines, delta = expected[ordering]
    assert [point[p] for p in ANGLES[:3]] == sines
    assert math.degrees(point["delta_cp"]) % 360.0 == pytest.approx(delta)


def test_masses_follow_the_splittings():
    floor = {"NO": 0.0588, "IO": 0.0989}  # minimal sums in eV from oscillations
    for ordering in neutrinos.ORDERINGS:
        point = _oscillation.reference(ordering)
        dm2 = {p: point[p] for p in ("dm2_21", "dm2_3l")}
        masses = neutrinos.light_masses(0.0, **dm2, ordering=ordering)
        assert float(jnp.sum(masses)) == pytest.approx(floor[ordering], abs=5e-5)
        for lightest in (0.0, 1e-4, 0.3):
            masses = neutrinos.light_masses(lightest, **dm2, ordering=ordering)
            assert float(jnp.min(masses)) == lightest
            for name, value in neutrinos.splittings(masses, ordering).items():
                assert float(value) == close(dm2[name], 1e-11)
    m_1, m_2, m_3 = neutrinos.light_masses(0.01, 7.5e-5, -2.5e-3, "IO")
    assert m_3 < m_1 < m_2


def test_wrong_names_are_refused():
    with pytest.raises(InputError, match="ordering 'xo' given; there is: IO, NO"):
        _oscillation.parameters("xo")
    with pytest.raises(InputError, match="ordering 'no' given"):
        neutrinos.light_masses(0.0, 7.5e-5, 2.5e-3, "no")
    with pytest.raises(InputError, match="source 'pep' given"):
        neutrinos.solar_fractions(pmns_jit(0.3, 0.5, 0.02, 0.0), 7.5e-5, "pep")
    with pytest.raises(InputError, match="basis 'flavor' given; did you mean 'flavour'"):
        neutrinos.moment_entries(jnp.zeros((3, 3), complex), basis="flavor", majorana=True)


def test_mass_observables_are_those_of_the_mass_matrix():
    theta = _oscillation.reference("NO")
    u = pmns(theta)
    masses = neutrinos.light_masses(0.02, theta["dm2_21"], theta["dm2_3l"], "NO")
    m = reconstruct(np.asarray(masses), np.asarray(u))
    values = neutrinos.mass_observables(masses, u, majorana=True)
    assert float(values["m_ee"]) == close(abs(m[0, 0]), 1e-14)
    assert float(values["m_beta"]) ** 2 == close((m.conj().T @ m)[0, 0].real, 1e-14)
    assert values["m_nu"] == masses[2]
    assert float(values["sum_m_nu"]) == pytest.approx(float(sum(masses)))
    assert "m_ee" not in neutrinos.mass_observables(masses, u, majorana=False)


# Effective moments


def number(x):
    return complex(float(x["re"]), float(x["im"])) if isinstance(x, dict) else complex(float(x))


@pytest.mark.parametrize(("model", "majorana"), [("SM_Dirac", False), ("SM_Majorana", True)])
def test_moments_of_the_tabulated_standard_models(reference, model, majorana):
    tables = reference("baselines/models.json")
    for row in tables[model]:
        given = tables["constants"]["oscillation"][row["ordering"]]
        theta = {name: float(given[key]) for name, key in OSCILLATION.items()}
        theta["delta_cp"] = math.radians(theta["delta_cp"])
        theta |= {"alpha_21": math.radians(row["alpha21_deg"])}
        u = pmns(theta | {"alpha_31": math.radians(row["alpha31_deg"])})
        dm2 = (theta["dm2_21"], theta["dm2_3l"])
        masses = neutrinos.light_masses(float(row["m_lightest_eV"]), *dm2, row["ordering"])
        np.testing.assert_allclose(masses, [float(x) for x in row["m_nu_eV"]], rtol=1e-14)
        table = [np.array([[number(x) for x in r] for r in row[k]]) for k in ROWS]
        fractions = neutrinos.solar_fractions(u, theta["dm2_21"], "vacuum")
        amplitude = jnp.asarray(table[0] - 1j * table[1])
        seen = neutrinos.effective_moments(amplitude, u, {"solar": fractions}, majorana=majorana)
        for name, key in (
            ("mu_eff_reactor", "mu_nue_short_baseline"),
            ("mu_eff_solar", "mu_solar_vacuum_averaged"),
        ):
            assert float(seen[name]) == close(float(row[key]), 1e-13)


ROWS = ("mu_ij_muB", "eps_ij_muB")
OSCILLATION = {"sin2_th12": "s12", "sin2_th23": "s23", "sin2_th13": "s13", "delta_cp": "dcp"}
OSCILLATION |= {"dm2_21": "d21", "dm2_3l": "d3l"}


def antisymmetric(rng):
    m = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    return jnp.asarray(m - m.T)


def majorana_moments(mu_flavour, u, source="pp"):
    mu = neutrinos.to_mass_basis(mu_flavour, u)
    fractions = neutrinos.solar_fractions(u, 7.537e-5, source)
    return neutrinos.effective_moments(mu, u, {"solar": fractions}, majorana=True)


def test_flavour_and_mass_basis_agree():
    u, mu = pmns(_oscillation.reference("NO")), antisymmetric(np.random.default_rng(1))
    in_mass = neutrinos.to_mass_basis(mu, u)
    np.testing.assert_allclose(in_mass, -in_mass.T, atol=1e-15)
    np.testing.assert_allclose(neutrinos.to_flavour_basis(in_mass, u), mu, atol=2e-15)
    seen = majorana_moments(mu, u)
    rows = np.sqrt(np.sum(np.abs(mu) ** 2, axis=1))
    beams = [float(seen[f"mu_eff_{x}"]) for x in ("reactor", "numu", "nutau")]
    np.testing.assert_allclose(beams, rows, rtol=1e-14)
    assert sum(x**2 for x in beams) == close(2.0 * float(seen["mu_nu"]) ** 2, 1e-14)
    assert float(seen["mu_nu"]) == pytest.approx(
        math.sqrt(sum(abs(mu[a, b]) ** 2 for a, b in ((0, 1), (0, 2), (1, 2)))), rel=1e-14
    )
    # Lambda form of the solar moment
    fractions = np.asarray(neutrinos.solar_fractions(u, 7.537e-5, "pp"))
    lambdas = np.abs([in_mass[1, 2], in_mass[0, 2], in_mass[0, 1]]) ** 2
    assert float(seen["mu_eff_solar"]) ** 2 == close(lambdas @ (1.0 - fractions), 1e-14)


def test_moments_are_invariant_under_rephasing():
    rng = np.random.default_rng(2)
    u, mu = pmns(_oscillation.reference("NO")), antisymmetric(rng)
    seen = majorana_moments(mu, u)
    phase = jnp.exp(1j * jnp.asarray(rng.uniform(0, 6, 3)))
    # nu_a -> e^{i phi_a} nu_a: U -> phase U, mu -> phase* mu phase*
    back = jnp.conj(phase)
    rotated = majorana_moments(back[:, None] * mu * back[None, :], phase[:, None] * u)
    for name, value in seen.items():
        assert float(rotated[name]) == close(float(value), 1e-13), name
    # negative control: the other convention is not an invariance
    wrong = majorana_moments(phase[:, None] * mu * phase[None, :], phase[:, None] * u)
    assert abs(float(wrong["mu_eff_solar"] / seen["mu_eff_solar"]) - 1.0) > 1e-3


def test_dirac_moments_with_flavour_rows():
    rng = np.random.default_rng(4)
    u = pmns(_oscillation.reference("NO"))
    mu = jnp.asarray(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    fractions = neutrinos.solar_fractions(u, 7.537e-5)
    seen = neutrinos.effective_moments(jnp.conj(mu).T @ u, u, {"solar": fractions}, majorana=False)
    rows = np.sqrt(np.sum(np.abs(mu) ** 2, axis=1))
    for name, row in zip(("reactor", "numu", "nutau"), rows, strict=True):
        assert float(seen[f"mu_eff_{name}"]) == close(row, 1e-14)
    frobenius = float(np.linalg.norm(mu))
    assert float(seen["mu_nu"]) == close(frobenius, 1e-14)
    assert float(seen["mu_eff_plasmon"]) == close(frobenius, 1e-14)


def test_vanishing_moments_have_finite_gradients():
    """mu_emu alone: nu_tau has no moment, and the slope there is 0 rather than nan."""
    u = pmns(_oscillation.reference("NO"))

    def seen(x):
        mu = jnp.zeros((3, 3), complex).at[0, 1].set(x).at[1, 0].set(-x)
        return majorana_moments(mu, u) | neutrinos.moment_entries(
            mu, basis="flavour", majorana=True
        )

    assert seen(1.0)["mu_eff_nutau"] < 1e-15
    for x in (0.0, 1e-12):
        for jacobian in (jax.jit(jax.jacfwd(seen))(x), jax.jit(jax.jacrev(seen))(x)):
            assert all(jnp.isfinite(v) for v in jacobian.values())


def test_names_of_entries():
    mu = antisymmetric(np.random.default_rng(9))
    mass = neutrinos.moment_entries(mu, basis="mass", majorana=True)
    assert set(mass) == {"mu_nu_12", "mu_nu_13", "mu_nu_23"}
    assert mass["mu_nu_13"] == abs(mu[0, 2])
    dirac = neutrinos.moment_entries(mu, basis="flavour", majorana=False)
    assert len(dirac) == 9
    assert dirac["mu_nu_taue"] == abs(mu[2, 0])


# Solar neutrinos


def test_matter_term_in_practical_units():
    """A = 1.526e-7 (rho Y_e / g cm^-3) (E/MeV) c13^2/(dm2/eV^2), tested where A = cos 2theta."""
    s12 = 0.3
    energy, electrons = neutrinos.SOLAR["8B"]
    u = pmns_jit(s12, 0.5, 0.0, 0.0)
    dm2 = 1.526e-7 * electrons * energy * 1e3 / (1.0 - 2.0 * s12)
    p_e1 = float(neutrinos.solar_fractions(u, dm2, "8B")[0])
    assert p_e1 == pytest.approx(0.5, abs=2e-4)  # resonance, to the four digits of 1.526


def test_solar_fractions_against_three_flavour_diagonalisation():
    """Adiabatic three-flavour evolution: |<e|nu_k at production>|^2, no two-flavour reduction."""
    theta = _oscillation.reference("NO")
    u = np.asarray(pmns(theta))
    squares = np.array([0.0, theta["dm2_21"], theta["dm2_3l"]])
    for source, (energy, electrons) in neutrinos.SOLAR.items():
        found = np.asarray(neutrinos.solar_fractions(jnp.asarray(u), theta["dm2_21"], source))
        potential = 1.526e-7 * electrons * energy * 1e3  # 2 E V, eV^2
        hamiltonian = u @ np.diag(squares) @ u.conj().T + np.diag([potential, 0.0, 0.0])
        expected = np.abs(np.linalg.eigh(hamiltonian)[1][0]) ** 2
        np.testing.assert_allclose(found[:2], expected[:2], atol=0.0035)
        np.testing.assert_allclose(found[2], expected[2], rtol=0.1)  # 8B: theta_13 in matter
        assert found.sum() == close(1.0, 1e-15)
    vacuum = neutrinos.solar_fractions(jnp.asarray(u), theta["dm2_21"], "vacuum")
    np.testing.assert_allclose(vacuum, np.abs(u[0]) ** 2, rtol=1e-14)


def test_single_entries_seen_by_the_sun():
    """Vacuum averages for one flavour entry at a time, and what XENONnT's 6.4e-12 means."""
    u = pmns(_oscillation.reference("NO"))
    shares = {}
    for name, (a, b) in {"emu": (0, 1), "etau": (0, 2), "mutau": (1, 2)}.items():
        mu = jnp.zeros((3, 3), complex).at[a, b].set(1.0).at[b, a].set(-1.0)
        shares[name] = float(majorana_moments(mu, u, "vacuum")["mu_eff_solar"]) ** 2
    # 0.451 stands for slightly older inputs; for a mu-tau entry the sum is 1 - sum |U_ek|^4
    assert shares == pytest.approx({"emu": 0.764, "etau": 0.785, "mutau": 0.451}, abs=1e-3)
    assert shares["mutau"] == close(1.0 - float(jnp.sum(jnp.abs(u[0]) ** 4)), 1e-14)
    assert 6.4e-12 / math.sqrt(shares["emu"]) == close(7.3e-12, 0.01)
    assert 6.4e-12 / math.sqrt(shares["mutau"]) == close(9.5e-12, 0.01)


def test_borexino_component_limits():
    """arXiv:1510.01684 (abstract): 3.1e-11 mu_B gives 5.6, 4.0, 3.1e-11 for Lambda_1, 2, 3.

    No common set of fractions reproduces the three within their rounding (the paper's need
    P_e1 + P_e2 >= 1.04). pp neutrinos come within 7%, the 7Be line within 11%, 8B is far away.
    """
    published = np.array([5.6, 4.0, 3.1])
    u = pmns(_oscillation.reference("NO"))

    def deviation(source):
        fractions = np.asarray(neutrinos.solar_fractions(u, 7.537e-5, source))
        return np.abs(3.1 / np.sqrt(1.0 - fractions) / published - 1.0).max()

    assert deviation("pp") < 0.07
    assert deviation("7Be") < 0.11
    assert deviation("8B") > 0.4  # negative control


def test_solar_sources_use_the_constants_given():
    u = pmns(_oscillation.reference("NO"))
    weaker = neutrinos.solar_fractions(u, 7.537e-5, "8B", type(SM)(g_f=SM.g_f / 10.0))
    assert weaker[0] > neutrinos.solar_fractions(u, 7.537e-5, "8B")[0] + 0.3


def test_roots_keep_what_is_no_number():
    """A NaN must not turn into 0, which every limit allows; the slope at exactly 0 is 0."""
    value, slope = jax.value_and_grad(square_root)(0.0)
    assert (value, slope) == (0.0, 0.0)
    assert jax.grad(square_root)(4.0) == 0.25
    assert math.isnan(square_root(jnp.asarray(-1e-30)))
    assert math.isnan(square_root(jnp.asarray(math.nan)))
    u = neutrinos.pmns(0.31, 0.55, 0.022, 1.0)
    lost = jnp.array([math.nan, 0.05, 0.01])
    masses = neutrinos.mass_observables(lost, u, majorana=True)
    assert all(math.isnan(masses[name]) for name in ("m_nu", "sum_m_nu", "m_beta", "m_ee"))
    mu = jnp.zeros((3, 3), complex).at[0, 1].set(math.nan)
    seen = neutrinos.effective_moments(mu, u, {"solar": jnp.array([0.6, 0.3, 0.1])}, majorana=False)
    assert all(math.isnan(x) for x in seen.values())
    rotation = casas_ibarra.complex_rotation(0.1, 0.2, 1, "NO")
    assert np.isnan(casas_ibarra.casas_ibarra(u, lost, rotation, jnp.eye(2) + 0j)).any()


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (2, 1)])
def test_a_matrix_with_nan_has_no_masses_and_no_mixing(place):
    m = (jnp.arange(9.0).reshape(3, 3) + 0j).at[place].set(math.nan)
    for found in (svd3(m), takagi(m)):
        assert all(np.isnan(part).all() for part in found)


def test_two_states_of_one_mass_leave_nu_e_as_it_was():
    """dm2_21 = 0: sum_j |sum_k=1,2 mu_jk U_ek*|^2 + |U_e3|^2 sum_j |mu_j3|^2 in any basis."""
    rng = np.random.default_rng(5)
    u = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    flavour = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    flavour = flavour - flavour.T
    mass = u.T @ flavour @ u
    exact = np.sum(np.abs(mass[:, :2] @ u[0, :2].conj()) ** 2)
    exact += np.abs(u[0, 2]) ** 2 * np.sum(np.abs(mass[:, 2]) ** 2)
    c, s = np.cos(0.7), np.sin(0.7)
    turned = u.copy()
    turned[:, 0], turned[:, 1] = c * u[:, 0] + 1j * s * u[:, 1], 1j * s * u[:, 0] + c * u[:, 1]
    for basis in (u, turned):
        there = neutrinos.apart(jnp.asarray(basis), jnp.asarray(0.0))
        np.testing.assert_allclose(there @ there.conj().T, np.eye(3), atol=1e-15)
        mu = neutrinos.to_mass_basis(jnp.asarray(flavour), there)
        solar = neutrinos.solar_mixtures(there, jnp.asarray(0.0))
        seen = neutrinos.effective_moments(mu, there, solar, majorana=True)
        for name in ("solar", "be7", "b8"):
            assert float(seen[f"mu_eff_{name}"]) == pytest.approx(np.sqrt(exact), rel=1e-13)
    same = neutrinos.apart(jnp.asarray(u), jnp.asarray(7.5e-5))
    np.testing.assert_array_equal(same, u)


def test_an_electron_neutrino_that_is_one_state_stays_it():
    """U_e3 = 1 has no theta_12: all of nu_e is state 3."""
    u = jnp.eye(3, dtype=complex)[jnp.array([2, 0, 1])]
    for dm2_21 in (0.0, 7.5e-5):
        turned = neutrinos.apart(u, jnp.asarray(dm2_21))
        found = neutrinos.solar_fractions(turned, jnp.asarray(dm2_21), "8B")
        np.testing.assert_array_equal(found, [0.0, 0.0, 1.0])
