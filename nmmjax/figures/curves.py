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
from nmmjax.figures.fit import legend_below
from nmmjax.figures.limit_lines import printed
from nmmjax.figures.style import CURVES, DASHES, EXCLUDED, ONE_COLUMN, PROJECTED, STYLE, TWO_COLUMNS

_UNITS = {"mu_B": r"$\mu_B$", "GeV^-1": "GeV$^{-1}$"}
_MOST_POINTS = 20_000
_STRIP = 1.8  # the hatched side of a curve, in units of the limit


def curves_figure(
    constraints: Sequence[Constraint],
    points: Mapping[str, np.ndarray] | None = None,
    style: Mapping[Any, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Every curve among `constraints`, one panel per (coupling, mass).

    A search that sees one kind of decay is drawn for a branching ratio of 1, and says so.

    points  observables and parameters of draws, drawn beneath where they have both names; with the
            branching ratio that curves ask for, coloured by which searches see them
    style   matplotlib's parameters, over those of the figure itself
    labels  of axes, by quantity; the catalogue's for those that are missing

    Raises InputError if there is no curve among the constraints.
    """
    panels: dict[tuple[str, ...], list[Curve]] = {}
    for constraint in constraints:
        if isinstance(constraint, Curve):
            panels.setdefault(constraint.requires[:2], []).append(constraint)
    if not panels:
        names = ", ".join(constraint.name for constraint in constraints)
        raise InputError(f"no curve to draw among the constraints: {names or 'none'}")
    across, rows = min(len(panels), 2), -(-len(panels) // 2)
    lines = -(-sum(map(len, panels.values())) // across) + 1
    size = (ONE_COLUMN if across == 1 else TWO_COLUMNS, 2.7 * rows + 0.15 * lines)
    with matplotlib.rc_context(STYLE | dict(style or {})):
        figure = Figure(figsize=size, layout="constrained")
        all_axes = [figure.add_subplot(rows, across, i + 1) for i in range(len(panels))]
        first = 0
        for axes, ((coupling, mass), curves) in zip(all_axes, panels.items(), strict=True):
            _panel(axes, coupling, mass, curves, points or {}, first)
            axes.set_xlabel((labels or {}).get(mass) or _label(mass))
            axes.set_ylabel((labels or {}).get(coupling) or _label(coupling))
            first += len(curves)
        legend_below(figure, all_axes, markerscale=4.0)
    return figure


def _panel(
    axes: Axes,
    coupling: str,
    mass: str,
    curves: Sequence[Curve],
    points: Mapping[str, np.ndarray],
    first: int,
) -> None:
    """Draw the curves, with looks from number `first` on, over the points."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    if coupling in points and mass in points:
        seen = next((c.requires[2] for c in curves if len(c.requires) > 2), None)
        share = None if seen is None else points.get(seen)
        _scatter(axes, points[mass], np.abs(points[coupling]), share)
    for i, curve in enumerate(curves, first):
        draw_curve(axes, curve, look_of(curve, i))
    axes.margins(x=0.02)


def look_of(curve: Curve, i: int) -> dict[str, Any]:
    """Colour and dashes of the curve number `i`."""
    dash = PROJECTED if curve.source.use == "projection" else DASHES[i // len(CURVES) % 3]
    return {"color": CURVES[i % len(CURVES)], "ls": dash}


def draw_curve(axes: Axes, curve: Curve, look: Mapping[str, Any]) -> None:
    """Draw the limit as a line, the excluded side hatched; a region as its outline.

    A projection excludes nothing yet.
    """
    outline = curve.outline()
    hatch = EXCLUDED | {"edgecolor": look["color"], "alpha": 0.45}
    if curve.source.use == "projection":
        pass
    elif outline.closed:
        axes.fill(outline.mass, outline.coupling, **hatch)
    else:
        excluded = outline.coupling, _STRIP * outline.coupling
        axes.fill_between(outline.mass, *excluded, **hatch)
    label = printed(curve, outline.words) + _decays(curve)
    axes.plot(outline.mass, outline.coupling, **look, lw=1.1, label=label)


def _decays(curve: Curve) -> str:
    """Say for which branching ratio a curve is drawn; "" if it asks for none."""
    if len(curve.requires) < 3:
        return ""
    return f", for BR(inv) = {0 if curve.visible else 1}"


def _scatter(axes: Axes, mass: np.ndarray, coupling: np.ndarray, share: np.ndarray | None) -> None:
    """Draw points; with the share of invisible decays in two colours: which searches see them."""
    mass, coupling = np.ravel(mass), np.ravel(coupling)
    keep = slice(None, None, max(1, -(-mass.size // _MOST_POINTS)))
    mass, coupling = mass[keep], coupling[keep]
    look = {"s": 1.5, "lw": 0, "rasterized": True}
    if share is None:
        axes.scatter(mass, coupling, **look, color="0.7", label="points of the model")
        return
    invisible = np.ravel(share)[keep] > 0.5
    words = "limits on {} decays apply to the point"
    for chosen, colour, kind in (
        (~invisible, "0.75", "visible"),
        (invisible, "#f0b27a", "invisible"),
    ):
        if chosen.any():
            axes.scatter(
                mass[chosen], coupling[chosen], **look, color=colour, label=words.format(kind)
            )


def _label(name: str) -> str:
    quantity = known_or_bare(name)
    unit = _UNITS.get(quantity.unit, quantity.unit)
    return f"${quantity.latex}$" + (f" [{unit}]" if unit else "")
