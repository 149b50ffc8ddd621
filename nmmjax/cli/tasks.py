"""One task of many: which shard it writes, how often it was started, and when it gives up.

Task i of N (i from 0) writes `DIR/shards/i/`, a run directory like any other. Its keys are
fold_in(root, i) of the root key of the run file's seed, so that tasks share no random number and
task i draws the same whatever N is. `task.json` in the shard counts sessions.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
from typing import Any

from nmmjax import signals
from nmmjax.cli import provenance
from nmmjax.cli.terminal import say
from nmmjax.errors import InputError
from nmmjax.samplers.store.store import Store, is_run

NAME = "task.json"
STUCK = 77  # exit code: requeued again and again without progress
COMPLETE = ("draws", "until", "engine")  # how the account of a session begins that ended by itself
_MOST_IDLE = 3  # requeues without progress
_TASK = re.compile(r"(-?\d{1,9})/(-?\d{1,9})")


@dataclasses.dataclass(frozen=True)
class Task:
    """Task `index` (from 0) of `of`."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def parse(text: str) -> Task:
    """Parse a task given as i/N. Raises InputError unless 0 <= i < N."""
    found = _TASK.fullmatch(text)
    if found is None:
        raise InputError(f"--task takes i/N, such as 0/4 for the first of four; got '{text}'")
    index, of = int(found[1]), int(found[2])
    if of < 1:
        raise InputError(f"--task {text}: there must be one task at least")
    if not 0 <= index < of:
        raise InputError(f"--task {text}: tasks are numbered from 0 to {of - 1}")
    return Task(index, of)


def shard(directory: pathlib.Path, task: Task) -> pathlib.Path:
    """Return the run directory of a task. Raises InputError where `directory` is a run itself."""
    if is_run(directory):
        raise InputError(
            f"--task {task}: '{directory}' holds a run of one process; give another --out"
        )
    return directory / "shards" / str(task.index)


def refuse_shards(directory: pathlib.Path) -> None:
    """Raise InputError where a directory of shards is to take a run without a task."""
    if (directory / "shards").is_dir() and not is_run(directory):
        raise InputError(
            f"'{directory}' holds shards of tasks: give --task i/N, or another --out for a run "
            "of one process"
        )


def refuse_other_task(directory: pathlib.Path, task: Task) -> None:
    """Raise InputError where a shard was begun by a task of another number."""
    found = provenance.root(directory).get("task")
    if found != task.index:
        what = "of one process" if found is None else f"of task {found}"
        raise InputError(
            f"'{directory}' holds a run {what}, not of task {task.index}: was it renamed or "
            "copied? Nothing was written"
        )


class Session:
    """One start of a task: counted when it begins, and told how it ended.

    sessions  starts so far, this one included
    idle      starts of this job in a row, this one included, that found nothing new stored
    """

    def __init__(self, store: Store, task: Task) -> None:
        self._store, self._task = store, task
        before, job = read(store.path), signals.job_of(os.environ)
        mark = _newest(store.path)
        same = bool(job) and before.get("job") == job and before.get("mark") == mark
        self.sessions = int(before.get("sessions", 0)) + 1
        self.idle = int(before.get("idle", 0)) + 1 if same else 0
        self._about = {"job": job, "mark": mark, "sessions": self.sessions, "idle": self.idle}
        self._write("")

    @property
    def stuck(self) -> str:
        """Say why the task gives up; "" if it may go on."""
        if self.idle < _MOST_IDLE:
            return ""
        return (
            f"task {self._task} was requeued {self.idle} times and nothing new was stored: "
            "starting points, warm-up or one block take longer than a session lasts. Give it a "
            "longer time, shorter blocks or fewer chains, and submit it again"
        )

    def ended(self, why: str) -> None:
        """Tell why the task ended, for `nmmjax status`."""
        self._write(why)

    def _write(self, ended: str) -> None:
        tree = {"task": self._task.index, "of": self._task.of, **self._about, "ended": ended}
        self._store.write_text(NAME, json.dumps(tree, indent=1) + "\n")


def begin(store: Store, task: Task) -> Session:
    """Count a start, and say which one it is."""
    session = Session(store, task)
    signals.count()
    if session.sessions > 1:
        say(f"task {task}: start number {session.sessions}")
    return session


def read(directory: pathlib.Path) -> dict[str, Any]:
    """Read the contents of task.json; {} without a sound one: it only counts."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = json.loads((directory / NAME).read_text(encoding="utf-8"))
        numbers = (found.get(k, 0) for k in ("sessions", "idle", "of"))
        if all(type(x) is int and 0 <= x < 2**31 for x in numbers):
            return found
    return {}


def starts(directory: pathlib.Path) -> int:
    """Count the sessions that a task has begun."""
    return int(read(directory).get("sessions", 0))


def _newest(directory: pathlib.Path) -> str:
    """Return the checksum of the newest checkpoint, "" before there is one."""
    with contextlib.suppress(OSError, ValueError, KeyError, IndexError, TypeError):
        tree = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        return str(tree["generations"][0]["sha256"])
    return ""
