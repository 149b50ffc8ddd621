"""Every model: density rate, price of the gradient, compile times, one point in NumPy's hands.

The density is the one of the model's own run file in `runs/`, in the box chart. The peer is one
point a call of the same jitted density: what a sampler pays that does not batch.
"""

import pathlib
import time
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.random as jr
import numpy as np

from nmmjax import runfile, start

type Row = tuple[str, float, str]

_RUNS = pathlib.Path(__file__).parent.parent / "runs"
_BATCH = 20_000


def run() -> list[Row]:
    """The rows of the table: (what, value, unit)."""
    return [row for path in sorted(_RUNS.glob("*.toml")) for row in _model(path)]


def _model(path: pathlib.Path) -> Iterator[Row]:
    given, _ = runfile.read(path, ["chart.kind=box"])
    posterior = runfile.build_posterior(given, str(path))
    z = start.prior_draws(posterior, jr.key(0), _BATCH)
    value = eqx.filter_jit(jax.vmap(posterior.log_density, in_axes=-1))
    both = eqx.filter_jit(jax.vmap(jax.value_and_grad(posterior.log_density), in_axes=-1))
    single = eqx.filter_jit(posterior.log_density)
    compile_value, rate = _timed(value, z)
    compile_both, rate_both = _timed(both, z)
    points = list(z.T[:300])
    jax.block_until_ready(single(points[0]))
    began = time.perf_counter()
    for point in points:
        jax.block_until_ready(single(point))
    one_by_one = len(points) / (time.perf_counter() - began)
    yield f"{path.stem}: log densities", rate, "1/s"
    yield f"{path.stem}: against one point a call", rate / one_by_one, "x"
    yield f"{path.stem}: value and gradient costs", rate / rate_both, "values"
    yield f"{path.stem}: compile value", compile_value, "s"
    yield f"{path.stem}: compile value and gradient", compile_both, "s"


def _timed(function, z) -> tuple[float, float]:
    """(seconds of the first call, points per second afterwards)."""
    began = time.perf_counter()
    jax.block_until_ready(function(z))
    first = time.perf_counter() - began
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        jax.block_until_ready(function(z))
        seconds.append(time.perf_counter() - began)
    return first, z.shape[-1] / float(np.median(seconds))
