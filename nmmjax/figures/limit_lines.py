"""What constraints leave of an axis or of a plane: intervals and curves to be drawn.

The limits are those of the resolved run file; `future` ones are the library's projections for
the same observables, whether the run applied them or not.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nmmjax.constraints import library
from nmmjax.constraints.base import Constraint, Source
from nmmjax.figures.curves import CURVES
from nmmjax.results.rundir import Run

_COLOURS = ("black", "#d55e00", "#cc79a7", "#0072b2")
_DASHES = ("-", "--", "-.")
_FUTURE_COLOURS = ("#56b4e9", "#009e73", "#e69f00", "0.45")
_SOME = 2**14  # draws whose equality is looked at before that of all


@dataclasses.dataclass(frozen=True)
class Limit:
    """The interval a constraint leaves to its observable (infinite ends: open), and a label."""

    low: float
    high: float
    label: str
    excludes: bool = True
    future: bool = False
    look: dict[str, Any] = dataclasses.field(default_factory=dict)


def limits_on(run: Run, names: Sequence[str]) -> dict[str, list[Limit]]:
    """Limits, wishes and future limits per name, each with a look of its own."""
    found = [(name, limit) for name in names for limit in _limits(run, name)]
    looks: dict[str, dict[str, Any]] = {}
    for future, colours, dashes in ((False, _COLOURS, _DASHES), (True, _FUTURE_COLOURS, ":")):
        labels = dict.fromkeys(x.label for _, x in found if x.future == future)
        for i, label in enumerate(labels):
            looks[label] = {"color": colours[i % 4], "ls": dashes[i // 4 % len(dashes)]}
    dressed = [(n, dataclasses.replace(limit, look=looks[limit.label])) for n, limit in found]
    return {name: [limit for n, limit in dressed if n == name] for name in names}


def curves_of(run: Run) -> list[Constraint]:
    """The curve constraints of the run, and the projections for the same (coupling, mass)."""
    kinds = {kind.__name__: kind for kind in CURVES}
    found: list[Constraint] = []
    for name, term in run.resolved["physics"].get("constraints", {}).items():
        if term["shape"] in kinds:
            given: dict[str, Any] = {
                k: tuple(x) if isinstance(x, list) else x for k, x in term.items()
            }
            kind = kinds[given.pop("shape")]
            found.append(kind(name=name, source=Source("the run file", None, ""), **given))
    planes = {curve.requires[:2] for curve in found}
    here = {curve.name for curve in found}
    later = [c for c in _projections() if isinstance(c, CURVES) and c.requires[:2] in planes]
    return [*found, *(c for c in later if c.name not in here)]


@functools.cache
def _projections() -> tuple[Constraint, ...]:
    """The library's projections that can be drawn."""
    names = [n for n, x in library.catalogue().items() if x.get("use") == "projection"]
    return tuple(c for name in names for c in library.load([name]))  # alternatives too


def _limits(run: Run, name: str) -> Iterator[Limit]:
    """Of terms on `name`, or on an observable equal to it at every draw."""
    physics = run.resolved["physics"]
    terms = physics.get("constraints", {}) | physics.get("prefer", {})
    same: dict[str, bool] = {}

    def applies(term: dict[str, Any]) -> bool:
        observable, *others = term["requires"]
        if others or not run.has(observable):
            return False
        if observable not in same:
            same[observable] = observable == name or _equal(run, observable, name)
        return same[observable]

    for key, term in terms.items():
        if applies(term):
            yield from _limit(key, term)
    for future in _projections():
        term = {"shape": type(future).__name__} | _fields(future)
        if future.name not in terms and applies(term):
            for limit in _limit(future.name.removeprefix("future_"), term):
                label = f"future: {limit.label}"
                yield dataclasses.replace(limit, label=label, excludes=False, future=True)


def _fields(constraint: Constraint) -> dict[str, Any]:
    return {f.name: getattr(constraint, f.name) for f in dataclasses.fields(constraint)}


def _equal(run: Run, a: str, b: str) -> bool:
    """Whether two quantities are the same at every draw."""
    some = run.few(_SOME)
    if not np.array_equal(run.read(a, chains=some), run.read(b, chains=some)):
        return False
    return np.array_equal(run.read(a), run.read(b))


def _limit(name: str, term: dict[str, Any]) -> Iterator[Limit]:
    """The interval that a constraint as resolved allows; none if its shape has no ends."""
    label = f"{name}, {100.0 * term['cl']:g}% CL" if "cl" in term else name
    match term:
        case {"shape": "LowerLimit", "value": value}:
            yield Limit(value, math.inf, label)
        case {"shape": "SmoothBound", "value": value}:
            yield Limit(-math.inf, value, label)
        case {"shape": "UpperLimit", "value": value}:
            yield Limit(-value, value, label)
        case {"shape": "UpperLimitBand", "value": [_, value]}:
            yield Limit(-value, value, label)
        case {"shape": "Window", "value": [low, high]}:
            yield Limit(low, high, label)
        case {"shape": "Measurement", "limit": float(value)}:
            yield Limit(-value, value, label)
        case {"shape": "Measurement"}:
            yield _two_sigma(term, label)
        case {"shape": "Prefer"}:
            ends = term.get("above", -math.inf), term.get("below", math.inf)
            yield Limit(*ends, f"wish, {term['width_dex']:g} dex wide", excludes=False)


def _two_sigma(term: dict[str, Any], label: str) -> Limit:
    """The 2 sigma interval of a Gaussian in x^power; of an angle without shading, it may wrap."""
    value, period = term["value"], term.get("period")
    if period:
        value -= period * round(value / period)
    low = value - 2.0 * math.hypot(term["sigma_minus"], term["theory_sigma"])
    high = value + 2.0 * math.hypot(term["sigma_plus"], term["theory_sigma"])
    if term["power"] > 1:
        low, high = (max(x, 0.0) ** (1.0 / term["power"]) for x in (low, high))
    return Limit(low, high, f"{label}, ±2σ", excludes=not period)
