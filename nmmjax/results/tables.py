"""Tables of engines that maximise, in words: the modes of a search, the map of a frontier."""

import dataclasses
import math
import textwrap
from typing import Any

import numpy as np

from nmmjax.constraints import library
from nmmjax.errors import InputError
from nmmjax.results import trust, undefined
from nmmjax.results.plain import number, strict
from nmmjax.results.rundir import Run
from nmmjax.results.variables import HEADLINES

_WIDTH = 100
_MOST = 12  # modes in the text
_ACTIVE = 0.05  # slack below which a constraint holds a maximum back
_ASKED = "_asked"
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

    least    of several searches: the worst that one of them reached, as `value`; else None
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
    least: tuple[tuple[float, ...], ...] | None
    feasible: int
    cells: int
    extreme: dict[str, float]
    active: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Progress:
    """The state of an engine without draws: `done` of at most `asked` rounds, or other units."""

    unit: str
    done: int
    asked: int
    finished: bool

    def __str__(self) -> str:
        return f"{self.done} of {self.asked} {self.unit}"


def progress(run: Run) -> Progress | None:
    """Read how far the engine has got; None where it keeps no such account."""
    table = run.table("progress")
    for name in table:
        if name.endswith(_ASKED):
            unit = name.removesuffix(_ASKED)
            asked, finished = int(table[name]), bool(table["finished"])
            return Progress(unit, int(table[unit]), asked, finished)
    return None


def verdict(run: Run) -> tuple[bool, str]:
    """(finished without a doubt, words) of an engine that maximises."""
    found, against = progress(run), [*trust.doubts(run), *undefined.against(run)]
    if found is None:
        return False, "not known to be finished: the run keeps no account of its progress."
    if not found.finished:
        return False, (
            f"not finished: {found} are done, and what has not been found may still be there. Run "
            "the same command again."
        )
    if against:
        return False, f"finished, with doubts: {'; '.join(against)}."
    return True, f"finished after {found}: nothing more was found."


def modes(run: Run) -> tuple[Mode, ...]:
    """Return the modes that a search found, best first; none for other runs."""
    table = run.table("modes")
    if not table:
        return ()
    total = float(np.sum(table["count"]))
    names = [n for n in run.described("modes") if table[n].ndim == 1]
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
    """Return the map that the engine `frontier` made; None for other runs."""
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
        value=_rows(value),
        least=_rows(table["least"]) if "least" in table else None,
        feasible=int(feasible.sum()),
        cells=value.size,
        extreme={n: float(table[n][best]) for n in sorted(known)} if feasible.any() else {},
        active={n: s for n, s in sorted(shares.items(), key=lambda p: -p[1]) if s > 0.0},
    )


def _rows(x: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in x)


def to_json(run: Run) -> dict[str, Any]:
    """Return the tables as plain numbers."""
    found = frontier(run)
    maps = {} if found is None else {"frontier": dataclasses.asdict(found)}
    listed = [dataclasses.asdict(mode) for mode in modes(run)]
    finished, words = verdict(run)
    done = progress(run)
    state = {} if done is None else {"progress": dataclasses.asdict(done)}
    state |= {"finished": finished, "verdict": words}
    return strict(maps | ({"modes": listed} if listed else {}) | state)


def to_text(run: Run, width: int = _WIDTH) -> str:
    """Write the tables as text, at most `width` columns wide; InputError if the run has none."""
    found, mapped = modes(run), frontier(run)
    if not run.tables:
        raise InputError(f"'{run.directory}' holds no draws yet: run the same command again")
    physics, sampling = run.resolved["physics"], run.resolved["sampling"]
    head = f"{physics['model']['name']}: engine {sampling['engine']['name']}, seed"
    parts = [f"{head} {sampling['seed']}\n{run.directory}"]
    parts += [textwrap.fill(f"Note: {note}", width) for note in run.warnings]
    if mapped is not None:
        parts.append(_frontier_text(run, mapped, width))
    elif found:
        parts.append(_modes_text(run, found, width))
    said = f"Verdict: {verdict(run)[1]}"
    parts.append(textwrap.fill(said, width, subsequent_indent="  "))
    return "\n\n".join(parts) + "\n"


