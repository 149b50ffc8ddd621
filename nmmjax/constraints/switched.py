"""A constraint with a switch that a compiled program may turn: one program for all leave-outs."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import Constraint, Observed


class Switched(Constraint):
    """`inner` where `on` is true; else ln L = 0 and everything is allowed."""

    inner: Constraint
    on: Bool[Array, ""]

    def log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        """`inner`'s, and 0 where it is switched off, whatever the observables are."""
        return jnp.where(self.on, self.inner.log_likelihood(observables), 0.0)

    def allowed(self, observables: Observed) -> Bool[Array, ""]:
        """`inner`'s, and true where it is switched off."""
        return self.inner.allowed(observables) | ~self.on

    def _log_likelihood(self, observables: Observed) -> Float[Array, ""]:
        return self.inner._log_likelihood(observables)

    def _allowed(self, observables: Observed) -> Bool[Array, ""]:
        return self.inner._allowed(observables)

    def excess(self, observables: Observed) -> Float[Array, ""]:
        return self.inner.excess(observables)

    def describe(self) -> str:
        return self.inner.describe()


def switched(constraint: Constraint, on: Any = True) -> Switched:
    """Give a constraint a switch."""
    c = constraint
    return Switched(c.name, c.requires, c.source, c, jnp.asarray(on), flag=c.flag)


def turned(constraints: tuple[Switched, ...], off: tuple[str, ...]) -> tuple[Switched, ...]:
    """Switch off the constraints named in `off`, and the others on."""
    return tuple(
        eqx.tree_at(lambda c: c.on, one, jnp.asarray(one.name not in off)) for one in constraints
    )
