"""Constraints against scipy.stats, integrals and the published numbers they came from."""

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from helpers.curves import one, upper_limit
from nmmjax.constraints.entries import build
from nmmjax.constraints.library import catalogue, load, prefer
from nmmjax.constraints.limits import SmoothBound

ENTRIES = catalogue()
UPPER = [name for name, entry in ENTRIES.items() if entry["type"] == "upper_limit"]
GAUSSIAN = [name for name, entry in ENTRIES.items() if entry["type"] == "gaussian"]
LOWER = [
    name
    for name, entry in ENTRIES.items()
    if entry["type"] == "lower_limit" and entry["use"] != "flag"
]
DEGREE = math.pi / 180.0


def at(constraint, *x):
    """The observables of a constraint at values x (which may be arrays)."""
    return dict(zip(constraint.requires, map(jnp.asarray, x), strict=True))


def curve(constraint, x):
    return np.asarray(jax.vmap(lambda v: constraint.log_likelihood(at(constraint, v)))(x))


def slope(constraint, x):
    return float(jax.grad(lambda v: constraint.log_likelihood(at(constraint, v)))(x))


<<<<<<< HEAD
=======
def one(name):
    (constraint,) = load([name])
    return constraint


def table(**changes):
    """A well-formed upper limit, with keys changed or (None) removed."""
    entry = {
        "observable": "mu_eff_solar",
        "type": "upper_limit",
        "value": 6.4e-12,
        "cl": 0.9,
        "units": "mu_B",
        "year": 2022,
        "reference": "arXiv:0000.00000",
        "verified": "lookup",
    } | changes
    return {key: x for key, x in entry.items() if x is not None}


# The data file


def test_every_entry_loads_and_names_its_source():
    for constraint in map(one, ENTRIES):
        source = constraint.source
        assert source.reference
        assert 1980 <= source.year <= 2030
        assert source.verified.split(":")[0].split()[0].strip(";") in (
            "data", "lookup", "derived", "convention", "memory",
        )  # fmt: skip
        assert source.use in ("default", "optional", "projection", "flag")
        assert constraint.flag == (source.use == "flag")
        assert source.group
        assert "\n" not in constraint.describe()
        unit = source.units.removesuffix("^2") if constraint.name == "katrin_2025" else source.units
        assert quantity(constraint.requires[0]).unit == unit
        if ENTRIES[constraint.name]["type"] == "gaussian_nd":
            assert {quantity(key).unit for key in constraint.requires} == {unit}
        assert all(quantity(key) for key in constraint.requires)


def test_no_default_rests_on_memory():
    for entry in ENTRIES.values():
        assert not (entry["use"] == "default" and entry["verified"].startswith("memory"))
    assert any(entry["verified"].startswith("memory") for entry in ENTRIES.values())


def test_curves_name_their_licence():
    for name, entry in ENTRIES.items():
        assert ("file" in entry) == ("licence" in entry), name


def test_projections_are_called_future():
    for name, entry in ENTRIES.items():
        assert name.startswith("future_") == (entry["use"] == "projection")


@pytest.mark.parametrize(
    ("name", "numbers", "text"),
    [
        # XENONnT, PRL 129 (2022) 161805, arXiv:2207.11330: mu_nu < 6.4e-12 mu_B (90%)
        ("xenonnt_2022", {"value": 6.4e-12}, "mu_eff_pp < 6.4e-12 mu_B (90% CL)"),
        # Beda et al. (GEMMA), PPNL 10 (2013) 139: mu_nu < 2.9e-11 mu_B (90%)
        ("gemma_2012", {"value": 2.9e-11}, "mu_eff_reactor < 2.9e-11 mu_B (90% CL)"),
        # Borexino, PRD 96 (2017) 091103, arXiv:1707.09355: mu_eff < 2.8e-11 mu_B (90%)
        ("borexino_2017", {"value": 2.8e-11}, "mu_eff_be7 < 2.8e-11 mu_B (90% CL)"),
        # KATRIN, Science 388 (2025) 180, arXiv:2406.13516: m_beta^2 = -0.14 +0.13 -0.15 eV^2
        (
            "katrin_2025",
            {"value": -0.14, "sigma_plus": 0.13, "sigma_minus": 0.15},
            "m_beta^2 = -0.14 +0.13 -0.15 eV^2; m_beta < 0.45 eV (90% CL)",
        ),
        # PDG 2025, T alone -0.032 to 0.084 at 95%: rho_0 = 1 + alpha(m_Z) T
        ("rho0", {"value": 1.0002, "sigma_plus": 0.00023}, "rho0 = 1.0002 +- 0.00023"),
        # ATLAS, EPJC 82 (2022) 988, arXiv:2202.02039: type-III leptons above 910 GeV (95%)
        ("typeIII_atlas", {"value": 910.0}, "m_triplet > 910 GeV (95% CL)"),
        # MEG II, EPJC 85 (2025) 1177, arXiv:2504.15711: BR(mu -> e gamma) < 1.5e-13 (90%)
        ("mu_e_gamma_meg2_2025", {"value": 1.5e-13}, "br_mu_e_gamma < 1.5e-13 (90% CL)"),
        # NuFIT 6.1 with SK, normal ordering: delta_CP = 212 +26 -36 degrees
        (
            "nufit61_sk_NO_dcp",
            {"value": 212 * DEGREE, "sigma_plus": 26 * DEGREE, "sigma_minus": 36 * DEGREE},
            "delta_cp = 3.7",
        ),
        # PDG 2026, S044W6: Gamma(Z -> inv) = 499.3 +- 1.5 MeV
        ("Gamma_Z_inv", {"value": 0.4993, "sigma_minus": 0.0015}, "gamma_z_inv = 0.4993 +- 0.0015"),
    ],
)
def test_published_numbers(name, numbers, text):
    constraint = one(name)
    assert constraint.describe().startswith(text)
    for key, x in numbers.items():
        assert getattr(constraint, key) == pytest.approx(x, rel=1e-15)


