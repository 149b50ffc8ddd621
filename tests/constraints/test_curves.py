"""Curve constraints: interpolation against mpmath, densities by integration, published limits."""

import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.interpolate import PchipInterpolator

from helpers import places
from helpers.curves import OWN, at, gradient, log_l, one
from nmmjax.constraints import tables
from nmmjax.constraints.curves import LimitCurve, OneSidedGaussianCurve
from nmmjax.constraints.entries import build
from nmmjax.constraints.interpolation import pchip
from nmmjax.constraints.library import catalogue
from nmmjax.constraints.regions import ExcludedRegion
from nmmjax.errors import InputError

REFERENCE = places.TESTS / "reference" / "constraints"
DATA = places.ROOT / "nmmjax" / "constraints" / "data" / "curves"
CURVES = [name for name, entry in catalogue().items() if entry["type"].endswith("_curve")]


# Interpolation


def test_pchip_is_the_monotone_cubic_of_scipy():
    x = tuple(np.sort(np.random.default_rng(0).uniform(0.0, 5.0, 30)))
    y = tuple(np.random.default_rng(1).normal(size=30))
    t = np.linspace(x[0], x[-1], 1001)
    assert np.asarray(pchip(jnp.asarray(t), x, y)) == pytest.approx(
        PchipInterpolator(x, y)(t), abs=1e-13
    )
    outside = pchip(jnp.asarray([x[0] - 1.0, x[-1] + 1.0]), x, y)
    assert np.asarray(outside) == pytest.approx([y[0], y[-1]], abs=1e-14)


def hermite(t, x, y):
    """Fritsch and Butland's cubic at 40 digits: harmonic means of the neighbouring slopes."""
    with mpmath.workdps(40):
        x, y = [mpmath.mpf(v) for v in x], [mpmath.mpf(v) for v in y]
        h = [b - a for a, b in itertools.pairwise(x)]
        s = [(b - a) / k for a, b, k in zip(y, y[1:], h, strict=False)]

        def slope(i):
            a, b = s[i - 1], s[i]
            w1, w2 = 2 * h[i] + h[i - 1], h[i] + 2 * h[i - 1]
            return 0 if a * b <= 0 else (w1 + w2) / (w1 / a + w2 / b)

        i = max(k for k in range(len(h)) if x[k] <= t)
        u, d = (t - x[i]) / h[i], (slope(i), slope(i + 1))
        basis = (1 + 2 * u) * (1 - u) ** 2, u**2 * (3 - 2 * u)
        slopes = u * (1 - u) ** 2, u**2 * (u - 1)
        value = basis[0] * y[i] + basis[1] * y[i + 1]
        return float(value + h[i] * (slopes[0] * d[0] + slopes[1] * d[1]))


def test_pchip_against_mpmath():
    curve = one("na64e_2023")
    x, y = np.log(curve.mass), np.log(curve.limit)
    for t in np.linspace(x[1] + 1e-3, x[-2] - 1e-3, 37):
        exact = hermite(t, x, y)
        assert float(pchip(jnp.asarray(t), tuple(x), tuple(y))) == pytest.approx(exact, abs=1e-13)


def test_no_overshoot():
    curve = one("na64e_2023")
    m = np.geomspace(curve.mass[0], curve.mass[-1], 20_001)
    limits = np.asarray(curve.limit_at(jnp.asarray(m)))
    i = np.clip(np.searchsorted(curve.mass, m, side="right") - 1, 0, len(curve.mass) - 2)
    ends = np.asarray(curve.limit)[[i, i + 1]]
    assert np.all(limits >= ends.min(axis=0) * (1 - 1e-12))
    assert np.all(limits <= ends.max(axis=0) * (1 + 1e-12))


# Published numbers


