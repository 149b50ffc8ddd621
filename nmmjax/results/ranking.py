"""Ranking of constraints by what each excludes: each is left out in turn, by reweighting.

Dropping constraint c multiplies the posterior by 1/L_c. With weights w ~ 1/L_c over the stored
draws, smoothed in the tail (PSIS, Vehtari et al., arXiv:1507.02646),

    excluded = 1 - sum w L_c / sum w

is the share of the posterior without c that c takes away: L_c is normalised to at most 1. The
shape k-hat of the weights' tail says whether the draws can tell: beyond 0.7 those that c
removes are hardly among them, and the estimate, most often too small, means nothing.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from nmmjax.errors import InputError
from nmmjax.results import trust

_UNTOUCHED = 0.01  # |ln L| below which a constraint weighs a draw by less than a percent
_PLATEAU = 0.2  # share of draws that the tail fit looks at, at most
_FEWEST = 100  # draws for a tail fit worth its name


@dataclasses.dataclass(frozen=True)
class Row:
    """One constraint: share of the posterior without it that it excludes, and how sure that is.

    `khat` is NaN where the largest weights are alike to a percent, so that there is no tail to
    judge; `worst` is the smallest ln L.
    """

    name: str
    excluded: float
    khat: float
    reliable: bool
    active: bool
    worst: float


def rank(log_likelihoods: Mapping[str, np.ndarray], r_eff: float = 1.0) -> list[Row]:
    """Rank constraints, a row each: what excludes most first, unreliable ones before the rest.

    log_likelihoods  ln L of each constraint at the stored draws, (chain, draw)
    r_eff            effective draws per stored draw, for the length of the fitted tail

    A constraint is active where some |ln L| > 0.01. Raises InputError for fewer than 100 draws
    or a ln L that is not finite.
    """
    rows = [_row(name, np.ravel(given), r_eff) for name, given in log_likelihoods.items()]
    return sorted(rows, key=lambda row: (row.reliable, -row.excluded))


def never_active(rows: list[Row]) -> list[str]:
    """Names of the constraints that no draw feels."""
    return [row.name for row in rows if not row.active]


def _row(name: str, log_l: np.ndarray, r_eff: float) -> Row:
    if log_l.size < _FEWEST:
        raise InputError(
            f"ranking constraints needs at least {_FEWEST} stored draws, there are {log_l.size}"
        )
    if not np.all(np.isfinite(log_l)):
        raise InputError(f"ln L of constraint '{name}' is not finite at some stored draw")
    worst = float(log_l.min())
    if np.ptp(log_l) < _UNTOUCHED:  # a common factor excludes nothing, and there is no tail
        return Row(name, 0.0, np.nan, True, worst < -_UNTOUCHED, worst)
    if np.mean(log_l - worst < _UNTOUCHED) > _PLATEAU:  # the largest weights are all alike
        share = np.log(log_l.size) - np.logaddexp.reduce(-log_l)
        return Row(name, float(-np.expm1(share)), np.nan, True, worst < -_UNTOUCHED, worst)
    weights, khat = _smoothed(log_l, r_eff)
    share = np.logaddexp.reduce(weights + log_l) - np.logaddexp.reduce(weights)
    excluded = float(-np.expm1(share))
    return Row(name, max(excluded, 0.0), khat, trust.reliable(khat), worst < -_UNTOUCHED, worst)


def _smoothed(log_l: np.ndarray, r_eff: float) -> tuple[np.ndarray, float]:
    """(log weights of 1/L, k-hat)."""
    from arviz_stats.base.array import BaseArray  # seconds to import: only when asked for

    weights, khat = BaseArray().psislw(log_l, r_eff=r_eff)  # pyright: ignore[reportArgumentType]
    return np.asarray(weights), float(khat)
