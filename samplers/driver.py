"""The only loop: blocks, stopping, interruption. Everything that is written goes through Store.

The key of a run splits in two, one for `init`, one for all of `advance`. Warm-up (`init`, in blocks
where an engine adapts, and the burn-in blocks) is a pure function of key and starting points; after
each of its blocks it is checkpointed as the draws are. A resumed run continues the same chains.
"""

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from . import witness
from .base import AbstractEngine, Block
from .plan import Hooks, Plan
from .progress import Meter, Progress
from .store import layout
from .store.store import Checkpoint, Store, StoreError
from .undefined import Examples
from .warming import AbstractWarming
from .witness import Problem

_NONE = Hooks()
_ADAPTING = -1  # `burnt` while the engine adapts


@dataclasses.dataclass(frozen=True)
class Outcome:
    """End of a run: draws stored, the reason and its words, and what was noticed on resume."""

    draws: int
    reason: Literal["draws", "until", "interrupted", "engine"]
    detail: str
    messages: tuple[str, ...] = ()


def run(
    engine: AbstractEngine,
    problem: Problem,
    key: PRNGKeyArray,
    store: Store,
    plan: Plan,
    hooks: Hooks = _NONE,
) -> Outcome:
    """Extend the run in `store` to at least `plan.draws` draws per chain, whole blocks at a time.

    Raises StoreError if the directory does not fit the engine, cannot be written, or was sampled
    with another target (`witness`).
    """
    _refuse_misfit(engine, store)
    key_init, key_run = jr.split(key)
    job = _Job(engine, problem, key_run, store, plan, hooks, Examples(problem.faults))
    checkpoint, messages = store.load()
    if checkpoint is None:
        at = job.begin(key_init)
    else:
        at, noticed = job.resume(key_init, checkpoint)
        messages += noticed
    at = job.adapted(key_init, at)
    if at is None:
        return Outcome(store.committed, "interrupted", "in the warm-up", messages)
    at = job.warmed(at._replace(state=engine.placed(at.state)))
    if at is None:
        return Outcome(store.committed, "interrupted", "in the burn-in", messages)
    labels = engine.groups if plan.superchains is None else plan.superchains
    meter = Meter(labels, plan.draws, at.draws)
    following: _Computed | None = None
    with ThreadPoolExecutor(1, "store") as writer:
        while not (ended := job.ended(at, meter)):
            computed = following or job.compute(at.state)
            more = engine.ahead and at.draws + engine.per_block < plan.draws
            following = job.compute(computed.state) if more else None
            at, progress = job.keep(at, computed, meter, writer)
            job.tell(progress)
            if not at.done and (detail := plan.stop(progress, store)):
                ended = "until", detail
                break
    reason, detail = ended
    return Outcome(at.draws, reason, detail, messages)


def recorded_length(engine: AbstractEngine) -> int:
    """Return the draws of the blocks in whose shape starting points are recorded; 0: of none."""
    return 0 if engine.ends else engine.per_block


def _refuse_misfit(engine: AbstractEngine, store: Store) -> None:
    if not np.array_equal(store.groups, engine.groups):
        raise StoreError(
            f"'{store.path}' holds {len(store.groups)} chains in {len(set(store.groups))} groups; "
            f"the engine has {engine.chains} in {len(set(engine.groups))}"
        )


class _Place(NamedTuple):
    """State of a run between two blocks.

    draws    stored per chain
    starts   (chains, dim) of the starting points
    witness  positions and what was stored of them, for the next session to compute again
    done     the engine has said that it ends here
    burnt    draws discarded so far; -1 while the engine adapts, None after the warm-up
    """

    state: Any
    draws: int
    starts: tuple[int, int]
    witness: witness.Witness
    done: bool = False
    burnt: int | None = None

    def checkpoint(self) -> Checkpoint:
        """Pack it for the store: the state, the witness, and in the warm-up what is burnt."""
        warm = () if self.burnt is None else (np.array(self.burnt),)
        leaves = (*map(np.asarray, jax.tree.leaves(self.state)), *witness.packed(self.witness))
        return Checkpoint(self.draws, (*leaves, *warm), self.starts, self.done)