@pytest.mark.parametrize(
    ("name", "mass", "limit", "rel"),
    [
        # NA64 PRL 131 (2023) 161801, read off the curve: 10 MeV, 100 MeV, 1 GeV
        ("na64e_2023", 0.01, 2.1e-5, 0.02),
        ("na64e_2023", 0.1, 2.1e-4, 0.02),
        ("na64e_2023", 1.0, 5.2e-3, 0.02),
        # BaBar PRL 119 (2017) 131804: flat 9.5e-4 at low mass, best 4.0e-4 near 4.6 GeV
        ("babar_2017", 0.05, 9.5e-4, 0.01),
        ("babar_2017", 4.6, 4.0e-4, 0.03),
        # numbers quoted by arXiv:2603.25704
        ("na64_quoted_2603_25704", 0.01, 1e-5, 1e-12),
        ("na64_quoted_2603_25704", 0.1, 1e-4, 1e-12),
        ("babar_quoted_2603_25704", 0.5, 1e-3, 1e-12),
        # recast for a massive mediator: 2.8e-11 times 1.0320, 3.8346 and 271.4 (above 190 keV)
        ("borexino_2017_massive", 1e-4, 2.8e-11 * 1.032, 1e-4),
        ("borexino_2017_massive", 1e-3, 2.8e-11 * 3.83456, 1e-4),
        ("borexino_2017_massive", 1e-2, 2.8e-11 * 271.435, 1e-4),
        # the window of arXiv:2603.25704: kappa at 0.1, 1 and 10 MeV
        ("borexino_2017_massive_50keV", 1e-4, 2.8e-11 * 1.07751, 1e-4),
        ("borexino_2017_massive_50keV", 1e-3, 2.8e-11 * 5.62277, 1e-4),
        ("borexino_2017_massive_50keV", 1e-2, 2.8e-11 * 412.73, 1e-4),
        ("xenonnt_2022_massive", 1e-3, 6.4e-12 * 107.085, 1e-4),
        ("gemma_2012_massive", 1e-3, 2.9e-11 * 45.3103, 1e-4),
    ],
)
def test_published_limits(name, mass, limit, rel):
    curve = one(name)
    assert float(curve.limit_at(jnp.asarray(mass))) == pytest.approx(limit, rel=rel)
    assert curve.allowed(at(curve, 0.999 * limit * (1 - rel), mass))
    assert not curve.allowed(at(curve, 1.001 * limit * (1 + rel), mass))


def recast(mass, low, high, energy, m_e=0.51099895069):
    """mu_lim(M)/mu_lim(0) of a counting window [MeV], by the integral itself."""

    def rate(with_mass):
        def integrand(t):
            form = 2 * m_e * t / (2 * m_e * t + mass**2) if with_mass else 1
            return (1 / t - 1 / mpmath.mpf(energy)) * form**2

        return mpmath.quad(integrand, np.geomspace(low, high, 9).tolist())

    return float(mpmath.sqrt(rate(False) / rate(True)))


@pytest.mark.parametrize("mass", [0.0437, 0.33, 2.7, 61.0, 5e3])
@pytest.mark.parametrize(
    ("name", "low", "limit"),
    [("borexino_2017_massive", 0.19, 2.8e-11), ("borexino_2017_massive_50keV", 0.05, 2.8e-11)],
)
def test_recast_between_the_points_of_its_table(name, low, limit, mass):
    energy, m_e = 0.862, 0.51099895069
    end = 2 * energy**2 / (2 * energy + m_e)
    found = float(one(name).limit_at(jnp.asarray(mass * 1e-3)))
    assert found == pytest.approx(limit * recast(mass, low, end, energy), rel=2e-3)


def test_xenonnt_leads_below_and_borexino_above():
    xenon, borexino = one("xenonnt_2022_massive"), one("borexino_2017_massive")
    ratio = [float(xenon.limit_at(m) / borexino.limit_at(m)) for m in jnp.asarray([1e-4, 4e-4])]
    assert ratio[0] < 1.0 < ratio[1]


# Densities


