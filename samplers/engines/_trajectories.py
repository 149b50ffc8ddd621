"""The common part of the gradient engines: options, doubts, trajectories that leave the domain.

The guard against NaN is `base.differentiable`: kernels and adaptations of blackjax see -inf and
a zero gradient where the target or its gradient is undefined, so that such a proposal is
rejected and enters no average that tunes a step size.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from .. import devices
from ..base import (
    Block,
    Doubt,
    LogDensity,
    log_density,
    name_of,
    require_finite,
    scan,
)
from ..warming import AbstractWarming, Warming, firm

DIVERGED = (
    "trajectories diverged: the density is too curved for the step size, and what lies there may "
    "be missing (smaller steps by a higher target_acceptance, another chart, or the engine "
    "'ensemble')"
)
ENERGY = Doubt(
    "sample_stats/energy",
    "energy",
    "the trajectories explore the energy, and with it the tails of the density, too slowly",
)


class AbstractTrajectories(AbstractWarming):
    """Independent chains of trajectories that follow gradients, after a warm-up of their own."""

    burn_in: ClassVar[int] = 0
    ahead: ClassVar[bool] = True

    warmup: eqx.AbstractVar[int]
    block: eqx.AbstractVar[int]

    @property
    def gradients(self) -> bool:
        return True

    @property
    def per_block(self) -> int:
        return self.block

    @property
    def parts(self) -> int:
        return self.chains

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return (Doubt("sample_stats/diverging", "share", DIVERGED),)

    @property
    def warming_steps(self) -> int:
        return self.warmup

    def begin(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> Warming:
        """Return the chains at their (chains, dim) starting points, before any adaptation."""
        self.require_starts(target, starts)
        with jax.numpy_rank_promotion("allow"):  # blackjax broadcasts, here and below
            return self._begin(key, target, starts)

    def warm(self, key: PRNGKeyArray, target: LogDensity, warming: Warming, until: int) -> Warming:
        """Go on up to trajectory number `until`; the key is that of `begin`."""
        with jax.numpy_rank_promotion("allow"):
            return self._warm(key, target, warming, jnp.array(until))

    @eqx.filter_jit
    def _begin(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]
    ) -> Warming:
        def chains(starts: Any, key: PRNGKeyArray, target: Any) -> tuple[Any, tuple[()]]:
            return firm(self._chains_at(key, target, starts)), ()

        rows, _ = devices.shared(chains, starts, key, target)
        return Warming(rows, firm(self._unlearnt(starts)), jnp.array(0))

    @eqx.filter_jit
    def _warm(
        self, key: PRNGKeyArray, target: LogDensity, warming: Warming, until: Int[Array, ""]
    ) -> Warming:
        def chains(
            rows: Any, learnt: Any, step: Any, key: PRNGKeyArray, target: Any, until: Any
        ) -> tuple[Any, Any]:
            last = jax.lax.while_loop(
                lambda at: at.step < until,
                lambda at: self._adapted(key, target, at)._replace(step=at.step + 1),
                Warming(rows, learnt, step),
            )
            return last.rows, (last.learnt, last.step)

        rows, (learnt, step) = devices.shared(chains, *warming, key, target, until)
        return Warming(rows, learnt, step)

    @abc.abstractmethod
    def _chains_at(
        self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "own dim"]
    ) -> Any:
        """The rows of a warm-up at the starting points of one device."""

    def _unlearnt(self, starts: Float[Array, "chain dim"]) -> Any:
        """What a warm-up knows from all starting points, before its first step."""
        del starts
        return ()

    @abc.abstractmethod
    def _adapted(self, key: PRNGKeyArray, target: LogDensity, at: Warming) -> Warming:
        """One step of the warm-up, of the chains that `at` has, and what is learnt from all."""

    @abc.abstractmethod
    def _step(
        self, key: PRNGKeyArray, target: LogDensity, state: Any
    ) -> tuple[Any, dict[str, Array]]:
        """One trajectory of the chains that `state` has, which may be those of one device."""

    def _draws(
        self, key: PRNGKeyArray, target: LogDensity, state: Any
    ) -> tuple[Any, Float[Array, "draw chain dim"], dict[str, Array]]:
        """The state after `block` draws of one trajectory each, their positions and statistics."""
        last, states, info = scan(self._step, key, target, state, self.block, 1)
        return last, states.position, {"lp": states.log_density, **info}

    @eqx.filter_jit
    def advance(self, key: PRNGKeyArray, target: LogDensity, state: Any) -> tuple[Any, Block]:
        """`block` draws; each device follows its own chains to the end of the block."""

        def chains(rows: Any, whole: Any, key: PRNGKeyArray, target: Any) -> tuple[Any, Any]:
            last, position, stats = self._draws(key, target, type(state)(**rows, **whole))
            by_chain = jnp.moveaxis(position, 0, 1), {name: x.T for name, x in stats.items()}
            return (self.rows_of(last), *by_chain), last.step

        (rows, draws, stats), step = devices.shared(
            chains, self.rows_of(state), self.whole_of(state), key, target
        )
        last = state._replace(**rows, step=step)
        return last, self._block(draws, stats, last.example)

    def _keys(self, key: PRNGKeyArray) -> Array:
        """A key for each chain of this device."""
        return devices.own(jr.split(key, self.chains))

    def _all[T](self, rows: T) -> T:
        """The rows of all chains, on every device."""
        return devices.gathered(rows, self.chains)

    def require_starts(self, target: LogDensity, starts: Float[Array, "chain dim"]) -> None:
        """Raise ValueError unless there are `chains` starting points of finite density."""
        if starts.shape[0] != self.chains:
            raise ValueError(
                f"{name_of(self)} needs {self.chains} starting points, got {starts.shape[0]}"
            )
        value, _ = eqx.filter_jit(log_density)(target, starts.T)
        require_finite(value)

    def require_acceptance(self, value: float) -> None:
        """Raise ValueError unless a target acceptance lies between 0 and 1."""
        if not 0.0 < value < 1.0:
            raise ValueError(
                f"{name_of(self)} needs target_acceptance between 0 and 1, got {value:g}"
            )

    def require_metric(self, metric: str, known: tuple[str, ...]) -> None:
        """Raise ValueError unless the metric is one of those known."""
        if metric not in known:
            raise ValueError(f"{name_of(self)} needs metric {' or '.join(known)}, got '{metric}'")

    def _block(
        self,
        draws: Float[Array, "chain draw dim"],
        stats: dict[str, Array],
        undefined: Float[Array, "n dim"],
    ) -> Block:
        """Draws and (chain, draw) statistics of a block; shares for the progress."""
        proposals = jnp.sum(stats["n_proposals"])
        shares = {
            "nonfinite_fraction": jnp.sum(stats["n_nonfinite"]) / proposals,
            "divergent_fraction": jnp.mean(stats["diverging"].astype(float)),
        }
        return Block(draws, stats | shares, undefined=undefined)


def noted(
    seen: Float[Array, "chain dim"],
    position: Float[Array, "chain dim"],
    undefined: Bool[Array, " chain"],
) -> Float[Array, "chain dim"]:
    """Take the positions that are undefined in place of those seen before."""
    return jnp.where(undefined[:, None], position, seen)


def left_domain(
    target: LogDensity, position: Float[Array, "chain dim"], value: Float[Array, " chain"]
) -> dict[str, Int[Array, " chain"]]:
    """n_nonfinite and n_nan (0 or 1) of trajectories that ended at `position` with log density
    `value`. Only where one of them is -inf is the target asked whether it is undefined there.
    """
    nonfinite = jnp.isneginf(value)

    def asked() -> Bool[Array, " chain"]:
        return log_density(target, position.T)[1]

    undefined = jax.lax.cond(jnp.any(nonfinite), asked, lambda: jnp.zeros_like(nonfinite))
    return {"n_nonfinite": nonfinite.astype(int), "n_nan": undefined.astype(int)}
