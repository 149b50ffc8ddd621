"""Likelihood shape of an excluded region: a closed contour of a coupling against a mass."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import Observed, check_positive
from nmmjax.constraints.ends import (
    Curve,
    Outline,
    against,
    check_extend,
    check_lengths,
    fraction,
    gate,
    mass_of,
    or_outside,
    outside,
)
from nmmjax.errors import InputError

_EDGE_WIDTH = 0.1  # in ln(coupling): softness of the edges


class ExcludedRegion(Curve):
    r"""A closed region in (mass, coupling), with neither depth nor statistics inside.

        ln L = -height W(m, coupling) BR,  W = 1 inside with edges 0.1 wide in ln(coupling)

    `mass` and `coupling` are the vertices of one edge up to the largest mass and of the other
    back down. BR is 1 - BR with `visible`; `allowed` fails inside where it is above 1/2.
    Edges are straight in ln-ln.
    """

    word: ClassVar[str] = "excluded_region"
    columns: ClassVar[tuple[str, ...]] = ("mass", "coupling")

    mass: tuple[float, ...] = eqx.field(static=True)
    coupling: tuple[float, ...] = eqx.field(static=True)
    height: float = eqx.field(static=True, default=3.0)
    visible: bool = eqx.field(static=True, default=False)
    extend: str = eqx.field(static=True, default="")

    def __check_init__(self):
        check_extend(self.extend)
        check_lengths(self.mass, coupling=self.coupling)
        check_positive(height=self.height)
        for key, values in (("mass", self.mass), ("coupling", self.coupling)):
            for x in values:
                check_positive(**{key: x})
        rises = np.diff(self.mass) > 0.0
        top = int(np.argmax(self.mass))
        if not 0 < top < len(self.mass) - 1 or not rises[:top].all() or rises[top:].any():
            raise InputError("the masses of a closed contour must rise once and fall once")

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        low, high = self.edges(mass_of(self, observables))
        x = jnp.abs(self._observed(observables))
        above = 1.0 / (1.0 + (low / jnp.maximum(x, 1e-3 * low)) ** (1.0 / _EDGE_WIDTH))
        below = 1.0 / (1.0 + (jnp.minimum(x, 1e3 * high) / high) ** (1.0 / _EDGE_WIDTH))
        window = above * below * gate(self, observables)
        return -self.height * window * fraction(self, observables)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        low, high = self.edges(mass_of(self, observables))
        x = jnp.abs(self._observed(observables))
        inside = (x > low) & (x < high) & ~outside(self, observables)
        return ~(inside & (fraction(self, observables) > 0.5))

    def excess(self, observables: Observed) -> Float[Array, ""]:
        low, high = self.edges(mass_of(self, observables))
        log_x = jnp.log(jnp.maximum(jnp.abs(self._observed(observables)), 1e-3 * low))
        deep = jnp.minimum(log_x - jnp.log(low), jnp.log(high) - log_x) / _EDGE_WIDTH
        if len(self.requires) == 3:
            seen = 2.0 * fraction(self, observables) - 1.0
            deep = jnp.minimum(deep, seen / _EDGE_WIDTH)
        return or_outside(self, observables, deep)

    def describe(self) -> str:
        low, high = min(self.coupling), max(self.coupling)
        sort = "flag" if self.flag else f"step of {self.height:g}"
        return f"{self.requires[0]} outside {low:.2g} to {high:.2g} {against(self)} ({sort})"

    def outline(self) -> Outline:
        mass, coupling = (np.array([*x, x[0]]) for x in (self.mass, self.coupling))
        return Outline(mass, coupling, "flag" if self.flag else "region", closed=True)

    def edges(self, mass: Float[Array, "*b"]) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
        """Lower and upper edge of the region in the coupling."""
        log_mass, log_coupling = np.log(self.mass), np.log(self.coupling)
        top = int(np.argmax(log_mass))
        there = slice(0, top + 1), slice(None, top - 1 if top else None, -1)
        x = jnp.log(jnp.maximum(mass, min(self.mass)))
        out, back = (jnp.exp(jnp.interp(x, log_mass[s], log_coupling[s])) for s in there)
        return jnp.minimum(out, back), jnp.maximum(out, back)
