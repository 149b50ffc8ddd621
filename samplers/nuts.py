"""The No-U-Turn sampler: many independent chains, each with a step and a metric of its own.

Kernel and window adaptation are blackjax's. Hoffman and Gelman, arXiv:1111.4246, for the idea;
Betancourt, arXiv:1701.02434, for multinomial sampling along the trajectory.

All chains advance together, so every draw waits for the longest trajectory among them. Thin
curved ridges need small steps and show as divergences: see R-hat, not the share of allowed
draws.
"""

from typing import Any, ClassVar, NamedTuple

import blackjax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from blackjax.adaptation.base import get_filter_adapt_info_fn
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .base import Block, LogDensity, differentiable, log_density, require_finite, scan

hmc: Any = blackjax.mcmc.hmc  # its annotations say float for what may be an array
_METRICS = ("diagonal", "dense")
_SHORTEST_WARMUP = 20  # below, the windows of the adaptation hold no draws


class State(NamedTuple):
    """Where the chains are, and what the adaptation found for each of them."""

    position: Float[Array, "chain dim"]
    log_density: Float[Array, " chain"]
    gradient: Float[Array, "chain dim"]
    step_size: Float[Array, " chain"]
    inverse_mass: Float[Array, "chain dim *dim"]
    step: Int[Array, ""]


class Nuts(eqx.Module):
    """No-U-Turn trajectories of leapfrog steps; needs a smooth target.

    chains             independent chains; at least 4 for an honest R-hat
    warmup             steps of window adaptation of step size and metric, all discarded
    target_acceptance  mean acceptance along a trajectory that the step size is tuned to
    metric             "diagonal" or "dense" (correlations too: dim^2 work per leapfrog)
    max_doublings      at most 2^max_doublings - 1 leapfrog steps per draw
    block              stored draws per block

    Stored statistics per draw: lp, energy, acceptance_rate, diverging, n_steps (leapfrogs),
    n_nonfinite (trajectories that ended at a point without finite density) and n_nan (those
    among them where the target was NaN or +inf).
    """

    gradients: ClassVar[bool] = True

    chains: int = eqx.field(static=True, default=16)
    warmup: int = eqx.field(static=True, default=500)
    target_acceptance: float = eqx.field(static=True, default=0.8)
    metric: str = eqx.field(static=True, default="diagonal")
    max_doublings: int = eqx.field(static=True, default=10)
    block: int = eqx.field(static=True, default=25)

    def __check_init__(self) -> None:
        for name in ("chains", "max_doublings", "block"):
            if getattr(self, name) < 1:
                raise ValueError(f"nuts needs {name} >= 1, got {getattr(self, name)}")
        if self.warmup < _SHORTEST_WARMUP:
            raise ValueError(f"nuts needs warmup >= {_SHORTEST_WARMUP}, got {self.warmup}")
        if not 0.0 < self.target_acceptance < 1.0:
            raise ValueError(
                f"nuts needs target_acceptance between 0 and 1, got {self.target_acceptance:g}"
            )
        if self.metric not in _METRICS:
            raise ValueError(f"nuts needs metric {' or '.join(_METRICS)}, got '{self.metric}'")

    @property
    def groups(self) -> np.ndarray:
        return np.arange(self.chains)

    def init(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        """The state after `warmup` steps of adaptation from (chains, dim) starting points."""
        if starts.shape[0] != self.chains:
            raise ValueError(f"nuts needs {self.chains} starting points, got {starts.shape[0]}")
        value, _ = eqx.filter_jit(log_density)(target, starts.T)
        require_finite(value)
        return self._adapt(key, target, starts)

    @eqx.filter_jit
    def _adapt(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> State:
        adaptation: Any = blackjax.window_adaptation(
            blackjax.nuts,
            differentiable(target),
            is_mass_matrix_diagonal=self.metric == "diagonal",
            target_acceptance_rate=self.target_acceptance,
            adaptation_info_fn=get_filter_adapt_info_fn(),
            max_num_doublings=self.max_doublings,
        )

        def one(key: PRNGKeyArray, start: Float[Array, " dim"]) -> tuple[Any, Array, Array]:
            (state, found), _ = adaptation.run(key, start, self.warmup)
            return state, found["step_size"], found["inverse_mass_matrix"]

        state, step_size, inverse_mass = jax.vmap(one)(jr.split(key, self.chains), starts)
        return State(
            state.position,
            state.logdensity,
            state.logdensity_grad,
            step_size,
            inverse_mass,
            jnp.array(0),
        )

    @eqx.filter_jit
    def advance(self, key: PRNGKeyArray, target: LogDensity, state: State) -> tuple[State, Block]:
        """`block` draws, one trajectory each."""
        last, states, info = scan(self._step, key, target, state, self.block, 1)
        by_chain = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), info)
        stats = {
            "lp": states.log_density.T,
            "nonfinite_fraction": jnp.sum(info["n_nonfinite"]) / jnp.sum(info["n_steps"]),
            "divergent_fraction": jnp.mean(info["diverging"]),
        }
        return last, Block(jnp.moveaxis(states.position, 0, 1), by_chain | stats)

    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: State
    ) -> tuple[State, dict[str, Array]]:
        kernel: Any = blackjax.nuts.build_kernel()
        smooth = differentiable(target)

        def one(key, here, step_size, inverse_mass):
            return kernel(key, here, smooth, step_size, inverse_mass, self.max_doublings)

        here = hmc.HMCState(state.position, state.log_density, state.gradient)
        keys = jr.split(key, self.chains)
        new, info = jax.vmap(one)(keys, here, state.step_size, state.inverse_mass)
        # A trajectory stops at the first point without a finite density: it is one of its ends.
        ends = (info.trajectory_leftmost_state, info.trajectory_rightmost_state)
        found = [log_density(target, end.position.T) for end in ends]
        stats = {
            "acceptance_rate": info.acceptance_rate,
            "diverging": info.is_divergent,
            "energy": info.energy,
            "n_steps": info.num_integration_steps,
            "n_nonfinite": sum(jnp.isneginf(value).astype(int) for value, _ in found),
            "n_nan": sum(undefined.astype(int) for _, undefined in found),
        }
        moved = state._replace(
            position=new.position, log_density=new.logdensity, gradient=new.logdensity_grad
        )
        return moved, stats
