"""The corner plot: marginals of every quantity and of every pair."""

import dataclasses
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from nmmjax.figures.axes import (
    COLOURS,
    STYLE,
    Scale,
    Style,
    Which,
    axis_label,
    bin_of,
    scale_of,
    short,
    view,
)
from nmmjax.figures.maps import centres, hdr_levels, smoothed
from nmmjax.results import angles
from nmmjax.results.rundir import Run

_BINS = 40
_TAIL = 5e-4  # share of draws beyond each end of an axis
_MOST_BINNED = 2**21  # draws: contours of that many stand still to a pixel


def corner(run: Run, names: Sequence[str] = (), style: Style = STYLE) -> Figure:
    """Marginals of each quantity and of each pair, with 68 and 95% contours.

    names  parameters and observables; none: every sampled parameter
    """
    few = run.few(_MOST_BINNED)
    panels = [_panel(run, name, few) for name in names or run.sampled]
    n = len(panels)
    with matplotlib.rc_context(style):
        width, height = 1.15 + 1.2 * n, 1.5 + 1.2 * n  # inches
        figure = Figure(figsize=(width, height))
        grid = figure.add_gridspec(n, n, wspace=0.07, hspace=0.07)
        figure.subplots_adjust(0.95 / width, 0.85 / height, 1.0 - 0.2 / width, 1.0 - 0.65 / height)
        for row, below in enumerate(panels):
            for column, left in enumerate(panels[: row + 1]):
                axes = figure.add_subplot(grid[row, column])
                if row == column:
                    _marginal(axes, below)
                else:
                    _pair(axes, left, below)
                left.scale.apply(axes, "x", *left.ends)
                _label_outer(axes, "x", left.label if row == n - 1 else "")
                _label_outer(axes, "y", below.label if column == 0 and row > 0 else "")
        if n > 3:
            caption = "Above each column: median (5%, 95%)\nContours: 68% and 95% of the draws"
            figure.text(1.0 - 0.2 / width, 1.0 - 0.65 / height, caption, ha="right", va="top")
    return figure


@dataclasses.dataclass(frozen=True)
class _Panel:
    """One quantity of the corner plot, binned once for all its panels."""

    label: str
    scale: Scale
    ends: tuple[float, float]  # coordinates
    index: np.ndarray  # bin of every draw, in one flat array
    quantiles: np.ndarray  # at 5, 50 and 95%, of the quantity itself


def _panel(run: Run, name: str, few: np.ndarray) -> _Panel:
    values, period = run.read(name, chains=few).ravel(), run.period(name)
    if period is not None:  # a circle is shown from its emptiest place to that place
        middle = angles.seam(values, period) + 0.5 * period
        shown = angles.unrolled(np.array(middle), angles.resultant(values, period)[0], period)
        values = angles.unrolled(values, float(shown), period)
    scale = scale_of(run, name, values)
    c = scale.forward(values)
    ends = view(c, _TAIL)
    with np.errstate(invalid="ignore"):
        quantiles = np.quantile(values, (0.05, 0.5, 0.95))
        if period is not None:
            quantiles = np.array(angles.interval(values, 0.9, period))
    return _Panel(axis_label(run, name), scale, ends, bin_of(c, ends, _BINS), quantiles)


def _marginal(axes: Axes, panel: _Panel) -> None:
    counts = np.bincount(panel.index, minlength=_BINS + 1)[:_BINS]
    edges = panel.scale.inverse(np.linspace(*panel.ends, _BINS + 1))
    axes.stairs(counts, edges, fill=True, color=COLOURS[1], alpha=0.8)
    axes.set_ylim(0.0, 1.08 * max(counts.max(), 1))
    axes.yaxis.set_major_locator(NullLocator())
    low, middle, high = (short(x) for x in panel.quantiles)
    axes.set_title(f"{panel.label}\n{middle}\n({low}, {high})", pad=4)


def _pair(axes: Axes, left: _Panel, below: _Panel) -> None:
    counts, density = smoothed(left.index, below.index, _BINS)
    if not counts.any():
        below.scale.apply(axes, "y", *below.ends)
        return
    levels = hdr_levels(density)
    shown = np.ma.masked_equal(counts, 0.0)
    colours = matplotlib.colormaps["viridis_r"].with_extremes(under="0.9")
    # Bins are uniform in the coordinates, so an image in axes coordinates fits any scale.
    axes.imshow(
        shown, cmap=colours, vmin=levels[0], vmax=max(counts.max(), levels[0] + 1.0),
        extent=(0.0, 1.0, 0.0, 1.0), transform=axes.transAxes, origin="lower", aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    at = (centres(panel.scale, panel.ends, _BINS) for panel in (left, below))
    axes.contour(*at, density, levels=levels, colors=["black", "white"], linewidths=0.8)
    below.scale.apply(axes, "y", *below.ends)


def _label_outer(axes: Axes, which: Which, label: str) -> None:
    """Axis label and tick labels on the outer panels only (label "": none)."""
    if not label:
        axes.tick_params(which, labelbottom=which != "x", labelleft=which != "y")
    elif which == "x":
        axes.set_xlabel(label)
        axes.xaxis.set_label_coords(0.5, -0.45)
        axes.tick_params("x", labelrotation=45)
    else:
        axes.set_ylabel(label)
        axes.yaxis.set_label_coords(-0.5, 0.5)
