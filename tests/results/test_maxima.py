"""Shards of engines that maximise, joined: two-dimensional optima and a map of known values."""

import numpy as np
import pytest

from helpers import sharded
from helpers.synthetic_run import RESOLVED
from nmmjax.cli import status_tasks
from nmmjax.results import maxima, tables
from nmmjax.results.shards import open_run

SPREAD = np.array([1.0, 10.0])


def modes(position, log_density, count, width=None):
    n = len(count)
    return {
        "position": np.array(position, dtype=float),
        "log_density": np.array(log_density, dtype=float),
        "count": np.array(count),
        "gradient_norm": np.zeros(n),
        "width": np.full((n, 2), np.nan) if width is None else np.array(width, dtype=float),
        "log_z_laplace": np.full(n, np.nan),
        "n_proposals": np.array(100),
        "n_nan": np.array(1),
    }


def test_an_optimum_of_two_shards_counts_once_with_the_starts_of_both():
    first = modes([[0.0, 0.0], [3.0, 0.0]], [-1.0, -5.0], [10, 2])
    second = modes([[3.01, 0.1], [0.5, 0.0], [0.0, 30.0]], [-4.9, -1.2, -9.0], [4, 1, 3])
    found = maxima.modes([first, second], SPREAD)
    np.testing.assert_array_equal(found["log_density"], [-1.0, -1.2, -4.9, -9.0])
    np.testing.assert_array_equal(found["count"], [10, 1, 6, 3])
    np.testing.assert_array_equal(found["position"][2], [3.01, 0.1])
    assert (found["n_proposals"], found["n_nan"]) == (200, 2)


def test_tops_within_a_laplace_width_are_one_optimum_and_those_of_other_heights_are_not():
    wide = [[1.0, 1.0]]
    near = maxima.modes(
        [modes([[0.0, 0.0]], [-1.0], [5], wide), modes([[0.5, 0.5]], [-1.1], [5], wide)], SPREAD
    )
    assert near["count"].tolist() == [10]
    apart = maxima.modes(
        [modes([[0.0, 0.0]], [-1.0], [5]), modes([[0.0, 0.0]], [-1.6], [5])], SPREAD
    )
    assert apart["count"].tolist() == [5, 5]


def cells(value):
    value = np.array(value)
    return {
        "value": value,
        "feasible": np.isfinite(value).astype("i1"),
        "position": np.stack([value, 2.0 * value], axis=-1),
        "n_feasible_starts": np.ones(value.shape, dtype=int),
        "x_edges": np.arange(3.0),
        "y_edges": np.arange(3.0),
        "n_proposals": np.array(7),
    }


@pytest.mark.parametrize("kind", ["largest", "smallest"])
def test_each_cell_is_the_best_of_the_shards(kind):
    a, b = [[1.0, 2.0], [np.nan, np.nan]], [[3.0, 1.5], [4.0, np.nan]]
    best, least = [[3.0, 2.0], [4.0, np.nan]], [[1.0, 1.5], [4.0, np.nan]]
    if kind == "smallest":
        best[0], least[0] = least[0], best[0]
    found = maxima.frontier([cells(a), cells(b)], kind)
    np.testing.assert_array_equal(found["value"], best)
    np.testing.assert_array_equal(found["least"], least)
    np.testing.assert_array_equal(found["position"][..., 1], 2.0 * np.array(best))
    np.testing.assert_array_equal(found["n_shards"], [[2, 2], [1, 0]])
    np.testing.assert_array_equal(found["feasible"], [[1, 1], [1, 0]])
    assert found["n_proposals"] == 14


def test_shards_of_a_search_are_read_as_one_that_is_finished_when_all_are(tmp_path):
    text = RESOLVED.replace('name = "ensemble"', 'name = "search"')
    starts = np.random.default_rng(0).normal(size=(8, 2)) * SPREAD
    for number, done in enumerate((1, 0, 1)):
        table = modes([[0.0, 0.0]], [-1.0 - 0.1 * number], [8])
        progress = {"steps": 500 * done, "steps_asked": 500, "finished": done}
        written = {
            "starts": {"position": starts},
            "progress": {k: np.array(x) for k, x in progress.items()},
        }
        if done:
            written["modes"] = table
        sharded.write_shard(tmp_path, number, 4, draws=0, resolved=text, tables=written)
    run = open_run(tmp_path)
    (mode,) = tables.modes(run)
    assert (mode.log_density, mode.share) == (-1.0, 1.0)
    assert [w.partition(":")[0] for w in run.warnings[:2]] == ["missing", "nothing found yet"]
    text = tables.to_text(run)
    assert "1 mode of the density" in text
    assert status_tasks.look(tmp_path).verdict.startswith("not finished: 1000 of 1500 steps")
    assert "nothing found yet: shard 1" in text
    assert "not finished: 1000 of 1500 steps are done" in " ".join(text.split())


def test_a_map_names_what_holds_it_back_as_one_prints_it(tmp_path):
    asked = 'name = "frontier"\nobjective = "mu_nu"\nkind = "largest"\nx = "m_psi"\ny = "m_phi"\n'
    value = np.array([[1e-12, 6.4e-12]])
    written = {
        "frontier": {
            "value": value,
            "feasible": np.ones((1, 2), int),
            "n_feasible_starts": np.ones((1, 2), int),
            "x_edges": np.array([800.0, 1e4, 1e5]),
            "y_edges": np.array([320.0, 1e5]),
            "slack_xenonnt_2022": np.zeros((1, 2)),
            "slack_prior_y_psi": np.array([[0.0, 0.5]]),
        }
    }
    text = RESOLVED.replace('name = "ensemble"\n', asked)
    sharded.write_shard(tmp_path, 0, 4, draws=0, resolved=text, tables=written)
    found = " ".join(tables.to_text(open_run(tmp_path)).split())
    assert "2 cells of m_psi (800 to 1.00e5) and 1 cells of m_phi" in found
    assert "Largest of all: mu_nu = 6.4000e-12" in found
    assert "XENONnT 2022 in 100%, the prior of y_psi in 50% of the allowed cells" in found
