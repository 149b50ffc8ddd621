"""Where new live points land among the old ones: uniform if they are independent draws."""

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int, PRNGKeyArray


def insertion_ranks(
    key: PRNGKeyArray, log_likelihood: Float[Array, " live"], new: Int[Array, " delete"]
) -> Float[Array, " delete"]:
    """Rank each new point among the survivors and the new points before it, as a number in (0, 1).

    If it is an independent draw like them, every place is equally likely, whatever the places of
    the others: with a jitter within its place the number is uniform, and independent of the rest.
    Fowlie, Handley and Su, arXiv:2006.03371, there for one point at a time.
    """
    value = log_likelihood[new]
    survives = jnp.ones(log_likelihood.shape, bool).at[new].set(False)
    below = jnp.sum(survives[None] & (log_likelihood[None] < value[:, None]), axis=1)
    earlier = jnp.sum(jnp.tril(value[None, :] < value[:, None], -1), axis=1)
    others = jnp.sum(survives) + jnp.arange(new.shape[0])
    return (below + earlier + jr.uniform(key, new.shape)) / (others + 1)
