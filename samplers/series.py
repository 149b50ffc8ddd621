"""Draws of one quantity, read in pieces: statistics of columns larger than memory.

A series that fits is read whole and its statistics are NumPy's, bit for bit. A longer one passes
by in blocks of draws: means, spreads, extremes and quantiles are then still of every draw, equal
to NumPy's up to the rounding of sums.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

WHOLE = 2**24  # draws of a quantity that are held at once
_BLOCK = 2**22  # of a longer one
_SAMPLE = 2**18  # draws that say where a quantile lies
_THINNED = 2**22  # draws that are taken of a quantity for what needs their order
_WINDOWS = (0.02, 0.1, 1.0)  # of probability about it, tried in turn

type Part = tuple[slice, np.ndarray]  # draws, and their values (chain, some draws)


@dataclasses.dataclass(frozen=True)
class Series:
    """Values (chain, draw) of one quantity that are read when asked for.

    read  (ascending chains or None for all, a slice of draws) -> values
    unit  draws that are stored, and so read, together
    """

    chains: int
    draws: int
    read: Callable[[np.ndarray | None, slice], np.ndarray]
    unit: int = 1

    @property
    def size(self) -> int:
        return self.chains * self.draws

    @property
    def fits(self) -> bool:
        return self.size <= WHOLE

    @property
    def whole(self) -> np.ndarray:
        return self.read(None, slice(0, self.draws))

    def held(self) -> "Series":
        """Read it once and for all if it fits."""
        return of(self.whole) if self.fits else self

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "Series":
        """Return the series of changed values, elementwise."""
        given = self.read
        return dataclasses.replace(self, read=lambda chains, draws: change(given(chains, draws)))

    def blocks(self, chains: np.ndarray | None = None) -> Iterator[Part]:
        """Yield all draws in turn, of all chains or some; at once if the series fits."""
        step = self.draws if self.fits else max(_BLOCK // self.chains, 1)
        step = max(step - step % self.unit, self.unit)
        for start in range(0, self.draws, step):
            part = slice(start, min(start + step, self.draws))
            yield part, self.read(chains, part)

    def some(self, chains: np.ndarray | None, every: int = 1) -> np.ndarray:
        """Read every so many draws of some chains, (chain, draw)."""
        if every == 1:
            return self.read(chains, slice(0, self.draws))
        pieces = [x[:, -part.start % every :: every] for part, x in self.blocks(chains)]
        return np.concatenate(pieces, axis=1)


def of(values: np.ndarray) -> Series:
    """Take values (chain, draw) in memory for a series."""

    def read(chains: np.ndarray | None, draws: slice) -> np.ndarray:
        return values[:, draws] if chains is None else values[:, draws][chains]

    return Series(values.shape[0], values.shape[1], read)


class Described(NamedTuple):
    """Mean, sd and extremes (NaN if a value is), and how many values are not finite."""

    mean: float
    sd: float  # of n - 1
    spread: float  # of n
    low: float
    high: float
    undefined: int


def described(series: Series) -> Described:
    """Compute mean, spread and extremes, in one pass."""
    with np.errstate(over="ignore", invalid="ignore"):  # inf and NaN show as such
        if series.fits:
            x = series.whole
            ends = float(x.min()), float(x.max())
            bad = int(np.sum(~np.isfinite(x)))
            return Described(float(x.mean()), float(x.std(ddof=1)), float(x.std()), *ends, bad)
        count, whole, squares, low, high, bad = 0, 0.0, 0.0, math.inf, -math.inf, 0
        for _, x in series.blocks():
            more, here = x.size, float(np.sum(x, dtype=float))
            moved = here / more - whole / max(count, 1)
            squares += float(np.var(x, dtype=float)) * more
            squares += moved**2 * count * more / (count + more) if count else 0.0
            count, whole = count + more, whole + here
            low, high = np.minimum(low, x.min()), np.maximum(high, x.max())
            bad += int(np.sum(~np.isfinite(x)))
        sd = math.sqrt(squares / (count - 1)) if squares >= 0.0 else math.nan
        spread = sd * math.sqrt((count - 1) / count)
        return Described(whole / count, sd, spread, float(low), float(high), bad)


def mean(series: Series) -> float:
    """Compute the mean of all values."""
    if series.fits:
        return float(np.mean(series.whole))
    return sum(float(np.sum(x, dtype=float)) for _, x in series.blocks()) / series.size


def mean_of_known(series: Series) -> float:
    """Compute the mean of the values that are not NaN; NaN if all are."""
    if series.fits:
        return float(np.nanmean(series.whole))
    pairs = [(np.nansum(x), np.count_nonzero(~np.isnan(x))) for _, x in series.blocks()]
    total, count = np.sum(pairs, axis=0)
    return float(total / count) if count else math.nan


def total(series: Series) -> int:
    """Compute the sum of integers."""
    return int(sum(int(x.sum()) for _, x in series.blocks()))


def extremes(series: Series) -> tuple[float, float]:
    """Find the smallest and the largest value, NaN if one is."""
    ends = np.array([(x.min(), x.max()) for _, x in series.blocks()], dtype=float)
    return float(np.min(ends[:, 0])), float(np.max(ends[:, 1]))


def thinned(series: Series) -> np.ndarray:
    """Read all draws of a series that fits, else every so many of them."""
    return series.some(None, 1 if series.fits else -(-series.size // _THINNED))


def joined(a: Series, b: Series, make: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Series:
    """Make one series of two, elementwise."""
    return dataclasses.replace(
        a, read=lambda chains, draws: make(a.read(chains, draws), b.read(chains, draws))
    )


def equal(a: Series, b: Series) -> bool:
    """Tell whether two series are the same, NaN where the other has NaN."""
    pairs = zip(a.blocks(), (b.read(None, part) for part, _ in a.blocks()), strict=True)
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for (_, x), y in pairs)


def highest(series: Series, keep: Callable[[slice, np.ndarray], np.ndarray]) -> tuple[int, int]:
    """Find (chain, draw) of the largest of the values that `keep` makes of those of a slice."""
    best: tuple[float, int, int] | None = None
    for part, x in series.blocks():
        score = keep(part, x)
        chain, draw = (int(i) for i in np.unravel_index(np.argmax(score), score.shape))
        found = float(score[chain, draw]), -chain, part.start + draw
        if best is None or found[:2] > best[:2]:  # of equal ones the first chain
            best = found
    assert best is not None
    return -best[1], best[2]


def top(
    series: Series, keep: Callable[[slice, np.ndarray], np.ndarray], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the largest values among those that `keep` marks: flat indices and values, descending.

    Indices count draws chain by chain.
    """
    where, values = np.empty(0, int), np.empty(0)
    for part, x in series.blocks():
        chain, draw = np.nonzero(keep(part, x))
        found = x[chain, draw]
        if len(found) > count:
            few = np.argpartition(found, len(found) - count)[-count:]
            chain, draw, found = chain[few], draw[few], found[few]
        where = np.concatenate([where, chain * series.draws + part.start + draw])
        values = np.concatenate([values, found])
        order = np.argsort(values, kind="stable")[::-1][:count]
        where, values = where[order], values[order]
    return where, values


