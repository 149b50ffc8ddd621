"""Sequential Monte Carlo from the prior to the posterior: separate modes, and the evidence.

A population of particles follows prior * likelihood^t from t = 0 to 1; t grows as fast as the
effective share of the particles allows, and at each t the particles are resampled and moved by
Metropolis steps. Del Moral, Doucet and Jasra, J. R. Stat. Soc. B 68 (2006) 411. Schedule,
resampling and kernels are blackjax's; the steps are fitted to the particles here.
"""

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from blackjax.smc import resampling
from blackjax.smc.ess import ess_solver
from blackjax.smc.solver import dichotomy
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..base import Block, Doubt
from . import _evidence, _particles
from ._evidence import Particle
from ._populations import AbstractPopulations
from ._targets import PriorTimesLikelihood

_KERNELS = {"random_walk": 0.234, "hmc": 0.8}  # and the acceptance they are tuned to
_GAIN = 2.0  # of the logarithm of the scale of steps, per unit of acceptance and block
_SETTLED = 1.2  # of the distance moved, when twice the moves have been made: see Smc
_UNSETTLED = (
    "particles were still moving away from where they began when the moves at a temperature ended: "
    "they had not forgotten it (more moves, rounds or particles)"
)
_BISECT = functools.partial(dichotomy, max_iter=1000)  # temperatures begin at 1e-20 and less


class State(NamedTuple):
    """The populations, and the evidence so far; a finished population stays as it is.

    unsettled temperatures left before the particles had settled
    origin    where the particles were at the beginning of this temperature, and the median
    distance  from there, per coordinate, when the number of rounds was a power of two
    variance  of log_z, as far as one population can see it
    scale     of the steps, in units of the spread of the particles
    """

    particles: Particle
    origin: Float[Array, "repeat particle dim"]
    distance: Float[Array, "repeat dim"]
    temperature: Float[Array, " repeat"]
    log_z: Float[Array, " repeat"]
    variance: Float[Array, " repeat"]
    scale: Float[Array, " repeat"]
    acceptance: Float[Array, " repeat"]
    log_share: Float[Array, " repeat"]
    stages: Int[Array, " repeat"]
    rounds: Int[Array, " repeat"]
    settled: Bool[Array, " repeat"]
    unsettled: Int[Array, " repeat"]
    evaluations: Int[Array, " repeat"]
    proposals: Int[Array, " repeat"]
    nonfinite: Int[Array, " repeat"]
    undefined: Int[Array, " repeat"]
    example: Float[Array, "repeat dim"]
    finished: Bool[Array, " repeat"]
    step: Int[Array, ""]


