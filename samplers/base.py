"""The contract of an engine, its blocks and doubts, and the loop that most engines share."""

import abc
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from . import columns
from .devices import count, placed

_IN_CACHE = 256  # points whose intermediate results stay in the cache of a CPU core

type LogDensity = Callable[[Float[Array, " dim"]], Float[Array, ""]]
type Step = Callable[[PRNGKeyArray, LogDensity, Any], tuple[Any, PyTree]]


class EngineError(ValueError):
    """A fault that an engine finds by computing, from which it cannot go on, in one line."""


class Block(NamedTuple):
    """The part that one `advance` adds to a run.

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


class Doubt(NamedTuple):
    """A figure by which an engine doubts its own result; whoever reads the run decides by `kind`.

    figure  where the run keeps it, "group/name": a statistic of draws, or a column of a table
    kind    "p_value" of a test that a sound run passes; "pareto_k", shape of the tail of weights;
            "flag", set where something went wrong; "share", how many out of `of`; "energy" of
            Hamiltonian trajectories whose momenta are drawn afresh for every draw
    words   what is wrong where the figure fails: half a sentence, figures are added to it
    of      what a share is counted out of: another figure, or how many for each entry of this one
    less    a figure to leave out of that count
    unless  a Pareto k: where it is too large, the p value says nothing, and no doubt is raised
    """

    figure: str
    kind: Literal["p_value", "pareto_k", "flag", "share", "energy"]
    words: str
    of: str | float = 1.0
    less: str = ""
    unless: str = ""


class AbstractEngine(eqx.Module):
    """An engine: a frozen module of options with two pure methods, each doing its own `filter_jit`.

    State is a pytree of arrays only (raw key data instead of typed keys): it is what a
    checkpoint holds. `init` must also work under `jax.eval_shape`, which is how a resumed run
    learns the shapes. All adaptation happens in `init` (`warming` cuts it into blocks, which may
    be continued); `advance` given the same key continues
    the same chain, however it is cut into blocks.

    burn_in    stored draws that are discarded unless the run file says otherwise; 0 for engines
               that warm up by themselves
    ends       it is no Markov chain, and says itself when it is done, whatever number of draws is
               asked for
    ahead      `advance` returns at once, before its block is computed: the next may be asked for
               while the last is stored
    gradients  it differentiates the target (hard prior edges are refused to it)
    chains     number of chains, which is the number of starting points
    groups     (chains,) integers: chains with the same number are coupled to each other
    per_block  draws of each chain in one block, for the memory they need
    doubts     what may speak against its result
    parts      equal parts that do not wait for each other, which devices may share; 1: none
    padded     devices may share any number of parts: those that are left over count twice
    whole      fields of the state that all parts have in common; the others have a row for each
    """

    burn_in: ClassVar[int] = 75
    ends: ClassVar[bool] = False
    ahead: ClassVar[bool] = False
    padded: ClassVar[bool] = False
    whole: ClassVar[tuple[str, ...]] = ("step",)

    @property
    @abc.abstractmethod
    def chains(self) -> int: ...

    @property
    def gradients(self) -> bool:
        return False

    @property
    def groups(self) -> np.ndarray:
        return np.arange(self.chains)

    @property
    def per_block(self) -> int:
        return 1

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return ()

    @property
    def parts(self) -> int:
        return 1

    def placed(self, state: Any) -> Any:
        """Spread the parts of a state over the devices in use; the values stay.

        Raises ValueError where the devices do not divide the parts, unless they are `padded`: those
        are cut whenever they are computed with.
        """
        if self.parts == 1 or (self.padded and self.parts % count()):
            return state
        return state._replace(**placed(self.rows_of(state)))

    def rows_of(self, state: Any) -> dict[str, Any]:
        """Return the fields of a state that have a row for each part."""
        return {name: x for name, x in state._asdict().items() if name not in self.whole}

    def whole_of(self, state: Any) -> dict[str, Any]:
        """Return the fields of a state that all parts have in common."""
        return {name: getattr(state, name) for name in self.whole}

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, target: Any, starts: Float[Array, "chain dim"]) -> Any:
        """Return the state at (chains, dim) starting points, after any adaptation."""

    @abc.abstractmethod
    def advance(self, key: PRNGKeyArray, target: Any, state: Any) -> tuple[Any, Block]:
        """Return the state one block later, and the block."""

    def require_least(self, least: Mapping[str, int]) -> None:
        """Raise ValueError unless every named option is at least so large."""
        for option, smallest in least.items():
            if (given := getattr(self, option)) < smallest:
                raise ValueError(f"{name_of(self)} needs {option} >= {smallest}, got {given}")


def name_of(engine: AbstractEngine) -> str:
    """Return the name that a run file gives to an engine: that of its module."""
    return type(engine).__module__.rpartition(".")[2]


def log_density(
    target: LogDensity, position: Float[Array, "dim *n"]
) -> tuple[Float[Array, " *n"], Bool[Array, " *n"]]:
    """Target over the trailing axes of (dim, ...) positions: (log density, where undefined).

    NaN and +inf are undefined: they become -inf in the first and True in the second array. A CPU
    takes so many points at a time as stay in its cache.
    """
    pieces = _pieces(position.shape[1:])
    if pieces == 1:
        value = _each(target, position)
    else:
        value = columns.mapped(target, position, lambda f, x: _piecewise(f, x, pieces))
    undefined = jnp.isnan(value) | jnp.isposinf(value)
    return jnp.where(undefined, -jnp.inf, value), undefined


def _pieces(shape: tuple[int, ...]) -> int:
    """Number of equal pieces of the first axis, of at most `_IN_CACHE` points; 1 for few points."""
    if math.prod(shape) <= 2 * _IN_CACHE:
        return 1
    least = math.prod(shape) / _IN_CACHE
    return next((n for n in range(math.ceil(least), shape[0]) if shape[0] % n == 0), shape[0])


def _each(target: LogDensity, x: Float[Array, "dim *n"]) -> Float[Array, " *n"]:
    """target over the trailing axes."""
    for _ in x.shape[1:]:
        target = jax.vmap(target, in_axes=-1, out_axes=-1)
    return target(x)


def _piecewise(target: LogDensity, x: Float[Array, "dim *n"], pieces: int) -> Float[Array, " *n"]:
    """`_each` with the first of the trailing axes cut into pieces that follow one another."""
    cut = jnp.moveaxis(x.reshape(x.shape[0], pieces, -1, *x.shape[2:]), 1, 0)
    return jax.lax.map(lambda piece: _each(target, piece), cut).reshape(x.shape[1:])


def example(
    old: Float[Array, " dim"], position: Float[Array, "dim n"], undefined: Bool[Array, " n"]
) -> Float[Array, " dim"]:
    """Choose the first (dim, n) position where `undefined`; the old one if there is none."""
    n = undefined.size
    first = jnp.min(jnp.where(undefined, jnp.arange(n), n))  # one reduction
    return jnp.where(first < n, position[:, jnp.minimum(first, n - 1)], old)


def differentiable(target: LogDensity) -> LogDensity:
    """Guard a target for gradient engines: -inf where undefined, never a NaN gradient.

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
    blocks. Stacked results have the draws as leading axis. An accelerator takes two steps a turn,
    so that two halves that change places need not be copied.
    """

    def once(state, _):
        new, info = step(jr.fold_in(key, state.step), target, state)
        return new._replace(step=state.step + 1), info

    def steps(unroll: int) -> Callable[[Any], tuple[Any, PyTree]]:
        return lambda state: jax.lax.scan(once, state, length=thin, unroll=unroll)

    def draw(state, _):
        state, infos = jax.lax.platform_dependent(state, cpu=steps(1), default=steps(2))
        return state, (state, jax.tree.map(lambda x: jnp.sum(x, axis=0), infos))

    last, (states, infos) = jax.lax.scan(draw, state, length=draws)
    return last, states, infos
