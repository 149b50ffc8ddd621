"""Convergence of draws (chain, draw): NumPy and SciPy only, so that it can be asked often.

Rank-normalised split R-hat, bulk and tail ESS as in Vehtari et al., arXiv:1903.08008, with one
decision added for coupled walkers: R-hat takes the ensemble as its chain (all walkers of a
draw, then those of the next), ESS the walker. Both are trusted only where the mean over an
ensemble, followed through the draws, is itself worth enough independent draws.

Equal to arviz within 1e-10 (test_diagnostics.py), but undefined (NaN) for a constant.
"""

from collections.abc import Callable

import numpy as np
from scipy.fft import next_fast_len
from scipy.special import ndtri

MIN_DRAWS = 4
_TAILS = (0.05, 0.95)
_KNOTS = 1025  # of the ranks by which all chains are scored where few are ranked
_TOGETHER = 2**24  # draws that are transformed at once


def rhat(
    values: np.ndarray, groups: np.ndarray | None = None, ranked: np.ndarray | None = None
) -> float:
    """Rank-normalised split R-hat, the larger of bulk and folded (section 4, eqs 1-4 and 14).

    values   (chain, draw)
    groups   (chain,) labels: coupled chains count as one. None: no chain is coupled
    ranked   `half_scores(values)`, if they are there already
    returns  NaN below four draws or two chains, for a constant and where values are NaN
    """
    groups = np.arange(len(values)) if groups is None else groups
    if undefined(values) or len(np.unique(groups)) < 2:
        return np.nan
    return _rank_rhat(split(values), half_scores(values, ranked), groups)


def rhat_nested(
    values: np.ndarray, superchains: np.ndarray, ranked: np.ndarray | None = None
) -> float:
    """Nested split R-hat of ranks, the larger of bulk and folded (arXiv:2110.13017, eqs 4-8).

    values       (chain, draw), independent chains, however short (at least four draws)
    superchains  (chain,) labels; chains of one superchain began at the same place
    ranked       `half_scores(values)`, if they are there already

    Compares means of superchains, which many short chains know well, where plain R-hat compares
    the means of single chains, which they do not. NaN where `rhat` is.
    """
    if undefined(values) or len(np.unique(superchains)) < 2:
        return np.nan
    halves = split(values)
    folded = _normal_scores(np.abs(halves - np.median(halves)))
    return max(_nested(x, superchains) for x in (half_scores(values, ranked), folded))


def ebfmi(energy: np.ndarray) -> np.ndarray:
    """Energy Bayesian fraction of missing information per chain (arXiv:1604.00695, eq 5).

    energy   (chain, draw) of Hamiltonian trajectories
    returns  (chain,) mean squared step of the energy over its variance; below 0.3 the momenta
             are too small for the tails of the energy
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a chain that stands still has none
        each = [
            np.mean(np.diff(x) ** 2, axis=1) / np.var(x, axis=1, ddof=1)
            for x in np.array_split(energy, -(-energy.size // _TOGETHER))
        ]
    return np.concatenate(each)


def ess_bulk(values: np.ndarray, ranked: np.ndarray | None = None) -> float:
    """Effective draws of the bulk: the ESS of split, rank-normalised chains, (chain, draw).

    ranked   `half_scores(values)`, if they are there already
    """
    return np.nan if undefined(values) else ess(half_scores(values, ranked))


def ess_tail(values: np.ndarray) -> float:
    """Effective draws of the worse of the 5% and 95% quantiles, (chain, draw)."""
    if undefined(values):
        return np.nan
    edges = np.quantile(values, _TAILS)
    return min(ess(split((values <= edge).astype(float))) for edge in edges)


def mcse_mean(values: np.ndarray) -> float:
    """Monte-Carlo standard error of the mean, sd / sqrt(ESS of split chains), (chain, draw)."""
    if undefined(values) or not np.all(np.isfinite(values)):
        return np.nan
    return float(np.std(values, ddof=1) / np.sqrt(ess(split(values))))


def ensemble_mean_ess(
    values: np.ndarray,
    groups: np.ndarray,
    few: np.ndarray | None = None,
    ranked: np.ndarray | None = None,
) -> float:
    """Effective draws of the ensemble-mean series of rank-normalised values, all ensembles.

    values   (chain, draw); groups (chain,) labels of the ensembles
    few      chains that are ranked; every chain counts, since fewer of them would drown what an
             ensemble's walkers have in common
    ranked   `half_scores(values)`, if they are there already
    """
    if undefined(values):
        return np.nan
    if few is None or len(few) == len(values):
        return ess(_half_means(half_scores(values, ranked), groups))
    return ess_of_means(means_of(scores(values, few), groups))


def ess_of_means(means: np.ndarray) -> float:
    """Effective draws of (group, draw) means of scores, all groups."""
    return ess(_half_means(_normal_scores(split(means)), np.arange(len(means))))


def half_scores(values: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Normal scores of the halves of (chain, draw), unless they are known: (2 chain, draw // 2)."""
    return _normal_scores(split(values)) if known is None else known


def scores(values: np.ndarray, few: np.ndarray | None = None) -> np.ndarray:
    """Normal scores of (chain, draw) values, ranked among all chains or among `few` of them."""
    if few is None or len(few) == len(values) or not np.all(np.isfinite(values)):
        return _normal_scores(values)
    return scorer(values[few])(values)


