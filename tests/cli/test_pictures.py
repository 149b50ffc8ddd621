"""Figures drawn by another process: their names, and what became of it where there are none."""

import os
import signal

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


@pytest.mark.slow
def test_another_process_draws_what_this_one_would(run, capfd):
    names = pictures.begin(run, 100)()
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
    with pytest.raises(InputError, match="cannot write figures to"):
        pictures.begin(run, 100)()


def test_a_process_that_is_killed_is_a_limit_of_the_machine(run, monkeypatch):
    begun = []
    popen = pictures.subprocess.Popen
    monkeypatch.setattr(
        pictures.subprocess, "Popen", lambda *a, **k: begun.append(popen(*a, **k)) or begun[0]
    )
    names = pictures.begin(run, 100)
    begun[0].send_signal(signal.SIGKILL)
    with pytest.raises(OSError, match="ended by signal 9"):
        names()
