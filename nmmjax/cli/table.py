"""`nmmjax table`: quantities of a run as LaTeX, CSV or Markdown."""

import csv
import io
import re
from collections.abc import Sequence

from nmmjax.cli.terminal import out
from nmmjax.errors import InputError, suggest
from nmmjax.results import printed, summary
from nmmjax.results.printed import Form, Printed
from nmmjax.results.rundir import Run
from nmmjax.results.variables import HEADLINES

_FORMS: tuple[Form, ...] = ("latex", "csv", "markdown")
_NOT_IN_BRACKETS = r",(?![^\[]*\])"
_UNITS = {"mu_B": r"$\mu_B$", "eV^2": r"eV$^2$", "GeV^2": r"GeV$^2$", "GeV^4": r"GeV$^4$"}


def show_table(run: Run, columns: str | None, form: str, share: float, transpose: bool) -> None:
    """Print a table of some quantities: posterior, best draw, draw of the largest moment."""
    found: Form | None = next((known for known in _FORMS if known == form), None)
    if found is None:
        raise InputError(f"--format: '{form}' is unknown{suggest(form, _FORMS)}")
    out(table(run, _names(columns), found, share, transpose))


def table(run: Run, names: Sequence[str], form: Form, share: float, transpose: bool = False) -> str:
    """Write the table as text; InputError for a quantity that the run did not store."""
    chosen = list(names) or [*(n for n in HEADLINES if run.has(n)), *run.sampled]
    for name in chosen:
        run.about(name)
    best, largest = summary.points(run)
    rows = {
        f"{100.0 * share:g}%": [printed.posterior(run, name, share) for name in chosen],
        "best draw": printed.at(best, chosen),
        "largest moment": printed.at(largest, chosen),
    }
    if form == "csv":
        return _csv(run, chosen, rows)
    heads = [_head(run, name, form) for name in chosen]
    cells = [[label, *(cell.text(form) for cell in row)] for label, row in rows.items()]
    lines = [["", *heads], *cells]
    lines = [list(line) for line in zip(*lines, strict=True)] if transpose else lines
    return _latex(lines) if form == "latex" else _markdown(lines)


def _names(text: str | None) -> list[str]:
    return [] if text is None else [part.strip() for part in re.split(_NOT_IN_BRACKETS, text)]


def _head(run: Run, name: str, form: Form) -> str:
    about = run.about(name)
    if form == "markdown":
        return f"{name} [{about['units']}]" if about["units"] else name
    bracket = "".join(name.partition("[")[1:])
    unit = _UNITS.get(about["units"], about["units"])
    return f"${about['latex']}{bracket}$" + (f" [{unit}]" if unit else "")


def _latex(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = (" & ".join(x.replace("%", r"\%") for x in line) + r" \\" for line in lines)
    kinds = "l" + "c" * (len(lines[0]) - 1)
    body = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", head, r"\midrule", *rows]
    return "\n".join([*body, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, wide, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in wide) + "|"
    return "\n".join([padded[0], rule, *padded[1:]]) + "\n"


def _csv(run: Run, names: Sequence[str], rows: dict[str, list[Printed]]) -> str:
    """A line for each quantity: what a program reads, rounded as it is printed."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(["quantity", "unit", "median", "plus", "minus", "best", "largest"])
    posterior, best, largest = rows.values()
    for name, middle, at_best, at_largest in zip(names, posterior, best, largest, strict=True):
        power = f"e{middle.power}" if middle.power else ""
        of_errors = "" if middle.ends else power
        errors = [f"{x or '0'}{of_errors}" for x in (middle.plus, middle.minus)]
        points = [x.text("csv") for x in (at_best, at_largest)]
        write([name, run.about(name)["units"], middle.value + power, *errors, *points])
    return file.getvalue()
