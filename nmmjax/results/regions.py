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

from nmmjax.results import angles, trust
from nmmjax.results.variables import differ
from nmmjax.samplers import convergence, diagnostics

_BINS = 128
_SMOOTH = 2.0  # bins, the width of the kernel
_VALLEY = 0.1  # density in a valley over that of the lower peak beside it
_LEAST = 0.01  # of the mean density: what counts as empty
_FEWEST = 5.0  # draws in a bin, likewise


@dataclasses.dataclass(frozen=True)
class Regions:
    """Separate regions along one parameter, from low to high.

    edges    values of the parameter in the valleys between them; on a circle the lowest valley of
             all comes last, and the first region lies after it
    shares   of the draws, per region
    lowest   smallest and
    highest  largest share over the ensembles, per region
    p        of a chi-square test that all ensembles have the same shares
    growth_p of a test that the shares are the same in the first and the last third of the draws
    """

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    p: float
    growth_p: float

    @property
    def agree(self) -> bool:
        return trust.agree(self.p)

    @property
    def steady(self) -> bool:
        return trust.agree(self.growth_p)


def find(
    name: str,
    values: np.ndarray,
    ensemble: np.ndarray,
    prior: Mapping[str, Any],
    period: float | None = None,
) -> Regions | None:
    """Find the regions of one parameter; None where there is only one.

    values    (chain, draw); ensemble (chain,) labels
    prior     its table as in the resolved run file
    period    of an angle: the circle is cut at its emptiest place
    """
    c, back = _coordinate(values, prior)
    if period is not None and np.all(np.isfinite(values)):
        cut = angles.seam(values, period)
        c, back = (values - cut) % period, _from_cut(cut, period)
    if not (np.all(np.isfinite(c)) and differ(float(c.min()), float(c.max()))):
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
        convergence.agreement_p(inside, ensemble),
        _growth(inside, ensemble),
    )


def against(found: Regions) -> str:
    """Say in words why the shares of regions are doubtful; "" if the ensembles agree."""
    if not found.agree:
        return (
            f"the ensembles disagree on the weights of the separate regions of {found.name} "
            f"(p = {found.p:.1g}, needed at least {trust.P_VALUE:g}): walkers do not cross between "
            "them often enough"
        )
    if not found.steady:
        return (
            f"the weights of the separate regions of {found.name} still change "
            f"(p = {found.growth_p:.1g}, needed at least {trust.P_VALUE:g})"
        )
    return ""


def _growth(inside: np.ndarray, ensemble: np.ndarray) -> float:
    """p value that no region gains or loses draws; the smallest of n regions counts n times."""
    each = [convergence.trend_p(diagnostics.means_of(x.astype(float), ensemble)) for x in inside]
    return min(1.0, len(each) * min(each))


def _from_cut(cut: float, period: float) -> Callable[[float], float]:
    """Return the map from places on a circle cut open at `cut` to angles within half a period."""
    return lambda c: float(angles.unrolled(np.array(c + cut), 0.0, period))


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
