"""Separate regions: found where there are any, weights of ensembles compared."""

import numpy as np

from nmmjax.results import regions

FLAT = {"uniform": [-10.0, 10.0]}
ENSEMBLE = np.repeat(np.arange(4), 16)


def two_peaks(rng, shares, shape=(64, 300)):
    """Peaks at -3 and +3; each chain has its share of draws in the upper one."""
    upper = rng.random(shape) < np.broadcast_to(shares, (64,))[:, None]
    return rng.normal(size=shape) * 0.5 + np.where(upper, 3.0, -3.0)


def test_one_region_has_none_to_tell():
    rng = np.random.default_rng(0)
    for x in (
        rng.normal(size=(64, 300)),
        rng.uniform(size=(64, 300)),
        rng.standard_t(3.0, size=(64, 300)),
        rng.normal(size=(64, 300)) + np.where(rng.random((64, 300)) < 0.5, 1.5, -1.5),  # a dip
    ):
        assert regions.find("x", x, ENSEMBLE, FLAT) is None
    constant = np.ones((64, 300))
    assert regions.find("x", constant, ENSEMBLE, FLAT) is None
    rounded = constant + 1e-15 * rng.integers(-1, 2, (64, 300))
    assert regions.find("x", rounded, ENSEMBLE, FLAT) is None


def test_two_regions_with_the_weights_of_the_draws():
    x = two_peaks(np.random.default_rng(1), 0.3)
    found = regions.find("x", x, ENSEMBLE, FLAT)
    assert abs(found.edges[0]) < 1.5
    np.testing.assert_allclose(found.shares, [np.mean(x < 0.0), np.mean(x > 0.0)], atol=1e-3)
    assert found.agree
    assert found.lowest[1] <= found.shares[1] <= found.highest[1]


def test_p_is_uniform_for_ensembles_that_agree():
    """A Kolmogorov-Smirnov distance over 200 data sets: 1.63/sqrt(200) at 1%."""
    rng = np.random.default_rng(2)
    p = np.sort(
        [regions.find("x", two_peaks(rng, 0.4, (64, 100)), ENSEMBLE, FLAT).p for _ in range(200)]
    )
    grid = np.arange(1, 201) / 200.0
    assert np.max(np.abs(p - grid)) < 1.63 / np.sqrt(200.0)


def test_ensembles_that_keep_their_starting_weights_disagree():
    by_ensemble = np.repeat([0.2, 0.5, 0.5, 0.8], 16)
    found = regions.find("x", two_peaks(np.random.default_rng(3), by_ensemble), ENSEMBLE, FLAT)
    assert not found.agree
    assert found.lowest[1] < 0.25 < 0.75 < found.highest[1]


def test_walkers_that_never_cross_count_once():
    """Each walker stays where it began: 16 draws per ensemble, so that 0.4 and 0.6 may agree."""
    rng = np.random.default_rng(4)
    stays = np.concatenate([rng.permutation(np.arange(16) < n) for n in (7, 8, 9, 8)])
    found = regions.find("x", two_peaks(rng, stays.astype(float)), ENSEMBLE, FLAT)
    assert found.agree
    apart = np.concatenate([rng.permutation(np.arange(16) < n) for n in (1, 8, 8, 15)])
    found = regions.find("x", two_peaks(rng, apart.astype(float)), ENSEMBLE, FLAT)
    assert not found.agree


def test_decades_and_signs_are_seen_in_the_priors_coordinate():
    rng = np.random.default_rng(5)
    log = np.exp(two_peaks(rng, 0.5))
    found = regions.find("x", log, ENSEMBLE, {"log_uniform": [1e-4, 1e4]})
    assert 0.2 < found.edges[0] < 5.0
    signed = 1e-3 * np.sinh(two_peaks(rng, 0.5))
    found = regions.find("x", signed, ENSEMBLE, {"signed_log": [1e-3, 1.0]})
    assert abs(found.edges[0]) < 2e-3
