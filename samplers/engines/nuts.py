"""The No-U-Turn sampler: many independent chains, each with a step and a metric of its own.

Kernel and window adaptation are blackjax's. Hoffman and Gelman, arXiv:1111.4246, for the idea;
Betancourt, arXiv:1701.02434, for multinomial sampling along the trajectory.

All chains advance together, so every draw waits for the longest trajectory among them. Thin
curved ridges need small steps and show as divergences: see R-hat, not the share of allowed
draws.
"""

from typing import Any, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from blackjax.adaptation.base import get_filter_adapt_info_fn
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..base import Doubt, LogDensity, differentiable
from ._trajectories import ENERGY, AbstractTrajectories, left_domain, noted

hmc: Any = blackjax.mcmc.hmc  # its annotations say float for what may be an array
_METRICS = ("diagonal", "dense", "low_rank")
_SHORTEST_WARMUP = 20  # below, the windows of the adaptation hold no draws


class State(NamedTuple):
    """The chains, and what the adaptation found for each of them."""

    position: Float[Array, "chain dim"]
    log_density: Float[Array, " chain"]
    gradient: Float[Array, "chain dim"]
    step_size: Float[Array, " chain"]
    inverse_mass: PyTree[Float[Array, "chain ..."]]
    step: Int[Array, ""]
    example: Float[Array, "chain dim"]  # the last undefined end of a trajectory; NaN before


class Nuts(AbstractTrajectories):
    """No-U-Turn trajectories of leapfrog steps; needs a smooth target.

    chains             independent chains; at least 4 for an honest R-hat
    warmup             steps of window adaptation of step size and metric, all discarded
    target_acceptance  mean acceptance along a trajectory that the step size is tuned to
    metric             "diagonal"; "dense" (all correlations: dim^2 work per leapfrog); "low_rank"
                       (those along `rank` directions, found from draws and gradients)
    rank               of "low_rank", at most dim
    max_doublings      at most 2^max_doublings - 1 leapfrog steps per draw
    block              stored draws per block

    Not for funnels, separate modes, cancellations that are not a coordinate of the chart, nor bent
    ridges between prior walls: R-hat refuses them (test_proof.py, docs/samplers.md).

    Stored statistics per draw: lp, energy, acceptance_rate, diverging, n_steps (leapfrogs, also
    as n_proposals),
    n_nonfinite (trajectories that ended at a point without finite density) and n_nan (those
    among them where the target was NaN or +inf).
    """

    chains: int = eqx.field(static=True, default=16)
    warmup: int = eqx.field(static=True, default=500)
    target_acceptance: float = eqx.field(static=True, default=0.8)
    metric: str = eqx.field(static=True, default="diagonal")
    rank: int = eqx.field(static=True, default=10)
    max_doublings: int = eqx.field(static=True, default=10)
    block: int = eqx.field(static=True, default=25)

    def __check_init__(self) -> None:
        least = {"chains": 1, "max_doublings": 1, "block": 1, "rank": 1}
        self.require_least(least | {"warmup": _SHORTEST_WARMUP})
        self.require_acceptance(self.target_acceptance)
        self.require_metric(self.metric, _METRICS)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (*super().doubts, ENERGY)

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Adapt for `warmup` steps from (chains, dim) starting points and return the state."""
        return self.adapted(key, target, starts)

    @eqx.filter_jit
    def _adapt(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        adaptation = self._adaptation(differentiable(target), starts.shape[1])

        def one(key: PRNGKeyArray, start: Float[Array, " dim"]) -> tuple[Any, Array, Any]:
            (_, found), path = adaptation.run(key, start, self.warmup)
            last = jax.tree.map(lambda x: x[-1], path.state)
            return last, found["step_size"], found["inverse_mass_matrix"]

        state, step_size, inverse_mass = jax.vmap(one)(jr.split(key, self.chains), starts)
        return State(
            state.position,
            state.logdensity,
            state.logdensity_grad,
            step_size,
            inverse_mass,
            jnp.array(0),
            jnp.full(starts.shape, jnp.nan, float),
        )

    def _adaptation(self, smooth: LogDensity, dim: int) -> Any:
        """blackjax's window adaptation; its info keeps the path of the chain alone.

        With the low-rank metric it would start the chain anew at a Gaussian guess of the mean,
        the same for all chains and perhaps outside the domain: hence the path.
        """
        keep = get_filter_adapt_info_fn(
            {"position", "logdensity", "logdensity_grad"}, adapt_state_keys={"mu_star"}
        )
        options = {
            "target_acceptance_rate": self.target_acceptance,
            "adaptation_info_fn": keep,
            "max_num_doublings": self.max_doublings,
        }
        if self.metric == "low_rank":
            return blackjax.window_adaptation_low_rank(
                blackjax.nuts, smooth, max_rank=min(self.rank, dim), **options
            )
        diagonal = self.metric == "diagonal"
        return blackjax.window_adaptation(
            blackjax.nuts, smooth, is_mass_matrix_diagonal=diagonal, **options
        )

    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, dict[str, Array]]:
        kernel: Any = blackjax.nuts.build_kernel()
        smooth = differentiable(target)

        def one(key, here, step_size, inverse_mass):
            return kernel(key, here, smooth, step_size, inverse_mass, self.max_doublings)

        here = hmc.HMCState(state.position, state.log_density, state.gradient)
        new, info = jax.vmap(one)(self._keys(key), here, state.step_size, state.inverse_mass)
        # A trajectory stops at the first point without a finite density: it is one of its ends.
        left, right = (
            left_domain(target, end.position, end.logdensity)
            for end in (info.trajectory_leftmost_state, info.trajectory_rightmost_state)
        )
        stats = {
            "acceptance_rate": info.acceptance_rate,
            "diverging": info.is_divergent,
            "energy": info.energy,
            "n_steps": info.num_integration_steps,
            "n_proposals": info.num_integration_steps,
            **jax.tree.map(jnp.add, left, right),
        }
        seen = state.example
        for end, count in (
            (info.trajectory_leftmost_state, left),
            (info.trajectory_rightmost_state, right),
        ):
            seen = noted(seen, end.position, count["n_nan"] > 0)
        moved = state._replace(
            position=new.position,
            log_density=new.logdensity,
            gradient=new.logdensity_grad,
            example=seen,
        )
        return moved, stats
