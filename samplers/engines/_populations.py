"""The common part of nested and smc: independent populations that begin as prior draws."""

import abc
from typing import Any, ClassVar, cast

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

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

    @abc.abstractmethod
    def _begin(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood
    ) -> tuple[_evidence.FinitePrior, Any]:
        """Return prior draws and the state that begins with them."""
