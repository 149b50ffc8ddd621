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

Each step adds to one coordinate a function of coordinates that come before it, so |det dz/dc|
is a constant whatever the model does, and homogeneity only decides how straight the ridge
becomes. Barriers between the stages keep the compiler from computing one inside the next.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.target.model import Model, Ratio, Rescaling, Theta, guarded_predict
from nmmjax.target.priors import LogUniform, Prior

type Position = Float[Array, " dim"]


class Chart(eqx.Module):
    """The map between chart position z and parameters theta; `log_det` is ln|det dz/dc|."""

    model: Model
    priors: tuple[tuple[str, Prior], ...] = eqx.field(static=True)
    fixed: tuple[tuple[str, float], ...] = eqx.field(static=True)
    rescaling: Rescaling | None = eqx.field(static=True)
    ratios: tuple[Ratio, ...] = eqx.field(static=True)

    @property
    def dim(self) -> int:
        return sum(prior.dims for _, prior in self.priors)

    @property
    def log_det(self) -> float:
        """ln|det dz/dc|, the same at every point."""
        shear = 0.0
        if self.rescaling is not None:
            shear = math.log(abs(self.rescaling.degree / self.rescaling.weights[0][1]))
        return shear + sum(math.log(abs(ratio.degree)) for ratio in self.ratios)

    @property
    def slots(self) -> dict[str, slice]:
        """Where each sampled parameter sits in a position."""
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
        if self.rescaling is None:
            return c
        pivot, weights, references = self._geometry(c)
        s = (c[pivot] - references[pivot]) / weights[pivot]
        r = c - s * weights
        z, terms = r, self._terms(r, references)
        for ratio in self.ratios:
            handle = self._index(ratio.handle)
            shift = ratio.degree * (r[handle] - references[handle])
            z = z.at[handle].set(shift + _log_ratio(ratio, terms))
            terms = _rescaled(ratio, terms, shift)
        return z.at[pivot].set(self.rescaling.degree * s + self._log_mass(r, terms))

    def coordinates(self, z: Position) -> Position:
        """Prior coordinates c of chart position z, at the price of one model evaluation."""
        if self.rescaling is None:
            return z
        pivot, weights, references = self._geometry(z)
        r = z.at[pivot].set(references[pivot])
        terms = self._terms(r, references)
        for ratio in self.ratios:
            handle = self._index(ratio.handle)
            shift = z[handle] - _log_ratio(ratio, terms)
            r = r.at[handle].set(references[handle] + shift / ratio.degree)
            terms = _rescaled(ratio, terms, shift)
        s = (z[pivot] - self._log_mass(r, terms)) / self.rescaling.degree
        # Where s is NaN the coordinates that the scale does not move keep their values.
        return jax.lax.optimization_barrier(jnp.where(weights == 0.0, r, r + s * weights))

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
        """The mass terms at r with all handles at their references; none without ratios."""
        if not self.ratios:
            return {}
        for ratio in self.ratios:
            handle = self._index(ratio.handle)
            r = r.at[handle].set(references[handle])
        observables, _ = guarded_predict(self.model, self.values(r))
        return {name: observables[name] for name in self.model.mass_terms}


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
    """The chart of `model` under these priors.

    kind "auto"   mass shear and ratios where the model declares them
         "shear"  mass shear only
         "box"    prior coordinates only

    A rescaling or ratio needs its parameters sampled with a `log_uniform` prior. It is left
    out where they are not.
    """
    logs = {p for p, prior in priors.items() if isinstance(prior, LogUniform)}
    rescaling = model.rescaling if kind in ("auto", "shear") else None
    if rescaling is not None and not {p for p, _ in rescaling.weights} <= logs:
        rescaling = None
    ratios: tuple[Ratio, ...] = ()
    if rescaling is not None and kind == "auto":
        pivot = rescaling.weights[0][0]
        ratios = tuple(r for r in model.ratios if r.handle in logs and r.handle != pivot)
        _check_terms(model, ratios)
    return Chart(model, tuple(priors.items()), tuple(fixed.items()), rescaling, ratios)


def _check_terms(model: Model, ratios: tuple[Ratio, ...]) -> None:
    for ratio in ratios:
        strange = {*ratio.numerator, *ratio.denominator} - {*model.mass_terms}
        if strange:
            raise ValueError(
                f"{type(model).__name__}.ratios names {sorted(strange)}, not among its mass_terms"
            )
