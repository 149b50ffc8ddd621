"""Likelihood shapes of constraints.

Each works in the variable in which the rate is linear (mu^2, eps^2, BR) and is normalised to
ln L = 0 at its maximum over the physical region. Value and gradient are finite as long as the
square of the pull is (|x| < 1e70 limits); beyond, ln L is -inf, never NaN.
"""

import abc
import dataclasses
import math
import statistics
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.special import chdtri, ndtr

from nmmjax.errors import InputError

type Observed = Mapping[str, Float[Array, "..."]]

_STEP_WIDTH = 0.01  # of the limit: the width of the smooth steps
_NODES = np.arange(-6.0, 9.0, 0.25)  # trapezoid over a standard normal nuisance
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.sum(np.exp(-0.5 * _NODES**2))
_STANDARD = statistics.NormalDist()


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


class Constraint(eqx.Module):
    """Abstract constraint on the observables `requires`; every field is static and hashable."""

    name: str = eqx.field(static=True)
    requires: tuple[str, ...] = eqx.field(static=True)
    source: Source = eqx.field(static=True)

    @abc.abstractmethod
    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        """ln L at one point, 0 at its maximum over the physical region; differentiable."""

    @abc.abstractmethod
    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        """Whether the point is inside the quoted limit, or within two sigma of a measurement."""

    @abc.abstractmethod
    def describe(self) -> str:
        """One line: 'mu_eff_solar < 6.4e-12 mu_B (90% CL)'."""

    def _observed(self, observables: Observed) -> Float[Array, ""]:
        (key,) = self.requires
        return observables[key]

    def _in_units(self, text: str) -> str:
        return f"{text} {self.source.units}".rstrip()


class Measurement(Constraint):
    r"""Gaussian in y = observable^power, with sigma_plus above the value and sigma_minus below.

        ln L = -(y - value)^2 / (2 (sigma^2 + theory_sigma^2)) + const

    C1 at the centre. The constant makes the maximum 0 over y >= physical_min. With a `period`
    the nearer image counts (the better of going up and going down), continuous everywhere.
    """

    value: float = eqx.field(static=True)
    sigma_plus: float = eqx.field(static=True)
    sigma_minus: float = eqx.field(static=True)
    theory_sigma: float = eqx.field(static=True, default=0.0)
    power: int = eqx.field(static=True, default=1)
    physical_min: float | None = eqx.field(static=True, default=None)
    period: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _check_positive(sigma_plus=self.sigma_plus, sigma_minus=self.sigma_minus)
        if self.theory_sigma < 0.0:
            raise InputError(f"theory_sigma must be >= 0, got {self.theory_sigma:g}")
        if self.period is not None:
            _check_positive(period=self.period)
            if self.physical_min is not None:
                raise InputError("physical_min has no meaning for a quantity with a period")
        _check_power(self.power)

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return -0.5 * (self._chi2(observables) - self._best)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._chi2(observables) <= 4.0

    def describe(self) -> str:
        (key,) = self.requires
        plus, minus = self.sigma_plus, self.sigma_minus
        errors = f"+- {plus:.10g}" if plus == minus else f"+{plus:.10g} -{minus:.10g}"
        theory = f" +- {self.theory_sigma:.10g} (theory)" if self.theory_sigma else ""
        variable = key if self.power == 1 else f"{key}^{self.power}"
        return self._in_units(f"{variable} = {self.value:.10g} {errors}{theory}")

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
            _check_positive(sigma=sigma)
        if np.linalg.eigvalsh(self._correlations)[0] <= 0.0:
            raise InputError(f"correlation {self.correlation} is not positive definite")

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return -0.5 * self._chi2(observables)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._chi2(observables) <= chdtri(len(self.requires), 2.0 * ndtr(-2.0))

    def describe(self) -> str:
        pairs = zip(self.value, self.sigma, strict=True)
        values = ", ".join(f"{value:.10g} +- {sigma:.10g}" for value, sigma in pairs)
        correlations = ", ".join(f"{rho:.10g}" for rho in self.correlation)
        names = ", ".join(self.requires)
        return f"{self._in_units(f'({names}) = ({values})')}, correlation {correlations}"

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


class UpperLimit(Constraint):
    r"""Half-Gaussian for |observable| < value at confidence level cl.

        ln L = -(z x^p / value^p)^2 / 2

    convention "credible": z = Phi^-1((1 + cl)/2), so that a flat prior on x^p >= 0 returns the
    limit at probability cl; "profile": z = Phi^-1(cl), the one-sided profile likelihood.
    """

    value: float = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    power: int = eqx.field(static=True, default=1)
    convention: str = eqx.field(static=True, default="credible")

    def __check_init__(self):
        _check_positive(value=self.value)
        _check_limit(self.cl, self.power, self.convention)

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        ratio = self._observed(observables) / self.value
        return -0.5 * (_pull_at_limit(self.cl, self.convention) * ratio**self.power) ** 2

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        return jnp.abs(self._observed(observables)) <= self.value

    def describe(self) -> str:
        limit = self._in_units(f"{self.requires[0]} < {self.value:.10g}")
        return f"{limit} ({_percent(self.cl, self.convention)})"


