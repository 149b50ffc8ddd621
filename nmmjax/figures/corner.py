"""The corner plot: marginals of every quantity and of every pair, of one run or of several."""

import dataclasses
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator
from scipy.ndimage import zoom

from nmmjax.figures.axes import Scale, Which, axis_label, scale_of, short, varies, view
from nmmjax.figures.circles import bounds_on_line, centres, on_line
from nmmjax.figures.density import Densities
from nmmjax.figures.style import INSIDE, OUTLINE, RUNS, STYLE, TWO_COLUMNS, Style
from nmmjax.results import angles, tuning
from nmmjax.results.rundir import Run

_BINS = 40
_TAIL = 5e-4  # share of draws beyond each end of an axis
_MOST_BINNED = 2**17  # draws
_PANEL = 0.95  # inches, of the panels that a page has no room for
_MOST_ON_A_PAGE = 6
_FINER = 2  # pixels per bin of a density, each way
_MOST_DOTS = 2000
_MOST_OUTLINED = 12  # quantities; beyond, pixels keep the PDF file small


def corner(run: Run, names: Sequence[str] = (), style: Style = STYLE, raw: bool = False) -> Figure:
    """Marginals of each quantity and of each pair, with 68 and 95% contours.

    names  parameters and observables; none: every sampled parameter, m_nu, mu_nu and the tuning
    raw    histograms behind the contours, in place of smooth densities
    """
    chosen = list(names) or usual(run)
    drawn = _Drawn(run, chosen, centres([run], chosen))
    with matplotlib.rc_context(style):
        figure, panels = _grid(len(chosen))
        for (row, column), axes in panels.items():
            left, below = drawn.panels[column], drawn.panels[row]
            if row == column:
                (_histogram if raw else _curve)(axes, drawn, left)
                low, centre, high = (short(x) for x in left.quantiles)
                axes.set_title(f"{left.label}\n{centre}\n({low}, {high})", pad=3)
            else:
                if raw:
                    _image(axes, left, below)
                if len(chosen) > _MOST_OUTLINED and not raw:
                    _pixels(axes, drawn, left, below)
                else:
                    _pair(axes, drawn, left, below, None if raw else INSIDE)
            _finish(axes, row, column, left, below, len(chosen))
        if len(chosen) > 3:
            caption = "Above each column: median (5%, 95%)\nContours: 68% and 95% of the draws"
            shown = [c for axes in panels.values() for c in axes.collections]
            if any(isinstance(c, PathCollection) for c in shown):
                caption += "\nDots: draws too few, or too much alike, for contours"
            figure.text(0.98, 0.98, caption, ha="right", va="top")
    return figure


def overlaid(runs: Mapping[str, Run], names: Sequence[str] = (), style: Style = STYLE) -> Figure:
    """Corner plot of several runs, by title, of the quantities that all of them have."""
    first, *others = runs.values()
    chosen = list(names) or [n for n in usual(first) if all(n in run.labels for run in others)]
    about = centres(list(runs.values()), chosen)
    drawn = {title: _Drawn(run, chosen, about) for title, run in runs.items()}
    reference = next(iter(drawn.values()))
    panels_of = list(zip(*(one.panels for one in drawn.values()), strict=True))
    wide = [(min(p.ends[0] for p in ps), max(p.ends[1] for p in ps)) for ps in panels_of]
    with matplotlib.rc_context(style):
        figure, panels = _grid(len(chosen))
        for (row, column), axes in panels.items():
            left, below = (
                dataclasses.replace(reference.panels[i], ends=wide[i]) for i in (column, row)
            )
            for i, one in enumerate(drawn.values()):
                colour = RUNS[i % len(RUNS)]
                if row == column:
                    _curve(axes, one, one.panels[column], colour)
                else:
                    _pair(axes, one, one.panels[column], one.panels[row], None, colour)
            if row == column:
                axes.set_title(left.label, pad=3)
            _finish(axes, row, column, left, below, len(chosen))
        looks = [Patch(color=RUNS[i % len(RUNS)], label=t) for i, t in enumerate(drawn)]
        figure.legend(handles=looks, loc="upper right", title="68% and 95% of the draws of")
    return figure


