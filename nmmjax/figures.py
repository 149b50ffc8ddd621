"""Pictures of a run: corner plot, map of the viable region, traces; png and pdf.

matplotlib's object interface only, no pyplot: nothing global is touched. An axis is linear in
the coordinate in which the parameter's prior is flat.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from scipy.ndimage import gaussian_filter

from nmmjax.results import Run
from nmmjax.samplers import diagnostics

type Which = Literal["x", "y"]

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 7.2,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "image.cmap": "viridis",
    "savefig.dpi": 150,
}
HDR_MASSES = (0.68, 0.95)
_BINS = 40
_SMOOTHING = 1.0  # bins; widens a Gaussian of seven bins by one percent
_TAIL = 5e-4  # share of draws beyond each end of an axis
_MOST_POINTS = 100_000
_TRACE_POINTS = 500
_ONE_DECADE = 0.85  # decades below which an axis gets round numbers for ticks
_OFF_SCALE = 2.0  # decades by which a map may be stretched to show a limit
_UNITS = {"mu_B": r"$\mu_B$", "eV^2": "eV$^2$", "GeV^2": "GeV$^2$", "GeV^4": "GeV$^4$"}
_LIMIT_COLOURS = ("black", "#d55e00", "#cc79a7", "#0072b2")
_LIMIT_DASHES = ("-", "--", "-.", ":")
_COLOURS = ("#440154", "#31688e", "#35b779", "#d8b512")  # viridis, its yellow darkened


@dataclasses.dataclass(frozen=True)
class Scale:
    """The coordinate in which an axis is linear: "linear", "log" (log10) or "asinh" (x/width)."""

    kind: str = "linear"
    width: float = 1.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        match self.kind:
            case "log":
                return np.log10(x)
            case "asinh":
                return np.arcsinh(x / self.width)
            case _:
                return x

    def inverse(self, c: np.ndarray) -> np.ndarray:
        match self.kind:
            case "log":
                return 10.0**c
            case "asinh":
                return self.width * np.sinh(c)
            case _:
                return c

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """Tick values between two coordinates."""
        match self.kind:
            case "log":
                found = _log_ticks(low, high, most)
            case "asinh":
                decades = np.log10(
                    [self.width, np.max(np.abs(self.inverse(np.array([low, high]))))]
                )
                ends = 10.0 ** np.array([round(decades.mean()), math.floor(decades[1])])
                found = [*(-ends), 0.0, *ends]
            case _:
                found = _round_numbers(low, high, most)
        margin = 1e-9 * (high - low)
        c = self.forward(np.array(found))
        return [x for x, at in zip(found, c, strict=True) if low - margin <= at <= high + margin]

    def apply(self, axes: Axes, which: Which, low: float, high: float, most: int = 3) -> None:
        """Scale, limits (coordinates) and ticks of the "x" or "y" axis."""
        width = {"linear_width": self.width} if self.kind == "asinh" else {}
        set_scale, set_limits = (getattr(axes, f"set_{which}{part}") for part in ("scale", "lim"))
        set_scale(self.kind, **width)
        set_limits(*self.inverse(np.array([low, high])))
        values = self.ticks(low, high, most)
        axis = getattr(axes, f"{which}axis")
        axis.set_major_locator(FixedLocator(values))
        axis.set_major_formatter(FixedFormatter([_number(x) for x in values]))
        axis.set_minor_locator(NullLocator())


@dataclasses.dataclass(frozen=True)
class Limit:
    """The interval a constraint leaves to its observable (infinite ends: open), and a label."""

    low: float
    high: float
    label: str
    excludes: bool = True
    look: dict[str, Any] = dataclasses.field(default_factory=dict)


def corner(run: Run) -> Figure:
    """Marginals of every sampled parameter and of every pair, with 68 and 95% contours."""
    panels = {name: _panel(run, name) for name in run.sampled}
    n = len(panels)
    with matplotlib.rc_context(STYLE):
        width, height = 1.15 + 1.2 * n, 1.5 + 1.2 * n  # inches
        figure = Figure(figsize=(width, height))
        grid = figure.add_gridspec(n, n, wspace=0.07, hspace=0.07)
        figure.subplots_adjust(0.95 / width, 0.85 / height, 1.0 - 0.2 / width, 1.0 - 0.65 / height)
        for row, below in enumerate(panels.values()):
            for column, left in enumerate([*panels.values()][: row + 1]):
                axes = figure.add_subplot(grid[row, column])
                if row == column:
                    _marginal(axes, below)
                else:
                    _pair(axes, left, below)
                left.scale.apply(axes, "x", *left.ends)
                _label_outer(axes, "x", left.label if row == n - 1 else "")
                _label_outer(axes, "y", below.label if column == 0 and row > 0 else "")
        caption = "Above each column: median (5%, 95%)\nContours: 68% and 95% of the draws"
        figure.text(1.0 - 0.2 / width, 1.0 - 0.65 / height, caption, ha="right", va="top")
    return figure


def region_map(run: Run) -> Figure:
    """mu_nu against m_nu and against a heavy mass: median fine tuning in colour, limits drawn."""
    mass = next((n for n in run.sampled if _about(run, n)["units"] == "GeV"), None)
    across = [name for name in ("m_nu", mass) if name is not None]
    names = [*across, "mu_nu", "tuning_bg"]
    draws = {name: run.read(name).ravel() for name in names if run.has(name)}
    allowed = run.read("allowed", "target").ravel().astype(bool)
    best = int(np.argmax(np.where(allowed, draws["mu_nu"], -np.inf)))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.3 + 4.0 * len(across), 4.6))
        grid = figure.add_gridspec(
            1, len(across) + 1, width_ratios=[*(20.0 for _ in across), 0.8], wspace=0.08
        )
        figure.subplots_adjust(left=0.09, right=0.91, bottom=0.24, top=0.96)
        limits = _all_limits(run, [*across, "mu_nu"])
        panels = [figure.add_subplot(grid[0, i]) for i in range(len(across))]
        _map_colours(figure, panels, figure.add_subplot(grid[0, -1]), across, draws)
        for axes, name in zip(panels, across, strict=True):
            _map_axis(axes, "x", draws[name], limits[name], _axis_label(run, name))
            _map_axis(axes, "y", draws["mu_nu"], limits["mu_nu"], _axis_label(run, "mu_nu"))
            if allowed.any():
                axes.plot(
                    draws[name][best], draws["mu_nu"][best], "*", color="white", ms=11, mec="black",
                    label="largest allowed $\\mu_\\nu$",
                )  # fmt: skip
        for axes in panels[1:]:
            axes.set_ylabel("")
            axes.tick_params("y", labelleft=False)
        _legend(figure, panels)
    return figure


def trace(run: Run) -> Figure:
    """Ensemble means of every sampled parameter and of the log density against stored draw."""
    names = [*run.sampled, "lp"]
    step = -(-run.committed // _TRACE_POINTS)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 1.0 + 1.35 * -(-len(names) // 2)))
        grid = figure.add_gridspec(-(-len(names) // 2), 2, hspace=0.22, wspace=0.36)
        figure.subplots_adjust(left=0.125, right=0.98, top=0.93, bottom=0.08)
        figure.suptitle("Means of each ensemble, one line per ensemble", fontsize=9)
        for i, name in enumerate(names):
            axes = figure.add_subplot(grid[i // 2, i % 2])
            draws = run.read(name, "sample_stats" if name == "lp" else "posterior")
            scale = Scale() if name == "lp" else _scale(run, name)
            _ensemble_means(axes, scale, draws, run.ensemble, step)
            axes.set_ylabel("ln density" if name == "lp" else _axis_label(run, name))
            axes.yaxis.set_label_coords(-0.19, 0.5)
            axes.set_title(
                f"$\\hat R$ = {diagnostics.rhat(draws, run.ensemble):.3f}", loc="right", pad=3
            )
            axes.set_xlim(0, max(run.committed - 1, 1))
            if i >= len(names) - 2:
                axes.set_xlabel("stored draw")
            else:
                axes.tick_params("x", labelbottom=False)
    return figure


def draw_all(run: Run) -> dict[str, Figure]:
    """Every figure that the run has the quantities for, by name."""
    figures = {"corner": corner(run), "trace": trace(run)}
    if run.has("mu_nu") and run.has("m_nu"):
        figures["region_map"] = region_map(run)
    return figures


def save_all(run: Run, directory: pathlib.Path) -> list[pathlib.Path]:
    """Save every figure as png and pdf; returns the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in draw_all(run).items():
        for suffix in ("png", "pdf"):
            paths.append(directory / f"{name}.{suffix}")
            with matplotlib.rc_context(STYLE):
                figure.savefig(paths[-1])
    return paths


