r"""Coordinates of a cancellation by signed handles: how deep it is, and which handle does it.

A part of a mass is linear in one or two handles x_i = scale_i sinh c_i that have either sign, flat
in c_i. In units of the mass without them, S_0,

    t = 1 + sum_i A_i sinh c_i,    A_i from one evaluation per handle

and with the signs of A_i taken into c_i, a_i = |A_i|, every line of one g = c_1 - c_2 crosses
t = 0 exactly once, at (c_1 + c_2)/2 = m(g):

    up = a_1 e^(g/2) + a_2 e^(-g/2),    down = a_1 e^(-g/2) + a_2 e^(g/2),    D = 1 + up down
    m  = ln[down/(1 + sqrt D)],         t = ((sqrt D - 1) + (sqrt D + 1) e^-d) (e^d - 1)/2
    u  = asinh((sqrt(D) d + t_0)/depth),    d = (c_1 + c_2)/2 - m

t_0(g) is the sum there in truth, from an evaluation at the root: the part is hardly ever exactly
linear. It depends on g and what is no handle, so that (u, g) is a bijection of all (c_1, c_2),
with

    ln|det d(u, g)/d(c_1, c_2)| = ln(D)/2 - ln[(sqrt(D) d + t_0)^2 + depth^2]/2

One handle has no g, and up = down = a_1. Along g one goes from the region where the first handle
cancels S_0 to that of the second, and on to those where the two cancel one another.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.target.handles import Columns, Frame, Scalar, Straight, replaced

_LEAST = 1e-30  # of |A|: no root at a coordinate beyond 70

type Handles = Float[Array, " handle"]


@dataclasses.dataclass(frozen=True)
class Roots:
    """A model's cancellation by signed handles that are sampled.

    handles  one or two
    points   coordinates c_i at which the slopes are taken
    depth    the scale of t
    """

    handles: tuple[str, ...]
    points: tuple[float, ...]
    depth: float

    @property
    def labels(self) -> dict[str, str]:
        """What the coordinate of each handle is now, in words."""
        first, *second = self.handles
        depth = f"depth of the cancellation by {' and '.join(self.handles)}"
        return {first: depth} | {name: f"share of {first} and {name}" for name in second}

    def forward(self, frame: Frame, r: Columns) -> Straight:
        """Slots and ln m of coordinates r."""
        at = [frame.index(handle) for handle in self.handles]
        line = self._line(frame, r, at)
        c = line.sign * jnp.stack([r[i] for i in at])
        shares = [c[0] - c[1]] if len(at) == 2 else []
        root = self._root(frame, r, at, line, shares)
        d = jnp.mean(c) - root.at
        slot = jnp.arcsinh((root.slope * d + root.off) / self.depth)
        return Straight(replaced(r, at, [slot, *shares]), *self._sum(line, root, d))

    def inverse(self, frame: Frame, z: Columns) -> Straight:
        """Coordinates r and ln m of slots."""
        at = [frame.index(handle) for handle in self.handles]
        slot, *shares = (z[i] for i in at)
        line = self._line(frame, z, at)
        root = self._root(frame, z, at, line, shares)
        d = (self.depth * jnp.sinh(slot) - root.off) / root.slope
        c = line.sign * _apart(root.at + d, shares)
        return Straight(replaced(z, at, c), *self._sum(line, root, d))

    def deepened(self, frame: Frame, z: Columns, u: Scalar) -> Columns:
        """Slots with depth u of the cancellation."""
        return replaced(z, [frame.index(self.handles[0])], [u])

    def _line(self, frame: Frame, r: Columns, at: list[int]) -> "_Line":
        """S_0, A_i: one evaluation with all handles at 0, and one for each."""
        zero = jnp.zeros(len(at))
        without = _total(frame, r, at, zero)
        steps = [_total(frame, r, at, zero.at[i].set(c)) for i, c in enumerate(self.points)]
        a = (jnp.stack(steps) / without - 1.0) / np.sinh(self.points)
        size = jnp.where(jnp.isnan(a), a, jnp.maximum(jnp.abs(a), _LEAST))
        return _Line(without, size, jnp.where(a < 0.0, -1.0, 1.0))

    def _root(
        self, frame: Frame, r: Columns, at: list[int], line: "_Line", shares: Columns
    ) -> "_Root":
        """Where t = 0 on the line of these shares, if it were linear, and what it is in truth."""
        up, down = _ends(line.size, shares), _ends(line.size[::-1], shares)
        slope = jnp.sqrt(1.0 + up * down)
        place = jnp.log(down) - jnp.log1p(slope)
        off = _total(frame, r, at, line.sign * _apart(place, shares)) / line.without
        return _Root(place, slope, jnp.where(jnp.isfinite(off), off, 0.0))

    def _sum(self, line: "_Line", root: "_Root", d: Scalar) -> tuple[Scalar, Scalar]:
        """(ln|mass|, ln|det|) at distance d from the root."""
        bend = (root.slope - 1.0) + (root.slope + 1.0) * jnp.exp(-d)
        t = 0.5 * jnp.expm1(d) * bend + root.off
        depth = root.slope * d + root.off
        log_det = jnp.log(root.slope) - 0.5 * jnp.log(depth**2 + self.depth**2)
        return jnp.log(jnp.abs(line.without)) + jnp.log(jnp.abs(t)), log_det


class _Line(NamedTuple):
    """S_0, |A_i| and the signs of A_i."""

    without: Scalar
    size: Handles
    sign: Handles


class _Root(NamedTuple):
    """m, sqrt D, t_0."""

    at: Scalar
    slope: Scalar
    off: Scalar


def _total(frame: Frame, r: Columns, at: list[int], handles: Handles) -> Scalar:
    return jnp.asarray(sum(frame.terms(replaced(r, at, handles)).values()))


def _ends(size: Handles, shares: Columns) -> Scalar:
    """a_1 e^(g/2) + a_2 e^(-g/2); a_1 alone where there is one handle."""
    if not shares:
        return size[0]
    return size[0] * jnp.exp(0.5 * shares[0]) + size[1] * jnp.exp(-0.5 * shares[0])


def _apart(middle: Scalar, shares: Columns) -> Handles:
    """(c_1, c_2) around their mean; the one handle alone."""
    if not shares:
        return middle[None]
    return jnp.stack([middle + 0.5 * shares[0], middle - 0.5 * shares[0]])
