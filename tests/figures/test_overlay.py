"""Several runs over one another: each by its title, angles of all on one line."""

import h5py
import numpy as np
import pytest

from helpers.synthetic_run import draw_groups, write_run
from nmmjax.figures import draw, overlay
from nmmjax.results.rundir import open_run

TEXT = '[run]\ntitle = "of the file"\n'


def opened(directory, groups=None, text=TEXT, overrides=()):
    write_run(directory, groups or draw_groups(4, 5))
    with h5py.File(directory / "chains.h5", "a") as file:
        file.attrs["run_file"] = text
        file.attrs["overrides"] = list(overrides) or h5py.Empty("S1")
    return open_run(directory)


@pytest.mark.parametrize(
    ("text", "overrides", "title"),
    [
        (TEXT, (), "of the file"),
        (TEXT, ("run.draws=5", "run.title='without m_nu_rge'"), "without m_nu_rge"),
        ("", ("run.title=bare words",), "bare words"),
        (TEXT, ("run.titles='no'", "run.title=7"), "run"),
        ("", (), "run"),
    ],
)
def test_a_run_is_named_by_its_title(tmp_path, text, overrides, title):
    assert list(overlay.titled([opened(tmp_path / "run", None, text, overrides)])) == [title]


def angles_about(centre, seed):
    groups = draw_groups(8, 50)
    phase = np.random.default_rng(seed).normal(centre, 0.2, (8, 50))
    groups["posterior"]["phase"] = (phase + np.pi) % (2.0 * np.pi) - np.pi
    return groups


def test_angles_of_all_runs_are_cut_at_one_place(tmp_path):
    """Means of 2.9 and -2.9 are half a radian apart on the circle, not six."""
    runs = {
        name: opened(tmp_path / name, angles_about(centre, seed))
        for seed, (name, centre) in enumerate((("a", 2.9), ("b", -2.9)))
    }
    names = ["phase", "mu_nu"]
    for figure in draw.overlay(runs, names=names).values():
        low, high = figure.axes[0].get_xlim()
        assert high - low < 3.0
        assert (low < 2.9 < high and low < 2.0 * np.pi - 2.9 < high) or (
            low < -2.9 < high and low < 2.9 - 2.0 * np.pi < high
        )
