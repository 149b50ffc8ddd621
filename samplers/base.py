"""What an engine is, what it hands to the driver, and the loop that most of them share."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

type LogDensity = Callable[[Float[Array, " dim"]], Float[Array, ""]]
type Step = Callable[[PRNGKeyArray, LogDensity, Any], tuple[Any, PyTree]]


class EngineError(ValueError):
    """What an engine cannot start from or go on with, found by computing, in one line."""


class Block(NamedTuple):
    """What one `advance` adds to a run.

    draws    (chain, draw, dim) positions to append, of the same shape in every block; or None
    stats    (chain, draw) arrays for /sample_stats, scalars for the progress line
    tables   whole groups, each replaced by its newest version and not appended
    done     the engine's own end; chains never say it
    undefined  (n, dim) some of the block's proposals at which the target was NaN or +inf; rows
             of NaN, and None, hold none
    """

    draws: Array | None
    stats: dict[str, Array]
    tables: dict[str, dict[str, Array]] = {}  # noqa: RUF012 (never mutated)
    done: bool | Array = False
    undefined: Array | None = None


@runtime_checkable
class Engine(Protocol):
    """A frozen `eqx.Module` of options with two pure methods, each doing its own `filter_jit`.

    State is a pytree of arrays only (raw key data instead of typed keys): it is what a
    checkpoint holds. `init` must also work under `jax.eval_shape`, which is how a resumed run
    learns the shapes. All adaptation happens in `init`; `advance` given the same key continues
    the same chain, however it is cut into blocks.

    What an engine says by a class attribute: `gradients = True`, it differentiates the target
    (hard prior edges are refused to it); `burn_in = 0`, it warms up by itself, so that a run file
    that names no burn-in gets none; `ends = True`, it is no Markov chain and says itself when it
    is done, whatever number of draws is asked for.
    """

    @property
    def chains(self) -> int:
        """Number of chains, which is the number of starting points."""
        ...

    @property
    def groups(self) -> np.ndarray:
        """(chains,) integers: chains with the same number are coupled to each other."""
        ...

    def init(self, key: PRNGKeyArray, target: LogDensity, starts: Float[Array, "chain dim"]) -> Any:
        """The state at (chains, dim) starting points, after any adaptation."""
        ...

    def advance(self, key: PRNGKeyArray, target: LogDensity, state: Any) -> tuple[Any, Block]:
        """The state one block later, and the block."""
        ...


@runtime_checkable
class PriorTimesLikelihood(Protocol):
    """A target known as prior times likelihood, which is what an evidence needs.

    target(z) = log_prior_at(z) + log_likelihood_at(z); the prior is normalised over z.
    """

    @property
    def dim(self) -> int: ...

    def __call__(self, z: Float[Array, " dim"]) -> Float[Array, ""]: ...

    def log_prior_at(self, z: Float[Array, " dim"]) -> Float[Array, ""]: ...

    def log_likelihood_at(self, z: Float[Array, " dim"]) -> Float[Array, ""]: ...

    def from_unit(self, u: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """A prior draw from `dim` uniform numbers in (0, 1)."""
        ...


@runtime_checkable
class Described(PriorTimesLikelihood, Protocol):
    """A target that also names what it computes, for engines that maximise.

    quantities_at  scalars by name, those of `names`
    terms_at       log likelihood of each constraint
    excess_at      by constraint, prior bound and domain margin: <= 0 where it allows the point
    box            (low, high) of every parameter with bounds
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def box(self) -> dict[str, tuple[float, float]]: ...

    def quantities_at(self, z: Float[Array, " dim"]) -> dict[str, Float[Array, ""]]: ...

    def terms_at(self, z: Float[Array, " dim"]) -> dict[str, Float[Array, ""]]: ...

    def excess_at(self, z: Float[Array, " dim"]) -> dict[str, Float[Array, ""]]: ...


def require_methods(engine: str, target: LogDensity, kind: type) -> None:
    """Raise ValueError unless `target` has every method of a protocol such as `Described`."""
    missing = [
        name
        for base in kind.__mro__
        for name in vars(base)
        if not name.startswith("_") and not hasattr(target, name)
    ]
    if missing:
        raise ValueError(
            f"{engine} needs more than a log density: the target has no {', '.join(missing)}"
        )


def log_density(
    target: LogDensity, position: Float[Array, "dim n"]
) -> tuple[Float[Array, " n"], Bool[Array, " n"]]:
    """Target over the last axis of (dim, n) positions: (log density, where it was undefined).

    NaN and +inf are undefined: they become -inf in the first and True in the second array.
    """
    value = jax.vmap(target, in_axes=-1)(position)
    undefined = jnp.isnan(value) | jnp.isposinf(value)
    return jnp.where(undefined, -jnp.inf, value), undefined


def example(
    old: Float[Array, " dim"], position: Float[Array, "dim n"], undefined: Bool[Array, " n"]
) -> Float[Array, " dim"]:
    """One of (dim, n) positions where `undefined`; the old one if there is none."""
    return jnp.where(jnp.any(undefined), position[:, jnp.argmax(undefined)], old)


def differentiable(target: LogDensity) -> LogDensity:
    """The target for gradient engines: -inf where it is undefined, never a NaN gradient.

    NaN and +inf become -inf; where value or gradient are not finite the gradient is zero. Any
    force field keeps leapfrog steps reversible and volume-preserving, so that the density that
    is sampled stays the target itself. One value and gradient per call.
    """

    def guarded(z: Float[Array, " dim"]) -> Float[Array, ""]:
        value, gradient = jax.lax.stop_gradient(jax.value_and_grad(target)(z))
        bad = ~jnp.isfinite(value)
        flat = bad | ~jnp.all(jnp.isfinite(gradient))
        along = jnp.where(flat, 0.0, z - jax.lax.stop_gradient(z))
        return jnp.where(bad, -jnp.inf, value) + jnp.where(flat, 0.0, gradient) @ along

    return guarded


def require_finite(value: Float[Array, " n"]) -> None:
    """Refuse starting points without a finite log density (nothing to check in a trace).

    Raises `EngineError` with the count and the first of them.
    """
    if isinstance(value, Tracer):
        return
    bad = np.flatnonzero(~np.isfinite(np.asarray(value)))
    if bad.size:
        raise EngineError(
            f"{bad.size} of {value.size} starting points have zero or undefined density "
            f"(the first is number {bad[0]}); start inside the support of the target"
        )


def scan(
    step: Step, key: PRNGKeyArray, target: LogDensity, state: Any, draws: int, thin: int
) -> tuple[Any, Any, PyTree]:
    """Take draws * thin steps: (last state, states at the draws, info summed between draws).

    step     (key, target, state) -> (state, info); info is a pytree of numbers, () for none
    state    a NamedTuple with a field `step`, the number of steps taken so far

    The key of step i is fold_in(key, i): the draws do not depend on how they are cut into
    blocks. Stacked results have the draws as leading axis.
    """

    def once(state, _):
        new, info = step(jr.fold_in(key, state.step), target, state)
        return new._replace(step=state.step + 1), info

    def draw(state, _):
        state, infos = jax.lax.scan(once, state, length=thin)
        return state, (state, jax.tree.map(lambda x: jnp.sum(x, axis=0), infos))

    last, (states, infos) = jax.lax.scan(draw, state, length=draws)
    return last, states, infos
