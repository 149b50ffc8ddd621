"""Circular statistics against scipy, von Mises and wrapped Gaussians of known parameters."""

import math

import numpy as np
import pytest
from scipy import stats

from nmmjax.results import angles, regions
from nmmjax.samplers import diagnostics

TURN = 2.0 * math.pi
ENSEMBLE = np.repeat(np.arange(4), 8)


def von_mises(mean, kappa, count=40_000, seed=1):
    """Draws in (-pi, pi], (32 chains, draw)."""
    rng = np.random.default_rng(seed)
    return stats.vonmises(kappa).rvs((32, count // 32), random_state=rng) + mean


def wrapped(values):
    return angles.unrolled(values, 0.0, TURN)


@pytest.mark.parametrize("period", [TURN, 360.0])
@pytest.mark.parametrize("mean", [0.3, 3.1, -2.72])
def test_mean_and_spread_are_those_of_scipy(mean, period):
    values = wrapped(von_mises(mean, 4.0, 4000)) * period / TURN
    half = {"low": -0.5 * period, "high": 0.5 * period}
    found = angles.resultant(values, period)[0]
    assert found == pytest.approx(float(stats.circmean(values, **half)), rel=1e-12)
    expected = float(stats.circstd(values, **half))
    assert angles.spread(values, period) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("mean", [0.0, math.pi, -2.72])
def test_a_von_mises_peak_is_recovered_wherever_the_seam_is(mean):
    """Mean, R = I1(k)/I0(k) and the central 90%, each within five of its errors."""
    kappa, count = 4.0, 40_000
    law = stats.vonmises(kappa)
    values = wrapped(von_mises(mean, kappa, count))
    found, r = angles.resultant(values, TURN)
    sine = math.sqrt(0.5 * (1.0 - law.expect(lambda x: np.cos(2 * x), lb=-math.pi, ub=math.pi)))
    exact_r = law.expect(np.cos, lb=-math.pi, ub=math.pi)
    assert abs(wrapped(np.array(found - mean))) < 5.0 * sine / exact_r / math.sqrt(count)
    assert abs(r - exact_r) < 5.0 * math.sqrt((1.0 - exact_r**2) / count)
    low, middle, high = angles.interval(values, 0.9, TURN)
    edge = float(law.ppf(0.95))
    # An end of the shortest arc is worse known than a quantile: n^(-1/3) for its place.
    slack = 5.0 * math.sqrt(0.9 * 0.1 / count) / float(law.pdf(edge))
    assert high - low == pytest.approx(2.0 * edge, abs=slack)
    assert abs(wrapped(np.array(middle - mean))) < 5.0 * 1.25 * sine / exact_r / math.sqrt(count)
    assert low < middle < high
    assert np.mean((values - low) % TURN <= high - low) == pytest.approx(0.9, abs=1e-3)


def test_results_turn_with_the_angles():
    values = von_mises(0.0, 2.0, 4000)
    at_rest = np.array(angles.interval(values, 0.9, TURN))
    for turn in (1.0, 3.0, 5.5):
        turned = np.array(angles.interval(wrapped(values + turn), 0.9, TURN)) - turn
        np.testing.assert_allclose(angles.unrolled(turned, 0.0, TURN), at_rest, atol=1e-12)
        np.testing.assert_allclose(np.diff(turned), np.diff(at_rest), atol=1e-12)


def test_the_error_of_the_mean_is_its_scatter_over_repeats():
    means, errors = [], []
    for seed in range(200):
        values = von_mises(3.0, 1.5, 640, seed)
        sine = angles.sine_about(values, angles.resultant(values, TURN)[0], TURN)
        means.append(angles.resultant(values, TURN)[0])
        errors.append(angles.error_of_mean(values, diagnostics.mcse_mean(sine), TURN))
    scatter = float(np.std(wrapped(np.array(means) - 3.0)))
    assert scatter == pytest.approx(np.mean(errors), rel=5.0 / math.sqrt(2.0 * 200))


def test_one_peak_across_the_seam_is_one_region():
    values = wrapped(von_mises(3.56, 3.4))
    assert regions.find("delta_cp", values, ENSEMBLE, {"angle": True}) is not None  # on a line
    assert regions.find("delta_cp", values, ENSEMBLE, {"angle": True}, TURN) is None


def test_two_peaks_on_a_circle_are_two_regions_with_both_valleys():
    values = von_mises(3.1, 30.0)
    values[:, ::4] = von_mises(0.2, 30.0)[:, ::4]
    found = regions.find("phase", wrapped(values), ENSEMBLE, {"angle": True}, TURN)
    assert found is not None
    assert sorted(found.shares) == pytest.approx([0.25, 0.75], abs=0.01)
    assert len(found.edges) == 2
    for edge in found.edges:  # neither valley lies in a peak
        assert min(abs(wrapped(np.array(edge - peak))) for peak in (3.1, 0.2)) > 0.6


def test_a_flat_circle_has_no_regions_and_no_small_spread():
    values = np.random.default_rng(0).uniform(-math.pi, math.pi, (32, 1000))
    assert regions.find("alpha_21", values, ENSEMBLE, {"angle": True}, TURN) is None
    low, _, high = angles.interval(values, 0.9, TURN)
    assert high - low == pytest.approx(0.9 * TURN, abs=0.1)
    assert angles.spread(values, TURN) > 2.5


def test_nan_stays_nan():
    values = von_mises(0.0, 1.0, 640)
    values[0, 0] = np.nan
    assert math.isnan(angles.resultant(values, TURN)[0])
    assert all(math.isnan(x) for x in angles.interval(values, 0.9, TURN))
