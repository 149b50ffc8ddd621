"""MEADS: many chains of generalised Hamiltonian Monte Carlo, tuned together in a warm-up.

Every step is one leapfrog with momentum that persists (partly refreshed) and a slice variable
that persists too, so that rejections come in bunches: no chain waits for a longer trajectory of
another. Hoffman and Sountsov, AISTATS 2022 (PMLR 151, 7799), for the tuning of step size,
damping and scales from the spread of the chains; Neal, arXiv:2001.11950, for the slice. Kernel
and adaptation are blackjax's.
"""

from typing import Any, ClassVar, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.base import get_filter_adapt_info_fn
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..base import EngineError, LogDensity, differentiable, scan
from ._trajectories import AbstractTrajectories, left_domain, noted

ghmc: Any = blackjax.mcmc.ghmc  # its annotations say float for what may be an array
_METRICS = ("diagonal", "low_rank")


class State(NamedTuple):
    """The chains with their momenta and slices, and what the adaptation found."""

    position: Float[Array, "chain dim"]
    momentum: Float[Array, "chain dim"]
    log_density: Float[Array, " chain"]
    gradient: Float[Array, "chain dim"]
    slice: Float[Array, " chain"]
    step_size: Float[Array, ""]
    metric: PyTree[Float[Array, "..."]]
    alpha: Float[Array, ""]
    delta: Float[Array, ""]
    step: Int[Array, ""]
    example: Float[Array, "chain dim"]  # the last undefined end of a trajectory; NaN before


class Meads(AbstractTrajectories):
    """Generalised HMC, one leapfrog per step, for many chains at once; needs a smooth target.

    chains   in `folds` equal folds, each tuned by another during the warm-up
    warmup   steps of adaptation, all discarded
    thin     steps per stored draw
    block    stored draws per block
    folds    of the adaptation; at least 2 chains each
    metric   "diagonal" or "low_rank" (correlations along `rank` directions too)

    Chains are coupled in the warm-up alone: afterwards all parameters are fixed and the chains
    independent. That they were tuned together is why they should start overdispersed.

    Not for funnels, separate modes, cancellations that are not a coordinate of the chart, nor bent
    ridges, whose curvature no single step size fits: R-hat refuses them (test_proof.py,
    docs/samplers.md).

    Stored statistics per draw: lp, energy, acceptance_rate, diverging, n_steps (leapfrogs),
    n_nonfinite (steps that ended at a point without finite density) and n_nan (those among
    them where the target was NaN or +inf). Momenta persist, so the energy moves slowly: read
    E-BFMI with `thin` in mind.
    """

    whole: ClassVar[tuple[str, ...]] = ("step_size", "metric", "alpha", "delta", "step")

    chains: int = eqx.field(static=True, default=128)
    warmup: int = eqx.field(static=True, default=2000)
    thin: int = eqx.field(static=True, default=20)
    block: int = eqx.field(static=True, default=25)
    folds: int = eqx.field(static=True, default=4)
    metric: str = eqx.field(static=True, default="diagonal")
    rank: int = eqx.field(static=True, default=10)

    def __check_init__(self) -> None:
        least = {"folds": 2, "warmup": 1, "thin": 1, "block": 1, "rank": 1}
        self.require_least(least)
        if self.chains % self.folds or self.chains < 2 * self.folds:
            raise ValueError(
                f"meads needs chains a multiple of folds, at least 2 * {self.folds}, "
                f"got {self.chains}"
            )
        self.require_metric(self.metric, _METRICS)

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """Return the state after `warmup` steps of adaptation from (chains, dim) starting points.

        Raises EngineError where the adaptation breaks down.
        """
        state = self.adapted(key, target, starts)
        _require_tuned(state, self.metric)
        return state

    @eqx.filter_jit
    def _adapt(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        adaptation: Any = blackjax.meads_adaptation(
            differentiable(target),
            self.chains,
            num_folds=self.folds,
            adaptation_info_fn=get_filter_adapt_info_fn(),
            low_rank_rank=self.rank if self.metric == "low_rank" else None,
        )
        (last, found), _ = adaptation.run(key, starts, self.warmup)
        return State(
            last.position,
            last.momentum,
            last.logdensity,
            last.logdensity_grad,
            last.slice,
            found["step_size"],
            found["momentum_inverse_scale"],
            found["alpha"],
            found["delta"],
            jnp.array(0),
            jnp.full(starts.shape, jnp.nan, float),
        )

    def _draws(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, Float[Array, "draw chain dim"], dict[str, Array]]:
        """The state after `block` draws, `thin` leapfrogs apart, and the draws."""
        last, states, info = scan(self._step, key, target, state, self.block, self.thin)
        stats = {
            "lp": states.log_density,
            "energy": self._energy(states),
            "acceptance_rate": info["acceptance_rate"] / self.thin,
            "diverging": info["diverging"] > 0,
            "n_steps": jnp.full_like(info["n_nan"], self.thin),
            "n_proposals": jnp.full_like(info["n_nan"], self.thin),
            "n_nonfinite": info["n_nonfinite"],
            "n_nan": info["n_nan"],
        }
        return last, states.position, stats

    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, dict[str, Array]]:
        kernel: Any = ghmc.build_kernel()
        smooth = differentiable(target)

        def one(key, here):
            return kernel(
                key, here, smooth, state.step_size, state.metric, state.alpha, state.delta
            )

        here = ghmc.GHMCState(*state[:2], *state[2:5])
        new, info = jax.vmap(one)(self._keys(key), here)
        end = info.proposal
        stats = {
            "acceptance_rate": info.acceptance_rate,
            "diverging": info.is_divergent.astype(int),
            **left_domain(target, end.position, end.logdensity),
        }
        position, momentum, log_density, gradient, slices = new
        there = State(position, momentum, log_density, gradient, slices, *state[5:])
        seen = noted(state.example, end.position, stats["n_nan"] > 0)
        return there._replace(example=seen), stats

    def _energy(self, states: State) -> Float[Array, "draw chain"]:
        """Kinetic and potential energy at the draws."""
        metric = jax.tree.map(lambda x: x[0], states.metric)  # the same at all draws
        kinetic = ghmc._metric_from_momentum_inverse_scale(metric).kinetic_energy
        return jax.vmap(jax.vmap(kinetic))(states.momentum) - states.log_density


def _require_tuned(state: State, metric: str) -> None:
    """Refuse a step size or damping that is undefined: no chain would ever move again."""
    if isinstance(state.alpha, Tracer):
        return
    step, damping = float(state.step_size), float(state.alpha)
    if not np.isfinite(step * damping):
        raise EngineError(
            f"the warm-up of meads ended with step size {step:g} and damping {damping:g}; it needs "
            "starting points that differ in every coordinate"
            + (', and metric "diagonal" may do where "low_rank" does not' * (metric != "diagonal"))
        )
