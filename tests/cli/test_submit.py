"""`nmmjax submit` without a cluster: the script that it prints, and what it refuses."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from helpers import tiny_model
from nmmjax import signals
from nmmjax.cli import run_command
from nmmjax.cli.submit import Job, Task, script


def job(path=pathlib.Path("tiny.toml"), **given):
    plain = {
        "out": None, "nodes": 4, "gpus_per_node": None, "cpus_per_task": None, "mem": None,
        "partition": None, "time": "4:00:00", "account": None, "setup": (), "warn": 120,
        "overrides": (),
    }  # fmt: skip
    return Job(path, **plain | given)


def test_the_script_runs_the_command_of_each_task(tmp_path):
    """Run by bash with a stand-in for `nmmjax` that prints its arguments one by one."""
    given = {"gpus_per_node": 2, "partition": "gpu", "account": "a b", "setup": ("MARK=here",)}
    text = script(job(tmp_path / "my run.toml", overrides=("run.draws=7",), **given))
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "nmmjax"
    fake.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    path = tmp_path / "job.sh"
    path.write_text(text)
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(
        ["bash", path], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "run", str(tmp_path / "my run.toml"), "--task", "3/4",
        "--out", str(tmp_path / "chains" / "my run"), "--set", "run.draws=7", "--requeue",
    ]  # fmt: skip
    for line in ("--array=0-3", "--gpus-per-node=2", "--account='a b'", "--signal=B:USR1@120"):
        assert f"#SBATCH {line}\n" in text
    assert text.index("MARK=here") < text.index("exec nmmjax")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("1:30:00", 90), ("2-01:00:30", 2941), ("05:00", 5)],
)
def test_times(text, minutes):
    assert job(time=text).minutes == minutes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--nodes", "0"), "--nodes must be at least 1, got 0"),
        (("--nodes", "2", "--gpus-per-node", "0"), "--gpus-per-node must be at least 1"),
        (("--nodes", "2", "--time", "soon"), "--time takes minutes"),
        (("--nodes", "2", "--time", "1"), "leaves nothing before the warning"),
        (("--nodes", "2", "--setup", "a\nb"), "must be one line"),
        (("--nodes", "2", "--set", "run.drows=5"), "unknown key 'drows'"),
        (("--nodes", "2"), "no Slurm here (no sbatch): --print writes"),
    ],
)
def test_refusals(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tiny_model.write(tmp_path)
    assert run_command(["submit", str(path), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "chains").exists()


def test_without_submitit(tmp_path, monkeypatch, capsys):
    fake = tmp_path / "sbatch"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert run_command(["submit", str(tiny_model.write(tmp_path)), "--nodes", "2"]) == 2
    assert "pip install 'nmmjax[cluster]'; or give --print" in capsys.readouterr().err


def test_a_task_that_fails_tells_its_code():
    with pytest.raises(RuntimeError, match="ended with 2"):
        Task(["run", "nothing.toml", "--task", "0/1"])()


SCONTROL = """#!/bin/sh
echo "$@" >> calls
[ "$1" = show ] && echo "JobId=7 JobState={state} Reason=None"
exit 0
"""
WAITS = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs inherit it ignored
from nmmjax import signals
signals.install(["run", "x.toml", "--requeue"])
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize(
    ("number", "state", "requeued"),
    [
        (signal.SIGUSR1, "RUNNING", True),
        (signal.SIGUSR2, "RUNNING", True),
        (signal.SIGTERM, "RUNNING", True),
        (signal.SIGTERM, "CANCELLED", False),
        (signal.SIGINT, "RUNNING", False),
    ],
)
def test_before_sampling_begins_a_warning_requeues(number, state, requeued, flag, tmp_path):
    """Against a stand-in for scontrol that writes down how it is called."""
    fake = tmp_path / "scontrol"
    fake.write_text(SCONTROL.format(state=state))
    fake.chmod(0o755)
    code = WAITS if flag else WAITS.replace(', "--requeue"', "")
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        ended = process.wait(timeout=60)
    calls = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
    assert ended == (0 if requeued and flag else signals.NOTHING_STORED)
    assert ("requeue 7" in calls) == (requeued and flag)
