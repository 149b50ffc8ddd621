"""Figures drawn by another process: their names, and what became of it where there are none."""

import os
import signal
import subprocess

import pytest

from helpers.synthetic_run import draw_groups, write_run
from nmmjax.cli import pictures
from nmmjax.errors import InputError


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that is worth a process of its own."""
    monkeypatch.setattr(pictures, "_FEW", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return write_run(tmp_path / "run", draw_groups(draws=100))


@pytest.fixture
def begun(monkeypatch):
    """The processes that are started to draw."""
    found, popen = [], subprocess.Popen

    def started(*arguments, **options):
        found.append(popen(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(pictures.subprocess, "Popen", started)
    return found


@pytest.mark.slow
def test_another_process_draws_what_this_one_would(run, capfd, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")  # of the run: it has the memory of the device
    with pictures.drawing(run, 100) as found:
        names = found()
    assert capfd.readouterr() == ("", "")
    made = {path.stem: path for path in (run / "figures").glob("*.png")}
    assert names == sorted(made)
    assert {"corner", "region_map", "trace"} <= set(names)
    before = {path.name: path.stat().st_size for path in (run / "figures").iterdir()}
    assert pictures.drawn(run) == names
    assert {path.name for path in (run / "figures").iterdir()} == set(before)


@pytest.mark.slow
def test_what_keeps_it_from_drawing_is_told(run):
    (run / "figures").write_text("no folder")
    with pictures.drawing(run, 100) as names, pytest.raises(InputError, match="cannot write"):
        names()


def test_a_process_that_is_killed_is_a_limit_of_the_machine(run, begun):
    with pictures.drawing(run, 100) as names:
        begun[0].send_signal(signal.SIGKILL)
        with pytest.raises(OSError, match="ended by signal 9"):
            names()


def test_no_process_is_left_behind_where_the_summary_fails(run, begun):
    with pytest.raises(ZeroDivisionError), pictures.drawing(run, 100):
        raise ZeroDivisionError
    assert begun[0].returncode == -signal.SIGTERM
    assert begun[0].stdout.closed
