"""`nmmjax reproduce`: figures of the source papers, redrawn."""

import pathlib
import textwrap
from collections.abc import Sequence

import numpy as np

from nmmjax.cli.terminal import out as show
from nmmjax.cli.terminal import width
from nmmjax.errors import InputError, suggest
from nmmjax.reproduce import definition

_FORMATS = ("png", "pdf", "svg")
_MATCHES = {
    "yes": "matches",
    "partly": "in part",
    "no": "differs",
    "ours": "our own",
}
_ROOM = max(map(len, _MATCHES.values()))
_CHART = "models"


def reproduce_figures(
    what: str, directory: pathlib.Path, formats: str, recompute: str | None, runs: pathlib.Path
) -> None:
    """List the figures, or redraw one or all: figure, numbers as CSV, and whether they match."""
    if what.lower() == "list":
        _list()
        return
    names = definition.names() if what.lower() == "all" else [what]
    for name in names:
        definition.read(name)
    _draw(names, directory, _chosen(formats), recompute, runs)


def _list() -> None:
    """Name, verdict and title of every figure, a line of the terminal each."""
    names = definition.names()
    room = max(map(len, names))
    for name in names:
        about = definition.read(name)
        rest = about.title if about.matches == "ours" else f"{about.title} ({about.paper})"
        before = f"{name:<{room}}  {_MATCHES[about.matches]:<{_ROOM}}  "
        show(
            before
            + textwrap.shorten(rest, max(width() - len(before), 20), placeholder=" ...")
            + "\n"
        )


def _where(about: definition.Definition) -> str:
    return about.item if about.matches == "ours" else f"{about.paper}, {about.item}"


def _chosen(formats: str) -> list[str]:
    found = [part.strip() for part in formats.split(",")]
    for suffix in found:
        if suffix not in _FORMATS:
            raise InputError(f"--format: '{suffix}' is unknown{suggest(suffix, _FORMATS)}")
    return list(dict.fromkeys(found))


def _draw(
    names: Sequence[str],
    directory: pathlib.Path,
    formats: Sequence[str],
    recompute: str | None,
    runs: pathlib.Path,
) -> None:
    """Draw and save; imports what computes only now."""
    from nmmjax.cli.session import start_jax
    from nmmjax.reproduce.figure import reproduce

    if recompute is not None and _CHART not in names:
        raise InputError(f"--recompute is for '{_CHART}', whose table is stored; others compute")
    start_jax(reads=True)
    table = None if recompute is None else _recomputed(recompute, directory, runs)
    for name in names:
        about, paths = reproduce(name, directory, formats, table if name == _CHART else None)
        for path in paths:
            show(f"{path}\n")
        words = f"{_where(about)}: {_MATCHES[about.matches]}. {about.why}"
        lines = textwrap.wrap(" ".join(words.split()), width() - 2)
        show("".join(f"  {line}\n" for line in lines))


def _recomputed(names: str, directory: pathlib.Path, runs: pathlib.Path) -> dict[str, np.ndarray]:
    """Search run files anew and save the table of all, as the package keeps it."""
    from nmmjax.reproduce.reaches import PATH, lines, recomputed

    table = recomputed([part.strip() for part in names.split(",")], runs)
    path = directory / PATH.name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines(table)))
    except OSError as error:
        raise InputError(f"cannot write '{path}': {error.strerror}") from None
    show(f"{path}\n")
    return table
