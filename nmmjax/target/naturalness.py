"""Fine tuning: how strongly an observable reacts to the parameters, and how much cancels in it.

The two measures answer different questions and are stored side by side. The Barbieri-Giudice
measure sees every sampled parameter but not a coupling that is simply small; the cancellation
measure sees large terms that compensate but depends on how the mass is split into terms.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.target.model import Model, Theta


def elasticities(
    model: Model, theta: Theta, observable: str = "m_nu", names: Sequence[str] | None = None
) -> dict[str, Float[Array, ""]]:
    """Logarithmic sensitivities of one scalar observable, by reverse-mode differentiation.

        e_p = (p / X) dX/dp,    for an angle (unit "rad")  e_p = (1 / X) dX/dp

    theta   one point (callers `vmap`); X must be differentiable and not 0 there.
    names   the parameters to vary (default: all of the model).
    returns e_p by parameter name, signed, dimensionless. A power law X ~ p^n gives n.

    Source: Barbieri and Giudice, Nucl. Phys. B306 (1988) 63.
    """
    angles = {p.name for p in model.parameters if p.unit == "rad"}
    names = tuple(theta) if names is None else tuple(names)

    def value(varied: Theta) -> Float[Array, ""]:
        return model.predict({**theta, **varied})[observable]

    x, slopes = jax.value_and_grad(value)({p: theta[p] for p in names})
    return {p: slopes[p] / x * (1.0 if p in angles else theta[p]) for p in names}


def has_mass(observables: Mapping[str, Float[Array, "..."]]) -> bool:
    """Whether there is one mass, `m_nu`, whose tuning can be asked for."""
    return "m_nu" in observables and observables["m_nu"].ndim == 0


def tuning_bg(
    model: Model, theta: Theta, names: Sequence[str], observable: str = "m_nu"
) -> Float[Array, ""]:
    """Barbieri-Giudice tuning: max over the parameters `names` of |e_p| (see `elasticities`).

    A perfect power law gives its largest exponent, which is not tuning: read values of a few
    as natural.
    """
    found = elasticities(model, theta, observable, names)
    return jnp.max(jnp.abs(jnp.stack([found[p] for p in names])))


def tuning_cancel(
    observables: Mapping[str, Float[Array, ""]], mass_terms: Sequence[str]
) -> Float[Array, ""]:
    """Cancellation among signed terms: sum_i |m_i| / |sum_i m_i| >= 1, inf if they cancel to 0."""
    terms = jnp.stack([observables[name] for name in mass_terms])
    return jnp.sum(jnp.abs(terms)) / jnp.abs(jnp.sum(terms))
