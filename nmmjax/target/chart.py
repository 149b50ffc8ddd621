"""Changes of variables: the viable region is a thin ridge, and the chart straightens it.

Three bijections follow one another, theta -> c -> r -> z:

1. c: every prior's own coordinate (logarithms, circles). This alone is the `box` chart.
2. the mass shear. m = |m_nu| is nearly homogeneous of degree k under a joint rescaling of some
   parameters. With s the log of that scale (0 at a reference) and r the coordinates brought
   back to s = 0, z_s = k s + ln m(r).
3. coordinates in place of handles: ratios of mass terms (`handles`), or, where mass terms cancel
   one another, depth and shares of the cancellation (`cancellation`, `roots`). They also give the
   m(r) of step 2 without a further evaluation.

Where m is not measured but bounded, at the end of a cancellation, ln m would have a long empty tail
and step 2 is left out: the depth, in units of the bound, is m itself (`Cancellation.bound`).

Steps 1 to 3 without a cancellation add to one coordinate a function of coordinates that come
before it, so |det dz/dc| is a constant whatever the model does, and homogeneity only decides how
straight the ridge becomes; that of a cancellation is explicit. Barriers between the stages keep
the compiler from computing one inside the next.
"""

import dataclasses
import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics.staging import kept
from nmmjax.target import cancellation
from nmmjax.target.cancellation import Competition
from nmmjax.target.handles import Columns, Ratios, Scalar, Shear, Terms
from nmmjax.target.model import Model, Rescaling, Theta, guarded_predict
from nmmjax.target.priors import LogUniform, Prior, SignedLog
from nmmjax.target.roots import Roots

type Position = Float[Array, " dim"]
type Handles = Shear | Ratios | Competition | Roots


