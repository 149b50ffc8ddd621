"""`nmmjax status`: where a run stands, from another terminal and without disturbing it."""

import dataclasses
import json
import math
import pathlib
import platform
import sys
import textwrap
import time
from typing import Any, NamedTuple

import numpy as np

from nmmjax.cli.terminal import ago, out
from nmmjax.errors import InputError, printable
from nmmjax.results import tables, verdict
from nmmjax.results.rundir import Run, open_run
from nmmjax.samplers.progress import ASKED, counted
from nmmjax.samplers.store import lock
from nmmjax.samplers.store.files import Folder

EVERY = 2.0  # seconds between looks
_STALE = 300.0  # seconds after which a run on another machine counts as stopped
_MOST_STATUS = 2**20  # bytes of status.json


@dataclasses.dataclass(frozen=True)
class Status:
    """State of a run; `progress` is status.json, {} before the first block."""

    directory: str
    model: str
    engine: str
    chains: int
    ensembles: int
    running: bool
    writer: str  # who writes or wrote, as in run.lock
    age: float | None  # seconds since status.json was written
    progress: dict[str, Any]
    until: dict[str, float]
    draws: int
    draws_asked: int
    allowed_fraction: float | None
    rhat: tuple[str, float] | None  # of the stored draws: parameter, worst value
    ess: tuple[str, float] | None
    rounds: str  # done, of an engine without draws
    verdict: str  # of the draws, or of a search or a map; "" where there is nothing to judge
    finished: bool


def show_status(directory: pathlib.Path, watch: bool, as_json: bool) -> None:
    """Print where a run stands; with `watch` again and again until it ends."""
    if watch and as_json:
        raise InputError("--watch and --json do not go together: give one of them")
    found = look(directory)
    if as_json:
        tree = dataclasses.asdict(found)
        out(json.dumps(tree, indent=1, allow_nan=False) + "\n")
    elif not watch:
        out(to_text(found))
    elif sys.stdout.isatty():
        _watch_live(directory, found)
    else:
        _watch_plain(directory, found)


def look(directory: pathlib.Path) -> Status:
    """Read everything once. Raises InputError for what is not a run directory."""
    run = open_run(directory)
    progress, age = progress_of(directory)
    running, writer = writer_of(directory, age)
    allowed = float(run.read("allowed", "target").mean()) if run.committed else None
    done = tables.progress(run)
    sampling, stop = run.resolved["sampling"], run.resolved["stop"]
    return Status(
        directory=str(directory),
        model=run.resolved["physics"]["model"]["name"],
        engine=sampling["engine"]["name"],
        chains=len(run.ensemble),
        ensembles=len(np.unique(run.ensemble)),
        running=running,
        writer=writer,
        age=age,
        progress=progress,
        until=stop.get("until", {}),
        draws=run.committed,
        draws_asked=int(stop["draws"]),
        allowed_fraction=allowed,
        rounds="" if done is None else str(done),
        **_judged(run)._asdict(),
    )


def to_text(status: Status) -> str:
    """Say in a few lines: state, progress, figures of the draws, rates, what ends the run."""
    p = status.progress
    state = f"{_doing(status)}, {status.writer}" if status.running else _ended(status)
    lines = [
        f"{status.directory}: {status.model}, {status.engine}, {status.chains} chains in "
        f"{status.ensembles} ensembles",
        _row("state", state + ("" if status.age is None else f"; updated {ago(status.age)} ago")),
        _row("done", status.rounds) if status.rounds else _row("draws", _drawn(status)),
    ]
    if p.get("phase") in _BEFORE:
        what = _BEFORE[p["phase"]]
        lines.append(_row(p["phase"], f"{p['draws']} of {p['target']} {what}"))
    if status.rhat is not None and status.ess is not None:
        worst = f"worst R-hat {status.rhat[1]:.4f} ({status.rhat[0]})"
        lines.append(_row("so far", f"{worst}, bulk ESS {status.ess[1]:.0f} ({status.ess[0]})"))
    if status.verdict:
        lines += textwrap.wrap(_row("verdict", status.verdict), 100, subsequent_indent=_row("", ""))
    if status.allowed_fraction is not None:
        lines.append(_row("allowed", f"{status.allowed_fraction:.1%} of the stored draws"))
    if not p:
        lines.append(_row("block", "none finished yet: screening starting points or compiling"))
    else:
        lines += _session(p, status.running and status.draws < status.draws_asked)
    if status.until:
        names = {"rhat": "R-hat", "ess": "ESS", "max_minutes": "minutes"}
        numbers = {k: x for k, x in status.until.items() if k != "shards"}
        rules = ", ".join(f"{names.get(k, k)} {x:g}" for k, x in numbers.items())
        lines.append(_row("until", f"{rules}, or {status.draws_asked} draws"))
    return "\n".join(lines) + "\n"


def _drawn(status: Status) -> str:
    """Draws of those asked for; a last block, or an engine that ends by itself, may make more."""
    done, asked = status.draws, status.draws_asked
    if done > asked:
        return f"{done} per chain, {asked} asked for"
    return f"{done} of {asked} per chain ({done / asked:.0%})"


