"""Likelihood shapes of measurements: a Gaussian, and several correlated ones."""

import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.special import chdtri, ndtr

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
)
from nmmjax.errors import InputError


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
        """Return the limit, or two sigma in x^power; an angle, which may wrap, excludes nothing."""
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
