"""A warm-up that is taken in blocks, so that a session shorter than it can be continued.

Between two blocks everything that the adaptation has learnt is arrays, which a checkpoint holds;
the draws are those of a warm-up in one piece.
"""

import abc
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .base import AbstractEngine

_BLOCKS = 20  # of a warm-up, between which it may be interrupted


class Warming(NamedTuple):
    """A warm-up under way.

    rows    of each chain
    learnt  from all chains together, the same for each
    step    how far it has come, of `warming_steps`
    """

    rows: Any
    learnt: Any
    step: Int[Array, ""]


class AbstractWarming(AbstractEngine):
    """An engine that adapts for a number of steps before its first draw."""

    @property
    @abc.abstractmethod
    def warming_steps(self) -> int: ...

    @property
    def per_warming(self) -> int:
        """Steps after which the warm-up is checkpointed."""
        return max(self.warming_steps // _BLOCKS, 1)

    @abc.abstractmethod
    def begin(self, key: PRNGKeyArray, target: Any, starts: Float[Array, "chain dim"]) -> Warming:
        """Return the chains at their (chains, dim) starting points, before any adaptation."""

    @abc.abstractmethod
    def warm(self, key: PRNGKeyArray, target: Any, warming: Warming, until: int) -> Warming:
        """Go on up to step `until`; the key is that of `begin`."""

    @abc.abstractmethod
    def settled(self, key: PRNGKeyArray, warming: Warming) -> Any:
        """Return the state that a finished warm-up leaves."""

    def init(self, key: PRNGKeyArray, target: Any, starts: Float[Array, "chain dim"]) -> Any:
        """Return the state after the whole warm-up from (chains, dim) starting points."""
        warming = self.begin(key, target, starts)
        return self.settled(key, self.warm(key, target, warming, self.warming_steps))


def firm(tree: Any) -> Any:
    """Turn numbers into arrays of one type, whatever Python or JAX would promote them to."""
    return jax.tree.map(lambda x: jnp.array(x, dtype=jnp.result_type(x)), tree)
