"""Tasks under a real Slurm of one node: preempted, killed, cancelled, out of time.

What is merged in the end equals, draw by draw, what the same tasks give unbroken. Needs root, and
slurm-wlm and munge of Debian; without them these tests fail, they are not skipped.
"""

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

from helpers import tiny_model
from nmmjax.cli import tasks
from nmmjax.samplers.store import lock
from nmmjax.samplers.store.files import Folder

pytestmark = pytest.mark.slurm

HERE = pathlib.Path(__file__).parent
TASKS, DRAWS, CHAINS = 4, 150, 32
THIN, ALONE = 10_000, 75.0  # steps a draw while the pace is found; seconds that a task takes alone
ASKED_AGAIN = 10
SETTLED = 5.0  # seconds that a requeued job waits
ASKED = ("--time", "2", "--warn", "60", "--cpus-per-task", "2", "--mem", "500")
PENDING: dict[str, float] = {}  # when a job was first seen to wait


def command(*arguments, **options):
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, check=True, **options
    )
    return done.stdout


def nmmjax(*arguments, **options):
    return command(sys.executable, "-m", "nmmjax", *arguments, **options)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """The cluster; its commands find it by SLURM_CONF."""
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run([HERE / "up.sh", folder], check=True, timeout=120)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    yield folder
    subprocess.run([HERE / "down.sh", folder], check=True, timeout=180)


@pytest.fixture(scope="module")
def runfile(tmp_path_factory):
    """A run whose tasks take longer than a session of theirs, on any machine."""
    thin = int(THIN * ALONE / (DRAWS + 25) * pace(tmp_path_factory.mktemp("pace")))
    return written(tmp_path_factory.mktemp("run"), DRAWS, thin)


def written(folder, draws, thin):
    options = f"{{ ensembles = 4, walkers = 8, thin = {thin}, block = 5 }}"
    return tiny_model.write(folder, draws=draws, burn_in=25, options=options)


def pace(folder):
    """Draws per second of each chain, compilation left out; the run says so itself."""
    nmmjax("run", written(folder, DRAWS, THIN), "--out", folder / "run")
    return json.loads((folder / "run" / "status.json").read_text())["rate"] / CHAINS


@pytest.fixture(scope="module")
def whole(runfile):
    """The unbroken tasks, side by side."""
    out = runfile.parent / "whole"
    alone = [sys.executable, "-m", "nmmjax", "run", runfile, "--out", out, "--task"]
    each = [subprocess.Popen([*alone, f"{i}/{TASKS}"]) for i in range(TASKS)]
    assert [process.wait(timeout=1200) for process in each] == [0] * TASKS
    return out


def draws(out, task, name="posterior/b"):
    with contextlib.suppress(OSError, KeyError):
        with h5py.File(out / "shards" / str(task) / "chains.h5", locking=False) as file:
            return file[name][:]
    return np.zeros((CHAINS, 0))


def wait_for(condition, longest=420.0):
    deadline = time.monotonic() + longest
    while not condition():
        assert time.monotonic() < deadline, queue()
        time.sleep(0.5)


def states():
    """{task: state} of the array jobs in the queue; the last one of a task counts."""
    return {int(n.partition("_")[2]): state for n, state in queue() if "_" in n}


def queue():
    """(job, state) of every job; a busy controller may have to be asked again."""
    asked = ["squeue", "-r", "-h", "-o", "%i %T", "-p", "batch"]
    for _ in range(ASKED_AGAIN):
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return [line.split() for line in done.stdout.splitlines()]
        time.sleep(2.0)
    raise AssertionError(done.stderr)


def hasten():
    """Let requeued jobs begin soon: Slurm itself lets them wait for two minutes.

    Not at once: a node does not start a job in the second in which it has killed it.
    """
    now, before = time.monotonic(), PENDING.copy()
    PENDING.clear()
    for name, state in queue():
        if state != "PENDING":
            continue
        PENDING[name] = before.get(name, now)
        if now - PENDING[name] > SETTLED:
            subprocess.run(
                ["scontrol", "update", f"JobId={name}", "StartTime=now"], capture_output=True
            )


def done(out, task):
    """Whether a task has ended by itself."""
    ended = str(tasks.read(out / "shards" / str(task)).get("ended", ""))
    return ended.startswith(tasks.COMPLETE)


def assert_same(out, whole, numbers):
    for i in numbers:
        for name in ("posterior/b", "posterior/m_nu", "sample_stats/lp"):
            np.testing.assert_array_equal(draws(out, i, name), draws(whole, i, name))


def test_an_array_that_is_preempted_killed_cancelled_and_out_of_time(slurm, runfile, whole):
    out, script = runfile.parent / "out", runfile.parent / "job.sh"
    script.write_text(nmmjax("submit", runfile, "--nodes", TASKS, "--out", out, "--print", *ASKED))
    folder = runfile.parent
    job = int(command("sbatch", script, cwd=folder).split()[-1])
    wait_for(lambda: all(draws(out, i).shape[1] for i in range(TASKS)))

    urgent = ["sbatch", "-p", "urgent", "-c", "2", "--mem=500", "--wrap", "sleep 5"]
    command(*urgent, cwd=folder)  # all cores are taken: one task has to make room
    wait_for(lambda: list(states().values()).count("RUNNING") < TASKS)
    killed, cancelled, *_ = [i for i, state in states().items() if state == "RUNNING"]
    with Folder(out / "shards" / str(killed)) as shard:
        found = lock.holder(shard / lock.NAME)
    assert found is not None
    os.kill(found.process, signal.SIGKILL)
    command("scancel", f"{job}_{cancelled}")
    wait_for(lambda: states().get(cancelled) != "RUNNING")
    wait_for(lambda: cancelled not in states() and killed not in states())  # never requeued
    for i in (killed, cancelled):
        command("sbatch", f"--array={i}", script, cwd=folder)

    def all_done():
        hasten()
        return all(done(out, i) for i in range(TASKS))

    wait_for(all_done, longest=900.0)
    wait_for(lambda: not states())
    starts = [tasks.starts(out / "shards" / str(i)) for i in range(TASKS)]
    assert min(starts) > 1  # every task was stopped once at least
    assert_same(out, whole, range(TASKS))
    nmmjax("merge", out, "-o", folder / "all.nc")
    with h5py.File(folder / "all.nc") as file:
        together = np.concatenate([draws(whole, i) for i in range(TASKS)])
        np.testing.assert_array_equal(file["posterior/b"][:], together)
    logs = "".join(path.read_text() for path in folder.glob("*.log"))
    assert "is requeued" in logs
    assert "Traceback" not in logs


def test_submitit(slurm, runfile, whole):
    out = runfile.parent / "submitted"
    nmmjax("submit", runfile, "--nodes", 2, "--out", out, *ASKED)

    def both_done():
        hasten()
        return all(done(out, i) for i in range(2))

    wait_for(both_done, longest=900.0)
    wait_for(lambda: not states())
    assert_same(out, whole, range(2))
    assert tasks.starts(out / "shards" / "0") > 1


def test_an_unknown_partition_is_passed_on(slurm, runfile):
    with pytest.raises(subprocess.CalledProcessError) as error:
        nmmjax(
            "submit", runfile, "--nodes", 2, "--partition", "nope", "--out", runfile.parent / "x"
        )
    assert error.value.returncode == 2
    assert "nmmjax: Slurm refused the job: sbatch: error: invalid partition" in error.value.stderr
