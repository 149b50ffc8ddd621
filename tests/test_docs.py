"""The documentation's own files and commands, written out and run as shown."""

import re
import shlex
import shutil

import nbformat
import pytest
from nbclient import NotebookClient
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


def commands(page):
    """List the command lines of a page's blocks of shell."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE
    )
    return [line for block in blocks for line in block.splitlines() if line.startswith("nmmjax ")]


@pytest.mark.slow
@pytest.mark.long
def test_every_command_of_the_tutorial_runs(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("chains"))
    monkeypatch.chdir(tmp_path)
    lines = commands("tutorial.md")
    assert len(lines) > 15
    for line in lines:
        _, command, *rest = shlex.split(line)
        short = ["--set", "run.draws=100"] if command == "run" else []
        short = ["--minutes", "0.1", "--without", "rho0"] if command == "ablate" else short
        done = CliRunner().invoke(app, [command, *rest, *short])
        assert done.exit_code == 0, f"{line}: {done.output}"


@pytest.mark.slow
@pytest.mark.long
def test_the_notebook_runs(tmp_path):
    book = nbformat.read(ROOT / "docs" / "notebooks" / "explore.ipynb", as_version=4)
    made = NotebookClient(book, timeout=600, resources={"metadata": {"path": str(ROOT)}}).execute()
    said = "".join(
        output.get("text", "") for cell in made.cells for output in cell.get("outputs", [])
    )
    assert "effective draws" in said
    assert "rge" in said