def usual(run: Run) -> list[str]:
    """Sampled parameters, then m_nu, mu_nu and the tuning where they vary."""
    found = [name for name in ("m_nu", "mu_nu", tuning.of(run)) if name and run.has(name)]
    return list(dict.fromkeys([*run.sampled, *(n for n in found if varies(run, n))]))


@dataclasses.dataclass(frozen=True)
class _Panel:
    """One quantity of the corner plot."""

    name: str
    label: str
    scale: Scale
    ends: tuple[float, float]  # coordinates
    c: np.ndarray  # coordinates of the draws
    quantiles: np.ndarray  # at 5, 50 and 95%, of the quantity itself


class _Drawn:
    """The quantities of one run, and the densities of their coordinates."""

    def __init__(self, run: Run, names: Sequence[str], centres: Mapping[str, float]) -> None:
        few = run.few(_MOST_BINNED)
        self.panels = [_panel(run, name, few, centres.get(name)) for name in names]
        bounds = {p.name: bounds_on_line(run, p.name, p.scale, centres) for p in self.panels}
        self.densities = Densities({p.name: p.c for p in self.panels}, bounds)


def _panel(run: Run, name: str, few: np.ndarray, centre: float | None) -> _Panel:
    values, period = on_line(run, name, run.sample(name, few).ravel(), centre), run.period(name)
    scale = scale_of(run, name, values)
    c = scale.forward(values)
    defined = values[~np.isnan(values)]
    quantiles = np.full(3, np.nan)
    if defined.size:
        with np.errstate(invalid="ignore"):
            quantiles = np.quantile(defined, (0.05, 0.5, 0.95))
        if period is not None:
            quantiles = np.array(angles.interval(defined, 0.9, period))
    label = axis_label(run, name)
    if defined.size < values.size:
        label += f", defined at {defined.size / values.size:.0%}"
    return _Panel(name, label, scale, view(c, _TAIL), c, quantiles)


def _grid(n: int) -> tuple[Figure, dict[tuple[int, int], Axes]]:
    """Panels on and below the diagonal by (row, column): two columns wide, or wider if need be."""
    width = TWO_COLUMNS + _PANEL * max(n - _MOST_ON_A_PAGE, 0)
    figure = Figure(figsize=(width, width + 0.25))
    grid = figure.add_gridspec(n, n, wspace=0.08, hspace=0.08)
    height = figure.get_figheight()
    figure.subplots_adjust(0.7 / width, 0.7 / height, 1.0 - 0.12 / width, 1.0 - 0.5 / height)
    places = ((row, column) for row in range(n) for column in range(row + 1))
    return figure, {at: figure.add_subplot(grid[at]) for at in places}


def _curve(axes: Axes, drawn: _Drawn, panel: _Panel, colour: str = "") -> None:
    """Smooth density over the coordinate; the histogram where there is none."""
    found = drawn.densities.line(panel.name)
    if found is None:
        _histogram(axes, drawn, panel)
        return
    x, y = panel.scale.inverse(found[0]), found[1] / found[1].max()
    if not colour:
        axes.fill_between(x, 0.0, y, color=INSIDE[1], lw=0)
    axes.plot(x, y, color=colour or OUTLINE, lw=0.9)
    axes.set_ylim(0.0, 1.08)
    axes.yaxis.set_major_locator(NullLocator())


def _histogram(axes: Axes, drawn: _Drawn, panel: _Panel) -> None:
    del drawn
    finite = panel.c[np.isfinite(panel.c)]
    counts, edges = np.histogram(finite, _BINS, panel.ends)
    axes.stairs(counts, panel.scale.inverse(edges), fill=True, color=INSIDE[1])
    axes.set_ylim(0.0, 1.08 * max(counts.max(), 1))
    axes.yaxis.set_major_locator(NullLocator())


