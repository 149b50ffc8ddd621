"""The quantity in colour on a map: a smooth average, bins, or the draws themselves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from nmmjax.figures import nearby
from nmmjax.figures.axes import Scale, bin_of, tick_label, view

_BINS, _FINE = 70, 140
_WELL_FILLED = 5  # draws in a bin, or under the kernel, for a colour to count in the scale
_BEYOND = 0.05  # widths of the draws, since smooth contours end beyond the last one
_TAIL = 0.02  # share of well-filled bins beyond each end of the colours


class Coloured(NamedTuple):
    """Edges (or places) across and up, colours there, what the colour scale is made from.

    words  what a colour is of the quantity: ", average"
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    sure: np.ndarray
    words: str


def points(x: np.ndarray, y: np.ndarray, colour: np.ndarray) -> Coloured:
    """Colour of every draw."""
    return Coloured(x, y, colour, colour, "")


def medians(x: np.ndarray, y: np.ndarray, colour: np.ndarray | None) -> Coloured:
    """Median of `colour` per bin of coordinates; counts if it is None."""
    edges, index = _bins(x, y)
    weight = np.ones(len(x)) if colour is None else colour
    order = np.lexsort((weight, index))
    cells, starts, counts = np.unique(index[order], return_index=True, return_counts=True)
    ranked = weight[order]
    middle = 0.5 * (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2])
    grid = np.ma.masked_all(_BINS * _BINS)
    shown = counts.astype(float) if colour is None else middle
    grid[cells] = shown
    sure = shown[counts >= _WELL_FILLED]
    z = grid.reshape(_BINS, _BINS)
    return Coloured(edges[1], edges[0], z, sure if sure.size else shown, ", median per bin")


def averages(
    x: np.ndarray, y: np.ndarray, colour: np.ndarray, scale: Scale, half: np.ndarray
) -> Coloured:
    """Average of the coordinate of `colour` over the draws nearby, in units of `colour`.

    half  True for the draws of one half of the chains: how near is what halves agree on
    """
    c = scale.forward(colour)
    keep = np.isfinite(c)
    edges, index = _bins(x[keep], y[keep], _FINE, _BEYOND)
    mean, draws = nearby.averages(index, c[keep], half[keep], _FINE)
    there = np.isfinite(mean)
    z = np.ma.masked_all(mean.shape)
    z[there] = scale.inverse(mean[there])
    sure = z[there & (draws >= _WELL_FILLED)].compressed()
    return Coloured(edges[1], edges[0], z, sure if sure.size else z.compressed(), ", average")


def norm_of(drawn: Sequence[Coloured], scale: Scale) -> Normalize:
    """Colour scale between quantiles of what is well known; what is beyond has its end's colour."""
    log = scale.kind == "log"
    sure = np.concatenate([np.ravel(one.sure) for one in drawn])
    sure = sure[np.isfinite(sure) & ((sure > 0.0) | (not log))]
    low, high = np.quantile(sure, (_TAIL, 1.0 - _TAIL)) if sure.size else (1.0, 1.0)
    if high <= low:
        low, high = (0.99 * low, 1.01 * low) if log else (low - 0.5, low + 0.5)
    ends = {"vmin": float(low), "vmax": float(high), "clip": True}
    if scale.kind == "asinh":
        return AsinhNorm(scale.width, **ends)
    return (LogNorm if log else Normalize)(**ends)


def paint(
    axes: Axes, one: Coloured, scales: tuple[Scale, Scale], norm: Normalize, within: Path | None
):
    """Draw bins or points in colours; `within` a path in data coordinates."""
    at = scales[0].inverse(one.x), scales[1].inverse(one.y)
    if np.ndim(one.z) != 2:
        return axes.scatter(*at, c=one.z, s=3.0, lw=0, norm=norm, rasterized=True)
    mesh = axes.pcolormesh(*at, one.z, norm=norm, rasterized=True)
    if within is not None:
        patch = PathPatch(within, transform=axes.transData, fc="none", ec="none")
        axes.add_patch(patch)
        mesh.set_clip_path(patch)
    return mesh


def bar(figure: Figure, drawn, panels: Sequence[Axes], label: str, scale: Scale) -> None:
    """Colour bar beside the panels, its ticks as those of an axis."""
    found = figure.colorbar(drawn, ax=list(panels), label=label, pad=0.02, aspect=28)
    low, high = (float(c) for c in scale.forward(np.array([drawn.norm.vmin, drawn.norm.vmax])))
    ticks = scale.ticks(low, high, 6)
    found.set_ticks(ticks, labels=[tick_label(x) for x in ticks])
    found.minorticks_off()


def _bins(
    x: np.ndarray, y: np.ndarray, count: int = _BINS, beyond: float = 0.0
) -> tuple[list[np.ndarray], np.ndarray]:
    """Edges (up, across) and the flat number of the bin of every draw.

    beyond  widths of the draws by which the edges go on, on either side
    """
    edges, index = [], np.zeros(len(x), dtype=int)
    for c in (y, x):
        low, high = view(c)
        ends = low - beyond * (high - low), high + beyond * (high - low)
        edges.append(np.linspace(*ends, count + 1))
        index = index * count + bin_of(c, ends, count)
    return edges, index
