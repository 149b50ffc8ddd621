"""The summary of a run as plain text, at most 100 columns wide, and as strict JSON."""

import dataclasses
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from nmmjax.results import ranking, regions, trust
from nmmjax.results.evidence import Evidence
from nmmjax.results.regions import Regions
from nmmjax.results.rundir import HEADLINES, Attributes
from nmmjax.results.summary import Point, Row, Summary

_WIDTH = 100
_UNSEEN = " No verdict can notice a region that no draw and no starting point ever entered."


def to_text(summary: Summary) -> str:
    """Plain-text report: aligned tables, at most 100 columns, the verdict last."""
    units = summary.units
    parts = [
        f"{summary.model}: {summary.chains} chains in {summary.ensembles} ensembles x "
        f"{summary.draws} draws, engine {summary.engine}, seed {summary.seed}\n{summary.directory}",
        "Sampled parameters\n" + _table_text(summary.parameters),
        "Observables\n" + _table_text(summary.observables),
    ]
    if circular := [r.name for r in (*summary.parameters, *summary.observables) if r.angle]:
        told = "on the circle: mean and sd circular, 5% to 95% the shortest arc with 90%"
        parts.append(_prose(f"{told.capitalize()}: ", circular))
    if summary.same:
        parts.append(
            _prose("Equal at every draw: ", (f"{a} = {b}" for a, b in summary.same.items()))
        )
    if summary.constant:
        values = (_quantity(n, x, units) for n, x in summary.constant.items())
        parts.append(_prose("The same at every draw: ", values))
    shown = {row.name for row in (*summary.parameters, *summary.observables)}
    best = f"Best draw: log density {summary.best.log_density:.6g}"
    parts.append(_point_text(best, summary.best, shown, units))
    if (found := summary.largest) is not None:
        head = ", ".join(_quantity(n, found.values[n], units) for n in HEADLINES if n in shown)
        sampled = {row.name for row in summary.parameters}
        parts.append(_point_text(f"Largest allowed moment: {head}", found, sampled, units))
    parts.append(textwrap.fill(_allowed_text(summary), _WIDTH))
    if summary.ranking:
        parts.append(_ranking_text(summary.ranking))
    parts += [_regions_text(found) for found in summary.regions]
    if summary.evidence is not None:
        parts.append(_evidence_text(summary.evidence))
    parts += [
        textwrap.fill(f"Note: {note}", _WIDTH, subsequent_indent="  ") for note in summary.notes
    ]
    said = f"Verdict: {summary.verdict}" + (_UNSEEN if summary.converged else "")
    parts.append(textwrap.fill(said, _WIDTH, subsequent_indent="  "))
    return "\n\n".join(parts) + "\n"


def to_json(summary: Summary) -> dict[str, Any]:
    """Write the summary as strict JSON: lists and numbers, null where a number is undefined."""
    return strict(dataclasses.asdict(summary))


def strict(value: Any) -> Any:
    """Numbers that JSON lacks as None, everywhere in a tree."""
    match value:
        case dict():
            return {key: strict(item) for key, item in value.items()}
        case list() | tuple():
            return [strict(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case _:
            return value


def _table_text(rows: Sequence[Row]) -> str:
    """Aligned columns; names and units to the left, numbers to the right."""
    cells = [["", "unit", "mean", "sd", "5%", "median", "95%", "MCSE", "R-hat", "bulk", "tail ESS"]]
    for row in rows:
        numbers = [f"{x:.3g}" for x in (row.mean, row.sd, row.q05, row.q50, row.q95)]
        figures = [f"{row.mcse_mean:.1g}", f"{row.rhat:.3f}"]
        sizes = [f"{row.ess_bulk:.0f}", f"{row.ess_tail:.0f}"]
        cells.append([row.name, row.unit or "-", *numbers, *figures, *sizes])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        " ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _point_text(title: str, point: Point, shown: set[str], units: Attributes) -> str:
    where = textwrap.fill(f"{title} (chain {point.chain}, draw {point.draw})", _WIDTH)
    values = [_quantity(n, x, units) for n, x in point.values.items() if n in shown]
    terms = [_quantity(n, x, {}) for n, x in point.terms.items()]
    return "\n".join([where, _prose("  ", values), _prose("  terms: ", terms)])


def _allowed_text(summary: Summary) -> str:
    text = (
        f"{summary.allowed_fraction:.1%} of the draws are inside every limit (limits: value within "
        "the limit; measurements: within 2 sigma). This says nothing about convergence."
    )
    if "n_nonfinite" in summary.proposals:
        lost = summary.proposals.get("n_nan", 0)
        text += f" Proposals of zero density: {summary.proposals['n_nonfinite'] - lost}."
        text += f" Of undefined density: {lost}." if lost else ""
    if "acceptance" in summary.health:
        text += f" Mean acceptance {summary.health['acceptance']:.1%}."
    return text


def _ranking_text(rows: Sequence[ranking.Row]) -> str:
    """One line per constraint that some draw feels; the others by name."""
    lines = [
        "Constraints: share of the posterior without each that it excludes, by reweighting",
    ]
    width = max(len(row.name) for row in rows)
    for row in (row for row in rows if row.active):
        share = f"{row.excluded:.1%}" if row.reliable else f"roughly {row.excluded:.0%}"
        khat = "" if math.isnan(row.khat) else f"k-hat {row.khat:5.2f}"
        doubt = (
            "" if row.reliable else f"  unreliable above {trust.PARETO_K}: run without it to know"
        )
        lines.append(f"  {row.name:<{width}} {share:>14}  {khat}{doubt}".rstrip())
    if idle := ranking.never_active(list(rows)):
        lines.append(_prose("  Never active: ", idle))
    return "\n".join(lines)


def _regions_text(found: Regions) -> str:
    """Separate regions of one parameter, with their shares and how far ensembles disagree."""
    edges = ", ".join(f"{edge:.3g}" for edge in found.edges)
    parts = (
        f"{share:.1%} ({low:.1%} to {high:.1%})"
        for share, low, high in zip(found.shares, found.lowest, found.highest, strict=True)
    )
    text = (
        f"Separate regions of {found.name}, parted at {edges}: {'; '.join(parts)} of the draws "
        "(lowest to highest ensemble)."
    )
    if against := regions.against(found):
        text += f" WARNING: {against}. Longer runs, or the engine 'smc'."
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ")


def _evidence_text(found: Evidence) -> str:
    text = f"Evidence: ln Z = {found.log_z:.3f} +- {found.error:.2g}"
    if len(found.each) > 1:
        text += f", repeats {', '.join(f'{x:.2f}' for x in found.each)}"
    if found.check is not None:
        log_z, error = found.check
        text += f"; by importance sampling from the same draws {log_z:.3f} +- {error:.2g}"
    return textwrap.fill(text + ".", _WIDTH, subsequent_indent="  ")


def _quantity(name: str, x: float, units: Attributes) -> str:
    return f"{name} = {x + 0.0:.5g} {units.get(name, '')}".rstrip()


def _prose(head: str, items: Iterable[str]) -> str:
    """Items after a head, wrapped between items only."""
    glued = ", ".join(item.replace(" ", "\0") for item in items)
    filled = textwrap.fill(glued, _WIDTH, initial_indent=head, subsequent_indent="  ")
    return filled.replace("\0", " ")
