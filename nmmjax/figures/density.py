"""Smooth densities of draws: sharp where the draws show structure, flat where they show none.

Counts on a grid are split into what each kernel adds to the next wider one, along either axis by
itself. What does not rise above its own noise is dropped: a density is then constant along a
quantity on which it does not depend, and its edges stay sharp. The noise is that between parts
of the run, so that draws that repeat one another count as what they are. Kernels are Gaussians,
reflected at the ends of an axis. Densities are those of coordinates, in which axes are linear.
Source: significant coefficients of the a trous decomposition: Starck, Murtagh and Bijaoui, "Image
Processing and Data Analysis" (Cambridge 1998); their shrinkage: Gao, J. Comput. Graph. Stat. 7
(1998) 469.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates, maximum_filter
from scipy.special import ndtr, stdtrit

MASSES = (0.68, 0.95)
_FEWEST = 100  # draws
_MOST_RANKED = 2**15  # draws that give the levels
_BINS, _LINE_BINS = 64, 256
_NEGLIGIBLE = 1e-30  # share of a kernel
_PARTS = 16  # of the draws, the spread of which is their noise
_SIGNIFICANT = 4.0  # sd of noise above which structure is shown
_TAIL = 5e-4  # share of draws beyond an end of the grid that is no bound
_EDGE = 0.01  # share of draws within a bin of the last one, where draws end abruptly
_PAD = 0.1  # of the width of the draws, beyond them
_THIN = 0.75  # bins, sd about a line
_CENTRAL = 2.0  # sd of noise by which the middle of the draws ranks above places without any

type Bounds = tuple[float | None, float | None]


class Density(NamedTuple):
    """Density over (y, x), any normalisation, and its levels of 95 and 68%, ascending.

    The first and the last x and y stand twice: the density is 0 beyond, which closes contours.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    levels: list[float]


