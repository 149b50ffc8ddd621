"""Picture of a frontier: the extreme value in every cell as heat map and contours, tuning beside.

Cells where no allowed point was found are hatched. A profile likelihood is drawn as ln L below its
maximum, with the contours of 68.3 and 95.4% of two degrees of freedom.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.patheffects import AbstractPathEffect, withStroke

from nmmjax.catalogue import known_or_bare
from nmmjax.errors import InputError
from nmmjax.figures.axes import Scale, Which, short, tick_label
from nmmjax.figures.style import EMPTY, ONE_COLUMN, STYLE, TWO_COLUMNS, Style
from nmmjax.results import tables, tuning
from nmmjax.results.rundir import Run

_PROFILE_LEVELS = {-3.09: "95.4%", -1.148: "68.3%"}
_DEEPEST = -12.0  # of ln L below its maximum: the end of the colours
_UNITS = {"mu_B": r"$\mu_B$"}


def frontier_figure(run: Run, style: Style = STYLE) -> Figure:
    """Draw the map that the engine `frontier` made.

    Raises InputError for a run of another engine, and for a map without an allowed cell.
    """
    table = run.table("frontier")
    if not table:
        raise InputError(f"'{run.directory}' holds no frontier: its engine was another")
    found = tables.progress(run)
    so_far = "" if found is None or found.finished else f"stopped after {found}: not finished"
    about = run.described("frontier")
    return draw_frontier(table, run.resolved["sampling"]["engine"], about, style, so_far)


def draw_frontier(
    table: Mapping[str, np.ndarray],
    asked: Mapping[str, Any],
    about: Mapping[str, Mapping[str, str]],
    style: Style = STYLE,
    so_far: str = "",
) -> Figure:
    """Draw the map of a frontier from the arrays of the table.

    asked  options of the engine: x, y, x_scale, y_scale, objective, kind, scale
    about  units and latex by name; the catalogue of observables stands in for what is missing
    so_far how far an unfinished search has got, for the title
    """
    feasible = table["feasible"] == 1
    if not feasible.any():
        raise InputError("no cell of the frontier holds an allowed point: nothing to draw")
    profile = asked["kind"] == "profile"
    value = np.ma.masked_array(table["value"], ~feasible)
    maps = [(value - value.max(), r"$\Delta \ln L$", False)]
    if not profile:
        label = f"{asked['kind']} {_label(asked['objective'], about)}"
        maps = [(value, label, asked["scale"] == "log")]
    measures = {n: float(np.median(table[n][feasible])) for n in tuning.MEASURES if n in table}
    if name := tuning.chosen(measures):
        cost = np.ma.masked_array(table[name], ~feasible)
        maps.append((cost, f"{_label(name, about)} there", bool(np.all(cost > 0.0))))
    with matplotlib.rc_context(style):
        layout = ConstrainedLayoutEngine(wspace=0.04)
        figure = Figure(figsize=(ONE_COLUMN if len(maps) == 1 else TWO_COLUMNS, 3.2), layout=layout)
        panels = np.ravel(figure.subplots(1, len(maps), sharey=True, squeeze=False))
        for axes, (values, label, log) in zip(panels, maps, strict=True):
            _panel(figure, axes, table, asked, values, label, log)
            axes.set_xlabel(_label(asked["x"], about))
        panels[0].set_ylabel(_label(asked["y"], about))
        _contours(panels[0], table, asked, maps[0][0], maps[0][2], profile)
        if so_far:
            figure.suptitle(so_far)
        if not feasible.all():
            label = "no allowed point found" + (" so far" if so_far else "")
            mark = Patch(**EMPTY, label=label)
            figure.legend(handles=[mark], loc="outside lower center")
    return figure


def _panel(
    figure: Figure,
    axes: Axes,
    table: Mapping[str, np.ndarray],
    asked: Mapping[str, Any],
    values: np.ma.MaskedArray,
    label: str,
    log: bool,
) -> None:
    low, high = float(values.min()), float(values.max())
    if label.startswith("$\\Delta"):
        low = max(low, _DEEPEST)
    if low == high:
        low, high = (0.9 * low, 1.1 * high) if log else (low - 0.5, high + 0.5)
    norm = (LogNorm if log else Normalize)(low, high)
    mesh = axes.pcolormesh(table["x_edges"], table["y_edges"], values, norm=norm, rasterized=True)
    axes.patch.set(**EMPTY)
    ways: tuple[tuple[Which, str], ...] = (("x", "x_edges"), ("y", "y_edges"))
    for which, edges in ways:
        scale = Scale(asked[f"{which}_scale"])
        ends = scale.forward(table[edges][[0, -1]])
        scale.apply(axes, which, float(ends[0]), float(ends[1]), most=5)
    bar = figure.colorbar(mesh, ax=axes, label=label, pad=0.02)
    scale = Scale("log" if log else "linear")
    ticks = _round(scale, np.array([low, high]), 8)
    bar.set_ticks(ticks, labels=[tick_label(x) for x in ticks])
    bar.minorticks_off()


def _contours(
    axes: Axes,
    table: Mapping[str, np.ndarray],
    asked: Mapping[str, Any],
    values: np.ma.MaskedArray,
    log: bool,
    profile: bool,
) -> None:
    """Lines through the cell centres, labelled; none on a map of a single row or column."""
    if min(values.shape) < 2:
        return
    scale = Scale("log" if log else "linear")
    c = scale.forward(values.filled(np.nan))
    ends = np.array([float(values.min()), float(values.max())])
    levels = {float(scale.forward(np.array(v))): short(v) for v in _round(scale, ends, 7)}
    if profile:
        levels = dict(_PROFILE_LEVELS)
    levels = {at: text for at, text in levels.items() if np.nanmin(c) < at < np.nanmax(c)}
    if not levels:
        return
    x, y = (_centres(table[f"{w}_edges"], asked[f"{w}_scale"]) for w in ("x", "y"))
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.0, foreground="0.15")]
    lines = axes.contour(
        x, y, c, sorted(levels), colors="white", linewidths=0.9, linestyles="solid"
    )
    lines.set(path_effects=halo)
    for text in axes.clabel(lines, fmt=levels, fontsize=7.0):
        text.set_path_effects(halo)


def _round(scale: Scale, ends: np.ndarray, most: int) -> list[float]:
    """Return at most `most` round numbers between two values."""
    low, high = (float(x) for x in scale.forward(ends))
    return scale.ticks(low, high, most)


def _centres(edges: np.ndarray, kind: str) -> np.ndarray:
    c = Scale(kind).forward(edges)
    return Scale(kind).inverse(0.5 * (c[1:] + c[:-1]))


def _label(name: str, about: Mapping[str, Mapping[str, str]]) -> str:
    """LaTeX with its unit in brackets."""
    known = known_or_bare(name)
    given = about.get(name, {"units": known.unit, "latex": known.latex})
    unit = _UNITS.get(given["units"], given["units"])
    return f"${given['latex']}$" + (f" [{unit}]" if unit else "")
