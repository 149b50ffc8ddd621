"""Changes of variables: the viable region is a thin ridge, and the chart straightens it.

Three bijections follow one another, theta -> c -> r -> z:

1. c: every prior's own coordinate (logarithms, circles). This alone is the `box` chart.
2. the mass shear. m = |m_nu| is nearly homogeneous of degree k under a joint rescaling of some
   parameters. With s the log of that scale (0 at a reference) and r the coordinates brought
   back to s = 0, z_s = k s + ln m(r).
3. ratios of mass terms. A numerator proportional to (handle)^d gives
   z_h = d (c_h - h_ref) + ln|numerator/denominator|. All terms come from one evaluation with
   every handle at its reference and s = 0; earlier handles rescale their own numerators, and
   the rescaled terms also give the m(r) of step 2 without a second evaluation.

   Where mass terms cancel one another, depth and shares of the cancellation (`cancellation`) take
   the place of the ratios; m(r) then holds the sum at that depth.

Steps 1 to 3 without a cancellation add to one coordinate a function of coordinates that come
before it, so |det dz/dc| is a constant whatever the model does, and homogeneity only decides how
straight the ridge becomes; that of a cancellation is explicit. Barriers between the stages keep
the compiler from computing one inside the next.
"""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.physics.staging import kept
from nmmjax.target import cancellation
from nmmjax.target.cancellation import Competition
from nmmjax.target.model import Model, Ratio, Rescaling, Theta, guarded_predict
from nmmjax.target.priors import LogUniform, Prior

type Position = Float[Array, " dim"]


