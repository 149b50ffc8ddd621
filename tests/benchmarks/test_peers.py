"""The scoreboard: who wins a row, who is wrong, what is not reached; that docs hold its tables.

Lines are written by hand; no peer and no sampler is needed.
"""

import json

import numpy as np
import pytest

from benchmarks import scaling
from benchmarks.peers import RESULTS, figures, grid, scores, table, verdicts
from helpers import places

HEADER = {
    "commit": "abc1234",
    "date": "2026-01-01",
    "machine": "a machine, one core of 2",
    "python": "3.12.1",
    "versions": {"emcee": "3.1.6"},
}


def line(sampler, rate=100.0, kind="chart", target="toy", seed=1, mean=0.0, **changes):
    """A converged cell that took 100 CPU seconds."""
    found = {
        "rhat": 1.001,
        "ess": [100.0 * rate, 200.0 * rate],
        "mean": [mean, 1.0],
        "mean_error": [1.0 / np.sqrt(100.0 * rate), 2.0 / np.sqrt(200.0 * rate)],
        "sd": [1.0, 2.0],
        "kurtosis": [3.0, 3.0],
        "log_z": None,
        "log_z_error": None,
        "evaluations": 1000,
        "gradients": 0,
        "cpu": 100.0,
    } | changes
    spent = {"cpu": 1e3 / rate, "wall": 2e3 / rate, "evaluations": 500}
    return {
        "target": target,
        "kind": kind,
        "sampler": sampler,
        "seed": seed,
        "budget": 60.0,
        "labels": ["x", "y"],
        "milestones": {"400": spent, "10000": spent},
        "figures": found,
        "phases": {"imports": 3, "target": 4, "starting points": 20, "first draws": 50},
        "error": None,
    }


def stuck(sampler, kind="chart", target="toy"):
    return line(sampler, kind=kind, target=target, rhat=1.3) | {"milestones": {}}


def only_row(lines):
    (row,) = verdicts.rows(scores.entries(lines))
    return row


def test_a_row_holds_the_best_of_ours_against_the_best_peer():
    lines = [line("ensemble", 600.0), line("zeus", 10.0), line("emcee stretch", 20.0)]
    row = only_row([*lines, line("zeus", 15.0, seed=2), line("zeus", 11.0, seed=3)])
    assert row.ours.sampler == "ensemble"
    assert row.peer.sampler == "emcee stretch"
    assert row.ratio == pytest.approx(30.0)
    assert row.sooner(400) == pytest.approx(30.0)
    assert row.peer.cold_start == 50.0
    assert row.peer.warm_rate == pytest.approx(40.0)
    assert row.warm_ratio == pytest.approx(30.0)


def test_seeds_count_by_their_median_and_only_if_most_have_converged():
    three = [line("zeus", rate, seed=i) for i, rate in enumerate((1.0, 20.0, 30.0))]
    assert scores.entries(three)[0].rate == pytest.approx(20.0)
    half = [line("zeus", 20.0, seed=1), stuck("zeus") | {"seed": 2}]
    assert scores.entries(half)[0].rate == 0.0
    assert scores.entries(half)[0].spent(400, "cpu") is None


def test_a_peer_that_wins_is_printed_first_and_one_that_never_converged_last():
    lines = [line("ensemble", 100.0, target=t) for t in ("never", "ours", "theirs")]
    lines += [stuck("zeus", target="never"), line("zeus", 10.0, target="ours")]
    lines += [line("zeus", 200.0, target="theirs")]
    rows = verdicts.rows(scores.entries(lines))
    assert [row.target for row in rows] == ["theirs", "ours", "never"]
    assert [row.ratio for row in rows] == [pytest.approx(0.5), pytest.approx(10.0), None]
    text = table.markdown(HEADER, lines)
    scoreboard = text.partition("###")[0]
    assert scoreboard.index("theirs") < scoreboard.index("ours | draws") < scoreboard.index("never")


def test_the_cold_start_is_told_piece_by_piece():
    text = table.markdown(HEADER, [line("ensemble", 100.0), line("zeus", 100.0)])
    assert "| toy, chart | 3.0 | 1.0 | 16.0 | 30.0 | 50.0 | 200 |" in text


def test_ours_that_did_not_converge_loses_its_row():
    row = only_row([stuck("ensemble"), line("zeus", 10.0)])
    assert row.ours is None
    assert row.ratio == 0.0


def test_a_converged_sampler_that_is_wrong_is_named_and_is_no_best_peer():
    right = [line("closed form", kind="box"), line("ensemble", 50.0), line("zeus", 10.0)]
    found = scores.entries([*right, line("emcee stretch", 90.0, mean=0.5)])
    (told,) = verdicts.disagreements(found)
    assert (told.entry.sampler, told.quantity, told.reference) == (
        "emcee stretch",
        "mean of x",
        "closed form",
    )
    assert told.sigmas == pytest.approx(0.5 / np.hypot(1 / np.sqrt(9000), 1 / np.sqrt(1e4)))
    assert verdicts.rows(found)[0].peer.sampler == "zeus"


