"""Ascent by Newton steps with curvatures from differences of gradients, many points at once.

Second derivatives of a physics model take minutes to compile (measured: 8 for the weak-triplet
density) where its gradient takes seconds, so the Hessian comes from central differences.

An objective is a function of one point of order one and of whatever belongs to that point
(`own`: arrays whose leading axis counts the points).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

type Objective = Callable[..., Float[Array, ""]]
type Points = Float[Array, "n dim"]

H = 1e-6  # difference step: truncation h^2, rounding eps/h, both of order 1e-10
_LEAST_H = 1e-10  # where the next singularity is that near
_LENGTHS = np.array([4.0, *0.5 ** np.arange(0, 27, 2)])  # of a Newton step that are tried
_LONG = 3  # that many of them count as long


def newton(
    objective: Objective, x: Points, h: Float[Array, " n"], *own: Array
) -> tuple[Points, Float[Array, " n"]]:
    """One step up from (n, dim) points with difference steps h: the new points, the next h.

    Curvatures count by their size (a saddle is left uphill), no step is longer than one, and of
    several lengths the best that rises is taken: never down, never out of the support. Where only
    short ones rise, the curvature was seen through too large an h.
    """
    gradient, hessian = slopes(objective, x, h, *own)
    curvature, axes = jnp.linalg.eigh(hessian)
    size = jnp.maximum(jnp.abs(curvature), jnp.finfo(float).eps)
    move = jnp.einsum("nij,nj->ni", axes, jnp.einsum("nji,nj->ni", axes, gradient) / size)
    move = move / jnp.maximum(1.0, jnp.linalg.norm(move, axis=1, keepdims=True))
    tried = jnp.concatenate([x[None], x + jnp.asarray(_LENGTHS)[:, None, None] * move])
    value = jax.vmap(lambda points: jax.vmap(objective)(points, *own))(tried)
    best = jnp.argmax(jnp.where(jnp.isnan(value), -jnp.inf, value), axis=0)
    long = (best > 0) & (best <= _LONG)
    h = jnp.where(long, jnp.minimum(4.0 * h, H), jnp.maximum(0.1 * h, _LEAST_H))
    return jnp.take_along_axis(tried, best[None, :, None], axis=0)[0], h


def slopes(
    objective: Objective, x: Points, h: Float[Array, " n"], *own: Array
) -> tuple[Points, Float[Array, "n dim dim"]]:
    """Gradient, and Hessian from steps h, at (n, dim) points.

    A gradient that is not finite is 0. The Hessian is -1 where a value or gradient that goes into
    it is not finite.
    """
    dim = x.shape[1]
    steps = jnp.concatenate([jnp.zeros((1, dim)), jnp.eye(dim), -jnp.eye(dim)])
    both = jax.vmap(jax.value_and_grad(objective))
    value, gradient = jax.vmap(lambda step: both(x + h[:, None] * step, *own))(steps)
    difference = jnp.moveaxis(gradient[1 : dim + 1] - gradient[dim + 1 :], 0, 1)
    hessian = difference / (2.0 * h[:, None, None])
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient), axis=2)
    symmetric = 0.5 * (hessian + jnp.swapaxes(hessian, 1, 2))
    return (
        jnp.where(finite[0, :, None], gradient[0], 0.0),
        jnp.where(jnp.all(finite, axis=0)[:, None, None], symmetric, -jnp.eye(dim)),
    )
