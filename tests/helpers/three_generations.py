"""Points and compiled predictions of `weak_triplet3`, N at a time."""

import jax
import jax.numpy as jnp
import numpy as np

from helpers.model_points import batched, prior_draws
from nmmjax.models.weak_triplet3.model import WeakTriplet3

FLAVOURS = ("e", "mu", "tau")
N = 64  # points a batch
EVERY_TERM = {"rge": True, "lambda_uv": 1e7}
TERMS = ("dirac", "seesaw", "neutral", "charged", "split", "rge", "cubic")


def three(**settings):
    return WeakTriplet3(**settings)


def predictions(model, columns):
    """Observables at N points, columns first; a single number stands for all of them."""
    full = {p: jnp.asarray(np.broadcast_to(x, (N,))) for p, x in columns.items()}
    return {name: np.asarray(x) for name, x in batched(model)(full).items()}


def gentle(model, seed):
    """N points around the reference: mild cancellations, nothing degenerate."""
    rng = np.random.default_rng(seed)
    moved = {p: x * np.exp(0.3 * rng.normal(size=N)) for p, x in model.reference.items()}
    for p, x in model.reference.items():
        if p.startswith(("sin2_", "dm2_")):
            moved[p] = x * (1.0 + 0.05 * rng.normal(size=N))
        if "_y_delta_" in p:
            moved[p] = 0.03 * moved[p]
    return moved


def drawn(model, seed=0):
    """N prior draws inside the domain."""
    columns = prior_draws(model, 4 * N, seed)
    margins = jnp.stack(list(jax.vmap(model.domain)(columns).values()))
    chosen = np.flatnonzero(np.all(margins > 0.0, axis=0))[:N]
    return {p: np.asarray(x)[chosen] for p, x in columns.items()}


def matrix(columns, name, rows, labels):
    """Complex coupling matrices, (N, rows, columns)."""
    re, im = (
        np.array(
            [[np.broadcast_to(columns[f"{p}_{name}_{a}{b}"], (N,)) for b in labels] for a in rows]
        )
        for p in ("re", "im")
    )
    return np.moveaxis(re + 1j * im, -1, 0)


def written(name, rows, labels, values):
    """The inverse of `matrix`: parameters of given entries."""
    found = {}
    for i, a in enumerate(rows):
        for j, b in enumerate(labels):
            found |= {f"re_{name}_{a}{b}": values[:, i, j].real}
            found |= {f"im_{name}_{a}{b}": values[:, i, j].imag}
    return found
