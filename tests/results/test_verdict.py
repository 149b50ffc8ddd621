"""Verdicts on run directories: what is certified, what is refused, and in what words."""

import h5py
import numpy as np
import pytest

from helpers import synthetic_run
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli.engines import find_engine
from nmmjax.results import summary as results
from nmmjax.results import text as report
from nmmjax.results import trust
from nmmjax.results.rundir import open_run
from nmmjax.samplers import diagnostics


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    path = write_run(tmp_path_factory.mktemp("runs") / "good", draw_groups())
    return results.summarise(open_run(path))


def summary_of(path, committed=None, **options):
    """Summary of a run directory written with these draws."""
    write_run(path, draw_groups(**options), 4, committed)
    return results.summarise(open_run(path))


def thin(monkeypatch, draws):
    for name in ("_MOST_OF_PARAMETER", "_MOST_OF_OBSERVABLE", "_MOST_RANKED"):
        monkeypatch.setattr(results, name, draws)
    monkeypatch.setattr(trust, "MOST", draws)


def test_converged(summary):
    assert summary.converged
    assert summary.verdict.startswith("converged: worst R-hat 1.0")
    assert summary.worst["rhat"].value < 1.01
    assert summary.worst["ess_bulk"].value > 2000.0


def test_shifted_ensemble_is_not_converged_though_every_draw_is_allowed(tmp_path):
    groups = draw_groups(shift=3.0)
    groups["target"]["allowed"][:] = 1
    write_run(tmp_path / "run", groups)
    found = results.summarise(open_run(tmp_path / "run"))
    assert found.allowed_fraction == 1.0
    assert not found.converged
    assert found.worst["rhat"].name == "m_psi"
    assert found.worst["rhat"].value > 1.1
    assert "The ensembles disagree on m_psi" in found.verdict


def test_slow_chains_are_told_how_to_go_on(tmp_path):
    found = summary_of(tmp_path / "run", memory=0.995)
    assert not found.converged
    assert "needed above 2000" in found.verdict
    assert "--set run.draws=" in found.verdict
    asked = int(found.verdict.split("run.draws=")[1].split()[0].rstrip("."))
    assert 1000 <= asked <= 50_000
    assert str(asked).strip("0") in ("1", "2", "5")


def test_a_walker_in_a_corner_is_told_of_moves_that_leave_it(tmp_path):
    """One walker of 64 holds the upper thousandth; of one that has those moves nothing is said."""
    told = "--set engine.options.short=0.3 --set engine.options.subset=0.5"
    groups = draw_groups()
    x = groups["posterior"]["lambda_hs"]
    x[3] = np.quantile(x, 0.999) * np.linspace(1.0, 1.5, x.shape[1])
    write_run(tmp_path / "run", groups)
    found = results.summarise(open_run(tmp_path / "run"))
    assert "a walker stays apart from the others in lambda_hs" in found.verdict
    assert found.verdict.endswith(f"{told} let walkers out of narrow corners sooner.")
    moves = RESOLVED.replace('"ensemble"\n', '"ensemble"\nshort = 0.3\nsubset = 0.5\n')
    write_run(tmp_path / "free", groups, resolved=moves)
    found = results.summarise(open_run(tmp_path / "free"))
    assert "a walker stays apart from the others in lambda_hs" in found.verdict
    assert told not in found.verdict


def test_correlated_walkers_fail_by_the_ensemble_mean_alone(tmp_path):
    """Two percent of the variance is common to the 128 walkers of an ensemble, and slow."""
    groups = draw_groups(512, 200)
    rng = np.random.default_rng(5)
    slow = np.repeat(synthetic_run.ar1(rng, 4, 200, 0.95), 128, axis=0)
    common = np.sqrt(0.98) * rng.normal(size=(512, 200)) + np.sqrt(0.02) * slow
    groups["posterior"]["lambda_hs"] = 1e-4 * np.sinh(3.0 * common)
    resolved = RESOLVED.replace("draws = 500", "draws = 200")
    write_run(tmp_path / "run", groups, resolved=resolved)
    found = results.summarise(open_run(tmp_path / "run"))
    assert found.worst["rhat"].value < 1.01
    assert found.worst["ess_bulk"].value > 2000.0
    assert found.worst["mean_series_ess"].name == "lambda_hs"
    assert not found.converged
    assert found.verdict.startswith(
        "not converged: the averages over each ensemble amount to only 12 independent values"
    )
    assert "run the same command with --set run.draws=" in found.verdict


