"""The end of a run: summary and figures, if the machine lets them be made."""

from collections.abc import Callable

from nmmjax.cli import pictures
from nmmjax.cli.limits import limit
from nmmjax.cli.terminal import out, say, width
from nmmjax.errors import Damaged, InputError, printable
from nmmjax.samplers.store.store import Store, StoreError

UNFINISHED = 3  # exit code: all draws are saved, summary or figures are not


def finish(store: Store) -> int:
    """Write summary.txt and figures, print what they say; the exit code."""
    with pictures.drawing(store.path, store.committed * len(store.groups)) as names:
        made = [
            _made("summary", f"nmmjax summary {store.path}", lambda: _summary(store)),
            _made("figures", f"nmmjax plot {store.path}", lambda: _figures(store, names())),
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


def _figures(store: Store, names: list[str]) -> None:
    if names:
        say(f"figures: {', '.join(names)} in {store.path / 'figures'}")


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
