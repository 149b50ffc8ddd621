"""The documentation's own files and commands, written out and run as shown."""

import re

import pytest
from typer.testing import CliRunner

from helpers.places import ROOT
from nmmjax.cli import app

_BLOCK = re.compile(
    r"^```(?:python|toml)\n# (\S+\.(?:py|toml))\n(.*?)^```", re.DOTALL | re.MULTILINE
)


def write_blocks(page, folder):
    """Write every block of a page that begins with a file's name; return the names."""
    blocks = _BLOCK.findall((ROOT / "docs" / page).read_text())
    for name, text in blocks:
        (folder / name).write_text(text)
    return [name for name, _ in blocks]


@pytest.mark.slow
def test_the_model_constraint_and_engine_of_the_page_on_extending_run(tmp_path):
    names = write_blocks("extending.md", tmp_path)
    assert names == [
        "effective_dipole.py",
        "effective_dipole.toml",
        "my_limits.toml",
        "metropolis.py",
    ]
    file = str(tmp_path / "effective_dipole.toml")
    checked = CliRunner().invoke(app, ["check", file])
    assert checked.exit_code == 0, checked.output
    assert "my_reactor_2027" in checked.output
    assert verdict(file, tmp_path / "own").startswith("not converged: worst R-hat 1.")
    other = ["--set", "engine.name=ensemble", "--set", "engine.options={}"]
    assert verdict(file, tmp_path / "ensemble", *other).startswith("converged: worst R-hat 1.00")


def verdict(file, out, *options):
    """Run a file without figures; return the verdict of its summary."""
    ran = CliRunner().invoke(app, ["run", file, "--out", str(out), *options])
    assert ran.exit_code == 0, ran.output
    return (out / "summary.txt").read_text().partition("Verdict: ")[2]