@pytest.mark.parametrize("judged", ["ln density", "ln L of m_nu_target", "mu_nu"])
def test_what_is_no_parameter_must_converge_too(judged, tmp_path):
    """Slow in common to all walkers of an ensemble, while every sampled parameter is fine."""
    groups = draw_groups(512, 200)
    rng = np.random.default_rng(5)
    slow = np.repeat(synthetic_run.ar1(rng, 4, 200, 0.95), 128, axis=0)
    common = np.sqrt(0.98) * rng.normal(size=(512, 200)) + np.sqrt(0.02) * slow
    where = {"ln density": ("sample_stats", "lp", common), "mu_nu": ("posterior", "mu_nu", common)}
    rest = ("log_likelihood", "m_nu_target", -np.exp(common))
    group, name, values = where.get(judged, rest)
    groups[group][name] = np.exp(values) if name == "mu_nu" else values
    resolved = RESOLVED.replace("draws = 500", "draws = 200")
    found = results.summarise(open_run(write_run(tmp_path / "run", groups, resolved=resolved)))
    assert not found.converged
    assert found.worst["mean_series_ess"].name == judged


def test_terms_that_no_draw_feels_do_not_count(tmp_path):
    """Flags, inactive limits, and a limit that one draw in a thousand touches."""
    groups = draw_groups()
    rng = np.random.default_rng(6)
    shape = groups["sample_stats"]["lp"].shape
    terms = groups["log_likelihood"]
    terms["flag"] = np.zeros(shape)
    terms["far"] = -1e-4 * np.repeat(rng.random((32, 1)), 500, axis=1)
    terms["rare"] = np.where(rng.random(shape) < 1e-3, -3.0, 0.0)
    terms["heavy"] = -np.exp(5.0 * rng.normal(size=shape))
    found = results.summarise(open_run(write_run(tmp_path / "run", groups)))
    assert found.converged, found.verdict


def test_interrupted_run_is_told_to_go_on(tmp_path):
    found = summary_of(tmp_path / "run", committed=60, memory=0.9)
    assert not found.converged
    assert "60 of 500 draws are stored: run the same command again." in found.verdict


def test_walkers_that_never_move_are_not_converged(tmp_path):
    groups = draw_groups(draws=50)
    for name, values in groups["posterior"].items():
        groups["posterior"][name] = np.repeat(values[:, :1], 50, axis=1)
    write_run(tmp_path / "run", groups)
    found = results.summarise(open_run(tmp_path / "run"))
    assert not found.converged


def test_draws_that_are_all_the_same_are_named_and_no_figure_of_them(tmp_path):
    groups = draw_groups(4, 50)
    for name, values in groups["posterior"].items():
        groups["posterior"][name] = np.full_like(values, values[0, 0])
    found = results.summarise(open_run(write_run(tmp_path / "run", groups)))
    assert not found.converged
    assert "y_psi and" in found.verdict
    assert "never changed, or in too few draws to tell" in found.verdict
    assert "nan" not in found.verdict
    assert {row.sd for row in found.parameters if not row.angle} == {0.0}


def test_thinned_chains_still_see_ensembles_that_disagree(tmp_path, monkeypatch):
    thin(monkeypatch, 64 * 200)
    found = summary_of(tmp_path / "run", chains=512, draws=200, shift=3.0)
    assert not found.converged
    assert found.worst["rhat"].name == "m_psi"


