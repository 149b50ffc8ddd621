"""Maps of the viable region: two quantities, a third in colour, contours and limits."""

import math
from collections.abc import Iterator, Mapping, Sequence

import matplotlib
import matplotlib.patheffects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path

from nmmjax.figures import colours
from nmmjax.figures.axes import Scale, Which, axis_label, scale_of, tick_label, view
from nmmjax.figures.circles import bounds_on_line, centres, on_line
from nmmjax.figures.curves import draw_curve, look_of
from nmmjax.figures.density import Densities, Density
from nmmjax.figures.fit import legend_below
from nmmjax.figures.limit_lines import Limit, curves_of, limits_on
from nmmjax.figures.style import EXCLUDED, INSIDE, ONE_COLUMN, STYLE, TWO_COLUMNS, Style
from nmmjax.results import tuning
from nmmjax.results.rundir import Run
from nmmjax.samplers.series import highest, thinned

_MOST_DRAWN = 2**18  # draws behind colours and contours
_FEWEST_BINNED = 2000  # draws below which a map shows points
_FINER = 16  # places for each point of a curve
_STAR = r"largest allowed $\mu_\nu$"
_TAIL = 5e-4  # share of draws beyond each end of an axis
_TAIL_OF_CONTOURS = 5e-3  # the same, where contours are drawn and no draw
_OFF_SCALE = 2.0  # decades, or widths of the region, by which a map may be stretched for a limit
_FUTURE_OFF_SCALE = 0.5  # the same for a projection


def region_map(
    run: Run,
    across: Sequence[str],
    up: str,
    style: Style = STYLE,
    colour: str = "",
    raw: bool = False,
) -> Figure:
    """`up` against each of `across`: a third quantity in colour, contours, limits.

    Contours hold 68 and 95% of the draws. The colour is the average of `colour` over the draws
    nearby, inside the contours; by default the measure of tuning that speaks for the run,
    without one none. `raw` shows the bins instead: medians of `colour`, or draws per bin.
    The star is the allowed draw of largest mu_nu, where that is on an axis.
    """
    few = run.few(_MOST_DRAWN)
    names = list(dict.fromkeys([*across, up]))
    about = centres([run], names)
    all_of = {name: thinned(run.series(name)).ravel() for name in names}
    draws = {name: on_line(run, name, x, about.get(name)) for name, x in all_of.items()}
    some = {n: on_line(run, n, run.sample(n, few).ravel(), about.get(n)) for n in names}
    scales = {name: scale_of(run, name, some[name]) for name in names}
    inside = {name: scales[name].forward(some[name]) for name in names}
    bounds = {name: bounds_on_line(run, name, scales[name], about) for name in names}
    densities = Densities(inside, bounds)
    limits = limits_on(run, names)
    with matplotlib.rc_context(style):
        figure, panels = _panels(len(across))
        contours = [
            _contours(axes, densities.plane(name, up), scales[name], scales[up])
            for axes, name in zip(panels, across, strict=True)
        ]
        colour = colour or tuning.of(run)
        third = colour, run.sample(colour, few) if colour else None
        _coloured(run, figure, panels, [(inside[n], inside[up]) for n in across],
                  [(scales[n], scales[up]) for n in across], third, contours, raw)  # fmt: skip
        sparse = raw or len(some[up]) < _FEWEST_BINNED
        edges = _edges(across, up, [None if sparse else path for path in contours])
        best = _best(run, names, about)
        ends = {n: _ends(_shown(scales[n], draws[n], edges.get(n)), scales[n], limits[n],
                         best.get(n)) for n in names}  # fmt: skip
        for axes, name in zip(panels, across, strict=True):
            _dressed(run, axes, (name, up), ends, scales, limits, best)
        panels[0].set_ylabel(axis_label(run, up))
        for axes in panels[1:]:
            axes.tick_params("y", labelleft=False)
        figure.suptitle("\n".join([*_headline(run), *_missing(draws, scales)]), fontsize="small")
        legend_below(figure, panels)
    return figure


