"""Causes of a density that is not finite: zero for a reason, or undefined by the model's fault."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from nmmjax.samplers.devices import once
from nmmjax.target.chart import Position
from nmmjax.target.model import Observables, guarded_predict
from nmmjax.target.posterior import Posterior

_ROWS = 64  # positions looked at together: few lengths, few programs to compile

type Flags = dict[str, Bool[Array, ""]]


def causes(posterior: Posterior, z: Position) -> Flags:
    """Flag the causes of a zero or undefined density at z.

    One flag per possible cause, of which the first that is set counts. All are False where the
    density is finite.
    """
    c = posterior.chart.coordinates(z)
    slots = posterior.chart.slots
    found: Flags = {}
    for p, prior in posterior.chart.priors:
        found[f"prior bounds of {p}"] = jnp.isneginf(prior.log_density(c[slots[p]]))
    theta = posterior.chart.values(c)
    for name, margin in posterior.model.domain(theta).items():
        found[f"domain: {name}"] = margin <= 0.0
    faulty, zero = _faults(posterior, c)
    found |= {f"undefined: {name}": flag for name, flag in faulty.items()}
    found |= {f"zero likelihood of {name}": flag for name, flag in zero.items()}
    clear = ~jnp.isfinite(posterior.log_density(z))
    for name, flag in found.items():
        found[name] = flag & clear
        clear = clear & ~flag
    return found


def faults(posterior: Posterior, z: np.ndarray | Float[Array, "n dim"]) -> dict[str, np.ndarray]:
    """Flag the causes of an undefined density at (n, dim) positions: (n,) host arrays by name.

    <observable>      not a finite number, though a term needs it
    ln L of <term>    not a number, though all observables of the term are finite
    domain: <margin>  not a number
    chart             the mass at the chart's reference scale is not a number
    """
    rows = np.asarray(z)
    padded = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % _ROWS, axis=0)])
    found = _vectorised(posterior, jnp.asarray(padded))
    return {name: np.asarray(flags)[: len(rows)] for name, flags in found.items()}


@once
def faults_of(posterior: Posterior, c: Position) -> Flags:
    """Flag the same causes at prior coordinates c of one point inside the prior."""
    return _faults(posterior, c)[0]


@once
def _vectorised(posterior: Posterior, z: Float[Array, "n dim"]) -> dict[str, Bool[Array, " n"]]:
    return jax.vmap(lambda z: _faults(posterior, posterior.chart.coordinates(z))[0])(z)


def _faults(posterior: Posterior, c: Position) -> tuple[Flags, Flags]:
    """(what is undefined, terms of zero likelihood) at prior coordinates c inside the prior."""
    theta = posterior.chart.values(c)
    found: Flags = {}
    if posterior.chart.rescaling is not None or posterior.chart.cancels:
        found["chart"] = jnp.any(jnp.isnan(c))
    for name, margin in posterior.model.domain(theta).items():
        found[f"domain: {name}"] = jnp.isnan(margin)
    predicted, _ = guarded_predict(posterior.model, theta)
    observables: Observables = predicted | dict(theta)
    terms = [t for t in (*posterior.constraints, *posterior.prefer) if not t.flag]
    for name in dict.fromkeys(name for term in terms for name in term.requires):
        found[name] = ~jnp.all(jnp.isfinite(observables[name]))
    zero: Flags = {}
    for term in terms:
        value, defined = term.log_likelihood(observables), term.defined(observables)
        found[f"ln L of {term.name}"] = defined & (jnp.isnan(value) | jnp.isposinf(value))
        zero[term.name] = jnp.isneginf(value)
    return found, zero