class Chart(eqx.Module):
    """The map between chart position z and parameters theta.

    `forward` and `inverse` give ln|det dz/dc| beside the point.
    """

    model: Model
    priors: tuple[tuple[str, Prior], ...] = eqx.field(static=True)
    fixed: tuple[tuple[str, float], ...] = eqx.field(static=True)
    rescaling: Rescaling | None = eqx.field(static=True)
    ratios: tuple[Ratio, ...] = eqx.field(static=True)
    competition: Competition | None = eqx.field(static=True, default=None)

    @property
    def dim(self) -> int:
        return sum(prior.dims for _, prior in self.priors)

    @property
    def _log_det(self) -> float:
        """The part of ln|det dz/dc| that is the same at every point."""
        shear = 0.0 if self.competition is None else self.competition.log_det
        if self.rescaling is not None:
            shear += math.log(abs(self.rescaling.degree / self.rescaling.weights[0][1]))
        return shear + sum(math.log(abs(ratio.degree)) for ratio in self.ratios)

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
        for ratio in self.ratios:
            names[self._index(ratio.handle)] = (
                f"ln |{'+'.join(ratio.numerator)}| / |{'+'.join(ratio.denominator)}|"
            )
        if self.rescaling is not None:
            names[self._index(self.rescaling.weights[0][0])] = f"ln {self.rescaling.observable}"
        if self.competition is not None:
            for handle, group in zip(
                self.competition.handles, self.competition.groups[1:], strict=True
            ):
                names[self._index(handle)] = f"depth or share of {'+'.join(group)}"
        return tuple(names)

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
        """Prior coordinates c of chart position z, at the price of one model evaluation."""
        return self.inverse(z)[0]

    def forward(self, c: Position) -> tuple[Position, Float[Array, ""]]:
        """(z, ln|det dz/dc|) at prior coordinates c."""
        constant = jnp.asarray(self._log_det)
        if self.rescaling is None:
            return c, constant
        pivot, weights, references = self._geometry(c)
        s = (c[pivot] - references[pivot]) / weights[pivot]
        r = c - s * weights
        z, terms = r, self._terms(r, references)
        if self.competition is not None:
            handles = self._handles(self.competition)
            moved = self.competition.matrix @ (r[handles] - jnp.asarray(references)[handles])
            unit, log_p, sign = self._competing(self.competition, terms)
            found = cancellation.forward(log_p + moved, sign, self.competition.depth)
            z = z.at[handles].set(found.slots)
            log_mass = self._log_sum(self.competition, terms, unit, r, found.t)
            return z.at[pivot].set(self.rescaling.degree * s + log_mass), constant + found.log_det
        for ratio in self.ratios:
            handle = self._index(ratio.handle)
            shift = ratio.degree * (r[handle] - references[handle])
            z = z.at[handle].set(shift + _log_ratio(ratio, terms))
            terms = _rescaled(ratio, terms, shift)
        return z.at[pivot].set(self.rescaling.degree * s + self._log_mass(r, terms)), constant

    def inverse(self, z: Position) -> tuple[Position, Float[Array, ""]]:
        """(c, ln|det dz/dc|) at chart position z: one model evaluation."""
        constant = jnp.asarray(self._log_det)
        if self.rescaling is None:
            return z, constant
        pivot, weights, references = self._geometry(z)
        r = z.at[pivot].set(references[pivot])
        terms = self._terms(r, references)
        if self.competition is not None:
            handles = self._handles(self.competition)
            unit, at_reference, sign = self._competing(self.competition, terms)
            found = cancellation.inverse(z[handles], sign, self.competition.depth)
            moved = np.linalg.inv(self.competition.matrix) @ (found.slots - at_reference)
            r = r.at[handles].set(jnp.asarray(references)[handles] + moved)
            log_mass = self._log_sum(self.competition, terms, unit, r, found.t)
            s = (z[pivot] - log_mass) / self.rescaling.degree
            return kept(_scaled(r, s, weights)), constant + found.log_det
        for ratio in self.ratios:
            handle = self._index(ratio.handle)
            shift = z[handle] - _log_ratio(ratio, terms)
            r = r.at[handle].set(references[handle] + shift / ratio.degree)
            terms = _rescaled(ratio, terms, shift)
        s = (z[pivot] - self._log_mass(r, terms)) / self.rescaling.degree
        return kept(_scaled(r, s, weights)), constant

    def _index(self, parameter: str) -> int:
        return self.slots[parameter].start

    def _geometry(self, like: Position) -> tuple[int, Float[Array, " dim"], list[float]]:
        """(index of the scale's coordinate, weights of the rescaling, reference coordinates)."""
        assert self.rescaling is not None
        weights = jnp.zeros_like(like)
        for p, weight in self.rescaling.weights:
            weights = weights.at[self._index(p)].set(weight)
        return self._index(self.rescaling.weights[0][0]), weights, _references(self.priors)

    def _log_mass(self, r: Position, terms: dict[str, Float[Array, ""]]) -> Float[Array, ""]:
        """ln m at coordinates r, where the scale is at its reference."""
        assert self.rescaling is not None
        if terms:
            return jnp.log(jnp.abs(sum(terms.values())))
        observables, _ = guarded_predict(self.model, self.values(r))
        return jnp.log(jnp.abs(observables[self.rescaling.observable]))

    def _terms(self, r: Position, references: list[float]) -> dict[str, Float[Array, ""]]:
        """The mass terms at r with all handles at their references; none without handles."""
        named = [ratio.handle for ratio in self.ratios]
        named += [] if self.competition is None else self.competition.handles
        if not named:
            return {}
        for handle in map(self._index, named):
            r = r.at[handle].set(references[handle])
        observables, _ = guarded_predict(self.model, self.values(r))
        return {name: observables[name] for name in self.model.mass_terms}

    def _handles(self, competition: Competition) -> np.ndarray:
        return np.array([self._index(handle) for handle in competition.handles])

    def _competing(
        self, competition: Competition, terms: dict[str, Float[Array, ""]]
    ) -> tuple[Float[Array, ""], Float[Array, " other"], Float[Array, " other"]]:
        """The unit, ln|T_j/unit| and signs of the other groups."""
        unit, *others = (sum(terms[name] for name in group) for group in competition.groups)
        ratio = jnp.stack([other / unit for other in others])
        return jnp.asarray(unit), jnp.log(jnp.abs(ratio)), jnp.sign(ratio)

    def _log_sum(
        self,
        competition: Competition,
        terms: dict[str, Float[Array, ""]],
        unit: Float[Array, ""],
        r: Position,
        t: Float[Array, ""],
    ) -> Float[Array, ""]:
        """ln|mass| where the competing terms add up to t units at the handles of r."""
        handles = self._handles(competition)
        grown = jnp.asarray(competition.powers[0]) @ (
            r[handles] - jnp.asarray(_references(self.priors))[handles]
        )
        rest = sum(value for name, value in terms.items() if name not in competition.terms)
        return jnp.log(jnp.abs(unit * jnp.exp(grown) * t + rest))


