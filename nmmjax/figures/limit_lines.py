"""Limits on an axis or in a plane: intervals and curves to be drawn.

The limits are those of the resolved run file; `future` ones are the library's projections for
the same observables, whether the run applied them or not.
"""

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from nmmjax.catalogue import known_or_bare
from nmmjax.constraints import library
from nmmjax.constraints.base import Constraint
from nmmjax.constraints.ends import Curve
from nmmjax.constraints.wishes import Prefer
from nmmjax.figures import style
from nmmjax.results import terms
from nmmjax.results.rundir import Run
from nmmjax.samplers.series import equal

_LETTERS = {
    "m": "m", "mu": r"\mu", "N": "N", "W": "W", "rho": r"\rho", "delta": r"\delta",
    "theta": r"\theta", "Dm^2": r"\Delta m^2",
}  # fmt: skip
_SYMBOL = re.compile(rf"(sin\^2 )?\b({'|'.join(map(re.escape, _LETTERS))})_(\w+)")
_SOME = 2**14  # draws whose equality is looked at before that of all


type Kind = Literal["limit", "wish", "future"]


@dataclasses.dataclass(frozen=True)
class Limit:
    """The interval a constraint leaves to its observable (infinite ends: open), and a label.

    kind  "limit", of which the outside is excluded, "wish" or "future"
    """

    low: float
    high: float
    label: str
    kind: Kind = "limit"
    look: dict[str, Any] = dataclasses.field(default_factory=dict)


def limits_on(run: Run, names: Sequence[str]) -> dict[str, list[Limit]]:
    """Limits, wishes and future limits per name, each with a look of its own; wishes share one."""
    found = [(name, limit) for name in names for limit in _limits(run, name)]
    looks: dict[str, dict[str, Any]] = {}
    kinds = (("limit", style.LIMITS, style.DASHES), ("future", style.PROJECTIONS, style.PROJECTED))
    for kind, colours, dashes in kinds:
        labels = dict.fromkeys(x.label for _, x in found if x.kind == kind)
        for i, label in enumerate(labels):
            looks[label] = {"color": colours[i % 4], "ls": dashes[i // 4 % len(dashes)]}
    looks |= {x.label: style.WISH for _, x in found if x.kind == "wish"}
    dressed = [(n, dataclasses.replace(limit, look=looks[limit.label])) for n, limit in found]
    return {name: [limit for n, limit in dressed if n == name] for name in names}


def curves_of(run: Run) -> list[Curve]:
    """Return the run's curve constraints, and the projections for the same (coupling, mass)."""
    found = [curve for curve in terms.constraints(run) if isinstance(curve, Curve)]
    planes = {curve.requires[:2] for curve in found}
    later = [c for c in _projections() if isinstance(c, Curve) and c.requires[:2] in planes]
    own = run.resolved["physics"].get("constraints", {})
    return [*found, *(c for c in later if c.name not in own)]


@functools.cache
def _projections() -> tuple[Constraint, ...]:
    """The library's projections that can be drawn."""
    names = [n for n, x in library.catalogue().items() if x.get("use") == "projection"]
    return tuple(c for name in names for c in library.load([name]))  # alternatives too


def _limits(run: Run, name: str) -> Iterator[Limit]:
    """Yield the limits on quantity `name`, or on an observable equal to it at every draw."""
    own = (*terms.constraints(run), *terms.wishes(run))
    same: dict[str, bool] = {}

    def applies(term: Constraint) -> bool:
        observable, *others = term.requires
        if others or not run.has(observable):
            return False
        if observable not in same:
            same[observable] = observable == name or _equal(run, observable, name)
        return same[observable]

    for term in own:
        if applies(term):
            yield from _limit(term)
    applied = run.resolved["physics"].get("constraints", {})
    for future in _projections():
        if future.name not in applied and applies(future):
            yield from _limit(future, "future")


def _equal(run: Run, a: str, b: str) -> bool:
    """Tell whether two quantities are the same at every draw."""
    some = run.few(_SOME)
    if not np.array_equal(run.sample(a, some), run.sample(b, some)):
        return False
    return equal(run.series(a), run.series(b))


def _limit(term: Constraint, kind: Kind = "limit") -> Iterator[Limit]:
    """The interval that a constraint allows; none if its shape has no ends."""
    interval = term.interval()
    if interval is not None:
        low, high, words, _ = interval
        wish = isinstance(term, Prefer)
        label = wished(term) if wish else printed(term, words)
        yield Limit(low, high, label, "wish" if wish else kind)


def printed(term: Constraint, words: str) -> str:
    """Name a limit as one prints it: 'XENONnT 2022, 90% CL'; by its key where it has no label."""
    projected = " (projected)" if term.source.use == "projection" else ""
    name = term.source.label or library.label(term.name)
    return f"{typeset(name)}{projected}, {words.removeprefix(f'{term.name}, ')}"


def typeset(words: str) -> str:
    """Put the symbols of a label in mathtext: 'm_nu near 0.05 eV', 'NuFIT 6.1 sin^2 theta_12'."""

    def symbol(found: re.Match[str]) -> str:
        before, letter, index = found.groups(default="")
        sine = r"\sin^2" if before else ""
        index = {"nu": r"\nu", "eff": r"\mathrm{eff}"}.get(index, index)
        return f"${sine}{_LETTERS[letter]}_{{{index}}}$"

    return _SYMBOL.sub(symbol, words)


def wished(term: Prefer) -> str:
    """Name a wish: 'wish for mu_nu, 0.25 dex wide', the quantity in mathtext."""
    return f"wish for ${known_or_bare(term.requires[0]).latex}$, {term.width_dex:g} dex wide"
