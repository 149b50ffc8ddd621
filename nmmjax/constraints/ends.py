"""Ends of a curve against a mass, and the share of the signal that the experiment sees there."""

import abc
import math
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.constraints.base import Constraint, Observed
from nmmjax.errors import InputError

GATE_WIDTH = 0.02  # in ln(mass): how sharply a curve ends


class Outline(NamedTuple):
    """A curve to be drawn: points, how to read it ("90% CL"), and whether it closes a region."""

    mass: np.ndarray
    coupling: np.ndarray
    words: str
    closed: bool = False


class Curve(Constraint):
    """Abstract constraint on a coupling against a mass; a new curve is one class beside these."""

    counts: ClassVar[range] = range(2, 4)
    wanted: ClassVar[str] = "[coupling, mass] or [coupling, mass, branching ratio]"

    mass: eqx.AbstractVar[tuple[float, ...]]
    visible: eqx.AbstractVar[bool]
    extend: eqx.AbstractVar[str]

    def meets(self, low: float, high: float) -> bool:
        """Tell whether the curve says something about any mass from low to high, in GeV."""
        first, last = _ends(self)
        return low <= last and high >= first

    @abc.abstractmethod
    def outline(self) -> Outline:
        """Trace the line, or closed contour, where `allowed` changes for a branching ratio of 1."""


def mass_of(curve: Curve, observables: Observed) -> Float[Array, ""]:
    """Take the mass that a curve runs against."""
    return observables[curve.requires[1]]


def against(curve: Curve) -> str:
    """Say 'against m_aprime in 0.001 to 1.4 GeV and below'."""
    below = " and below" if curve.extend else ""
    masses = f"{min(curve.mass):.4g} to {max(curve.mass):.4g} GeV"
    return f"against {curve.requires[1]} in {masses}{below}"


def fraction(curve: Curve, observables: Observed) -> Float[Array, ""]:
    """Take the branching ratio that the search sees; 1 where the curve asks for none."""
    if len(curve.requires) < 3:
        return jnp.ones_like(mass_of(curve, observables))
    branching = observables[curve.requires[2]]
    return 1.0 - branching if curve.visible else branching


def _ends(curve: Curve) -> tuple[float, float]:
    """Give the masses between which a curve says something: 0 and infinity where it goes on."""
    first = 0.0 if curve.extend else min(curve.mass)
    return first, math.inf if getattr(curve, "beyond", "gate") == "slope" else max(curve.mass)


def _to_ends(curve: Curve, observables: Observed) -> list[Float[Array, ""]]:
    """Give ln of the mass over the first and under the last end, for the ends that there are."""
    first, last = _ends(curve)
    mass = mass_of(curve, observables)
    # The floors, far from the end, spare the logarithms a vanishing mass.
    above = [jnp.log(jnp.maximum(mass / first, 1e-3))] if first > 0.0 else []
    return above + ([-jnp.log(jnp.maximum(mass / last, 1e-3))] if last < math.inf else [])


def gate(curve: Curve, observables: Observed) -> Float[Array, ""]:
    """Weigh a mass: 1 inside the table, 0 well outside, 1/2 at its ends; 1 where it goes on."""
    found = jnp.ones_like(mass_of(curve, observables))
    for distance in _to_ends(curve, observables):
        found *= jax.nn.sigmoid(distance / GATE_WIDTH)
    return found


def outside(curve: Curve, observables: Observed) -> Bool[Array, ""]:
    """Tell whether the mass is beyond an end of the curve."""
    first, last = _ends(curve)
    mass = mass_of(curve, observables)
    return (mass > last) | (mass < first)


def or_outside(curve: Curve, observables: Observed, excess: Float[Array, ""]) -> Float[Array, ""]:
    """Take the smaller of an excess and of the distance to an end of the table, in gate widths."""
    for distance in _to_ends(curve, observables):
        excess = jnp.minimum(excess, distance / GATE_WIDTH)
    return excess


def check_extend(extend: str) -> None:
    """Raise InputError for a word other than 'below'."""
    if extend not in ("", "below"):
        raise InputError(f"extend must be 'below' where it is given, got '{extend}'")


def check_lengths(mass: tuple[float, ...], **columns: tuple[float, ...]) -> None:
    """Raise InputError unless the columns are as long as the masses, two at least."""
    for key, values in columns.items():
        if len(values) != len(mass) or len(mass) < 2:
            raise InputError(
                f"mass and {key} must be lists of the same length >= 2, "
                f"got {len(mass)} and {len(values)}"
            )
