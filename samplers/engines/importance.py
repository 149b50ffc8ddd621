"""Importance sampling from a mixture that was fitted to the target: exact weights, and log Z.

A short run of walkers finds the target, a mixture of Student t is fitted to where they went and
then improved by weighted draws of its own (population Monte Carlo, Cappe et al., arXiv:0710.4242);
after that it stays as it is and every draw is independent. The tail of the weights says whether to
believe it: Vehtari et al., arXiv:1507.02646.
"""

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy.special import logsumexp

from .. import devices
from ..base import AbstractEngine, Block, Doubt, LogDensity, example, log_density
from . import _evidence, _mixture
from ._mixture import Mixture
from .ensemble import Ensemble

_KEPT = 32  # draws per walker that the first mixture is fitted to
_FIT_STEPS = 40
_BROAD, _BROAD_SHARE = 2.0, 0.05  # width and weight of the component that covers everything
_FEW_DECIDE = (
    "a few draws carry nearly all of the weight, so that averages over the weights mean little"
)


class State(NamedTuple):
    """The mixture of each repeat, and its weighted draws so far: `filled` of them.

    log_weight  ln of target / mixture, -inf where the target is
    """

    mixture: Mixture
    position: Float[Array, "repeat sample dim"]
    log_weight: Float[Array, "repeat sample"]
    filled: Int[Array, ""]
    nonfinite: Int[Array, " repeat"]
    undefined: Int[Array, " repeat"]
    example: Float[Array, "repeat dim"]  # of an undefined draw


