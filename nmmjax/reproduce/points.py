"""Observables of a model over arrays of points, one compiled program for each model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.target.model import Model


def predicted(
    model: Model, names: tuple[str, ...], **theta: np.ndarray | float
) -> list[np.ndarray]:
    """Compute observables by name at parameters that broadcast against one another.

    Parameters that are left out stand at the model's reference point.
    """
    full = {p: np.asarray(theta.get(p, x), float) for p, x in model.reference.items()}
    arrays = np.broadcast_arrays(*full.values())
    flat = {p: jnp.asarray(a.ravel()) for p, a in zip(full, arrays, strict=True)}
    found = _compiled(model, names)(flat)
    return [np.asarray(x).reshape(arrays[0].shape) for x in found]


@functools.cache
def _compiled(model: Model, names: tuple[str, ...]):
    """Compile what these observables need and nothing else."""

    def at(theta):
        found = model.predict(theta)
        return [found[name] for name in names]

    return jax.jit(jax.vmap(at))


def crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """First x at which y crosses a level, linear between logarithms; NaN where it does not."""
    above = y > level
    change = np.flatnonzero(above[1:] != above[:-1])
    if change.size == 0:
        return float("nan")
    i = int(change[0])
    share = np.log(level / y[i]) / np.log(y[i + 1] / y[i])
    return float(np.exp(np.log(x[i]) + share * np.log(x[i + 1] / x[i])))
