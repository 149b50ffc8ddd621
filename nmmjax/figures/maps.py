"""Maps of the viable region: two quantities, fine tuning in colour, contours and limits."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.patheffects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from nmmjax.constraints.base import Constraint
from nmmjax.figures.axes import STYLE, Scale, Style, Which, axis_label, bin_of, scale_of, view
from nmmjax.figures.curves import draw_curve
from nmmjax.figures.limit_lines import Limit, curves_of, limits_on
from nmmjax.results.rundir import Run

HDR_MASSES = (0.68, 0.95)
_TUNINGS = ("tuning_bg", "tuning_cancel")
_BINS = 70
_DRAWS_A_BIN = 25  # at least, on average, for contours
_FEWEST_BINS = 20
_FEWEST_CONTOURED = 100
_SMOOTHING = 1.0  # bins; widens a Gaussian of seven bins by one percent
_MOST_COLOURED = 2**18  # draws whose medians colour the map
_FEWEST_BINNED = 2000  # draws below which a map shows points
_TAIL = 1e-4  # share of draws beyond each end of the grid for contours
_OFF_SCALE = 2.0  # decades, or widths of the region, by which a map may be stretched for a limit
_FUTURE_OFF_SCALE = 0.5  # the same for a projection
_CURVE_COLOURS = ("#d55e00", "#cc79a7", "#0072b2", "#009e73", "#56b4e9", "#e69f00")


def region_map(run: Run, across: Sequence[str], up: str, style: Style = STYLE) -> Figure:
    """`up` against each of `across`: median fine tuning per bin, contours, limits.

    Contours hold 68 and 95% of the draws. Without a measure of tuning that is positive at most
    draws the map shows draws per bin. The star is the allowed draw of largest mu_nu, where that
    is on an axis.
    """
    draws = {name: run.read(name).ravel() for name in (*across, up)}
    some = run.few(_MOST_COLOURED)
    scales = {name: scale_of(run, name, run.read(name, chains=some)) for name in draws}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(1.3 + 4.0 * len(across), 4.8))
        grid = figure.add_gridspec(
            1, len(across) + 1, width_ratios=[*(20.0 for _ in across), 0.8], wspace=0.08
        )
        width = figure.get_figwidth()
        figure.subplots_adjust(left=0.75 / width, right=1.0 - 0.8 / width, top=0.94)
        panels = [figure.add_subplot(grid[0, i]) for i in range(len(across))]
        bar = figure.add_subplot(grid[0, -1])
        _colours(run, figure, panels, bar, across, up, scales)
        limits = limits_on(run, [*dict.fromkeys([*across, up])])
        for axes, name in zip(panels, across, strict=True):
            ends = {n: _ends(scales[n].forward(draws[n]), scales[n], limits[n]) for n in (name, up)}
            _contours(axes, [(draws[n], scales[n], ends[n]) for n in (name, up)])
            sides: tuple[tuple[Which, str], ...] = ("x", name), ("y", up)
            for which, n in sides:
                _limit_lines(axes, which, scales[n], ends[n], limits[n])
            _curves(axes, run, name, up)
            for which, n in sides:
                scales[n].apply(axes, which, *ends[n], most=6)
            axes.set_xlabel(axis_label(run, name))
            _star(axes, run, draws, name, up)
        panels[0].set_ylabel(axis_label(run, up))
        for axes in panels[1:]:
            axes.tick_params("y", labelleft=False)
        _legend(figure, panels)
        _headline(figure, run)
        _missing(figure, draws, scales)
    return figure


def hdr_levels(density: np.ndarray, masses: Sequence[float] = HDR_MASSES) -> list[float]:
    """Density levels whose superlevel sets hold the given shares of the total, ascending."""
    ordered = np.sort(density.ravel())[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    return sorted(float(ordered[np.searchsorted(held, mass)]) for mass in masses)


def smoothed(x: np.ndarray, y: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """(counts, density) over (y bin, x bin) of bin numbers, the density padded with a rim of 0.

    Smoothing reflects at the ends: at a hard edge of the prior the density does not fall.
    """
    flat = np.bincount(y * (bins + 1) + x, minlength=(bins + 1) ** 2)
    counts = flat.reshape(bins + 1, bins + 1)[:bins, :bins].astype(float)
    return counts, np.pad(gaussian_filter(counts, _SMOOTHING, mode="reflect"), 1)


def centres(scale: Scale, ends: tuple[float, float], bins: int) -> np.ndarray:
    """Bin centres, with one more on either side where the density is set to 0."""
    low, high = ends
    return scale.inverse(low + (np.arange(bins + 2) - 0.5) * (high - low) / bins)


def _colours(
    run: Run,
    figure: Figure,
    panels: Sequence[Axes],
    bar: Axes,
    across: Sequence[str],
    up: str,
    scales: Mapping[str, Scale],
) -> None:
    """Points or bins with a log colour bar that all panels share."""
    few = run.few(_MOST_COLOURED)
    draws = {n: scales[n].forward(run.read(n, chains=few).ravel()) for n in (*across, up)}
    colour, weight = _tuning(run, few)
    shown = []
    for name in across:
        keep = np.isfinite(draws[name]) & np.isfinite(draws[up])
        chosen = (draws[name][keep], draws[up][keep], None if weight is None else weight[keep])
        few_points = weight is not None and keep.sum() < _FEWEST_BINNED
        shown.append(chosen if few_points else _binned(*chosen))
    values = np.concatenate([np.ma.compressed(z) for *_, z in shown])
    values = values[np.isfinite(values) & (values > 0.0)]
    low, high = (float(values.min()), float(values.max())) if values.size else (1.0, 1.0)
    norm = LogNorm(low, max(high, 1.001 * low), clip=True)
    drawn = []
    for axes, name, (x, y, z) in zip(panels, across, shown, strict=True):
        at = scales[name].inverse(x), scales[up].inverse(y)
        if np.ndim(z) == 2:
            drawn.append(axes.pcolormesh(*at, z, norm=norm, rasterized=True))
        else:
            drawn.append(axes.scatter(*at, c=z, s=4.0, lw=0, norm=norm, rasterized=True))
    text = f"median {axis_label(run, colour)} per bin" if colour else "draws per bin"
    figure.colorbar(drawn[-1], cax=bar, label=text)


def _tuning(run: Run, few: np.ndarray) -> tuple[str, np.ndarray | None]:
    """The first measure of fine tuning that is positive at most draws, and its values."""
    for name in _TUNINGS:
        if run.has(name):
            values = run.read(name, chains=few).ravel()
            if np.median(values) > 0.0:
                return name, values
    return "", None


def _binned(
    x: np.ndarray, y: np.ndarray, colour: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ma.MaskedArray]:
    """(x edges, y edges, median of `colour` per bin), in coordinates; counts if it is None."""
    edges, index = [], np.zeros(len(x), dtype=int)
    for c in (y, x):
        ends = view(c)
        edges.append(np.linspace(*ends, _BINS + 1))
        index = index * _BINS + bin_of(c, ends, _BINS)
    weight = np.ones(len(x)) if colour is None else colour
    order = np.lexsort((weight, index))
    cells, starts, counts = np.unique(index[order], return_index=True, return_counts=True)
    ranked = weight[order]
    middle = 0.5 * (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2])
    grid = np.ma.masked_all(_BINS * _BINS)
    grid[cells] = counts if colour is None else middle
    return edges[1], edges[0], grid.reshape(_BINS, _BINS)


def _contours(axes: Axes, sides: Sequence[tuple[np.ndarray, Scale, tuple[float, float]]]) -> None:
    """68 and 95% highest-density contours of all draws."""
    inner = [(scale.forward(x), scale) for x, scale, _ in sides]
    finite = np.isfinite(inner[0][0]) & np.isfinite(inner[1][0])
    if finite.sum() < _FEWEST_CONTOURED or any(np.ptp(c[finite]) == 0.0 for c, _ in inner):
        return
    ends = [view(c[finite], _TAIL) for c, _ in inner]
    bins = int(np.clip(math.sqrt(finite.sum() / _DRAWS_A_BIN), _FEWEST_BINS, _BINS))
    x, y = (bin_of(c[finite], e, bins) for (c, _), e in zip(inner, ends, strict=True))
    _, density = smoothed(x, y, bins)
    levels = hdr_levels(density)
    if not 0.0 < levels[0] < levels[1]:
        return
    at = (centres(scale, e, bins) for (_, scale), e in zip(inner, ends, strict=True))
    lines = axes.contour(*at, density, levels=levels, colors="black", linewidths=0.8)
    lines.set(path_effects=[matplotlib.patheffects.withStroke(linewidth=2.2, foreground="white")])
    axes.plot([], [], color="black", lw=0.8, label="68% and 95% of the draws")


def _ends(c: np.ndarray, scale: Scale, limits: Sequence[Limit]) -> tuple[float, float]:
    """Ends of an axis: the draws, stretched to show limits that are not far away."""
    low, high = view(c)
    unit = 1.0 if scale.kind == "log" else high - low
    near = []
    for limit in limits:
        reach = unit * (_FUTURE_OFF_SCALE if limit.future else _OFF_SCALE)
        at = scale.forward(np.array([limit.low, limit.high]))
        near += [float(x) for x in at if low - reach < x < high + reach]
    low, high = min([low, *near]), max([high, *near])
    pad = 0.05 * (high - low)
    return low - pad, high + pad


def _limit_lines(
    axes: Axes, which: Which, scale: Scale, ends: tuple[float, float], limits: Sequence[Limit]
) -> None:
    """Lines, and shades over what they exclude."""
    line, span = (axes.axvline, axes.axvspan) if which == "x" else (axes.axhline, axes.axhspan)
    first, last = (float(x) for x in scale.inverse(np.array(ends)))
    for limit in limits:
        sides = [x for x in (limit.low, limit.high) if math.isfinite(x)]
        sides = [x for x in sides if x > 0.0 or scale.kind != "log"]
        hidden = not any(first <= x <= last for x in sides)
        for x in sides:
            line(x, label=f"{limit.label}{', off scale' if hidden else ''}", lw=1.2, **limit.look)
        if limit.excludes and limit.low > first:
            span(first, min(limit.low, last), color="black", alpha=0.07, lw=0)
        if limit.excludes and limit.high < last:
            span(max(limit.high, first), last, color="black", alpha=0.07, lw=0)


def _curves(axes: Axes, run: Run, across: str, up: str) -> None:
    """Limits on a coupling against a mass, where those are the axes."""
    found = [curve for curve in curves_of(run) if curve.requires[:2] == (up, across)]
    for i, curve in enumerate(found):
        draw_curve(axes, curve, {"color": _CURVE_COLOURS[i % 6], "ls": _dash(curve)})


def _dash(curve: Constraint) -> str:
    return ":" if curve.source.use == "projection" else "-"


def _star(axes: Axes, run: Run, draws: Mapping[str, np.ndarray], across: str, up: str) -> None:
    if "mu_nu" not in (across, up):
        return
    allowed = run.read("allowed", "target").ravel().astype(bool)
    if not allowed.any():
        return
    best = int(np.argmax(np.where(allowed, draws["mu_nu"], -np.inf)))
    look = {"color": "white", "ms": 11, "mec": "black", "ls": ""}
    at = [draws[across][best]], [draws[up][best]]
    axes.plot(*at, marker="*", label="largest allowed $\\mu_\\nu$", **look)


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One entry per label, below the panels."""
    pairs = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels]
    entries = {label: handle for pair in pairs for handle, label in pair}
    columns = max(min(len(entries), 2 * len(panels) - (len(panels) > 1)), 1)
    figure.legend(entries.values(), entries, loc="lower center", ncols=columns)
    rows = -(-len(entries) // columns)
    figure.subplots_adjust(bottom=(0.65 + 0.19 * rows) / figure.get_figheight())


def _headline(figure: Figure, run: Run) -> None:
    """The mass, the part of it that runs, and what cancels: medians, above the panels."""
    shown = [name for name in ("m_nu", "m_nu_rge", "tuning_cancel") if run.has(name)]
    if len(shown) < 2:
        return
    few = run.few(_MOST_COLOURED)
    parts = []
    for name in shown:
        size = np.nanmedian(np.abs(run.read(name, chains=few)))
        about = run.about(name)
        parts.append(f"${about['latex']}$ {size:.3g} {about['units']}".rstrip())
    text = "Median sizes: " + ", ".join(parts)
    figure.text(0.01, 0.985, text, ha="left", va="top", fontsize="small")


def _missing(figure: Figure, draws: Mapping[str, np.ndarray], scales: Mapping[str, Scale]) -> None:
    """Draws without a place on an axis are counted, not hidden."""
    lost = {n: int(np.sum(~np.isfinite(scales[n].forward(x)))) for n, x in draws.items()}
    parts = [f"{n}: {lost[n]} of {x.size} draws off the axis" for n, x in draws.items() if lost[n]]
    if parts:
        figure.text(0.99, 0.985, "; ".join(parts), ha="right", va="top", fontsize="small")
