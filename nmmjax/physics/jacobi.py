"""Jacobi rotations shared by `takagi` and `svd3`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SWEEPS = 6  # of rotations: convergence is quadratic, 5 reached rounding everywhere
TINY = 1e-150  # of the largest entry: below it squares underflow, directions and phases are noise
RESOLUTION = 4.0 * np.finfo(float).eps


def rotation(gap: Float[Array, ""], size: Float[Array, ""]) -> tuple[Array, Array]:
    """cos theta and tan theta, |theta| <= pi/4, of tan 2theta = 2 size/gap; size >= 0."""
    empty = size < TINY
    span = jnp.abs(gap) + jnp.sqrt(gap * gap + 4.0 * size * size)
    t = jnp.where(empty, 0.0, jnp.where(gap < 0.0, -2.0, 2.0) * size / jnp.where(empty, 1.0, span))
    return 1.0 / jnp.sqrt(1.0 + t * t), t


def inverse(x: Float[Array, "*b"], largest: Float[Array, ""]) -> Float[Array, "*b"]:
    """1/x, and 0 where x is not resolved against the largest value."""
    resolved = jnp.abs(x) > RESOLUTION * largest
    return jnp.where(resolved, 1.0 / jnp.where(resolved, x, 1.0), 0.0)


def ascending(first, second):
    """Order two columns, tuples that begin with their value, the smaller value first."""
    swap = first[0] > second[0]
    pick = functools.partial(jax.tree.map, lambda x, y: jnp.where(swap, x, y))
    return pick(second, first), pick(first, second)
