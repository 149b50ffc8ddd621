"""What a constraint is, and the shapes of measurements; others have their own files.

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
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.special import chdtri, ndtr

from nmmjax.errors import InputError

type Observed = Mapping[str, Float[Array, "..."]]


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the numbers come from; `verified` says how they were checked."""

    reference: str
    year: int | None
    verified: str
    units: str = ""
    cl: float | None = None
    note: str = ""
    group: str = ""
    use: str = "default"
    licence: str = ""


class Interval(NamedTuple):
    """What a shape leaves of an axis: ends (infinite: open), and how a figure names them."""

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
        """Whether the point is inside the quoted limit, or within two sigma of a measurement.

        False where an observable that it needs is not finite.
        """
        return self._allowed(observables) & self.defined(observables)

    def defined(self, observables: Observed) -> Bool[Array, ""]:
        """Whether every observable that the constraint needs is a finite number."""
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
        """<= 0 where `allowed` (but for rounding at the limit), of order one, with a gradient
        towards what is allowed."""

    @abc.abstractmethod
    def describe(self) -> str:
        """One line: 'mu_eff_solar < 6.4e-12 mu_B (90% CL)'."""

    def interval(self) -> Interval | None:
        """What the shape leaves of the axis of its observable; None if it has no ends there."""
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


class Measurement(Constraint):
    r"""Gaussian in y = observable^power, with sigma_plus above the value and sigma_minus below.

        ln L = -(y - value)^2 / (2 (sigma^2 + theory_sigma^2)) + const

    C1 at the centre. The constant makes the maximum 0 over y >= physical_min. With a `period`
    the nearer image counts (the better of going up and going down), continuous everywhere.
    A published `limit` on |observable| at `cl` decides `allowed` in place of two sigma.
    """

    word: ClassVar[str] = "gaussian"
    powered_units: ClassVar[bool] = True

    value: float = eqx.field(static=True)
    sigma_plus: float = eqx.field(static=True)
    sigma_minus: float = eqx.field(static=True)
    theory_sigma: float = eqx.field(static=True, default=0.0)
    power: int = eqx.field(static=True, default=1)
    physical_min: float | None = eqx.field(static=True, default=None)
    period: float | None = eqx.field(static=True, default=None)
    limit: float | None = eqx.field(static=True, default=None)
    cl: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_positive(sigma_plus=self.sigma_plus, sigma_minus=self.sigma_minus)
        if self.theory_sigma < 0.0:
            raise InputError(f"theory_sigma must be >= 0, got {self.theory_sigma:g}")
        if self.period is not None:
            check_positive(period=self.period)
            if self.physical_min is not None:
                raise InputError("physical_min has no meaning for a quantity with a period")
        if (self.limit is None) != (self.cl is None):
            raise InputError("limit and cl belong together: give both or neither")
        if self.limit is not None and self.cl is not None:
            check_positive(limit=self.limit)
            check_cl(self.cl)
        check_power(self.power)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return -0.5 * (self._chi2(observables) - self._best)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        if self.limit is not None:
            return jnp.abs(self._observed(observables)) <= self.limit
        return self._chi2(observables) <= 4.0

    def excess(self, observables: Observed) -> Float[Array, ""]:
        if self.limit is not None:
            return over((self._observed(observables) / self.limit) ** 2)
        return over(self._chi2(observables) / 4.0)

    def describe(self) -> str:
        (key,) = self.requires
        plus, minus = self.sigma_plus, self.sigma_minus
        errors = f"+- {plus:.10g}" if plus == minus else f"+{plus:.10g} -{minus:.10g}"
        theory = f" +- {self.theory_sigma:.10g} (theory)" if self.theory_sigma else ""
        value = f"{raised(key, self.power)} = {self.value:.10g} {errors}{theory}"
        if self.limit is None or self.cl is None:
            return self._in_units(value)
        unit = self.source.units.removesuffix(f"^{self.power}")
        quoted = f"{key} < {self.limit:.10g} {unit}".rstrip()
        return f"{self._in_units(value)}; {quoted} ({percent(self.cl)})"

    def interval(self) -> Interval:
        """The limit, or two sigma in x^power; an angle, which may wrap, excludes nothing."""
        if self.limit is not None and self.cl is not None:
            return Interval(-self.limit, self.limit, self._labelled(percent(self.cl)))
        above, below = self._sigmas
        middle = math.remainder(self.value, self.period) if self.period else self.value
        low, high = middle - 2.0 * below, middle + 2.0 * above
        if self.power > 1:
            low, high = (max(x, 0.0) ** (1.0 / self.power) for x in (low, high))
        return Interval(low, high, self._labelled("±2σ"), excludes=not self.period)

    @property
    def _sigmas(self) -> tuple[float, float]:
        theory = self.theory_sigma
        return math.hypot(self.sigma_plus, theory), math.hypot(self.sigma_minus, theory)

    @property
    def _best(self) -> float:
        """chi^2 at the best physical point."""
        if self.physical_min is None or self.physical_min <= self.value:
            return 0.0
        return ((self.physical_min - self.value) / self._sigmas[0]) ** 2

    def _chi2(self, observables: Observed) -> Float[Array, ""]:
        above, below = self._sigmas
        d = self._observed(observables) ** self.power - self.value
        if self.period is None:
            return (d / jnp.where(d > 0.0, above, below)) ** 2
        up = jnp.mod(d, self.period)
        return jnp.minimum((up / above) ** 2, ((up - self.period) / below) ** 2)


