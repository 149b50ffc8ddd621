"""`nmmjax run` killed at any moment: the directory opens, no draw is lost, doubled or changed."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

MODEL = """\
from nmmjax.target.model import Model, Parameter
from nmmjax.target.priors import LogUniform


class Tiny(Model):
    @property
    def parameters(self):
        return (
            Parameter("a", LogUniform(1e-12, 1e-8), "", "a", "coupling of the mass"),
            Parameter("b", LogUniform(1e-6, 1.0), "", "b", "coupling of the moment"),
        )

    @property
    def reference(self):
        return {"a": 1e-10, "b": 0.1}

    def predict(self, theta):
        return {"m_nu": theta["a"] * 1e9, "mu_nu": theta["b"] * 1e-10}
"""
RUN = """\
[model]
name = "{model}:Tiny"
[target]
constraints = ["m_nu_target"]
[engine]
options = {{ ensembles = 4, walkers = 8, thin = 2, block = 5 }}
[run]
draws = {draws}
burn_in = 50
"""
DRAWS = 4000
FINALISING = 12  # kills of a run that writes its summary and figures

# A process that has imported everything but started no thread: each line it reads becomes a
# child that runs one command. Python and its imports are then warm, as on a busy node.
NURSERY = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import nmmjax.cli, nmmjax.cli.run, nmmjax.figures, nmmjax.results, nmmjax.samplers.ensemble
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
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
        environment = dict(os.environ)
        environment |= {
            "JAX_COMPILATION_CACHE_DIR": str(folder / "cache"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "MPLBACKEND": "agg",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments):
        order = {"arguments": [str(a) for a in arguments], "log": str(self.folder / "log")}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self):
        return int(self._process.stdout.readline())

    def close(self):
        self._process.communicate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    (folder / "tiny.py").write_text(MODEL)
    (folder / "tiny.toml").write_text(RUN.format(model=folder / "tiny.py", draws=DRAWS))
    return folder


@pytest.fixture(scope="module")
def nursery(folder):
    nursery = Nursery(folder)
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
    """A run directory whose process is killed again and again."""

    def __init__(self, nursery, folder, name, whole, rng):
        self.path, self.committed, self.killed = folder / name, 0, []
        self._arguments = ("run", folder / "tiny.toml", "--out", self.path)
        self._nursery, self._whole, self._rng = nursery, whole, rng

    def kill(self, ready, longest):
        """Start it; up to `longest` seconds after `ready()` it dies."""
        pid = self._nursery.start(*self._arguments)
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
        self.committed = committed
        self.killed.append(code != 0)

    def finish(self):
        self._nursery.start(*self._arguments)
        assert self._nursery.wait() == 0
        found, committed = contents(self.path)
        assert committed == DRAWS
        assert found.keys() == self._whole.keys()
        for name, values in found.items():
            assert values.tobytes() == self._whole[name].tobytes(), name
        assert (self.path / "summary.txt").stat().st_size > 0


@pytest.mark.slow
def test_sigkill_at_64_random_moments(nursery, folder):
    rng = np.random.default_rng(12)
    began = time.monotonic()
    nursery.start("run", folder / "tiny.toml", "--out", folder / "cold", "--set", "run.draws=5")
    assert nursery.wait() == 0  # compiles
    began = time.monotonic()
    nursery.start("run", folder / "tiny.toml", "--out", folder / "whole", "--set", "run.draws=5")
    assert nursery.wait() == 0
    short = time.monotonic() - began
    nursery.start("run", folder / "tiny.toml", "--out", folder / "whole")
    assert nursery.wait() == 0
    whole, committed = contents(folder / "whole")
    assert committed == DRAWS
    counts = {}

    # from the first file to the first draws: everything is done again
    for number in range(8):
        crash = Crash(nursery, folder, f"young-{number}", whole, rng)
        for _ in range(2):
            crash.kill(lambda: True, short)
        counts["warm-up"] = counts.get("warm-up", 0) + sum(crash.killed)
    crash.finish()

    crash = Crash(nursery, folder, "grown", whole, rng)
    for _ in range(36):  # blocks and checkpoints
        mark = status(crash.path).get("draws") if crash.committed else None
        crash.kill(
            lambda mark=mark: (
                status(crash.path).get("phase") == "sampling"
                and status(crash.path).get("draws") != mark
            ),
            0.2,
        )
    counts["sampling"] = sum(crash.killed)
    assert 0 < crash.committed < DRAWS
    crash.finish()
    crash.killed, began = [], time.monotonic()
    crash.finish()  # a finished run: summary and figures again
    again = time.monotonic() - began
    while sum(crash.killed) < FINALISING and len(crash.killed) < 6 * FINALISING:
        crash.kill(lambda: True, again)  # too late where the machine has become faster
    counts["finalising"] = sum(crash.killed)
    crash.finish()
    assert counts["finalising"] == FINALISING
    assert sum(counts.values()) >= 60, counts
