"""Interface of a constraint; the shapes have their own files.

Each shape works in the variable in which the rate is linear (mu^2, eps^2, BR) and is normalised
to ln L = 0 at its maximum over the physical region. Value and gradient are finite as long as the
square of the pull is (|x| < 1e70 limits); beyond, ln L is -inf, and NaN only where x is not finite.
"""

import abc
import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from nmmjax.errors import InputError

type Observed = Mapping[str, Float[Array, "..."]]


@dataclasses.dataclass(frozen=True)
class Source:
    """Origin of the numbers; `verified` says how they were checked, `label` is a printed name."""

    reference: str
    year: int | None
    verified: str
    units: str = ""
    cl: float | None = None
    note: str = ""
    group: str = ""
    use: str = "default"
    licence: str = ""
    label: str = ""


class Interval(NamedTuple):
    """Allowed interval of an axis: its ends (infinite: open), and their names in a figure."""

    low: float
    high: float
    label: str
    excludes: bool = True  # False: outside is not excluded


class Constraint(eqx.Module):
    """Abstract constraint on the observables `requires`; every field is static and hashable.

    A new shape is one class: its `word` in a data file, the number of observables in `counts`
    and what they are (`wanted`), `_log_likelihood`, `_allowed`, `excess`, `describe`, `interval`.

    A `flag` marks points (`allowed`) and weighs nothing: ln L = 0. With `tail_sigma` ln L falls
    as a power of the pull beyond that many sigma (`power_tail`).
    """

    word: ClassVar[str] = ""  # `type` in a data file; "" if it is no entry of one
    counts: ClassVar[range] = range(1, 2)
    wanted: ClassVar[str] = "a name"
    columns: ClassVar[tuple[str, ...]] = ()  # of a curve's table, the mass first
    all_in_units: ClassVar[bool] = False  # all observables have the units of the entry
    powered_units: ClassVar[bool] = False  # the units are those of observable^power

    name: str = eqx.field(static=True)
    requires: tuple[str, ...] = eqx.field(static=True)
    source: Source = eqx.field(static=True)
    tail_sigma: float | None = eqx.field(static=True, default=None, kw_only=True)
    flag: bool = eqx.field(static=True, default=False, kw_only=True)

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        """ln L at one point, 0 at its maximum over the physical region; differentiable.

        NaN where an observable that it needs is not finite: undefined, which is not zero.
        """
        if self.flag:
            return jnp.zeros_like(self._observed(observables))
        log_l = self._log_likelihood(observables)
        log_l = log_l if self.tail_sigma is None else power_tail(log_l, self.tail_sigma)
        return jnp.where(self.defined(observables), log_l, jnp.nan)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        """Tell whether the point is inside the quoted limit, or within two sigma of a measurement.

        False where an observable that the constraint needs is not finite.
        """
        return self._allowed(observables) & self.defined(observables)

    def defined(self, observables: Observed) -> Bool[Array, ""]:
        """Tell whether every observable that the constraint needs is a finite number."""
        finite = [jnp.all(jnp.isfinite(observables[name])) for name in self.requires]
        return jnp.all(jnp.stack(finite))

    @abc.abstractmethod
    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        """ln L of the shape itself."""

    @abc.abstractmethod
    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        """`allowed` of the shape itself."""

    @abc.abstractmethod
    def excess(self, observables: Observed) -> Float[Array, ""]:
        """Return a number <= 0 where `allowed` (but for rounding at the limit), else > 0.

        The excess is of order one and has a gradient towards what is allowed.
        """

    @abc.abstractmethod
    def describe(self) -> str:
        """One line: 'mu_eff_pp < 6.4e-12 mu_B (90% CL)'."""

    def interval(self) -> Interval | None:
        """Return the allowed interval of the observable; None if the shape sets no ends."""
        return None

    def _observed(self, observables: Observed) -> Float[Array, ""]:
        return observables[self.requires[0]]

    def _labelled(self, words: str) -> str:
        return f"{self.name}, {words}"

    def _in_units(self, text: str) -> str:
        return f"{text} {self.source.units}".rstrip()


def over(ratio: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Excess of a ratio >= 0 over one: ratio - 1 below, ln(ratio) above, C1 and within decades."""
    above = ratio > 1.0
    return jnp.where(above, jnp.log(jnp.where(above, ratio, 1.0)), ratio - 1.0)


def under(ratio: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Excess of a ratio >= 0 that should exceed one: 1 - ratio below, 1/ratio - 1 above, C1."""
    above = ratio > 1.0
    return jnp.where(above, 1.0 / jnp.where(above, ratio, 1.0), 2.0 - ratio) - 1.0


def power_tail(log_l: Float[Array, ""], sigma: float) -> Float[Array, ""]:
    r"""ln L = -r^2/2 continued beyond r = sigma as -sigma^2/2 - sigma^2 ln(r/sigma).

    C1 at r = sigma and the same inside; a pull r ~ x^p then has the slope -p sigma^2 in ln x.
    """
    edge = 0.5 * sigma**2
    far = -log_l > edge
    ratio = jnp.where(far, -log_l / edge, 1.0)
    return jnp.where(far, -edge * (1.0 + jnp.log(ratio)), log_l)


def raised(key: str, power: int) -> str:
    """Write the observable with its power, 'mu_nu^2'; the name alone for power 1."""
    return key if power == 1 else f"{key}^{power}"


def percent(cl: float) -> str:
    """Write a confidence level in words, '90% CL'."""
    return f"{100.0 * cl:.10g}% CL"


def check_positive(**given: float) -> None:
    """Raise InputError for a named number that is not finite and > 0."""
    for key, x in given.items():
        if not (math.isfinite(x) and x > 0.0):
            raise InputError(f"{key} must be a number > 0, got {x:g}")


def check_cl(cl: float, lowest: float = 0.0) -> None:
    """Raise InputError for a confidence level outside (lowest, 1)."""
    if not lowest < cl < 1.0:
        raise InputError(f"cl must lie between {lowest:g} and 1, got {cl:g}")


def check_power(power: int) -> None:
    """Raise InputError for a power below 1."""
    if power < 1:
        raise InputError(f"power must be a whole number >= 1, got {power}")
