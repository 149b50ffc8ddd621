"""Aligned tables of a summary, in groups, as wide as there is room."""

from collections.abc import Iterator, Sequence

from nmmjax.catalogue import GROUPS, group
from nmmjax.results.plain import digits, number
from nmmjax.results.summary import Row

_WORDS = ("quantity", "unit")
_FIGURES = ("median", "5%", "95%", "mean", "sd", "R-hat", "bulk", "tail ESS", "MCSE")
_DROPPED = ("MCSE", "tail ESS", "sd", "mean", "bulk", "R-hat")  # where there is no room
_LOW, _HIGH = 1e-4, 1e4  # beyond, a mean says little: medians and intervals


def grouped(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """(title, rows): what is the same kind of quantity, the headlines' groups first."""
    for title in GROUPS:
        if some := [row for row in rows if group(row.name.partition("[")[0]) == title]:
            yield title, some


def table(rows: Sequence[Row], width: int) -> str:
    """Names and units to the left, numbers to the right; columns are dropped until it fits."""
    every = [_cells(row, _FIGURES)[len(_WORDS) :] for row in rows]
    shown = [
        name for name, column in zip(_FIGURES, zip(*every, strict=True), strict=True) if any(column)
    ]
    for dropped in ("", *_DROPPED):
        shown = [name for name in shown if name != dropped]
        lines = _aligned([[*_WORDS, *shown], *(_cells(row, shown) for row in rows)])
        if max(map(len, lines)) <= width:
            break
    return "\n".join(lines)


def _cells(row: Row, shown: Sequence[str]) -> list[str]:
    enough = digits(row.q05, row.q95)
    found = {
        "median": number(row.q50, enough),
        "5%": number(row.q05, enough),
        "95%": number(row.q95, enough),
        "mean": number(row.mean, enough),
        "sd": number(row.sd),
        "MCSE": number(row.mcse_mean, 1),
        "R-hat": f"{row.rhat:.3f}",
        "bulk": f"{row.ess_bulk:.0f}",
        "tail ESS": f"{row.ess_tail:.0f}",
    }
    if not row.angle and row.q50 != 0.0 and not _LOW <= abs(row.q50) < _HIGH:
        found |= {"mean": "", "sd": "", "MCSE": ""}
    return [row.name, row.unit or "-", *(found[name] for name in shown)]


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(wide) if i < len(_WORDS) else cell.rjust(wide)
            for i, (cell, wide) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
