"""Every figure of a run: all text inside the canvas, none over another, PDF files small."""

import h5py
import pytest
from matplotlib.figure import Figure

from helpers.synthetic_run import ABOUT, draw_groups, with_curve, write_run
from helpers.words import faults
from nmmjax.constraints.library import catalogue, load
from nmmjax.figures import draw, growth, overlay
from nmmjax.figures.axes import legible
from nmmjax.figures.curves import curves_figure
from nmmjax.results.rundir import open_run

LONG = r"\mathrm{a\ name\ of\ some\ length}_{\mathrm{that\ goes\ on}}^{\dagger\prime}"
CURVE = "a_limit_of_ones_own_with_a_name_that_hardly_ends_before_the_page_does_so"


def a_run(directory, latex=None):
    path = write_run(directory, draw_groups(16, 200), resolved=with_curve(CURVE))
    with h5py.File(path / "chains.h5", "r+") as file:
        file.attrs["planes"] = '[["phase", "mu_nu", "m_nu"], ["m_psi", "y_psi", ""]]'
        for name in set(ABOUT) & set(file["posterior"]) if latex else ():
            file[f"posterior/{name}"].attrs.update(latex=latex, units="GeV^2")
    return open_run(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs: names as models give them, and long ones."""
    folder = tmp_path_factory.mktemp("runs")
    return {"short": a_run(folder / "short"), "long": a_run(folder / "long", LONG)}


def test_text_of_maps_and_corner_is_inside_and_apart(runs):
    assert not broken(draw.draw(runs["short"], ["map", "corner"]))


@pytest.mark.slow
def test_text_of_every_figure_is_inside_and_apart_with_long_names(runs, tmp_path):
    figures = draw.draw(runs["long"]) | {"growth": legible(growth.growth(runs["long"]))}
    assert {"corner", "region_map", "map_phase_mu_nu", "map_m_psi_y_psi", "trace", "rank",
            "constraints", "growth"} == set(figures)  # fmt: skip
    assert not broken(figures)
    for path in draw.save(figures, tmp_path, ["pdf"]):
        assert path.stat().st_size < 300_000, path


def broken(figures):
    found = {name: list(faults(figure)) for name, figure in figures.items()}
    return {name: lines for name, lines in found.items() if lines}


def test_text_of_runs_over_one_another(runs):
    figures = draw.overlay(overlay.titled([*runs.values()]))
    assert {"overlay_corner", "overlay_map_m_nu_mu_nu"} <= set(figures)
    assert not broken(figures)


@pytest.mark.slow
def test_text_of_all_curves_of_the_library():
    kinds = ("_curve", "excluded_region")
    curves = [c for n, e in catalogue().items() if e["type"].endswith(kinds) for c in load([n])]
    assert not list(faults(legible(curves_figure(curves))))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [(0.4, 0.5, "'other words' lies over 'words'"), (0.95, 0.1, "'other words' leaves the canvas")],
)
def test_faults_are_found(x, y, words):
    figure = Figure(figsize=(2.0, 2.0))
    figure.text(0.4, 0.5, "words")
    figure.text(x, y, "other words", rotation=30.0)
    assert words in {line if "leaves" in line else _ordered(line) for line in faults(figure)}


def _ordered(line):
    first, second = line.split(" lies over ")
    return " lies over ".join(sorted((first, second)))
