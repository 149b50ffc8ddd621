"""`nmmjax reproduce`: figures of the source papers, redrawn."""

import pathlib
from collections.abc import Sequence

from nmmjax.cli.terminal import out as show
from nmmjax.errors import InputError, suggest
from nmmjax.reproduce import definition

_FORMATS = ("png", "pdf", "svg")
MATCHES = {
    "yes": "matches",
    "partly": "matches in part",
    "no": "differs",
    "open": "nothing to compare with",
    "ours": "no paper has it",
}
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
    names = definition.names()
    width = max(map(len, names))
    for name in names:
        about = definition.read(name)
        show(f"{name:<{width}}  {about.title} ({about.paper}): {MATCHES[about.matches]}\n")


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
    from nmmjax.reproduce.reaches import PATH, lines, recomputed

    if recompute is not None and _CHART not in names:
        raise InputError(f"--recompute is for '{_CHART}', whose table is stored; others compute")
    start_jax()
    table = None
    if recompute is not None:
        table = recomputed([part.strip() for part in recompute.split(",")], runs)
        stored = directory / PATH.name
        directory.mkdir(parents=True, exist_ok=True)
        stored.write_text("".join(lines(table)))
        show(f"{stored}\n")
    for name in names:
        given = table if name == _CHART else None
        about, paths = reproduce(name, directory, formats, given)
        for path in paths:
            show(f"{path}\n")
        why = " ".join(about.why.split())
        show(f"  {about.paper}, {about.item}: {MATCHES[about.matches]}. {why}\n")
