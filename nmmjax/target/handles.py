"""What takes the place of handles in a chart: nothing, or ratios of mass terms.

A handle is a parameter whose coordinate a chart replaces. All of them, here, in `cancellation`
and in `roots`, see coordinates r at which the scale of the mass is at its reference, as a list of
scalars, and give the replaced list, ln m at r, and ln|det|.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.target.model import Ratio

type Scalar = Float[Array, ""]
type Columns = list[Scalar]
type Terms = dict[str, Scalar]


@runtime_checkable
class Frame(Protocol):
    """What handles need of their chart."""

    def index(self, parameter: str) -> int:
        """Return where the coordinate of a parameter stands."""
        ...

    def reference(self, parameter: str) -> float:
        """Return the coordinate at which it is held."""
        ...

    def terms(self, r: Sequence[Scalar]) -> Terms:
        """Return the signed mass terms at coordinates r: one model evaluation."""
        ...

    def mass(self, r: Sequence[Scalar]) -> Scalar:
        """Return the observable that the scale moves, at coordinates r."""
        ...


class Straight(NamedTuple):
    """Coordinates with the handles replaced, ln m at s = 0, and ln|det d slots/d handles|."""

    columns: Columns
    log_mass: Scalar
    log_det: Scalar


def replaced(columns: Sequence[Scalar], at: Iterable[int], by: Iterable[Scalar]) -> Columns:
    """Return a copy of the coordinates with those at some places replaced."""
    new = list(columns)
    for i, x in zip(at, by, strict=True):
        new[i] = jnp.asarray(x)
    return new


@dataclasses.dataclass(frozen=True)
class Shear:
    """No handle is replaced."""

    @property
    def labels(self) -> dict[str, str]:
        """What the coordinate of each handle is now, in words."""
        return {}

    def forward(self, frame: Frame, r: Columns) -> Straight:
        """Slots and ln m of coordinates r."""
        return Straight(r, jnp.log(jnp.abs(frame.mass(r))), jnp.zeros(()))

    def inverse(self, frame: Frame, z: Columns) -> Straight:
        """Coordinates r and ln m of slots."""
        return self.forward(frame, z)

    def deepened(self, frame: Frame, z: Columns, u: Scalar) -> Columns:
        """Slots with depth u of the cancellation: there is none."""
        del frame, u
        return z


@dataclasses.dataclass(frozen=True)
class Ratios:
    """Ratios of mass terms in place of their handles.

    A numerator proportional to (handle)^d gives z_h = d (c_h - h_ref) + ln|numerator/denominator|.
    All terms come from one evaluation with every handle at its reference; earlier handles rescale
    their own numerators, and the rescaled terms give m.
    """

    ratios: tuple[Ratio, ...]

    @property
    def labels(self) -> dict[str, str]:
        """What the coordinate of each handle is now, in words."""
        return {
            ratio.handle: f"ln |{'+'.join(ratio.numerator)}| / |{'+'.join(ratio.denominator)}|"
            for ratio in self.ratios
        }

    def forward(self, frame: Frame, r: Columns) -> Straight:
        """Slots and ln m of coordinates r."""
        terms, z = self._held(frame, r), list(r)
        for ratio in self.ratios:
            i = frame.index(ratio.handle)
            shift = ratio.degree * (r[i] - frame.reference(ratio.handle))
            z[i] = shift + _log_ratio(ratio, terms)
            terms = _rescaled(ratio, terms, shift)
        return Straight(z, _log_sum(terms), self._log_det)

    def inverse(self, frame: Frame, z: Columns) -> Straight:
        """Coordinates r and ln m of slots."""
        terms, r = self._held(frame, z), list(z)
        for ratio in self.ratios:
            i = frame.index(ratio.handle)
            shift = z[i] - _log_ratio(ratio, terms)
            r[i] = frame.reference(ratio.handle) + shift / ratio.degree
            terms = _rescaled(ratio, terms, shift)
        return Straight(r, _log_sum(terms), self._log_det)

    def deepened(self, frame: Frame, z: Columns, u: Scalar) -> Columns:
        """Slots with depth u of the cancellation: there is none."""
        del frame, u
        return z

    @property
    def _log_det(self) -> Scalar:
        return jnp.asarray(sum(math.log(abs(ratio.degree)) for ratio in self.ratios))

    def _held(self, frame: Frame, columns: Columns) -> Terms:
        """The mass terms with all handles at their references."""
        names = [ratio.handle for ratio in self.ratios]
        at = [jnp.asarray(frame.reference(name)) for name in names]
        return frame.terms(replaced(columns, map(frame.index, names), at))


def _log_sum(terms: Terms) -> Scalar:
    return jnp.log(jnp.abs(sum(terms.values())))


def _log_ratio(ratio: Ratio, terms: Terms) -> Scalar:
    top = sum(terms[name] for name in ratio.numerator)
    bottom = sum(terms[name] for name in ratio.denominator)
    return jnp.log(jnp.abs(top / bottom))


def _rescaled(ratio: Ratio, terms: Terms, shift: Scalar) -> Terms:
    """The terms once the handle has moved: its numerator is proportional to handle^degree."""
    factor = jnp.exp(shift)
    return {k: v * factor if k in ratio.numerator else v for k, v in terms.items()}
