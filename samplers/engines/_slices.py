"""Lines through live points along which nested sampling looks for new ones."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
from blackjax.ns import nss
from jaxtyping import Array, Float, PRNGKeyArray


def line(
    key: PRNGKeyArray,
    position: Float[Array, " dim"],
    points: Float[Array, "live dim"],
    factor: Float[Array, "dim dim"],
) -> Float[Array, " dim"]:
    """Direction and length of one slice.

    Half of them by the covariance of the live points, as long as the widest chord of an ellipsoid
    with that covariance; half from one live point to another, twice as long, which suits bent and
    separate regions better.
    """
    count, dim = points.shape
    key_kind, key_pair, key_direction = jr.split(key, 3)
    first, ahead = jr.randint(key_pair, (2,), jnp.array([0, 1]), count)
    pair = points[first] - points[(first + ahead) % count]
    spread: Any = nss.sample_direction_from_covariance_factor(key_direction, position, factor)
    usable = jnp.any(pair != 0.0) & jr.bernoulli(key_kind)
    return jnp.where(usable, 2.0 * pair, math.sqrt(dim + 2.0) * spread)


def along(
    point: Any,
    threshold: Float[Array, ""],
    points: Float[Array, "live dim"],
    factor: Float[Array, "dim dim"],
) -> Any:
    """Lines for the slices, in the form that blackjax's `nss` calls; the bracket has length 1."""

    def generate(key: PRNGKeyArray, position: Float[Array, " dim"], _: Any) -> Any:
        step = line(key, position, points, factor)

        def at(t: Float[Array, ""]) -> tuple[Any, Array]:
            there = point(position + t * step, threshold)
            return there, there.loglikelihood > threshold

        return at

    return generate


def probes(
    key: PRNGKeyArray, position: Float[Array, "live dim"], lines: dict[str, Array], count: int
) -> Float[Array, "count dim"]:
    """Points like the first ones that `count` slices would try."""

    def one(key: PRNGKeyArray) -> Float[Array, " dim"]:
        key_place, key_bracket, key_along, key_line = jr.split(key, 4)
        here = position[jr.randint(key_place, (), 0, len(position))]
        left, right, *_ = whole_chord(key_bracket, None, 1.0, 0)
        place = left + (right - left) * jr.uniform(key_along)
        return here + place * line(key_line, here, **lines)

    return jax.vmap(one)(jr.split(key, count))


def whole_chord(
    key: PRNGKeyArray, in_slice: Any, width: float, max_expansions: int
) -> tuple[Array, Array, int, Any]:
    """Place a bracket at random around the present point; it is not stepped out.

    The lines are long enough as they are. Stepping out compiles the density five times, not once.
    """
    del in_slice, max_expansions
    left = -width * jr.uniform(key)
    return left, left + width, 0, lambda t: True