def test_evidences_compete_with_evidences():
    ours = line("smc", 30.0, log_z=-3.0, log_z_error=0.05)
    cube = {"rhat": None, "log_z": -3.1, "log_z_error": 0.05, "kind": "cube"}
    lines = [line("ensemble", 500.0), ours, line("nautilus", 10.0, **cube) | {"kind": "cube"}]
    row = only_row(lines)
    assert (row.contest, row.ours.sampler, row.ratio) == ("evidence", "smc", pytest.approx(3.0))


def test_weights_without_a_good_evidence_reach_nothing():
    weights = line("nautilus", rhat=None, log_z=-3.0, log_z_error=0.2)["figures"]
    assert not figures.reached(weights, 400)
    assert figures.reached(weights | {"log_z_error": 0.1}, 400)
    assert not figures.reached(weights | {"log_z_error": None}, 400)


def test_what_is_not_reached_says_how_far_it_came():
    (entry,) = scores.entries([stuck("zeus")])
    assert scores.missed(entry) == "not reached in 60 CPU s (R-hat 1.300, ESS 10000)"
    (failed,) = scores.entries([stuck("zeus") | {"error": "ValueError: a|b"}])
    assert scores.missed(failed) == "failed: ValueError: a/b"


def test_figures_of_draws_and_of_weights():
    draws = np.random.default_rng(1).normal(size=(8, 1000, 2))
    chains = figures.Found(draws, np.arange(8), 8000)
    assert figures.settled(chains).shape == (8, 500, 2)
    found = figures.figures(chains, figures.settled(chains))
    assert figures.reached(found, 1000)
    assert found["sd"] == pytest.approx([1.0, 1.0], abs=0.05)
    log_weight = np.log(np.tile([1.0, 3.0], 500))
    weighted = figures.Found(draws[:1], np.zeros(1, int), 1, log_weight=log_weight, log_z=0.0)
    assert figures.figures(weighted, draws[:1])["ess"] == pytest.approx([800.0, 800.0])


def test_walkers_that_move_together_know_their_mean_less_well():
    rng = np.random.default_rng(1)
    together = rng.normal(size=(4, 1, 500)).repeat(16, axis=1) + rng.normal(size=(4, 16, 500))
    values, groups = together.reshape(64, 500), np.repeat(np.arange(4), 16)
    error = np.sqrt((1.0 + 1.0 / 16.0) / 2000.0)  # of 2000 independent means over 16 walkers
    assert figures.mean_error(values, groups) == pytest.approx(error, rel=0.1)


def test_cells_that_are_in_the_file_are_not_run_again(tmp_path, monkeypatch):
    out = tmp_path / "made.jsonl"
    wanted = [grid.Cell(seed, "box", "gaussian, 20 dim", "zeus") for seed in (1, 2)]

    def one(cell, budget):
        told = {"seed": cell.seed, "kind": cell.kind, "target": cell.target}
        return told | {"sampler": cell.sampler, "budget": budget}

    monkeypatch.setattr(grid, "one", one)
    monkeypatch.setattr(grid, "header", lambda: HEADER)
    assert len(list(grid.run(wanted[:1], 5.0, out))) == 1
    assert [made["seed"] for made in grid.run(wanted, 5.0, out)] == [2]
    header, lines = grid.read(out)
    assert header == HEADER
    assert [made["seed"] for made in lines] == [1, 2]


def test_a_cell_is_offered_only_where_it_makes_sense():
    names, samplers = ["quickstart", "gaussian, 20 dim"], ["zeus", "dynesty", "smc", "closed form"]
    found = {
        (cell.target, cell.sampler, cell.kind)
        for cell in grid.cells(names, samplers, ["chart", "box", "cube"], 1)
    }
    assert found == {
        ("quickstart", "zeus", "chart"),
        ("quickstart", "zeus", "box"),
        ("quickstart", "dynesty", "cube"),
        ("quickstart", "smc", "chart"),
        ("gaussian, 20 dim", "zeus", "box"),
        ("gaussian, 20 dim", "dynesty", "cube"),
        ("gaussian, 20 dim", "smc", "box"),
        ("gaussian, 20 dim", "closed form", "box"),
    }


@pytest.mark.parametrize(
    ("file", "name"), [("peers", "the scoreboard"), ("evidences", "the second scoreboard")]
)
def test_the_tables_in_the_docs_are_those_of_the_results(file, name):
    results = RESULTS.with_stem(file)
    assert json.loads(results.read_text().splitlines()[0])["header"]["commit"]
    made = table.markdown(*grid.read(results))
    assert between(f"<!-- {name} -->\n", f"<!-- end of {name} -->") == made


def test_the_scaling_in_the_docs_is_that_of_the_results():
    rows = json.loads((RESULTS.parent / "scaling.json").read_text())["rows"]
    made = scaling.table([(row["what"], row["value"], row["unit"]) for row in rows])
    assert between("<!-- scaling -->\n", "<!-- end of scaling -->") == made


def between(begin, end):
    text = (places.ROOT / "docs" / "performance.md").read_text()
    return text.partition(begin)[2].partition(end)[0]


def test_an_exponent_is_that_of_the_upper_half():
    pairs = [(n, 5.0 if n < 10 else 3.0 * n**1.5) for n in (1, 3, 9, 10, 30, 100)]
    assert scaling.exponent(pairs) == pytest.approx(1.5)
