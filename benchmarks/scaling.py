"""How cost grows with walkers, dimensions, constraints and stored observables, with exponents.

    python -m benchmarks scaling [walkers] [dimensions] [constraints] [observables] [writing]

CPU seconds of compiled programs, compilation left out; memory is what XLA plans for a program:
arguments, results and what it needs in between. An exponent b is that of cost ~ n^b over the upper
half of the sizes. The target is runs/quickstart.toml in the chart; for walkers and dimensions the
Gaussian with standard deviations from 1 down to 1/10 that the tests have, for walkers in 8.
`writing` runs blocks of 50 draws of 10 000 walkers and 20 columns with and without a store, for
steps between draws (`thin`): what storing adds, in the host's CPU seconds and of the wall time.
"""

import dataclasses
import importlib
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from benchmarks._cases import posterior_of
from nmmjax.constraints.gaussians import Measurement
from nmmjax.samplers import diagnostics, driver
from nmmjax.samplers.base import log_density
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.plan import Plan
from nmmjax.samplers.store.store import Store
from nmmjax.samplers.witness import Problem
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

type Row = tuple[str, float, str]

_TESTS = pathlib.Path(__file__).parents[1] / "tests"
_WALKERS = (16, 64, 512, 4096, 32768, 262144, 1048576)
_DIMENSIONS = (8, 16, 24, 32, 40)
_DIM = _DIMENSIONS[0]  # where walkers are counted
_CONSTRAINTS = (1, 4, 15, 30, 60)
_POINTS = 8192
_TOGETHER = 2**15  # steps of a walker in one call, so that calls do not count
_SECONDS = 1.0  # of CPU time that a program is run for, at least
_PARTS = ("walkers", "dimensions", "constraints", "observables", "writing")
_THINS = (1, 10, 100)
_BLOCKS, _COLUMNS = 6, 20


