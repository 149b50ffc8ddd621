"""The answers of a run: how large mu_nu gets, what holds it back, what decides, what comes next."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from nmmjax.constraints import library
from nmmjax.constraints.wishes import Prefer
from nmmjax.results import ablation, holding, pulls, ranking, terms, tuning
from nmmjax.results.ablation import Without
from nmmjax.results.holding import Held
from nmmjax.results.pulls import Move, Pull, Unreachable
from nmmjax.results.rundir import Run
from nmmjax.samplers import series
from nmmjax.samplers.series import Series

type Interval = tuple[float, float, float]  # 5, 50 and 95%

_LARGE = 0.5  # of the largest allowed moment: what counts as large
_MOST_TESTED = 2**19  # draws that future experiments are tried on


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
class Wished:
    """A quantity that a wish asks for: its interval, and its largest (smallest) allowed value."""

    name: str
    unit: str
    interval: Interval
    extreme: float | None
    largest: bool


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
    labels: dict[str, str]
    wished: tuple[Wished, ...] = ()


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
        terms.labels(run),
        tuple(_wished(run, allowed)),
    )


def _moment(run: Run, allowed: np.ndarray, again: tuple[Without, ...]) -> Moment | None:
    if not run.has("mu_nu"):
        return None
    mu = run.series("mu_nu").mapped(np.abs).held()
    if not allowed.any():
        return Moment(_interval(mu), None, (), None, False)
    where = holding.top(mu, allowed)
    sampled = next((row.largest for row in again if row.name == ablation.DIRECT), None)
    has_direct = any(terms.direct(t) for t in terms.constraints(run))
    seen = holding.without_direct(run, mu, allowed) if has_direct and sampled is None else sampled
    largest, held = float(np.abs(run.at("mu_nu", where[:1]))[0]), holding.held(run, where)
    return Moment(_interval(mu), largest, held, seen, sampled is not None)


def _mass(run: Run) -> Mass | None:
    if not run.has("m_nu"):
        return None
    rge, other = None, None
    included = bool(run.resolved["physics"]["model"].get("settings", {}).get("rge", False))
    if run.has("m_nu_rge"):
        shift = run.series("m_nu_rge").held()
        rge = series.median(shift.mapped(np.abs))
        if run.has("m_nu_total"):
            total, sign = run.series("m_nu_total"), -1.0 if included else 1.0
            other = _interval(series.joined(total, shift, lambda t, s: np.abs(t + sign * s)))
    return Mass(_interval(run.series("m_nu")), rge, included, other)


def _wished(run: Run, allowed: np.ndarray) -> Iterator[Wished]:
    """What wishes ask for, but for the quantities that have an answer of their own."""
    answered = ("mu_nu", "m_nu", *tuning.MEASURES)
    for term in terms.wishes(run):
        (name,) = term.requires
        if not isinstance(term, Prefer) or name in answered or not run.has(name):
            continue
        values, largest = run.series(name).mapped(np.abs).held(), term.above is not None
        extreme = _extreme(values, allowed, largest) if allowed.any() else None
        yield Wished(name, run.about(name)["units"], _interval(values), extreme, largest)


def _extreme(values: Series, allowed: np.ndarray, largest: bool) -> float:
    """Largest, or smallest, of the values at allowed draws."""
    sign = 1.0 if largest else -1.0
    signed = values.mapped(lambda x: sign * x)
    return sign * float(series.top(signed, lambda part, x: allowed[:, part], 1)[1][0])


def _tuning(run: Run, allowed: np.ndarray) -> Tuning | None:
    if not (name := tuning.of(run)):
        return None
    values, least = run.series(name).held(), None
    if run.has("mu_nu") and allowed.any():
        least = _least_of_large(values, run.series("mu_nu").mapped(np.abs).held(), allowed)
    return Tuning(name, _interval(values), least)


def _least_of_large(values: Series, mu: Series, allowed: np.ndarray) -> float:
    """Least of the values at allowed draws of large moment."""
    inside = [np.where(allowed[:, part], x, 0.0).max() for part, x in mu.blocks()]
    limit, least = _LARGE * max(inside), np.inf
    for part, x in values.blocks():
        large = np.where(allowed[:, part], mu.read(None, part), 0.0) >= limit
        least = np.min(x, where=large, initial=least)
    return float(least)


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


def _interval(values: Series) -> Interval:
    low, middle, high = series.quantiles(values, (0.05, 0.5, 0.95))
    return low, middle, high
