"""`nmmjax run` killed at any moment: the directory opens, no draw is lost, doubled or changed."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from helpers import tiny_model

EXTENSION = 100
FEW = {"compile": 1, "warm-up": 2, "sampling": 5, "finishing": 2, "extend": 2}
MANY = {"compile": 20, "warm-up": 40, "sampling": 80, "finishing": 40, "extend": 40}

# A process that has imported everything but started no thread: each line it reads becomes a
# child that runs one command. Python and its imports are then warm, as on a busy node.
NURSERY = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import nmmjax.cli, nmmjax.cli.run, nmmjax.figures.draw, nmmjax.results.summary
import nmmjax.samplers.engines.ensemble
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = order["cache"]
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os._exit(nmmjax.cli.run_command(order["arguments"]))
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Nursery:
    """Starts commands in warm children."""

    def __init__(self, folder):
        self.folder = folder
        more = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "MPLBACKEND": "agg"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            env=dict(os.environ) | more,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments, cache="cache"):
        order = {"arguments": [str(a) for a in arguments], "log": str(self.folder / "log")}
        order["cache"] = str(self.folder / cache)
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self):
        return int(self._process.stdout.readline())

    def seconds(self, *arguments):
        """How long a command takes that must succeed."""
        began = time.monotonic()
        self.start(*arguments)
        assert self.wait() == 0, (self.folder / "log").read_text()[-2000:]
        return time.monotonic() - began

    def close(self):
        self._process.communicate()


@pytest.fixture
def nursery(tmp_path):
    nursery = Nursery(tmp_path)
    yield nursery
    nursery.close()


def contents(path):
    found = {}
    with h5py.File(path / "chains.h5") as file:
        file.visititems(
            lambda name, x: found.update({name: x[()]}) if isinstance(x, h5py.Dataset) else None
        )
        return found, int(file.attrs["committed_draws"])


def status(path):
    with contextlib.suppress(OSError, json.JSONDecodeError):
        return json.loads((path / "status.json").read_text())
    return {}


def assert_prefix(path, whole):
    """What is committed in `path` is the beginning of the unbroken run, bit for bit."""
    if not (path / "chains.h5").exists():
        return 0
    found, committed = contents(path)
    for name, values in found.items():
        if name in ("posterior/chain", "posterior/ensemble") or values.ndim == 0:
            continue
        expected = whole[name]
        if name.endswith("/draw"):
            assert values[:committed].tobytes() == expected[:committed].tobytes(), name
        elif values.ndim >= 2:
            kept = np.ascontiguousarray(values[:, :committed])
            assert kept.tobytes() == np.ascontiguousarray(expected[:, :committed]).tobytes(), name
    return committed


class Crash:
    """A run directory whose process is killed again and again; `kills` counts those that hit."""

    def __init__(self, nursery, path, whole, *more):
        self.path, self.committed, self.kills, self._whole = path, 0, 0, whole
        self._nursery, self._more = nursery, more
        self._rng = np.random.default_rng(len(str(path)))

    def _command(self, *more):
        return "run", self.path.parent / "tiny.toml", "--out", self.path, *more

    def kill(self, longest, ready=lambda: True, cache="cache"):
        """Start it; up to `longest` seconds after `ready()` it dies."""
        pid = self._nursery.start(*self._command(*self._more), cache=cache)
        deadline = time.monotonic() + 60.0
        while not ready() and time.monotonic() < deadline:
            if not pathlib.Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.002)
        time.sleep(self._rng.uniform(0.0, longest))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        code = self._nursery.wait()
        assert code in (0, -signal.SIGKILL)
        committed = assert_prefix(self.path, self._whole)
        assert committed >= self.committed
        self.committed, self.kills = committed, self.kills + (code != 0)

    def kill_in_the_next_block(self):
        mark = status(self.path).get("draws") if self.committed else None

        def ready():
            found = status(self.path)
            return found.get("phase") == "sampling" and found.get("draws") != mark

        self.kill(0.2, ready)

    def finish(self, draws):
        """Let it end; it must equal the run that was never killed."""
        self._nursery.seconds(*self._command("--set", f"run.draws={draws}"))
        assert assert_prefix(self.path, self._whole) == draws
        assert (self.path / "summary.txt").stat().st_size > 0


def killed(crash, count, kill):
    """Kill until so many kills have hit; too late ones do not count."""
    for _ in range(6 * count):
        if crash.kills < count:
            kill(crash)
    return crash.kills


def campaign(nursery, folder, draws, wanted):
    """Kills that hit, by what the process was doing."""
    tiny_model.write(folder, draws=draws, burn_in=50)
    run = ("run", folder / "tiny.toml", "--out")
    nursery.seconds(*run, folder / "warm", "--set", "run.draws=5")  # compiles
    short = nursery.seconds(*run, folder / "short", "--set", "run.draws=5")
    nursery.seconds(*run, folder / "whole")
    again = nursery.seconds(*run, folder / "whole")  # summary and figures only
    shutil.copytree(folder / "whole", folder / "longer")
    nursery.seconds(*run, folder / "longer", "--extend", EXTENSION)
    whole, _ = contents(folder / "longer")
    hits = dict.fromkeys(wanted, 0)

    for number in range(wanted["compile"]):  # every time with an empty cache
        crash = Crash(nursery, folder / f"compile-{number}", whole)
        hits["compile"] += killed(crash, 1, lambda c, n=number: c.kill(short, cache=f"cold-{n}"))
    for number in range(wanted["warm-up"]):
        crash = Crash(nursery, folder / f"warm-up-{number}", whole)
        hits["warm-up"] += killed(crash, 1, lambda c: c.kill(short))
    crash.finish(draws)

    crash = Crash(nursery, folder / "sampling", whole)
    hits["sampling"] = killed(crash, wanted["sampling"], Crash.kill_in_the_next_block)
    assert 0 < crash.committed
    crash.finish(draws)

    crash = Crash(nursery, folder / "sampling", whole)
    hits["finishing"] = killed(crash, wanted["finishing"], lambda c: c.kill(again))
    crash.finish(draws)

    def extend(crash):
        shutil.rmtree(crash.path, ignore_errors=True)
        shutil.copytree(folder / "whole", crash.path)
        crash.committed = draws
        crash.kill(again)

    crash = Crash(nursery, folder / "extend", whole, "--extend", EXTENSION)
    hits["extend"] = killed(crash, wanted["extend"], extend)
    crash.finish(draws + EXTENSION)
    return hits


@pytest.mark.slow
@pytest.mark.long
def test_sigkill_at_a_dozen_moments(nursery, tmp_path):
    assert campaign(nursery, tmp_path, 200, FEW) == FEW


@pytest.mark.slow
@pytest.mark.long
def test_sigkill_at_220_moments(nursery, tmp_path):
    assert campaign(nursery, tmp_path, 3000, MANY) == MANY
