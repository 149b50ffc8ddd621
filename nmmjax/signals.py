"""Signals from the first instruction of the process: how a run stops depends on what it has.

    stage      a signal (INT, TERM, HUP, USR1, USR2) then                           exit code
    STARTING   ends the process: no draw and no warm-up has been stored             NOTHING_STORED
    SAMPLING   lets the block finish and be saved                                   SAVED
               a second INT ends the process: finished blocks are saved             AT_ONCE
    FINISHING  ends the process: draws are saved, summary and figures may lack      SAVED
    ENDED      is ignored

Python runs signal handlers between two of its own instructions, which can take minutes while XLA
compiles. A thread therefore waits for the signal's number in a pipe that the C handler writes
to, and ends the process itself: what is on disk survives SIGKILL, so nothing has to be undone.

USR1 and USR2 are what schedulers send before the time is over, TERM what they send to a job that
has to make room. With `run --requeue` under Slurm the process then has its job requeued, and the
exit code is 0; not so if Slurm no longer calls the job running: it was cancelled.

Commands other than `run` end with 128 + the signal's number. A signal that is ignored already,
as HUP under nohup, stays so.

Nothing but a little of the standard library is imported here, so that handlers are there early.
"""

import enum
import os
import signal
import threading
from collections.abc import Mapping

SAVED = 75  # EX_TEMPFAIL of sysexits.h: try again
NOTHING_STORED = 76
_CURSOR = "\x1b[?25h"  # a live display hides the cursor
_WARNINGS = ("SIGUSR1", "SIGUSR2", "SIGTERM")
_MOST_RESTARTS = 3  # of a job whose sessions end before they can be counted
AT_ONCE = 130
HANDLED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)


class Stage(enum.Enum):
    """Stage of a run."""

    STARTING = "starting"
    SAMPLING = "sampling"
    FINISHING = "finishing"
    ENDED = "ended"


class _Watch:
    """The state of the one process."""

    def __init__(self) -> None:
        self.stage = Stage.STARTING
        self.samples = False  # the command is `run`
        self.caught = ""  # name of the signal that came while sampling
        self.requeues = False  # --requeue was given
        self.counted = False  # the session is counted, which bounds how often it is requeued
        self.lock = threading.Lock()


_watch = _Watch()


def install(arguments: list[str]) -> None:
    """Handle signals from now on; `arguments` are those of the command line."""
    _watch.samples = "run" in arguments[:1]
    _watch.requeues = _watch.samples and "--requeue" in arguments
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=_wait, args=(reader,), name="signals", daemon=True).start()
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in HANDLED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _left_to_the_thread)


def enter(stage: Stage) -> None:
    """Tell what the process does from now on."""
    with _watch.lock:  # waits for ever where the thread is about to end the process
        _watch.stage = stage


def caught() -> bool:
    """Tell whether a signal has asked to stop while sampling."""
    return bool(_watch.caught)


def count() -> None:
    """Tell that the start of the task is counted: from here on its job may be requeued."""
    _watch.counted = True


def code_when_saved() -> int:
    """Return the exit code of a run that a signal has stopped: 0 where its job was requeued."""
    enter(Stage.ENDED)  # the scheduler ends the processes of a job that it requeues
    return 0 if _requeued(_watch.caught) else SAVED


def _left_to_the_thread(number: int, frame: object) -> None:
    """Do nothing: there must be a handler for the number to reach the pipe."""


def _wait(reader: int) -> None:
    while True:
        for number in os.read(reader, 64):
            with _watch.lock:
                _received(number)


def _received(number: int) -> None:
    name = signal.Signals(number).name
    if _watch.stage is Stage.ENDED:
        return
    if not _watch.samples:
        _end(f"stopped ({name})", 128 + number)
    elif _watch.stage is Stage.STARTING:
        _say(f"nmmjax: stopped before sampling began ({name}), nothing stored", cursor=_CURSOR)
        _watch.stage = Stage.ENDED
        os._exit(0 if _requeued(name) else NOTHING_STORED)
    elif _watch.stage is Stage.FINISHING:
        made = "before summary and figures were complete"
        _end(f"stopped ({name}) {made}, all draws saved; the same command makes them", SAVED)
    elif not _watch.caught:
        _watch.caught = name
        _say(f"{name}: finishing the block, then saving; Ctrl-C again stops at once")
    elif number == signal.SIGINT:
        _end("stopped at once, all finished blocks are saved", AT_ONCE)


def _end(line: str, code: int) -> None:
    _say(f"nmmjax: {line}", cursor=_CURSOR)
    os._exit(code)


def _requeued(name: str) -> bool:
    """Have Slurm requeue this job, if --requeue was given and the signal is a warning of it."""
    job = job_of(os.environ)
    if not (_watch.requeues and name in _WARNINGS and job):
        return False
    if not _watch.counted and int(os.environ.get("SLURM_RESTART_COUNT") or 0) >= _MOST_RESTARTS:
        _say("nmmjax: not requeued again: no session lasts until it can be counted")
        return False
    if not runs(job):
        return False
    if (said := _scontrol("requeue", job)) != "":
        _say(f"nmmjax: not requeued: {said}")
        return False
    _say(f"nmmjax: job {job} is requeued")
    return True


def _scontrol(*arguments: str) -> str:
    """Return what scontrol says, or why it cannot be asked."""
    import subprocess  # not before it is needed: handlers are there early

    command = ["scontrol", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"cannot run scontrol: {error.strerror}"
    return " ".join((done.stdout + done.stderr).split())


def runs(job: str) -> bool:
    """Tell whether Slurm calls a job running: neither cancelled nor requeued already."""
    return "JobState=RUNNING" in _scontrol("show", "job", job).split()


def job_of(environment: Mapping[str, str]) -> str:
    """Name the job of Slurm as `scontrol` takes it, "" outside of one: 12_3 of an array, or 12."""
    array, index = (environment.get(f"SLURM_ARRAY_{x}") for x in ("JOB_ID", "TASK_ID"))
    return f"{array}_{index}" if array and index else environment.get("SLURM_JOB_ID", "")


def _say(line: str, cursor: str = "") -> None:
    """Write a line to stderr as it is, below a live display; it may be gone with its terminal."""
    try:
        start = f"{cursor}\n" if os.isatty(2) else ""
        os.write(2, f"{start}{line}\n".encode())
    except OSError:
        pass
