"""`nmmjax plot`: figures of a run directory on demand."""

import logging
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib

from nmmjax import textfile
from nmmjax.cli.session import start_jax
from nmmjax.cli.terminal import out as show
from nmmjax.cli.terminal import say
from nmmjax.errors import InputError, located, suggest
from nmmjax.figures import draw, overlay
from nmmjax.results.rundir import Run
from nmmjax.results.shards import open_run

_RAW = "raw"  # of --style: no file
_NOT_IN_BRACKETS = r",(?![^\[]*\])"


def plot_run(
    directories: Sequence[pathlib.Path],
    what: str | None,
    params: str | None,
    formats: str,
    style: pathlib.Path | None,
    out: pathlib.Path | None,
    allow_changes: bool = False,
) -> None:
    """Draw and save figures of a run, or of several over one another; print the path of each."""
    start_jax(reads=True)
    kinds, names, suffixes = _listed("--what", what), _listed("--params", params), []
    for suffix in _listed("--format", formats):
        if suffix not in draw.FORMATS:
            raise InputError(f"--format: '{suffix}' is unknown{suggest(suffix, draw.FORMATS)}")
        suffixes.append(suffix)
    raw = style is not None and str(style) == _RAW
    chosen = {} if style is None or raw else read_style(style)
    runs = [_opened(directory, allow_changes) for directory in directories]
    if len(runs) > 1:
        drawn = draw.overlay(overlay.titled(runs), kinds, names, chosen)
    else:
        drawn = draw.draw(runs[0], kinds, names, chosen, raw)
    if not drawn:
        raise InputError(
            f"'{directories[0]}' holds nothing that can be drawn, see `nmmjax summary`"
        )
    for path in draw.save(drawn, out or directories[0] / "figures", suffixes, chosen):
        show(f"{path}\n")


def _opened(directory: pathlib.Path, allow_changes: bool) -> Run:
    run = open_run(directory, allow_changes)
    for warning in run.warnings:
        say(f"nmmjax: {warning}")
    if run.committed == 0 and not run.tables:
        raise InputError(f"'{directory}' holds no draws yet: nothing can be drawn")
    return run


def read_style(path: pathlib.Path) -> dict[str, Any]:
    """Parameters of matplotlib from a TOML file (tables or dotted keys) or a style file.

    Raises InputError for a file that cannot be read, an unknown key, a value that does not fit.
    """
    text = textfile.read(path, "style file")
    with located(str(path)):
        if path.suffix == ".toml":
            return _checked(dict(_flat(textfile.parse_toml(text))))
        return _style_sheet(path)


def _listed(option: str, text: str | None) -> list[str]:
    if text is None:
        return []
    found = [part.strip() for part in re.split(_NOT_IN_BRACKETS, text)]
    if not all(found):
        raise InputError(f"{option} takes names with commas between them, got '{text}'")
    return list(dict.fromkeys(found))


def _flat(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Join nested keys with dots: [font] size = 9 becomes "font.size" = 9."""
    for key, value in tree.items():
        below = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from _flat(value, below)
        else:
            yield below, value


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        if key not in matplotlib.rcParams:
            known = suggest(key, matplotlib.rcParams)
            hint = known if "did you mean" in known else "; see matplotlib's documentation"
            raise InputError(f"'{key}' is not a parameter of matplotlib{hint}")
        try:
            matplotlib.RcParams({key: value})
        except ValueError as error:
            raise InputError(f"'{key}': {' '.join(str(error).split())}") from None
    return given


class _Complaints(logging.Handler):
    """Collector of matplotlib's warnings: faults of a style sheet are only logged there."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


def _style_sheet(path: pathlib.Path) -> dict[str, Any]:
    log, complaints = logging.getLogger("matplotlib"), _Complaints()
    propagate, log.propagate = log.propagate, False
    log.addHandler(complaints)
    try:
        given = matplotlib.rc_params_from_file(path, use_default_template=False)
        found = {str(key): value for key, value in given.items()}
    finally:
        log.removeHandler(complaints)
        log.propagate = propagate
    if complaints.lines:
        raise InputError(complaints.lines[0])
    if not found:
        raise InputError("sets nothing: a TOML file (.toml) or a matplotlib style file is needed")
    return found
