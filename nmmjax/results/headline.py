"""The answers of a run: how large mu_nu gets, what holds it back, what decides, what comes next."""

import dataclasses

import numpy as np

from nmmjax.constraints import library
from nmmjax.results import ablation, holding, pulls, ranking, terms
from nmmjax.results.ablation import Without
from nmmjax.results.holding import Held
from nmmjax.results.pulls import Move, Pull, Unreachable
from nmmjax.results.rundir import Run

type Interval = tuple[float, float, float]  # 5, 50 and 95%

_LARGE = 0.5  # of the largest allowed moment: what counts as large
_MOST_TESTED = 2**19  # draws that future experiments are tried on
_TUNING = "tuning_bg"


@dataclasses.dataclass(frozen=True)
class Moment:
    """The moment: its interval, its largest allowed value and what holds that back.

    without  largest value without direct limits on moments; None if no draw tells
    exact    `without` was sampled (`nmmjax ablate`), and is no mere lower bound
    """

    interval: Interval
    largest: float | None
    held: tuple[Held, ...]
    without: float | None
    exact: bool


@dataclasses.dataclass(frozen=True)
class Mass:
    """The neutrino mass of the target in eV, the gauge-induced mass, and both together.

    included  the target's mass contains the gauge-induced one; then `other` is without it,
              else with it; None where the run does not tell
    """

    interval: Interval
    rge: float | None
    included: bool
    other: Interval | None


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Fine-tuning: its interval, and its least value among allowed draws of large moment."""

    name: str
    interval: Interval
    least: float | None


@dataclasses.dataclass(frozen=True)
class Test:
    """A future experiment, and the share of the posterior beyond its projected limit."""

    name: str
    label: str
    share: float


@dataclasses.dataclass(frozen=True)
class Matter:
    """A constraint and the share that it takes away; `how` is "resampled" or "reweighted"."""

    name: str
    excluded: float
    how: str
    reliable: bool


@dataclasses.dataclass(frozen=True)
class Headline:
    """Everything that the first screen says, in numbers."""

    moment: Moment | None
    mass: Mass | None
    tuning: Tuning | None
    tests: tuple[Test, ...]
    matter: tuple[Matter, ...]
    pulls: tuple[Pull, ...]
    moves: tuple[Move, ...]
    unreachable: tuple[Unreachable, ...]
    ablation: tuple[Without, ...]


def of(run: Run, allowed: np.ndarray, best: tuple[int, int], ranked: tuple) -> Headline:
    """Collect the answers.

    allowed  (chain, draw), inside every limit and nothing undefined
    best     chain and draw of the best draw
    ranked   rows of the ranking by reweighting
    """
    again = ablation.read(run)
    return Headline(
        _moment(run, allowed, again),
        _mass(run),
        _tuning(run, allowed),
        _tests(run),
        _matter(again, ranked),
        pulls.pulls(run, *best),
        pulls.moves(run),
        pulls.unreachable(run),
        again,
    )


def _moment(run: Run, allowed: np.ndarray, again: tuple[Without, ...]) -> Moment | None:
    if not run.has("mu_nu"):
        return None
    mu = np.abs(run.read("mu_nu"))
    if not allowed.any():
        return Moment(_interval(mu), None, (), None, False)
    where = holding.top(mu, allowed)
    sampled = next((row.largest for row in again if row.name == ablation.DIRECT), None)
    has_direct = any(terms.direct(t) for t in terms.constraints(run))
    seen = holding.without_direct(run, mu, allowed) if has_direct and sampled is None else sampled
    largest, held = float(mu.ravel()[where[0]]), holding.held(run, where)
    return Moment(_interval(mu), largest, held, seen, sampled is not None)


def _mass(run: Run) -> Mass | None:
    if not run.has("m_nu"):
        return None
    mass, rge, other = run.read("m_nu"), None, None
    included = bool(run.resolved["physics"]["model"].get("settings", {}).get("rge", False))
    if run.has("m_nu_rge"):
        shift = run.read("m_nu_rge")
        rge = float(np.median(np.abs(shift)))
        if run.has("m_nu_total"):
            total = run.read("m_nu_total")
            other = _interval(np.abs(total - shift if included else total + shift))
    return Mass(_interval(mass), rge, included, other)


def _tuning(run: Run, allowed: np.ndarray) -> Tuning | None:
    name = next((n for n in (_TUNING, "tuning_cancel") if _varies(run, n)), None)
    if name is None:
        return None
    values, least = run.read(name), None
    if run.has("mu_nu") and allowed.any():
        mu = np.where(allowed, np.abs(run.read("mu_nu")), 0.0)
        least = float(np.min(values[mu >= _LARGE * mu.max()]))
    return Tuning(name, _interval(values), least)


def _varies(run: Run, name: str) -> bool:
    return run.has(name) and bool(np.ptp(run.read(name)) > 0.0)


def _tests(run: Run) -> tuple[Test, ...]:
    few = run.few(_MOST_TESTED)
    found = [
        Test(term.name, library.label(term.name), terms.beyond(run, term, few))
        for term in terms.projections(run)
    ]
    return tuple(sorted(found, key=lambda test: -test.share))


def _matter(again: tuple[Without, ...], ranked: tuple[ranking.Row, ...]) -> tuple[Matter, ...]:
    """Constraints that take something away, the one that takes most first."""
    sampled = {
        row.removed[0]: Matter(row.removed[0], row.excluded, "resampled", True)
        for row in again
        if len(row.removed) == 1
    }
    weighed = {
        row.name: Matter(row.name, row.excluded, "reweighted", row.reliable)
        for row in ranked
        if row.active
    }
    both = (weighed | sampled).values()
    return tuple(sorted(both, key=lambda m: -m.excluded))


def _interval(values: np.ndarray) -> Interval:
    with np.errstate(invalid="ignore"):
        low, middle, high = (float(q) for q in np.quantile(values, (0.05, 0.5, 0.95)))
    return low, middle, high
