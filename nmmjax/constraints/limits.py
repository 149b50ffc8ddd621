"""Likelihood shapes of limits on one quantity, and the steps of mass and theory bounds."""

import functools
import math
import statistics
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import (
    Constraint,
    Interval,
    Observed,
    check_cl,
    check_positive,
    check_power,
    over,
    percent,
    raised,
    under,
)
from nmmjax.errors import InputError
from nmmjax.physics.staging import kept
from nmmjax.physics.trapping import plasmon_factor

_STEP_WIDTH = 0.01  # of the limit: the width of the smooth steps
_NODES = np.arange(-6.0, 9.0, 0.25)  # trapezoid over a standard normal nuisance
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.sum(np.exp(-0.5 * _NODES**2))
_STANDARD = statistics.NormalDist()


class UpperLimit(Constraint):
    r"""Half-Gaussian for |observable| < value at confidence level cl.

        ln L = -(z x^p / value^p)^2 / 2

    convention "credible": z = Phi^-1((1 + cl)/2), so that a flat prior on x^p >= 0 returns the
    limit at probability cl; "profile": z = Phi^-1(cl), the one-sided profile likelihood.
    """

    word: ClassVar[str] = "upper_limit"

    value: float = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    power: int = eqx.field(static=True, default=1)
    convention: str = eqx.field(static=True, default="credible")

    def __check_init__(self):
        check_positive(value=self.value)
        check_limit(self.cl, self.power, self.convention)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        ratio = self._observed(observables) / self.value
        return -0.5 * (pull_at_limit(self.cl, self.convention) * ratio**self.power) ** 2

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return jnp.abs(self._observed(observables)) <= self.value

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over((self._observed(observables) / self.value) ** 2)

    def describe(self) -> str:
        limit = self._in_units(f"{self.requires[0]} < {self.value:.10g}")
        return limit + quoted(self.requires[0], self.cl, self.power, self.convention)

    def interval(self) -> Interval:
        return Interval(-self.value, self.value, self._labelled(percent(self.cl)))


class UpperLimitBand(Constraint):
    r"""`UpperLimit` whose limit is uncertain: ln(limit) is Gaussian, `value` its one-sigma ends.

        L = int dt N(t) exp(-(z x^p / L(t)^p)^2 / 2),  ln L(t) = midpoint + t half the width

    Trapezoid with steps of 0.25 in t: for 0.028 to 0.122 and p = 2, ln L is within 1e-5 of the
    integral up to twice the weak end and 5e-4 up to 100 times. `allowed` takes the weak end.
    """

    word: ClassVar[str] = "upper_limit_band"

    value: tuple[float, ...] = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    power: int = eqx.field(static=True, default=1)
    convention: str = eqx.field(static=True, default="credible")

    def __check_init__(self):
        if len(self.value) != 2 or not 0.0 < self.value[0] < self.value[1]:
            raise InputError(f"value must be [low, high] with 0 < low < high, got {self.value}")
        check_limit(self.cl, self.power, self.convention)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        low, high = self.value
        limits = (high / low) ** (0.5 * _NODES)  # in units of the midpoint
        rates = 0.5 * (pull_at_limit(self.cl, self.convention) / limits**self.power) ** 2
        ratio = self._observed(observables) / math.sqrt(low * high)
        return _log_mean_decay(rates, ratio ** (2 * self.power))

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return jnp.abs(self._observed(observables)) <= self.value[1]

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over((self._observed(observables) / self.value[1]) ** 2)

    def describe(self) -> str:
        low, high = self.value
        limit = self._in_units(f"{self.requires[0]} < {low:.10g} to {high:.10g}")
        return limit + quoted(self.requires[0], self.cl, self.power, self.convention)

    def interval(self) -> Interval:
        """Return the interval up to the weak end, as `allowed`."""
        return Interval(-self.value[1], self.value[1], self._labelled(percent(self.cl)))


