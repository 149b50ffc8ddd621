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
