"""A run goes on with the physics that it began with, whatever was edited meanwhile."""

import importlib

import h5py
import pytest

from helpers import tiny_model
from nmmjax import signals
from nmmjax.cli import engines, run_command

ENGINES = {
    "search": "{ starts = 32, steps = 40, block = 10 }",
    "frontier": "{ x = 'a', x_range = [1e-12, 1e-8], x_cells = 2, y = 'b', y_range = [1e-6, 1.0],"
    " y_cells = 2, rounds = 4, pool = 256, starts = 6 }",
    "smc": "{ repeats = 2, particles = 128 }",
    "nested": "{ repeats = 2, live = 100, delete = 10 }",
    "importance": "{ repeats = 2 }",
}
SLOW = ("search", "frontier", "smc", "nested", "importance")
EDITED = tiny_model.MODEL.replace('theta["a"] * 1e9', 'theta["a"] * 1e8')


def committed(folder):
    with h5py.File(folder / "chains" / "tiny" / "chains.h5") as file:
        return int(file.attrs["committed_draws"])


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    monkeypatch.setattr(importlib.import_module("nmmjax.cli.run"), "finish", lambda store: 0)


@pytest.fixture
def refused(capsys):
    """Run a command that must be refused with one line; returns the line."""

    def run(*arguments):
        capsys.readouterr()
        assert run_command([str(a) for a in arguments]) == 2
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("nmmjax: ")]
        return line

    return run


@pytest.fixture
def one_run(tmp_path):
    path = tiny_model.write(tmp_path)
    assert run_command(["run", str(path)]) == 0
    return path


def test_an_edited_plugin_is_refused_and_the_old_one_goes_on(one_run, refused):
    folder = one_run.parent
    (folder / "tiny.py").write_text(EDITED)
    line = refused("run", one_run, "--extend", "10")
    assert "was sampled with another target: ln L of m_nu_target at the last stored draw" in line
    assert "then," in line
    assert committed(folder) == 10
    (folder / "tiny.py").write_text(tiny_model.MODEL + "\n# a remark\n")
    assert run_command(["run", str(one_run), "--extend", "10"]) == 0
    assert committed(folder) == 20


def test_a_run_of_a_version_without_an_option_had_its_default(tmp_path, monkeypatch, refused):
    path = tiny_model.write(tmp_path)
    whole = engines.options_of
    former = lambda engine: {k: v for k, v in whole(engine).items() if k != "subset"}  # noqa: E731
    with monkeypatch.context() as patched:
        patched.setattr(importlib.import_module("nmmjax.cli.run"), "options_of", former)
        assert run_command(["run", str(path)]) == 0
    assert "subset" not in (tmp_path / "chains" / "tiny" / "resolved.toml").read_text()
    line = refused("run", path, "--set", "engine.options.subset=0.5")
    assert "sampling.engine.subset: 0.0 -> 0.5" in line
    assert run_command(["run", str(path), "--extend", "10"]) == 0
    assert committed(tmp_path) == 20


@pytest.mark.slow
def test_an_edit_that_no_constraint_feels_is_refused(tmp_path, refused):
    path = tiny_model.write(tmp_path, constraints="[]")
    assert run_command(["run", str(path)]) == 0
    (tmp_path / "tiny.py").write_text(EDITED)
    assert "another target: m_nu at the last stored draw" in refused("run", path)


def test_other_ranges_are_refused_though_resolved_toml_is_edited_or_gone(one_run, refused):
    copy = one_run.parent / "chains" / "tiny" / "resolved.toml"
    other = copy.read_text().replace("1e-06", "1e-05")
    narrower = tiny_model.MODEL.replace("LogUniform(1e-6", "LogUniform(1e-5")
    (one_run.parent / "tiny.py").write_text(narrower)
    for edit in (lambda: copy.write_text(other), copy.unlink):
        edit()
        assert "made by another run: physics.priors.b.log_uniform" in refused("run", one_run)


def test_an_edited_constraint_file_is_refused(tmp_path, refused):
    limit = '[own]\ntype = "upper_limit"\nobservable = "mu_nu"\nvalue = 1e-11\ncl = 0.9\n'
    limit += 'units = "mu_B"\nyear = 2024\nreference = "a test"\nverified = "for a test"\n'
    own = tmp_path / "own.toml"
    own.write_text(limit)
    path = tiny_model.write(tmp_path, constraints='["own"]\nconstraint_files = ["own.toml"]')
    assert run_command(["run", str(path)]) == 0
    own.write_text(limit.replace("1e-11", "2e-11"))
    assert "made by another run: physics.constraints.own" in refused("run", path)


@pytest.mark.parametrize(
    "name", [n if n not in SLOW else pytest.param(n, marks=pytest.mark.slow) for n in ENGINES]
)
def test_engines_that_store_no_draws_before_their_end(name, tmp_path, monkeypatch, refused):
    """Stopped after one block, then continued: their starting points are what is compared."""
    path = tiny_model.write(tmp_path, engine=name, options=ENGINES[name], burn_in=0)
    asked = []
    monkeypatch.setattr(signals, "caught", lambda: asked.append(1) or len(asked) > 1)
    assert run_command(["run", str(path)]) == signals.SAVED
    monkeypatch.undo()
    (tmp_path / "tiny.py").write_text(EDITED)
    line = refused("run", path)
    assert "another target: ln L of m_nu_target at the starting point of chain 0" in line
    (tmp_path / "tiny.py").write_text(tiny_model.MODEL)
    assert run_command(["run", str(path)]) == 0
