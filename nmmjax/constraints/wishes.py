"""Soft targets: a window for a quantity, and the wish that a target may hold beside its data."""

import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import Constraint, Interval, Observed, check_positive, over, under
from nmmjax.errors import InputError


class Window(Constraint):
    """Flat on [low, high] = `value`, half-Gaussian of width `sigma` outside.

    ln L = -(distance to the window / sigma)^2 / 2; `allowed` up to two sigma outside.
    """

    word: ClassVar[str] = "window"

    value: tuple[float, ...] = eqx.field(static=True)
    sigma: float = eqx.field(static=True)

    def __check_init__(self):
        check_positive(sigma=self.sigma)
        if len(self.value) != 2 or not self.value[0] < self.value[1]:
            raise InputError(f"value must be [low, high] with low < high, got {list(self.value)}")

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return -0.5 * self._pull(observables) ** 2

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self._pull(observables) <= 2.0

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return over(self._pull(observables) ** 2 / 4.0)

    def describe(self) -> str:
        low, high = self.value
        window = self._in_units(f"{low:.10g} < {self.requires[0]} < {high:.10g}")
        return f"{window}, Gaussian edges of {self.sigma:.10g}"

    def interval(self) -> Interval:
        """Return the window widened by two sigma on either side, as `allowed`."""
        low, high = self.value
        reach = 2.0 * self.sigma
        return Interval(low - reach, high + reach, self._labelled("±2σ"))

    def _pull(self, observables: Observed) -> Float[Array, ""]:
        x = self._observed(observables)
        low, high = self.value
        return (jnp.maximum(low - x, 0.0) + jnp.maximum(x - high, 0.0)) / self.sigma


class Prefer(Constraint):
    """A wish, not a likelihood: half-Gaussian in log10|x| outside [above, below].

    ln P = -(decades outside / width_dex)^2 / 2; -inf at x = 0 if `above` is given.
    """

    above: float | None = eqx.field(static=True)
    below: float | None = eqx.field(static=True)
    width_dex: float = eqx.field(static=True)

    def __check_init__(self):
        given = {k: x for k in ("above", "below") if (x := getattr(self, k)) is not None}
        check_positive(width_dex=self.width_dex, **given)
        if not given:
            raise InputError("prefer needs above, below or both")
        if len(given) == 2 and given["above"] > given["below"]:
            raise InputError(
                f"above must not exceed below, got {given['above']:g} and {given['below']:g}"
            )

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        x = jnp.abs(self._observed(observables))
        # Clipped before the logarithm, so that the flat side has gradient 0 also at x = 0.
        decades = jnp.zeros_like(x)
        if self.above is not None:
            decades += jnp.log10(jnp.minimum(x / self.above, 1.0))
        if self.below is not None:
            decades += jnp.log10(jnp.maximum(x / self.below, 1.0))
        return -0.5 * (decades / self.width_dex) ** 2

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        x = jnp.abs(self._observed(observables))
        low = 0.0 if self.above is None else self.above
        high = math.inf if self.below is None else self.below
        return (x >= low) & (x <= high)

    def excess(self, observables: Observed) -> Float[Array, ""]:
        x = jnp.abs(self._observed(observables))
        low = jnp.asarray(-math.inf) if self.above is None else under(x / self.above)
        high = jnp.asarray(-math.inf) if self.below is None else over(x / self.below)
        return jnp.maximum(low, high)

    def describe(self) -> str:
        ends = (("above", self.above), ("below", self.below))
        wish = " and ".join(self._in_units(f"{word} {x:.10g}") for word, x in ends if x is not None)
        return f"{self.requires[0]} {wish}, width {self.width_dex:.10g} dex (preferred)"

    def interval(self) -> Interval:
        """Return the ends wished for, of the size of the observable."""
        low = -math.inf if self.above is None else self.above
        high = math.inf if self.below is None else self.below
        return Interval(low, high, f"wish, {self.width_dex:g} dex wide", excludes=False)
