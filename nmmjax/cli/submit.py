"""`nmmjax submit`: a run as many tasks of a Slurm array, through submitit or as an sbatch script.

Every task is `nmmjax run RUNFILE --task i/N --out DIR`. Slurm warns it before its time is over:
it saves and is requeued, and goes on from there, until it has its draws.
"""

import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

from nmmjax import signals
from nmmjax.cli import tasks
from nmmjax.cli.terminal import out as show
from nmmjax.cli.terminal import say
from nmmjax.errors import InputError
from nmmjax.runfile.build import read

_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)|(\d+)")
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")  # one line of printable text
_LAST = 2  # lines of sbatch: what is wrong, and that it gives up
_MANY = 10**6  # requeues: the task itself stops where it makes no progress


@dataclasses.dataclass(frozen=True)
class Job:
    """What is asked of the cluster, as given on the command line."""

    runfile: pathlib.Path
    out: pathlib.Path | None
    nodes: int
    gpus_per_node: int | None
    cpus_per_task: int | None
    mem: str | None
    partition: str | None
    time: str
    account: str | None
    setup: tuple[str, ...]
    warn: int
    overrides: tuple[str, ...]

    @property
    def directory(self) -> pathlib.Path:
        """The directory of the shards."""
        return self.out or self.runfile.parent / "chains" / self.runfile.stem

    @property
    def minutes(self) -> int:
        """The limit in minutes, rounded up. Raises InputError for what is no time."""
        found = _TIME.fullmatch(self.time)
        if found is None:
            raise InputError(
                f"--time takes minutes, MM:SS, H:MM:SS or D-HH:MM:SS, got '{self.time}'"
            )
        if found[5]:
            return int(found[5])
        days, hours, minutes, seconds = (int(found[i] or 0) for i in range(1, 5))
        return ((days * 24 + hours) * 60 + minutes) + (seconds > 0)

    def command(self, task: str) -> list[str]:
        """Return the arguments of `nmmjax` for a task, with absolute paths."""
        sets = [part for text in self.overrides for part in ("--set", text)]
        where = ["--out", str(self.directory.absolute())]
        return ["run", str(self.runfile.absolute()), "--task", task, *where, *sets]


def submit_job(job: Job, print_script: bool) -> None:
    """Submit the tasks, or print the script that would."""
    _check(job)
    if print_script:
        show(script(job))
        return
    if shutil.which("sbatch") is None:
        raise InputError(
            "there is no Slurm here (no sbatch): --print writes a script for a cluster with it"
        )
    say(f"submitted {_submitted(job)}: {job.nodes} tasks; nmmjax status {job.directory}")


def script(job: Job) -> str:
    """Write the sbatch array script: nothing of ours is in it but the command itself."""
    options = {
        "job-name": job.runfile.stem,
        "array": f"0-{job.nodes - 1}",
        "nodes": 1,
        "ntasks": 1,
        "time": job.time,
        "partition": job.partition,
        "account": job.account,
        "gpus-per-node": job.gpus_per_node,
        "cpus-per-task": job.cpus_per_task,
        "mem": job.mem,
        "signal": f"B:USR1@{job.warn}",
        "output": "%x_%A_%a.log",
    }
    lines = [f"#SBATCH --{k}={shlex.quote(str(x))}" for k, x in options.items() if x is not None]
    command = shlex.join(["nmmjax", *job.command("TASK"), "--requeue"])
    command = command.replace("TASK", f'"$SLURM_ARRAY_TASK_ID/{job.nodes}"', 1)
    return "\n".join(
        [
            "#!/bin/bash",
            *lines,
            "#SBATCH --requeue --open-mode=append",
            "",
            f"# {job.warn} s before its time is over each task is sent USR1: it saves, has itself",
            "# requeued, and goes on where it was. `exec`: the signal goes to the batch shell.",
            *job.setup,
            f"exec {command}",
            "",
        ]
    )


