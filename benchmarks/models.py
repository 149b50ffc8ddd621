"""Every model: density rate, price of the gradient, compile times, the same formulas in NumPy.

The density is the one of the model's own run file in `runs/`, in the box chart. Rates are the
best of several calls, compile times are CPU seconds.
"""

import pathlib
import time
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.random as jr
import numpy as np

from benchmarks import numpy_formulas
from nmmjax.runfile import build
from nmmjax.target import start

type Row = tuple[str, float, str]

_RUNS = pathlib.Path(__file__).parent.parent / "runs"
_BATCH = 20_000
_CALLS = 12
_SINGLE = 40  # points in NumPy


def run() -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    for path in run_files():
        yield from _model(path)


def run_files() -> list[pathlib.Path]:
    """The run files that sample with `ensemble`: one a model."""
    found = sorted(_RUNS.glob("*.toml"))
    return [path for path in found if build.read(path)[0].engine.name == "ensemble"]


def _model(path: pathlib.Path) -> Iterator[Row]:
    given, _ = build.read(path, ["chart.kind=box"])
    posterior = build.build_posterior(given, str(path))
    density = posterior.log_density
    z = start.prior_draws(posterior, jr.key(0), _BATCH)
    value = eqx.filter_jit(jax.vmap(density, in_axes=-1))
    both = eqx.filter_jit(jax.vmap(jax.value_and_grad(density), in_axes=-1))
    compile_value, compile_both = _compile_seconds(value, z), _compile_seconds(both, z)
    rate, rate_both = _BATCH / _seconds(value, z), _BATCH / _seconds(both, z)
    points = np.asarray(z.T[:_SINGLE])
    in_numpy = numpy_formulas.evaluator(density, points[0])
    began = time.perf_counter()
    found = np.array([float(in_numpy(point)[0]) for point in points])
    one_by_one = _SINGLE / (time.perf_counter() - began)
    expected = np.asarray(value(z))[:_SINGLE]
    finite = np.isfinite(expected)
    error = np.max(np.abs(found[finite] / expected[finite] - 1.0), initial=0.0)
    yield f"{path.stem}: log densities", rate, "1/s"
    yield f"{path.stem}: against NumPy point by point", rate / one_by_one, "x"
    yield f"{path.stem}: largest relative difference from NumPy", float(error), ""
    yield f"{path.stem}: value and gradient cost", rate / rate_both, "values"
    yield f"{path.stem}: compile value", compile_value, "CPU s"
    yield f"{path.stem}: compile value and gradient", compile_both, "CPU s"


def _compile_seconds(function: Callable, z: jax.Array) -> float:
    """CPU seconds of the first call: tracing, compilation, one evaluation."""
    began = time.process_time()
    jax.block_until_ready(function(z))
    return time.process_time() - began


def _seconds(function: Callable, z: jax.Array) -> float:
    """The fastest of several calls: other work on the machine can only slow them down."""
    seconds = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        jax.block_until_ready(function(z))
        seconds.append(time.perf_counter() - began)
    return min(seconds)
