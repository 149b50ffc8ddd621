"""Numbers as a paper prints them: errors of one or two digits, values to the same place.

An error whose first three digits lie in 100 to 354 keeps two of them, in 355 to 949 one, above
that it becomes 1000 with two (the rule of the Particle Data Group, introduction of the Review).
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

from nmmjax.results import angles
from nmmjax.results.rundir import Run
from nmmjax.results.summary import Point
from nmmjax.results.variables import differ
from nmmjax.samplers.series import quantiles, thinned

type Form = Literal["latex", "markdown", "csv"]

_LOW, _HIGH = 1e-3, 1e5  # beyond, a power of ten is taken out
_ASKEW = 10.0  # times that one error is the other, beyond which they say little of the ends
_DIGITS = 3  # of a value without an error


@dataclasses.dataclass(frozen=True)
class Printed:
    """value +plus -minus, times ten to a power; no errors: None.

    ends  where one error is many times the other: shown in place of both, which are whole
          numbers then, without the power
    """

    value: str
    plus: str | None = None
    minus: str | None = None
    power: int = 0
    ends: "tuple[Printed, Printed] | None" = None

    def text(self, form: Form) -> str:
        """Write the number in LaTeX (with dollar signs), in words, or for a program."""
        sign = r"\times 10^" if form == "latex" else "e"
        if self.plus is None or self.ends is not None:
            errors = ""
        elif form == "latex":
            same = self.plus == self.minus
            errors = rf" \pm {self.plus}" if same else f"^{{+{self.plus}}}_{{-{self.minus}}}"
        else:
            same = self.plus == self.minus
            errors = f" +- {self.plus}" if same else f" +{self.plus} -{self.minus}"
        body = f"{self.value}{errors}"
        if self.power:
            held = f"({body})" if errors else body
            power = f"{{{self.power}}}" if form == "latex" else str(self.power)
            body = f"{held}{' ' if form == 'latex' and errors else ''}{sign}{power}"
        if self.ends is not None:
            low, high = (end.text(form).strip("$") for end in self.ends)
            body += rf"\ [{low},\,{high}]" if form == "latex" else f" ({low} to {high})"
        return f"${body}$" if form == "latex" else body


def measured(middle: float, low: float, high: float) -> Printed:
    """Round a value with its errors, from a median and the ends of its interval.

    Where one error is more than ten times the other the ends themselves are given.
    """
    plus, minus = high - middle, middle - low
    smallest = min((x for x in (plus, minus) if x > 0.0), default=0.0)
    if smallest == 0.0 or not math.isfinite(plus + minus) or not differ(low, high):
        return bare(middle)
    if min(plus, minus) > 0.0 and max(plus, minus) > _ASKEW * min(plus, minus):
        errors = {"plus": bare(plus).text("csv"), "minus": bare(minus).text("csv")}
        return dataclasses.replace(bare(middle), **errors, ends=(bare(low), bare(high)))
    largest = max(abs(middle), plus, minus)
    power = 0 if _LOW <= largest < _HIGH else math.floor(math.log10(largest))
    scale = 10.0**power
    place = _place(smallest / scale)
    value, above, below = (_at(x / scale, place) for x in (middle, plus, minus))
    return Printed(value, above, below, power)


def bare(x: float) -> Printed:
    """Round a value without an error to three digits."""
    if x == 0.0 or not math.isfinite(x):
        return Printed(f"{x + 0.0:g}")
    power = 0 if _LOW <= abs(x) < _HIGH else math.floor(math.log10(abs(x)))
    value = x / 10.0**power
    return Printed(_at(value, _DIGITS - 1 - math.floor(math.log10(abs(value)))), power=power)


def posterior(run: Run, name: str, share: float) -> Printed:
    """Round the median with the central interval of a probability; of an angle the shortest arc."""
    values, period = run.series(name).held(), run.period(name)
    if period is not None:
        low, middle, high = angles.interval(thinned(values), share, period)
        return measured(middle, low, high)
    ends = (0.5 - 0.5 * share, 0.5, 0.5 + 0.5 * share)
    low, middle, high = quantiles(values, ends)
    return measured(middle, low, high)


def at(point: Point | None, names: Sequence[str]) -> list[Printed]:
    """Round the values of one draw."""
    return [Printed("-") if point is None else bare(point.values[name]) for name in names]


def _place(error: float) -> int:
    """Decimal places that an error is printed with; negative left of the point."""
    exponent = math.floor(math.log10(error))
    leading = round(error / 10.0 ** (exponent - 2))
    if leading >= 950:
        return -exponent
    return (1 if leading < 355 else 0) - exponent


def _at(x: float, place: int) -> str:
    rounded = round(x, place) + 0.0
    return f"{rounded:.{max(place, 0)}f}"
