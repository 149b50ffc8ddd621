"""Nested sampling: the evidence by shells of likelihood, several runs, each checked by ranks.

Live points of the prior are compressed towards higher likelihood: the lowest die, and are replaced
by prior draws above the highest of them, found by slice sampling. Skilling, Bayesian Anal. 1 (2006)
833. Batches of deaths, slices and live points are blackjax's (Yallup, Kroupa and Handley,
arXiv:2601.23252); the directions of the slices, the volumes and the test are here.
"""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from blackjax.mcmc import slice as slice_sampling
from blackjax.ns import from_mcmc, nss
from blackjax.ns.adaptive import AdaptiveNSState
from blackjax.ns.base import StateWithLogLikelihood, delete_fn
from blackjax.ns.integrator import NSIntegrator
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..base import Block, Doubt, example
from . import _cross_check, _evidence, _shrinkage, _slices
from ._insertion import insertion_ranks
from ._populations import AbstractPopulations
from ._targets import PriorTimesLikelihood

# On dark_dipole (15 dim), rank correlation with the start after 50, 75, 150 slices: 0.4, 0.3, 0.1
# in most coordinates, 0.6, 0.5, 0.3 in the worst. At 50, draws were worth 2.6 times less than said.
_SLICES_PER_DIM, _LEAST_SLICES = 10, 50


class State(NamedTuple):
    """Live points, the dead so far with the ranks of those born, and where the integral stands.

    birth   log likelihood above which a point was drawn, -inf for those from the prior
    dead    buffers of the same, filled from the front: `deaths` of them
    rank    of each point at its birth among the live ones, jittered to a uniform number
    volume  log of the prior share above the last dead point, and
    log_z   of the integral over the dead, both for mean shrinkage and finite likelihood only

    Slices do not tell why they shrank: of the `proposals`, one for each new point is tried like
    the first of a slice, only to count how many are `nonfinite` and `undefined`; prior draws too.
    """

    position: Float[Array, "repeat live dim"]
    log_prior: Float[Array, "repeat live"]
    log_likelihood: Float[Array, "repeat live"]
    birth: Float[Array, "repeat live"]
    dead_position: Float[Array, "repeat most dim"]
    dead_log_likelihood: Float[Array, "repeat most"]
    dead_birth: Float[Array, "repeat most"]
    rank: Float[Array, "repeat most"]
    deaths: Int[Array, " repeat"]
    volume: Float[Array, " repeat"]
    log_z: Float[Array, " repeat"]
    log_share: Float[Array, " repeat"]
    share_variance: Float[Array, " repeat"]
    evaluations: Int[Array, " repeat"]
    stuck: Int[Array, " repeat"]
    proposals: Int[Array, " repeat"]
    nonfinite: Int[Array, " repeat"]
    undefined: Int[Array, " repeat"]
    example: Float[Array, "repeat dim"]
    finished: Bool[Array, " repeat"]
    step: Int[Array, ""]