class Task:
    """What submitit calls on the node: the command in a process of its own."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self._process: int | None = None

    def __call__(self) -> int:
        """Run the task to its end. Raises RuntimeError if it fails or gives up."""
        child = subprocess.Popen([sys.executable, "-m", "nmmjax", *self.command])
        self._process = child.pid
        while (code := child.poll()) is None:
            time.sleep(0.2)
        if code in (signals.SAVED, signals.NOTHING_STORED):
            if signals.runs(signals.job_of(os.environ)):  # it has to make room: TERM, not USR2
                os.kill(os.getpid(), signal.SIGUSR2)  # submitit requeues
                time.sleep(60.0)
        if code:
            what = {tasks.STUCK: ", without progress: its log says why"}.get(code, "")
            raise RuntimeError(f"nmmjax {shlex.join(self.command)} ended with {code}{what}")
        return code

    def checkpoint(self) -> Any:
        """Let the child save, and submit the same again; called by submitit at USR2."""
        import submitit

        if self._process is not None:
            try:
                os.kill(self._process, signal.SIGUSR2)
                # The call above may hold the lock of Popen just now: wait without it.
                os.waitid(os.P_PID, self._process, os.WEXITED | os.WNOWAIT)
            except (ChildProcessError, ProcessLookupError):
                pass
        return submitit.helpers.DelayedSubmission(Task(self.command))


def _check(job: Job) -> None:
    if job.nodes < 1:
        raise InputError(f"--nodes must be at least 1, got {job.nodes}")
    for name, least in (("gpus_per_node", 1), ("cpus_per_task", 1), ("warn", 1)):
        if (value := getattr(job, name)) is not None and value < least:
            raise InputError(f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    for name in ("partition", "account", "mem", *job.setup):
        text = getattr(job, name, name)
        if text is not None and not _LINE.fullmatch(text):
            raise InputError(f"'{text}' must be one line of text")
    if 60 * job.minutes <= job.warn:
        raise InputError(f"--time {job.time} leaves nothing before the warning, --warn {job.warn}")
    read(job.runfile, job.overrides)
    tasks.shard(job.directory, tasks.Task(0, job.nodes))  # refuses the directory of a run


def _submitted(job: Job) -> str:
    """Submit through submitit; the number of the job."""
    try:
        import submitit
        from submitit.core.utils import FailedJobError
    except ImportError:
        raise InputError(
            "submitting needs submitit: pip install 'nmmjax[cluster]'; or give --print"
        ) from None
    folder = job.directory / "slurm"
    folder.mkdir(parents=True, exist_ok=True)
    executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=_MANY)
    executor.update_parameters(**_parameters(job))
    work = [Task(job.command(f"{i}/{job.nodes}")) for i in range(job.nodes)]
    try:
        with executor.batch():
            found = [executor.submit(one) for one in work]
    except (FailedJobError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "output", None) or error)
        lines = [x for x in said.splitlines() if x.startswith("sbatch:")] or said.splitlines()[-1:]
        raise InputError(
            f"Slurm refused the job: {' '.join(lines[-_LAST:])}; --print writes the script alone"
        ) from None
    return found[0].job_id.partition("_")[0]


def _parameters(job: Job) -> dict[str, Any]:
    """Options of submitit's SlurmExecutor."""
    given = {
        "gpus_per_node": job.gpus_per_node,
        "cpus_per_task": job.cpus_per_task,
        "mem": job.mem,
        "partition": job.partition,
        "account": job.account,
        "setup": list(job.setup) or None,
    }
    return {key: value for key, value in given.items() if value is not None} | {
        "job_name": job.runfile.stem,
        "time": job.minutes,
        "signal_delay_s": job.warn,
        "nodes": 1,
        "ntasks_per_node": 1,
        "array_parallelism": job.nodes,
        "stderr_to_stdout": True,
        "additional_parameters": {"requeue": True},
    }
