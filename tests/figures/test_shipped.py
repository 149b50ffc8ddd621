"""Figures of whole runs: of two shipped files after a few draws, and of limits in a user's file."""

import pytest

from helpers import tiny_model
from helpers.places import ROOT
from helpers.words import faults
from nmmjax.cli import run_command
from nmmjax.figures import corner, draw
from nmmjax.figures.axes import legible
from nmmjax.figures.limit_lines import limits_on
from nmmjax.results.rundir import open_run

FEW = ("run.draws=150", "run.burn_in=30", "engine.options.thin=20")
WANTED = {
    "quickstart": {"corner", "region_map", "trace", "rank", "map_m_psi_m_phi"},
    "dark_dipole_light": {"corner", "region_map", "trace", "rank", "constraints"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["quickstart", pytest.param("dark_dipole_light", marks=pytest.mark.long)]
)
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


def test_a_limit_in_a_file_of_the_user_goes_by_its_label(tmp_path, capsys):
    limit = '[own]\ntype = "upper_limit"\nobservable = "mu_nu"\nvalue = 1e-11\ncl = 0.9\n'
    limit += 'units = "mu_B"\nyear = 2024\nreference = "a test"\nverified = "for a test"\n'
    (tmp_path / "own.toml").write_text(limit + 'label = "My reactor 2027"\n')
    path = tiny_model.write(tmp_path, constraints='["own"]\nconstraint_files = ["own.toml"]')
    assert run_command(["run", str(path)]) == 0
    assert "My reactor 2027 takes" in " ".join(capsys.readouterr().out.split())
    found = limits_on(open_run(tmp_path / "chains" / "tiny"), ["mu_nu"])["mu_nu"]
    assert "My reactor 2027, 90% CL" in [limit.label for limit in found]
