"""Limits on an axis or in a plane: intervals and curves to be drawn.

The limits are those of the resolved run file; `future` ones are the library's projections for
the same observables, whether the run applied them or not.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nmmjax.constraints import library
from nmmjax.constraints.base import Constraint
from nmmjax.constraints.ends import Curve
from nmmjax.constraints.shapes import rebuilt
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


def curves_of(run: Run) -> list[Curve]:
    """Return the run's curve constraints, and the projections for the same (coupling, mass)."""
    terms = run.resolved["physics"].get("constraints", {})
    here = [rebuilt(name, term) for name, term in terms.items()]
    found = [curve for curve in here if isinstance(curve, Curve)]
    planes = {curve.requires[:2] for curve in found}
    later = [c for c in _projections() if isinstance(c, Curve) and c.requires[:2] in planes]
    return [*found, *(c for c in later if c.name not in terms)]


@functools.cache
def _projections() -> tuple[Constraint, ...]:
    """The library's projections that can be drawn."""
    names = [n for n, x in library.catalogue().items() if x.get("use") == "projection"]
    return tuple(c for name in names for c in library.load([name]))  # alternatives too


def _limits(run: Run, name: str) -> Iterator[Limit]:
    """Yield the limits on quantity `name`, or on an observable equal to it at every draw."""
    physics = run.resolved["physics"]
    terms = physics.get("constraints", {}) | physics.get("prefer", {})
    same: dict[str, bool] = {}

    def applies(term: Constraint) -> bool:
        observable, *others = term.requires
        if others or not run.has(observable):
            return False
        if observable not in same:
            same[observable] = observable == name or _equal(run, observable, name)
        return same[observable]

    for key, table in terms.items():
        term = rebuilt(key, table)
        if term is not None and applies(term):
            yield from _limit(term)
    for future in _projections():
        if future.name not in terms and applies(future):
            for limit in _limit(future):
                label = f"future: {limit.label.removeprefix('future_')}"
                yield dataclasses.replace(limit, label=label, excludes=False, future=True)


def _equal(run: Run, a: str, b: str) -> bool:
    """Tell whether two quantities are the same at every draw."""
    some = run.few(_SOME)
    if not np.array_equal(run.read(a, chains=some), run.read(b, chains=some)):
        return False
    return np.array_equal(run.read(a), run.read(b))


def _limit(term: Constraint) -> Iterator[Limit]:
    """The interval that a constraint allows; none if its shape has no ends."""
    interval = term.interval()
    if interval is not None:
        yield Limit(*interval)
