"""ChEES-HMC: Hamiltonian trajectories of one jittered length for all chains.

Step size and trajectory length are tuned together over all chains, the length by maximising the
change in the estimator of the expected square. Hoffman, Radul and Sountsov, AISTATS 2021 (PMLR
130, 3907). No chain waits for a longer trajectory of another. Kernel and adaptation are
blackjax's, with its diagonal metric and the floor of the length along slow directions.
"""

from typing import Any, ClassVar, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from blackjax.adaptation.base import get_filter_adapt_info_fn
from blackjax.mcmc.dynamic_hmc import halton_sequence
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ..base import Doubt, LogDensity, differentiable
from ._trajectories import ENERGY, AbstractTrajectories, left_domain, noted

hmc: Any = blackjax.mcmc.hmc  # its annotations say float for what may be an array
_RATE = 0.025  # of the optimiser of the length, as in the paper


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

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Return the state after `warmup` trajectories from (chains, dim) starting points."""
        return self.adapted(key, target, starts)

    @eqx.filter_jit
    def _adapt(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        adaptation: Any = blackjax.chees_adaptation(
            differentiable(target),
            self.chains,
            target_acceptance_rate=self.target_acceptance,
            max_leapfrog_steps=self.max_leapfrogs,
            adaptation_info_fn=get_filter_adapt_info_fn(),
            mass_matrix_estimation="diagonal",
        )
        (last, found), _ = adaptation.run(key, starts, 0.1, optax.adam(_RATE), self.warmup)
        (leapfrogs,) = found["integration_steps_params"]
        return State(
            last.position,
            last.logdensity,
            last.logdensity_grad,
            found["step_size"],
            found["inverse_mass_matrix"],
            jnp.clip(leapfrogs, 1.0, self.max_leapfrogs),
            jnp.array(0),
            jnp.full(starts.shape, jnp.nan, float),
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
