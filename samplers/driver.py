"""The only loop: blocks, stopping, interruption. Everything that is written goes through Store.

The key of a run splits in two, one for `init`, one for all of `advance`. Warm-up (`init` and
the burn-in blocks) is a pure function of key and starting points: it is not checkpointed, and
a run killed in it starts it again. After that a resumed run continues the same chains.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .base import AbstractEngine, Block, LogDensity
from .diagnostics import Running
from .store.store import Checkpoint, Store, StoreError

type Groups = Mapping[str, Mapping[str, Array | np.ndarray]]
type Starts = Float[Array, "chain dim"] | Callable[[], Float[Array, "chain dim"]]


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands; what is not known yet is NaN.

    draws, target      stored draws per chain, and those asked for (of the burn-in during it)
    since              draws that were there when this session began
    seconds            that it has sampled for
    rate               draws per second, all chains together, in this session
    rhat, ess          worst running R-hat and smallest ESS over chart coordinates, this session
    nonfinite          share of proposals without a finite density
    scalars            what else the engine reports
    """

    phase: Literal["burn-in", "sampling"]
    draws: int
    target: int
    since: int
    seconds: float
    rate: float
    acceptance: float
    nonfinite: float
    rhat: float
    ess: float
    seconds_left: float
    scalars: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: draws stored, why, the reason in words, and what was noticed on resume."""

    draws: int
    reason: Literal["draws", "until", "interrupted", "engine"]
    detail: str
    messages: tuple[str, ...] = ()


type Stop = Callable[[Progress, Store], str]


@dataclasses.dataclass
class Until:
    """Stop rule: certified by the stored draws, or out of time.

    certified  why the draws of a store may be trusted, in words; "" if they may not
    rhat, ess  asked of them; with one of them given, `certified` is asked whenever the running
               figures allow it and the draws have grown by a tenth

    Returns the reason in words, "" to go on.
    """

    certified: Callable[[Store], str]
    rhat: float | None = None
    ess: float | None = None
    max_minutes: float | None = None
    _next: float = dataclasses.field(default=0.0, init=False)

    def __call__(self, progress: Progress, store: Store) -> str:
        if self.max_minutes is not None and progress.seconds >= 60.0 * self.max_minutes:
            return f"{self.max_minutes:g} minutes are over"
        asked = self.rhat is not None or self.ess is not None
        if not asked or progress.draws == 0 or progress.draws < self._next:
            return ""
        rhat, ess = self.rhat or math.inf, self.ess or 0.0
        # Running figures are noisy and lack ranks: only a clear no saves the exact verdict.
        no = progress.rhat > 1.0 + 3.0 * (rhat - 1.0) or progress.ess < ess / 5.0
        if no and progress.since == 0:
            return ""
        self._next = 1.1 * progress.draws
        return self.certified(store)


def run(
    engine: AbstractEngine,
    target: LogDensity,
    key: PRNGKeyArray,
    starts: Starts,
    store: Store,
    record: Callable[[Array], Groups],
    *,
    draws: int,
    burn_in: int = 0,
    superchains: np.ndarray | None = None,
    stop: Stop | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Extend the run in `store` to at least `draws` draws per chain, whole blocks at a time.

    starts       (chain, dim) chart positions, or a function that finds them (not on resume)
    record       (chain, draw, dim) positions -> group -> variable -> (chain, draw, ...)
    burn_in      draws discarded at the beginning, at least; never again on resume
    superchains  (chain,) labels of chains that start at the same place: the running R-hat is nested
    stop         asked after every block; its answer, unless empty, ends the run
    interrupted  asked after every block: finish, save and return

    Raises StoreError if the directory does not fit the engine, or cannot be written.
    """
    if not np.array_equal(store.groups, engine.groups):
        raise StoreError(
            f"'{store.path}' holds {len(store.groups)} chains in {len(set(store.groups))} groups; "
            f"the engine has {engine.chains} in {len(set(engine.groups))}"
        )

    def tell(progress: Progress) -> None:
        store.write_status(_status(progress))
        report(progress)

    key_init, key_run = jr.split(key)
    checkpoint, messages = store.load()
    if checkpoint is not None:
        done, shape, finished = checkpoint.draws, checkpoint.starts, checkpoint.done
        state = _restore(engine, target, key_init, checkpoint)
    else:
        done, finished = 0, False
        points = jnp.asarray(starts() if callable(starts) else starts)
        shape = (points.shape[0], points.shape[1])
        store.replace({"starts": _table(record, {"position": points})})
        state = engine.init(key_init, target, points)
        state, whole = _burn_in(engine, target, key_run, state, burn_in, tell, interrupted)
        if not whole:
            return Outcome(store.committed, "interrupted", "in the burn-in", messages)
    meter = _Meter(engine.groups if superchains is None else superchains, draws, done)
    while True:
        if finished:
            return Outcome(done, "engine", f"the engine is done after {done} draws", messages)
        if done >= draws:
            return Outcome(done, "draws", f"{done} draws", messages)
        if interrupted():
            return Outcome(done, "interrupted", f"after {done} draws", messages)
        state, block = engine.advance(key_run, target, state)
        finished = bool(block.done)
        if block.draws is not None:
            store.append(_groups(record(block.draws), block.stats), done)
            done += block.draws.shape[1]
        if block.tables:
            store.replace({name: _table(record, t) for name, t in block.tables.items()})
        leaves = tuple(np.asarray(leaf) for leaf in jax.tree.leaves(state))
        store.save(Checkpoint(done, leaves, shape, finished))
        progress = meter.measure(block, done)
        tell(progress)
        if not finished and stop is not None and (detail := stop(progress, store)):
            return Outcome(done, "until", detail, messages)