def _modes_text(run: Run, found: tuple[Mode, ...], width: int) -> str:
    first = (
        f"{len(found)} mode{'s' * (len(found) > 1)} of the density in chart coordinates. Not a "
        "posterior: a narrow peak may be high and hold nothing."
    )
    lines = [textwrap.fill(first, width)]
    for i, mode in enumerate(found[:_MOST], 1):
        known = not math.isnan(mode.log_z_laplace)
        laplace = f", ln Z (Laplace) {mode.log_z_laplace:.4g}" if known else ""
        share = f"{mode.share:.1%} of the starts"
        lines.append(f"\n{i}. log density {mode.log_density:.6g}, {share}{laplace}")
        lines.append(_values_text(run, mode.values, width))
    if len(found) > _MOST:
        lines.append(
            f"\n... and {len(found) - _MOST} more in {run.directory / 'chains.h5'}: /modes"
        )
    return "\n".join(lines)


def _frontier_text(run: Run, found: Frontier, width: int) -> str:
    word = _EXTREME[found.kind]
    axes = " and ".join(
        f"{len(edges) - 1} cells of {name} ({number(edges[0])} to {number(edges[-1])})"
        for name, edges in ((found.x, found.x_edges), (found.y, found.y_edges))
    )
    what = f"Frontier: {word} {found.objective} in {axes}; {found.feasible} of {found.cells} "
    bound = "an upper" if found.kind == "smallest" else "a lower"
    what += f"cells hold allowed points. Each value is {bound} bound: what some start reached."
    parts = [textwrap.fill(what, width)]
    if found.extreme:
        parts.append(
            f"{word.capitalize()} of all: {found.objective} = {number(found.extreme['value'], 5)}"
        )
        parts[-1] += "\n" + _values_text(run, found.extreme, width)
    if found.least is not None:
        parts.append(textwrap.fill(_spread_text(found), width))
    if found.active:
        shares = ", ".join(f"{_printed(n)} in {share:.0%}" for n, share in found.active.items())
        held = f"What holds the maxima back: {shares} of the allowed cells."
        parts.append(textwrap.fill(held, width, subsequent_indent="  "))
    return "\n\n".join(parts)


def _printed(name: str) -> str:
    """Name a constraint as one prints it, and an end of a prior in words."""
    own = name.removeprefix("prior_")
    return library.label(name) if own == name else f"the prior of {own}"


def _spread_text(found: Frontier) -> str:
    """Say how far the searches of several shards agree."""
    best, least = np.array(found.value), np.array(found.least)
    known = np.isfinite(best) & np.isfinite(least)
    off = np.abs(least - best)[known] / np.maximum(np.abs(best[known]), np.finfo(float).tiny)
    if off.size == 0:
        return "No cell was reached by a shard."
    return (
        f"Each cell holds the best of all shards; the worst of those that reach a cell is off by "
        f"{np.median(off):.2g} of the value in the median cell, by {off.max():.2g} at most."
    )


def _values_text(run: Run, values: dict[str, float], width: int) -> str:
    priors = run.resolved["physics"]["priors"]
    sampled = [name for name, prior in priors.items() if isinstance(prior, dict)]
    shown = [name for name in dict.fromkeys((*HEADLINES, *sampled)) if name in values]
    units = {name: about["units"] for t in run.tables for name, about in run.described(t).items()}
    items = (f"{n} = {number(values[n], 4)} {units.get(n, '')}".rstrip() for n in shown)
    glued = ", ".join(item.replace(" ", "\0") for item in items)  # wrapped between items only
    filled = textwrap.fill(glued, width, initial_indent="   ", subsequent_indent="   ")
    return filled.replace("\0", " ")
