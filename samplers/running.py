"""Cheap figures of convergence for the progress line, block by block."""

import numpy as np

from .diagnostics import MIN_DRAWS, ess, members_of, split

_MOST_GROUPS = 256  # of which account is taken


class Running:
    """Follow means and variances over each ensemble.

    `rhat` is the split R-hat without ranks; `ess` is var(x) / var(grand mean), the latter from
    the autocorrelation of ensemble means: it sees the coupling of walkers, and is noisy.
    """

    def __init__(self, groups: np.ndarray) -> None:
        members = members_of(np.asarray(groups))
        self._members = members[:_MOST_GROUPS]
        self._share = len(self._members) / len(members)
        self._means: list[np.ndarray] = []
        self._variances: list[np.ndarray] = []

    def update(self, draws: np.ndarray) -> None:
        """Take in a block (chain, draw, dim)."""
        self._means.append(np.stack([draws[m].mean(axis=0) for m in self._members]))
        self._variances.append(np.stack([draws[m].var(axis=0) for m in self._members]))

    def figures(self) -> tuple[float, float]:
        """(worst R-hat, smallest ESS) over dimensions; NaN while there is too little."""
        if sum(mean.shape[1] for mean in self._means) < MIN_DRAWS:
            return np.nan, np.nan
        means = np.concatenate(self._means, axis=1)
        variances = np.concatenate(self._variances, axis=1)
        each = [_running(means[..., i], variances[..., i]) for i in range(means.shape[2])]
        worst_rhat, least_ess = np.max([r for r, _ in each]), np.min([e for _, e in each])
        return float(worst_rhat), float(least_ess / self._share)


def _running(means: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """(R-hat, ESS) of one dimension from (group, draw) means and variances over walkers."""
    halves = split(means)
    within = np.mean(split(variances).mean(axis=1) + halves.var(axis=1))
    between = np.var(halves.mean(axis=1), ddof=1)
    spread = np.var(halves)
    if within == 0.0 or spread == 0.0:
        return np.nan, np.nan
    return float(np.sqrt(1.0 + between / within)), float((within + between) / spread * ess(halves))
