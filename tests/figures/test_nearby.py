"""Averages of draws nearby: against known surfaces, with noise, repeated draws and an edge."""

import numpy as np
import pytest

from nmmjax.figures import nearby

SIDE = 140
CHAINS, DRAWS = 64, 1000


def surface(of, noise, repeated=1, seed=0):
    """(averages, draws under the kernel, truth at the centres, where draws are) for Gaussian draws.

    Each draw stands `repeated` times in its chain, as a walker that waits does.
    """
    rng = np.random.default_rng(seed)
    shape = CHAINS, DRAWS // repeated
    x, y = (np.clip(rng.normal(0.5, 0.15, shape), 0.0, 0.999) for _ in range(2))
    c = of(x, y) + noise * rng.normal(size=shape)
    x, y, c = (np.repeat(a, repeated, axis=1).ravel() for a in (x, y, c))
    index = (SIDE * y).astype(int) * SIDE + (SIDE * x).astype(int)
    half = 2 * np.arange(len(x)) < len(x)
    mean, draws = nearby.averages(index, c, half, SIDE)
    centre = (np.arange(SIDE) + 0.5) / SIDE
    truth = of(*np.meshgrid(centre, centre))
    filled = np.bincount(index, minlength=SIDE**2).reshape(SIDE, SIDE) > 0
    return mean, draws, truth, filled


def flat(x, y):
    return 0.0 * x * y


def slope(x, y):
    return x + 0.0 * y


def edge(x, y):
    return np.where(x + 0.2 * y > 0.6, 1.0, 0.0)


@pytest.mark.parametrize("repeated", [1, 20])
def test_noise_about_a_constant_is_averaged_away(repeated):
    """All draws agree with the mean of all: what is left is about a tenth of the fixed kernel's."""
    mean, _, _, filled = surface(flat, 1.0, repeated)
    independent = CHAINS * DRAWS / repeated
    fixed = 1.0 / np.sqrt(independent * 4.0 * np.pi * 3.0**2 / SIDE**2)  # a uniform draw's kernel
    assert np.std(mean[filled]) < 0.3 * fixed


def test_a_slope_that_noise_hides_is_found():
    """Noise of five times the whole slope; the error is a few per cent of it where draws are."""
    mean, draws, truth, filled = surface(slope, 5.0)
    many = filled & (draws > 100.0)
    error = (mean - truth)[many]
    assert np.sqrt(np.mean(error**2)) < 0.15
    assert np.corrcoef(mean[many], truth[many])[0, 1] > 0.8


def test_a_sharp_edge_stays_sharp():
    """Without noise nothing is gained by a wide kernel: narrower than 3 bins on either side."""
    mean, _, truth, filled = surface(edge, 0.05)
    row = mean[SIDE // 2]
    assert np.count_nonzero((row > 0.05) & (row < 0.95)) <= 14
    assert np.mean(np.abs(mean - truth)[filled]) < 0.03


def test_one_half_alone_takes_the_narrowest():
    index, c = np.array([5, 5, 6]), np.array([1.0, 3.0, 2.0])
    mean, draws = nearby.averages(index, c, np.ones(3, bool), 10)
    assert mean[0, 5] == pytest.approx(2.0, abs=0.1)
    assert np.all(draws >= 0.0)