def _scaled(r: Position, s: Float[Array, ""], weights: Float[Array, " dim"]) -> Position:
    """r + s weights; where s is NaN the coordinates that the scale does not move keep theirs."""
    return jnp.where(weights == 0.0, r, r + s * weights)


def _log_ratio(ratio: Ratio, terms: dict[str, Float[Array, ""]]) -> Float[Array, ""]:
    top = sum(terms[name] for name in ratio.numerator)
    bottom = sum(terms[name] for name in ratio.denominator)
    return jnp.log(jnp.abs(top / bottom))


def _rescaled(
    ratio: Ratio, terms: dict[str, Float[Array, ""]], shift: Float[Array, ""]
) -> dict[str, Float[Array, ""]]:
    """The terms once the handle has moved: its numerator is proportional to handle^degree."""
    factor = jnp.exp(shift)
    return {k: v * factor if k in ratio.numerator else v for k, v in terms.items()}


def _references(priors: tuple[tuple[str, Prior], ...]) -> list[float]:
    """The middle of every prior box in its coordinate: where scales and handles are held."""
    middles: list[float] = []
    for _, prior in priors:
        if isinstance(prior, LogUniform):
            middles.append(0.5 * (math.log(prior.low) + math.log(prior.high)))
        else:
            middles.extend([0.0] * prior.dims)
    return middles


def build(
    model: Model, priors: dict[str, Prior], fixed: dict[str, float], kind: str = "auto"
) -> Chart:
    """Build the chart of `model` under these priors.

    kind "auto"    mass shear, and depth and shares of the cancellation or else ratios, where the
                   model declares them
         "ratios"  mass shear and ratios
         "shear"   mass shear only
         "box"     prior coordinates only

    A rescaling or ratio needs its parameters sampled with a `log_uniform` prior. It is left
    out where they are not.
    """
    logs = {p for p, prior in priors.items() if isinstance(prior, LogUniform)}
    rescaling = None if kind == "box" else model.rescaling
    if rescaling is not None and not {p for p, _ in rescaling.weights} <= logs:
        rescaling = None
    ratios: tuple[Ratio, ...] = ()
    competition = None
    if rescaling is not None and kind == "auto" and model.cancellation is not None:
        scaled = {p for p, _ in rescaling.weights}
        competition = cancellation.compete(model.cancellation, logs - scaled)
    if rescaling is not None and competition is None and kind in ("auto", "ratios"):
        pivot = rescaling.weights[0][0]
        ratios = tuple(r for r in model.ratios if r.handle in logs and r.handle != pivot)
        _check_terms(model, ratios)
    return Chart(model, tuple(priors.items()), tuple(fixed.items()), rescaling, ratios, competition)


def _check_terms(model: Model, ratios: tuple[Ratio, ...]) -> None:
    for ratio in ratios:
        strange = {*ratio.numerator, *ratio.denominator} - {*model.mass_terms}
        if strange:
            raise ValueError(
                f"{type(model).__name__}.ratios names {sorted(strange)}, not among its mass_terms"
            )