class UpperLimitBand(Constraint):
    r"""`UpperLimit` whose limit is uncertain: ln(limit) is Gaussian, `value` its one-sigma ends.

        L = int dt N(t) exp(-(z x^p / L(t)^p)^2 / 2),  ln L(t) = midpoint + t half the width

    Trapezoid with steps of 0.25 in t: for 0.028 to 0.122 and p = 2, ln L is within 1e-5 of the
    integral up to twice the weak end and 5e-4 up to 100 times. `allowed` takes the weak end.
    """

    value: tuple[float, ...] = eqx.field(static=True)
    cl: float = eqx.field(static=True)
    power: int = eqx.field(static=True, default=1)
    convention: str = eqx.field(static=True, default="credible")

    def __check_init__(self):
        if len(self.value) != 2 or not 0.0 < self.value[0] < self.value[1]:
            raise InputError(f"value must be [low, high] with 0 < low < high, got {self.value}")
        _check_limit(self.cl, self.power, self.convention)

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        low, high = self.value
        limits = math.sqrt(low * high) * (high / low) ** (0.5 * _NODES)
        ratios = self._observed(observables) / limits
        pulls = _pull_at_limit(self.cl, self.convention) * ratios**self.power
        return jax.nn.logsumexp(-0.5 * pulls**2, b=_WEIGHTS)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        return jnp.abs(self._observed(observables)) <= self.value[1]

    def describe(self) -> str:
        low, high = self.value
        limit = self._in_units(f"{self.requires[0]} < {low:.10g} to {high:.10g}")
        return f"{limit} ({_percent(self.cl, self.convention)})"


class LowerLimit(Constraint):
    """Smooth step, ln L = -softplus((value - x)/width)^2 / 2 with width = 1% of the limit."""

    value: float = eqx.field(static=True)
    cl: float = eqx.field(static=True)

    def __check_init__(self):
        _check_positive(value=self.value)
        _check_limit(self.cl)

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return _step(1.0 - self._observed(observables) / self.value)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._observed(observables) >= self.value

    def describe(self) -> str:
        return f"{self._in_units(f'{self.requires[0]} > {self.value:.10g}')} ({_percent(self.cl)})"


class SmoothBound(Constraint):
    """Theory bound x < value as a step like `LowerLimit`'s, from the other side."""

    value: float = eqx.field(static=True)

    def __check_init__(self):
        _check_positive(value=self.value)

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return _step(self._observed(observables) / self.value - 1.0)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._observed(observables) <= self.value

    def describe(self) -> str:
        return self._in_units(f"{self.requires[0]} < {self.value:.10g}") + " (smooth bound)"


class Prefer(Constraint):
    """A wish, not a likelihood: half-Gaussian in log10|x| outside [above, below].

    ln P = -(decades outside / width_dex)^2 / 2; -inf at x = 0 if `above` is given.
    """

    above: float | None = eqx.field(static=True)
    below: float | None = eqx.field(static=True)
    width_dex: float = eqx.field(static=True)

    def __check_init__(self):
        given = {k: x for k in ("above", "below") if (x := getattr(self, k)) is not None}
        _check_positive(width_dex=self.width_dex, **given)
        if not given:
            raise InputError("prefer needs above, below or both")
        if len(given) == 2 and given["above"] > given["below"]:
            raise InputError(
                f"above must not exceed below, got {given['above']:g} and {given['below']:g}"
            )

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        x = jnp.abs(self._observed(observables))
        # Clipped before the logarithm, so that the flat side has gradient 0 also at x = 0.
        decades = jnp.zeros_like(x)
        if self.above is not None:
            decades += jnp.log10(jnp.minimum(x / self.above, 1.0))
        if self.below is not None:
            decades += jnp.log10(jnp.maximum(x / self.below, 1.0))
        return -0.5 * (decades / self.width_dex) ** 2

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        x = jnp.abs(self._observed(observables))
        low = 0.0 if self.above is None else self.above
        high = math.inf if self.below is None else self.below
        return (x >= low) & (x <= high)

    def describe(self) -> str:
        ends = (("above", self.above), ("below", self.below))
        wish = " and ".join(self._in_units(f"{word} {x:.10g}") for word, x in ends if x is not None)
        return f"{self.requires[0]} {wish}, width {self.width_dex:.10g} dex (preferred)"


def _step(excess: Float[Array, ""]) -> Float[Array, ""]:
    return -0.5 * jax.nn.softplus(excess / _STEP_WIDTH) ** 2


def _pull_at_limit(cl: float, convention: str) -> float:
    return _STANDARD.inv_cdf(cl if convention == "profile" else (1.0 + cl) / 2.0)


def _percent(cl: float, convention: str = "credible") -> str:
    return f"{100.0 * cl:.10g}% CL" + (", profile" if convention == "profile" else "")


def _check_positive(**given: float) -> None:
    for key, x in given.items():
        if not (math.isfinite(x) and x > 0.0):
            raise InputError(f"{key} must be a number > 0, got {x:g}")


def _check_limit(cl: float, power: int = 1, convention: str = "credible") -> None:
    if convention not in ("credible", "profile"):
        raise InputError(f"convention must be 'credible' or 'profile', got '{convention}'")
    lowest = 0.5 if convention == "profile" else 0.0
    if not lowest < cl < 1.0:
        raise InputError(f"cl must lie between {lowest:g} and 1, got {cl:g}")
    _check_power(power)


def _check_power(power: int) -> None:
    if power < 1:
        raise InputError(f"power must be a whole number >= 1, got {power}")
