"""Maximising one quantity in the cells of a map: barriers for what is not allowed, and scores."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

type Points = Float[Array, "n dim"]
type Cells = Float[Array, "_ 4"]  # (x low, x high, y low, y high) in the coordinates of the map

BARRIERS = np.geomspace(0.3, 1e-4, 40)  # t, one Newton step each
_SOFT = 0.1  # s / t below which the barrier is a parabola


class Measured(NamedTuple):
    """The answers of one point: f, the two coordinates of the map, the excesses."""

    objective: Float[Array, ""]
    x: Float[Array, ""]
    y: Float[Array, ""]
    excess: Float[Array, " k"]


class Best(NamedTuple):
    """Points of cells and what they are worth, axes (cell,) or (cell, start) in front."""

    position: Float[Array, "*n dim"]
    objective: Float[Array, "*n"]  # f; -inf where something forbids it
    violation: Float[Array, "*n"]  # largest excess, walls of the cell included
    excess: Float[Array, "*n k"]


def coordinate(x: Array, scale: str) -> Array:
    """x or ln x; NaN where there is none, with a finite gradient."""
    if scale == "linear":
        return x
    positive = x > 0.0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), jnp.nan)


def _over(ratio: Array) -> Array:
    """Excess of a ratio >= 0 over one: ratio - 1 below, ln(ratio) above."""
    above = ratio > 1.0
    return jnp.where(above, jnp.log(jnp.where(above, ratio, 1.0)), ratio - 1.0)


def _outside_cell(found: Measured, cell: Float[Array, "4"]) -> Float[Array, "2"]:
    """Excess over the walls of a cell, across and up."""
    here, low, high = jnp.stack([found.x, found.y]), cell[::2], cell[1::2]
    return _over(((2.0 * here - low - high) / (high - low)) ** 2)


def _barrier(slack: Array, t: Float[Array, ""]) -> Array:
    """ln(slack), continued below t/10 by the parabola that fits there."""
    soft = _SOFT * t
    inside = slack > soft
    below = slack / soft - 1.0
    parabola = jnp.log(soft) + below - 0.5 * below**2
    return jnp.where(inside, jnp.log(jnp.where(inside, slack, 1.0)), parabola)


def corners(x: Float[Array, " across"], y: Float[Array, " up"]) -> Cells:
    """(x low, x high, y low, y high) of every cell between edges in the map's coordinates."""
    shape = len(y) - 1, len(x) - 1
    x_low, y_low = jnp.broadcast_to(x[:-1], shape), jnp.broadcast_to(y[:-1, None], shape)
    x_high, y_high = jnp.broadcast_to(x[1:], shape), jnp.broadcast_to(y[1:, None], shape)
    return jnp.stack([x_low, x_high, y_low, y_high], axis=-1).reshape(-1, 4)


def around(rows: int, columns: int) -> np.ndarray:
    """(cell, 5) numbers of every cell itself and of its neighbours, itself at an edge."""
    row, column = np.indices((rows, columns))
    moves = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
    there = [np.clip(row + i, 0, rows - 1) for i, _ in moves]
    beside = [np.clip(column + j, 0, columns - 1) for _, j in moves]
    return (np.stack(there, -1) * columns + np.stack(beside, -1)).reshape(-1, len(moves))


def merit(found: Measured, cell: Float[Array, "4"], t: Float[Array, ""]) -> Float[Array, ""]:
    """f and the barriers; -inf where anything is undefined."""
    excess = jnp.concatenate([found.excess, _outside_cell(found, cell)])
    value = found.objective + t * jnp.sum(_barrier(-excess, t))
    return jnp.where(jnp.isfinite(value), value, -jnp.inf)


def best_of(found: Measured, cells: Cells, count: int) -> Int[Array, "cell count"]:
    """Choose `count` good points for each cell, (cell, count) of their numbers.

    Points are dealt out into `count` hands, and each cell takes the best of every hand.
    """
    t = jnp.asarray(BARRIERS[0])
    worth = jax.lax.map(lambda cell: jax.vmap(lambda m: merit(m, cell, t))(found), cells)
    whole = worth.shape[1] // count
    shares = worth[:, : whole * count].reshape(-1, whole, count)
    return jnp.argmax(shares, axis=1) * count + jnp.arange(count)[None]


def judged(z: Points, found: Measured, cells: Cells) -> Best:
    """Points as candidates for a cell each."""
    walls = jax.vmap(_outside_cell)(found, cells)
    worst = jnp.max(jnp.concatenate([found.excess, walls], axis=1), axis=1)
    sound = jnp.isfinite(worst) & jnp.isfinite(found.objective)
    allowed = sound & (worst <= 0.0)
    objective = jnp.where(allowed, found.objective, -jnp.inf)
    return Best(z, objective, jnp.where(sound, worst, jnp.inf), found.excess)


def chosen(candidates: Best) -> Best:
    """Choose of (cell, start) candidates the largest f, or the least violation."""
    some = jnp.any(jnp.isfinite(candidates.objective), axis=1, keepdims=True)
    rank = jnp.where(some, candidates.objective, -candidates.violation)
    best = jnp.argmax(rank, axis=1)
    return jax.tree.map(lambda v: jax.vmap(lambda row, i: row[i])(v, best), candidates)


def kicked(
    key: PRNGKeyArray, z: Points, spread: Float[Array, " dim"], count: int
) -> Float[Array, "cell kick dim"]:
    """Move each point `count` times, half of its coordinates at random, far and near.

    By spread times e^-s of a Gaussian step, s uniform in 0 to 4: maxima of a valley that is curved
    or cut by limits lie beyond what a climb sees.
    """
    shape = (len(z), count, z.shape[1])
    step, which, far = jr.split(key, 3)
    size = jnp.exp(-4.0 * jr.uniform(far, (*shape[:2], 1)))
    moved = jr.bernoulli(which, 0.5, shape) * jr.normal(step, shape)
    return z[:, None] + size * moved * spread[None, None]


def prior_draws(target: Any, key: PRNGKeyArray, count: int) -> Points:
    u = jr.uniform(key, (count, target.dim), minval=jnp.finfo(float).tiny)
    return jax.vmap(target.from_unit)(u)
