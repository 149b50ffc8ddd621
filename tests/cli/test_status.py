"""`nmmjax status` and `nmmjax info`: what they say, while a run goes on and after it."""

import hashlib
import importlib
import json
import os
import platform
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

from helpers import synthetic_run
from helpers.places import TESTS
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli import run_command, terminal
from nmmjax.results import verdict
from nmmjax.results.rundir import open_run
from nmmjax.samplers.store.store import Store

# in `nmmjax.cli` these names are the commands
info, status = (importlib.import_module(f"nmmjax.cli.{name}") for name in ("info", "status"))
VARIABLES = {
    f"/posterior/{name}": {"role": role, "units": units, "latex": latex}
    for name, (role, units, latex) in synthetic_run.ABOUT.items()
}
PROGRESS = {
    "phase": "sampling", "draws": 250, "target": 500, "since": 0, "seconds": 10.0,
    "rate": 800.0, "acceptance": 0.25, "nonfinite": 0.125, "rhat": 1.5, "ess": 10.0,
    "seconds_left": 75.0, "temperature": 2.0,
}  # fmt: skip


@pytest.fixture
def directory(tmp_path):
    made = write_run(tmp_path / "run", draw_groups(), committed=250)
    (made / "status.json").write_text(json.dumps(PROGRESS))
    return made


def lock(directory, number=None, node=None):
    who = f"process {number or os.getpid()} on {node or platform.node()} since now\n"
    (directory / "run.lock").write_text(who)


def test_figures_are_those_of_the_committed_draws(directory):
    found = status.look(directory)
    groups = draw_groups()
    assert (found.draws, found.draws_asked, found.chains, found.ensembles) == (250, 500, 32, 4)
    expected = groups["target"]["allowed"][:, :250].mean()
    assert found.allowed_fraction == pytest.approx(expected)
    name, value = found.rhat
    assert name in verdict.judged(open_run(directory))
    assert value < 1.02
    text = status.to_text(found)
    for piece in ("250 of 500 per chain (50%)", "stopped before its end", "acceptance 25.0%",
                  "of zero density 12.5%", "temperature 2", "ESS 2000, or 500 draws"):  # fmt: skip
        assert piece in text
    assert "time left" not in text
    assert max(map(len, text.splitlines()[1:])) <= 100


def test_json_is_strict(directory, capsys):
    assert run_command(["status", str(directory), "--json"]) == 0
    tree = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert tree["draws"] == 250
    assert tree["progress"]["rate"] == 800.0


def test_only_the_lock_says_that_a_run_goes_on(tmp_path):
    groups = draw_groups(8, 50)
    with Store.create(tmp_path / "run", np.repeat(np.arange(4), 2), VARIABLES) as store:
        store.write_text("resolved.toml", RESOLVED)
        assert "none finished yet" in status.to_text(status.look(tmp_path / "run"))
        store.append(groups, 0)
        store.write_status(PROGRESS)
        found = status.look(tmp_path / "run")
        assert found.running
        assert f"running, process {os.getpid()} on" in status.to_text(found)
        assert "time left  1.2 min" in status.to_text(found)
    assert not status.look(tmp_path / "run").running


def test_a_lock_file_left_by_a_dead_or_foreign_process(directory):
    lock(directory)
    assert not status.look(directory).running  # alive, but nothing is locked
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    lock(directory, dead.pid)
    assert not status.look(directory).running
    lock(directory, 1, "elsewhere")
    assert status.look(directory).running  # status.json is fresh
    os.utime(directory / "status.json", (0, 0))
    assert not status.look(directory).running


def test_the_lock_of_a_dead_writer_is_left_alone(directory, monkeypatch):
    """Trying it could refuse a run that is just being continued."""
    monkeypatch.setattr(status.lock, "is_held", lambda path: pytest.fail("tried the lock"))
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    lock(directory, dead.pid)
    assert not status.look(directory).running


def test_watch_ends_with_the_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(status, "EVERY", 0.05)
    store = Store.create(tmp_path / "run", np.repeat(np.arange(4), 2), VARIABLES)
    store.write_text("resolved.toml", RESOLVED)
    groups = draw_groups(8, 50)
    store.append(groups, 0)
    store.write_status(PROGRESS | {"draws": 50})
    timer = threading.Timer(1.0, store.close)
    timer.start()
    assert run_command(["status", str(tmp_path / "run"), "--watch"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("sampling 50/500")
    assert "stopped before its end" in out
    timer.join()


def test_finished_and_summarised(tmp_path):
    made = write_run(tmp_path / "run", draw_groups())
    assert "finished" in status.to_text(status.look(made))
    early = write_run(tmp_path / "early", draw_groups(), committed=100)
    (early / "summary.txt").write_text("")
    assert "stopped, summary written" in status.to_text(status.look(early))


def test_refusals(tmp_path, capsys, directory):
    for arguments, text in (
        ([str(tmp_path / "none")], "there is no run directory"),
        ([str(tmp_path)], "is not a run directory"),
        ([str(directory), "--watch", "--json"], "do not go together"),
    ):
        assert run_command(["status", *arguments]) == 2
        err = capsys.readouterr().err
        assert text in err
        assert err.count("\n") == 1
    (directory / "status.json").write_text("{")
    assert run_command(["status", str(directory)]) == 2
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (59.0, "59 s"), (90.0, "1.5 min"), (7200.0, "2.0 h"), (4 * 86400.0, "4 days")],
)
def test_durations(seconds, text):
    assert terminal.ago(seconds) == text


def test_info_is_one_screen_and_complete_as_json(capsys):
    assert run_command(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert run_command(["info", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["versions"]["jax"] == jax.__version__
    assert tree["double_precision"] is True
    assert tree["backend"] == jax.default_backend()
    assert len(tree["devices"]) == len(jax.devices())
    folder = TESTS.parent / "nmmjax" / "constraints" / "data"
    files = {p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert set(tree["data"]) == {p.relative_to(folder).as_posix() for p in files}
    data = (folder / "measurements.toml").read_bytes()
    assert tree["data"]["measurements.toml"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (25.3e9, "25.3 GB"), (2e15, "2e+03 TB")]
)
def test_sizes(count, text):
    assert info._size(count) == text
