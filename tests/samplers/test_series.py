"""Statistics of a series in blocks against NumPy on the whole of it."""

import numpy as np
import pytest

from nmmjax.samplers import convergence, series

CHAINS, DRAWS = 24, 1000
rng = np.random.default_rng(3)
NORMAL = rng.normal(size=(CHAINS, DRAWS))
COLUMNS = {
    "normal": NORMAL,
    "heavy": np.exp(8.0 * NORMAL),
    "ties": np.round(NORMAL, 1),
    "mostly one value": np.where(NORMAL > 1.0, NORMAL, 0.0),
    "constant": np.full((CHAINS, DRAWS), 3.0),
    "infinite": np.where(NORMAL > 1.0, np.inf, NORMAL),
    "undefined": np.where(NORMAL > 3.0, np.nan, NORMAL),
    "drifting": NORMAL + np.linspace(0.0, 40.0, DRAWS),
    "integers": rng.integers(0, 5, (CHAINS, DRAWS)),
}


@pytest.fixture
def pieces(monkeypatch):
    """Series of more than a thousand draws come in blocks of 2400, quantiles from few draws."""
    monkeypatch.setattr(series, "WHOLE", 1000)
    monkeypatch.setattr(series, "_BLOCK", 2400)
    monkeypatch.setattr(series, "_SAMPLE", 500)


@pytest.mark.parametrize("name", COLUMNS)
def test_statistics_of_blocks_are_those_of_all_values(pieces, name):
    x = COLUMNS[name]
    given = series.of(x)
    assert len(list(given.blocks())) == 10
    levels = (0.0, 0.05, 0.5, 0.777, 1.0)[: 4 if name == "infinite" else 5]  # NumPy: inf - inf
    with np.errstate(invalid="ignore"):
        found = series.described(given)
        wanted = (x.mean(), x.std(ddof=1), x.std(), x.min(), x.max())
        np.testing.assert_allclose(found[:5], wanted, rtol=1e-13)
        np.testing.assert_array_equal(series.quantiles(given, levels), np.quantile(x, levels))
    assert found.undefined == np.sum(~np.isfinite(x))
    np.testing.assert_array_equal(series.extremes(given), (x.min(), x.max()))
    np.testing.assert_allclose(series.mean_of_known(given), np.nanmean(x), rtol=1e-13)


def test_the_largest_values_and_where_they_are(pieces):
    mask = NORMAL[::-1] > 0.3
    where, values = series.top(series.of(NORMAL), lambda part, x: mask[:, part], 50)
    inside = np.where(mask, NORMAL, -np.inf).ravel()
    np.testing.assert_array_equal(where, np.argsort(inside)[::-1][:50])
    np.testing.assert_array_equal(values, inside[where])
    equal = np.round(NORMAL)
    chain, draw = series.highest(series.of(equal), lambda part, x: x)
    assert (chain, draw) == np.unravel_index(np.argmax(equal), equal.shape)


def test_units_that_are_stored_together_are_read_together(pieces):
    given = series.Series(CHAINS, DRAWS, series.of(NORMAL).read, unit=70)
    assert [part.start for part, _ in given.blocks()][:3] == [0, 70, 140]
    np.testing.assert_array_equal(given.some(np.arange(3), 7), NORMAL[:3, ::7])


@pytest.mark.parametrize("gap", [0.0, 2.0, 8.0])
def test_a_summit_is_found_in_blocks(pieces, gap):
    lp = NORMAL.copy()
    lp[5, 300:310] = 4.5 + gap
    width, beyond = convergence.summit(series.of(lp))
    upper = np.sort(lp[lp > np.median(lp)])
    largest = np.diff(upper).max()
    assert width == (largest if largest > 3.0 else 0.0)
    assert beyond.sum() == (10 if gap == 8.0 else 0)


def test_diagnostics_in_blocks_see_trends_strays_and_few_means(pieces):
    """Figures of all draws hardly change; those of every third draw know less."""
    groups = np.repeat(np.arange(4), CHAINS // 4)
    stray, memory = NORMAL.copy(), NORMAL.copy()
    stray[7] += 6.0
    for i in range(1, DRAWS):
        memory[:, i] = 0.9 * memory[:, i - 1] + np.sqrt(0.19) * NORMAL[:, i]
    columns = {"normal": NORMAL, "drifting": COLUMNS["drifting"], "stray": stray, "slow": memory}
    with pytest.MonkeyPatch.context() as all_at_once:
        all_at_once.setattr(series, "WHOLE", 10**9)
        whole = convergence.convergence(columns, groups)
    found = convergence.convergence(columns, groups, few=np.arange(CHAINS), every=3)
    np.testing.assert_allclose(found.mean_series_ess, whole.mean_series_ess, rtol=0.05)
    np.testing.assert_allclose(found.rhat, whole.rhat, rtol=0.01)
    np.testing.assert_allclose(found.stray, whole.stray, rtol=0.1)
    assert np.all(found.ess_bulk < 1.05 * whole.ess_bulk)
    assert found.trend_p[1] < 1e-6
    assert min(found.trend_p[0], found.trend_p[3]) > 1e-3
