"""Entries of the data file, and curves at given masses and couplings."""

import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.constraints.library import load

OWN = {
    "observable": ["eps", "m_aprime"],
    "type": "limit_curve",
    "mass": [0.01, 0.1, 1.0],
    "limit": [1e-5, 1e-4, 1e-3],
    "power": 2,
    "cl": 0.9,
    "units": "1",
    "year": 2026,
    "reference": "arXiv:0000.00000",
    "verified": "lookup",
}


def one(name):
    (constraint,) = load([name])
    return constraint


def upper_limit(**changes):
    """A well-formed upper limit, with keys changed or (None) removed."""
    entry = {
        "observable": "mu_eff_solar",
        "type": "upper_limit",
        "value": 6.4e-12,
        "cl": 0.9,
        "units": "mu_B",
        "year": 2022,
        "reference": "arXiv:0000.00000",
        "verified": "lookup",
    } | changes
    return {key: x for key, x in entry.items() if x is not None}


def at(constraint, coupling, mass, branching=1.0):
    values = (coupling, mass, branching)[: len(constraint.requires)]
    return dict(zip(constraint.requires, map(jnp.asarray, values), strict=True))


@jax.jit
def _terms(constraint, coupling, mass, branching):
    return jax.vmap(lambda *x: constraint.log_likelihood(at(constraint, *x)))(
        coupling, mass, branching
    )


def log_l(constraint, coupling, mass, branching=1.0):
    values = np.broadcast_arrays(np.atleast_1d(coupling), mass, branching)
    return np.asarray(_terms(constraint, *map(jnp.asarray, values)))


def gradient(constraint, coupling, mass, branching=1.0):
    """d ln L/d(coupling, mass, branching)."""

    def term(*x):
        return constraint.log_likelihood(at(constraint, *x))

    return [float(g) for g in jax.grad(term, (0, 1, 2))(coupling, mass, branching)]