class PlasmonLimit(Constraint):
    r"""Limit from plasmon decay in stars, where neutrinos may be heavier than in vacuum.

        ln L = -(z Phi mu^2 / value^2)^2 / 2

    requires (moment, medium mass in eV). Phi (`trapping.plasmon_factor`) is 1 for a medium mass
    of 0 and 0 from half the plasma frequency on, where plasmons cannot decay: the limit is off.
    """

    word: ClassVar[str] = "upper_limit_plasmon"
    counts: ClassVar[range] = range(2, 3)
    wanted: ClassVar[str] = "[moment, medium mass]"

    value: float = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    plasma_frequency: float = eqx.field(static=True)  # eV
    coupling: str = eqx.field(static=True, default="magnetic")
    convention: str = eqx.field(static=True, default="credible")

    def __check_init__(self):
        check_positive(value=self.value, plasma_frequency=self.plasma_frequency)
        check_limit(self.cl, 2, self.convention)
        if self.coupling not in ("magnetic", "electric"):
            raise InputError(f"coupling must be 'magnetic' or 'electric', got '{self.coupling}'")

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        # Phi^2 has a finite gradient where Phi, a square root, has none.
        squared = self._factor_squared(observables) * self._ratio(observables) ** 4
        return -0.5 * pull_at_limit(self.cl, self.convention) ** 2 * squared

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._factor_squared(observables) * self._ratio(observables) ** 4 <= 1.0

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over(self._factor_squared(observables) * self._ratio(observables) ** 4)

    def describe(self) -> str:
        moment, mass = self.requires
        limit = self._in_units(f"{moment} < {self.value:.10g}")
        off = f", off for {mass} > {0.5 * self.plasma_frequency:.4g} eV"
        return limit + quoted(moment, self.cl, 2, self.convention) + off

    def _ratio(self, observables: Observed) -> Float[Array, ""]:
        return self._observed(observables) / self.value

    def _factor_squared(self, observables: Observed) -> Float[Array, ""]:
        r = (observables[self.requires[1]] / self.plasma_frequency) ** 2
        return plasmon_factor(r, self.coupling, squared=True)


class LowerLimit(Constraint):
    """Smooth step, ln L = -softplus((value - x)/width)^2 / 2 with width = 1% of the limit."""

    word: ClassVar[str] = "lower_limit"

    value: float = eqx.field(static=True)
    cl: float = eqx.field(static=True)

    def __check_init__(self):
        check_positive(value=self.value)
        check_cl(self.cl)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return _step(1.0 - self._observed(observables) / self.value)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._observed(observables) >= self.value

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return under(self._observed(observables) / self.value)

    def describe(self) -> str:
        return f"{self._in_units(f'{self.requires[0]} > {self.value:.10g}')} ({percent(self.cl)})"

    def interval(self) -> Interval:
        return Interval(self.value, math.inf, self._labelled(percent(self.cl)))


class SmoothBound(Constraint):
    """Theory bound x < value as a step like `LowerLimit`'s, from the other side."""

    word: ClassVar[str] = "smooth_bound"

    value: float = eqx.field(static=True)

    def __check_init__(self):
        check_positive(value=self.value)

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return _step(self._observed(observables) / self.value - 1.0)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._observed(observables) <= self.value

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over(self._observed(observables) / self.value)

    def describe(self) -> str:
        return self._in_units(f"{self.requires[0]} < {self.value:.10g}") + " (smooth bound)"

    def interval(self) -> Interval:
        return Interval(-math.inf, self.value, self.name)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_mean_decay(rates: np.ndarray, x: Float[Array, ""]) -> Float[Array, ""]:
    """ln of the mean of exp(-rate x) over the nuisance, x >= 0."""
    return _decay_and_slope(rates, x)[0]


@_log_mean_decay.defjvp
def _log_mean_decay_jvp(rates, x, dx):
    # The backward pass needs one number in place of one a node.
    value, slope = kept(_decay_and_slope(rates, *x))
    return value, slope * dx[0]


def _decay_and_slope(rates, x):
    # The weakest limit, with the smallest rate, comes last and is factored out: no underflow.
    weighted = _WEIGHTS * rates
    decays = jnp.exp((rates[-1] - rates[:-1]) * x)
    mean = _WEIGHTS[-1] + _WEIGHTS[:-1] @ decays
    slope = -(weighted[-1] + weighted[:-1] @ decays) / mean
    return jnp.log(mean) - rates[-1] * x, slope


def pull_at_limit(cl: float, convention: str) -> float:
    """z of `UpperLimit`: the pull at the quoted limit."""
    return _STANDARD.inv_cdf(cl if convention == "profile" else (1.0 + cl) / 2.0)


def check_limit(cl: float, power: int, convention: str) -> None:
    """Raise InputError unless the three describe an `UpperLimit`."""
    if convention not in ("credible", "profile"):
        raise InputError(f"convention must be 'credible' or 'profile', got '{convention}'")
    check_cl(cl, 0.5 if convention == "profile" else 0.0)
    check_power(power)


def quoted(key: str, cl: float, power: int, convention: str) -> str:
    """Say how a limit is to be read: ' (90% CL), Gaussian in mu_nu^2'."""
    profile = ", profile" if convention == "profile" else ""
    variable = "" if power == 1 else f", Gaussian in {raised(key, power)}"
    return f" ({percent(cl)}{profile}){variable}"


def _step(excess: Float[Array, ""]) -> Float[Array, ""]:
    return -0.5 * jax.nn.softplus(excess / _STEP_WIDTH) ** 2