def hdr_levels(density: np.ndarray, masses: Sequence[float] = HDR_MASSES) -> list[float]:
    """Density levels whose superlevel sets hold the given shares of the total, ascending."""
    ordered = np.sort(density.ravel())[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    return sorted(float(ordered[np.searchsorted(held, mass)]) for mass in masses)


@dataclasses.dataclass(frozen=True)
class _Panel:
    """One parameter of the corner plot, binned once for all its panels."""

    label: str
    scale: Scale
    ends: tuple[float, float]  # coordinates
    index: np.ndarray  # bin of every draw, in one flat array
    quantiles: np.ndarray  # at 5, 50 and 95%, of the parameter itself


def _panel(run: Run, name: str) -> _Panel:
    scale = _scale(run, name)
    values = run.read(name).ravel()
    c = scale.forward(values)
    ends = _view(c, _TAIL)
    quantiles = np.quantile(values, (0.05, 0.5, 0.95))
    return _Panel(_axis_label(run, name), scale, ends, _bin(c, ends, _BINS), quantiles)


def _view(c: np.ndarray, tail: float = 0.0) -> tuple[float, float]:
    """Ends of an axis that leaves out a share `tail` on either side; never an empty interval."""
    low, high = (float(x) for x in np.quantile(c, (tail, 1.0 - tail)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _bin(c: np.ndarray, ends: tuple[float, float], bins: int) -> np.ndarray:
    """Bin of every draw; those beyond the ends fall into one more bin, number `bins`."""
    low, high = ends
    index = np.minimum(((c - low) / (high - low) * bins).astype(int), bins - 1)
    return np.where((c >= low) & (c <= high), index, bins)


def _marginal(axes: Axes, panel: _Panel) -> None:
    counts = np.bincount(panel.index, minlength=_BINS + 1)[:_BINS]
    edges = panel.scale.inverse(np.linspace(*panel.ends, _BINS + 1))
    axes.stairs(counts, edges, fill=True, color=_COLOURS[1], alpha=0.8)
    axes.set_ylim(0.0, 1.08 * counts.max())
    axes.yaxis.set_major_locator(NullLocator())
    low, middle, high = (_short(x) for x in panel.quantiles)
    axes.set_title(f"{panel.label}\n{middle}\n({low}, {high})", pad=4)


def _pair(axes: Axes, left: _Panel, below: _Panel) -> None:
    flat = np.bincount(below.index * (_BINS + 1) + left.index, minlength=(_BINS + 1) ** 2)
    counts = flat.reshape(_BINS + 1, _BINS + 1)[:_BINS, :_BINS].astype(float)
    density = np.pad(gaussian_filter(counts, _SMOOTHING, mode="constant"), 1)
    levels = hdr_levels(density)
    shown = np.ma.masked_equal(counts, 0.0)
    colours = matplotlib.colormaps["viridis_r"].with_extremes(under="0.9")
    # Bins are uniform in the coordinates, so an image in axes coordinates fits any scale.
    axes.imshow(
        shown, cmap=colours, vmin=levels[0], vmax=max(counts.max(), levels[0] + 1.0),
        extent=(0.0, 1.0, 0.0, 1.0), transform=axes.transAxes, origin="lower", aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    axes.contour(
        *(_centres(panel) for panel in (left, below)), density, levels=levels,
        colors=["black", "white"], linewidths=0.8,
    )  # fmt: skip
    below.scale.apply(axes, "y", *below.ends)


def _centres(panel: _Panel) -> np.ndarray:
    """Bin centres, with one more on either side where the density is set to 0."""
    low, high = panel.ends
    return panel.scale.inverse(low + (np.arange(_BINS + 2) - 0.5) * (high - low) / _BINS)


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


def _map_colours(
    figure: Figure, panels: list[Axes], bar: Axes, across: list[str], draws: dict[str, np.ndarray]
) -> None:
    """Median tuning per bin (draws per bin where no tuning is stored) with a log colour bar."""
    step = -(-len(draws["mu_nu"]) // _MOST_POINTS)
    thinned = {name: values[::step] for name, values in draws.items()}
    grids = [_binned(thinned[x], thinned["mu_nu"], thinned.get("tuning_bg")) for x in across]
    finite = np.concatenate([g[2].compressed() for g in grids])
    finite = finite[np.isfinite(finite)]
    norm = LogNorm(finite.min(), max(finite.max(), 1.001 * finite.min()))
    for axes, (x, y, values) in zip(panels, grids, strict=True):
        mesh = axes.pcolormesh(x, y, values, norm=norm, rasterized=True)
    text = "median $\\Delta_{\\mathrm{BG}}$ per bin" if "tuning_bg" in draws else "draws per bin"
    figure.colorbar(mesh, cax=bar, label=text)


def _binned(
    x: np.ndarray, y: np.ndarray, colour: np.ndarray | None, bins: int = 70
) -> tuple[np.ndarray, np.ndarray, np.ma.MaskedArray]:
    """(x edges, y edges, median of `colour` per bin) in log x, log y; counts if it is None."""
    positive = (x > 0.0) & (y > 0.0)
    edges, index = [], np.zeros(int(positive.sum()), dtype=int)
    for values in (y, x):
        c = np.log10(values[positive])
        ends = _view(c)
        edges.append(10.0 ** np.linspace(*ends, bins + 1))
        index = index * bins + _bin(c, ends, bins)
    weight = np.ones_like(index, dtype=float) if colour is None else colour[positive]
    order = np.lexsort((weight, index))
    cells, starts, counts = np.unique(index[order], return_index=True, return_counts=True)
    ranked = weight[order]
    middle = 0.5 * (ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2])
    grid = np.ma.masked_all(bins * bins)
    grid[cells] = counts if colour is None else middle
    return edges[1], edges[0], grid.reshape(bins, bins)


def _map_axis(
    axes: Axes, which: Which, values: np.ndarray, limits: list[Limit], label: str
) -> None:
    """Log axis over the draws, stretched to show limits; what a limit excludes is shaded."""
    low, high = _view(np.log10(values[values > 0.0]))
    bounds = [math.log10(x) for lim in limits for x in (lim.low, lim.high) if 0.0 < x < math.inf]
    near = [x for x in bounds if low - _OFF_SCALE < x < high + _OFF_SCALE]
    pad = 0.05 * (max([high, *near]) - min([low, *near]))
    low, high = min([low, *near]) - pad, max([high, *near]) + pad
    line, span = (axes.axvline, axes.axvspan) if which == "x" else (axes.axhline, axes.axhspan)
    for limit in limits:
        ends = [x for x in (limit.low, limit.high) if 0.0 < x < math.inf]
        hidden = not any(low <= math.log10(x) <= high for x in ends)
        for x in ends:
            line(x, label=f"{limit.label}{', off scale' if hidden else ''}", lw=1.2, **limit.look)
        if limit.excludes and limit.low > 0.0:
            span(10.0**low / 10.0, limit.low, color="black", alpha=0.07, lw=0)
        if limit.excludes and limit.high < math.inf:
            span(limit.high, 10.0**high * 10.0, color="black", alpha=0.07, lw=0)
    Scale("log").apply(axes, which, low, high, most=6)
    getattr(axes, f"set_{which}label")(label)


def _all_limits(run: Run, names: list[str]) -> dict[str, list[Limit]]:
    """Limits per axis, each with a look of its own."""
    found = [(name, limit) for name in names for limit in _limits(run, name)]
    looks = [
        {"color": _LIMIT_COLOURS[i % 4], "ls": _LIMIT_DASHES[i // 4 % 4]} for i in range(len(found))
    ]
    pairs = zip(found, looks, strict=True)
    dressed = [(n, dataclasses.replace(limit, look=look)) for (n, limit), look in pairs]
    return {name: [limit for n, limit in dressed if n == name] for name in names}


def _limits(run: Run, name: str) -> Iterator[Limit]:
    """Limits and wishes on `name`, or on an observable equal to it at every draw."""
    physics = run.resolved["physics"]
    for key, term in (physics.get("constraints", {}) | physics.get("prefer", {})).items():
        observable, *others = term["requires"]
        if others or not run.has(observable):
            continue
        if observable == name or np.array_equal(run.read(observable), run.read(name)):
            yield from _limit(key, term)


def _limit(name: str, term: dict[str, Any]) -> Iterator[Limit]:
    """The interval that a constraint as resolved allows; none if its shape has no ends."""
    label = f"{name}, {100.0 * term['cl']:g}% CL" if "cl" in term else name
    match term:
        case {"shape": "LowerLimit", "value": value}:
            yield Limit(value, math.inf, label)
        case {"shape": "UpperLimit" | "SmoothBound", "value": value}:
            yield Limit(0.0, value, label)
        case {"shape": "UpperLimitBand", "value": [_, value]}:
            yield Limit(0.0, value, label)
        case {"shape": "Measurement", "value": value}:
            root = 1.0 / term["power"]
            low = value - 2.0 * math.hypot(term["sigma_minus"], term["theory_sigma"])
            high = value + 2.0 * math.hypot(term["sigma_plus"], term["theory_sigma"])
            yield Limit(max(low, 0.0) ** root, max(high, 0.0) ** root, f"{label}, ±2σ")
        case {"shape": "Prefer"}:
            ends = term.get("above", 0.0), term.get("below", math.inf)
            yield Limit(*ends, f"wish, {term['width_dex']:g} dex wide", excludes=False)


def _legend(figure: Figure, panels: list[Axes]) -> None:
    """One entry per label, below the panels."""
    pairs = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels]
    entries = {label: handle for pair in pairs for handle, label in pair}
    figure.legend(entries.values(), entries, loc="lower center", ncols=min(len(entries), 3))


def _ensemble_means(
    axes: Axes, scale: Scale, draws: np.ndarray, ensemble: np.ndarray, step: int
) -> None:
    """One line per ensemble: the mean over its chains of the coordinate, in parameter units."""
    c = scale.forward(draws[:, ::step])
    where = np.arange(c.shape[1]) * step
    means = [c[ensemble == e].mean(axis=0) for e in np.unique(ensemble)]
    for i, mean in enumerate(means):
        axes.plot(where, scale.inverse(mean), color=_COLOURS[i % 4], lw=0.9)
    low, high = min(m.min() for m in means), max(m.max() for m in means)
    pad = 0.08 * (high - low) or 0.5
    scale.apply(axes, "y", low - pad, high + pad)


def _scale(run: Run, name: str) -> Scale:
    """The scale in which the parameter's prior is flat."""
    prior = run.resolved["physics"]["priors"].get(name)
    match prior:
        case {"log_uniform": _}:
            return Scale("log")
        case {"signed_log": [width, _]}:
            return Scale("asinh", float(width))
        case _:
            return Scale()


def _about(run: Run, name: str) -> dict[str, str]:
    return run.variables["posterior"][name]


def _axis_label(run: Run, name: str) -> str:
    """LaTeX name with its unit in brackets; a dimensionless quantity has none."""
    about = _about(run, name)
    unit = _UNITS.get(about["units"], about["units"])
    return f"${about['latex']}$" + (f" [{unit}]" if unit else "")


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers below a decade, else 1-2-5 or 1-3 steps or decades: the finest that fit."""
    if high - low < _ONE_DECADE:
        return [x for x in _round_numbers(10.0**low, 10.0**high, most) if x > 0.0]
    decades = range(math.floor(low), math.ceil(high) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [float(f"{m}e{k}") for k in decades for m in mantissas]
        inside = [x for x in found if low <= math.log10(x) <= high]
        if len(inside) <= most:
            return inside
    step = -(-len(inside) // most)
    return [x for x in inside if round(math.log10(x)) % step == 0]


def _round_numbers(low: float, high: float, most: int) -> list[float]:
    steps = [1.0, 2.0, 2.5, 5.0, 10.0]
    return [float(x) for x in MaxNLocator(most, steps=steps).tick_values(low, high)]


def _number(x: float) -> str:
    """A tick label: 0.05, -12, or mathtext such as 3 x 10^-12."""
    if x == 0.0 or 1e-2 <= abs(x) < 1e4:
        return f"{x:.6g}".replace("-", "\N{MINUS SIGN}")
    mantissa, exponent = f"{x:.5e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = f"10^{{{int(exponent)}}}"
    factor = {"1": "", "-1": "-"}.get(mantissa, f"{mantissa}\\times")
    return f"${factor}{power}$"


def _short(x: float) -> str:
    """Two digits, for a panel's title: 0.05, 4300, 2.5e-14."""
    mantissa, e, exponent = f"{float(f'{x:.1e}'):.5g}".partition("e")
    mantissa = mantissa.replace("-", "\N{MINUS SIGN}")
    return f"{mantissa}{e}{int(exponent) if e else ''}"
