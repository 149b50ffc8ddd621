"""Interface of a model: declared parameters, frozen settings, one pure `predict`."""

import abc
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from nmmjax.errors import InputError
from nmmjax.physics.constants import SM, Constants
from nmmjax.physics.staging import kept
from nmmjax.target import settings
from nmmjax.target.priors import Prior

type Theta = Mapping[str, Float[Array, ""]]
type Observables = dict[str, Float[Array, "..."]]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One sampled quantity: its default prior, unit ("" if dimensionless), LaTeX and meaning.

    logarithm  of a ratio: its tuning is that of the ratio
    """

    name: str
    prior: Prior
    unit: str
    latex: str
    description: str
    logarithm: bool = False


@dataclasses.dataclass(frozen=True)
class Rescaling:
    """A joint rescaling under which an observable is (nearly) homogeneous.

    Multiplying every parameter p of `weights` by lambda^weights[p] multiplies `observable`
    by lambda^degree. The first parameter named carries the scale in the chart.
    """

    observable: str
    weights: tuple[tuple[str, float], ...]
    degree: float = 1.0


@dataclasses.dataclass(frozen=True)
class Ratio:
    """A ratio of sums of mass terms proportional to handle^degree, to serve as a coordinate.

    `numerator` and `denominator` are names of signed mass terms that `predict` returns.
    """

    handle: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    degree: float = 1.0


@dataclasses.dataclass(frozen=True)
class Cancellation:
    """Mass terms that may cancel one another, and how each grows with positive handles.

    terms  (name, ((handle, power), ...)): |term| ~ prod handle^power; the first is the unit
    depth  the sum over the unit at viable points, the scale on which the depth is resolved
    bound  in its place where the sum is not measured: the size in eV that is allowed

    Powers need not be exact: they decide how straight the viable region becomes.
    """

    terms: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    depth: float = 0.0
    bound: float = 0.0

    def __post_init__(self) -> None:
        if min(self.depth, self.bound) < 0.0 or (self.depth > 0.0) == (self.bound > 0.0):
            raise ValueError(
                "a cancellation needs either a depth or a bound above 0, "
                f"got depth = {self.depth:g} and bound = {self.bound:g}"
            )

    @property
    def handles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(h for _, powers in self.terms for h, _ in powers))


@dataclasses.dataclass(frozen=True)
class SignedCancellation:
    """Signed parameters, some value of which cancels the rest of the mass.

    handles  (parameter, value), one or two: the sum of `mass_terms` is nearly linear in each, with
             the slope that it has between 0 and this value
    depth    the sum over that without the handles, at viable points
    """

    handles: tuple[tuple[str, float], ...]
    depth: float


@dataclasses.dataclass(frozen=True)
class Plane:
    """Two quantities that show what a model is about, and a third in colour ("": fine tuning)."""

    across: str
    up: str
    colour: str = ""


class Model(eqx.Module):
    """Abstract model: the fields of a subclass are its settings (`target.settings.setting`).

    `predict` sees scalars: callers `vmap`. It may assume that every margin of `domain` is
    positive. Construction raises InputError for a setting that its type does not allow, and for
    settings that do not go together (`check`).
    """

    sm: Constants = eqx.field(static=True, default=SM, kw_only=True)

    def __check_init__(self) -> None:
        settings.check(self)
        self.check()

    def check(self) -> None:
        """Raise InputError for settings, each allowed by itself, that do not go together."""

    @property
    @abc.abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters under these settings, in chart order."""

    @property
    @abc.abstractmethod
    def reference(self) -> dict[str, float]:
        """A point well inside the domain, evaluated in place of points outside it."""

    @abc.abstractmethod
    def predict(self, theta: Theta) -> Observables:
        """Observables at one point: pure, differentiable, no batch axis."""

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins by name; the model is defined where all are positive. Cheap."""
        del theta
        return {}

    @property
    def masses(self) -> tuple[str, ...]:
        """Return the names of the parameters that are positive masses, in GeV or GeV^2."""
        named = (p for p in self.parameters if p.name.startswith(("m_", "m2_")))
        return tuple(p.name for p in named if p.unit in ("GeV", "GeV^2"))

    def check_priors(self, priors: Mapping[str, Prior | float]) -> None:
        """Raise InputError for priors, or fixed values, that leave nothing of the domain."""
        del priors

    @property
    def mass_terms(self) -> tuple[str, ...]:
        """Names of the signed terms whose sum is the (one-generation) neutrino mass."""
        return ()

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes that a paper on this model would show: figures of a run draw them."""
        return ()

    @property
    def rescaling(self) -> Rescaling | None:
        """The homogeneity that the chart may use; None where the model has none."""
        return None

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Ratios of mass terms that refine the chart, outermost handle last."""
        return ()

    @property
    def cancellation(self) -> Cancellation | None:
        """The mass terms that compete under these settings, for the chart; None where none do."""
        return None

    @property
    def signed_cancellation(self) -> SignedCancellation | None:
        """The signed parameters that cancel a mass under these settings, for the chart."""
        return None


def check_priors(model: Model, priors: Mapping[str, Prior | float]) -> None:
    """Raise InputError for priors, or fixed values, that leave no positive mass or no domain."""
    for name in model.masses:
        prior = priors[name]
        top = getattr(prior, "high", math.inf) if isinstance(prior, Prior) else prior
        if not top > 0.0:
            given = f"at most {top:g}" if isinstance(prior, Prior) else f"{top:g}"
            raise InputError(f"{name} = {given} is not a positive mass")
    model.check_priors(priors)


def positive(theta: Theta, *names: str) -> dict[str, Float[Array, ""]]:
    """Return the margin `positive` of masses: the smallest sign. No limit is near a small mass."""
    signs = [jnp.sign(jnp.asarray(theta[p], float)) for p in names if p in theta]
    return {"positive": jnp.min(jnp.stack(signs))}


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Join the quantities of all parts of a model; ValueError where two give the same name."""
    found: dict[str, Any] = {}
    for part in parts:
        if twice := found.keys() & part.keys():
            raise ValueError(f"two parts of a model give {', '.join(sorted(twice))}")
        found |= part
    return found


def guarded_predict(model: Model, theta: Theta) -> tuple[Observables, Bool[Array, ""]]:
    """`predict` where every domain margin is positive, else at the reference point.

    returns (observables, inside). Outside, the values belong to the reference point: they keep
    values and gradients finite and are not to be used. Every program that uses them shares one
    trace of `predict`.
    """
    traced = any(isinstance(x, Tracer) for x in theta.values())
    return (_guarded_once if traced else _guarded)(model, theta)


def _guarded(model: Model, theta: Theta) -> tuple[Observables, Bool[Array, ""]]:
    margins = model.domain(theta)
    inside = jnp.asarray(True)
    for margin in margins.values():
        inside = inside & (margin > 0.0)
    # Barriers: computed once, not again in each consumer.
    if margins:
        inside = kept(inside)
        theta = {p: jnp.where(inside, x, model.reference[p]) for p, x in theta.items()}
    observables = model.predict(kept(dict(theta)))
    return {name: jnp.asarray(value, float) for name, value in observables.items()}, inside


_guarded_once = jax.jit(_guarded, static_argnums=0, inline=True)