def _image(axes: Axes, left: _Panel, below: _Panel) -> None:
    """Histogram of a pair; bins are uniform in the coordinates of any scale."""
    keep = np.isfinite(left.c) & np.isfinite(below.c)
    counts, *_ = np.histogram2d(below.c[keep], left.c[keep], _BINS, (below.ends, left.ends))
    axes.imshow(
        np.ma.masked_equal(counts, 0.0), cmap="Blues", vmin=0.0, vmax=max(counts.max(), 1.0),
        extent=(0.0, 1.0, 0.0, 1.0), transform=axes.transAxes, origin="lower", aspect="auto",
        interpolation="nearest",
    )  # fmt: skip


def _pair(
    axes: Axes,
    drawn: _Drawn,
    left: _Panel,
    below: _Panel,
    fill: Sequence[str] | None,
    colour: str = OUTLINE,
) -> None:
    found = drawn.densities.plane(left.name, below.name)
    if found is None:
        _dots(axes, left, below, colour)
        return
    at = left.scale.inverse(found.x), below.scale.inverse(found.y)
    if fill is not None:
        axes.contourf(*at, found.values, levels=[*found.levels, np.inf], colors=list(fill))
    axes.contour(*at, found.values, levels=found.levels, colors=colour, linewidths=(0.6, 0.9))


def _dots(axes: Axes, left: _Panel, below: _Panel, colour: str) -> None:
    """Draw the draws themselves, which are too few or too much alike for a density."""
    some = slice(None, None, max(1, -(-len(left.c) // _MOST_DOTS)))
    at = left.scale.inverse(left.c[some]), below.scale.inverse(below.c[some])
    axes.scatter(*at, s=3.0, lw=0, color=colour, rasterized=True)


def _pixels(axes: Axes, drawn: _Drawn, left: _Panel, below: _Panel) -> None:
    """The areas within the contours as one small image, which many panels are drawn of quickly."""
    found = drawn.densities.plane(left.name, below.name)
    if found is None:
        _dots(axes, left, below, OUTLINE)
        return
    inside = np.digitize(np.asarray(zoom(found.values[1:-1, 1:-1], _FINER, order=1)), found.levels)
    colours = np.array([to_rgba("white", 0.0), *map(to_rgba, INSIDE)])
    x, y = (
        (grid[[0, -1]] - panel.ends[0]) / (panel.ends[1] - panel.ends[0])
        for panel, grid in ((left, found.x), (below, found.y))
    )
    axes.imshow(
        colours[inside], extent=(x[0], x[1], y[0], y[1]), transform=axes.transAxes,
        origin="lower", aspect="auto", interpolation="none",
    )  # fmt: skip


def _finish(axes: Axes, row: int, column: int, left: _Panel, below: _Panel, n: int) -> None:
    """Scales, and labels on the outer panels only."""
    left.scale.apply(axes, "x", *left.ends, most=2)
    if row != column:
        below.scale.apply(axes, "y", *below.ends, most=2)
    _label_outer(axes, "x", left.label if row == n - 1 else "")
    _label_outer(axes, "y", below.label if column == 0 and row > 0 else "")


def _label_outer(axes: Axes, which: Which, label: str) -> None:
    """Axis label and tick labels on the outer panels only (label "": none)."""
    if not label:
        axes.tick_params(which, labelbottom=which != "x", labelleft=which != "y")
        return
    axes.tick_params(which, labelsize=6.0, pad=2)
    inch = axes.get_window_extent().width / axes.figure.dpi
    if which == "x":
        axes.set_xlabel(label)
        axes.xaxis.set_label_coords(0.5, -0.5 / inch)
        axes.tick_params("x", labelrotation=90)
    else:
        axes.set_ylabel(label)
        axes.yaxis.set_label_coords(-0.5 / inch, 0.5)
