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
import jax.random as jr
import numpy as np
from blackjax.adaptation import meads_adaptation
from blackjax.adaptation.metric_buffers import MomentBlock, cgl_update_batch
from blackjax.mcmc.metrics import LowRankInverseMassMatrix
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from .. import devices
from ..base import EngineError, LogDensity, differentiable, scan
from ..warming import Warming
from ._folds import Tuning, tuned
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


class Learnt(NamedTuple):
    """The tuning of the last step; moments of all chains in the second half of the warm-up."""

    tuning: Tuning
    moments: MomentBlock


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

    def _chains_at(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "own dim"]
    ) -> Any:
        smooth, keys = differentiable(target), self._keys(jr.split(key)[0])
        return jax.vmap(lambda z, k: ghmc.init(z, smooth, k))(starts, keys)

    def _unlearnt(self, starts: Float[Array, "chain dim"]) -> Learnt:
        dim, fold = starts.shape[1], jnp.zeros(self.folds)
        tuning = Tuning(fold, jnp.zeros((self.folds, dim)), fold, fold)
        moments = MomentBlock(jnp.zeros(()), jnp.zeros(dim), jnp.zeros((dim, dim)))
        return Learnt(tuning, moments)

    def _adapted(self, key: PRNGKeyArray, target: LogDensity, at: Warming) -> Warming:
        """One step of all folds but one, each tuned by the one before it (Algorithm 3)."""
        kernel: Any = ghmc.build_kernel()
        smooth = differentiable(target)
        crowd = self._shuffled(key, at.step, self._all(at.rows))
        z, slope = crowd.position, crowd.logdensity_grad
        learnt = at.learnt
        metric = None
        if self.metric == "low_rank":
            late = at.step >= self.warmup // 2
            moments = jax.lax.cond(
                late, lambda x: cgl_update_batch(x, z), lambda x: x, learnt.moments
            )
            learnt = learnt._replace(moments=moments)
            metric = self._low_rank(z, moments, late)
        tuning = tuned(self._folded(z), self._folded(slope), at.step, metric)
        step_size, scale, alpha, delta = jax.tree.map(self._of_chains, tuning)
        by_chain = scale if metric is None else None

        def one(key, here, step_size, scale, alpha, delta):
            inverse = metric if scale is None else scale
            return kernel(key, here, smooth, step_size, inverse, alpha, delta)[0]

        here = jax.tree.map(devices.own, crowd)
        keys = devices.own(self._step_keys(key, at.step)[:-1])
        new = jax.vmap(one)(keys, here, step_size, by_chain, alpha, delta)
        rests = self._of_chains(jnp.arange(self.folds)) == at.step % self.folds
        new = jax.tree.map(
            lambda new, old: jnp.where(jnp.expand_dims(rests, range(1, new.ndim)), old, new),
            new,
            here,
        )
        return at._replace(rows=new, learnt=learnt._replace(tuning=tuning))

    def _step_keys(self, key: PRNGKeyArray, step: Int[Array, ""]) -> Array:
        """A key for each chain and one for the shuffle after a step."""
        return jr.split(jr.fold_in(jr.split(key)[1], step), self.chains + 1)

    def _shuffled(self, key: PRNGKeyArray, step: Int[Array, ""], crowd: Any) -> Any:
        """All chains as a step finds them: dealt out anew each time all folds rested."""
        order = jr.permutation(self._step_keys(key, step - 1)[-1], self.chains)
        return jax.lax.cond(
            (step > 0) & (step % self.folds == 0),
            lambda crowd: jax.tree.map(lambda x: x[order], crowd),
            lambda crowd: crowd,
            crowd,
        )

    def _folded(self, x: Float[Array, "chain dim"]) -> Float[Array, "fold of_fold dim"]:
        return x.reshape(self.folds, -1, x.shape[1])

    def _of_chains(self, x: Array) -> Array:
        """What belongs to the folds, for each chain of this device."""
        return devices.own(jnp.repeat(x, self.chains // self.folds, axis=0))

    def _low_rank(
        self, z: Float[Array, "chain dim"], moments: MomentBlock, late: Array | bool
    ) -> LowRankInverseMassMatrix:
        """The metric of all chains; without correlations until there are enough positions."""
        rank = min(self.rank, self.chains - 1, z.shape[1])
        sigma, directions, sizes = jax.lax.cond(
            jnp.logical_and(late, moments.count >= 2 * z.shape[1]),
            lambda x: meads_adaptation._lrd_from_accumulated_covariance(x, rank),
            lambda x: meads_adaptation._lrd_diagonal_fallback(z, rank),
            moments,
        )
        sizes = meads_adaptation._floor_lrd_eigenvalues(sizes)
        return LowRankInverseMassMatrix(sigma=sigma, U=directions, lam=sizes)

    def settled(self, key: PRNGKeyArray, warming: Warming) -> State:
        """Return the state with the averages over folds.

        Raises EngineError where the adaptation broke down.
        """
        with jax.numpy_rank_promotion("allow"):
            state = self._averaged(key, warming)
        _require_tuned(state, self.metric)
        return state

    @eqx.filter_jit
    def _averaged(self, key: PRNGKeyArray, warming: Warming) -> State:
        crowd = self._shuffled(key, warming.step, warming.rows)
        tuning, moments = warming.learnt
        metric = (
            self._low_rank(crowd.position, moments, True)
            if self.metric == "low_rank"
            else tuning.scale.mean(axis=0)
        )
        return State(
            *crowd,
            step_size=tuning.step_size.mean(),
            metric=metric,
            alpha=tuning.alpha.mean(),
            delta=tuning.delta.mean(),
            step=jnp.array(0),
            example=jnp.full_like(crowd.position, jnp.nan),
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
