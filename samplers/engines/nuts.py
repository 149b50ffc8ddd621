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
from blackjax.adaptation.metric_recipes import _build_fisher_low_rank_core, lookup_recipe
from blackjax.adaptation.staged_adaptation import _make_engine, build_schedule
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..base import Doubt, LogDensity, differentiable
from ..warming import Warming
from ._trajectories import ENERGY, AbstractTrajectories, left_domain, noted

hmc: Any = blackjax.mcmc.hmc  # its annotations say float for what may be an array
_METRICS = ("diagonal", "dense", "low_rank")
_FIRST_STEP = 1.0  # of the step size
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

    def _chains_at(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "own dim"]
    ) -> tuple[Any, Any]:
        smooth, (start, _, _) = differentiable(target), self._windows(starts.shape[1])
        here = jax.vmap(lambda z: hmc.init(z, smooth))(starts)
        return here, jax.vmap(lambda z: start(z, _FIRST_STEP))(starts)

    def _adapted(self, key: PRNGKeyArray, target: LogDensity, at: Warming) -> Warming:
        """One trajectory of every chain, each with a window adaptation of its own."""
        kernel: Any = blackjax.nuts.build_kernel()
        smooth = differentiable(target)
        _, update, _ = self._windows(at.rows[0].position.shape[1])
        stage = build_schedule(self.warmup)[at.step]

        def one(key: PRNGKeyArray, here: Any, tuned: Any) -> tuple[Any, Any]:
            key = jr.fold_in(key, at.step)
            new, info = kernel(
                key, here, smooth, tuned.step_size, tuned.inverse_mass_matrix, self.max_doublings
            )
            ends = new.position, new.logdensity_grad, info.acceptance_rate
            return new, update(tuned, stage, *ends)

        rows = jax.vmap(one)(self._keys(key), *at.rows)
        return at._replace(rows=rows)

    @eqx.filter_jit
    def settled(self, key: PRNGKeyArray, warming: Warming) -> State:
        """Return the state with every chain where its warm-up ended."""
        here, tuned = warming.rows
        step_size, inverse_mass = jax.vmap(self._windows(here.position.shape[1])[2])(tuned)
        none = jnp.full_like(here.position, jnp.nan)
        return State(
            *here, step_size=step_size, inverse_mass=inverse_mass, step=jnp.array(0), example=none
        )

    def _windows(self, dim: int) -> Any:
        """start, update, end of blackjax's window adaptation for one chain."""
        if self.metric == "low_rank":  # the options are the defaults of blackjax
            window = 2 * max(self.warmup // 5, 128)
            core = _build_fisher_low_rank_core(
                buffer_size=min(window, self.warmup),
                max_rank=min(self.rank, dim),
                gamma=1e-5,
                cutoff=2.0,
            )
        else:
            name = "diag" if self.metric == "diagonal" else "dense"
            core = lookup_recipe(f"welford_{name}").build_core()
        return _make_engine(core, target_acceptance_rate=self.target_acceptance)

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
