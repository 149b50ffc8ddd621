"""Adjusted microcanonical Hamiltonian Monte Carlo (MCLMC with a Metropolis step): unbiased.

Momenta have unit length and turn along the gradient, trajectories of isokinetic McLachlan steps
(two gradients each) end in an accept-reject step, so that the step size costs efficiency and
never bias. Robnik, De Luca, Silverstein and Seljak, JMLR 24 (2023) 311; Robnik, Cohn-Gordon and
Seljak, arXiv:2503.01707, for the adjusted kernel. Kernel and dual averaging of the step are
blackjax's; metric and trajectory length come from the spread of all chains.
"""

import math
from typing import Any, ClassVar, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from blackjax.adaptation.step_size import (
    DualAveragingAdaptationState,
    dual_averaging_adaptation,
)
from blackjax.mcmc.dynamic_hmc import halton_sequence
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .. import devices
from ..base import LogDensity, differentiable
from ..warming import Warming, firm
from ._trajectories import AbstractTrajectories, left_domain, noted

adjusted: Any = blackjax.mcmc.adjusted_mclmc  # its annotations say float for what may be an array
HMCState: Any = blackjax.mcmc.hmc.HMCState
_ROUNDS = 4
_QUARTER_TURN = 0.5 * math.pi  # of the oscillation in a whitened direction of unit variance


class State(NamedTuple):
    """The chains, and what the adaptation found for all of them.

    steps   mean number of integrator steps in a trajectory
    """

    position: Float[Array, "chain dim"]
    log_density: Float[Array, " chain"]
    gradient: Float[Array, "chain dim"]
    step_size: Float[Array, ""]
    inverse_mass: Float[Array, " dim"]
    steps: Float[Array, ""]
    step: Int[Array, ""]
    example: Float[Array, "chain dim"]  # the last undefined end of a trajectory; NaN before


class Learnt(NamedTuple):
    """What a round of the warm-up goes by, and what it finds.

    path  positions of all chains in the second half of the round
    """

    inverse_mass: Float[Array, " dim"]
    steps: Float[Array, ""]
    tuning: Any
    path: Float[Array, "step chain dim"]