def quantiles(series: Series, levels: Sequence[float]) -> list[float]:
    """Compute quantiles of all values, linear between two of them; NaN if a value is."""
    with np.errstate(over="ignore", invalid="ignore"):
        if series.fits:
            return [float(q) for q in np.quantile(series.whole, levels)]
        places = [level * (series.size - 1) for level in levels]
        ranks = [
            k for p in places for k in (math.floor(p), min(math.floor(p) + 1, series.size - 1))
        ]
        found = _selected(series, ranks)
        pairs = zip(places, found[::2], found[1::2], strict=True)
        return [_between(low, high, place % 1.0) for place, low, high in pairs]


def median(series: Series) -> float:
    """Compute the median of all values, NaN if one is."""
    return float(np.median(series.whole)) if series.fits else quantiles(series, (0.5,))[0]


def _between(low: float, high: float, t: float) -> float:
    """As NumPy interpolates."""
    if low == high:
        return low
    return low + (high - low) * t if t < 0.5 else high - (high - low) * (1.0 - t)


def _selected(series: Series, ranks: Sequence[int]) -> list[float]:
    """Find the values of these ranks (from 0) in the order of all values.

    A sample says between which values each one lies; one pass counts what is below and keeps what
    is between. Wider windows are tried where the sample was wrong.
    """
    sample = np.sort(series.some(None, max(series.size // _SAMPLE, 1)), axis=None)
    if np.isnan(sample[-1]):
        return [math.nan] * len(ranks)
    found: dict[int, float] = {}
    for window in _WINDOWS:
        open_ = [k for k in dict.fromkeys(ranks) if k not in found]
        ends = [_window(sample, k / series.size, window) for k in open_]
        found |= _ranked(series, open_, ends)
        if len(found) == len(set(ranks)):
            break
    return [found[k] for k in ranks]


def _window(sample: np.ndarray, level: float, width: float) -> tuple[float, float]:
    low, high = (round((level + s * width) * (len(sample) - 1)) for s in (-1.0, 1.0))
    inside = low > 0, high < len(sample) - 1
    return (
        float(sample[low]) if inside[0] else -math.inf,
        float(sample[high]) if inside[1] else math.inf,
    )


def _ranked(
    series: Series, ranks: Sequence[int], ends: Sequence[tuple[float, float]]
) -> dict[int, float]:
    """Return those of the values of these ranks that lie within their ends."""
    windows = {end: _Window(*end) for end in ends}
    for _, x in series.blocks():
        if np.isnan(x).any():
            return dict.fromkeys(ranks, math.nan)
        for window in windows.values():
            window.take(x)
    for window in windows.values():
        window.close()
    each = {k: windows[end].value(k) for k, end in zip(ranks, ends, strict=True)}
    return {k: x for k, x in each.items() if x is not None}


class _Window:
    """Values between two ends, and how many lie below and at them."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._below = self._at_low = self._at_high = 0
        self._pieces: list[np.ndarray] = []

    def take(self, x: np.ndarray) -> None:
        self._below += int(np.count_nonzero(x < self._low))
        self._at_low += int(np.count_nonzero(x == self._low))
        if self._high > self._low:
            self._at_high += int(np.count_nonzero(x == self._high))
            self._pieces.append(x[(x > self._low) & (x < self._high)])

    def close(self) -> None:
        inside = np.concatenate([np.empty(0), *self._pieces])
        self._pieces = []
        inside.sort()
        self._inside = inside

    def value(self, rank: int) -> float | None:
        """Return the value of this rank among all; None if it is not between the ends."""
        rank -= self._below
        if rank < 0:
            return None
        if rank < self._at_low:
            return self._low
        rank -= self._at_low
        if rank < len(self._inside):
            return float(self._inside[rank])
        return self._high if rank < len(self._inside) + self._at_high else None
