"""Curves of a definition: what is printed dashed, what is derived in full lines, limits black."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmmjax.constraints import library
from nmmjax.errors import InputError, suggest
from nmmjax.figures.axes import Scale
from nmmjax.figures.fit import fitted, legend_below
from nmmjax.figures.style import ONE_COLUMN, TWO_COLUMNS
from nmmjax.reproduce.definition import Definition, Limit, Panel

type Columns = dict[str, np.ndarray]

_PRINTED, _DERIVED, _OTHER = ("#d55e00", "#e69f00"), ("#0072b2", "#56b4e9", "#009e73"), "#cc79a7"
LOOKS = {
    "printed": {"color": _PRINTED[0], "ls": "--"},
    "printed_2": {"color": _PRINTED[1], "ls": (0, (5, 1, 1, 1))},
    "printed_3": {"color": "0.25", "ls": (0, (1, 1))},
    "derived": {"color": _DERIVED[0], "ls": "-"},
    "derived_2": {"color": _DERIVED[1], "ls": "-"},
    "derived_3": {"color": _DERIVED[2], "ls": "-"},
    "other": {"color": _OTHER, "ls": "-"},
    "other_2": {"color": _OTHER, "ls": "--"},
    "other_3": {"color": "0.55", "ls": "-"},
}
_LIMITS = ("-", "--", "-.", ":")
_PANEL, _LEGEND_LINE = 2.7, 0.15  # inches
_PAD = 6.0  # points, so that labels at a corner stand apart


def curves(definition: Definition, columns: Columns) -> Figure:
    """Return the panels side by side, one legend below."""
    panels = definition.panels
    width = ONE_COLUMN if len(panels) == 1 else TWO_COLUMNS
    entries = {x.label for p in panels for x in (*p.lines, *p.stated)} | {
        _label(limit) for p in panels for limit in p.limits
    }
    height = _PANEL + _LEGEND_LINE * -(-len(entries) // (1 if len(panels) == 1 else 2))
    figure = Figure(figsize=(width, height), layout="constrained")
    for i, panel in enumerate(panels):
        _panel(figure.add_subplot(1, len(panels), i + 1), panel, columns)
    figure.suptitle(f"{definition.title}\n{definition.paper}, {definition.item}", fontsize="small")
    legend_below(figure, figure.axes)
    return fitted(figure)


def _panel(axes: Axes, panel: Panel, columns: Columns) -> None:
    x = columns[panel.x]
    for line in panel.lines:
        printed = line.look.startswith("printed")
        look: dict[str, Any] = LOOKS[line.look] | {"zorder": 3.0 if printed else 2.0}
        if line.dots:
            look |= {"ls": "", "marker": "o", "ms": 4}
        if line.dots and printed:
            look |= {"mfc": "none", "ms": 7}
        across = columns[line.x] if line.x else x
        axes.plot(across, columns[line.column], label=line.label, **look)
    for limit, dashes in zip(panel.limits, _LIMITS, strict=False):
        _limit(axes, limit, dashes)
    for i, said in enumerate(panel.stated):
        if said.x is None:
            axes.axhline(said.y, color="0.5", lw=0.8, ls=(0, (4, 2)), label=said.label)
        else:
            look = {"mfc": "white", "mec": "black", "ms": 8, "ls": "", "zorder": 5}
            axes.plot([said.x], [said.y], marker="*s^D"[i % 4], label=said.label, **look)
    _scaled(axes, panel)
    axes.tick_params("x", pad=_PAD)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.set_title(panel.title)


def _limit(axes: Axes, limit: Limit, dashes: str) -> None:
    """A line at a limit of the library, or a band."""
    line, band = (axes.axhline, axes.axhspan) if limit.on == "y" else (axes.axvline, axes.axvspan)
    if limit.low is not None and limit.high is not None:
        shade = {"color": "#f0e442", "alpha": 0.45, "lw": 0.0}
        band(limit.low, limit.high, label=_label(limit), **shade)
        return
    entry = _entry(limit)
    value = float(entry["value"])
    if "sigma" in entry:
        spread = float(entry["sigma"])
        shade = {"color": "0.8", "alpha": 0.6, "lw": 0.0}
        band(value - spread, value + spread, label=_label(limit), **shade)
    else:
        line(value, color="black", lw=0.8, ls=dashes, label=_label(limit))


def _entry(limit: Limit) -> dict[str, Any]:
    known = library.catalogue()
    entry = known.get(limit.constraint, {})
    if not isinstance(entry.get("value"), float):
        raise InputError(
            f"'{limit.constraint}' is no limit on one quantity{suggest(limit.constraint, known)}"
        )
    return entry


def _label(limit: Limit) -> str:
    if limit.label:
        return limit.label
    entry = _entry(limit)
    words = " (projected)" if entry.get("use") == "projection" else ""
    if "sigma" in entry:
        return f"{library.label(limit.constraint)}, one sigma"
    return f"{library.label(limit.constraint)}{words}, {100 * float(entry['cl']):.0f}% CL"


def _scaled(axes: Axes, panel: Panel) -> None:
    """Scales, ranges and round ticks."""
    for which, kind, given in (
        ("x", panel.x_scale, panel.x_range),
        ("y", panel.y_scale, panel.y_range),
    ):
        getattr(axes, f"set_{which}scale")(kind)
        low, high = given or getattr(axes, f"get_{which}lim")()
        scale = Scale("log" if kind == "log" else "linear")
        low, high = (float(c) for c in scale.forward(np.array([low, high])))
        scale.apply(axes, which, low, high, most=5)  # pyright: ignore[reportArgumentType]