class Chart(eqx.Module):
    """The map between chart position z and parameters theta.

    `forward` and `inverse` give ln|det dz/dc| beside the point.
    """

    model: Model
    priors: tuple[tuple[str, Prior], ...] = eqx.field(static=True)
    fixed: tuple[tuple[str, float], ...] = eqx.field(static=True)
    rescaling: Rescaling | None = eqx.field(static=True)
    handles: Handles = eqx.field(static=True)

    @property
    def dim(self) -> int:
        return sum(prior.dims for _, prior in self.priors)

    @property
    def slots(self) -> dict[str, slice]:
        """Return the slice of a position that holds each sampled parameter."""
        ends = [0]
        for _, prior in self.priors:
            ends.append(ends[-1] + prior.dims)
        return {p: slice(*ends[i : i + 2]) for i, (p, _) in enumerate(self.priors)}

    @property
    def labels(self) -> tuple[str, ...]:
        """A name per coordinate of z, in words."""
        names = [
            p if prior.dims == 1 else f"{p}[{k}]"
            for p, prior in self.priors
            for k in range(prior.dims)
        ]
        for handle, label in self.handles.labels.items():
            names[self.index(handle)] = label
        if self.rescaling is not None:
            names[self.index(self.rescaling.weights[0][0])] = f"ln {self.rescaling.observable}"
        return tuple(names)

    @property
    def walls(self) -> tuple[tuple[float, float], ...]:
        """(low, high) per coordinate of z: hard bounds of those that are a prior's own.

        Without such bounds, or replaced by the chart: (-inf, inf).
        """
        moved = () if self.rescaling is None else (p for p, _ in self.rescaling.weights)
        changed = {*self.handles.labels, *moved}
        return tuple(
            (-math.inf, math.inf) if p in changed else prior.walls
            for p, prior in self.priors
            for _ in range(prior.dims)
        )

    def theta(self, z: Position) -> dict[str, Float[Array, ""]]:
        """Parameters at chart position z."""
        return self.values(self.coordinates(z))

    def z(self, theta: Theta) -> Position:
        """Chart position of parameters theta (fixed ones are ignored)."""
        return self.position(jnp.concatenate([v.coordinate(theta[p]) for p, v in self.priors]))

    def values(self, c: Position) -> dict[str, Float[Array, ""]]:
        """Parameters at prior coordinates c, fixed ones included."""
        slots = self.slots
        sampled = {p: prior.value(c[slots[p]]) for p, prior in self.priors}
        return sampled | {p: jnp.asarray(x) for p, x in self.fixed}

    def position(self, c: Position) -> Position:
        """Chart position z of prior coordinates c."""
        return self.forward(c)[0]

    def coordinates(self, z: Position) -> Position:
        """Prior coordinates c of chart position z, at the price of some mass terms."""
        return self.inverse(z)[0]

    def forward(self, c: Position) -> tuple[Position, Float[Array, ""]]:
        """(z, ln|det dz/dc|) at prior coordinates c."""
        if self._is_box:
            return c, jnp.zeros(())
        s = self._scale(c)
        found = self.handles.forward(self, self._moved([*c], -s))
        z = [*found.columns]
        if self.rescaling is not None:
            z[self._pivot[0]] = self.rescaling.degree * s + found.log_mass
        return jnp.stack(z), found.log_det + self._log_det

    def inverse(self, z: Position) -> tuple[Position, Float[Array, ""]]:
        """(c, ln|det dz/dc|) at chart position z: mass terms at reference values of the handles."""
        if self._is_box:
            return z, jnp.zeros(())
        found, s = self.handles.inverse(self, self._at_middle(z)), jnp.zeros(())
        if self.rescaling is not None:
            s = (z[self._pivot[0]] - found.log_mass) / self.rescaling.degree
        c = jnp.stack(self._moved(found.columns, s))
        return kept(c), found.log_det + self._log_det

    @property
    def cancels(self) -> bool:
        """Tell whether a coordinate is the depth of a cancellation."""
        return isinstance(self.handles, Competition | Roots)

    def deepened(self, c: Position, z: Position, u: Scalar) -> tuple[Position, Position, Scalar]:
        """(c, z, ln|det dz/dc|) once the handles have moved to depth u; the scale stays."""
        s = self._scale(c)
        slots = self.handles.deepened(self, self._at_middle(z), u)
        back = self.handles.inverse(self, slots)
        moved = [*slots]
        if self.rescaling is not None:
            moved[self._pivot[0]] = self.rescaling.degree * s + back.log_mass
        coordinates = jnp.stack(self._moved(back.columns, s))
        return coordinates, jnp.stack(moved), back.log_det + self._log_det

    def index(self, parameter: str) -> int:
        """Return where the coordinate of a parameter stands in a position."""
        return self.slots[parameter].start

    def reference(self, parameter: str) -> float:
        """Return the middle of a prior in its coordinate: where scales and handles are held."""
        prior = dict(self.priors)[parameter]
        if isinstance(prior, LogUniform):
            return 0.5 * (math.log(prior.low) + math.log(prior.high))
        return 0.0

    def terms(self, r: Sequence[Scalar]) -> Terms:
        """Return the signed mass terms at coordinates r."""
        observables, _ = guarded_predict(self.model, self.values(jnp.stack([*r])))
        return {name: observables[name] for name in self.model.mass_terms}

    def mass(self, r: Sequence[Scalar]) -> Scalar:
        """Return the observable that the scale moves, at coordinates r."""
        assert self.rescaling is not None
        observables, _ = guarded_predict(self.model, self.values(jnp.stack([*r])))
        return observables[self.rescaling.observable]

    @property
    def _is_box(self) -> bool:
        return self.rescaling is None and isinstance(self.handles, Shear)

    def _scale(self, c: Position) -> Scalar:
        """s at prior coordinates c; 0 without a rescaling."""
        if self.rescaling is None:
            return jnp.zeros(())
        pivot, weight = self._pivot
        return (c[pivot] - self.reference(self.rescaling.weights[0][0])) / weight

    def _at_middle(self, z: Position) -> list[Scalar]:
        """z with the reference of its parameter in place of the coordinate of the scale."""
        at = [*z]
        if self.rescaling is not None:
            at[self._pivot[0]] = jnp.asarray(self.reference(self.rescaling.weights[0][0]))
        return at

    @property
    def _pivot(self) -> tuple[int, float]:
        """(index, weight) of the coordinate that carries the scale."""
        assert self.rescaling is not None
        name, weight = self.rescaling.weights[0]
        return self.index(name), weight

    @property
    def _log_det(self) -> float:
        """ln|det| of the shear."""
        if self.rescaling is None:
            return 0.0
        return math.log(abs(self.rescaling.degree / self.rescaling.weights[0][1]))

    def _moved(self, columns: Columns, s: Scalar) -> Columns:
        """Coordinates once the scale has grown by s; a NaN of s stays in those that it moves."""
        moved = list(columns)
        for p, weight in self.rescaling.weights if self.rescaling is not None else ():
            moved[self.index(p)] = moved[self.index(p)] + weight * s
        return moved


