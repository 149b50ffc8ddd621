r"""Pulls: how far each term of the target is from its optimum, and which term moves which.

Multiplying one term L_t by itself to the power a changes the mean of y at the rate

    d<y>/da = cov(y, ln L_t)

so that to first order the term moves a measurement of y with error sigma by cov/sigma.
"""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from nmmjax.constraints.base import Constraint
from nmmjax.constraints.gaussians import Measurement
from nmmjax.results import angles, terms
from nmmjax.results.rundir import Run
from nmmjax.samplers import series
from nmmjax.samplers.series import Series

MOVED = 1.0  # sigma by which a term must move a measurement to be named
REACH = -2.0  # best ln P of a wish below which it is out of reach: two of its widths
_MOST = 2**18  # draws that covariances take


@dataclasses.dataclass(frozen=True)
class Pull:
    """Pull of one term in sigma, at the best draw and in the mean.

    In the mean: of a measurement that of the mean, signed; else sqrt(-2 <ln L>).
    """

    name: str
    best: float
    mean: float


@dataclasses.dataclass(frozen=True)
class Move:
    """A term that moves a measurement by so many of its sigma, to first order."""

    by: str
    of: str
    sigma: float


@dataclasses.dataclass(frozen=True)
class Unreachable:
    """A wish that no draw comes near: its largest ln P."""

    name: str
    log_p: float


def pulls(run: Run, chain: int, draw: int) -> tuple[Pull, ...]:
    """Compute the pull of every term, the largest in the mean first.

    chain, draw  of the best draw
    """
    found = []
    for term in (*terms.constraints(run), *terms.wishes(run)):
        if (log_l := _log_l(run, term)) is None:
            continue
        mean = _size(series.mean(log_l))
        if isinstance(term, Measurement) and run.has(term.requires[0]):
            mean = terms.pull_of_mean(run, term)
        best = float(log_l.read(np.array([chain]), slice(draw, draw + 1))[0, 0])
        found.append(Pull(term.name, _size(best), mean))
    return tuple(sorted(found, key=lambda p: -abs(p.mean)))


def moves(run: Run) -> tuple[Move, ...]:
    """Terms that move another one's measurement by more than a sigma, the largest first."""
    few = run.few(_MOST)
    both = (*terms.constraints(run), *terms.wishes(run))
    terms_ = {t.name: x for t in both if (x := _log_l(run, t)) is not None}
    weights = {name: x.some(few, run.every(few)) for name, x in terms_.items()}
    found = [
        Move(by, measured.name, shift)
        for measured, y, sigma in _measured(run, few)
        for by, log_l in weights.items()
        if by != measured.name and np.all(np.isfinite(log_l))
        if abs(shift := _covariance(y, log_l) / sigma) > MOVED
    ]
    return tuple(sorted(found, key=lambda m: -abs(m.sigma)))


def unreachable(run: Run) -> tuple[Unreachable, ...]:
    """Wishes whose best ln P over all draws says that nothing comes near."""
    names = [term.name for term in terms.wishes(run)]
    found = {n: run.series(n, "target") for n in names if run.has(n, "target")}
    best = {n: series.extremes(x)[1] for n, x in found.items()}
    return tuple(Unreachable(n, x) for n, x in best.items() if x < REACH)


def _measured(run: Run, few: np.ndarray) -> Iterator[tuple[Measurement, np.ndarray, float]]:
    """(measurement, x^power at the draws or the unrolled angle, sigma on the side of the mean)."""
    for term in terms.constraints(run):
        if not isinstance(term, Measurement) or not run.has(term.requires[0]):
            continue
        x, period = run.sample(term.requires[0], few), term.period
        y = x**term.power if period is None else angles.unrolled(x, term.value, period)
        if not np.all(np.isfinite(y)):
            continue
        sigma = term.sigma_plus if np.mean(y) > term.value else term.sigma_minus
        yield term, y, math.hypot(sigma, term.theory_sigma)


def _log_l(run: Run, term: Constraint) -> Series | None:
    for group in ("log_likelihood", "target"):
        if run.has(term.name, group):
            return run.series(term.name, group)
    return None


def _covariance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean((a - a.mean()) * (b - b.mean())))


def _size(log_l: float) -> float:
    return math.sqrt(max(-2.0 * log_l, 0.0)) if log_l > -math.inf else math.inf
