"""Moves of some of the coordinates, the same ones for all walkers of a half-step.

Where draws fill a thin curved sheet in some coordinates, a move of all coordinates has to hit the
sheet, and those which have nothing to do with it wait for it. A move that leaves some alone need
not. The subset is picked without regard to where walkers are, so moves along differences stay
reversible: the randomized subspaces of Vrugt et al., Int. J. Nonlin. Sci. Num. Sim. 10 (2009) 273.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt


def scales(words: UInt[Array, " dim_and_one"], share: float) -> Float[Array, " dim"]:
    """Return the factor of every coordinate's step, of one random word each and one for all.

    With probability `share` 0 for those that rest and sqrt(dim/n) for the n that move, each with
    probability 1/2 and all where none would; or else 1. A move along differences has so the length
    for n dimensions, 2.38/sqrt(2 n).
    """
    moves = (words[1:] & 1).astype(float)
    number = jnp.sum(moves)
    some = (words[0].astype(float) * 2.0**-64 < share) & (number > 0)
    return jnp.where(some, moves * jnp.sqrt(moves.size / number), 1.0)
