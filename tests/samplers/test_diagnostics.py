"""Diagnostics against arviz, against series of known effective size, and where they must fail."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from helpers.certified import passes
from nmmjax.samplers import convergence as c
from nmmjax.samplers import diagnostics as d
from nmmjax.samplers.running import Running


@pytest.fixture(scope="module")
def arviz():
    from arviz_stats.base import array_stats

    return array_stats


def ar1(rng, chains, draws, memory):
    """Stationary AR(1) series of unit variance."""
    noise = rng.normal(size=(chains, draws)) * math.sqrt(1.0 - memory**2)
    noise[:, 0] /= math.sqrt(1.0 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise, axis=1)


def series():
    rng = np.random.default_rng(5)
    slow = ar1(rng, 16, 301, 0.9)
    return {
        "white": rng.normal(size=(4, 100)),
        "correlated": ar1(rng, 64, 500, 0.7),
        "slow, odd number of draws": slow,
        "antithetic": ar1(rng, 4, 400, -0.6),
        "heavy tails": rng.standard_cauchy(size=(8, 250)),
        "ties": np.round(ar1(rng, 8, 250, 0.5), 1),
        "apart": ar1(rng, 8, 200, 0.5) + np.arange(8.0)[:, None] / 4.0,
        "short": rng.normal(size=(6, 7)),
        "shortest": rng.normal(size=(4, 4)),
        "trend": slow + np.linspace(0.0, 3.0, 301),
        "log-uniform": np.exp(5.0 * ar1(rng, 16, 200, 0.4)),
    }


@pytest.mark.parametrize("name", series())
def test_equals_arviz(arviz, name):
    x = series()[name]
    kwargs = {"chain_axis": 0, "draw_axis": 1}
    pairs = {
        "rhat": (d.rhat(x), arviz.rhat(x, method="rank", **kwargs)),
        "bulk": (d.ess_bulk(x), arviz.ess(x, method="bulk", **kwargs)),
        "tail": (d.ess_tail(x), arviz.ess(x, method="tail", prob=(0.05, 0.95), **kwargs)),
        "mcse": (d.mcse_mean(x), arviz.mcse(x, method="mean", **kwargs)),
    }
    for figure, (ours, theirs) in pairs.items():
        assert ours == pytest.approx(float(theirs), rel=1e-10), figure


def test_rhat_of_ensembles_is_arviz_of_interleaved_walkers(arviz):
    x = ar1(np.random.default_rng(2), 32, 100, 0.8)
    groups = np.repeat(np.arange(4), 8)
    as_chains = np.stack([x[groups == g].T.ravel() for g in range(4)])
    theirs = float(arviz.rhat(as_chains, method="rank", chain_axis=0, draw_axis=1))
    assert d.rhat(x, groups) == pytest.approx(theirs, rel=1e-10)
    shuffled = np.random.default_rng(3).permutation(32)
    assert d.rhat(x[shuffled], groups[shuffled]) == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_effective_size_of_ar1(memory):
    """ESS = N (1 - phi) / (1 + phi), on the mean over 20 series; 2% for the estimator's bias."""
    rng = np.random.default_rng(11)
    exact = 16 * 1000 * (1.0 - memory) / (1.0 + memory)
    found = [d.ess_bulk(ar1(rng, 16, 1000, memory)) for _ in range(20)]
    error = np.std(found) / math.sqrt(20.0)
    assert abs(np.mean(found) - exact) < 4.0 * error + 0.02 * exact


def test_convergence_holds_the_single_figures():
    x = np.exp(ar1(np.random.default_rng(10), 16, 101, 0.5))
    groups = np.repeat(np.arange(4), 4)
    found = c.convergence({"x": x}, groups)
    assert found.rhat == [d.rhat(x, groups)]
    assert found.ess_bulk == [d.ess_bulk(x)]
    assert found.ess_tail == [d.ess_tail(x)]
    assert found.mean_series_ess == [d.ensemble_mean_ess(x, groups)]


def test_mcse_covers():
    """(mean - 0) / MCSE is standard normal over independent series."""
    rng = np.random.default_rng(12)
    runs = [ar1(rng, 4, 500, 0.8) for _ in range(300)]
    pulls = [x.mean() / d.mcse_mean(x) for x in runs]
    assert abs(np.std(pulls) - 1.0) < 5.0 / math.sqrt(2 * 300)