class Smc(AbstractPopulations):
    """Adaptive tempering of independent populations.

    repeats    independent populations: their spread is the honest error of log Z
    particles  per population
    moves      Metropolis steps of every particle per block
    rounds     blocks at one temperature, at most
    kernel     "random_walk" (along differences of particles) or "hmc" (needs gradients; diagonal
               metric from the particles)
    share      effective share of particles to which each temperature step brings them down
    leapfrogs  per move of "hmc"

    A population stays at a temperature until twice the moves take its particles hardly farther:
    their median distance from where they were resampled has grown by less than 1.2 in every
    coordinate (an autocorrelation below 0.2 then, whatever the number of modes).

    The last block holds the particles as equally weighted draws and the table `evidence`. They
    stand in the order of their ancestors, so that the ESS of a population, taken as a chain, sees
    those with a common one. Needs a target that is prior times likelihood; starting points are
    not used.

    Not for funnels: the repeats disagree, and repeats_p says so. For cancellations that are no
    coordinate of the chart, compare with a second engine: there one ln Z of ten is off by 3.2
    standard errors (test_evidence.py, docs/samplers.md).
    """

    repeats: int = eqx.field(static=True, default=8)
    particles: int = eqx.field(static=True, default=1000)
    moves: int = eqx.field(static=True, default=10)
    rounds: int = eqx.field(static=True, default=64)
    kernel: str = eqx.field(static=True, default="random_walk")
    share: float = eqx.field(static=True, default=0.5)
    leapfrogs: int = eqx.field(static=True, default=8)

    def __check_init__(self) -> None:
        least_of = {"repeats": 1, "particles": 10, "moves": 1, "rounds": 2, "leapfrogs": 1}
        self.require_least(least_of)
        if not 0.0 < self.share < 1.0:
            raise ValueError(f"smc needs share between 0 and 1, got {self.share:g}")
        if self.kernel not in _KERNELS:
            raise ValueError(f"smc needs kernel {' or '.join(_KERNELS)}, got '{self.kernel}'")

    @property
    def gradients(self) -> bool:
        return self.kernel == "hmc"

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (*_evidence.DOUBTS, Doubt("evidence/n_unsettled", "flag", _UNSETTLED))

    @eqx.filter_jit
    def _begin(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood
    ) -> tuple[_evidence.FinitePrior, State]:
        prior = self._each_prior(key, target, self.particles)
        log_share, variance = prior.log_share()
        first = 2.38 / math.sqrt(2.0 * target.dim) if self.kernel == "random_walk" else 0.5
        zero = jnp.zeros(self.repeats)
        count = jnp.zeros(self.repeats, int)
        return prior, State(
            particles=prior.particles,
            origin=prior.particles.position,
            distance=jnp.zeros((self.repeats, target.dim)),
            temperature=zero,
            log_z=log_share,
            variance=variance,
            scale=zero + first,
            acceptance=zero,
            log_share=log_share,
            stages=count,
            rounds=count,
            settled=jnp.ones(self.repeats, bool),
            unsettled=count,
            evaluations=prior.trials,
            proposals=prior.trials,
            nonfinite=prior.trials - prior.found,
            undefined=prior.undefined,
            example=prior.example,
            finished=jnp.zeros(self.repeats, bool),
            step=jnp.array(0),
        )

    def advance(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood, state: State
    ) -> tuple[State, Block]:
        """Move every population to its next temperature; the last block when all have got to 1."""
        state, stats = self._temper(key, target, state)
        if not bool(jnp.all(state.finished)):
            return state, Block(None, stats, undefined=state.example)
        found = state.particles
        stats = stats | {"lp": found.log_prior + found.log_likelihood}
        tables = {"evidence": table(state)}
        return state, Block(found.position, stats, tables, True, state.example)

    @eqx.filter_jit
    def _temper(
        self, key: PRNGKeyArray, target: PriorTimesLikelihood, state: State
    ) -> tuple[State, dict[str, Array]]:
        kept = self._each(self._stage, key, target, state, 1)
        stats = {
            "temperature": jnp.min(kept.temperature),
            "acceptance": jnp.mean(kept.acceptance),
            "log_z": jnp.mean(kept.log_z),
        } | _evidence.undefined_share(kept.proposals, kept.nonfinite, kept.undefined)
        return kept, stats

    def _stage(self, key: PRNGKeyArray, target: PriorTimesLikelihood, state: State) -> State:
        """Run one block of one population: a new temperature if it has settled, then moves."""
        key_resample, key_move = jr.split(key)
        state = self._heat(key_resample, state)
        here = (key_move, target, state.particles, state.temperature, state.scale, self.moves)
        if self.kernel == "random_walk":
            particles, counts = _particles.walk(*here)
        else:
            particles, counts = _particles.leap(*here, self.leapfrogs)
        rounds = state.rounds + 1
        distance = jnp.median(jnp.abs(particles.position - state.origin), axis=0)
        doubled = (rounds & (rounds - 1)) == 0
        settled = (rounds > 1) & doubled & jnp.all(distance < _SETTLED * state.distance)
        given_up = ~settled & (rounds >= self.rounds)
        settled = settled | given_up
        return state._replace(
            particles=particles,
            distance=jnp.where(doubled, distance, state.distance),
            rounds=rounds,
            settled=settled,
            unsettled=state.unsettled + given_up,
            scale=state.scale * jnp.exp(_GAIN * (counts.acceptance - _KERNELS[self.kernel])),
            acceptance=counts.acceptance,
            evaluations=state.evaluations + self._densities_per_block,
            proposals=state.proposals + self.particles * self.moves,
            nonfinite=state.nonfinite + counts.nonfinite,
            undefined=state.undefined + counts.undefined,
            example=jnp.where(counts.undefined > 0, counts.example, state.example),
            finished=settled & (state.temperature == 1.0),
        )

    @property
    def _densities_per_block(self) -> int:
        per_move = 1 if self.kernel == "random_walk" else self.leapfrogs
        return self.particles * self.moves * per_move

    def _heat(self, key: PRNGKeyArray, state: State) -> State:
        """The next temperature, resampled for it, if the particles are settled at this one."""
        value = state.particles.log_likelihood
        left = 1.0 - state.temperature
        step = ess_solver(lambda _: value, state.particles.position, self.share, left, _BISECT)
        step = jnp.where(state.settled, step, 0.0)
        log_weights = step * value
        log_mean = logsumexp(log_weights) - math.log(self.particles)
        weights = jnp.exp(log_weights - log_mean) / self.particles
        ancestors = resampling.systematic(key, weights, self.particles)
        ancestors = jnp.where(state.settled, ancestors, jnp.arange(self.particles))
        particles = jax.tree.map(lambda x: x[ancestors], state.particles)
        return state._replace(
            particles=particles,
            origin=jnp.where(state.settled, particles.position, state.origin),
            temperature=state.temperature + step,
            log_z=state.log_z + log_mean,
            variance=state.variance + jnp.sum(weights**2) - 1.0 / self.particles,
            stages=state.stages + state.settled,
            rounds=jnp.where(state.settled, 0, state.rounds),
        )


def table(state: State) -> dict[str, Array]:
    """Return the table `evidence`, one row per population.

    log_z_error     the larger of log_z_within and the spread over populations
    log_z_within    sqrt(sum (1/ESS - 1/N)) over temperatures, which takes particles for independent
    repeats_p       of a chi-square test that the populations agree within log_z_within
    log_share       ln of the share of the prior that has a finite likelihood (part of log_z)
    n_unsettled     temperatures that were left after `rounds` rounds, settled or not
    """
    log_z, within = np.asarray(state.log_z), np.sqrt(np.asarray(state.variance))
    p = _evidence.agreement(log_z, within)
    return {
        "log_z": state.log_z,
        "log_z_error": jnp.asarray(_evidence.with_spread(log_z, within)),
        "log_z_within": jnp.asarray(within),
        "repeats_p": jnp.full(len(log_z), p),
        "log_share": state.log_share,
        "n_temperatures": state.stages,
        "n_unsettled": state.unsettled,
        "n_evaluations": state.evaluations,
        "acceptance": state.acceptance,
        "n_proposals": state.proposals,
        "n_nonfinite": state.nonfinite,
        "n_nan": state.undefined,
    }