class GaussianND(Constraint):
    r"""Correlated Gaussian: ln L = -|L^-1 (x - value)/sigma|^2 / 2, with L L^T the correlations.

    `correlation` lists the upper triangle by rows: (rho_12, rho_13, rho_23). `allowed` holds
    inside the ellipsoid with the probability of two sigma, 95.45%.
    """

    word: ClassVar[str] = "gaussian_nd"
    counts: ClassVar[range] = range(2, 100)
    wanted: ClassVar[str] = "a list of names"
    all_in_units: ClassVar[bool] = True

    value: tuple[float, ...] = eqx.field(static=True)
    sigma: tuple[float, ...] = eqx.field(static=True)
    correlation: tuple[float, ...] = eqx.field(static=True)

    def __check_init__(self):
        n = len(self.requires)
        given = len(self.value), len(self.sigma), len(self.correlation)
        if given != (n, n, n * (n - 1) // 2):
            raise InputError(
                f"{n} observables need {n} values, {n} sigmas and {n * (n - 1) // 2} "
                f"correlations, got {given[0]}, {given[1]} and {given[2]}"
            )
        for sigma in self.sigma:
            check_positive(sigma=sigma)
        if np.linalg.eigvalsh(self._correlations)[0] <= 0.0:
            raise InputError(f"correlation {self.correlation} is not positive definite")

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return -0.5 * self._chi2(observables)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._chi2(observables) <= self._two_sigma

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over(self._chi2(observables) / self._two_sigma)

    def describe(self) -> str:
        pairs = zip(self.value, self.sigma, strict=True)
        values = ", ".join(f"{value:.10g} +- {sigma:.10g}" for value, sigma in pairs)
        correlations = ", ".join(f"{rho:.10g}" for rho in self.correlation)
        names = ", ".join(self.requires)
        return f"{self._in_units(f'({names}) = ({values})')}, correlation {correlations}"

    @property
    def _two_sigma(self) -> float:
        return float(chdtri(len(self.requires), 2.0 * ndtr(-2.0)))

    @property
    def _correlations(self) -> np.ndarray:
        n = len(self.requires)
        upper = np.zeros((n, n))
        upper[np.triu_indices(n, 1)] = self.correlation
        return np.eye(n) + upper + upper.T

    def _chi2(self, observables: Observed) -> Float[Array, ""]:
        whiten = np.linalg.inv(np.linalg.cholesky(self._correlations))
        x = jnp.stack([observables[key] for key in self.requires])
        return jnp.sum((whiten @ ((x - np.asarray(self.value)) / np.asarray(self.sigma))) ** 2)


def raised(key: str, power: int) -> str:
    """'mu_nu^2'; the name alone for power 1."""
    return key if power == 1 else f"{key}^{power}"


def percent(cl: float) -> str:
    """'90% CL'."""
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
