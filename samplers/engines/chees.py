"""ChEES-HMC: Hamiltonian trajectories of one jittered length for all chains.

Step size and trajectory length are tuned together over all chains, the length by maximising the
change in the estimator of the expected square. Hoffman, Radul and Sountsov, AISTATS 2021 (PMLR
130, 3907). No chain waits for a longer trajectory of another. Kernel and adaptation are
blackjax's, with its diagonal metric and the floor of the length along slow directions.
"""

import math
from typing import Any, ClassVar, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from blackjax.adaptation import chees_adaptation
from blackjax.adaptation.metric_buffers import MomentBlock, cgl_update_batch
from blackjax.mcmc.dynamic_hmc import halton_sequence
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..base import Doubt, LogDensity, differentiable
from ..warming import Warming, firm
from ._trajectories import ENERGY, AbstractTrajectories, left_domain, noted

hmc: Any = blackjax.mcmc.hmc  # its annotations say float for what may be an array
_RATE = 0.025  # of the optimiser of the length, as in the paper
_DECAY = 0.5  # of the weight of later steps in the averages
_FIRST_STEP = 0.1  # of the step size
_SLOWEST_EVERY = chees_adaptation._LENGTH_FLOOR_RECOMPUTE_INTERVAL
_LAST_ITERATIONS = chees_adaptation._LENGTH_FLOOR_FINAL_POWER_ITERATIONS


class State(NamedTuple):
    """The chains, and what the adaptation found for all of them.

    leapfrogs   largest number of leapfrogs in a trajectory; the mean is half of it
    """

    position: Float[Array, "chain dim"]
    log_density: Float[Array, " chain"]
    gradient: Float[Array, "chain dim"]
    step_size: Float[Array, ""]
    inverse_mass: Float[Array, " dim"]
    leapfrogs: Float[Array, ""]
    step: Int[Array, ""]
    example: Float[Array, "chain dim"]  # the last undefined end of a trajectory; NaN before


class Learnt(NamedTuple):
    """What the warm-up has learnt, in the pieces of blackjax.

    tuning   step size and length
    welford  variances of all chains, in the second half; the metric once there are enough
    moments  covariances likewise, and
    slowest  the slowest direction that the metric leaves
    """

    tuning: Any
    welford: Any
    moments: MomentBlock
    slowest: Any

    @property
    def _enough(self) -> int:
        return chees_adaptation._mass_matrix_engagement_threshold(len(self.moments.mean))

    @property
    def engaged(self) -> Bool[Array, ""]:
        """Tell whether there were enough positions for a metric."""
        return self.welford.sample_size >= self._enough

    @property
    def inverse_mass(self) -> Float[Array, " dim"]:
        """Variances, or ones as long as there are too few positions."""
        return chees_adaptation._diagonal_mass_matrix_or_fallback(
            self.welford, self._enough, len(self.moments.mean)
        )

    def after(
        self,
        position: Float[Array, "chain dim"],
        inverse_mass: Float[Array, " dim"],
        again: Bool[Array, ""],
    ) -> "Learnt":
        """Take in the positions of all chains; look for the slowest direction `again`."""
        update = chees_adaptation.welford_algorithm(is_diagonal_matrix=True)[1]
        welford, _ = jax.lax.scan(lambda w, z: (update(w, z), None), self.welford, position)
        moments = cgl_update_batch(self.moments, position)
        slowest = jax.lax.cond(
            again,
            lambda x: chees_adaptation._recompute_eig_state(moments, inverse_mass, x),
            lambda x: x,
            self.slowest,
        )
        return Learnt(self.tuning, welford, moments, slowest)


