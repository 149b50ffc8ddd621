"""Separate regions of a posterior, and whether independent ensembles weigh them alike.

A parameter has separate regions where its marginal density, in the coordinate in which its prior
is flat, falls to a tenth of the lower of two peaks between them. Walkers that cannot cross such a
valley keep the weights that their starting points had: then ensembles disagree.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.signal import find_peaks
from scipy.stats import chi2

from nmmjax.results import angles
from nmmjax.samplers import diagnostics

_BINS = 128
_SMOOTH = 2.0  # bins, the width of the kernel
_VALLEY = 0.1  # density in a valley over that of the lower peak beside it
_LEAST = 0.01  # of the mean density: what counts as empty
_FEWEST = 5.0  # draws in a bin, likewise
_DOUBTFUL = 1e-3  # p value below which ensembles disagree


@dataclasses.dataclass(frozen=True)
class Regions:
    """Separate regions along one parameter, from low to high.

    edges    values of the parameter in the valleys between them; on a circle the lowest valley of
             all comes last, and the first region lies after it
    shares   of the draws, per region
    lowest   smallest and
    highest  largest share over the ensembles, per region
    p        of a chi-square test that all ensembles have the same shares
    """

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    p: float

    @property
    def agree(self) -> bool:
        return self.p >= _DOUBTFUL


def find(
    name: str,
    values: np.ndarray,
    ensemble: np.ndarray,
    prior: Mapping[str, Any],
    period: float | None = None,
) -> Regions | None:
    """The regions of one parameter; None where there is only one.

    values    (chain, draw); ensemble (chain,) labels
    prior     its table as in the resolved run file
    period    of an angle: the circle is cut at its emptiest place
    """
    c, back = _coordinate(values, prior)
    if period is not None and np.all(np.isfinite(values)):
        cut = angles.seam(values, period)
        c, back = (values - cut) % period, _from_cut(cut, period)
    if not np.all(np.isfinite(c)) or np.ptp(c) == 0.0:
        return None
    valleys = _valleys(c.ravel())
    if len(valleys) == 0:
        return None
    which = np.searchsorted(valleys, c)
    count = len(valleys) + 1
    inside = np.stack([which == k for k in range(count)])  # (region, chain, draw)
    labels = np.unique(ensemble)
    by_ensemble = np.stack([inside[:, ensemble == e].mean(axis=(1, 2)) for e in labels])
    shares = inside.mean(axis=(1, 2))
    return Regions(
        name,
        tuple(float(back(v)) for v in (valleys if period is None else [*valleys, period])),
        tuple(map(float, shares)),
        tuple(map(float, by_ensemble.min(axis=0))),
        tuple(map(float, by_ensemble.max(axis=0))),
        _agreement(inside, by_ensemble, shares),
    )


def _from_cut(cut: float, period: float) -> Callable[[float], float]:
    """From places along the circle, cut open, to angles within half a period of 0."""
    return lambda c: float(angles.unrolled(np.array(c + cut), 0.0, period))


def _agreement(inside: np.ndarray, by_ensemble: np.ndarray, shares: np.ndarray) -> float:
    """p value that ensembles draw from the same shares, each worth its bulk ESS at most.

    The ESS of an indicator takes the walkers' own crossings for granted; where none crosses, each
    chain counts as one draw.
    """
    count, ensembles = len(shares), len(by_ensemble)
    if ensembles < 2:
        return 1.0
    total = 0.0
    for k in range(count):
        worth = diagnostics.ess(diagnostics.split(inside[k].astype(float))) / ensembles
        variance = shares[k] * (1.0 - shares[k]) / max(worth, 1.0)
        total += np.sum((by_ensemble[:, k] - shares[k]) ** 2) / variance * (1.0 - shares[k])
    return float(chi2.sf(total, (count - 1) * (ensembles - 1)))


def _valleys(c: np.ndarray) -> np.ndarray:
    """Coordinates of the lowest points between peaks that stand apart, ascending."""
    density, edges = np.histogram(c, bins=_BINS)
    reach = np.arange(-8, 9)
    kernel = np.exp(-0.5 * (reach / _SMOOTH) ** 2)
    smooth = np.convolve(density, kernel / kernel.sum(), mode="same")
    floor = max(_LEAST * len(c) / _BINS, _FEWEST)  # what falls below is empty
    height = np.log(np.maximum(smooth, floor))
    padded = np.concatenate([[math.log(floor)], height, [math.log(floor)]])
    peaks = find_peaks(padded, prominence=-math.log(_VALLEY))[0] - 1
    lowest = [a + int(np.argmin(smooth[a:b])) for a, b in itertools.pairwise(peaks)]
    return 0.5 * (edges[1:] + edges[:-1])[lowest]


def _coordinate(
    values: np.ndarray, prior: Mapping[str, Any]
) -> tuple[np.ndarray, Callable[[float], float]]:
    """(the coordinate in which the prior is flat, the way back)."""
    if "log_uniform" in prior:
        return np.log(values), math.exp
    if "signed_log" in prior:
        scale = prior["signed_log"][0]
        return np.arcsinh(values / scale), lambda c: scale * math.sinh(c)
    return values, float