def test_entries_are_static_and_hashable():
    first, again, other = one("xenonnt_2022"), one("xenonnt_2022"), one("gemma_2012")
    assert jax.tree.leaves(first) == []
    assert hash(first) == hash(again)
    assert first == again
    assert first != other


>>>>>>> c13
def test_values_and_gradients_are_finite_everywhere():
    # one of each kind: entries that differ in their numbers alone compile to the same thing
    numbers = ("value", "sigma", "sigma_plus", "sigma_minus", "theory_sigma")
    kinds = {
        (entry["type"], *(key for key in entry if key not in numbers)): name
        for name, entry in ENTRIES.items()
        if "mass" not in entry and "file" not in entry  # curves have their own test
    }
    constraints = tuple(map(one, kinds.values()))
    assert len(constraints) > 10
    wishes = prefer({"mu_nu": {"above": 1e-12, "below": 1e-10, "width_dex": 0.25}})
    rng = np.random.default_rng(1)
    points = {}
    for constraint in (*constraints, *wishes):
        scale = float(np.max(np.abs(getattr(constraint, "value", 1e-12))))
        for key in constraint.requires:
            spread = scale * 10.0 ** rng.uniform(-30.0, 30.0, 100_000)
            points[key] = jnp.asarray(spread * rng.choice([-1.0, 1.0], spread.size))
    points["br_inv_aprime"] = jnp.asarray(rng.uniform(0.0, 1.0, 100_000))

    def terms(point):
        return {c.name: c.log_likelihood(point) for c in (*constraints, *wishes)}

    def total(point):
        found = terms(point)
        return sum(found.values()), found

    gradients, values = jax.jit(jax.vmap(jax.grad(total, has_aux=True)))(points)
    for name, value in values.items():
        assert np.all(np.isfinite(value)), name
        assert np.all(np.asarray(value) <= 1e-9 * (1.0 + np.abs(value))), name
    for name, gradient in gradients.items():
        assert np.all(np.isfinite(gradient)), name
    zero = terms({key: jnp.asarray(0.0) for key in points} | {"mu_nu": jnp.asarray(1e-11)})
    assert all(np.isfinite(value) for value in zero.values())


def test_beyond_every_scale_is_minus_infinity_not_nan():
    for constraint in load(["xenonnt_2022", "mbb_kamlandzen", "katrin_2025", "oblique_ST_U0"]):
        x = [1e200, -1e180][: len(constraint.requires)]
        value = constraint.log_likelihood(at(constraint, *x))
        assert value == -jnp.inf
        assert not constraint.allowed(at(constraint, *x))


# Upper limits
def mass_below_limit(constraint, power):
    """Posterior probability of x < limit under a flat prior on x^power >= 0."""
    y = np.linspace(0.0, 12.0, 24_001)  # in units of limit^power; the limit is on the grid
    density = np.exp(curve(constraint, constraint.value * y ** (1.0 / power)))
    inside = y <= 1.0
    return integrate.simpson(density[inside], y[inside]) / integrate.simpson(density, y)


@pytest.mark.parametrize("name", UPPER)
def test_flat_prior_returns_the_quoted_limit(name):
    constraint = one(name)
    assert mass_below_limit(constraint, constraint.power) == pytest.approx(
        ENTRIES[name]["cl"], abs=1e-3
    )