def test_ensemble_means_of_known_size():
    """Walkers that share one slow AR(1) motion are worth that motion, not their number."""
    rng = np.random.default_rng(13)
    groups = np.repeat(np.arange(4), 32)
    common = np.repeat(ar1(rng, 4, 2000, 0.95), 32, axis=0)
    x = 0.5 * common + rng.normal(size=(128, 2000))
    exact = 4 * 2000 * (1 - 0.95) / (1 + 0.95)
    assert d.ensemble_mean_ess(x, groups) == pytest.approx(exact, rel=0.4)
    assert d.ess_bulk(x) > 10 * exact


def coupled(rng, memory, draws=300):
    """4 ensembles of 32 walkers around a common motion of the given memory."""
    common = np.repeat(ar1(rng, 4, draws, memory), 32, axis=0)
    return 0.1 * common + ar1(rng, 128, draws, 0.2)


GROUPS = np.repeat(np.arange(4), 32)


def test_converged_draws_are_called_converged():
    rng = np.random.default_rng(14)
    found = c.convergence({"a": coupled(rng, 0.3), "b": coupled(rng, 0.3)}, GROUPS)
    assert passes(found, 1.01, 1000.0)
    assert not passes(found, 1.01, 1e6)


@pytest.mark.parametrize("fault", ["shifted", "wider", "stuck", "slow ensembles", "constant"])
def test_faults_are_not_called_converged(fault):
    rng = np.random.default_rng(15)
    x = coupled(rng, 0.3)
    match fault:
        case "shifted":
            x[GROUPS == 3] += 1.2
            assert d.rhat(x, GROUPS) > 1.1
        case "wider":
            x[GROUPS == 3] *= 4.0
            assert d.rhat(x, GROUPS) > 1.1
        case "stuck":
            x[::2] = x[::2, :1]
            assert d.ess_bulk(x) < 1000.0
        case "slow ensembles":
            x = coupled(rng, 0.999)
            assert d.ess_bulk(x) > 2000.0
            assert d.ensemble_mean_ess(x, GROUPS) < 50.0
        case "constant":
            x[:] = 1.0
    found = c.convergence({"fine": coupled(rng, 0.3), "faulty": x}, GROUPS)
    assert not passes(found, 1.01, 1000.0)
    figures = ("rhat", "ess_bulk", "ess_tail", "mean_series_ess")
    assert "faulty" in {found.worst(figure)[0] for figure in figures}


def test_a_trend_has_uniform_p_where_there_is_none():
    """A Kolmogorov-Smirnov distance over 300 series of four ensembles: 1.63/sqrt(300) at 1%."""
    rng = np.random.default_rng(20)
    p = np.sort([c.trend_p(ar1(rng, 4, 150, 0.5)) for _ in range(300)])
    assert np.max(np.abs(p - np.arange(1, 301) / 300.0)) < 1.63 / math.sqrt(300.0) + 0.05
    assert np.mean(p < 1e-3) < 0.02


def test_a_slow_drift_is_noticed():
    """By 0.3 of a deviation per ensemble mean: R-hat of the walkers does not see it."""
    rng = np.random.default_rng(21)
    walkers = ar1(rng, 128, 300, 0.3) + 0.1 * np.linspace(-0.5, 0.5, 300)
    groups = np.repeat(np.arange(4), 32)
    assert d.rhat(walkers, groups) < 1.01
    assert c.trend_p(d.means_of(walkers, groups)) < 1e-3
    assert c.trend_p(np.zeros((4, 50))) == 1.0


def test_one_walker_of_many_that_stays_apart_is_noticed():
    rng = np.random.default_rng(22)
    x = ar1(rng, 256, 150, 0.5)
    groups = np.repeat(np.arange(4), 64)
    assert c.stray(d.scores(np.exp(x))) < 6.0  # by ranks: tails do no harm
    x[17, 100:] = 9.0 + 0.01 * x[17, 100:]
    assert d.rhat(x, groups) < 1.01
    assert d.ess_bulk(x) > 400.0
    assert c.stray(d.scores(np.exp(x))) > 7.0


def test_a_place_of_much_higher_density_that_was_just_entered_is_noticed():
    rng = np.random.default_rng(23)
    for dim in (1, 2, 20):
        lp = -0.5 * np.sum(rng.normal(size=(64, 100, dim)) ** 2, axis=-1)
        assert c.summit(lp)[0] == 0.0
        lp[7, 95:] += 60.0
        gap, beyond = c.summit(lp)
        assert gap > 20.0
        assert np.array_equal(np.flatnonzero(beyond.any(axis=1)), [7])
        assert c.stays(beyond) == (1, 0)
        lp[8:12, 50] += 60.0
        assert c.stays(c.summit(lp)[1]) == (1, 4)
    assert c.summit(np.zeros((8, 50)))[0] == 0.0


