"""Figures of two shipped run files after a few draws: text inside and apart, PDF files small."""

import pytest

from helpers.places import ROOT
from helpers.words import faults
from nmmjax.cli import run_command
from nmmjax.figures import corner, draw
from nmmjax.figures.axes import legible
from nmmjax.results.rundir import open_run

FEW = ("run.draws=200", "run.burn_in=20", "engine.options.thin=2")
WANTED = {
    "quickstart": {"corner", "region_map", "trace", "rank", "map_m_psi_m_phi"},
    "dark_dipole_light": {"corner", "region_map", "trace", "rank", "constraints"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WANTED)
def test_figures_of_a_shipped_run(name, tmp_path, capsys):
    path, out = ROOT / "runs" / f"{name}.toml", tmp_path / name
    changes = [x for key in FEW for x in ("--set", key)]
    assert run_command(["run", str(path), "--out", str(out), *changes]) == 0, capsys.readouterr()
    run = open_run(out)
    figures = draw.draw(run)
    assert WANTED[name] <= set(figures)
    assert not {key: found for key, one in figures.items() if (found := list(faults(one)))}
    fifteen = corner.usual(run)[:15]
    figures["corner"] = legible(corner.corner(run, fifteen))
    for file in draw.save(figures, tmp_path, ["pdf"]):
        assert file.stat().st_size < 300_000, file
