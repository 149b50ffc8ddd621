"""Ascent by Newton steps with curvatures from differences of gradients, many points at once.

Second derivatives of a physics model take minutes to compile (measured: 8 for the weak-triplet
density) where its gradient takes seconds, so the Hessian comes from central differences.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

type Objective = Callable[[Float[Array, " dim"]], Float[Array, ""]]
type Points = Float[Array, "n dim"]

_H = 1e-6  # difference step: truncation h^2, rounding eps/h, both of order 1e-10
_LENGTHS = np.array([4.0, *0.5 ** np.arange(0, 27, 2)])  # of a Newton step that are tried


def climb(objective: Objective, x: Points, steps: int) -> Points:
    """Newton steps up from (n, dim) points, in coordinates of order one.

    Curvatures count by their size (a saddle is left uphill), no step is longer than one, and of
    several lengths the best that rises is taken: never down, never out of the support.
    """

    def step(x: Points, _: None) -> tuple[Points, None]:
        gradient, hessian = slopes(objective, x)
        curvature, axes = jnp.linalg.eigh(hessian)
        size = jnp.maximum(jnp.abs(curvature), jnp.finfo(float).eps)
        move = jnp.einsum("nij,nj->ni", axes, jnp.einsum("nji,nj->ni", axes, gradient) / size)
        move = move / jnp.maximum(1.0, jnp.linalg.norm(move, axis=1, keepdims=True))
        tried = jnp.concatenate([x[None], x + jnp.asarray(_LENGTHS)[:, None, None] * move])
        value = jax.vmap(jax.vmap(objective))(tried)
        best = jnp.argmax(jnp.where(jnp.isnan(value), -jnp.inf, value), axis=0)
        return jnp.take_along_axis(tried, best[None, :, None], axis=0)[0], None

    return jax.lax.scan(step, x, length=steps)[0]


def slopes(objective: Objective, x: Points) -> tuple[Points, Float[Array, "n dim dim"]]:
    """Gradient and Hessian at (n, dim) points of order one.

    A gradient that is not finite is 0. The Hessian is -1 where a value or gradient that goes into
    it is not finite.
    """
    dim = x.shape[1]
    steps = _H * jnp.concatenate([jnp.zeros((1, dim)), jnp.eye(dim), -jnp.eye(dim)])
    value, gradient = jax.vmap(jax.vmap(jax.value_and_grad(objective)))(x + steps[:, None])
    hessian = jnp.moveaxis(gradient[1 : dim + 1] - gradient[dim + 1 :], 0, 1) / (2.0 * _H)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient), axis=2)
    symmetric = 0.5 * (hessian + jnp.swapaxes(hessian, 1, 2))
    return (
        jnp.where(finite[0, :, None], gradient[0], 0.0),
        jnp.where(jnp.all(finite, axis=0)[:, None, None], symmetric, -jnp.eye(dim)),
    )