def _session(p: dict[str, Any], running: bool) -> list[str]:
    """Rates of the session that writes, or of the last one."""
    parts = [
        _known(p, "rate", "{:.3g} draws/s") if p.get("rate") else "",
        _known(p, "acceptance", "acceptance {:.1%}"),
        _known(p, "nonfinite", "of zero density {:.1%}"),
        _known(p, "undefined", "UNDEFINED (a fault of the model) {:.2g}")
        if p.get("undefined")
        else "",
    ]
    rates = ", ".join(part for part in parts if part)
    lines = [_row("rate", rates)] if rates else []
    known = {"phase", "draws", "target", "since", "seconds", "rate", "acceptance", "nonfinite"}
    known |= {"undefined"} | _RUNNING
    scalars = {k: x for k, x in p.items() if k not in known and _is_number(x)}
    rest = {k: x for k, x in scalars.items() if k + ASKED not in scalars and ASKED not in k}
    more = [*counted(scalars), *(f"{k} {x:.4g}" for k, x in rest.items())]
    if more:
        lines.append(_row("engine", ", ".join(more)))
    if running and p.get("seconds_left") is not None:
        lines.append(_row("time left", f"{ago(p['seconds_left'])} if it is not stopped early"))
    return lines


_RUNNING = {"rhat", "ess", "seconds_left"}  # estimates that the stored draws give better


class _Judged(NamedTuple):
    """The verdict so far in words, whether all that was asked for is there, and worst figures."""

    verdict: str
    finished: bool
    rhat: tuple[str, float] | None
    ess: tuple[str, float] | None


def _judged(run: Run) -> _Judged:
    """Judge the stored draws, or the rounds of an engine that maximises."""
    if run.committed == 0:
        done = tables.progress(run)
        found = ("", False) if done is None else (tables.verdict(run)[1], done.finished)
        return _Judged(*found, None, None)
    found = verdict.convergence(run)
    worst = (found.worst(figure) for figure in ("rhat", "ess_bulk"))
    rhat, ess = ((name, x) if math.isfinite(x) else None for name, x in worst)
    whole = run.committed >= int(run.resolved["stop"]["draws"])
    return _Judged(verdict.of(run, found=found)[1], whole, rhat, ess)


def progress_of(directory: pathlib.Path) -> tuple[dict[str, Any], float | None]:
    """Read status.json and its age; the file is replaced whole, so it is never half written."""
    path = directory / "status.json"
    try:
        with Folder(directory) as folder:
            tree = json.loads((folder / "status.json").read_text(_MOST_STATUS))
            found = (folder / "status.json").stat()
    except FileNotFoundError:
        return {}, None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read '{path}': {error}") from None
    if not _is_progress(tree):
        raise InputError(f"cannot read '{path}': it is damaged, or of another program")
    return tree, None if found is None else max(time.time() - found.st_mtime, 0.0)


def _is_progress(tree: Any) -> bool:
    """Tell whether status.json holds numbers or null, under printable names, and a phase."""
    return isinstance(tree, dict) and all(
        name.isprintable()
        and (value is None or _is_number(value) or (name == "phase" and _is_word(value)))
        for name, value in tree.items()
    ) and (tree.get("phase") not in _BEFORE or _COUNTS <= tree.keys())  # fmt: skip


_BEFORE = {"warm-up": "steps", "burn-in": "draws"}  # phases, and what they count
_COUNTS = {"draws", "target"}


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def writer_of(directory: pathlib.Path, age: float | None) -> tuple[bool, str]:
    """Return (whether a process writes this run, which one). The lock decides, not the file's text.

    The lock is tried only where the process it names is alive: trying it could otherwise refuse
    a run that starts at that very moment.
    """
    try:
        with Folder(directory) as folder:
            found = lock.holder(folder / lock.NAME)
            if found is None:
                return False, ""
            name = f"process {found.process} on {found.host}"
            if found.host != platform.node():
                return age is not None and age < _STALE, name
            return not found.dead() and lock.is_held(folder), name
    except OSError as error:
        raise InputError(f"cannot read '{directory}': {error}") from None


def _doing(status: Status) -> str:
    return "running" if status.draws < status.draws_asked else "writing summary and figures"


def _ended(status: Status) -> str:
    if status.finished:
        return "finished"
    if (pathlib.Path(status.directory) / "summary.txt").is_file():
        return "stopped, summary written"
    return "stopped before its end: the same command continues it"


def _watch_live(directory: pathlib.Path, found: Status) -> None:
    """One display on a terminal, refreshed in place."""
    from rich.live import Live
    from rich.text import Text

    with Live(Text(printable(to_text(found))), refresh_per_second=4) as live:
        while found.running:
            time.sleep(EVERY)
            found = look(directory)
            live.update(Text(printable(to_text(found))), refresh=True)


def _watch_plain(directory: pathlib.Path, found: Status) -> None:
    """A line whenever something was written, everything at the end."""
    seen: dict[str, Any] = {}
    while found.running:
        if found.progress != seen:
            seen = found.progress
            out(_line(found) + "\n")
        time.sleep(EVERY)
        found = look(directory)
    out(to_text(found))


def _line(status: Status) -> str:
    p = status.progress
    parts = [
        f"{p.get('phase', 'starting')} {p.get('draws', 0)}/{p.get('target', status.draws_asked)}",
        "" if status.rhat is None else f"R-hat {status.rhat[1]:.4f}",
        "" if status.ess is None else f"ESS {status.ess[1]:.0f}",
        _known(p, "rate", "{:.3g} draws/s"),
        "" if status.allowed_fraction is None else f"allowed {status.allowed_fraction:.1%}",
        _known(p, "seconds_left", "left {:.0f} s"),
    ]
    return "  ".join(part for part in parts if part)


def _row(name: str, text: str) -> str:
    return f"  {name:<10} {text}"


def _known(progress: dict[str, Any], name: str, form: str) -> str:
    value = progress.get(name)
    return form.format(value) if _is_number(value) else ""


def _is_number(value: Any) -> bool:
    """Tell whether x is a finite number that a double holds."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
