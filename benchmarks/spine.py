"""Density rates, chart gain, ESS/s against emcee, compile and import times of the main job."""

import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import emcee
import equinox as eqx
import jax
import jax.random as jr
import numpy as np

from benchmarks import numpy_peer
from nmmjax.runfile import build
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

type Row = tuple[str, float, str]

_RUN = pathlib.Path(__file__).parent.parent / "runs" / "quickstart.toml"
_BATCH = 100_000
_DRAWS, _BURN_IN, _THIN = 200, 50, 100  # of the ensemble, in stored draws
_EMCEE_STEPS, _EMCEE_BURN_IN = 6000, 3000


def run() -> list[Row]:
    """The rows of the table: (what, value, unit)."""
    return [*_imports(), *_density(), *_engines()]


def _posterior(kind: str) -> Posterior:
    given, _ = build.read(_RUN, [f"chart.kind={kind}"])
    return build.build_posterior(given, str(_RUN))


def _imports() -> Iterator[Row]:
    for what in ("jax", "nmmjax.posterior", "arviz", "matplotlib.figure"):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {what}"], check=True)
        yield f"import {what}, whole process", time.perf_counter() - began, "s"
    began = time.perf_counter()
    command = [sys.executable, "-m", "nmmjax", "--help"]
    subprocess.run(command, check=True, capture_output=True)
    yield "nmmjax --help", time.perf_counter() - began, "s"


def _density() -> Iterator[Row]:
    box = _posterior("box")
    c = start.prior_draws(box, jr.key(0), _BATCH)
    theta = jax.vmap(box.theta, in_axes=-1)(c)
    columns = {name: np.asarray(theta[name]) for name in numpy_peer.NAMES}
    points = [{name: float(x[i]) for name, x in columns.items()} for i in range(2000)]
    compiled = eqx.filter_jit(jax.vmap(box.log_density, in_axes=-1))
    began = time.perf_counter()
    jax.block_until_ready(compiled(c))
    yield "compile the density (box)", time.perf_counter() - began, "s"
    ours = _rate(lambda: jax.block_until_ready(compiled(c)), _BATCH)
    by_columns = _rate(lambda: numpy_peer.log_likelihood(columns), _BATCH)
    by_points = _rate(lambda: [numpy_peer.log_likelihood(p) for p in points], len(points))
    yield "log densities, batches of 1e5 (box)", ours, "1/s"
    yield "  against NumPy on columns", ours / by_columns, "x"
    yield "  against NumPy point by point", ours / by_points, "x"
    slope = eqx.filter_jit(jax.vmap(jax.value_and_grad(box.log_density), in_axes=-1))
    began = time.perf_counter()
    jax.block_until_ready(slope(c))
    yield "compile value and gradient (box)", time.perf_counter() - began, "s"
    both = _rate(lambda: jax.block_until_ready(slope(c)), _BATCH)
    yield "value and gradient, batches of 1e5 (box)", both, "1/s"
    yield "cost of value and gradient", ours / both, "values"
    inside = np.isfinite(np.asarray(compiled(c)))
    peer = numpy_peer.log_likelihood(columns)[inside]
    terms = jax.vmap(box.terms)(theta)
    same = np.asarray(sum(terms.values()))[inside]
    close = np.abs(peer - same) < 1e-3 * np.abs(same) + 1e-3
    yield "points at which NumPy's formulas agree to 1e-3", float(close.mean()) * 100.0, "%"


def _rate(call: Callable[[], object], points: int) -> float:
    """Points per second: the median of five timings after one call to warm up."""
    call()
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return points / float(np.median(seconds))


def _engines() -> Iterator[Row]:
    per_evaluation, per_second = {}, {}
    for kind in ("auto", "shear", "box"):
        evaluations, seconds, warm, ess = _ensemble(_posterior(kind))
        per_evaluation[kind], per_second[kind] = ess / evaluations, ess / seconds
        yield f"ensemble, chart {kind}: evaluations, compile excluded", evaluations / warm, "1/s"
        yield f"ensemble, chart {kind}: bulk ESS", ess, ""
        yield f"ensemble, chart {kind}: ESS/s, compile included", ess / seconds, "1/s"
        yield f"ensemble, chart {kind}: ESS/s, compile excluded", ess / warm, "1/s"
    for kind in ("auto", "shear"):
        gain = per_evaluation[kind] / per_evaluation["box"]
        yield f"chart {kind} against box, ESS per evaluation", gain, "x"
    for kind in ("box", "auto"):
        seconds, ess = _emcee(_posterior(kind))
        yield f"emcee stretch, vectorised, chart {kind}: ESS/s", ess / seconds, "1/s"
        gain = per_second["auto"] / (ess / seconds)
        yield "  ensemble (auto) against it, compile included", gain, "x"


def _ensemble(posterior: Posterior) -> tuple[float, float, float, float]:
    """(evaluations, seconds in all, seconds without compilation, smallest bulk ESS)."""
    engine = Ensemble(thin=_THIN)
    began = time.perf_counter()
    starts = start.screened(posterior, jr.key(1), engine.chains).positions
    state = engine.init(jr.key(2), posterior.log_density, starts)
    state, _ = jax.block_until_ready(engine.advance(jr.key(3), posterior.log_density, state))
    warm = time.perf_counter()
    draws, blocks = [], (_BURN_IN + _DRAWS) // engine.block
    for i in range(1, blocks):
        state, block = engine.advance(jr.key(3), posterior.log_density, state)
        if i * engine.block >= _BURN_IN:
            draws.append(np.asarray(block.draws))
    ends = time.perf_counter()
    evaluations = engine.chains * _THIN * engine.block * (blocks - 1)
    return (
        evaluations,
        ends - began,
        ends - warm,
        _smallest_ess(posterior, np.concatenate(draws, 1)),
    )


def _emcee(posterior: Posterior) -> tuple[float, float]:
    """(seconds in all, smallest bulk ESS) of four ensembles of 64 walkers, from the same starts."""
    compiled = eqx.filter_jit(jax.vmap(posterior.log_density))
    began = time.perf_counter()
    starts = np.asarray(start.screened(posterior, jr.key(1), 256).positions).reshape(4, 64, -1)
    chains = []
    for i, points in enumerate(starts):
        sampler = emcee.EnsembleSampler(
            64, posterior.dim, lambda z: np.asarray(compiled(z)), vectorize=True
        )
        sampler.random_state = np.random.RandomState(i).get_state()
        sampler.run_mcmc(points, _EMCEE_STEPS, skip_initial_state_check=True)
        chains.append(sampler.get_chain(discard=_EMCEE_BURN_IN).swapaxes(0, 1))
    return time.perf_counter() - began, _smallest_ess(posterior, np.concatenate(chains))


def _smallest_ess(posterior: Posterior, draws: np.ndarray) -> float:
    """Over the sampled parameters in their priors' coordinates, walkers as chains."""
    flat = jax.vmap(posterior.chart.coordinates)(draws.reshape(-1, draws.shape[-1]))
    values = np.asarray(flat).reshape(draws.shape)
    return min(diagnostics.ess_bulk(values[..., i]) for i in range(values.shape[-1]))
