"""An axis of a map: its options checked, and the edges of its cells."""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._cells import coordinate

SCALES = ("log", "linear")


class Axis(NamedTuple):
    """The options of `frontier` for one axis; `option` is the letter they begin with."""

    option: str
    name: str
    ends: tuple[float, ...]
    cells: int
    scale: str

    def check(self) -> None:
        """Raise ValueError for options that make no axis."""
        if not self.name:
            raise ValueError(f"frontier needs {self.option}, the name of a parameter or observable")
        if len(self.ends) != 2 or not self.ends[0] < self.ends[1]:
            raise ValueError(f"frontier needs {self.option}_range = [low, high] with low < high")
        if self.scale not in SCALES:
            raise ValueError(
                f"frontier needs {self.option}_scale log or linear, got '{self.scale}'"
            )
        if self.scale == "log" and not self.ends[0] > 0.0:
            raise ValueError(
                f"frontier needs {self.option}_range above 0 on a log scale, got "
                f"{list(self.ends)}; or {self.option}_scale = 'linear'"
            )

    def check_box(self, box: Mapping[str, tuple[float, float]]) -> None:
        """Raise ValueError for a range that reaches outside the prior box of the quantity."""
        low, high = self.ends
        bottom, top = box.get(self.name, (low, high))
        if low < bottom or high > top:
            raise ValueError(
                f"frontier: {self.option}_range [{low:g}, {high:g}] of {self.name} reaches outside "
                f"its prior, [{bottom:g}, {top:g}]"
            )

    def check_sign(self, positive: float) -> None:
        """Raise ValueError for a log scale of a quantity positive at no prior draw."""
        if self.scale == "log" and positive == 0.0:
            raise ValueError(
                f"frontier: {self.name} is positive at no prior draw and has no logarithm; give "
                f"{self.option}_scale = 'linear'"
            )

    @property
    def edges(self) -> Float[Array, " edge"]:
        """Edges of the cells, `cells` + 1 of them, evenly spaced in the scale."""
        spaced = np.geomspace if self.scale == "log" else np.linspace
        return jnp.asarray(spaced(self.ends[0], self.ends[1], self.cells + 1))

    @property
    def coordinates(self) -> Float[Array, " edge"]:
        """Edges of the cells in the coordinate of the scale."""
        return coordinate(self.edges, self.scale)
