"""Smooth densities of draws by GetDist: kernels that know the bounds of the priors.

Densities are those of coordinates, in which axes are linear. Levels are those of highest density
that hold 95 and 68% of the draws. Source: Lewis, arXiv:1910.13970.
"""

import contextlib
import functools
import io
import logging
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

MASSES = (0.68, 0.95)
_FEWEST = 100  # draws
_MOST_RANKED = 2**15  # draws that give the levels
_BINS, _QUICK_BINS, _LINE_BINS = 128, 64, 256

type Bounds = tuple[float | None, float | None]


class Density(NamedTuple):
    """Density over (y, x), any normalisation, and its levels of 95 and 68%, ascending."""

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    levels: list[float]


class Densities:
    """Densities of columns of draws; GetDist is imported where one is asked for.

    quick  True: Scott's rule; False: the width of the kernel that GetDist finds for each pair
    """

    def __init__(
        self, columns: Mapping[str, np.ndarray], bounds: Mapping[str, Bounds], quick: bool = False
    ) -> None:
        self.columns, self.bounds, self.quick = columns, bounds, quick
        self._whole = [n for n, c in columns.items() if np.all(np.isfinite(c))]

    def line(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """(coordinate, density); None for too few draws, or for a constant."""
        if (samples := self._samples(name)) is None:
            return None
        with _silence():
            found = samples.get1DDensity(name)
        return None if found is None else (np.asarray(found.x), np.asarray(found.P))

    def plane(self, x: str, y: str) -> Density | None:
        """Return the density of a pair; None for too few draws, or for a constant."""
        if (samples := self._samples(x, y)) is None:
            return None
        with _silence():
            found = samples.get2DDensityGridData(x, y)
        if found is None:
            return None
        grid = np.asarray(found.x), np.asarray(found.y), np.asarray(found.P)
        levels = _levels(*grid, self.columns[x], self.columns[y])
        return Density(*grid, levels) if 0.0 < levels[0] < levels[1] else None

    def _samples(self, *names: str):
        """GetDist's samples that hold these columns: all draws with a place on their axes."""
        if set(names) <= set(self._whole):
            found = self._everywhere
            rows = np.ones(len(self.columns[names[0]]), bool)
        else:
            found = None
            rows = np.all([np.isfinite(self.columns[n]) for n in names], axis=0)
        flat = any(np.ptp(self.columns[n][rows]) == 0.0 for n in names) if rows.any() else True
        if rows.sum() < _FEWEST or flat:
            return None
        return self._made(names, rows) if found is None else found

    @functools.cached_property
    def _everywhere(self):
        return self._made(self._whole, np.ones(len(self.columns[self._whole[0]]), bool))

    def _made(self, names, rows: np.ndarray):
        with _silence():
            import getdist

            width = float(rows.sum()) ** (-1.0 / 6.0) if self.quick else -1.0
            return getdist.MCSamples(
                samples=np.column_stack([self.columns[n][rows] for n in names]),
                names=list(names),
                ranges={n: list(self.bounds[n]) for n in names if n in self.bounds},
                settings={
                    "ignore_rows": 0,
                    "fine_bins": _LINE_BINS,
                    "fine_bins_2D": _QUICK_BINS if self.quick else _BINS,
                    "smooth_scale_2D": width,
                },
            )


def _levels(
    x: np.ndarray, y: np.ndarray, values: np.ndarray, columns: np.ndarray, rows: np.ndarray
) -> list[float]:
    """Levels above which 95 and 68% of the draws themselves lie, ascending."""
    keep = np.isfinite(columns) & np.isfinite(rows)
    some = np.flatnonzero(keep)[:: -(-int(keep.sum()) // _MOST_RANKED)]
    at = [(c[some] - axis[0]) / (axis[1] - axis[0]) for c, axis in ((rows, y), (columns, x))]
    found = map_coordinates(values, at, order=1, mode="constant")
    return [float(np.quantile(found, 1.0 - mass)) for mass in sorted(MASSES, reverse=True)]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep GetDist's notes on bins and burn-in from the terminal."""
    log = logging.getLogger()
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(before)
