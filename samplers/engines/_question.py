"""What a map asks: one quantity to maximise, the two axes of its cells, and what bounds a point."""

import dataclasses
import difflib
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..base import LogDensity
from ._axes import SCALES, Axis
from ._cells import Cells, Measured, Points, coordinate, corners
from ._targets import Described, require_methods

KINDS = ("largest", "smallest", "profile")
_OUTSIDE = ("prior_", "domain_")  # what bounds a profile likelihood, too


@dataclasses.dataclass(frozen=True)
class Question:
    """The options of `frontier` that say what is asked: see there."""

    x: Axis
    y: Axis
    objective: str
    kind: str
    scale: str

    @property
    def is_profile(self) -> bool:
        return self.kind == "profile"

    @property
    def shape(self) -> tuple[int, int]:
        """(y cells, x cells)."""
        return self.y.cells, self.x.cells

    @property
    def cells(self) -> Cells:
        return corners(self.x.coordinates, self.y.coordinates)

    @property
    def names(self) -> dict[str, str]:
        """Quantities of the target that have to be known, by option."""
        asked = {"x": self.x.name, "y": self.y.name}
        return asked if self.is_profile else asked | {"objective": self.objective}

    def check(self) -> None:
        """Raise ValueError for options that make no sense whatever the target is."""
        for axis in (self.x, self.y):
            axis.check()
        if self.x.name == self.y.name:
            raise ValueError(
                f"frontier needs two different quantities x and y, got {self.x.name} twice"
            )
        if self.kind not in KINDS:
            raise ValueError(f"frontier needs kind {' or '.join(KINDS)}, got '{self.kind}'")
        if self.scale not in SCALES:
            raise ValueError(f"frontier needs scale log or linear, got '{self.scale}'")

    def check_target(self, target: LogDensity) -> None:
        """Raise ValueError for a mere density, unknown names, and ranges outside its prior box."""
        require_methods("frontier", target, Described)
        known: Any = target
        for option, name in self.names.items():
            if name not in known.names:
                close = difflib.get_close_matches(name, known.names, n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                raise ValueError(f"frontier: {option} '{name}' is no quantity of this model{hint}")
        for axis in (self.x, self.y):
            axis.check_box(known.box)

    def check_signs(self, objective: float, x: float, y: float) -> None:
        """Raise ValueError where these shares of the prior draws have too few logarithms."""
        if not self.is_profile and self.scale == "log" and objective < 1.0:
            raise ValueError(
                f"frontier: objective {self.objective} is not positive at {1.0 - objective:.2g} of "
                "the prior draws and has no logarithm there; give scale = 'linear'"
            )
        for axis, positive in ((self.x, x), (self.y, y)):
            axis.check_sign(positive)

    def bounding(self, target: Any) -> list[str]:
        """Names of the excesses that count."""
        names = jax.eval_shape(target.excess_at, jnp.zeros(target.dim))
        return sorted(n for n in names if not self.is_profile or n.startswith(_OUTSIDE))

    def measured(self, target: Any, unit: Float[Array, ""], z: Float[Array, " dim"]) -> Measured:
        """f in units of `unit`, the coordinates of the map and the excesses at one point."""
        found, outside = target.quantities_at(z), target.excess_at(z)
        if self.is_profile:
            objective = target.log_likelihood_at(z)
        else:
            sign = -1.0 if self.kind == "smallest" else 1.0
            objective = sign * coordinate(found[self.objective], self.scale) / unit
        x, y = (coordinate(found[axis.name], axis.scale) for axis in (self.x, self.y))
        excess = jnp.stack([outside[name] for name in self.bounding(target)])
        return Measured(objective, x, y, excess)

    def known(self, target: Any, z: Points) -> Array:
        """Tell for each of (n, dim) points whether all that is asked has a value."""

        def each(z: Float[Array, " dim"]) -> Array:
            found = target.quantities_at(z)
            return jnp.all(
                jnp.stack([jnp.isfinite(found[x]) for x in sorted({*self.names.values()})])
            )

        return jax.vmap(each)(z)

    def value(self, objective: Array, unit: Float[Array, ""]) -> Array:
        """Return the quantity itself where f is `objective`."""
        value = objective * unit
        if self.is_profile:
            return value
        value = -value if self.kind == "smallest" else value
        return jnp.exp(value) if self.scale == "log" else value