def test_one_of_four_repeats_with_a_place_that_the_others_lack_is_noticed():
    inside = np.zeros((4, 400))
    inside[2, ::40] = 1.0
    assert c.agreement_p(np.stack([inside, 1.0 - inside]), np.arange(4)) < 1e-3
    inside[:, 7::40] = 1.0
    inside[2] = inside[1]
    assert c.agreement_p(np.stack([inside, 1.0 - inside]), np.arange(4)) > 0.1


@pytest.mark.parametrize(
    "x", [np.zeros((8, 50)), np.full((8, 50), np.nan), np.ones((8, 3)), np.zeros((8, 0))]
)
def test_undefined_is_nan_and_silent(x):
    groups = np.repeat(np.arange(4), 2)
    figures = (
        d.rhat(x, groups),
        d.ess_bulk(x),
        d.ess_tail(x),
        d.mcse_mean(x),
        d.ensemble_mean_ess(x, groups),
    )
    assert all(math.isnan(value) for value in figures)


def test_infinities_keep_their_rank():
    x = np.random.default_rng(16).normal(size=(8, 100))
    x[0, 0] = np.inf
    assert 0.9 < d.rhat(x) < 1.1
    assert math.isnan(d.mcse_mean(x))


def test_unequal_groups_are_refused():
    with pytest.raises(ValueError, match=r"equally many chains, got \[1, 3\]"):
        d.rhat(np.eye(4, 10), np.array([0, 0, 0, 1]))


def test_running_figures_agree_with_the_full_ones():
    rng = np.random.default_rng(17)
    x = np.stack([coupled(rng, 0.6, 1000), ar1(rng, 128, 1000, 0.2)], axis=-1)
    running = Running(GROUPS)
    assert all(math.isnan(value) for value in running.figures())
    for block in np.split(x, 20, axis=1):
        running.update(block)
    rhat, ess = running.figures()
    assert rhat == pytest.approx(max(d.rhat(x[..., i], GROUPS) for i in range(2)), abs=0.002)
    exact = 128 * 1000 * (1.01 / (32 * 0.01 * 1.6 / 0.4 + 1.2 / 0.8))  # common + own motion
    assert ess == pytest.approx(exact, rel=0.3)


def test_running_figures_see_a_shifted_ensemble():
    rng = np.random.default_rng(18)
    running = Running(GROUPS)
    for _ in range(10):
        block = rng.normal(size=(128, 25, 2))
        block[GROUPS == 1] += 1.2
        running.update(block)
    rhat, _ = running.figures()
    assert rhat > 1.1


def test_running_takes_a_share_of_many_uncoupled_chains():
    rng = np.random.default_rng(19)
    running = Running(np.arange(1024))
    running.update(rng.normal(size=(1024, 100, 1)))
    _, ess = running.figures()
    assert ess == pytest.approx(1024 * 100, rel=0.1)


@pytest.mark.parametrize("name", ["white", "correlated", "apart", "short", "log-uniform"])
def test_nested_rhat_equals_arviz(arviz, name):
    x = series()[name]
    labels = np.arange(len(x)) // 2
    theirs = arviz.rhat_nested(x, labels, method="rank", chain_axis=0, draw_axis=1)
    assert d.rhat_nested(x, labels) == pytest.approx(float(theirs), rel=1e-10)


def test_nested_rhat_trusts_many_short_chains_and_sees_superchains_apart():
    """512 slow chains of 10 draws: means of chains scatter, those of 8 superchains hardly."""
    labels = np.repeat(np.arange(8), 64)
    x = ar1(np.random.default_rng(4), 512, 10, 0.95)
    assert d.rhat(x) > 1.5
    assert d.rhat_nested(x, labels) < 1.02
    assert d.rhat_nested(x + 0.5 * labels[:, None], labels) > 1.2
    found = c.convergence({"x": x}, np.arange(512), labels)
    assert found.rhat == [d.rhat_nested(x, labels)]
    assert found.ess_bulk == [d.ess_bulk(x)]


def test_ebfmi_equals_arviz_and_is_small_for_slow_energies(arviz):
    rng = np.random.default_rng(6)
    white, slow = rng.normal(size=(4, 1000)), ar1(rng, 4, 1000, 0.95)
    theirs = arviz.bfmi(slow, chain_axis=0, draw_axis=1)
    np.testing.assert_allclose(d.ebfmi(slow), theirs, rtol=1e-12)
    np.testing.assert_allclose(d.ebfmi(white), 2.0, atol=0.3)  # E (x - y)^2 = 2 var
    assert np.all(d.ebfmi(slow) < 0.3)