class Mclmc(AbstractTrajectories):
    """Microcanonical trajectories of one jittered length for all chains; needs a smooth target.

    chains             tuned together; independent of each other after the warm-up
    warmup             trajectories of adaptation, all discarded
    target_acceptance  mean acceptance that the step size is tuned to
    max_steps          at most so many integrator steps in a trajectory on average
    block              stored draws per block

    Trajectory i has ceil(2 h_i steps) integrator steps, h_i being the Halton sequence in base 2.

    Not for funnels, modes even 5 widths apart, cancellations that are not a coordinate of the
    chart, nor ridges between prior walls: R-hat refuses them (test_proof.py).

    Stored statistics per draw: lp, acceptance_rate, diverging, n_steps (integrator steps, two
    gradients each), n_nonfinite (trajectories that ended at a point without finite density) and
    n_nan (those among them where the target was NaN or +inf). There is no energy, hence no
    E-BFMI: all momenta have the same length.
    """

    whole: ClassVar[tuple[str, ...]] = ("step_size", "inverse_mass", "steps", "step")

    chains: int = eqx.field(static=True, default=64)
    warmup: int = eqx.field(static=True, default=1000)
    target_acceptance: float = eqx.field(static=True, default=0.8)
    max_steps: int = eqx.field(static=True, default=100)
    block: int = eqx.field(static=True, default=25)

    def __check_init__(self) -> None:
        least = {"chains": 4, "warmup": 100, "max_steps": 1, "block": 1}
        self.require_least(least)
        self.require_acceptance(self.target_acceptance)

    @property
    def warming_steps(self) -> int:
        return self._per_round * _ROUNDS

    @property
    def _per_round(self) -> int:
        return self.warmup // _ROUNDS

    def begin(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> Warming:
        """Return the chains at their starting points; at least two dimensions are needed."""
        if starts.shape[1] < 2:
            raise ValueError("mclmc needs at least 2 dimensions: its momenta are directions")
        return super().begin(key, target, starts)

    def _chains_at(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "own dim"]
    ) -> dict[str, Array]:
        z, value, slope = jax.vmap(lambda z: adjusted.init(z, differentiable(target)))(starts)
        none = jnp.full_like(z, jnp.nan)
        return {"position": z, "log_density": value, "gradient": slope, "example": none}

    def _unlearnt(self, starts: Float[Array, "chain dim"]) -> Learnt:
        half = self._per_round - self._per_round // 2
        step = 0.5 * _QUARTER_TURN * math.sqrt(starts.shape[1])
        path = jnp.zeros((half, *starts.shape))
        variance = jnp.var(devices.everywhere(starts), axis=0)
        return Learnt(variance, jnp.array(2.0), self._averaging[0](step), path)

    @property
    def _averaging(self) -> Any:
        """begin, update, end of the dual averaging of the step size."""
        return dual_averaging_adaptation(self.target_acceptance)

    def _adapted(self, key: PRNGKeyArray, target: LogDensity, at: Warming) -> Warming:
        """One trajectory that tunes the step; each round leaves scales and length to the next."""
        _, update, _ = self._averaging
        round_, number = at.step // self._per_round, at.step % self._per_round
        learnt = jax.lax.cond(
            (number == 0) & (round_ > 0), self._next_round, lambda x: x, at.learnt
        )
        step_size = jnp.exp(learnt.tuning.log_step_size)
        state = State(**at.rows, **self._tuned(learnt, step_size), step=number)
        key = jr.fold_in(jr.split(key, _ROUNDS)[round_], number)
        state, info = self._step(key, target, state)
        position, info = self._all((state.position, info))
        tuning = DualAveragingAdaptationState(*update(learnt.tuning, _tunable(info)))
        place = jnp.maximum(number - self._per_round // 2, 0)
        path = jax.lax.dynamic_update_index_in_dim(learnt.path, position, place, 0)
        return at._replace(
            rows=self.rows_of(state), learnt=learnt._replace(tuning=tuning, path=path)
        )

    def _next_round(self, learnt: Learnt) -> Learnt:
        """Scales and length from the second half of a round, and the step size it ended with."""
        start, _, end = self._averaging
        step_size = end(learnt.tuning)
        variance, length = _spread(learnt.path.reshape(-1, learnt.path.shape[-1]))
        steps = jnp.clip(length / step_size, 1.0, self.max_steps)
        return learnt._replace(
            inverse_mass=variance,
            steps=steps,
            tuning=firm(DualAveragingAdaptationState(*start(step_size))),
        )

    def _tuned(self, learnt: Learnt, step_size: Array) -> dict[str, Array]:
        return {
            "step_size": step_size,
            "inverse_mass": learnt.inverse_mass,
            "steps": learnt.steps,
        }

    @eqx.filter_jit
    def settled(self, key: PRNGKeyArray, warming: Warming) -> State:
        """Return the state with the step size that the last round ended with."""
        step_size = self._averaging[2](warming.learnt.tuning)
        rows = warming.rows | {"example": jnp.full_like(warming.rows["example"], jnp.nan)}
        return State(**rows, **self._tuned(warming.learnt, step_size), step=jnp.array(0))

    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, dict[str, Array]]:
        kernel: Any = adjusted.build_kernel()
        smooth = differentiable(target)
        steps = jnp.ceil(2.0 * halton_sequence(state.step) * state.steps).astype(int)

        def one(key, here):
            return kernel(key, here, smooth, state.step_size, (steps,), state.inverse_mass)

        new, info = jax.vmap(one)(self._keys(key), HMCState(*state[:3]))
        position, log_density, gradient = new
        end = info.proposal
        stats = {
            "acceptance_rate": info.acceptance_rate,
            "diverging": info.is_divergent,
            "n_steps": jnp.broadcast_to(steps, log_density.shape),
            "n_proposals": jnp.ones(log_density.shape, int),
            **left_domain(target, end.position, end.logdensity),
        }
        state = state._replace(
            position=position,
            log_density=log_density,
            gradient=gradient,
            example=noted(state.example, end.position, stats["n_nan"] > 0),
        )
        return state, stats


def _tunable(info: dict[str, Array]) -> Float[Array, ""]:
    """Mean acceptance of the trajectories that stayed in the domain.

    To leave it is no fault of the step size, which would go to zero at a hard wall, unless more
    than half of them do.
    """
    stayed = jnp.maximum(jnp.mean(1.0 - info["n_nonfinite"]), 0.5)
    return jnp.mean(info["acceptance_rate"]) / stayed


def _spread(points: Float[Array, "n dim"]) -> tuple[Float[Array, " dim"], Float[Array, ""]]:
    """Variances, and a quarter turn along the longest direction left when they are divided out."""
    covariance = jnp.cov(points, rowvar=False)
    variance = jnp.diag(covariance)
    correlation = covariance / jnp.sqrt(jnp.outer(variance, variance))
    longest = jnp.linalg.eigvalsh(correlation)[-1]
    return variance, _QUARTER_TURN * jnp.sqrt(len(variance) * longest)
