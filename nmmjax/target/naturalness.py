"""Fine tuning: how strongly an observable reacts to the parameters, and how much cancels in it.

The two measures answer different questions and are stored side by side. The Barbieri-Giudice
measure sees every parameter but not a coupling that is simply small; the cancellation measure
sees large terms that compensate but depends on how the mass is split into terms. Both are
properties of a point: it does not matter which parameters a run samples and which it fixes.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from nmmjax.physics.matrices import frobenius
from nmmjax.target.model import Model, Observables, Theta, guarded_predict, merged


def elasticities(
    model: Model, theta: Theta, observable: str = "m_nu", names: Sequence[str] | None = None
) -> dict[str, Float[Array, ""]]:
    """Logarithmic sensitivities of one scalar observable, by reverse-mode differentiation.

        e_p = (p / X) dX/dp,    for an angle (unit "rad") or a logarithm  e_p = (1 / X) dX/dp

    theta   one point (callers `vmap`); X must be differentiable and not 0 there.
    names   the parameters to vary (default: all of the model).
    returns e_p by parameter name, signed, dimensionless. A power law X ~ p^n gives n.

    Source: Barbieri and Giudice, Nucl. Phys. B306 (1988) 63.
    """
    names = tuple(theta) if names is None else tuple(names)

    def value(varied: Theta) -> Float[Array, ""]:
        return model.predict({**theta, **varied})[observable]

    x, slopes = jax.value_and_grad(value)({p: theta[p] for p in names})
    return _elasticities(model, theta, x, slopes)


def has_mass(observables: Mapping[str, Float[Array, "..."]]) -> bool:
    """Tell whether the observables hold one neutrino mass, `m_nu`, whose tuning is defined."""
    return "m_nu" in observables and jnp.ndim(observables["m_nu"]) == 0


def tuning_bg(model: Model, theta: Theta, observable: str = "m_nu") -> Float[Array, ""]:
    """Barbieri-Giudice tuning: max over all parameters of the model of |e_p| (`elasticities`).

    A perfect power law gives its largest exponent, which is not tuning: read values of a few
    as natural. Undefined (NaN) where the observable is exactly 0: a mass of 0 is not tuned, and a
    relative change of it has no meaning.
    """
    found = elasticities(model, theta, observable, [p.name for p in model.parameters])
    return _largest(found)


def cancellation(
    terms: Sequence[Float[Array, ""] | Inexact[Array, "n n"]], total: Float[Array, ""]
) -> Float[Array, ""]:
    """sum_i |T_i| / |T| of the terms of a mass, Frobenius norms of matrices; inf for T = 0.

    total   |T|, at least rounding apart from the norm of the sum
    """
    return jnp.asarray(sum(frobenius(term) for term in terms)) / total


def tuning_cancel(
    observables: Mapping[str, Float[Array, ""]], mass_terms: Sequence[str]
) -> Float[Array, ""]:
    """Cancellation among the signed terms of one mass, sum_i |m_i| / m_nu >= 1.

    Undefined where the mass is exactly 0: NaN if all terms are, inf if they cancel to the last bit.
    """
    return cancellation([observables[name] for name in mass_terms], observables["m_nu"])


def with_measures(model: Model, theta: Theta) -> tuple[Observables, Bool[Array, ""]]:
    """Return `guarded_predict` with the fine-tuning measures, from one evaluation.

    tuning_bg, and tuning_cancel where the model names its mass terms; neither without a mass.
    """

    def mass(theta: Theta) -> tuple[Float[Array, ""], tuple[Observables, Bool[Array, ""]]]:
        found = guarded_predict(model, theta)
        return found[0]["m_nu"] if has_mass(found[0]) else jnp.zeros(()), found

    slopes, (observables, inside) = jax.grad(mass, has_aux=True)(dict(theta))
    if not has_mass(observables):
        return observables, inside
    found = {"tuning_bg": _largest(_elasticities(model, theta, observables["m_nu"], slopes))}
    if model.mass_terms:
        found["tuning_cancel"] = tuning_cancel(observables, model.mass_terms)
    return merged(observables, found), inside


def _elasticities(
    model: Model, theta: Theta, x: Float[Array, ""], slopes: Theta
) -> dict[str, Float[Array, ""]]:
    as_is = {p.name for p in model.parameters if p.unit == "rad" or p.logarithm}
    return {p: slope / x * (1.0 if p in as_is else theta[p]) for p, slope in slopes.items()}


def _largest(elasticities: Theta) -> Float[Array, ""]:
    return jnp.max(jnp.abs(jnp.stack(list(elasticities.values()))))
