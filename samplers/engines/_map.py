"""The map so far: the best point of every cell, what the last rounds changed, and its table."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._cells import Best, chosen
from ._question import Question


class State(NamedTuple):
    """The best point of every cell so far, and what the last rounds changed."""

    scale: Float[Array, " dim"]  # spread of the prior draws
    unit: Float[Array, ""]  # of the objective, on a linear scale
    best: Best
    feasible_starts: Int[Array, " cell"]
    improved: Int[Array, ""]
    quiet: Int[Array, ""]
    round: Int[Array, ""]
    proposals: Int[Array, ""]  # points looked at: prior draws, and where starts ended
    undefined: Int[Array, ""]  # those where a quantity that counts is not a number
    nonfinite: Int[Array, ""]  # those, and those outside prior and domain
    example: Float[Array, " dim"]

    @classmethod
    def of(cls, best: Best, scale: Float[Array, " dim"], unit: Float[Array, ""]) -> "State":
        """Begin with these points; nothing has been climbed or counted yet."""
        zero, none = jnp.zeros((), int), jnp.zeros(len(best.objective), int)
        nowhere = jnp.full(len(scale), jnp.nan, float)
        return cls(scale, unit, best, none, zero, zero, zero, zero, zero, zero, nowhere)


def updated(state: State, found: Best, tolerance: float) -> State:
    """Take every cell's best of what it had and what its starts found, axes (cell, start)."""
    both = jax.tree.map(
        lambda old, new: jnp.concatenate([old[:, None], new], axis=1), state.best, found
    )
    best, old = chosen(both), state.best.objective
    gained = jnp.isfinite(best.objective) & ~(best.objective <= old + tolerance)
    improved = jnp.sum(gained)
    return state._replace(
        best=best,
        feasible_starts=jnp.sum(jnp.isfinite(found.objective), axis=1),
        improved=improved,
        quiet=jnp.where(improved == 0, state.quiet + 1, 0),
        round=state.round + 1,
    )


def table(question: Question, target: Any, state: State) -> dict[str, Array]:
    """Return the arrays (y cell, x cell) that `Frontier` lists, edges and counts beside them."""
    allowed = jnp.isfinite(state.best.objective)
    value = question.value(state.best.objective, state.unit)
    flat = {
        "value": jnp.where(allowed, value, jnp.nan),
        "feasible": allowed.astype(jnp.int8),
        "n_feasible_starts": state.feasible_starts,
        "position": state.best.position,
    }
    for i, name in enumerate(question.bounding(target)):
        flat[f"slack_{name}"] = -state.best.excess[:, i]
    counts = {
        "n_proposals": state.proposals,
        "n_nonfinite": state.nonfinite,
        "n_nan": state.undefined,
    }
    shape, axes = question.shape, (question.x, question.y)
    return (
        {f"{axis.option}_edges": axis.edges for axis in axes}
        | counts
        | {name: v.reshape(*shape, *v.shape[1:]) for name, v in flat.items()}
    )
