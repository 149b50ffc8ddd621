"""Axes of figures: the coordinate they are linear in, round ticks, labels with units."""

import dataclasses
import functools
import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from nmmjax.errors import printable
from nmmjax.figures.fit import fitted
from nmmjax.results.rundir import Run
from nmmjax.results.variables import differ

type Which = Literal["x", "y"]
_UNITS = {
    "mu_B": r"$\mu_B$",
    "GeV^-1": "GeV$^{-1}$",
    "eV^2": "eV$^2$",
    "GeV^2": "GeV$^2$",
    "GeV^4": "GeV$^4$",
}
_ONE_DECADE = 0.85  # decades below which an axis gets round numbers for ticks
_MOST_ZEROS = 1e-3  # share of draws at 0 that a logarithmic axis may leave out
_MOST_LOOKED_AT = 2**17  # draws
_LONG_TAIL = 30.0  # |x| at 95% over its median, from which on signed quantities get asinh


@dataclasses.dataclass(frozen=True)
class Scale:
    """The coordinate in which an axis is linear: "linear", "log" (log10) or "asinh" (x/width)."""

    kind: str = "linear"
    width: float = 1.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Coordinates; NaN where x has none."""
        match self.kind:
            case "log":
                return np.log10(x, where=x > 0.0, out=np.full(np.shape(x), np.nan))
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
                ends = 10.0 ** np.unique([round(decades.mean()), math.floor(decades[1])])
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
        axis.set_major_formatter(FixedFormatter([tick_label(x) for x in values]))
        axis.set_minor_locator(NullLocator())


def scale_of(run: Run, label: str, values: np.ndarray) -> Scale:
    """Choose the scale where a parameter's prior is flat; for observables, one that shows them."""
    match run.resolved["physics"]["priors"].get(label):
        case {"log_uniform": _}:
            return Scale("log")
        case {"signed_log": [width, _]}:
            return Scale("asinh", float(width))
        case dict():
            return Scale()
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    if sizes.size == 0:
        return Scale()
    zeros = np.mean(values == 0.0)
    if not np.any(values < 0.0) and zeros <= _MOST_ZEROS:
        return Scale("log")
    middle, high = (float(q) for q in np.quantile(sizes, (0.5, 0.95)))
    return Scale("asinh", middle) if high > _LONG_TAIL * middle else Scale()


def bounds_of(run: Run, label: str, scale: Scale) -> tuple[float | None, float | None]:
    """Coordinates of the bounds of a parameter's prior; None where there is none."""
    match run.resolved["physics"]["priors"].get(label):
        case {"log_uniform": [low, high]} | {"uniform": [low, high]}:
            ends = (low, high)
        case {"signed_log": [_, high]}:
            ends = (-high, high)
        case _:
            return None, None
    low, high = (float(c) for c in scale.forward(np.array(ends, float)))
    return low, high


def varies(run: Run, label: str) -> bool:
    """Tell whether a quantity has more than one value, to rounding: there is something to draw."""
    some = run.sample(label, run.few(_MOST_LOOKED_AT))
    return differ(float(some.min()), float(some.max()))


def axis_label(run: Run, label: str) -> str:
    """LaTeX name with its unit in brackets; a dimensionless quantity has none."""
    about = run.about(label)
    name, bracket, index = label.partition("[")
    text = _math(about["latex"]) or name
    unit = _UNITS.get(about["units"], about["units"])
    return text + bracket + index + (f" [{unit}]" if unit else "")


@functools.cache
def _math(latex: str) -> str:
    """Put LaTeX between dollar signs; "" where matplotlib cannot set it."""
    return f"${latex}$" if _can_be_set(f"${latex}$") else ""


def legible(figure: Figure) -> Figure:
    """Show mathtext that matplotlib cannot set as plain words, and make labels fit their axes."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(printable(text.get_text()))
        if not all(map(_can_be_set, text.get_text().split("\n"))):
            text.set_parse_math(False)
    return fitted(figure)


@functools.cache
def _can_be_set(words: str) -> bool:
    """Tell whether matplotlib can typeset a line of text.

    Text without dollar signs, or with a single one, is set as it stands.
    """
    if words.replace(r"\$", "").count("$") in (0, 1):
        return True
    try:
        MathTextParser("path").parse(words)
    except (ValueError, RecursionError):
        return False
    return True


def view(c: np.ndarray, tail: float = 0.0) -> tuple[float, float]:
    """Ends of an axis that leaves out a share `tail` on either side; never an empty interval."""
    c = c[np.isfinite(c)]
    if c.size == 0:
        return -0.5, 0.5
    ends = np.quantile(c, (tail, 1.0 - tail)) if tail else (c.min(), c.max())
    low, high = (float(x) for x in ends)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def bin_of(c: np.ndarray, ends: tuple[float, float], bins: int) -> np.ndarray:
    """Bin of every draw; those beyond the ends, or NaN, fall into one more bin, number `bins`."""
    low, high = ends
    inside = (c >= low) & (c <= high)
    index = np.full(c.shape, bins)
    index[inside] = np.minimum((c[inside] - low) * (bins / (high - low)), bins - 1).astype(int)
    return index


def short(x: float) -> str:
    """Write x with two digits, for a panel's title: 0.05, 4300, 2.5e-14."""
    mantissa, e, exponent = f"{float(f'{x:.1e}'):.5g}".partition("e")
    mantissa = mantissa.replace("-", "\N{MINUS SIGN}")
    return f"{mantissa}{e}{int(exponent) if e else ''}"


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


def tick_label(x: float) -> str:
    """Write a tick label: 0.05, -12, or mathtext such as 3 x 10^-12."""
    if x == 0.0 or 1e-2 <= abs(x) < 1e4:
        return f"{x:.6g}".replace("-", "\N{MINUS SIGN}")
    mantissa, exponent = f"{x:.5e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = f"10^{{{int(exponent)}}}"
    factor = {"1": "", "-1": "-"}.get(mantissa, f"{mantissa}\\times")
    return f"${factor}{power}$"