class Nested(AbstractPopulations):
    """Nested slice sampling, several independent runs.

    repeats      independent runs: their spread is the honest error of log Z
    live         live points per run; the error of log Z falls as 1 / sqrt(live)
    delete       points that die, and are replaced side by side, per batch
    inner_steps  slices per new point, at least dim; 0: 10 dim, 50 or more
    remaining    ends when live points could add no more than this share to Z, all being as likely
                 as the best of them
    efolds       ends in any case when the prior volume has shrunk by e^-efolds
    block        batches per block

    Half of the slices go along differences of live points, half along their covariance; chart
    positions have no seams, so nothing is wrapped. The last block holds equally weighted draws,
    as many as the smallest effective number of dead points among the runs, in random order, the
    table `evidence` and the weighted points, the table `points`. Needs a target that is prior
    times likelihood; starting points are not used. Plateaus: points of equal likelihood are right
    only at the top.

    The table `evidence_check` holds ln Z of the same target by importance sampling, from mixtures
    fitted to the draws: a disagreement shows volumes that shrank wrongly. No table shows a region
    that no live point ever entered (docs/samplers.md).

    Do not use ln Z for cancellations, whether a coordinate of the chart or not: with 200 live
    points ln Z comes out too low by up to 3.8 of its standard errors, with 40 slices per
    dimension by up to 2.4 (test_evidence.py, docs/samplers.md).
    """

    repeats: int = eqx.field(static=True, default=4)
    live: int = eqx.field(static=True, default=500)
    delete: int = eqx.field(static=True, default=50)
    inner_steps: int = eqx.field(static=True, default=0)
    remaining: float = eqx.field(static=True, default=1e-2)
    efolds: int = eqx.field(static=True, default=100)
    block: int = eqx.field(static=True, default=10)

    def __check_init__(self) -> None:
        least_of = {
            "repeats": 1,
            "live": 10,
            "delete": 1,
            "inner_steps": 0,
            "efolds": 1,
            "block": 1,
        }
        self.require_least(least_of)
        if 2 * self.delete > self.live:
            raise ValueError(
                f"nested needs delete <= live / 2 = {self.live // 2}, got {self.delete}"
            )
        if not 0.0 < self.remaining < 1.0:
            raise ValueError(f"nested needs remaining between 0 and 1, got {self.remaining:g}")

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (*_evidence.DOUBTS, *_shrinkage.DOUBTS, _cross_check.DOUBT)

    @property
    def _most(self) -> int:
        """Deaths that fit into the buffers, in whole batches."""
        return self.efolds * self.live // self.delete * self.delete

    def _slices(self, dim: int) -> int:
        return self.inner_steps or max(_SLICES_PER_DIM * dim, _LEAST_SLICES)

    def _begin(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood
    ) -> tuple[_evidence.FinitePrior, State]:
        if self._slices(target.dim) < target.dim:
            raise ValueError(
                f"nested needs inner_steps >= the {target.dim} dimensions, got {self.inner_steps}"
            )
        return self._drawn(key, target)

    @eqx.filter_jit
    def _drawn(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood
    ) -> tuple[_evidence.FinitePrior, State]:
        prior = self._each_prior(key, target, self.live)
        log_share, variance = prior.log_share()
        zero, count = jnp.zeros(self.repeats), jnp.zeros(self.repeats, int)
        dead = jnp.zeros((self.repeats, self._most))
        return prior, State(
            **prior.particles._asdict(),
            birth=jnp.full_like(prior.particles.log_likelihood, -jnp.inf),
            dead_position=jnp.zeros((*dead.shape, target.dim)),
            dead_log_likelihood=dead,
            dead_birth=dead,
            rank=dead,
            deaths=count,
            volume=zero,
            log_z=zero - jnp.inf,
            log_share=log_share,
            share_variance=variance,
            evaluations=prior.trials,
            stuck=count,
            proposals=prior.trials,
            nonfinite=prior.trials - prior.found,
            undefined=prior.undefined,
            example=prior.example,
            finished=_flat(prior.particles.log_likelihood),
            step=jnp.array(0),
        )

    def advance(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood, state: State
    ) -> tuple[State, Block]:
        """`block` batches of deaths in every run; the last block when all runs have ended."""
        state, stats = self._shrink(key, target, state)
        if not bool(jnp.all(state.finished)):
            return state, Block(None, stats, undefined=state.example)
        runs = state._asdict()
        draws, table = _shrinkage.summarise(jr.fold_in(key, 2**31 - 1), runs, self.delete)
        lp = _evidence.densities(target, draws)
        check = _cross_check.by_importance(jr.fold_in(key, 2**31 - 2), target, draws, table)
        points = _shrinkage.points(runs, self.delete)
        tables = {"evidence": table, "evidence_check": check, "points": points}
        return state, Block(draws, stats | {"lp": lp}, tables, True, state.example)

    @eqx.filter_jit
    def _shrink(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood, state: State
    ) -> tuple[State, dict[str, Array]]:
        last = self._each(self._batch, key, target, state, self.block)
        best = jnp.max(last.log_likelihood, axis=1) + last.volume
        stats = {
            "log_z": jnp.mean(last.log_z + last.log_share),
            "log_volume": jnp.mean(last.volume),
            "remaining": jnp.max(jnp.exp(best - jnp.logaddexp(last.log_z, best))),
        } | _evidence.undefined_share(last.proposals, last.nonfinite, last.undefined)
        return last, stats

    def _batch(self, key: PRNGKeyArray, target: PriorTimesLikelihood, state: State) -> State:
        """The lowest `delete` points of one run die and are replaced."""
        key_step, key_rank = jr.split(key)
        before = _living(state)
        places, _ = delete_fn(before, self.delete)
        after, info = self._kernel(target)(key_step, before)
        new, found = after.particles, info.update_info
        rank = insertion_ranks(key_rank, new.loglikelihood, places)
        best = jnp.max(new.loglikelihood) + after.integrator.logX
        small = best < jnp.logaddexp(after.integrator.logZ, best) + jnp.log(self.remaining)
        probes = _slices.probes(
            jr.fold_in(key, 2), state.position, before.inner_kernel_params, self.delete
        )
        state = _buried(_probed(state, target, probes), info.particles, rank)
        return state._replace(
            position=new.position,
            log_prior=new.logdensity,
            log_likelihood=new.loglikelihood,
            birth=new.loglikelihood_birth,
            volume=after.integrator.logX,
            log_z=after.integrator.logZ,
            evaluations=state.evaluations + jnp.sum(found.num_shrink),
            stuck=state.stuck + jnp.sum(~jnp.any(found.is_accepted, axis=1)),
            finished=small | (state.deaths + self.delete > self._most) | _flat(new.loglikelihood),
        )

    def _kernel(self, target: PriorTimesLikelihood) -> Any:
        """blackjax's batch of deaths, with new points from slices along lines of ours."""

        def point(z: Float[Array, " dim"], loglikelihood_birth: Array) -> StateWithLogLikelihood:
            found, _ = _evidence.particle(target, z)
            return StateWithLogLikelihood(*found, loglikelihood_birth)

        slices = slice_sampling.build_kernel(interval=_slices.whole_chord)
        return from_mcmc.build_kernel(
            nss.slice_constrained_step(point, slices, _slices.along),
            self._slices(target.dim),
            lambda key, state, info, params: params,
            self.delete,
        )