def test_thinned_chains_still_see_what_walkers_have_in_common(tmp_path, monkeypatch):
    """As for all walkers above: few of them alone would drown the common, slow part."""
    thin(monkeypatch, 64 * 200)
    groups = draw_groups(2048, 200)
    rng = np.random.default_rng(5)
    slow = np.repeat(synthetic_run.ar1(rng, 4, 200, 0.95), 512, axis=0)
    common = np.sqrt(0.99) * rng.normal(size=(2048, 200)) + np.sqrt(0.01) * slow
    groups["posterior"]["lambda_hs"] = 1e-4 * np.sinh(3.0 * common)
    run = open_run(write_run(tmp_path / "run", groups))
    found = results.summarise(run)
    assert found.worst["mean_series_ess"].name == "lambda_hs"
    assert found.worst["mean_series_ess"].value < 50.0
    few = run.few(64 * 200)
    alone = diagnostics.ensemble_mean_ess(run.read("lambda_hs")[few], run.ensemble[few])
    assert alone > 80.0


CHECKS = (*find_engine("nested")().doubts, *find_engine("importance")().doubts)


def with_evidence(path, doubts=CHECKS, **columns):
    """A run of four repeats with a table of ln Z."""
    write_run(path, draw_groups(chains=4, draws=2000, memory=0.0), ensembles=4, doubts=doubts)
    table = {"log_z": [-9.5, -9.6, -9.4, -9.5], "log_z_error": [0.1] * 4, "ess": [900.0] * 4}
    with h5py.File(path / "chains.h5", "r+") as file:
        group = file.create_group("evidence")
        for name, x in (table | columns).items():
            group.create_dataset(name, data=np.asarray(x, dtype=float))
    return results.summarise(open_run(path))


def test_evidence_is_joined_over_repeats(tmp_path):
    found = with_evidence(tmp_path / "run")
    assert found.evidence.log_z == pytest.approx(-9.5, abs=1e-12)
    assert found.evidence.error == pytest.approx(0.05, abs=1e-12)  # 0.1 / sqrt(4) > scatter
    text = report.to_text(found)
    assert "Evidence: ln Z = -9.500 +- 0.05, repeats -9.50, -9.60, -9.40, -9.50." in text
    assert found.converged
    assert "bulk ESS 3600 (by weight)" in found.verdict


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"pareto_k": [0.2, 0.9, 0.3, 0.1]}, "1 of 4 repeats; Pareto k-hat 0.90, needed below 0.7"),
        ({"insertion_rank_p": [0.2, 0.9, 1e-5, 1e-6]}, "2 of 4 repeats; p = 1e-06"),
        ({"repeats_p": [1e-7] * 4}, "scatter more than their errors allow"),
        ({"ess": [20.0] * 4}, "smallest bulk ESS 80 (by weight), needed above 2000"),
    ],
)
def test_what_speaks_against_an_evidence_stops_the_verdict(columns, words, tmp_path):
    found = with_evidence(tmp_path / "run", **columns)
    assert not found.converged
    assert words in found.verdict
    assert "live points" in found.verdict


def test_an_evidence_without_any_check_is_not_certified(tmp_path):
    found = with_evidence(tmp_path / "run", doubts=())
    assert not found.converged
    assert "declares no check of its ln Z" in found.verdict


def test_regions_with_their_weights_are_told(tmp_path):
    groups = draw_groups()
    phase = groups["posterior"]["y_psi"]
    high = np.repeat([0.1, 0.5, 0.5, 0.9], len(phase) // 4)[:, None]
    upper = np.random.default_rng(1).random(phase.shape) < high
    groups["posterior"]["y_psi"] = phase * np.where(upper, 1e4, 1.0)
    text = report.to_text(results.summarise(open_run(write_run(tmp_path / "run", groups))))
    assert "Separate regions of y_psi" in text
    assert "WARNING: the ensembles disagree on the weights" in " ".join(text.split())
