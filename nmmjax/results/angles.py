"""Statistics on a circle: means, spreads and intervals that know no seam.

Angles have a period (2 pi, 180, ...); results are in its units, intervals continue beyond half a
period rather than jump. With c and s the means of cos and sin, R = sqrt(c^2 + s^2) and

    mean = atan2(s, c),    sd = sqrt(-2 ln R)

(Mardia and Jupp, Directional Statistics, sections 2.2 and 2.3), the sd of a wrapped Gaussian.
"""

import math
from collections.abc import Sequence

import numpy as np

from nmmjax.samplers import series
from nmmjax.samplers.series import Series

_TURN = 2.0 * math.pi
_BINS = 128  # of the circle, where its emptiest place is looked for
_SMOOTH = 4  # of them on either side


def plane(values: np.ndarray, period: float) -> tuple[np.ndarray, np.ndarray]:
    """(cos, sin) of values."""
    return np.cos(values * (_TURN / period)), np.sin(values * (_TURN / period))


def resultant(values: np.ndarray | Series, period: float) -> tuple[float, float]:
    """(mean in (-period/2, period/2], length R of the mean unit vector); NaN with a NaN value."""
    given = series.of(np.atleast_2d(values)) if isinstance(values, np.ndarray) else values
    c, s = (series.mean(given.mapped(lambda x, i=i: plane(x, period)[i])) for i in range(2))
    return math.atan2(s, c) * period / _TURN, math.hypot(s, c)


def spread(values: np.ndarray | Series, period: float) -> float:
    """Circular standard deviation sqrt(-2 ln R)."""
    r = resultant(values, period)[1]
    return math.sqrt(max(-2.0 * math.log(r), 0.0)) * period / _TURN if r > 0.0 else math.inf


def unrolled(values: np.ndarray, about: float, period: float) -> np.ndarray:
    """Shift angles by whole periods to within half a period of `about`."""
    return np.asarray(values - period * np.round((values - about) / period))


def arc(values: np.ndarray, share: float, period: float) -> tuple[float, float]:
    """Ends of the shortest arc that holds a share of the values, low < high, near their mean."""
    ordered = np.sort(np.ravel(values) % period)
    count = ordered.size
    held = min(max(math.ceil(share * count), 1), count)
    twice = np.concatenate([ordered, ordered + period])
    lengths = twice[held - 1 : held - 1 + count] - ordered
    first = int(np.argmin(lengths))
    low, length = float(ordered[first]), float(lengths[first])
    centre = low + 0.5 * length
    shift = unrolled(np.array(centre), resultant(values, period)[0], period) - centre
    return low + float(shift), low + float(shift) + length


def interval(values: np.ndarray, share: float, period: float) -> tuple[float, float, float]:
    """(low, median, high): the shortest arc with that share, and the median unrolled about it."""
    if not np.all(np.isfinite(values)):
        return math.nan, math.nan, math.nan
    low, high = arc(values, share, period)
    middle = float(np.median(unrolled(values, 0.5 * (low + high), period)))
    return low, middle, high


def error_of_mean(values: np.ndarray | Series, mcse_of_sine: float, period: float) -> float:
    """Monte-Carlo error of the mean; `mcse_of_sine`: that of the mean of `sine_about`."""
    r = resultant(values, period)[1]
    return mcse_of_sine / r * period / _TURN if r > 0.0 else math.inf


def sine_about(values: np.ndarray, mean: float, period: float) -> np.ndarray:
    """sin(value - mean): to first order what moves the mean, times R."""
    return plane(values - mean, period)[1]


def worst(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the worst of each figure over several series: smallest ESS, else largest, or NaN."""
    return {
        name: float((np.min if name.startswith("ess") else np.max)([f[name] for f in figures]))
        for name in figures[0]
    }


def seam(values: np.ndarray, period: float) -> float:
    """Return the emptiest place of the circle, where it may be cut; in [0, period)."""
    counts, _ = np.histogram(np.ravel(values) % period, bins=_BINS, range=(0.0, period))
    reach = np.arange(-_SMOOTH, _SMOOTH + 1)
    smooth = np.sum([np.roll(counts, int(i)) for i in reach], axis=0)
    # Of equally empty bins the one in the middle of the longest run of them.
    empty = np.flatnonzero(smooth == smooth.min())
    runs = np.split(empty, np.flatnonzero(np.diff(empty) != 1) + 1)
    if len(runs) > 1 and runs[0][0] == 0 and runs[-1][-1] == _BINS - 1:
        runs = [*runs[1:-1], np.concatenate([runs[-1] - _BINS, runs[0]])]
    longest = max(runs, key=len)
    return float((longest[len(longest) // 2] + 0.5) * (period / _BINS) % period)
