"""The whole summary of a run as plain text, and as strict JSON."""

import dataclasses
import math
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from nmmjax.results import columns, ranking, regions, screen, trust
from nmmjax.results.ablation import Without
from nmmjax.results.evidence import Evidence
from nmmjax.results.plain import number, share, strict
from nmmjax.results.pulls import Pull
from nmmjax.results.regions import Regions
from nmmjax.results.summary import Point, Summary
from nmmjax.results.variables import HEADLINES, Attributes

_WIDTH = 100
_SMALLEST = 1e-6  # |ln L| of a term that is shown
_PULLED = 0.1  # sigma, the least pull that is shown
_UNSEEN = " No verdict can notice a region that no draw and no starting point ever entered."


def to_text(summary: Summary, width: int = _WIDTH) -> str:
    """Plain-text report, at most `width` columns wide: answers, tables, the verdict last."""
    return "\n\n".join(_parts(summary, width)) + "\n"


def _parts(summary: Summary, width: int) -> Iterator[str]:
    units, rows = summary.units, (*summary.parameters, *summary.observables)
    yield (
        f"{summary.model}: {summary.chains} chains in {summary.ensembles} ensembles x "
        f"{summary.draws} draws, engine {summary.engine}, seed {summary.seed}\n{summary.directory}"
    )
    yield screen.answers(summary, width)
    yield "Sampled parameters\n" + columns.table(summary.parameters, width)
    for title, some in columns.grouped(summary.observables):
        yield f"{title}\n{columns.table(some, width)}"
    if circular := [row.name for row in rows if row.angle]:
        told = "On the circle: mean and sd circular, 5% to 95% the shortest arc with 90%: "
        yield _prose(told, circular, width)
    if summary.same:
        same = (f"{a} = {b}" for a, b in summary.same.items())
        yield _prose("Equal at every draw: ", same, width)
    if summary.constant:
        values = (_quantity(n, x, units) for n, x in summary.constant.items())
        yield _prose("The same at every draw: ", values, width)
    shown = {row.name for row in rows}
    best = f"Best draw: log density {summary.best.log_density:.6g}"
    yield _point_text(best, summary.best, shown, units, width)
    if (found := summary.largest) is not None:
        known = shown | summary.constant.keys()
        head = ", ".join(_quantity(n, found.values[n], units) for n in HEADLINES if n in known)
        sampled = {row.name for row in summary.parameters}
        yield _point_text(f"Largest allowed moment: {head}", found, sampled, units, width)
    yield textwrap.fill(_allowed_text(summary), width)
    yield from _constraints_parts(summary, width)
    for region in summary.regions:
        yield _regions_text(region, width)
    if summary.evidence is not None:
        yield _evidence_text(summary.evidence, width)
    for note in summary.notes:
        yield textwrap.fill(f"Note: {note}", width, subsequent_indent="  ")
    said = f"Verdict: {summary.verdict}" + (_UNSEEN if summary.converged else "")
    yield textwrap.fill(said, width, subsequent_indent="  ")


def _constraints_parts(summary: Summary, width: int) -> Iterator[str]:
    if summary.ranking:
        yield _ranking_text(summary.ranking, width)
    if summary.headline.ablation:
        yield ablation_text(summary.headline.ablation)
    if pulled := [p for p in summary.headline.pulls if max(p.best, abs(p.mean)) > _PULLED]:
        yield _pulls_text(pulled, len(summary.headline.pulls) - len(pulled))


def to_json(summary: Summary) -> dict[str, Any]:
    """Write the summary as strict JSON: lists and numbers, null where a number is undefined."""
    return strict(dataclasses.asdict(summary))


def ablation_text(rows: Iterable[Without]) -> str:
    """Write a line per constraint that was left out and the target sampled again."""
    rows = tuple(rows)
    width = max(len(row.name) for row in rows)
    lines = ["Left out and sampled again: share that it takes; mu_nu median (5% to 95%), largest"]
    for row in rows:
        low, middle, high = map(number, row.mu_nu)
        taken = "" if not row.removed else share(row.excluded)
        doubt = "" if trust.agrees(row.rhat) else f"  R-hat {row.rhat:.2f}: too short to trust"
        moment = f"{middle} ({low} to {high}), {number(row.largest)}"
        lines.append(f"  {row.name:<{width}} {taken:>6}  {moment}{doubt}")
    return "\n".join(lines)


