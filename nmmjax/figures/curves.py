"""Pictures of curve constraints: limits on a coupling against a mass, over a model's points."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmmjax.catalogue import known_or_bare
from nmmjax.constraints.base import Constraint
from nmmjax.constraints.ends import Curve
from nmmjax.errors import InputError

_STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "savefig.dpi": 150,
    "pdf.fonttype": 42,
}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_DASHES = ("-", "--", "-.")
_FUTURE = ":"
_UNITS = {"mu_B": r"$\mu_B$"}
_MOST_POINTS = 20_000


def curves_figure(
    constraints: Sequence[Constraint],
    points: Mapping[str, np.ndarray] | None = None,
    style: Mapping[Any, Any] | None = None,
) -> Figure:
    """Every curve among `constraints`, one panel per (coupling, mass); BR = 1 is drawn.

    points  observables and parameters of draws, drawn beneath where they have both names
    style   matplotlib's parameters, over those of the figure itself

    Raises InputError if there is no curve among the constraints.
    """
    panels: dict[tuple[str, ...], list[Curve]] = {}
    for constraint in constraints:
        if isinstance(constraint, Curve):
            panels.setdefault(constraint.requires[:2], []).append(constraint)
    if not panels:
        names = ", ".join(constraint.name for constraint in constraints)
        raise InputError(f"no curve to draw among the constraints: {names or 'none'}")
    with matplotlib.rc_context(_STYLE | dict(style or {})):
        figure = Figure(figsize=(5.4 * len(panels), 5.0), layout="constrained")
        all_axes = np.ravel(figure.subplots(1, len(panels), squeeze=False))
        for axes, ((coupling, mass), curves) in zip(all_axes, panels.items(), strict=True):
            _panel(axes, coupling, mass, curves, points or {})
    return figure


def _panel(
    axes: Axes,
    coupling: str,
    mass: str,
    curves: Sequence[Curve],
    points: Mapping[str, np.ndarray],
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    if coupling in points and mass in points:
        _scatter(axes, points[mass], np.abs(points[coupling]))
    for i, curve in enumerate(curves):
        dash = _FUTURE if curve.source.use == "projection" else _DASHES[i // len(_COLOURS) % 3]
        look = {"color": _COLOURS[i % len(_COLOURS)], "ls": dash}
        draw_curve(axes, curve, look)
    axes.set_xlabel(_label(mass))
    axes.set_ylabel(_label(coupling))
    axes.margins(x=0.02)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.13), "ncols": 2}
    axes.legend(**below, markerscale=4.0)


def draw_curve(axes: Axes, curve: Curve, look: Mapping[str, Any]) -> None:
    """Draw the limit as a line, the excluded side shaded; a region as its outline."""
    outline = curve.outline()
    if outline.closed:
        axes.fill(outline.mass, outline.coupling, color=look["color"], alpha=0.08, lw=0)
        label = f"{curve.name} ({outline.words})"
    else:
        excluded = outline.coupling, 1.6 * outline.coupling
        axes.fill_between(outline.mass, *excluded, color=look["color"], alpha=0.08, lw=0)
        label = f"{curve.name}, {outline.words}"
    axes.plot(outline.mass, outline.coupling, **look, lw=1.1, label=label)


def _scatter(axes: Axes, mass: np.ndarray, coupling: np.ndarray) -> None:
    mass, coupling = np.ravel(mass), np.ravel(coupling)
    keep = slice(None, None, max(1, -(-mass.size // _MOST_POINTS)))
    look = {"s": 2.0, "color": "0.7", "lw": 0, "rasterized": True}
    axes.scatter(mass[keep], coupling[keep], **look, label="points of the model")


def _label(name: str) -> str:
    quantity = known_or_bare(name)
    unit = _UNITS.get(quantity.unit, quantity.unit)
    return f"${quantity.latex}$" + (f" [{unit}]" if unit else "")
