"""Tables of engines that maximise, in words: the modes of a search, the map of a frontier."""

import dataclasses
import math
import textwrap
from typing import Any

import numpy as np

from nmmjax.errors import InputError
from nmmjax.results import undefined
from nmmjax.results.rundir import HEADLINES, Run
from nmmjax.results.text import strict

_WIDTH = 100
_MOST = 12  # modes in the text
_ACTIVE = 0.05  # slack below which a constraint holds a maximum back
_OF_SEARCH = ("log_density", "count", "gradient_norm", "log_z_laplace")
_EXTREME = {"largest": "largest", "smallest": "smallest", "profile": "largest"}


@dataclasses.dataclass(frozen=True)
class Mode:
    """One maximum of the density: log density in the chart, share of the starts, values."""

    log_density: float
    share: float
    log_z_laplace: float  # NaN where the peak is no narrow quadratic
    values: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Frontier:
    """The map of an objective: its cells, where it is most extreme, and what holds it back.

    extreme  the best cell's values, parameters and observables
    active   constraint, bound or margin -> share of the feasible cells in which it is at its limit
    """

    objective: str
    kind: str
    x: str
    y: str
    x_edges: tuple[float, ...]
    y_edges: tuple[float, ...]
    value: tuple[tuple[float, ...], ...]  # by rows of y; NaN where nothing is allowed
    feasible: int
    cells: int
    extreme: dict[str, float]
    active: dict[str, float]


def modes(run: Run) -> tuple[Mode, ...]:
    """The modes that a search found, best first; none for other runs."""
    table = run.table("modes")
    if not table:
        return ()
    total = float(np.sum(table["count"]))
    names = [n for n, x in table.items() if n not in _OF_SEARCH and x.ndim == 1]
    return tuple(
        Mode(
            float(table["log_density"][i]),
            float(table["count"][i]) / total,
            float(table["log_z_laplace"][i]),
            {name: float(table[name][i]) for name in names},
        )
        for i in range(len(table["log_density"]))
    )


def frontier(run: Run) -> Frontier | None:
    """The map that the engine `frontier` made; None for other runs."""
    table = run.table("frontier")
    if not table:
        return None
    asked = run.resolved["sampling"]["engine"]
    value, feasible = table["value"], table["feasible"] == 1
    sign = -1.0 if asked["kind"] == "smallest" else 1.0
    best = np.unravel_index(np.argmax(np.where(feasible, sign * value, -np.inf)), value.shape)
    known = {n for n, x in table.items() if x.shape == value.shape and not n.startswith("slack_")}
    slack = {n.removeprefix("slack_"): x for n, x in table.items() if n.startswith("slack_")}
    shares = {n: float(np.mean(x[feasible] < _ACTIVE)) for n, x in slack.items()}
    return Frontier(
        objective="ln L" if asked["kind"] == "profile" else asked["objective"],
        kind=asked["kind"],
        x=asked["x"],
        y=asked["y"],
        x_edges=tuple(map(float, table["x_edges"])),
        y_edges=tuple(map(float, table["y_edges"])),
        value=tuple(tuple(map(float, row)) for row in value),
        feasible=int(feasible.sum()),
        cells=value.size,
        extreme={n: float(table[n][best]) for n in sorted(known)} if feasible.any() else {},
        active={n: s for n, s in sorted(shares.items(), key=lambda p: -p[1]) if s > 0.0},
    )


def to_json(run: Run) -> dict[str, Any]:
    """The tables as plain numbers."""
    found = frontier(run)
    maps = {} if found is None else {"frontier": dataclasses.asdict(found)}
    listed = [dataclasses.asdict(mode) for mode in modes(run)]
    return strict(maps | ({"modes": listed} if listed else {}))


def to_text(run: Run) -> str:
    """The tables as text, at most 100 columns wide; InputError if the run has none."""
    found, mapped = modes(run), frontier(run)
    if not found and mapped is None:
        raise InputError(f"'{run.directory}' holds no draws yet: run the same command again")
    physics, sampling = run.resolved["physics"], run.resolved["sampling"]
    head = f"{physics['model']['name']}: engine {sampling['engine']['name']}, seed"
    body = _modes_text(run, found) if mapped is None else _frontier_text(run, mapped)
    if (lost := undefined.of(run)) is not None:
        body += "\n\n" + textwrap.fill(f"Note: {lost.text}.", _WIDTH, subsequent_indent="  ")
    return f"{head} {sampling['seed']}\n{run.directory}\n\n{body}\n"


def _modes_text(run: Run, found: tuple[Mode, ...]) -> str:
    first = (
        f"{len(found)} modes of the density in chart coordinates. Not a posterior: a narrow peak "
        "may be high and hold nothing."
    )
    lines = [textwrap.fill(first, _WIDTH)]
    for number, mode in enumerate(found[:_MOST], 1):
        known = not math.isnan(mode.log_z_laplace)
        laplace = f", ln Z (Laplace) {mode.log_z_laplace:.4g}" if known else ""
        share = f"{mode.share:.1%} of the starts"
        lines.append(f"\n{number}. log density {mode.log_density:.6g}, {share}{laplace}")
        lines.append(_values_text(run, mode.values))
    if len(found) > _MOST:
        lines.append(
            f"\n... and {len(found) - _MOST} more in {run.directory / 'chains.h5'}: /modes"
        )
    return "\n".join(lines)


def _frontier_text(run: Run, found: Frontier) -> str:
    word = _EXTREME[found.kind]
    axes = " and ".join(
        f"{len(edges) - 1} cells of {name} ({edges[0]:.4g} to {edges[-1]:.4g})"
        for name, edges in ((found.x, found.x_edges), (found.y, found.y_edges))
    )
    what = f"Frontier: {word} {found.objective} in {axes}; {found.feasible} of {found.cells} "
    bound = "an upper" if found.kind == "smallest" else "a lower"
    what += f"cells hold allowed points. Each value is {bound} bound: what some start reached."
    parts = [textwrap.fill(what, _WIDTH)]
    if found.extreme:
        parts.append(
            f"{word.capitalize()} of all: {found.objective} = {found.extreme['value']:.5g}"
        )
        parts[-1] += "\n" + _values_text(run, found.extreme)
    if found.active:
        shares = ", ".join(f"{name} in {share:.0%}" for name, share in found.active.items())
        held = f"What holds the maxima back: {shares} of the allowed cells."
        parts.append(textwrap.fill(held, _WIDTH, subsequent_indent="  "))
    return "\n\n".join(parts)


def _values_text(run: Run, values: dict[str, float]) -> str:
    priors = run.resolved["physics"]["priors"]
    sampled = [name for name, prior in priors.items() if isinstance(prior, dict)]
    shown = [name for name in dict.fromkeys((*HEADLINES, *sampled)) if name in values]
    text = ", ".join(f"{name} = {values[name]:.4g}" for name in shown)
    return textwrap.fill(text, _WIDTH, initial_indent="   ", subsequent_indent="   ")
