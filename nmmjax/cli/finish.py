"""The end of a run: summary and figures, if the machine lets them be made."""

import pathlib
from collections.abc import Callable

from nmmjax.cli.terminal import out, say, width
from nmmjax.errors import Damaged, InputError, printable
from nmmjax.samplers.store.store import Store, StoreError

UNFINISHED = 3  # exit code: all draws are saved, summary or figures are not
_NO_ROOM = ("RESOURCE_EXHAUSTED", "out of memory", "Cannot allocate memory")
_LIMITS = (*_NO_ROOM, "failed to map segment", "Too many open files", "can't start new thread")


def finish(store: Store) -> int:
    """Write summary.txt and figures, print what they say; the exit code."""
    made = [
        _made(part, f"nmmjax {command} {store.path}", lambda write=write: write(store))
        for part, command, write in (
            ("summary", "summary", _summary),
            ("figures", "plot", _figures),
        )
    ]
    return 0 if all(made) else UNFINISHED


def _summary(store: Store) -> None:
    """Write the whole summary, print its first screen."""
    from nmmjax.results import screen, summary, tables
    from nmmjax.results import text as report
    from nmmjax.results.rundir import open_run

    opened = open_run(store.path)
    if opened.committed == 0 and opened.tables:
        words = first = tables.to_text(opened)
    else:
        found = summary.summarise(opened)
        words, first = report.to_text(found), screen.to_text(found, width())
    store.write_text("summary.txt", printable(words))
    out("\n" + printable(first))


def _figures(store: Store) -> None:
    from nmmjax.figures import draw
    from nmmjax.results.rundir import open_run

    folder: pathlib.Path = store.path / "figures"
    if paths := draw.save_all(open_run(store.path), folder):
        say(f"figures: {', '.join(sorted({p.stem for p in paths}))} in {folder}")


def _made(part: str, command: str, write: Callable[[], None]) -> bool:
    """Make a part of the results and tell whether it could be made.

    If not, one line says why, and how to make the part later. Raises InputError if the draws
    themselves cannot be read: then they are not all saved.
    """
    try:
        write()
    except Damaged:
        raise
    except (InputError, StoreError, OSError, MemoryError, ImportError, RuntimeError) as error:
        if not (reason := limit(error)):
            raise
        say(f"nmmjax: no {part}: {reason}. All draws are saved; to make it later: {command}")
        return False
    return True


def limit(error: Exception) -> str:
    """Name the limit of the machine that an error is about; "" for a fault of the program."""
    text = " ".join(str(error).split())
    if isinstance(error, InputError | StoreError):
        return text
    if isinstance(error, MemoryError) or any(sign in text for sign in _NO_ROOM):
        return "not enough memory"
    if isinstance(error, OSError):
        return error.strerror or text
    return text if any(sign in text for sign in _LIMITS) else ""