def mass_below(curve, mass, limit, cl_points=24_001):
    """Posterior share of x < limit^power under a flat prior on x = coupling^power at one mass."""
    y = np.linspace(0.0, 16.0, cl_points)
    seen = 0.0 if curve.visible else 1.0
    density = np.exp(log_l(curve, limit * y ** (1.0 / getattr(curve, "power", 2)), mass, seen))
    inside = y <= 1.0
    return integrate.simpson(density[inside], y[inside]) / integrate.simpson(density, y)


@pytest.mark.parametrize("name", [name for name in CURVES if name != "babar_2017"])
def test_flat_prior_returns_the_quoted_limit(name):
    curve = one(name)
    low, high = 1.2 * curve.mass[0], 0.7 * curve.mass[-1]
    for mass in np.geomspace(low, high, 5):
        limit = float(curve.limit_at(jnp.asarray(mass)))
        assert mass_below(curve, mass, limit) == pytest.approx(curve.cl, abs=1e-3)
    assert abs(mass_below(curve, mass, 1.1 * limit) - curve.cl) > 0.01


def test_babar_reproduces_its_90_percent_limit():
    # Bayesian limits of the fitted eps^2, which agree with the published curve to 0.5%
    file = REFERENCE / "BaBar_2017_eps90_derived.csv"
    rows = tables.read(file, ["m_Aprime_GeV", "eps_upper_90CL"], REFERENCE)
    mass, eps90 = np.array([row.numbers for row in rows]).T
    curve = one("babar_2017")
    keep = (mass > 0.05) & (mass < 7.0)
    assert np.asarray(curve.limit_at(jnp.asarray(mass[keep]))) == pytest.approx(
        eps90[keep], rel=2e-3
    )
    # its own density, which does not reward upward fluctuations: smaller where there is one
    own = []
    for m, limit in zip(mass[keep][::6], eps90[keep][::6], strict=True):
        y = np.linspace(0.0, 16.0, 8001)
        density = np.exp(log_l(curve, limit * np.sqrt(y), m))
        cumulative = integrate.cumulative_simpson(density, x=y, initial=0.0)
        own.append(np.sqrt(np.interp(0.9 * cumulative[-1], cumulative, y)))
    assert np.median(own) == pytest.approx(1.0, abs=1e-3)
    assert np.quantile(own, 0.1) > 0.987
    assert 0.973 < min(own)
    assert max(own) < 1.002
    central = np.asarray(curve.centre)[keep] + 1.2816 * np.asarray(curve.sigma)[keep]
    assert np.median(np.sqrt(np.maximum(central, 0.0)) / eps90[keep]) < 0.95  # c + 1.28 s is not it


def test_one_sided_form_against_scipy():
    curve = one("babar_2017")
    for i in (3, 40, 70, 90):
        m, c, s = curve.mass[i], curve.centre[i], curve.sigma[i]
        x = np.array([0.0, 0.5, 1.0, 3.0]) * max(abs(c), s)
        best = stats.norm.logpdf(max(c, 0.0), c, s)
        expected = np.where(x < c, 0.0, stats.norm.logpdf(x, c, s) - best)
        assert log_l(curve, np.sqrt(x), m) == pytest.approx(expected, rel=1e-5, abs=1e-10)


def test_poisson_without_events():
    curve = one("na64e_2023")
    mass = curve.mass[30]
    for scale in (0.3, 1.0, 5.0):
        expected = -2.302585092994046 * scale**2 * 0.4
        found = log_l(curve, scale * curve.limit[30], mass, 0.4)
        assert found == pytest.approx([expected], rel=1e-9)


# Behaviour


