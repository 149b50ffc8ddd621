"""`nmmjax compare`: two runs side by side."""

import dataclasses
import json
import pathlib
import textwrap
from collections.abc import Callable, Iterator, Sequence

from nmmjax.cli.session import start_jax
from nmmjax.cli.terminal import out, width
from nmmjax.errors import InputError
from nmmjax.results import comparison, open_run, summary
from nmmjax.results.comparison import Comparison, Pair
from nmmjax.results.plain import between, number, share, strict
from nmmjax.results.summary import Summary

_MOST = 12  # differences that are listed


def show_comparison(
    first: pathlib.Path, second: pathlib.Path, as_json: bool, allow_changes: bool = False
) -> None:
    """Print what differs between two runs, in physics, sampling, versions and results."""
    runs = open_run(first, allow_changes), open_run(second, allow_changes)
    for run in runs:
        if run.committed == 0:
            raise InputError(f"'{run.directory}' holds no draws to compare")
    start_jax(reads=True)
    summaries = summary.summarise(runs[0]), summary.summarise(runs[1])
    found = comparison.compare(runs, summaries)
    if as_json:
        out(json.dumps(strict(dataclasses.asdict(found)), indent=1, allow_nan=False) + "\n")
    else:
        out(to_text(found, summaries, width()))


def to_text(found: Comparison, summaries: tuple[Summary, Summary], wide: int) -> str:
    """Write the comparison, at most `wide` columns where names allow it."""
    a, b = summaries
    parts = [f"A  {a.directory}\nB  {b.directory}"]
    for title, lines in (
        ("Physics", found.physics),
        ("Sampling", found.sampling),
        ("Versions", found.versions),
    ):
        parts.append(_listed(title, lines, wide))
    parts.append("\n".join(_results(found, a, b, wide)))
    return "\n\n".join(parts) + "\n"


def _listed(title: str, lines: Sequence[str], wide: int) -> str:
    if not lines:
        return f"{title}: the same"
    shown = [x for line in lines[:_MOST] for x in _wrapped(line, wide)]
    more = len(lines) - _MOST
    return "\n".join([title, *shown, *([f"  and {more} more: --json"] if more > 0 else [])])


def _results(found: Comparison, a: Summary, b: Summary, wide: int) -> Iterator[str]:
    yield "Results"
    yield from _wrapped(f"verdict A: {a.verdict}", wide)
    yield from _wrapped(f"verdict B: {b.verdict}", wide)
    allowed = (share(s.allowed_fraction) for s in (a, b))
    yield "  inside every limit: " + " -> ".join(allowed)
    moments = [s.headline.moment for s in (a, b)]
    if all(m is not None for m in moments):
        largest = (_known(None if m is None else m.largest) for m in moments)
        yield "  largest allowed mu_nu: " + " -> ".join(largest) + " mu_B"
    if a.evidence is not None and b.evidence is not None:
        change = b.evidence.log_z - a.evidence.log_z
        error = (a.evidence.error**2 + b.evidence.error**2) ** 0.5
        yield f"  ln Z: {change:+.2f} +- {error:.2g}"
    yield ""
    yield from _table(found.pairs, wide)
    for which, names in zip("AB", found.only, strict=True):
        if names:
            yield from _wrapped(f"only in {which}: {', '.join(names)}", wide)


def _table(pairs: Sequence[Pair], wide: int) -> Iterator[str]:
    """Lines of pairs, those that differ marked; medians alone where there is no room."""
    lines = _lines(pairs, "A: median (5% to 95%)", between)
    if max(map(len, lines)) > wide:
        lines = _lines(pairs, "A: median", lambda interval: number(interval[1]))
    yield from lines
    if any(p.differs for p in pairs):
        yield f"* means apart by more than {comparison.ERRORS:g} of their errors"


def _lines(
    pairs: Sequence[Pair], title: str, shown: Callable[[tuple[float, float, float]], str]
) -> list[str]:
    cells = [["", "", title, "B", "shift/sd", "errors"]]
    for p in pairs:
        mark = "*" if p.differs else " "
        cells.append([f"{mark} {p.name}", p.unit or "-", shown(p.first), shown(p.second),
                      f"{p.shift:+.2f}", f"{p.errors:+.1f}"])  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(x.ljust(w) for x, w in zip(line, widths, strict=True)).rstrip() for line in cells
    ]


def _known(x: float | None) -> str:
    return "none" if x is None else number(x)


def _wrapped(text: str, wide: int) -> list[str]:
    return textwrap.wrap(text, wide, initial_indent="  ", subsequent_indent="    ")