class Importance(AbstractEngine):
    """Weighted draws from fitted mixtures, several independent repeats from walkers to weights.

    repeats     independent repeats: their spread is the honest error of log Z
    walkers     of the ensemble that finds the target, per repeat; even, at least 2 dim
    warmup      its steps; the last half is what the first mixture is fitted to
    components  of the mixture
    rounds      of improvement, each with `adapt` draws per repeat
    samples     weighted draws per repeat that count
    block       of them per block

    log Z needs the density alone: target(z) with a normalised prior. The last block holds equally
    weighted draws, as many as the smallest effective number among the repeats, dealt out to the
    walkers as chains, the table `evidence`, and the weighted draws as the table `points`.

    Not for funnels, cancellations that are no coordinate of the chart, nor more than about ten
    parameters of a real model: pareto_k says so (test_evidence.py, docs/samplers.md).
    """

    burn_in: ClassVar[int] = 0
    ends: ClassVar[bool] = True
    whole: ClassVar[tuple[str, ...]] = ("filled",)

    repeats: int = eqx.field(static=True, default=4)
    walkers: int = eqx.field(static=True, default=64)
    warmup: int = eqx.field(static=True, default=5000)
    components: int = eqx.field(static=True, default=16)
    rounds: int = eqx.field(static=True, default=8)
    adapt: int = eqx.field(static=True, default=5000)
    samples: int = eqx.field(static=True, default=50000)
    block: int = eqx.field(static=True, default=10000)

    def __check_init__(self) -> None:
        least_of = {"repeats": 1, "components": 1, "rounds": 0, "adapt": 100, "samples": 100}
        self.require_least(least_of | {"block": 1, "warmup": 2 * _KEPT})
        if self.samples % self.block:
            raise ValueError(
                f"importance needs samples in whole blocks of {self.block}, got {self.samples}"
            )
        if self.walkers % 2 or self.walkers < 4:
            raise ValueError(f"importance needs an even number of walkers >= 4, got {self.walkers}")

    @property
    def chains(self) -> int:
        return self.repeats * self.walkers

    @property
    def groups(self) -> np.ndarray:
        return np.repeat(np.arange(self.repeats), self.walkers)

    @property
    def parts(self) -> int:
        return self.repeats

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (*_evidence.DOUBTS, Doubt("evidence/pareto_k", "pareto_k", _FEW_DECIDE))

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Mixtures fitted from (repeats * walkers, dim) starting points, repeat by repeat."""
        if starts.shape[0] != self.chains:
            raise ValueError(
                f"importance needs {self.chains} starting points, got {starts.shape[0]}"
            )
        if self.walkers < 2 * starts.shape[1]:
            raise ValueError(
                f"importance needs walkers >= 2*dim = {2 * starts.shape[1]}, got {self.walkers}"
            )
        explorer = Ensemble(
            ensembles=self.repeats,
            walkers=self.walkers,
            thin=self.warmup // (2 * _KEPT),
            block=2 * _KEPT,
        )
        key_walk, key_fit = jr.split(key)
        _, found = explorer.advance(key_walk, target, explorer.init(key_walk, target, starts))
        assert found.draws is not None
        trail = found.draws[:, _KEPT:].reshape(self.repeats, -1, starts.shape[1])
        return self.fitted(key_fit, target, trail)

    @eqx.filter_jit
    def fitted(
        self, key: PRNGKeyArray, target: LogDensity, trail: Float[Array, "repeat n dim"]
    ) -> State:
        """Return the state with mixtures fitted to draws of the target, n for each repeat."""

        def learn(rows: tuple[Array, Array], target: Any) -> tuple[Mixture, tuple[()]]:
            return jax.vmap(lambda k, x: self._learn(k, target, x))(*rows), ()

        mixture, _ = devices.shared(learn, (jr.split(key, self.repeats), trail), target)
        shape = (self.repeats, self.samples)
        none = jnp.zeros(self.repeats, int)
        return State(
            mixture,
            jnp.zeros((*shape, trail.shape[-1])),
            jnp.full(shape, -jnp.inf, float),
            jnp.array(0),
            none,
            none,
            jnp.full((self.repeats, trail.shape[-1]), jnp.nan, float),
        )

    def _learn(
        self, key: PRNGKeyArray, target: LogDensity, trail: Float[Array, "n dim"]
    ) -> Mixture:
        """The mixture with the largest effective number of draws among those tried."""
        key_fit, key_rounds = jr.split(key)
        first = _mixture.fit(key_fit, trail, self.components, _FIT_STEPS)

        def round_(carry, key):
            mixture, best, most = carry
            x, log_weight, *_ = weighted(key, target, mixture, 0, self.adapt)
            weight = _mixture.truncated(log_weight)
            size = _mixture.effective(log_weight)
            better = size > most
            best = jax.tree.map(lambda new, old: jnp.where(better, new, old), mixture, best)
            for _ in range(2):
                mixture = _mixture.improve(mixture, x, weight)
            return (mixture, best, jnp.maximum(size, most)), size

        start = (first, first, jnp.array(0.0))
        (_, best, _), _ = jax.lax.scan(round_, start, jr.split(key_rounds, self.rounds))
        return best

    def advance(self, key: PRNGKeyArray, target: LogDensity, state: State) -> tuple[State, Block]:
        """`block` more weighted draws per repeat; the last block when there are `samples`."""
        state, stats = self._more(key, target, state)
        if int(state.filled) < self.samples:
            return state, Block(None, stats, undefined=state.example)
        draws, lp, table = self._summarise(jr.fold_in(key, 2**31 - 1), state)
        tables = {"evidence": table, "points": _evidence.points(state.position, state.log_weight)}
        return state, Block(draws, stats | {"lp": lp}, tables, True, state.example)

    @eqx.filter_jit
    def _more(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, dict[str, Array]]:
        def draw(
            rows: tuple[Array, Any], filled: Array, target: Any
        ) -> tuple[tuple[Any, Array], tuple[()]]:
            def one(key: PRNGKeyArray, row: dict[str, Any]) -> tuple[dict[str, Any], Array]:
                new, size = self._drawn(key, target, State(**row, filled=filled))
                return self.rows_of(new), size

            return jax.vmap(one)(*rows), ()

        keys = jr.split(key, self.repeats)
        (rows, size), _ = devices.shared(draw, (keys, self.rows_of(state)), state.filled, target)
        new = state._replace(**rows, filled=state.filled + self.block)
        nonfinite = new.nonfinite - state.nonfinite
        stats = {
            "effective_fraction": jnp.min(size),
            "nonfinite_fraction": jnp.mean(nonfinite) / self.block,
        } | _evidence.undefined_share(new.filled, new.nonfinite, new.undefined)
        return new, stats

    def _drawn(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, Float[Array, ""]]:
        """`block` more draws of one repeat, and the effective share of them."""
        x, log_weight, nonfinite, undefined, seen = weighted(
            key, target, state.mixture, state.filled, self.block
        )
        new = state._replace(
            position=jax.lax.dynamic_update_slice_in_dim(state.position, x, state.filled, 0),
            log_weight=jax.lax.dynamic_update_slice_in_dim(
                state.log_weight, log_weight, state.filled, 0
            ),
            nonfinite=state.nonfinite + nonfinite,
            undefined=state.undefined + undefined,
            example=jnp.where(undefined > 0, seen, state.example),
        )
        return new, _mixture.effective(log_weight) / self.block

    def _summarise(self, key: PRNGKeyArray, state: State) -> tuple[Array, Array, dict[str, Array]]:
        """Equally weighted draws, their log density, and the table `evidence`."""
        log_weight, position = np.asarray(state.log_weight), np.asarray(state.position)
        rows = self.estimate(state)
        weight = np.exp(log_weight - logsumexp(log_weight, axis=1, keepdims=True))
        count = max(int(min(rows["ess"])) // self.walkers, 1) * self.walkers
        keys = jr.split(key, self.repeats)
        chosen = [_evidence.resampled(k, w, count) for k, w in zip(keys, weight, strict=True)]
        draws = np.stack([x[i] for x, i in zip(position, chosen, strict=True)])
        log_q = _proposal_density(state.mixture, jnp.asarray(draws))
        lp = np.stack([w[i] for w, i in zip(log_weight, chosen, strict=True)]) + log_q
        by_chain = (self.chains, count // self.walkers)
        return (
            jnp.asarray(draws.reshape(*by_chain, -1)),
            jnp.reshape(lp, by_chain),
            {name: jnp.asarray(x) for name, x in rows.items()},
        )

    def more(self, key: PRNGKeyArray, target: LogDensity, state: State) -> State:
        """Return the state with `block` more weighted draws per repeat."""
        return self._more(key, target, state)[0]

    def estimate(self, state: State) -> dict[str, np.ndarray]:
        """Compute the table `evidence` of the weighted draws so far."""
        return _evidence.of_weights(np.asarray(state.log_weight)) | {
            "n_evaluations": np.full(self.repeats, self._evaluations),
            "n_proposals": np.full(self.repeats, int(state.filled)),
            "n_nonfinite": np.asarray(state.nonfinite),
            "n_nan": np.asarray(state.undefined),
        }

    @property
    def _evaluations(self) -> int:
        """Log densities per repeat, all in all."""
        steps = self.warmup // (2 * _KEPT) * 2 * _KEPT
        return self.walkers * (steps + 1) + self.rounds * self.adapt + self.samples


def weighted(
    key: PRNGKeyArray,
    target: LogDensity,
    mixture: Mixture,
    first: int | Int[Array, ""],
    count: int,
) -> tuple[Array, Array, Array, Array, Array]:
    """Draws of the broadened mixture, ln of their weights, how many are -inf and undefined, and
    one of the undefined.
    """
    proposal = _mixture.widened(mixture, _BROAD, _BROAD_SHARE)
    x = _mixture.draw(key, proposal, first, count)
    value, undefined = log_density(target, x.T)
    log_weight = value - _mixture.log_density(proposal, x)
    seen = example(jnp.full(x.shape[1], jnp.nan, float), x.T, undefined)
    return x, log_weight, jnp.sum(jnp.isneginf(value)), jnp.sum(undefined), seen


@eqx.filter_jit
def _proposal_density(
    mixture: Mixture, x: Float[Array, "repeat n dim"]
) -> Float[Array, "repeat n"]:
    def one(mixture: Mixture, x: Array) -> Array:
        return _mixture.log_density(_mixture.widened(mixture, _BROAD, _BROAD_SHARE), x)

    return jax.vmap(one)(mixture, x)
