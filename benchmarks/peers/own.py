"""Our own engines with their defaults, or the options of the run file for `ensemble`."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.random as jr
import numpy as np

from benchmarks.peers.figures import Found
from benchmarks.peers.targets import Problem
from nmmjax.cli.engines import find_engine

_DRAWS = {"thin": 10, "block": 100}
_GROWS = {"smc": "particles", "nested": "live", "importance": "samples"}
_FACTOR = 4  # by which that grows until enough draws have come


def ensemble(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """Our ensembles of walkers, thinned like those of the peers."""
    engine = find_engine("ensemble")(**problem.options | _DRAWS)
    points = problem.starts(jr.key(seed), engine.chains)
    state = engine.init(jr.key(seed + 1000), problem.target, points)
    kept: list[np.ndarray] = []
    while True:
        state, block = engine.advance(jr.key(seed + 2000), problem.target, state)
        kept.append(np.asarray(block.draws))
        draws = np.concatenate(kept, axis=1)
        count = engine.thin * draws.shape[0] * draws.shape[1]
        yield Found(draws, engine.groups, count)


def smc(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """Our tempered populations."""
    return _evidence("smc", problem, seed)


def nested(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """Our nested slices."""
    return _evidence("nested", problem, seed)


def importance(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """Our fitted mixtures."""
    return _evidence("importance", problem, seed)


def _evidence(name: str, problem: Problem, seed: int) -> Iterator[Found]:
    grows, counted = _GROWS[name], 0
    size = getattr(find_engine(name)(), grows)
    while True:
        engine = find_engine(name)(**{grows: size})
        points = problem.starts(jr.key(seed), engine.chains)
        state, block = engine.init(jr.key(seed + 1000), problem.target, points), None
        while block is None or not bool(block.done):
            state, block = engine.advance(jr.key(seed + 2000), problem.target, state)
            jax.block_until_ready(state)
        counted += _evaluations(engine, state)
        yield _joined(engine, block, counted)
        size *= _FACTOR


def _joined(engine: Any, block: Any, counted: int) -> Found:
    """Draws and ln Z of all repeats: its error is the larger of what is claimed and seen."""
    table = {key: np.asarray(x) for key, x in block.tables["evidence"].items()}
    log_z, repeats = table["log_z"], len(table["log_z"])
    claimed = np.sqrt(np.sum(table["log_z_error"] ** 2)) / repeats
    error = max(claimed, np.std(log_z, ddof=1) / np.sqrt(repeats))
    return Found(
        np.asarray(block.draws),
        engine.groups,
        counted,
        log_z=float(log_z.mean()),
        log_z_error=float(error),
        markov=False,
        most_ess=float(np.sum(table.get("ess", np.inf))),
    )


def _evaluations(engine: Any, state: Any) -> int:
    if hasattr(state, "evaluations"):
        return int(np.sum(np.asarray(state.evaluations)))
    finding = engine.walkers * engine.warmup + engine.rounds * engine.adapt
    return engine.repeats * (finding + engine.samples)