def run(*parts: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    makers = (walkers, dimensions, constraints, observables, writing)
    for name, make in zip(_PARTS, makers, strict=True):
        if not parts or name in parts:
            yield from _with_exponents(make())


def walkers() -> Iterator[tuple[str, int, float, str]]:
    """CPU time and memory of steps of all walkers: one ensemble, so that 16 are enough."""
    target = _gaussian(_DIM)
    points = np.asarray(target.draw(np.random.default_rng(1), max(_WALKERS)))
    for count in _WALKERS:
        engine = Ensemble(1, count, thin=max(8, _TOGETHER // count), block=1)
        first = engine.init(jr.key(3), target, jnp.asarray(points[:count]))
        step = _compiled(lambda s, e=engine: e.advance(jr.key(4), target, s), first)
        cost = 1e9 * _seconds(step, first) / (count * engine.thin)
        yield "walkers, CPU time of a step", count, cost, "ns/walker"
        yield "walkers, memory of a step", count, _bytes(step) / count, "bytes/walker"


def dimensions() -> Iterator[tuple[str, int, float, str]]:
    """Steps that an effective draw costs, and the CPU time of these."""
    for dim in _DIMENSIONS:
        target = _gaussian(dim)
        engine = Ensemble(4, max(64, 2 * dim), thin=10 * dim, block=50)
        rng = np.random.default_rng(1)
        state = engine.init(jr.key(1), target, jnp.asarray(target.draw(rng, engine.chains)))
        advance = _compiled(lambda s, e=engine, t=target: e.advance(jr.key(2), t, s), state)
        began = time.process_time()
        state, block = advance(state)
        draws = np.asarray(block.draws)
        spent = time.process_time() - began
        steps = engine.chains * engine.thin * engine.block
        ess = min(diagnostics.ess_bulk(draws[..., i]) for i in range(dim))
        yield "dimensions, steps of an effective draw", dim, steps / ess, "steps"
        yield "dimensions, CPU time of a step", dim, 1e9 * spent / steps, "ns/walker"


def constraints() -> Iterator[tuple[str, int, float, str]]:
    """CPU time of the density with so many different measurements of the same quantities."""
    posterior = posterior_of("quickstart")
    measured = [c for c in posterior.constraints if isinstance(c, Measurement)]
    for count in _CONSTRAINTS:
        terms = tuple(_another(measured[i % len(measured)], i) for i in range(count))
        changed = Posterior(
            posterior.model,
            dict(posterior.chart.priors) | dict(posterior.chart.fixed),
            terms,
            posterior.prefer,
        )
        z = start.prior_draws(changed, jr.key(1), _POINTS)
        density = _compiled(lambda z, p=changed: log_density(p, z)[0], z)
        yield (
            "constraints, CPU time of a density",
            count,
            1e9 * _seconds(density, z) / _POINTS,
            "ns",
        )
        yield "constraints, memory of a density", count, _bytes(density) / _POINTS, "bytes/point"


def _another(constraint: Measurement, number: int) -> Any:
    """The same measurement with another value, so that the compiler cannot join the two."""
    value = constraint.value * (1.0 + 1e-6 * number)
    return dataclasses.replace(constraint, name=f"{constraint.name}_{number}", value=value)


def observables() -> Iterator[tuple[str, int, float, str]]:
    """CPU time and memory of the record of stored draws, with so many observables wanted."""
    posterior = posterior_of("quickstart")
    names = [n for n in posterior.names if n not in {p.name for p in posterior.model.parameters}]
    z = start.prior_draws(posterior, jr.key(1), _POINTS)
    for count in sorted({1, len(names) // 4, len(names) // 2, len(names)}):
        wanted = tuple(names[:count])
        record = _compiled(
            lambda z, w=wanted: jax.vmap(lambda x: posterior._stored(x, only=w), in_axes=-1)(z), z
        )
        cost = 1e6 * _seconds(record, z) / _POINTS
        yield "observables, CPU time of a stored draw", count, cost, "us"
        yield "observables, memory of a stored draw", count, _bytes(record) / _POINTS, "bytes"


def writing() -> Iterator[tuple[str, int, float, str]]:
    """Share of a run that storing takes: the same run with a store that keeps nothing."""
    target = _gaussian(_DIM)
    problem = Problem(target, _columns)
    starts = jnp.asarray(target.draw(np.random.default_rng(1), 10_000))
    for thin in _THINS:
        engine = Ensemble(8, 1250, thin=thin, block=50)
        _written(engine, problem, starts, True)  # compiles
        (wall, cpu), (bare, without) = (
            _written(engine, problem, starts, kept) for kept in (True, False)
        )
        draws = _BLOCKS * engine.block * engine.chains
        yield "writing, CPU time of a value", thin, 1e9 * (cpu - without) / draws / _COLUMNS, "ns"
        yield "writing, share of the CPU time", thin, 1.0 - without / cpu, ""
        yield "writing, share of the wall time", thin, 1.0 - bare / wall, ""


def _columns(draws: Any) -> dict[str, dict[str, Any]]:
    return {"posterior": {f"x{i}": draws[..., i % _DIM] for i in range(_COLUMNS)}}


def _written(engine: Ensemble, problem: Problem, starts: Any, kept: bool) -> tuple[float, float]:
    """(wall, CPU) seconds of a run."""
    with tempfile.TemporaryDirectory() as folder:
        with Store.create(pathlib.Path(folder) / "run", engine.groups, {}) as store:
            if not kept:
                _forget(store)
            plan = Plan(starts, _BLOCKS * engine.block)
            began = time.monotonic(), time.process_time()
            driver.run(engine, problem, jr.key(1), store, plan)
            return time.monotonic() - began[0], time.process_time() - began[1]


def _forget(store: Store) -> None:
    def append(groups: Any, start: int) -> None:
        store.committed = start + next(iter(groups["posterior"].values())).shape[1]

    store.append, store.save = append, lambda checkpoint: None
    store.write_status = lambda status: None


def _compiled(function: Callable, *arguments: Any) -> Any:
    return jax.jit(function).lower(*arguments).compile()


def _seconds(program: Callable, *arguments: Any) -> float:
    """CPU seconds of a call, the mean over at least `_SECONDS`."""
    jax.block_until_ready(program(*arguments))
    began, calls = time.process_time(), 0
    while time.process_time() - began < _SECONDS:
        jax.block_until_ready(program(*arguments))
        calls += 1
    return (time.process_time() - began) / calls


def _bytes(program: Any) -> float:
    plan = program.memory_analysis()
    parts = (plan.argument_size_in_bytes, plan.output_size_in_bytes, plan.temp_size_in_bytes)
    return float(sum(parts))


def _gaussian(dim: int) -> Any:
    """The Gaussian that the tests hold engines to."""
    if str(_TESTS) not in sys.path:
        sys.path.insert(0, str(_TESTS))
    return importlib.import_module("helpers.targets").Gaussian(dim)


def _with_exponents(points: Iterator[tuple[str, int, float, str]]) -> Iterator[Row]:
    """Every point as it comes, then for each quantity the exponent of its upper half."""
    found: dict[str, list[tuple[int, float]]] = {}
    for what, size, value, unit in points:
        found.setdefault(what, []).append((size, value))
        yield f"{what}: {size}", value, unit
    for what, pairs in found.items():
        yield f"{what}: exponent", exponent(pairs), ""


def exponent(pairs: list[tuple[int, float]]) -> float:
    """b of value ~ size^b, least squares in logarithms over the upper half of the sizes."""
    upper = np.log(np.array(sorted(pairs)[len(pairs) // 2 :], dtype=float))
    return float(np.polyfit(upper[:, 0], upper[:, 1], 1)[0])


def table(rows: list[Row]) -> str:
    """The rows in Markdown: a line for each quantity, its smallest and largest size."""
    found: dict[str, dict[str, tuple[float, str]]] = {}
    for what, value, unit in rows:
        quantity, _, size = what.rpartition(": ")
        found.setdefault(quantity, {})[size] = (value, unit)
    lines = ["| quantity | sizes | at the smallest | at the largest | exponent |"]
    lines += ["|---|---|---|---|---|"]
    for quantity, sizes in found.items():
        *measured, last = [size for size in sizes if size != "exponent"]
        first = measured[0] if measured else last
        ends = (f"{sizes[s][0]:.3g} {sizes[s][1]}" for s in (first, last))
        slope = f"{sizes['exponent'][0]:+.2f}" if "exponent" in sizes else "-"
        lines.append(f"| {quantity} | {first} to {last} | {' | '.join(ends)} | {slope} |")
    return "\n".join(lines) + "\n"
