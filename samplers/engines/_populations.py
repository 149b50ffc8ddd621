"""The common part of nested and smc: independent populations that begin as prior draws."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, PRNGKeyArray

from .. import devices
from ..base import AbstractEngine, LogDensity, name_of
from . import _evidence
from ._targets import PriorTimesLikelihood, require_methods


class AbstractPopulations(AbstractEngine):
    """Several populations of the same target; needs one that is prior times likelihood."""

    burn_in: ClassVar[int] = 0
    ends: ClassVar[bool] = True

    repeats: eqx.AbstractVar[int]

    @property
    def chains(self) -> int:
        return self.repeats

    @property
    def parts(self) -> int:
        return self.repeats

    def init(self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]) -> Any:
        """Populations drawn from the prior, where its likelihood is not zero."""
        del starts
        require_methods(name_of(self), target, PriorTimesLikelihood)
        prior, state = self._begin(key, cast(PriorTimesLikelihood, target))
        _evidence.require_found(name_of(self), prior)
        return state

    def _each_prior(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood, count: int
    ) -> _evidence.FinitePrior:
        """`count` prior draws of finite likelihood for each population."""

        def draw(keys: Array, target: Any) -> tuple[_evidence.FinitePrior, tuple[()]]:
            return jax.vmap(lambda k: _evidence.finite_prior(k, target, count))(keys), ()

        return devices.shared(draw, jr.split(key, self.repeats), target)[0]

    def _each(
        self,
        step: Callable[[PRNGKeyArray, PriorTimesLikelihood, Any], Any],
        key: PRNGKeyArray,
        target: PriorTimesLikelihood,
        state: Any,
        length: int,
    ) -> Any:
        """The state after `length` steps of every population that has not finished.

        step  (key, target, state of one population) -> its state; each time with another key
        """

        def one(state: Any, key: PRNGKeyArray, target: Any) -> Any:
            keys = devices.own(jr.split(jr.fold_in(key, state.step), self.repeats))
            alone = state._replace(step=jnp.zeros(len(state.finished), int))
            new = jax.vmap(lambda k, s: step(k, target, s))(keys, alone)

            def keep(old: Array, new: Array) -> Array:
                return jnp.where(jnp.expand_dims(state.finished, range(1, old.ndim)), old, new)

            return jax.tree.map(keep, alone, new)._replace(step=state.step + 1)

        def steps(rows: Any, whole: Any, key: PRNGKeyArray, target: Any) -> tuple[Any, Any]:
            begun = type(state)(**rows, **whole)
            last, _ = jax.lax.scan(lambda s, _: (one(s, key, target), None), begun, length=length)
            return self.rows_of(last), last.step

        rows, number = devices.shared(steps, self.rows_of(state), self.whole_of(state), key, target)
        return state._replace(**rows, step=number)

    @abc.abstractmethod
    def _begin(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood
    ) -> tuple[_evidence.FinitePrior, Any]:
        """Return prior draws and the state that begins with them."""
