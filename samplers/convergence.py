"""Convergence diagnostics of draws, for many quantities at once.

Beside R-hat and ESS (`diagnostics`): trends, chains that stay apart, and places of much higher
density that few chains have entered. Figures only; whoever reads them has the thresholds.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import chdtrc, ndtr

from . import diagnostics, series
from .series import Series

_FEWEST_CHAINS = 16  # among which one can stay apart
_GAUSSIAN_MAD = 1.4826  # standard deviation over median absolute deviation
_LEAST_GAP = 3.0  # nats
_MOST_BINS = 2**20  # of ln density


def trend_p(means: np.ndarray) -> float:
    """p value that the first and last third of (group, draw) series have the same mean.

    The error of the mean difference over groups is the larger of what the autocorrelation within
    a third says and of the spread over groups. 1 below twelve draws, and where nothing varies.
    """
    third = means.shape[1] // 3
    if third < diagnostics.MIN_DRAWS:
        return 1.0
    parts = np.stack([means[:, :third], means[:, third:-third][:, :third], means[:, -third:]])
    centred = (parts - parts.mean(axis=2, keepdims=True)).reshape(-1, third)
    if np.ptp(centred) == 0.0:
        return 1.0
    tau = min(centred.size / diagnostics.ess(centred), 0.5 * third)
    variance = np.mean(np.var(centred, axis=1)) / (1.0 - tau / third)  # a mean takes its share
    moved = parts[2].mean(axis=1) - parts[0].mean(axis=1)
    error = np.sqrt(2.0 * variance * tau / third / len(moved))
    if len(moved) > 1:
        error = max(error, np.std(moved, ddof=1) / np.sqrt(len(moved)))
    if error == 0.0:  # it varies, and only in the middle third
        return float(moved.mean() == 0.0)
    return float(2.0 * ndtr(-abs(moved.mean()) / error))


def stray(values: np.ndarray) -> float:
    """Measure how far the mean over a third of one chain lies from all others, in deviations.

    values  (chain, draw) normal scores. 0 below 16 chains or twelve draws.
    """
    third = values.shape[1] // 3
    if third < diagnostics.MIN_DRAWS:
        return 0.0
    return _apart(np.stack([values[:, i * third : (i + 1) * third].mean(axis=1) for i in range(3)]))


def _apart(means: np.ndarray) -> float:
    """Largest deviation of (third, chain) means from the others, in robust deviations."""
    if means.shape[1] < _FEWEST_CHAINS:
        return 0.0
    off = np.abs(means - np.median(means))
    width = _GAUSSIAN_MAD * np.median(off)
    return float(off.max() / width) if width > 0.0 else 0.0


def summit(lp: np.ndarray | Series) -> tuple[float, np.ndarray]:
    """Find draws of much higher ln density than all others, (chain, draw), beyond a gap.

    Returns (width of the gap in nats, mask of the draws beyond it); 0 and none where the largest
    gap of the upper half is below 3 and below twice the interquartile range.
    """
    lp = lp if isinstance(lp, Series) else series.of(lp)
    none = np.zeros((lp.chains, lp.draws), dtype=bool)
    low, middle, high = series.quantiles(lp, (0.25, 0.5, 0.75))
    if not np.isfinite(low):
        return 0.0, none
    upper = _upper(lp, middle)
    if len(upper) < 2:
        return 0.0, none
    gaps = np.diff(upper)
    at = int(np.argmax(gaps))
    if gaps[at] < max(_LEAST_GAP, 2.0 * (high - low)):
        return 0.0, none
    for part, values in lp.blocks():
        none[:, part] = values > upper[at]
    return float(gaps[at]), none


def _upper(lp: Series, middle: float) -> np.ndarray:
    """Sorted values from the middle on; of a long series the ends of bins of less than a gap.

    The bins are half the least gap wide, unless there would be more than a million of them.
    """
    if lp.fits:
        values = lp.whole
        return np.sort(values[values >= middle], axis=None)
    top = series.extremes(lp)[1]
    width = max(0.5 * _LEAST_GAP, (top - middle) / _MOST_BINS)
    if not np.isfinite(width):
        return np.array([middle, top])
    low = np.full(int((top - middle) / width) + 1, np.inf)
    high = -low
    for _, block in lp.blocks():
        values = block[block >= middle]
        which = ((values - middle) / width).astype(int)
        np.minimum.at(low, which, values)
        np.maximum.at(high, which, values)
    return np.column_stack([low, high])[np.isfinite(low)].ravel()


def stays(inside: np.ndarray) -> tuple[int, int]:
    """Count chains that are in a place at the end, and times that one has left it, (chain, draw).

    A chain that has entered and not left says that the place is there, and not how much it weighs.
    """
    return int(inside[:, -1].sum()), int(np.sum(inside[:, :-1] & ~inside[:, 1:]))


def agreement_p(inside: np.ndarray, groups: np.ndarray) -> float:
    """p value that ensembles draw from the same shares of several places, each worth its bulk ESS.

    inside  (place, chain, draw) of zeros and ones that add up to one; groups (chain,) labels

    The ESS of an indicator takes the walkers' own crossings for granted; where none crosses, each
    chain counts as one draw.
    """
    shares = inside.mean(axis=(1, 2))
    by_group = np.stack([diagnostics.means_of(x, groups).mean(axis=1) for x in inside], axis=1)
    ensembles, places = by_group.shape
    if ensembles < 2 or places < 2:
        return 1.0
    total = 0.0
    for k in range(places):
        worth = diagnostics.ess(diagnostics.split(inside[k].astype("i1"))) / ensembles
        variance = shares[k] * (1.0 - shares[k]) / max(worth, 1.0)
        total += np.sum((by_group[:, k] - shares[k]) ** 2) / variance * (1.0 - shares[k])
    return float(chdtrc((places - 1) * (ensembles - 1), total))


@dataclasses.dataclass(frozen=True)
class Convergence:
    """Diagnostics of several quantities, in the order of `names`; see `convergence`."""

    names: tuple[str, ...]
    rhat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    mean_series_ess: np.ndarray
    trend_p: np.ndarray
    stray: np.ndarray

    def worst(self, figure: str) -> tuple[str, float]:
        """(quantity, value) of the worst of one figure; undefined is worse than any number."""
        values = getattr(self, figure)
        badness = values if figure in ("rhat", "stray") else -values
        index = int(np.argmax(np.where(np.isnan(values), np.inf, badness)))
        return self.names[index], float(values[index])


def convergence(
    draws: Mapping[str, np.ndarray | Series],
    groups: np.ndarray,
    superchains: np.ndarray | None = None,
    few: np.ndarray | None = None,
    every: int = 1,
) -> Convergence:
    """Compute all diagnostics of named (chain, draw) values; `groups` as in `rhat`.

    superchains  labels as in `rhat_nested`, which then takes the place of `rhat`
    few          chains that stand for all in R-hat, ESS and ranks: chains of one group are
                 exchangeable, so that effective draws are proportional to their number
    every        one draw of so many counts in R-hat, ESS and ranks of a series that does not fit:
                 its ESS is then a lower bound

    One series is read at a time. trend_p counts for all quantities together: the smallest of n is
    multiplied by n.
    """
    rows = []
    for values in draws.values():
        given = values.held() if isinstance(values, Series) else series.of(values)
        chains = np.arange(given.chains) if few is None else few
        some = given.some(few, 1 if given.fits else every)
        ranked = None if diagnostics.undefined(some) else diagnostics.half_scores(some)
        share = given.chains / len(chains)
        figures = _of_some(some, share, groups[chains], superchains, chains, ranked)
        alike = len(chains) == given.chains
        means, p, off = _of_all(given, groups, chains, every, ranked if alike else None)
        rows.append((*figures, means, np.minimum(1.0, len(draws) * p), off))
    return Convergence(tuple(draws), *np.array(rows).reshape(-1, 6).T)


def _of_some(
    some: np.ndarray,
    share: float,
    groups: np.ndarray,
    superchains: np.ndarray | None,
    few: np.ndarray,
    ranked: np.ndarray | None,
) -> tuple[float, float, float]:
    """R-hat, bulk and tail ESS, from some chains, one in `share`."""
    if superchains is not None:
        found = diagnostics.rhat_nested(some, superchains[few], ranked)
    else:
        found = diagnostics.rhat(some, groups, ranked)
    return found, share * diagnostics.ess_bulk(some, ranked), share * diagnostics.ess_tail(some)


def _of_all(
    given: Series, groups: np.ndarray, few: np.ndarray, every: int, ranked: np.ndarray | None
) -> tuple[float, float, float]:
    """(effective means over ensembles, p of a trend, stray) from all chains, perhaps `ranked`."""
    if not given.fits:
        return _of_blocks(given, groups, diagnostics.scorer(given.some(few, every)))
    values = given.whole
    means = diagnostics.ensemble_mean_ess(values, groups, few, ranked)
    if diagnostics.undefined(values):
        return means, np.nan, np.nan
    if ranked is not None and values.shape[1] % 2 == 0:  # the halves hold every draw
        scored = np.concatenate(np.split(ranked, 2), axis=1)
    else:
        scored = diagnostics.scores(values, few)
    return means, trend_p(diagnostics.means_of(scored, groups)), stray(scored)


def _of_blocks(
    given: Series, groups: np.ndarray, score: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float, float]:
    """The same of a series that passes by in blocks, its values scored one by one."""
    third = given.draws // 3
    low, high = series.extremes(given)
    if third < diagnostics.MIN_DRAWS or np.isnan(low) or low == high:
        return np.nan, np.nan, np.nan
    means = np.empty((len(np.unique(groups)), given.draws))
    thirds = np.zeros((3, given.chains))
    for part, values in given.blocks():
        scored = score(values)
        means[:, part] = diagnostics.means_of(scored, groups)
        which = np.arange(part.start, part.stop) // third
        for i in range(3):
            thirds[i] += scored[:, which == i].sum(axis=1)
    return diagnostics.ess_of_means(means), trend_p(means), _apart(thirds / third)
