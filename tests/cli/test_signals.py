"""Signals at every stage of `nmmjax run`, a terminal that is closed, and the codes that follow."""

import contextlib
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import h5py
import pytest

from helpers import tiny_model
from nmmjax import signals

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
SLOW_ONES = [s if s is signal.SIGUSR1 else pytest.param(s, marks=pytest.mark.slow) for s in ALL]


@contextlib.contextmanager
def started(path, *more, **options):
    command = [sys.executable, "-m", "nmmjax", "run", str(path), *more]
    with subprocess.Popen(
        command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    ) as process:
        yield process
        process.kill()


def wait_until(condition, longest=240.0):
    deadline = time.monotonic() + longest
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def handles(process, number):
    """Whether the process has a handler for a signal."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def committed(folder):
    path = folder / "chains" / "tiny" / "chains.h5"
    with contextlib.suppress(OSError, KeyError), h5py.File(path, locking=False) as file:
        return int(file.attrs["committed_draws"])
    return 0


@pytest.mark.parametrize("number", ALL)
def test_from_the_first_instruction_on(number, tmp_path):
    with started(tiny_model.write(tmp_path)) as process:
        wait_until(lambda: handles(process, ALL[-1]))  # Python itself handles INT from its start
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == signals.NOTHING_STORED
    assert err.startswith("nmmjax: stopped before sampling began (SIG")
    assert err.endswith("nothing stored\n")
    assert not (tmp_path / "chains").exists()


def test_a_signal_that_is_ignored_stays_ignored():
    """As under nohup: `install` leaves it alone."""
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from nmmjax import signals;"
        "signals.install(['run']); print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("number", SLOW_ONES)
def test_while_sampling_the_block_is_saved(number, tmp_path):
    path = tiny_model.write(tmp_path, draws=10**6)
    with started(path) as process:
        wait_until(lambda: committed(tmp_path) > 0)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == signals.SAVED
    assert "to go on: nmmjax run" in err
    assert committed(tmp_path) > 0
    assert not (tmp_path / "chains" / "tiny" / "summary.txt").exists()


@pytest.mark.slow
def test_an_interrupted_extension_goes_on_to_its_own_end(tmp_path):
    path = tiny_model.write(tmp_path, draws=10)
    with started(path) as process:
        assert process.wait(120) == 0
    first = committed(tmp_path)
    with started(path, "--extend", "1000000", "--devices", "1") as process:
        wait_until(lambda: committed(tmp_path) > first)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    left = first + 10**6 - committed(tmp_path)
    assert f"to go on: nmmjax run {path} --extend {left} --devices 1\n" in err


def test_a_closed_terminal_saves(tmp_path):
    """SIGHUP comes and the terminal is gone: everything that is written to it fails with EIO."""
    path = tiny_model.write(tmp_path, draws=10**6)
    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    with started(path, **streams, start_new_session=True) as process:
        os.close(theirs)
        os.set_blocking(ours, False)
        wait_until(lambda: read(ours) and committed(tmp_path) > 0)
        os.close(ours)
        stored = committed(tmp_path)
        wait_until(lambda: committed(tmp_path) > stored)  # a display that fails stops nothing
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=60) == signals.SAVED


def read(terminal):
    with contextlib.suppress(BlockingIOError):
        return os.read(terminal, 2**16)
    return b""


@pytest.mark.slow
def test_the_second_interrupt_stops_at_once(tmp_path):
    """In the middle of a block of seconds."""
    options = "{ ensembles = 4, walkers = 8, thin = 50000, block = 5 }"
    path = tiny_model.write(tmp_path, draws=10**6, burn_in=0, options=options)
    with started(path) as process:
        wait_until(lambda: committed(tmp_path) > 0)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "Ctrl-C again stops at once" in next(x for x in process.stderr if "SIGINT" in x)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == signals.AT_ONCE
    assert committed(tmp_path) > 0
