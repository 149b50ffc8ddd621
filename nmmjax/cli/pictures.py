"""The figures that a run leaves, drawn by a process of its own while the summary is made.

Drawing is Python: only another process can use a second core. Runs of few draws are not worth
one, and two processes that read very many would need twice the memory.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import jax

from nmmjax.cli.limits import limit
from nmmjax.cli.session import quiet
from nmmjax.errors import InputError

_FEW, _MANY = 2**15, 2**24  # draws of all chains


@contextlib.contextmanager
def drawing(directory: pathlib.Path, draws: int) -> Iterator[Callable[[], list[str]]]:
    """Start to draw if that pays; the function yielded waits for the names of the figures.

    draws  of all chains

    The function raises what drawing raises: InputError, OSError, MemoryError, or OSError where
    the process was killed. No process is left behind: one that nobody has waited for is ended.
    """
    process = _begun(directory) if _FEW < draws <= _MANY and (os.cpu_count() or 1) > 1 else None
    if process is None:
        yield lambda: drawn(directory)
        return
    with process:
        try:
            yield lambda: _awaited(process)
        finally:
            process.terminate()  # nothing where it has ended by itself


def _begun(directory: pathlib.Path) -> subprocess.Popen[str] | None:
    """The process that draws; None where there is no room for one more: this one draws then."""
    command = [sys.executable, "-m", "nmmjax.cli.pictures", str(directory)]
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError:
        return None


def drawn(directory: pathlib.Path) -> list[str]:
    """Save the figures below the directory; their names."""
    from nmmjax.figures import draw
    from nmmjax.results.rundir import open_run

    paths = draw.save_all(open_run(directory), directory / "figures")
    return sorted({path.stem for path in paths})


def _awaited(process: subprocess.Popen[str]) -> list[str]:
    answer, _ = process.communicate()
    if process.returncode < 0:
        raise OSError(f"the process that draws was ended by signal {-process.returncode}")
    if process.returncode:  # a bug, whose traceback has been printed
        raise subprocess.CalledProcessError(process.returncode, process.args)
    found = json.loads(answer)
    if found["refused"]:
        raise InputError(found["refused"])
    return found["drawn"]


def main(directory: str) -> None:
    """Draw, and print the names of the figures, or why there are none, as JSON."""
    quiet()
    jax.config.update("jax_enable_x64", True)  # of the limits that are drawn
    jax.config.update("jax_platforms", "cpu")  # an accelerator is the run's, memory and all
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    found: dict[str, list[str] | str] = {"drawn": [], "refused": ""}
    try:
        found["drawn"] = drawn(pathlib.Path(directory))
    except (InputError, OSError, MemoryError, ImportError, RuntimeError) as error:
        if not (reason := limit(error)):
            raise
        found["refused"] = reason
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
