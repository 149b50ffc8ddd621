"""Two figures that no paper has: limits through the years, and the reach of every model."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmmjax.constraints import library
from nmmjax.errors import InputError, suggest
from nmmjax.figures.axes import Scale
from nmmjax.figures.fit import fitted, legend_below
from nmmjax.figures.style import TWO_COLUMNS
from nmmjax.reproduce.definition import Definition
from nmmjax.reproduce.history import KINDS
from nmmjax.reproduce.reaches import stored

type Columns = dict[str, np.ndarray]

_COLOURS = ("#0072b2", "#d55e00", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
_MARKERS = {"nu_e": "s", "nu_mu": "D", "nu_tau": "^", "all": "o"}
_FLAVOURS = {"nu_e": r"$\nu_e$", "nu_mu": r"$\nu_\mu$", "nu_tau": r"$\nu_\tau$", "all": "mixtures"}
_PLAIN, _RGE = "#0072b2", "#d55e00"
_LINES = {"xenonnt_2022": "-", "trgb_omegaCen": "--", "future_xlzd_200t": ":"}


def history(definition: Definition, columns: Columns) -> Figure:
    """Return limits over the year by kind and flavour, and the reach of each model beside them."""
    figure = Figure(figsize=(TWO_COLUMNS, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2.2, 1])
    for kind, colour in zip(KINDS, _COLOURS, strict=True):
        left.plot([], [], "o", color=colour, ms=4.5, label=kind)
        for i in np.flatnonzero(columns["kind"] == kind):
            marker, later = _MARKERS[columns["flavour"][i]], columns["projected"][i]
            look = {"marker": marker, "mec": colour, "mfc": "white" if later else colour}
            left.plot([columns["year"][i]], [columns["limit"][i]], ms=4.5, zorder=3 + later, **look)
    for flavour, marker in _MARKERS.items():
        left.plot([], [], marker, color="0.4", ms=4.5, label=_FLAVOURS[flavour])
    left.plot([], [], "o", mfc="white", mec="0.4", ms=4.5, label="projected")
    for label, dx, dy in definition.named:
        _name(left, columns, label, dx, dy)
    left.set_yscale("log")
    Scale("log").apply(left, "y", -13.3, -4.8, most=9)
    left.set_xlim(1953.0, 2042.0)
    left.set_xlabel("year")
    left.set_ylabel(r"limit on $\mu_\nu$ [$\mu_B$]")
    _bars(right)
    figure.suptitle(f"{definition.title}\n{definition.item}", fontsize="small")
    legend_below(figure, [left, right])
    return fitted(figure)


def _name(axes: Axes, columns: Columns, label: str, dx: float, dy: float) -> None:
    """Write a limit's name, shifted by years and decades from its point."""
    if label not in columns["label"]:
        raise InputError(f"'named': '{label}' is no label{suggest(label, list(columns['label']))}")
    i = int(np.flatnonzero(columns["label"] == label)[0])
    x, y = columns["year"][i] + dx, columns["limit"][i] * 10.0**dy
    side = "left" if dx > 0.5 else "right" if dx < -0.5 else "center"
    axes.text(x, y, label, fontsize=5.0, color="0.25", ha=side, va="center")


def _bars(axes: Axes) -> None:
    """From the largest natural moment to the largest, for every model."""
    found = stored()
    names = list(dict.fromkeys(found["title"]))
    ways = (("left out", _PLAIN, -0.17), ("counted", _RGE, 0.17))
    for rge, colour, shift in ways:
        for i, name in enumerate(names):
            for k in np.flatnonzero((found["title"] == name) & (found["rge"] == rge)):
                low, high = found["natural"][k], found["largest"][k]
                axes.plot([i + shift] * 2, [low if low > 0.0 else high, high], color=colour, lw=2.5)
                axes.plot([i + shift], [high], "_", color=colour, ms=5)
        words = "without" if rge == "left out" else "with"
        label = rf"reach {words} $m_\nu^{{\mathrm{{RGE}}}}$"
        axes.plot([], [], color=colour, lw=2.5, label=label)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=5.5)
    axes.set_xlim(-0.6, len(names) - 0.4)
    for name, dashes in _LINES.items():
        label = f"{library.label(name)} (right)"
        value = library.catalogue()[name]["value"]
        axes.axhline(value, color="black", lw=0.6, ls=dashes, label=label)
    axes.set_yscale("log")
    Scale("log").apply(axes, "y", -24.2, -5.6, most=10)
    axes.set_ylabel(r"$\mu_\nu$: tuning below 10 to any [$\mu_B$]")


def reach(definition: Definition, columns: Columns) -> Figure:
    """Return a row for every model: natural to largest moment, least tuning in words."""
    names = list(dict.fromkeys(columns["title"]))
    figure = Figure(figsize=(TWO_COLUMNS, 1.3 + 0.27 * len(names)), layout="constrained")
    axes, words = figure.subplots(1, 2, sharey=True, width_ratios=[3.2, 1])
    ways = (("left out", _PLAIN, 0.17), ("counted", _RGE, -0.17))
    for way, (rge, colour, shift) in enumerate(ways):
        for i, name in enumerate(names):
            for k in np.flatnonzero((columns["title"] == name) & (columns["rge"] == rge)):
                y = len(names) - 1 - i + shift
                low, high = columns["natural"][k], columns["largest"][k]
                axes.plot([low if low > 0.0 else high, high], [y, y], color=colour, lw=2.5)
                axes.plot([high], [y], "|", color=colour, ms=6, mew=1.2)
                tuning = _tuning(columns["least_tuning"][k])
                place = 0.25 + 0.5 * way, y - shift
                words.text(*place, tuning, color=colour, fontsize=6.5, ha="center", va="center")
        which = "without" if rge == "left out" else "with"
        label = rf"{which} $m_\nu^{{\mathrm{{RGE}}}}$"
        axes.plot([], [], color=colour, lw=2.5, label=label)
    for name, dashes in _LINES.items():
        entry = library.catalogue()[name]
        label = f"{library.label(name)}, {100 * entry['cl']:.0f}% CL"
        axes.axvline(entry["value"], color="black", lw=0.7, ls=dashes, label=label)
    axes.set_yticks(range(len(names)), names[::-1])
    for which in (axes, words):
        which.grid(axis="y", lw=0.3, color="0.85", zorder=0.0)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xscale("log")
    low = np.nanmin(np.where(columns["natural"] > 0, columns["natural"], columns["largest"]))
    high = np.nanmax(columns["largest"])
    Scale("log").apply(axes, "x", np.log10(low) - 0.5, np.log10(high) + 0.5, most=9)
    axes.set_xlabel(r"$\mu_\nu$ [$\mu_B$]: tuning below 10 to any tuning")
    words.set_xlim(0.0, 1.0)
    words.set_xticks([])
    words.tick_params("y", left=False)
    words.set_xlabel("least tuning\nwithin 2 of the largest")
    figure.suptitle(f"{definition.title}\n{definition.item}", fontsize="small")
    legend_below(figure, [axes])
    return fitted(figure)


def _tuning(x: float) -> str:
    if not np.isfinite(x):
        return "none"
    if x < 100.0:
        return f"{x:.2g}"
    mantissa, exponent = f"{x:.0e}".split("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"