def scorer(some: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that gives values their normal scores, ranked among `some`.

    Finite ones lie between 1025 quantiles of them; where any is infinite, among all of them.
    """
    if not np.all(np.isfinite(some)):
        ordered = np.sort(some, axis=None)
        return lambda values: _scores_among(ordered, values)
    levels = np.linspace(0.0, 1.0, _KNOTS)
    knots, first = np.unique(np.quantile(some, levels), return_index=True)

    def scored(values: np.ndarray) -> np.ndarray:
        within = np.interp(values, knots, levels[first])
        return ndtri(np.clip(within, 0.5 / _KNOTS, 1.0 - 0.5 / _KNOTS))

    return scored


def _scores_among(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    both = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    within = 0.5 * sum(both) / len(ordered)
    return ndtri(np.clip(within, 0.5 / _KNOTS, 1.0 - 0.5 / _KNOTS))


def means_of(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(chain, draw) -> (group, draw), means over the chains of a group."""
    return np.stack([values[groups == label].mean(axis=0) for label in np.unique(groups)])


def ess(series: np.ndarray) -> float:
    """Effective number of draws of (chain, draw) series: Geyer's initial monotone sequence.

    The autocorrelations combine within- and between-chain variance (arXiv:1903.08008, eqs
    10-13), so chains that disagree have few effective draws. Capped at N log10(N).
    """
    chains, draws = series.shape
    if np.ptp(series) == 0.0:
        return float(series.size)
    length = int(next_fast_len(2 * draws, real=True) or 0)
    power = _power(series, length)
    covariance = np.fft.irfft(power, length)[:draws] / draws
    within = covariance[0] * draws / (draws - 1.0)
    between = np.var(series.mean(axis=1), ddof=1) if chains > 1 else 0.0
    rho = 1.0 - (within - covariance) / (covariance[0] + between)
    rho[0] = 1.0
    tau = max(_correlation_time(rho), 1.0 / np.log10(series.size))
    return float(series.size / tau)


def _power(series: np.ndarray, length: int) -> np.ndarray:
    """Mean power spectrum of centred series; so many of them at once as memory allows."""
    rows = max(_TOGETHER // series.shape[1], 1)

    def spectra(x: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), length, axis=1)) ** 2

    if rows >= len(series):
        return np.mean(spectra(series), axis=0)
    parts = (series[i : i + rows] for i in range(0, len(series), rows))
    return np.sum([spectra(x).sum(axis=0) for x in parts], axis=0) / len(series)


def _correlation_time(rho: np.ndarray) -> float:
    """1 + 2 sum rho_t, over pairs of lags as long as they are positive and do not grow."""
    count = max((len(rho) - 1) // 2, 1)
    pairs = rho[: 2 * count].reshape(-1, 2).sum(axis=1)
    ended = np.flatnonzero(pairs <= 0.0)
    last = int(ended[0]) if ended.size else count - 1
    tail = rho[2 * last] if rho[2 * last] > 0.0 or pairs[last] >= 0.0 else 0.0
    return float(-1.0 + 2.0 * np.sum(np.minimum.accumulate(pairs[:last])) + tail)


def split(series: np.ndarray) -> np.ndarray:
    """(chain, draw) -> (2 chain, draw // 2): first and last halves as chains of their own."""
    half = series.shape[1] // 2
    return np.concatenate([series[:, :half], series[:, series.shape[1] - half :]])


def _rank_rhat(halves: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> float:
    """R-hat of split chains, (2 chain, draw // 2), and of their normal scores."""
    folded = _normal_scores(np.abs(halves - np.median(halves)))
    return max(_rhat(_interleave(x, groups)) for x in (scores, folded))


def _rhat(series: np.ndarray) -> float:
    """Square root of the estimated marginal over the within-chain variance."""
    draws = series.shape[1]
    within = np.mean(np.var(series, axis=1, ddof=1))
    between = np.var(np.mean(series, axis=1), ddof=1)
    if within == 0.0:
        return np.inf if between > 0.0 else np.nan
    return float(np.sqrt((draws - 1.0) / draws + between / within))


def _nested(halves: np.ndarray, superchains: np.ndarray) -> float:
    """sqrt(1 + B/W): B the variance of superchain means, W the mean variance within one."""
    means, variances = halves.mean(axis=1), halves.var(axis=1, ddof=1)
    members = members_of(np.concatenate([superchains, superchains]))
    between = np.var([means[chains].mean() for chains in members], ddof=1)
    within = np.mean([means[chains].var(ddof=1) + variances[chains].mean() for chains in members])
    return float(np.sqrt(1.0 + between / within))


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Ranks over everything (ties share theirs), as normal quantiles with Blom's offset 3/8."""
    order = np.argsort(values, axis=None)
    ordered = values.ravel()[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    count = np.diff(first, append=values.size)
    scores = ndtri((first + 0.5 * (count + 1) - 0.375) / (values.size + 0.25))
    ranked = np.empty(values.size)
    ranked[order] = scores if len(first) == values.size else np.repeat(scores, count)
    return ranked.reshape(values.shape)


def undefined(values: np.ndarray) -> bool:
    """Tell whether values are too short, hold a NaN, or are all the same."""
    return bool(
        values.shape[1] < MIN_DRAWS or np.any(np.isnan(values)) or np.all(values == values.flat[0])
    )


def members_of(groups: np.ndarray) -> list[np.ndarray]:
    """Indices of the chains of each group; groups must be equally large."""
    members = [np.flatnonzero(groups == label) for label in np.unique(groups)]
    if len({len(chains) for chains in members}) > 1:
        raise ValueError(f"groups must have equally many chains, got {sorted(map(len, members))}")
    return members


def _interleave(halves: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(2 chain, draw) -> (2 group, draw * chains of a group), time-major."""
    both = halves.reshape(2, -1, halves.shape[1])
    return np.stack([half[chains].T.ravel() for half in both for chains in members_of(groups)])


def _half_means(halves: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(2 chain, draw) -> (2 group, draw), means over the chains of a group."""
    both = halves.reshape(2, -1, halves.shape[1])
    return np.stack([half[chains].mean(axis=0) for half in both for chains in members_of(groups)])