class Densities:
    """Densities of columns of draws, and of pairs of them.

    columns  coordinates of the draws, chain after chain; not finite for one without a place
    bounds   ends of the range of a quantity where it has any
    """

    def __init__(self, columns: Mapping[str, np.ndarray], bounds: Mapping[str, Bounds]) -> None:
        self.columns, self.bounds = columns, bounds
        self._repeats = min(map(_repeats, columns.values()), default=1.0)
        self._grids: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = {}

    def line(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """(coordinate, density); None for too few draws, or for a constant."""
        if not self._enough(name):
            return None
        nodes, index = self._grid(name, _LINE_BINS)
        counts = _counts(np.zeros_like(index), index, (1, _LINE_BINS))
        values, _ = _structure(counts, np.ones((1, 1, 1)), _details(_LINE_BINS), self._repeats)
        return nodes, values[0]

    def plane(self, x: str, y: str) -> Density | None:
        """Return the density of a pair.

        None for too few draws, for a constant, and for draws on a line thinner than a bin.
        """
        if not self._enough(x, y):
            return None
        (across, column), (up, row) = self._grid(x, _BINS), self._grid(y, _BINS)
        counts, details = _counts(row, column, (_BINS, _BINS)), _details(_BINS)
        if not counts.any() or _thin(self._inside(x), self._inside(y)):
            return None
        values, worth = _structure(counts, details, details, self._repeats)
        noise = min((_BINS * worth / counts.sum()) ** 0.5, 1.0)  # of a row of bins
        values *= 1.0 + _CENTRAL * noise * _centrality(counts.sum(axis=1))
        levels = _levels(across, up, values, self.columns[x], self.columns[y])
        return _closed(across, up, values, levels) if 0.0 < levels[0] < levels[1] else None

    def _inside(self, name: str) -> np.ndarray:
        """Coordinates in bins of a plane; NaN beyond its ends."""
        nodes, index = self._grid(name, _BINS)
        c = (self.columns[name] - nodes[0]) / (nodes[1] - nodes[0])
        return np.where(index >= 0, c, np.nan)

    def _enough(self, *names: str) -> bool:
        """Tell whether there are draws with a place on all axes, and more than one place."""
        keep = np.all([np.isfinite(self.columns[n]) for n in names], axis=0)
        if keep.sum() < _FEWEST:
            return False
        return all(float(np.ptp(self.columns[n][keep])) > 0.0 for n in names)

    def _grid(self, name: str, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the edges of bins, and the bin of every draw; -1 for none."""
        if (name, bins) not in self._grids:
            c = self.columns[name]
            low, high = _ends(c[np.isfinite(c)], self.bounds.get(name, (None, None)))
            with np.errstate(invalid="ignore"):
                inside = (c >= low) & (c <= high)
            index = np.full(c.shape, -1)
            index[inside] = np.minimum((c[inside] - low) * (bins / (high - low)), bins - 1)
            self._grids[name, bins] = np.linspace(low, high, bins + 1), index
        return self._grids[name, bins]


def _ends(c: np.ndarray, bounds: Bounds) -> tuple[float, float]:
    """Ends of a grid: the last draw where draws end abruptly, else beyond them, within bounds."""
    first, low, high, last = np.quantile(c, (_TAIL, _EDGE, 1.0 - _EDGE, 1.0 - _TAIL))
    least, most = float(c.min()), float(c.max())
    if last <= first:
        return least, most
    pad, near = _PAD * float(last - first), float(last - first) / _BINS
    below, above = (at if x is None else x for x, at in zip(bounds, (-np.inf, np.inf), strict=True))
    return (
        least if low - least < near else max(float(first) - pad, below),
        most if most - high < near else min(float(last) + pad, above),
    )


def _repeats(c: np.ndarray) -> float:
    """Average over the draws of how many have the same value."""
    _, counts = np.unique(c[np.isfinite(c)], return_counts=True)
    return float(np.sum(counts**2) / max(counts.sum(), 1))


def _counts(rows: np.ndarray, columns: np.ndarray, bins: tuple[int, int]) -> np.ndarray:
    """Draws (row, part, column) of parts of the run that follow one another; -1 is left out."""
    down, across = bins
    part = np.arange(len(rows)) * _PARTS // len(rows)
    keep = (rows >= 0) & (columns >= 0)
    index = (rows[keep] * _PARTS + part[keep]) * across + columns[keep]
    found = np.bincount(index, minlength=down * _PARTS * across)
    return found.astype(float).reshape(down, _PARTS, across)


@functools.cache
def _details(bins: int) -> np.ndarray:
    """(width, edge, bin): the average of all bins, then what each narrower kernel adds to it."""
    widths = bins * 0.5 ** np.arange(1, round(np.log2(bins)) + 2)  # ..., 1, 1/2 bins
    kernels = [np.full((bins + 1, bins), 1.0 / bins), *(_kernel(bins, w, 2) for w in widths)]
    return np.diff(kernels, axis=0, prepend=0.0 * kernels[0][None])


def _kernel(bins: int, width: float, images: int) -> np.ndarray:
    """Shares (edge, bin) of a Gaussian about each edge that lie in each bin or in its images.

    width   standard deviation, in bins
    images  reflections at either end; 0 for none
    """
    at = np.arange(bins + 1.0)
    shifts = 2.0 * bins * np.arange(-images, images + 1) if images else np.zeros(1)
    ends = [at + s for s in shifts] + ([s - at for s in shifts] if images else [])
    found = sum(np.abs(np.diff(ndtr((x - at[:, None]) / width), axis=1)) for x in ends)
    return np.where(found > _NEGLIGIBLE, found, 0.0)  # what underflows is slow


def _structure(
    counts: np.ndarray, down: np.ndarray, across: np.ndarray, repeats: float
) -> tuple[np.ndarray, float]:
    """Density at the edges of bins, and how many draws are worth one independent one, at most.

    The density is the average and all details that rise above their noise.

    counts   draws (row, part, column)
    repeats  the latter, at least
    """
    parts, total, excess = counts.shape[1], counts.sum(axis=1), [repeats]
    found = np.zeros((down.shape[1], across.shape[1]))
    for i, right in enumerate(across):
        each, spread = (counts @ right.T).swapaxes(0, 1), total @ (right * right).T
        for j, left in enumerate(down):
            pieces = left @ each
            detail = pieces.sum(axis=0)
            if i or j:
                alone = (left * left) @ spread  # the variance, were the draws independent
                noise = np.sum((pieces - detail / parts) ** 2) * parts / (parts - 1.0)
                excess.append(max(repeats, noise / alone.sum()))
                least = _significant(i, j, parts) ** 2 * excess[-1] * alone
                detail = _shrunk(detail, least, (_reach(left, j), _reach(right, i)))
            found += detail
    return np.maximum(found, 0.0), max(excess)


def _thin(x: np.ndarray, y: np.ndarray) -> bool:
    """Tell whether draws lie on a line thinner than a bin, which contours cannot follow.

    x, y  in bins; on a line of slope 1 the sd within a bin of the other axis is 12^(-1/2)
    """
    keep = np.isfinite(x) & np.isfinite(y)
    pairs = (x[keep], y[keep]), (y[keep], x[keep])
    return min(_scatter(a, b) for a, b in pairs) < _THIN


def _scatter(a: np.ndarray, b: np.ndarray) -> float:
    """Standard deviation of b within the bins of a, pooled."""
    bins = a.astype(int)
    counts, sums, squares = (np.bincount(bins, w) for w in (None, b, b * b))
    some = counts > 1
    inside = squares[some] - sums[some] ** 2 / counts[some]
    free = float(np.sum(counts[some] - 1))
    return (float(np.sum(inside)) / free) ** 0.5 if free > 0.0 else np.inf


def _reach(kernels: np.ndarray, i: int) -> int:
    """Edges of bins, an odd number, within a standard deviation of the kernel number i."""
    return 2 * int(kernels.shape[1] * 0.5**i) + 1 if i else 1


@functools.cache
def _significant(i: int, j: int, parts: int) -> float:
    """Sd of noise that structure rises above: more where few numbers say what noise is."""
    freedom = (parts - 1.0) * 2.0 ** (max(i - 1, 0) + max(j - 1, 0))
    return float(stdtrit(freedom, ndtr(_SIGNIFICANT)))


def _shrunk(detail: np.ndarray, least: np.ndarray, reach: tuple[int, int]) -> np.ndarray:
    """Return detail (1 - least / detail^2), 0 where that changes sign.

    The share is the largest one within reach: a detail next to a large one belongs to it.
    """
    square = detail * detail
    share = np.divide(least, square, where=square > least, out=np.ones_like(detail))
    return detail * maximum_filter(1.0 - share, reach)


def _closed(x: np.ndarray, y: np.ndarray, values: np.ndarray, levels: list[float]) -> Density:
    """Let a density end where its grid does."""
    return Density(np.pad(x, 1, "edge"), np.pad(y, 1, "edge"), np.pad(values, 1), levels)


def _centrality(counts: np.ndarray) -> np.ndarray:
    """Draws under a kernel as wide as a quarter of the axes, which loses at their ends; 1 at most.

    It ranks places of the same density: the share within a contour would else be cut by noise.
    """
    kernel = _kernel(len(counts), 0.25 * len(counts), 0)
    found = kernel @ counts @ kernel.T
    return found / found.max()


def _levels(
    x: np.ndarray, y: np.ndarray, values: np.ndarray, columns: np.ndarray, rows: np.ndarray
) -> list[float]:
    """Levels above which 95 and 68% of the draws themselves lie, ascending."""
    keep = np.isfinite(columns) & np.isfinite(rows)
    some = np.flatnonzero(keep)[:: -(-int(keep.sum()) // _MOST_RANKED)]
    at = [(c[some] - axis[0]) / (axis[1] - axis[0]) for c, axis in ((rows, y), (columns, x))]
    found = map_coordinates(values, at, order=1, mode="constant")
    return [float(np.quantile(found, 1.0 - mass)) for mass in sorted(MASSES, reverse=True)]