def test_other_conventions_do_not():
    soft = build("soft", upper_limit(power=2, convention="profile"))
    assert abs(mass_below_limit(soft, 2) - 0.9) > 0.05
    assert abs(mass_below_limit(one("xenonnt_2022"), 1) - 0.9) > 0.02  # flat in the moment itself


@pytest.mark.parametrize("name", UPPER)
def test_profile_convention(name):
    constraint = build(name, ENTRIES[name] | {"convention": "profile"})
    z1 = stats.norm.ppf(ENTRIES[name]["cl"])
    value = constraint.log_likelihood(at(constraint, constraint.value))
    assert value == pytest.approx(-0.5 * z1**2, rel=1e-12)
    assert "profile" in constraint.describe()


def test_moments_enter_squared():
    for name in UPPER:
        assert (one(name).power == 2) == (
            ENTRIES[name]["group"] == "mu_nu"
            or name in ("ewpo_kinetic_mixing", "nonunitarity_eta_emu", "future_m_beta_project8")
        )
    xenon = one("xenonnt_2022")
    ratio = curve(xenon, np.array([6.4e-12, 12.8e-12]))
    assert ratio[1] / ratio[0] == pytest.approx(16.0, rel=1e-12)


def test_upper_limit_allows_up_to_the_limit():
    xenon = one("xenonnt_2022")
    assert xenon.allowed(at(xenon, 6.4e-12))
    assert not xenon.allowed(at(xenon, 6.41e-12))
    assert not xenon.allowed(at(xenon, math.nan))


@pytest.mark.parametrize("x", [1e-3, 0.03, 0.06, 0.122, 0.3, 3.0])
def test_band_is_the_marginal_over_the_matrix_element(x):
    band = one("mbb_kamlandzen")
    z, low, high = stats.norm.ppf(0.95), mpmath.mpf("0.028"), mpmath.mpf("0.122")

    def integrand(t):
        limit = mpmath.sqrt(low * high) * (high / low) ** (t / 2)
        return mpmath.npdf(t) * mpmath.exp(-((z * (x / limit) ** 2) ** 2) / 2)

    exact = float(mpmath.log(mpmath.quad(integrand, [-10, -4, -2, -1, 0, 1, 2, 3, 4, 6, 10])))
    tolerance = 1e-5 if x < 0.25 else 5e-4
    assert band.log_likelihood(at(band, x)) == pytest.approx(exact, abs=tolerance)
    assert bool(band.allowed(at(band, x))) == (x <= 0.122)


# Measurements
@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussians_against_scipy(name):
    c = one(name)
    sigmas = np.hypot([c.sigma_minus, c.sigma_plus], c.theory_sigma)
    for side, sigma in zip((-1.0, 1.0), sigmas, strict=True):
        y = c.value + side * sigma * np.array([0.1, 1.0, 2.5])
        if c.physical_min is not None:
            y = c.physical_min + np.array([0.1, 0.2, 0.5])
            sigma = sigmas[1]
        best = c.value if c.physical_min is None else max(c.value, c.physical_min)
        expected = stats.norm.logpdf(y, c.value, sigma) - stats.norm.logpdf(best, c.value, sigma)
        assert curve(c, y ** (1.0 / c.power)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["nufit61_sk_NO_s23", "nufit61_sk_NO_dcp"])
def test_asymmetric_gaussian_is_c1(name):
    c = one(name)
    assert c.sigma_plus != c.sigma_minus
    step = 1e-5 * c.sigma_plus
    assert slope(c, c.value) == 0.0
    assert slope(c, c.value + step) == pytest.approx(-step / c.sigma_plus**2, rel=1e-6)
    assert slope(c, c.value - step) == pytest.approx(step / c.sigma_minus**2, rel=1e-6)


def test_katrin_peaks_at_zero_mass():
    katrin = one("katrin_2025")
    m = np.concatenate([[0.0], np.geomspace(1e-3, 2.0, 400)])
    values = curve(katrin, m)
    assert values[0] == 0.0
    assert np.all(np.diff(values) < 0.0)
    unbounded = build(
        "katrin", {k: x for k, x in ENTRIES["katrin_2025"].items() if k != "physical_min"}
    )
    assert curve(unbounded, m)[0] < -0.5


def test_measurement_allows_two_sigma():
    rho0 = one("rho0")
    assert rho0.allowed(at(rho0, 1.0002 + 1.99 * 0.00023))
    assert not rho0.allowed(at(rho0, 1.0002 - 2.01 * 0.00023))