class _Computed(NamedTuple):
    """The state after a block, the block and the record of its draws, all perhaps still to come."""

    state: Any
    block: Block
    recorded: witness.Groups


@dataclasses.dataclass(frozen=True)
class _Job:
    """Parts that stay the same during a run."""

    engine: AbstractEngine
    problem: Problem
    key: PRNGKeyArray
    store: Store
    plan: Plan
    hooks: Hooks
    examples: Examples

    def begin(self, key: PRNGKeyArray) -> _Place:
        """Find starting points, store them, make the first state."""
        starts = self.plan.starts
        points = jnp.asarray(starts() if callable(starts) else starts)
        shape = (points.shape[0], points.shape[1])
        first = witness.of_points(self.problem, points, recorded_length(self.engine))
        self.store.replace({"starts": {**first.group("posterior"), "position": first.positions}})
        adapts = isinstance(self.engine, AbstractWarming)
        state = self._beginning(adapts)(key, self.problem.target, points)
        at = _Place(state, 0, shape, first, burnt=_ADAPTING if adapts else 0)
        self.save(at)
        return at

    def _beginning(self, adapts: bool) -> Callable[..., Any]:
        """What made the state of a place: of an adaptation under way, or after it."""
        engine = self.engine
        return engine.begin if adapts and isinstance(engine, AbstractWarming) else engine.init

    def _advanced(self, state: Any) -> tuple[Any, Block]:
        return self.engine.advance(self.key, self.problem.target, state)

    def resume(self, key: PRNGKeyArray, saved: Checkpoint) -> tuple[_Place, tuple[str, ...]]:
        """Take up a checkpoint; a line about it where the target differs in its last digits."""
        points = jax.ShapeDtypeStruct(saved.starts, float)
        begun = self._beginning(np.array_equal(saved.leaves[-1:], [_ADAPTING]))
        like = eqx.filter_eval_shape(begun, key, self.problem.target, points)
        expected, structure = jax.tree.flatten(like)
        leaves, rest = saved.leaves[: len(expected)], saved.leaves[len(expected) :]
        described = [(x.shape, x.dtype) for x in expected]
        burnt = None
        if (seen := witness.unpacked(rest)) is None and rest and rest[-1].shape == ():
            seen, burnt = witness.unpacked(rest[:-1]), int(rest[-1])
        if described != [(x.shape, x.dtype) for x in leaves] or seen is None:
            raise StoreError(
                "the checkpoint was made by another engine or with other options of it"
            )
        state = jax.tree.unflatten(structure, map(jnp.asarray, leaves))
        noticed = witness.compare(self.problem, seen, str(self.store.path))
        return _Place(state, saved.draws, saved.starts, seen, saved.done, burnt), noticed

    def ended(self, at: _Place, meter: Meter) -> tuple[Any, str] | None:
        """Say why the run ends here, (reason, detail); None if it goes on."""
        if at.done:
            return "engine", f"the engine is done {meter.after(at.draws)}".rstrip()
        if at.draws >= self.plan.draws:
            return "draws", f"{at.draws} draws"
        if self.hooks.interrupted():
            return "interrupted", meter.after(at.draws)
        return None

    def compute(self, state: Any) -> _Computed:
        """Ask for the next block. The record comes first in the queue of an accelerator."""
        state, block = self._advanced(state)
        recorded = {} if block.draws is None else self.problem.record(block.draws)
        return _Computed(state, block, recorded)

    def keep(
        self, at: _Place, computed: _Computed, meter: Meter, writer: Executor
    ) -> tuple[_Place, Progress]:
        """Wait for a block, store it, then the state after it; measure progress meanwhile."""
        state, block, recorded = jax.device_get(computed)
        self.hooks.storing()
        groups = {} if block.draws is None else _groups(recorded, block.stats)
        draws = at.draws + (0 if block.draws is None else block.draws.shape[1])
        seen = at.witness if block.draws is None else witness.of_block(block.draws, groups)
        tables = {**block.tables, **self.examples.new(block.undefined)}
        tables = {name: _table(self.problem, table) for name, table in tables.items()}
        after = _Place(computed.state, draws, at.starts, seen, bool(block.done))
        checkpoint = after._replace(state=state).checkpoint()
        stored = writer.submit(self._store, groups, at.draws, tables, checkpoint)
        try:
            return after, meter.measure(block, draws)
        finally:
            stored.result()

    def _store(
        self, groups: layout.Groups, start: int, tables: layout.Groups, checkpoint: Checkpoint
    ) -> None:
        """Write one block and what follows from it, the checkpoint last."""
        if groups:
            self.store.append(groups, start)
        if tables:
            self.store.replace(tables)
        self.store.save(checkpoint)

    def tell(self, progress: Progress) -> None:
        self.store.write_status(progress.status())
        self.hooks.report(progress)

    def save(self, at: _Place) -> None:
        """Write a checkpoint of the warm-up."""
        self.hooks.storing()
        self.store.save(at.checkpoint())

    def adapted(self, key: PRNGKeyArray, at: _Place) -> _Place | None:
        """The place after the adaptation of the engine (`key` of `begin`); None if interrupted."""
        engine = self.engine
        if at.burnt != _ADAPTING or not isinstance(engine, AbstractWarming):
            return at
        done, steps = int(at.state.step), engine.warming_steps
        meter = Meter(engine.groups, steps, done, "warm-up")
        while done < steps:
            if self.hooks.interrupted():
                return None
            done = min(done + engine.per_warming, steps)
            at = at._replace(state=engine.warm(key, self.problem.target, at.state, done))
            self.save(at)
            self.tell(meter.measure(Block(None, {}), done))
        return at._replace(state=engine.settled(key, at.state), burnt=0)

    def warmed(self, at: _Place) -> _Place | None:
        """The place after at least `burn_in` draws that are discarded; None if interrupted."""
        if at.burnt is None:
            return at
        meter = Meter(self.engine.groups, self.plan.burn_in, at.burnt, "burn-in")
        state, done = at.state, at.burnt
        while done < self.plan.burn_in:
            if self.hooks.interrupted():
                return None
            state, block = self._advanced(state)
            if block.draws is None:
                raise ValueError("an engine that stores no draws from the start has no burn-in")
            done += block.draws.shape[1]
            at = at._replace(state=state, burnt=done)
            self.save(at)
            self.tell(meter.measure(jax.device_get(block), done))
        return at._replace(burnt=None)


def _groups(
    recorded: witness.Groups, stats: Mapping[str, Array | np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """Return what is stored of a block: the record of its draws, and its statistics per draw.

    A group without variables, such as the terms of a run without constraints, is left out.
    """
    per_draw = {name: x for name, x in stats.items() if np.ndim(x) >= 2}
    return {
        name: {key: np.asarray(x) for key, x in variables.items()}
        for name, variables in {**recorded, "sample_stats": per_draw}.items()
        if variables
    }


def _table(problem: Problem, table: Mapping[str, Array | np.ndarray]) -> dict[str, np.ndarray]:
    """A table; where it has a `position` (..., dim), what a draw there would be is added."""
    found = {name: np.asarray(x) for name, x in table.items()}
    if "position" not in found:
        return found
    *shape, dim = found["position"].shape
    recorded = problem.record(jnp.reshape(table["position"], (1, -1, dim)))["posterior"]
    there = {
        name: np.reshape(np.asarray(x), (*shape, *np.shape(x)[2:])) for name, x in recorded.items()
    }
    return there | found
