"""`nmmjax status` of a directory of shards: a line per task, and all of them together."""

import contextlib
import dataclasses
import json
import math
import pathlib
import sys
import textwrap
import time
from collections import Counter
from typing import Any

from nmmjax.cli import tasks
from nmmjax.cli.status import EVERY, progress_of, writer_of
from nmmjax.cli.terminal import ago, out
from nmmjax.cli.verify import show_verification
from nmmjax.errors import InputError, printable
from nmmjax.results import shards, tables, verdict
from nmmjax.results.rundir import Run

_STATES = "state-0.npz", "state-1.npz"
_WIDTH = 100
_HEAD = ("task", "state", "draws", "rate/s", "R-hat", "ESS", "saved", "starts", "why it ended")


@dataclasses.dataclass(frozen=True)
class Row:
    """One task.

    state       running, finished, stopped, killed, not begun or broken
    phase       of the session that writes, or of the last one
    rhat, ess   running figures of that session
    checkpoint  seconds since the last one
    starts      sessions so far: restarts are one fewer
    why         how the last session ended, or what is wrong with the shard
    """

    task: int
    state: str
    phase: str
    draws: int
    draws_asked: int
    rate: float | None
    rhat: float | None
    ess: float | None
    checkpoint: float | None
    starts: int
    why: str


@dataclasses.dataclass(frozen=True)
class Together:
    """All tasks: their rows, and the verdict on their draws as one run, "" before there are any."""

    directory: str
    rows: tuple[Row, ...]
    draws: int
    chains: int
    verdict: str
    converged: bool
    warnings: tuple[str, ...]

    @property
    def running(self) -> bool:
        return any(row.state == "running" for row in self.rows)


def show(directory: pathlib.Path, watch: bool, as_json: bool, allow_changes: bool = False) -> None:
    """Print where every task stands; with `watch` again and again until none runs."""
    if watch and as_json:
        raise InputError("--watch and --json do not go together: give one of them")
    found = look(directory, allow_changes)
    if as_json:
        out(json.dumps(dataclasses.asdict(found), indent=1, allow_nan=False) + "\n")
        return
    while watch and found.running:
        clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() else ""
        sys.stdout.write(clear)
        out(to_text(found))
        time.sleep(EVERY)
        found = look(directory, allow_changes)
    out(to_text(found))


def verify(directory: pathlib.Path) -> int:
    """Check every shard against its checksums; 1 if anything is wrong with one."""
    numbers = shards.listed(directory)
    return max((show_verification(directory / shards.FOLDER / str(n)) for n in numbers), default=1)


def look(directory: pathlib.Path, allow_changes: bool = False) -> Together:
    """Read everything once."""
    numbers = shards.listed(directory)
    found: dict[int, Run] = {}
    warnings: list[str] = []
    with contextlib.suppress(InputError):  # none can be read: each row says why
        found, warnings = shards.opened(directory)
    wanted = max(shards.asked(directory, numbers), max(numbers, default=-1) + 1)
    rows = tuple(_row(directory, n, found.get(n)) for n in range(wanted))
    try:
        run = shards.joined(directory, found, warnings, allow_changes)
    except InputError as error:
        return Together(str(directory), rows, 0, 0, "", False, (*warnings, str(error)))
    converged, words = verdict.of(run) if run.committed else tables.verdict(run)
    return Together(
        str(directory), rows, run.committed, len(run.ensemble), words, converged, run.warnings
    )


def to_text(found: Together) -> str:
    """Return a table of the tasks, at most 100 columns wide, and the verdict on all draws."""
    states = Counter(row.state for row in found.rows)
    counted = ", ".join(f"{n} {state}" for state, n in states.items())
    cells = [list(_HEAD), *(_cells(row) for row in found.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    text = [
        f"{found.directory}: {len(found.rows)} tasks: {counted}",
        *(line[:_WIDTH] for line in lines),
    ]
    if found.draws:
        text.append(f"together: {found.chains} chains x {found.draws} draws")
    for head, words in (("verdict: ", found.verdict), *(("note: ", w) for w in found.warnings)):
        if words:
            text += textwrap.wrap(head + words, _WIDTH, subsequent_indent="  ")
    return printable("\n".join(text) + "\n")


def _row(directory: pathlib.Path, number: int, run: Run | None) -> Row:
    path = directory / shards.FOLDER / str(number)
    if run is None:
        state, why = ("broken", _fault(path)) if path.is_dir() else ("not begun", "")
        return Row(number, state, "", 0, 0, None, None, None, None, tasks.starts(path), why)
    try:
        progress, age = progress_of(path)
        running, _ = writer_of(path, age)
    except InputError as error:
        progress, running = {}, False
        state, why = "broken", str(error)
    else:
        state, why = _state(path, running)
    rate, rhat, ess = (_number(progress.get(name)) for name in ("rate", "rhat", "ess"))
    return Row(
        task=number,
        state=state,
        phase=str(progress.get("phase", "")),
        draws=run.committed,
        draws_asked=int(run.resolved["stop"]["draws"]),
        rate=rate,
        rhat=rhat,
        ess=ess,
        checkpoint=_age(path),
        starts=tasks.starts(path),
        why=why,
    )


def _state(path: pathlib.Path, running: bool) -> tuple[str, str]:
    """(state, why it ended) of a task whose shard can be read."""
    ended = str(tasks.read(path).get("ended", ""))
    if running:
        return "running", ""
    if ended.startswith(tasks.COMPLETE):
        return "finished", ended
    if ended or (path / "summary.txt").is_file():
        return ("stopped", ended) if ended else ("finished", "")
    return "killed", "its process ended without a word; the same command goes on from there"


def _fault(path: pathlib.Path) -> str:
    from nmmjax.results.rundir import open_run

    try:
        open_run(path)
    except InputError as error:
        return str(error)
    return ""


def _age(path: pathlib.Path) -> float | None:
    """Seconds since the newest checkpoint."""
    times = [(path / name).stat().st_mtime for name in _STATES if (path / name).is_file()]
    return max(time.time() - max(times), 0.0) if times else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _cells(row: Row) -> list[str]:
    phase = f"{row.state} ({row.phase})" if row.state == "running" and row.phase else row.state
    return [
        str(row.task),
        phase,
        f"{row.draws}/{row.draws_asked}" if row.draws_asked else "-",
        "-" if row.rate is None else f"{row.rate:.3g}",
        "-" if row.rhat is None else f"{row.rhat:.3f}",
        "-" if row.ess is None else f"{row.ess:.0f}",
        "-" if row.checkpoint is None else f"{ago(row.checkpoint)} ago",
        str(row.starts),
        row.why,
    ]
