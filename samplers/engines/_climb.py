"""Ascent by Newton steps with curvatures from differences of gradients, many points at once.

Second derivatives of a physics model take minutes to compile (measured: 8 for the weak-triplet
density) where its gradient takes seconds, so the Hessian comes from central differences.

An objective is a function of one point of order one and of whatever belongs to that point
(`own`: arrays whose leading axis counts the points).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

type Objective = Callable[..., Float[Array, ""]]
type Points = Float[Array, "n dim"]

H = 1e-6  # difference step: truncation h^2, rounding eps/h, both of order 1e-10
_LEAST_H = 1e-10  # where the next singularity is that near
_LENGTHS = np.array([4.0, *0.5 ** np.arange(0, 27, 2)])  # of a Newton step that are tried
_NOTHING = 1e-9  # twice the gain that a converged point still expects
_LONG = 3  # that many of them count as long


class Slopes(NamedTuple):
    """Value, gradient and Hessian of the objective at each point."""

    value: Float[Array, " n"]
    gradient: Points
    hessian: Float[Array, "n dim dim"]


def newton(
    objective: Objective, x: Points, h: Float[Array, " n"], *own: Array
) -> tuple[Points, Float[Array, " n"], Slopes]:
    """One step up from (n, dim) points with difference steps h: new points, next h, slopes at x.

    Curvatures count by their size (a saddle is left uphill), no step is longer than one, and of
    several lengths the best that rises is taken: never down, never out of the support. Where
    there is something to gain and only short ones rise, the curvature was seen through too large
    an h.
    """
    here = slopes(objective, x, h, *own)
    curvature, axes = jnp.linalg.eigh(here.hessian)
    size = jnp.maximum(jnp.abs(curvature), jnp.finfo(float).eps)
    along = jnp.einsum("nji,nj->ni", axes, here.gradient)
    move = jnp.einsum("nij,nj->ni", axes, along / size)
    move = move / jnp.maximum(1.0, jnp.linalg.norm(move, axis=1, keepdims=True))
    tried = x[None] + jnp.asarray(_LENGTHS)[:, None, None] * move[None]
    value = jax.vmap(lambda points: jax.vmap(objective)(points, *own))(tried)
    value = jnp.concatenate([here.value[None], value])
    best = jnp.argmax(jnp.where(jnp.isnan(value), -jnp.inf, value), axis=0)
    good = ((best > 0) & (best <= _LONG)) | (jnp.sum(along**2 / size, axis=1) < _NOTHING)
    h = jnp.where(good, jnp.minimum(4.0 * h, H), jnp.maximum(0.1 * h, _LEAST_H))
    every = jnp.concatenate([x[None], tried])
    return jnp.take_along_axis(every, best[None, :, None], axis=0)[0], h, here


def slopes(objective: Objective, x: Points, h: Float[Array, " n"], *own: Array) -> Slopes:
    """Value, gradient, and Hessian from steps h, at (n, dim) points.

    A gradient that is not finite is 0. The Hessian is -1 where a value or gradient that goes into
    it is not finite.
    """
    dim = x.shape[1]
    steps = jnp.concatenate([jnp.zeros((1, dim)), jnp.eye(dim), -jnp.eye(dim)])
    both = jax.vmap(jax.value_and_grad(objective))
    value, gradient = jax.vmap(lambda step: both(x + h[:, None] * step[None], *own))(steps)
    difference = jnp.moveaxis(gradient[1 : dim + 1] - gradient[dim + 1 :], 0, 1)
    hessian = difference / (2.0 * h[:, None, None])
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient), axis=2)
    symmetric = 0.5 * (hessian + jnp.swapaxes(hessian, 1, 2))
    return Slopes(
        value[0],
        jnp.where(finite[0, :, None], gradient[0], 0.0),
        jnp.where(jnp.all(finite, axis=0)[:, None, None], symmetric, -jnp.eye(dim)[None]),
    )