def _burn_in(
    engine: AbstractEngine,
    target: LogDensity,
    key: PRNGKeyArray,
    state: Any,
    draws: int,
    tell: Callable[[Progress], None],
    interrupted: Callable[[], bool],
) -> tuple[Any, bool]:
    """The state after at least `draws` draws that nobody keeps, and whether it got so far."""
    meter, done = _Meter(engine.groups, draws, 0, "burn-in"), 0
    while done < draws:
        if interrupted():
            return state, False
        state, block = engine.advance(key, target, state)
        if block.draws is None:
            raise ValueError("an engine that does not store draws from the start has no burn-in")
        done += block.draws.shape[1]
        tell(meter.measure(block, done))
    return state, True


def _restore(
    engine: AbstractEngine, target: LogDensity, key: PRNGKeyArray, checkpoint: Checkpoint
) -> Any:
    """The state of a checkpoint, in the structure and shapes that `init` would give."""
    points = jax.ShapeDtypeStruct(checkpoint.starts, float)
    like = eqx.filter_eval_shape(engine.init, key, target, points)
    expected, structure = jax.tree.flatten(like)
    described = [(x.shape, x.dtype) for x in expected]
    if described != [(x.shape, x.dtype) for x in checkpoint.leaves]:
        raise StoreError("the checkpoint was made by another engine or with other options of it")
    return jax.tree.unflatten(structure, map(jnp.asarray, checkpoint.leaves))


def _groups(recorded: Groups, stats: Mapping[str, Array]) -> dict[str, dict[str, np.ndarray]]:
    """What is stored of a block: the record of its draws, and its statistics per draw."""
    per_draw = {name: x for name, x in stats.items() if jnp.ndim(x) >= 2}
    groups = {**recorded, "sample_stats": per_draw} if per_draw else recorded
    return {
        name: {key: np.asarray(x) for key, x in variables.items()}
        for name, variables in groups.items()
    }


def _table(record: Callable[[Array], Groups], table: Mapping[str, Array]) -> dict[str, np.ndarray]:
    """A table; where it has a `position` (..., dim), what a draw there would be is added."""
    found = {name: np.asarray(x) for name, x in table.items()}
    if "position" not in found:
        return found
    *shape, dim = found["position"].shape
    recorded = record(jnp.reshape(table["position"], (1, -1, dim)))["posterior"]
    there = {
        name: np.reshape(np.asarray(x), (*shape, *np.shape(x)[2:])) for name, x in recorded.items()
    }
    return there | found


def _status(progress: Progress) -> dict[str, Any]:
    status = dataclasses.asdict(progress)
    return status | status.pop("scalars")


class _Meter:
    """Rates and running figures of one session."""

    def __init__(
        self,
        groups: np.ndarray,
        target: int,
        since: int,
        phase: Literal["burn-in", "sampling"] = "sampling",
    ) -> None:
        self._running = Running(groups)
        self._chains = len(groups)
        self._target = target
        self._since = since
        self._phase: Literal["burn-in", "sampling"] = phase
        self._begun = time.monotonic()
        self._mark: tuple[int, float] | None = None  # draws and time after the first block

    def measure(self, block: Block, done: int) -> Progress:
        """The first block holds the compilation: later on, rates count from its end."""
        now = time.monotonic()
        draws, begun = self._mark or (self._since, self._begun)
        self._mark = self._mark or (done, now)
        rate = (done - draws) / max(now - begun, 1e-9)
        if block.draws is not None:
            self._running.update(np.asarray(block.draws))
        rhat, ess = self._running.figures()
        scalars = {k: float(x) for k, x in block.stats.items() if jnp.ndim(x) == 0}
        acceptance = block.stats.get("acceptance_rate")
        return Progress(
            phase=self._phase,
            draws=done,
            target=self._target,
            since=self._since,
            seconds=now - self._begun,
            rate=rate * self._chains,
            acceptance=math.nan if acceptance is None else float(jnp.mean(acceptance)),
            nonfinite=scalars.pop("nonfinite_fraction", math.nan),
            rhat=rhat,
            ess=ess,
            seconds_left=max(self._target - done, 0) / rate if rate > 0.0 else math.nan,
            scalars=scalars,
        )
