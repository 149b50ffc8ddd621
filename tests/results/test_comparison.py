"""Two runs side by side: differences that were put in are found, chance is not."""

import json
import math

import numpy as np
import pytest

from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli import run_command
from nmmjax.results import comparison
from nmmjax.results import summary as results
from nmmjax.results.rundir import open_run


def compared(tmp_path, change=lambda posterior: posterior, resolved=RESOLVED):
    """The comparison of a run with another of other seed, changed."""
    groups = draw_groups(seed=1)
    groups["posterior"] = change(groups["posterior"])
    first = write_run(tmp_path / "a", draw_groups(seed=0))
    second = write_run(tmp_path / "b", groups, resolved=resolved)
    runs = open_run(first), open_run(second)
    summaries = tuple(results.summarise(run) for run in runs)
    return comparison.compare(runs, summaries)


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    return compared(tmp_path_factory.mktemp("alike"))


def test_runs_of_other_seeds_differ_by_chance_alone(alike):
    assert alike.physics == ()
    assert alike.only == ((), ())
    assert not any(pair.differs for pair in alike.pairs)
    errors = [abs(p.errors) for p in alike.pairs]
    assert max(errors) < comparison.ERRORS
    assert np.mean(np.square(errors)) > 0.05  # they are errors, not zeros


def test_a_quantity_that_moved_is_marked_and_told_in_its_own_widths(tmp_path):
    found = compared(tmp_path, lambda p: p | {"m_psi": 1.2 * p["m_psi"]})
    pairs = {pair.name: pair for pair in found.pairs}
    assert [name for name, pair in pairs.items() if pair.differs] == ["m_psi"]
    a, b = (
        draw_groups(seed=0)["posterior"]["m_psi"],
        1.2 * draw_groups(seed=1)["posterior"]["m_psi"],
    )
    width = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2.0)
    assert pairs["m_psi"].shift == pytest.approx((b.mean() - a.mean()) / width, rel=1e-9)


def test_an_angle_moves_the_short_way_round(tmp_path):
    """From a little below half a turn to a little above it, which is stored as below zero."""
    noise = np.random.default_rng(0).normal(0.0, 0.1, (32, 500))
    first, second = draw_groups(seed=0), draw_groups(seed=1)
    for groups, middle in ((first, 3.1), (second, -3.1)):
        phase = middle + noise
        groups["posterior"]["phase"] = np.arctan2(np.sin(phase), np.cos(phase))
    runs = tuple(
        open_run(write_run(tmp_path / name, groups))
        for name, groups in (("a", first), ("b", second))
    )
    found = comparison.compare(runs, tuple(results.summarise(run) for run in runs))
    (pair,) = (p for p in found.pairs if p.name == "phase")
    assert pair.shift == pytest.approx((2.0 * math.pi - 6.2) / 0.1, rel=0.05)


def test_what_was_asked_for_is_compared(tmp_path):
    changed = RESOLVED.replace("value = 910.0", "value = 950.0").replace("seed = 7", "seed = 8")
    found = compared(tmp_path, resolved=changed)
    assert found.physics == ("constraints.typeIII_atlas.value: 910.0 -> 950.0",)
    assert found.sampling == ("sampling.seed: 7 -> 8",)


def test_the_command_prints_both(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    changed = RESOLVED.replace("value = 910.0", "value = 950.0")
    compared(tmp_path, lambda p: p | {"m_psi": 1.2 * p["m_psi"]}, changed)
    command = ["compare", str(tmp_path / "a"), str(tmp_path / "b")]
    assert run_command(command) == 0
    text = capsys.readouterr().out
    assert "constraints.typeIII_atlas.value: 910.0 -> 950.0" in text
    assert "\n* m_psi" in text
    assert max(map(len, text.splitlines()[2:])) <= 80
    assert run_command([*command, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert len(tree["physics"]) == 1