def _living(state: State) -> Any:
    """Return the live points of one run as blackjax's state, with what its slices need."""
    covariance = jnp.atleast_2d(jnp.cov(state.position, rowvar=False))
    living = (state.position, state.log_prior, state.log_likelihood, state.birth)
    return AdaptiveNSState(
        StateWithLogLikelihood(*living),
        NSIntegrator(state.volume, state.log_z, state.log_z),
        {"points": state.position, "factor": jnp.linalg.cholesky(covariance)},
    )


def _probed(state: State, target: PriorTimesLikelihood, probes: Float[Array, "probe dim"]) -> State:
    """Count which of the probes are nonfinite or undefined."""
    there, undefined = jax.vmap(functools.partial(_evidence.particle, target))(probes)
    return state._replace(
        proposals=state.proposals + len(probes),
        nonfinite=state.nonfinite + jnp.sum(jnp.isneginf(there.log_prior)),
        undefined=state.undefined + jnp.sum(undefined),
        example=example(state.example, probes.T, undefined),
    )


def _buried(state: State, dead: Any, rank: Float[Array, " dead"]) -> State:
    """Append the dead, and the ranks of those born in their place, to the buffers."""

    def append(buffer: Array, values: Array) -> Array:
        return jax.lax.dynamic_update_slice_in_dim(buffer, values, state.deaths, 0)

    return state._replace(
        dead_position=append(state.dead_position, dead.position),
        dead_log_likelihood=append(state.dead_log_likelihood, dead.loglikelihood),
        dead_birth=append(state.dead_birth, dead.loglikelihood_birth),
        rank=append(state.rank, rank),
        deaths=state.deaths + len(rank),
    )


def _flat(log_likelihood: Float[Array, "*repeat live"]) -> Bool[Array, "*repeat"]:
    """Tell whether all live points are equally likely.

    The live points are then draws of the whole remaining volume. Without constraints this holds
    from the start: the live points are draws from the prior.
    """
    return jnp.all(log_likelihood == log_likelihood[..., :1], axis=-1)