def test_phase_is_periodic_and_continuous():
    c = one("nufit61_sk_NO_dcp")
    x = np.linspace(-math.pi, math.pi, 20_001)
    values = curve(c, x)
    assert curve(c, x + 2.0 * math.pi) == pytest.approx(values, rel=1e-9, abs=1e-9)
    assert values.max() == pytest.approx(0.0, abs=1e-6)  # at 212 - 360 degrees
    assert x[values.argmax()] == pytest.approx((212 - 360) * DEGREE, abs=1e-3)
    assert np.max(np.abs(np.diff(values))) < 0.01
    one_image = build(
        "cut", {k: v for k, v in ENTRIES["nufit61_sk_NO_dcp"].items() if k != "period"}
    )
    assert curve(one_image, x[[values.argmax()]])[0] < -40.0


def test_correlated_gaussian_against_scipy():
    rng = np.random.default_rng(2)
    for name, correlations in {
        "oblique_ST_U0": [[1, 0.9], [0.9, 1]],
        "oblique_STU": [[1, 0.91, -0.62], [0.91, 1, -0.83], [-0.62, -0.83, 1]],
    }.items():
        entry = ENTRIES[name]
        mean, sigma = np.array(entry["value"]), np.array(entry["sigma"])
        law = stats.multivariate_normal(mean, np.outer(sigma, sigma) * correlations)
        x = rng.normal(mean, 3.0 * sigma, (50, mean.size))
        c = one(name)
        terms = jax.vmap(lambda row, c=c: c.log_likelihood(dict(zip(c.requires, row, strict=True))))
        assert terms(jnp.asarray(x)) == pytest.approx(law.logpdf(x) - law.logpdf(mean), rel=1e-9)


def test_correlated_gaussian_allows_95_percent():
    c = one("oblique_ST_U0")
    entry = ENTRIES["oblique_ST_U0"]
    sigma = np.array(entry["sigma"])
    covariance = np.outer(sigma, sigma) * [[1, 0.9], [0.9, 1]]
    draws = np.random.default_rng(3).multivariate_normal(entry["value"], covariance, 100_000)
    inside = jax.vmap(lambda s, t: c.allowed({"s_param": s, "t_param": t}))(*jnp.asarray(draws.T))
    assert np.mean(inside) == pytest.approx(0.9545, abs=5 * math.sqrt(0.9545 * 0.0455 / 1e5))
    one_by_one = np.all(np.abs(draws - entry["value"]) < 2 * sigma, axis=1)
    assert abs(np.mean(one_by_one) - 0.9545) > 0.01


# Steps
@pytest.mark.parametrize("name", [*LOWER, "perturbative"])
def test_step(name):
    c = one(name)
    side = -1.0 if isinstance(c, SmoothBound) else 1.0
    values = curve(c, c.value * (1.0 + side * np.array([0.0, 0.05, -0.05, -1.0])))
    assert values[0] == pytest.approx(-0.5 * math.log(2.0) ** 2, rel=1e-9)
    assert -1e-4 < values[1] <= 0.0
    assert values[2] == pytest.approx(-0.5 * math.log1p(math.exp(5.0)) ** 2, rel=1e-9)
    assert values[3] == pytest.approx(-5000.0, rel=1e-6)
    assert c.allowed(at(c, c.value * (1.0 + side * 1e-6)))
    assert not c.allowed(at(c, c.value * (1.0 - side * 1e-6)))


def test_perturbative_bound_is_sqrt_4_pi():
    assert one("perturbative").value == pytest.approx(math.sqrt(4.0 * math.pi), rel=1e-15)


# Preferences
def test_prefer_is_one_sided():
    (wish,) = prefer({"mu_nu": {"above": 1e-12, "below": None, "width_dex": 0.25}})
    assert wish.name == "prefer_mu_nu"
    assert wish.describe() == "mu_nu above 1e-12 mu_B, width 0.25 dex (preferred)"
    values = curve(wish, np.array([1e-11, 1e-12, 1e-13, 0.0]))
    assert values == pytest.approx([0.0, 0.0, -8.0, -np.inf], abs=1e-12)
    below = stats.norm.logpdf(-12.5, -12.0, 0.25) - stats.norm.logpdf(-12.0, -12.0, 0.25)
    assert curve(wish, np.array([10**-12.5]))[0] == pytest.approx(below, rel=1e-12)
    assert slope(wish, 1e-11) == 0.0
    assert wish.allowed(at(wish, 2e-12))
    assert not wish.allowed(at(wish, 5e-13))


def test_prefer_below_is_flat_down_to_zero():
    (wish,) = prefer({"tuning_bg": {"below": 100.0, "width_dex": 0.5}})
    assert curve(wish, np.array([0.0, 100.0, 1000.0])) == pytest.approx([0.0, 0.0, -2.0], abs=1e-12)
    assert slope(wish, 0.0) == 0.0