def build(
    model: Model, priors: dict[str, Prior], fixed: dict[str, float], kind: str = "auto"
) -> Chart:
    """Build the chart of `model` under these priors.

    kind "auto"    mass shear, and depth and shares of the cancellation or else ratios, where the
                   model declares them; without the shear where a cancelling mass is bounded
         "ratios"  mass shear and ratios
         "shear"   mass shear only
         "box"     prior coordinates only

    A rescaling or ratio needs its parameters sampled with a `log_uniform` prior, a signed handle
    its own with a `signed_log` one; a parameter fixed at 0 is 0 at any scale. Others leave it out.
    """
    logs = {p for p, prior in priors.items() if isinstance(prior, LogUniform)}
    zero = {p for p, x in fixed.items() if x == 0.0}
    rescaling = None if kind == "box" else _rescaling(model, logs, zero)
    handles: Handles | None = _bounded(model, logs, zero) if kind == "auto" else None
    if handles is not None:
        rescaling = None
    if rescaling is not None and kind == "auto":
        handles = _cancelling(model, priors, logs - {rescaling.weights[0][0]}, zero)
    if rescaling is not None and kind in ("auto", "ratios"):
        handles = handles or _ratios(model, logs - {rescaling.weights[0][0]})
    return Chart(model, (*priors.items(),), (*fixed.items(),), rescaling, handles or Shear())


def _rescaling(model: Model, logs: set[str], zero: set[str]) -> Rescaling | None:
    """The rescaling that the model declares, without parameters that are 0, and so at any scale."""
    if (declared := model.rescaling) is None:
        return None
    weights = tuple((p, weight) for p, weight in declared.weights if p not in zero)
    if not weights or not {p for p, _ in weights} <= logs:
        return None
    return dataclasses.replace(declared, weights=weights)


def _bounded(model: Model, logs: set[str], zero: set[str]) -> Competition | None:
    """The coordinate of a cancellation whose sum is bounded, in a chart without rescaling."""
    declared = model.cancellation
    return cancellation.compete(declared, logs, zero) if declared and declared.bound else None


def _cancelling(
    model: Model, priors: dict[str, Prior], logs: set[str], zero: set[str]
) -> Handles | None:
    """Coordinates of the cancellation that the model declares, signed handles first."""
    if (signed := model.signed_cancellation) is not None:
        scales = {p: v.scale for p, v in priors.items() if isinstance(v, SignedLog)}
        given = {p: math.asinh(x / scales[p]) for p, x in signed.handles if p in scales}
        if given:
            return Roots(tuple(given), tuple(given.values()), signed.depth)
    if (declared := model.cancellation) is not None and not declared.bound:
        return cancellation.compete(declared, logs, zero)
    return None


def _ratios(model: Model, logs: set[str]) -> Ratios | None:
    """Ratios of mass terms whose handles are sampled in logarithms."""
    ratios = tuple(r for r in model.ratios if r.handle in logs)
    for ratio in ratios:
        if strange := {*ratio.numerator, *ratio.denominator} - {*model.mass_terms}:
            raise ValueError(
                f"{type(model).__name__}.ratios names {sorted(strange)}, not among its mass_terms"
            )
    return Ratios(ratios) if ratios else None
