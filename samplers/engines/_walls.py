"""Walls of a target: where a coordinate's density ends, a move comes back from the other side.

A target may name `walls`, (low, high) of each coordinate outside which its density is 0, both
infinite where there are none. On a circle shifts by +v and -v undo each other as they do on a
line, so that moves along differences stay reversible; a reflection would not keep that, since
differences of correlated coordinates are not symmetric coordinate by coordinate.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def through(target: Any, x: Float[Array, "dim *n"]) -> Float[Array, "dim *n"]:
    """Return x with each coordinate that has left through one wall come in through the other."""
    walls = getattr(target, "walls", ())
    if not np.isfinite(walls).any():
        return x
    low, high = np.asarray(walls).T.reshape(2, -1, *[1] * (x.ndim - 1))
    closed = np.isfinite(high - low)
    begin, width = np.where(closed, low, 0.0), np.where(closed, high - low, 1.0)
    return jnp.where(closed, x - width * jnp.floor((x - begin) / width), x)