def _pulls_text(rows: Iterable[Pull], others: int) -> str:
    rows = tuple(rows)
    width = max(len(row.name) for row in rows)
    lines = ["Pulls in sigma: at the best draw, in the mean (of a measurement signed)"]
    lines += [f"  {row.name:<{width}} {row.best:8.2f} {row.mean:8.2f}" for row in rows]
    return "\n".join(lines + ([f"  {others} others below {_PULLED}"] if others else []))


def _point_text(title: str, point: Point, shown: set[str], units: Attributes, width: int) -> str:
    where = textwrap.fill(f"{title} (chain {point.chain}, draw {point.draw})", width)
    values = [_quantity(n, x, units) for n, x in point.values.items() if n in shown]
    terms = [_quantity(n, x, {}, 3) for n, x in point.terms.items() if not abs(x) < _SMALLEST]
    return "\n".join([where, _prose("  ", values, width), _prose("  terms: ", terms, width)])


def _allowed_text(summary: Summary) -> str:
    text = (
        f"{summary.allowed_fraction:.1%} of the draws are inside every limit (limits: value within "
        "the limit; measurements: within 2 sigma). This says nothing about convergence."
    )
    lost = summary.proposals.get("n_nan", 0)
    made = summary.proposals.get("n_proposals", 0)
    if made:
        zero = (summary.proposals["n_nonfinite"] - lost) / made
        text += f" {share(zero)} of the proposals had zero density (outside prior or domain)."
    elif "n_nonfinite" in summary.proposals:
        zero = summary.proposals["n_nonfinite"] - lost
        text += f" Proposals of zero density (outside prior or domain): {zero}."
    text += f" Of undefined density: {lost}." if lost else ""
    if "acceptance" in summary.health:
        text += f" Mean acceptance {summary.health['acceptance']:.1%}."
    return text


def _ranking_text(rows: tuple[ranking.Row, ...], width: int) -> str:
    """One line per constraint that some draw feels; the others by name."""
    lines = [
        "Constraints: share of the posterior without each that it takes, by reweighting",
    ]
    wide = max(len(row.name) for row in rows)
    for row in (row for row in rows if row.active):
        part = f"{row.excluded:.1%}" if row.reliable else f"roughly {row.excluded:.0%}"
        khat = "" if math.isnan(row.khat) else f"k-hat {row.khat:5.2f}"
        doubt = "" if row.reliable else "  unreliable: nmmjax ablate"
        lines.append(f"  {row.name:<{wide}} {part:>14}  {khat}{doubt}".rstrip())
    if idle := ranking.never_active(list(rows)):
        lines.append(_prose("  Never active: ", idle, width))
    return "\n".join(lines)


def _regions_text(found: Regions, width: int) -> str:
    """Separate regions of one parameter, with their shares and how far ensembles disagree."""
    edges = ", ".join(number(edge) for edge in found.edges)
    parts = (
        f"{part:.1%} ({low:.1%} to {high:.1%})"
        for part, low, high in zip(found.shares, found.lowest, found.highest, strict=True)
    )
    text = (
        f"Separate regions of {found.name}, parted at {edges}: {'; '.join(parts)} of the draws "
        "(lowest to highest ensemble)."
    )
    if against := regions.against(found):
        text += f" WARNING: {against}. Longer runs, or the engine 'smc'."
    return textwrap.fill(text, width, subsequent_indent="  ")


def _evidence_text(found: Evidence, width: int) -> str:
    text = f"Evidence: ln Z = {found.log_z:.3f} +- {found.error:.2g}"
    if len(found.each) > 1:
        text += f", repeats {', '.join(f'{x:.2f}' for x in found.each)}"
    if found.check is not None:
        log_z, error = found.check
        text += f"; by importance sampling from the same draws {log_z:.3f} +- {error:.2g}"
    return textwrap.fill(text + ".", width, subsequent_indent="  ")


def _quantity(name: str, x: float, units: Attributes, digits: int = 5) -> str:
    return f"{name} = {number(x, digits)} {units.get(name, '')}".rstrip()


def _prose(head: str, items: Iterable[str], width: int) -> str:
    """Items after a head, wrapped between items only."""
    glued = ", ".join(item.replace(" ", "\0") for item in items)
    filled = textwrap.fill(glued, width, initial_indent=head, subsequent_indent="  ")
    return filled.replace("\0", " ")
