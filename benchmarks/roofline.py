"""Every run file on one core: share of the measured roofline, gradient, compilation, first draw.

    python -m benchmarks roofline quickstart zee --out benchmarks/results/roofline.json

Rates of exp, log, quotients, roots, and sums and products are those of jitted loops over arrays in
the cache. The bound of a density is the time that its operations, counted in the compiled
program, take at these rates; it knows nothing of loads, selections and comparisons. Densities are
taken in the chart of the run file, 256 at a time. All times are CPU seconds, the least of
several calls; a first draw is a process of its own, imports included, with an empty or a full
cache of compiled programs.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import jax.random as jr

from benchmarks import _cases, _hlo
from nmmjax.samplers.base import log_density
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

type Row = tuple[str, float, str]

_POINTS, _PIECE = 4096, 256
_CALLS, _BATCHES = 4, 7
_LENGTH, _TRIPS = 2048, 400
_STEPS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "exp": lambda x: jnp.exp(-x),
    "log": lambda x: 2.0 - jnp.log(x),
    "quotient": lambda x: 1.5 / (1.0 + x),
    "root": lambda x: jnp.sqrt(1.0 + x),
    "sum or product": lambda x: x * 0.75 + 0.5,
}
_CHAIN = {"quotient": 4, "root": 4, "sum or product": 16}  # a long one waits for its own results
_PER_STEP = {"sum or product": 2}
_KINDS = {
    "exp": ("exponential", "exponential-minus-one", "sine", "cosine", "tan", "tanh", "power"),
    "log": ("log", "log-plus-one", "atan2", "cbrt", "logistic", "erf"),
    "quotient": ("divide", "remainder"),
    "root": ("sqrt", "rsqrt"),
    "sum or product": ("multiply", "add", "subtract"),
}
_CHILD = """
import sys
from nmmjax.cli.session import start_jax
start_jax()
import jax
from benchmarks import _cases
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
posterior, engine = _cases.posterior_of(sys.argv[1]), Ensemble(block=1)
points = start.screened(posterior, jax.random.key(1), engine.chains).positions
state = engine.init(jax.random.key(2), posterior, points)
jax.block_until_ready(engine.advance(jax.random.key(3), posterior, state))
"""


def run(*stems: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit); of all run files, or of those named."""
    rates = {name: _rate(name) for name in _STEPS}
    for name, rate in rates.items():
        yield f"one core: {name}", rate, "1/s"
    for stem in stems or _cases.stems():
        yield from _densities(stem, _cases.posterior_of(stem), rates)
        with tempfile.TemporaryDirectory() as cache:
            yield f"{stem}: first draw cold", _first_draw(stem, cache), "CPU s"
            yield f"{stem}: first draw warm", _first_draw(stem, cache), "CPU s"


def _densities(stem: str, posterior: Posterior, rates: dict[str, float]) -> Iterator[Row]:
    z = start.prior_draws(posterior, jr.key(0), _POINTS)
    value, compile_value = _compiled(lambda z: log_density(posterior, z)[0], z)
    slope, compile_slope = _compiled(lambda z: _gradients(posterior, z), z)
    program = _hlo.Program(value.as_text() or "")
    bound = sum(program.count(_KINDS[name]) / rate for name, rate in rates.items()) / _POINTS
    seconds, both = _seconds(value, z) / _POINTS, _seconds(slope, z) / _POINTS
    yield f"{stem}: density", seconds * 1e6, "us"
    yield f"{stem}: transcendentals", program.count(_hlo.TRANSCENDENTAL) / _POINTS, "per point"
    yield f"{stem}: share of the roofline", bound / seconds, ""
    yield f"{stem}: value and gradient", both / seconds, "values"
    yield f"{stem}: compile value", compile_value, "CPU s"
    yield f"{stem}: compile gradient", compile_slope, "CPU s"


def _gradients(posterior: Posterior, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    each = jax.vmap(jax.value_and_grad(posterior.log_density), in_axes=-1)
    pieces = jnp.moveaxis(z.reshape(len(z), -1, _PIECE), 1, 0)
    return jax.lax.map(each, pieces)


def _compiled(function: Callable, z: jax.Array) -> tuple[jax.stages.Compiled, float]:
    """The program and the CPU seconds of tracing and compiling it."""
    began = time.process_time()
    made = jax.jit(function).lower(z).compile()
    return made, time.process_time() - began


def _seconds(call: Callable, *given: jax.Array) -> float:
    """CPU seconds of a call: the least of several batches, of one call first to warm up."""
    jax.block_until_ready(call(*given))
    found = []
    for _ in range(_BATCHES):
        began = time.process_time()
        for _ in range(_CALLS):
            jax.block_until_ready(call(*given))
        found.append((time.process_time() - began) / _CALLS)
    return min(found)


def _rate(name: str) -> float:
    """Operations per second of one core, over an array in the cache."""

    def chain(_: int, x: jax.Array) -> jax.Array:
        for _step in range(_CHAIN.get(name, 1)):
            x = _STEPS[name](x)
        return x

    loop = jax.jit(lambda x: jax.lax.fori_loop(0, _TRIPS, chain, x))
    seconds = _seconds(loop, jnp.linspace(0.1, 2.0, _LENGTH))
    return _PER_STEP.get(name, 1) * _CHAIN.get(name, 1) * _TRIPS * _LENGTH / seconds


def _first_draw(stem: str, cache: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": cache}
    subprocess.run([sys.executable, "-c", _CHILD, stem], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown, a line for each run file, the rates of the core before."""
    columns: dict[str, dict[str, float]] = {}
    units = {}
    for what, value, unit in rows:
        stem, _, column = what.partition(": ")
        columns.setdefault(stem, {})[column] = value
        units[column] = unit
    core = columns.pop("one core", {})
    rates = ", ".join(f"{rate / 1e6:.0f} of {name}" for name, rate in core.items())
    head = list(next(iter(columns.values()))) if columns else []
    titles = [f"{name}, {units[name]}" if units[name] else name for name in head]
    lines = [f"Millions a second on one core: {rates}.", ""]
    lines += [f"| run file | {' | '.join(titles)} |", "|---" * (1 + len(head)) + "|"]
    lines += [
        f"| {stem} | {' | '.join(f'{found[c]:.3g}' for c in head)} |"
        for stem, found in columns.items()
    ]
    return "\n".join(lines) + "\n"
