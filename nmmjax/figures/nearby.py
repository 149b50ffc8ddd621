"""Average of a quantity over the draws nearby, on a grid of bins: as near as chains agree.

The kernel is the narrowest Gaussian that holds `enough` draws, so that it widens where they are
few. `enough` is the number with which the averages of one half of the chains predict the draws of
the other half best: draws of one chain that repeat one another count as what they are.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

_WIDTHS = 3.0 * 2.0 ** (0.5 * np.arange(9))  # bins
_ENOUGH = 5.0 * 2.0 ** np.arange(16)  # draws

type Grid = np.ndarray


def averages(index: np.ndarray, c: np.ndarray, half: np.ndarray, side: int) -> tuple[Grid, Grid]:
    """(averages of c, draws under the kernel) on a grid of side x side bins; NaN for no draw.

    index  flat bin of each draw
    half   True for the draws of one half of the chains
    """
    counts, sums = _binned(index, c, side)
    parts = [(_Kernels(*_binned(index[h], c[h], side)), h) for h in (half, ~half) if h.any()]
    if len(parts) < 2:
        return _Kernels(counts, sums).averages(_ENOUGH[0])
    (one, a), (other, b) = parts
    held = (one, *_binned(index[b], c[b], side)), (other, *_binned(index[a], c[a], side))
    enough = min(_ENOUGH, key=lambda n: sum(_missed(k, 0.5 * n, *of) for k, *of in held))
    return _Kernels(counts, sums).averages(enough)


def _binned(index, c, side):
    return tuple(
        np.bincount(index, weights, side**2).astype(float).reshape(side, side)
        for weights in (None, c)
    )


def _missed(kernels: "_Kernels", enough: float, counts: Grid, sums: Grid) -> float:
    """Sum of (c - prediction)^2 over held-out draws, less that of c^2."""
    found = np.nan_to_num(kernels.averages(enough)[0])
    return float(np.sum(found * (counts * found - 2.0 * sums)))


class _Kernels:
    """Counts and sums smoothed with every width."""

    def __init__(self, counts: Grid, sums: Grid) -> None:
        both = [[gaussian_filter(g, width) for g in (counts, sums)] for width in _WIDTHS]
        weight, total = (np.array(x) for x in zip(*both, strict=True))
        self.draws = weight * (4.0 * np.pi * _WIDTHS[:, None, None] ** 2)
        some = self.draws > 1e-3
        self.mean = np.where(some, total / np.where(some, weight, 1.0), np.nan)

    def averages(self, enough: float) -> tuple[Grid, Grid]:
        """Interpolate between the widest kernel with too few draws and the next."""
        first = np.argmax(self.draws >= enough, axis=0)
        first = np.where(np.any(self.draws >= enough, axis=0), first, len(_WIDTHS) - 1)
        before = np.maximum(first - 1, 0)

        def pick(of: np.ndarray, level: np.ndarray) -> Grid:
            return np.take_along_axis(of, level[None], axis=0)[0]

        low, high = pick(self.draws, before), pick(self.draws, first)
        share = np.clip((enough - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        near = np.where(np.isfinite(pick(self.mean, before)), pick(self.mean, before), 0.0)
        share = np.where(np.isfinite(pick(self.mean, before)), share, 1.0)
        mean = (1.0 - share) * near + share * pick(self.mean, first)
        return mean, (1.0 - share) * low + share * high