class Chees(AbstractTrajectories):
    """Hamiltonian Monte Carlo with one trajectory length for all chains; needs a smooth target.

    chains             tuned together; independent of each other after the warm-up
    warmup             trajectories of adaptation, all discarded
    target_acceptance  harmonic mean over chains that the step size is tuned to
    max_leapfrogs      at most so many leapfrogs per trajectory
    block              stored draws per block

    Trajectory i has ceil(h_i leapfrogs) steps, h_i being the Halton sequence in base 2.

    Not for funnels, modes even 5 widths apart, cancellations that are not a coordinate of the
    chart, nor ridges between prior walls: R-hat refuses them (test_proof.py).

    Stored statistics per draw: lp, energy, acceptance_rate, diverging, n_steps (leapfrogs),
    n_nonfinite (trajectories that ended at a point without finite density) and n_nan (those
    among them where the target was NaN or +inf).
    """

    whole: ClassVar[tuple[str, ...]] = ("step_size", "inverse_mass", "leapfrogs", "step")

    chains: int = eqx.field(static=True, default=64)
    warmup: int = eqx.field(static=True, default=1000)
    target_acceptance: float = eqx.field(static=True, default=0.7)
    max_leapfrogs: int = eqx.field(static=True, default=1000)
    block: int = eqx.field(static=True, default=25)

    def __check_init__(self) -> None:
        least = {"chains": 2, "warmup": 20, "max_leapfrogs": 1, "block": 1}
        self.require_least(least)
        self.require_acceptance(self.target_acceptance)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (*super().doubts, ENERGY)

    def _chains_at(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "own dim"]
    ) -> Any:
        return jax.vmap(lambda z: hmc.init(z, differentiable(target)))(starts)

    def _unlearnt(self, starts: Float[Array, "chain dim"]) -> Learnt:
        dim, (start, _) = starts.shape[1], self._tuner
        none = jnp.zeros(dim)
        moments = MomentBlock(jnp.zeros(()), none, jnp.zeros((dim, dim)))
        welford = chees_adaptation.welford_algorithm(is_diagonal_matrix=True)[0](dim)
        slowest = chees_adaptation._eig_state_init(dim)
        return Learnt(start(0, _FIRST_STEP), welford, moments, slowest)

    def _jitter(self, number: Int[Array, ""]) -> Float[Array, ""]:
        """Share of the longest trajectory that number `number` of the warm-up has."""
        bits = math.ceil(math.log2(self.warmup + 1000))
        return jnp.asarray(halton_sequence(number, bits))

    @property
    def _tuner(self) -> Any:
        """start and update of step size and length, with the constants of the paper."""
        return chees_adaptation.base(
            self._jitter,
            lambda number: number + 1,
            optax.adam(_RATE),
            self.target_acceptance,
            _DECAY,
            self.max_leapfrogs,
        )

    def _adapted(self, key: PRNGKeyArray, target: LogDensity, at: Warming) -> Warming:
        """One trajectory of every chain; step, length and metric are tuned on all of them."""
        kernel: Any = hmc.build_kernel()
        smooth, here, learnt = differentiable(target), at.rows, at.learnt
        tuning, inverse_mass = learnt.tuning, learnt.inverse_mass
        length = self._length(learnt, tuning.trajectory_length, tuning.step_size)
        steps = jnp.ceil(self._jitter(at.step) * (length / tuning.step_size)).astype(int)

        def one(key: PRNGKeyArray, here: Any) -> Any:
            return kernel(key, here, smooth, tuning.step_size, inverse_mass, steps)

        new, info = jax.vmap(one)(self._keys(jr.fold_in(key, at.step)), here)
        end = info.proposal
        before, after, *found = self._all(
            (here.position, new.position, end.position, end.momentum,
             info.acceptance_rate, info.is_divergent)
        )  # fmt: skip
        tuning = self._tuner[1](tuning, *found[:2], before, *found[2:], inverse_mass)
        learnt = learnt._replace(tuning=firm(tuning))
        learnt = jax.lax.cond(
            at.step >= self.warmup // 2,
            lambda x: x.after(after, inverse_mass, at.step % _SLOWEST_EVERY == 0),
            lambda x: x,
            learnt,
        )
        return at._replace(rows=new, learnt=learnt)

    def _length(self, learnt: Learnt, length: Array, step_size: Array) -> Float[Array, ""]:
        """The length of trajectories, at least a quarter turn along the slowest direction."""
        slowest = learnt.slowest.lambda_max
        return chees_adaptation._apply_length_floor(
            length, slowest, learnt.engaged, True, self.max_leapfrogs, step_size
        )[0]

    @eqx.filter_jit
    def settled(self, key: PRNGKeyArray, warming: Warming) -> State:
        """Return the state with the averages of step size and length."""
        here, learnt = warming.rows, warming.learnt
        slowest = chees_adaptation._recompute_eig_state(
            learnt.moments, learnt.inverse_mass, learnt.slowest, num_iterations=_LAST_ITERATIONS
        )
        tuning = learnt.tuning
        step_size = jnp.exp(tuning.log_step_size_moving_average)
        length = jnp.exp(tuning.log_trajectory_length_moving_average)
        length = self._length(learnt._replace(slowest=slowest), length, step_size)
        return State(
            *here,
            step_size=step_size,
            inverse_mass=learnt.inverse_mass,
            leapfrogs=jnp.clip(length / step_size, 1.0, self.max_leapfrogs),
            step=jnp.array(0),
            example=jnp.full_like(here.position, jnp.nan),
        )

    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, dict[str, Array]]:
        kernel: Any = hmc.build_kernel()
        smooth = differentiable(target)
        steps = jnp.ceil(halton_sequence(state.step) * state.leapfrogs).astype(int)

        def one(key, here):
            return kernel(key, here, smooth, state.step_size, state.inverse_mass, steps)

        here = hmc.HMCState(state.position, state.log_density, state.gradient)
        new, info = jax.vmap(one)(self._keys(key), here)
        position, log_density, gradient = new
        kinetic = 0.5 * info.momentum**2 @ state.inverse_mass
        end = info.proposal
        stats = {
            "acceptance_rate": info.acceptance_rate,
            "diverging": info.is_divergent,
            "energy": jnp.where(info.is_accepted, info.energy, kinetic - state.log_density),
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