@pytest.mark.parametrize("name", ["na64e_2023", "babar_2017", "babar_quoted_2603_25704"])
def test_branching_ratio_switches_the_limit_off(name):
    curve = one(name)
    b = np.linspace(0.0, 1.0, 101)
    values = log_l(curve, 3e-3, 0.3, b)
    assert values[0] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(values) < 0.0)
    assert values[-1] < -5.0
    assert curve.allowed(at(curve, 3e-3, 0.3, 1e-4))
    assert not curve.allowed(at(curve, 3e-3, 0.3, 1.0))


def test_visible_searches_see_the_rest():
    inv = build("a", OWN | {"observable": ["eps", "m_aprime", "br_inv_aprime"]})
    vis = build("b", OWN | {"observable": ["eps", "m_aprime", "br_inv_aprime"], "visible": True})
    assert log_l(vis, 2e-4, 0.1, 0.3) == pytest.approx(log_l(inv, 2e-4, 0.1, 0.7), rel=1e-12)


@pytest.mark.parametrize("name", CURVES)
def test_end_of_the_curve_is_smooth(name):
    curve = one(name)
    end = curve.mass[-1]
    coupling = 3.0 * float(curve.limit_at(jnp.asarray(end)))
    m = end * np.exp(np.linspace(-0.3, 0.3, 2001))
    values = log_l(curve, coupling, m, 0.0 if curve.visible else 1.0)
    if name == "babar_visible_2014":  # an envelope in bins, whose last step lies in this window
        m, values = m[1001:], values[1001:]
    assert np.max(np.abs(np.diff(values))) < 0.02 * np.ptp(values)
    if name != "babar_2017":  # C1
        slopes = np.diff(values) / np.diff(np.log(m))
        assert np.max(np.abs(np.diff(slopes))) < 0.05 * np.max(np.abs(slopes))
    if getattr(curve, "beyond", "gate") == "gate":
        assert abs(values[-1]) < 1e-6 * np.ptp(values)
        assert curve.allowed(at(curve, coupling, 1.01 * end))
    else:
        far = [float(curve.limit_at(jnp.asarray(end * x))) for x in (10.0, 100.0)]
        assert far[1] / far[0] == pytest.approx(100.0, rel=1e-4)  # ~ m^2
        assert not curve.allowed(at(curve, coupling, 1.01 * end))


@pytest.mark.parametrize("name", [*CURVES, "sn1987a_visible"])
def test_values_and_gradients_are_finite(name):
    curve = one(name)
    rng = np.random.default_rng(5)
    mass = 10.0 ** rng.uniform(-5.0, 2.0, 100_000)
    scale = 1.0 if "eps" in curve.requires else 1e-10
    coupling = scale * 10.0 ** rng.uniform(-10.0, 0.5, mass.size) * rng.choice([-1, 1], mass.size)
    branching = rng.uniform(0.0, 1.0, mass.size)

    def term(*x):
        return curve.log_likelihood(at(curve, *x))

    args = [jnp.asarray(x) for x in (coupling, mass, branching)]
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(term, (0, 1, 2))))(*args)
    assert np.all(np.isfinite(values))
    assert np.all(np.asarray(values) <= 1e-12)
    for slope in slopes:
        assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("name", ["na64e_2023", "babar_2017", "xenonnt_2022_massive"])
def test_gradient_against_finite_differences(name):
    curve = one(name)
    mass = 0.37 * curve.mass[-1]
    coupling = 1.3 * float(curve.limit_at(jnp.asarray(mass)))
    d_coupling, d_mass, _ = gradient(curve, coupling, mass)
    for found, where in ((d_coupling, 0), (d_mass, 1)):
        x = [coupling, mass]
        step = 1e-5 * x[where]
        ends = []
        for sign in (-1, 1):
            x = [coupling, mass]
            x[where] += sign * step
            ends.append(log_l(curve, *x)[0])
        assert found == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-5)


# SN1987A