def _dressed(
    run: Run,
    axes: Axes,
    plane: tuple[str, str],
    ends: Mapping[str, tuple[float, float]],
    scales: dict[str, Scale],
    limits: dict[str, list[Limit]],
    best: Mapping[str, float],
) -> None:
    """Draw limits, curves, scales and, where mu_nu is on an axis, the best draw of one plane."""
    sides: tuple[tuple[Which, str], ...] = ("x", plane[0]), ("y", plane[1])
    for which, n in sides:
        _limit_lines(axes, which, scales[n], ends[n], limits[n])
    _curves(axes, run, plane, scales, ends)
    for which, n in sides:
        scales[n].apply(axes, which, *ends[n], most=5)
    axes.set_xlabel(axis_label(run, plane[0]))
    if best and "mu_nu" in plane:
        look = {"color": "white", "ms": 9, "mec": "black", "ls": "", "zorder": 3.0}
        axes.plot([best[plane[0]]], [best[plane[1]]], marker="*", **look, label=_STAR)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure of one or of two columns, its panels side by side."""
    size = (ONE_COLUMN, 3.5) if count == 1 else (TWO_COLUMNS, 3.5)
    figure = Figure(figsize=size, layout="constrained")
    return figure, [figure.add_subplot(1, count, i + 1) for i in range(count)]


def _contours(axes: Axes, density: Density | None, x: Scale, y: Scale) -> Path | None:
    """Areas and lines of 68 and 95%; the outer area as a path."""
    if density is None:
        return None
    at = x.inverse(density.x), y.inverse(density.y)
    values = density.values
    areas = axes.contourf(*at, values, levels=[*density.levels, np.inf], colors=INSIDE)
    lines = axes.contour(*at, values, levels=density.levels, colors="black", linewidths=0.8)
    lines.set(zorder=2.5)
    lines.set(path_effects=[matplotlib.patheffects.withStroke(linewidth=1.8, foreground="white")])
    axes.plot([], [], color="black", lw=0.8, label="68% and 95% of the draws")
    return Path.make_compound_path(*areas.get_paths())


def _coloured(run, figure, panels, inside, scales, third, contours, raw) -> None:
    """Draw the third quantity in all panels, with one colour bar."""
    name, values = third
    half = np.zeros(0, bool) if values is None else _first_half(values.shape)
    values = None if values is None else values.ravel()
    if values is None and not raw and all(path is not None for path in contours):
        return
    scale = scale_of(run, name, values) if values is not None else Scale("log")
    drawn = []
    for (x, y), path in zip(inside, contours, strict=True):
        keep = np.isfinite(x) & np.isfinite(y)
        z = None if values is None else values[keep]
        if z is not None and keep.sum() < _FEWEST_BINNED:
            drawn.append(colours.points(x[keep], y[keep], z))
        elif z is None or raw or path is None:
            drawn.append(colours.medians(x[keep], y[keep], z))
        else:
            drawn.append(colours.averages(x[keep], y[keep], z, scale, half[keep]))
    norm = colours.norm_of(drawn, scale)
    last = None
    for axes, one, pair, path in zip(panels, drawn, scales, contours, strict=True):
        last = colours.paint(axes, one, pair, norm, None if raw else path)
    label = "draws per bin" if values is None else axis_label(run, name) + drawn[-1].words
    colours.bar(figure, last, panels, label, scale)


def _first_half(shape: tuple[int, int]) -> np.ndarray:
    """True for the draws of the first half of the chains, or of the draws of a single one."""
    chains, draws = shape
    if chains > 1:
        return np.repeat(2 * np.arange(chains) < chains, draws)
    return 2 * np.arange(draws) < draws


def _edges(across: Sequence[str], up: str, areas: Sequence[Path | None]) -> dict[str, np.ndarray]:
    """Points around the outer contours by quantity; none where something else shows the draws."""
    around = {n: np.concatenate(path.to_polygons())
              for n, path in zip(across, areas, strict=True) if path is not None}  # fmt: skip
    found = {name: points[:, 0] for name, points in around.items()}
    if around and all(path is not None for path in areas):
        found[up] = np.concatenate([points[:, 1] for points in around.values()])
    return found


def _shown(scale: Scale, draws: np.ndarray, edge: np.ndarray | None) -> tuple[float, float]:
    """Coordinates of nearly all draws; where there are contours, of these and of most draws."""
    c = scale.forward(draws)
    if edge is None:
        return view(c, _TAIL)
    low, high = view(c, _TAIL_OF_CONTOURS)
    outer = scale.forward(edge)
    return min(low, float(np.min(outer))), max(high, float(np.max(outer)))


def _ends(
    shown: tuple[float, float], scale: Scale, limits: Sequence[Limit], best: float | None
) -> tuple[float, float]:
    """Ends of an axis: what is shown and the best, stretched for limits that are not far away."""
    low, high = shown
    if best is not None:
        at = float(scale.forward(np.array(best)))
        low, high = min(low, at), max(high, at)
    unit = 1.0 if scale.kind == "log" else high - low
    near = []
    for limit in limits:
        reach = unit * (_FUTURE_OFF_SCALE if limit.kind == "future" else _OFF_SCALE)
        at = scale.forward(np.array([limit.low, limit.high]))
        near += [float(x) for x in at if low - reach < x < high + reach]
    low, high = min([low, *near]), max([high, *near])
    pad = 0.05 * (high - low)
    return low - pad, high + pad


def _limit_lines(
    axes: Axes, which: Which, scale: Scale, ends: tuple[float, float], limits: Sequence[Limit]
) -> None:
    """Lines, and hatches over what they exclude; what lies beyond the axis is left out."""
    line, span = (axes.axvline, axes.axvspan) if which == "x" else (axes.axhline, axes.axhspan)
    first, last = (float(x) for x in scale.inverse(np.array(ends)))
    for limit in limits:
        for x in (limit.low, limit.high):
            if math.isfinite(x) and first <= x <= last:
                line(x, label=limit.label, lw=1.2, **limit.look)
        if limit.kind != "limit":
            continue
        hatch = EXCLUDED | {"edgecolor": limit.look["color"], "alpha": 0.3}
        if limit.low > first:
            span(first, min(limit.low, last), **hatch)
        if limit.high < last:
            span(max(limit.high, first), last, **hatch)


def _curves(
    axes: Axes,
    run: Run,
    plane: tuple[str, str],
    scales: Mapping[str, Scale],
    ends: Mapping[str, tuple[float, float]],
) -> None:
    """Limits on a coupling against a mass, where those are the axes and the frame holds them."""
    across, up = plane
    found = [curve for curve in curves_of(run) if curve.requires[:2] == (up, across)]
    for i, curve in enumerate(found):
        outline = curve.outline()
        x, y = (
            _between(scales[n].forward(np.asarray(line)), ends[n])
            for n, line in ((across, outline.mass), (up, outline.coupling))
        )
        if np.any(x & y):
            draw_curve(axes, curve, look_of(curve, i))


def _between(c: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """Tell which of the places along a line through points, also between them, are in a range."""
    where = np.linspace(0.0, len(c) - 1.0, _FINER * len(c))
    fine = np.interp(where, np.arange(len(c)), c)
    return (fine > ends[0]) & (fine < ends[1])


def _best(run: Run, names: Sequence[str], about: Mapping[str, float]) -> dict[str, float]:
    """Values at the allowed draw of largest mu_nu; none where that is on no axis."""
    allowed = run.read("allowed", "target").astype(bool)
    if "mu_nu" not in names or not allowed.any():
        return {}

    def score(part: slice, x: np.ndarray) -> np.ndarray:
        return np.where(allowed[:, part], x, -np.inf)

    chain, draw = highest(run.series("mu_nu").held(), score)
    where = np.array([chain * run.committed + draw])
    return {n: float(on_line(run, n, run.at(n, where), about.get(n))[0]) for n in names}


def _headline(run: Run) -> Iterator[str]:
    """The mass, the part of it that runs, and what cancels: medians."""
    found = [name for name in ("m_nu", "m_nu_rge", "tuning_cancel") if run.has(name)]
    if len(found) < 2:
        return
    few = run.few(_MOST_DRAWN)
    parts = []
    for name in found:
        size = np.nanmedian(np.abs(run.sample(name, few)))
        about = run.about(name)
        shown = tick_label(float(f"{size:.3g}"))
        parts.append(f"${about['latex']}$ {shown} {about['units']}".rstrip())
    yield "Median sizes: " + ", ".join(parts)


def _missing(draws: Mapping[str, np.ndarray], scales: Mapping[str, Scale]) -> Iterator[str]:
    """Draws without a place on an axis are counted, not hidden."""
    lost = {n: int(np.sum(~np.isfinite(scales[n].forward(x)))) for n, x in draws.items()}
    parts = [f"{n}: {lost[n]} of {x.size} draws off the axis" for n, x in draws.items() if lost[n]]
    if parts:
        yield "; ".join(parts)
