"""What holds the largest moment back: limits, prior bounds and wishes that its draws touch."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nmmjax.constraints.base import Constraint
from nmmjax.constraints.wishes import Prefer
from nmmjax.results import terms
from nmmjax.results.rundir import Run
from nmmjax.samplers import series
from nmmjax.samplers.series import Series

_TOP = 64  # draws of largest moment that are looked at
_TOP_SHARE = 0.01  # of the allowed ones, at most
_TOUCHES = 0.3  # slack below which a limit or bound is near: 15% of the limited quantity
_BOUND = 0.02  # of the width of a prior, in its flat coordinate: near its end
_CANDIDATES = 4096  # draws above the largest allowed moment


@dataclasses.dataclass(frozen=True)
class Held:
    """A limit, on a moment ("moment") or not ("limit"), a "wish" or end of a "prior" near by.

    slack  typical 1 - (x/limit)^2, or distance to the end in widths of the prior
    """

    name: str
    kind: str
    slack: float


def top(moment: Series, allowed: np.ndarray) -> np.ndarray:
    """Flat indices of the allowed draws of largest moment, the largest first."""
    count = min(max(round(_TOP_SHARE * np.count_nonzero(allowed)), 1), _TOP)
    return series.top(moment, lambda part, x: allowed[:, part], count)[0]


def held(run: Run, where: np.ndarray) -> tuple[Held, ...]:
    """Find what the draws `where` touch: limits on moments first, then what is nearest.

    A limit on a moment is touched by the largest of them, the others by the median draw.
    """
    both = (*terms.constraints(run), *terms.wishes(run))
    excess = terms.excesses(run, both, _padded(where))
    found = list(_bounds(run, where))
    for term in both:
        if term.name in excess:
            many = 1 if terms.direct(term) else len(where)
            slack = -float(np.median(excess[term.name][:many]))
            found.append(Held(term.name, _kind(term), slack))
    near = [one for one in found if one.slack < _TOUCHES]
    return tuple(sorted(near, key=lambda one: (one.kind != "moment", one.slack)))


def without_direct(run: Run, moment: Series, allowed: np.ndarray) -> float | None:
    """Largest moment among draws inside every limit but those on moments; None if none is larger.

    A lower bound: the target thins such draws out.
    """
    others = tuple(t for t in terms.constraints(run) if not terms.direct(t))
    least = -np.inf
    for part, x in moment.blocks():
        least = np.max(x, where=allowed[:, part], initial=least)
    above, values = series.top(moment, lambda part, x: x > least, _CANDIDATES)
    if len(above) == 0:
        return None
    found = terms.excesses(run, others, _padded(above))
    inside = np.all([x[: len(above)] <= 0.0 for x in found.values()], axis=0)
    best = np.flatnonzero(inside) if found else np.arange(len(above))
    return float(values[best[0]]) if len(best) else None


def _kind(term: Constraint) -> str:
    if isinstance(term, Prefer):
        return "wish"
    return "moment" if terms.direct(term) else "limit"


def _padded(where: np.ndarray) -> np.ndarray:
    """Indices repeated up to a power of two: few lengths, few programs to compile."""
    size = 1 << max(len(where) - 1, 0).bit_length()
    return np.concatenate([where, np.repeat(where[-1:], size - len(where))])


def _bounds(run: Run, where: np.ndarray) -> Iterator[Held]:
    for name in run.sampled:
        prior = run.resolved["physics"]["priors"].get(name, {})
        if (place := _place(run.at(name, where), prior)) is None:
            continue
        for word, distance in (("lower", place), ("upper", 1.0 - place)):
            if abs(d := float(np.median(distance))) < _BOUND:
                yield Held(f"{word} end of the prior of {name}", "prior", d)


def _place(x: np.ndarray, prior: Mapping[str, Any]) -> np.ndarray | None:
    """Where values lie in their prior: 0 at its lower end, 1 at its upper end."""
    match prior:
        case {"log_uniform": [low, high]}:
            return np.log(x / low) / np.log(high / low)
        case {"uniform": [low, high]}:
            return (x - low) / (high - low)
        case {"signed_log": [scale, high]}:
            return 0.5 + 0.5 * np.arcsinh(x / scale) / np.arcsinh(high / scale)
    return None