def test_supernova_region_is_a_flag():
    region = one("sn1987a_visible")
    inside, outside = (1e-9, 0.02), (1e-6, 0.02)
    assert log_l(region, *inside, 0.0) == 0.0
    assert not region.allowed(at(region, *inside, 0.0))
    assert region.allowed(at(region, *inside, 1.0))  # invisible
    assert region.allowed(at(region, *outside, 0.0))
    assert region.allowed(at(region, 1e-9, 0.3, 0.0))  # heavier than the contour reaches
    assert region.allowed(at(region, 1e-12, 0.02, 0.0))


def test_excluded_region_as_a_step():
    entry = catalogue()["sn1987a_visible"] | {"use": "optional", "height": 2.0}
    region = build("sn", entry, DATA)
    assert isinstance(region, ExcludedRegion)
    assert log_l(region, 1e-9, 0.02, 0.0) == pytest.approx([-2.0], rel=1e-6)
    assert log_l(region, 1e-9, 0.02, 0.25) == pytest.approx([-1.5], rel=1e-6)
    assert log_l(region, [1e-12, 1e-5], 0.02, 0.0) == pytest.approx([0.0, 0.0], abs=1e-6)
    low, high = map(float, region.edges(jnp.asarray(0.02)))
    assert log_l(region, [low, high], 0.02, 0.0) == pytest.approx([-1.0, -1.0], rel=1e-3)
    assert 8e-11 < low < 1e-10 < 1e-7 < high < 1.3e-7


# Errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mass": [0.01, 1.0, 0.1]}, "masses must increase: 0.1 follows 1"),
        ({"mass": [0.0, 0.1, 1.0]}, "mass must be > 0, got 0"),
        ({"mass": [0.01, 0.1]}, "same length >= 2, got 2 and 3"),
        ({"limit": [1e-5, -1e-4, 1e-3]}, "limit must be a number > 0, got -0.0001"),
        ({"limit": None}, "limit is missing"),
        ({"limit": 1e-3}, "limit must be a list of numbers"),
        ({"reference": None}, "reference is missing"),
        ({"observable": "eps"}, r"observable must be \[coupling, mass\] or"),
        ({"observable": ["eps"]}, r"observable must be \[coupling, mass\] or"),
        ({"columns": ["a", "b"]}, "columns belong to a file"),
        ({"mass_units": "keV"}, "mass_units must be 'GeV' or 'MeV', got 'keV'"),
        ({"times": "2"}, "times must be a number, got '2'"),
        ({"beyond": "zero"}, "beyond must be 'gate' or 'slope', got 'zero'"),
        ({"visible": 1}, "visible must be true or false, got 1"),
        ({"units": "mu_B"}, "units 'mu_B' of eps should be '1'"),
        ({"cl": 90}, "cl must lie between 0 and 1, got 90"),
        ({"type": "one_sided_gaussian_curve", "power": None, "limit": None}, "centre is missing"),
        (
            {"type": "excluded_region", "power": None, "cl": None, "limit": None}
            | {"coupling": [1e-5, 1e-4, 1e-3]},
            "must rise once and fall once",
        ),
    ],
)  # fmt: skip
def test_entry_errors(changes, message):
    entry = {k: x for k, x in (OWN | changes).items() if x is not None}
    with pytest.raises(InputError, match=f"constraint 'mine': .*{message}"):
        build("mine", entry)


def test_inline_tables_and_units():
    curve = build("mine", OWN | {"mass": [10.0, 100.0, 1000.0], "mass_units": "MeV", "times": 2.0})
    assert isinstance(curve, LimitCurve)
    assert curve.mass == pytest.approx((0.01, 0.1, 1.0))
    assert curve.limit == pytest.approx((2e-5, 2e-4, 2e-3))
    assert "against m_aprime in 0.01 to 1 GeV (90% CL)" in curve.describe()


def test_curves_are_static_and_hashable():
    curve = one("babar_2017")
    assert isinstance(curve, OneSidedGaussianCurve)
    assert jax.tree.leaves(curve) == []
    assert hash(curve) == hash(one("babar_2017"))
