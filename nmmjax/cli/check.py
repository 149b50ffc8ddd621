"""`nmmjax check`: everything about a run short of the run itself."""

import pathlib
import time
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
import numpy as np

from nmmjax.cli.devices import sized, told, used_by
from nmmjax.cli.engines import build_engine, burn_in_of, check_engine, superchains_of
from nmmjax.cli.session import refuse_plugins, start_jax
from nmmjax.cli.show import prior_text
from nmmjax.cli.terminal import out
from nmmjax.constraints.base import Constraint
from nmmjax.constraints.ends import Curve
from nmmjax.runfile.build import RunFile, build_posterior, prior_table, read
from nmmjax.samplers import devices
from nmmjax.samplers.base import AbstractEngine
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

_PRIOR_DRAWS = 65536


def check_file(
    path: pathlib.Path, overrides: list[str], no_plugins: bool = False, shared: str = "all"
) -> None:
    """Print what a run would do: names, sources, terms at one point, rates and estimates."""
    start_jax()
    run, _ = read(path, overrides)
    refuse_plugins(no_plugins, run.model.name, run.engine.name)
    posterior = build_posterior(run, str(path))
    run = run.model_copy(update={"engine": sized(run.engine, shared)})
    engine = build_engine(run.engine, str(path))
    used = used_by(engine, shared)
    check_engine(engine, posterior, str(path))
    superchains_of(run.engine, engine, str(path))
    burn_in = burn_in_of(run, engine, str(path))
    for line in _describe(run, posterior):
        out(line + "\n")
    key = jr.key(run.run.seed)
    for line in _prior_report(posterior, key):
        out(line + "\n")
    with devices.using(used):
        sizes = told(engine, used, run.engine.superchains)
        for line in _engine_report(run, posterior, engine, burn_in, key, sizes):
            out(line + "\n")
    out(f"{path}: ready to run\n")


def _describe(run: RunFile, posterior: Posterior) -> list[str]:
    model = posterior.model
    parameters = {p.name: p for p in model.parameters}
    lines = [f"model {run.model.name}, chart {run.chart.kind}", "", "parameters"]
    for name, prior in posterior.chart.priors:
        p = parameters[name]
        text = prior_text(prior_table(prior))
        lines.append(f"  {name:<12} {text:<34} {p.unit:<6} {p.description}".rstrip())
    for name, value in posterior.chart.fixed:
        p = parameters[name]
        lines.append(f"  {name:<12} {f'fixed at {value:g}':<34} {p.unit:<6} {p.description}")
    lines += ["", "chart coordinates"]
    lines += [f"  {label}" for label in posterior.chart.labels if label not in parameters]
    if lines[-1] == "chart coordinates":
        lines.append("  the priors' own: logarithms, circles")
    lines += ["", "constraints"]
    for constraint in posterior.constraints:
        source = constraint.source
        lines.append(f"  {constraint.name:<20} {constraint.describe()}")
        lines.append(f"  {'':<20} {source.reference} ({source.year}); {source.verified}")
        lines += [f"  {'':<20} {text}" for text in _idle(posterior, constraint)]
    lines += [
        f"  {w.name:<20} {w.describe()}  [a wish, not a likelihood]" for w in posterior.prefer
    ]
    if not posterior.constraints:
        lines.append("  none: the target is the prior")
    return lines


def _idle(posterior: Posterior, constraint: Constraint) -> list[str]:
    """Say of a curve that no mass of the run meets that it has no effect."""
    if not isinstance(constraint, Curve):
        return []
    name = constraint.requires[1]
    fixed = dict(posterior.chart.fixed)
    ends = (fixed[name], fixed[name]) if name in fixed else posterior.box.get(name)
    if ends is None or constraint.meets(*ends):
        return []
    given = f"= {ends[0]:g}" if ends[0] == ends[1] else f"from {ends[0]:g} to {ends[1]:g}"
    return [f"no effect: {name} {given} GeV is outside its curve"]


def _prior_report(posterior: Posterior, key: jax.Array) -> list[str]:
    """Value and gradient at prior draws, the best of them term by term, the allowed share."""
    z = start.prior_draws(posterior, jr.fold_in(key, 0), _PRIOR_DRAWS)
    values, gradients = _timed(_value_and_grad, posterior, z)[0]
    density, rate = _timed(_value, posterior, z)
    finite = np.isfinite(np.asarray(density))
    bad_gradients = int(np.sum(~np.isfinite(np.asarray(gradients)).all(axis=0) & finite))
    theta = jax.jit(jax.vmap(posterior.theta, in_axes=-1))(z)
    allowed = np.asarray(jax.jit(jax.vmap(posterior.allowed))(theta))
    best = int(np.argmax(np.where(finite, np.asarray(values), -np.inf)))
    point = {p: x[best] for p, x in theta.items()}
    lines = ["", f"best of {_PRIOR_DRAWS} prior draws"]
    lines += [f"  {p:<20} {float(x):.6g}" for p, x in point.items()]
    terms = posterior.terms(point)
    lines += [f"  ln L {name:<20} {float(value):.6g}" for name, value in terms.items()]
    lines += ["", f"prior draws of finite density  {finite.mean():.4%}"]
    for name, share in start.count_causes(posterior, key, 8192):
        if share > 0.0:
            lines.append(f"  rejected by {name}  {share:.4%}")
    lines.append(f"prior draws inside every limit {allowed.mean():.4%}")
    lines.append(f"gradients not finite           {bad_gradients} of {int(finite.sum())}")
    lines.append(f"log densities per second       {rate:.3g} (batches of {_PRIOR_DRAWS})")
    return lines


def _engine_report(
    run: RunFile,
    posterior: Posterior,
    engine: AbstractEngine,
    burn_in: int,
    key: jax.Array,
    sizes: str,
) -> list[str]:
    """Sample one block with the engine and estimate the time of the run."""
    began = time.perf_counter()
    starts = start.screened(posterior, jr.fold_in(key, 1), engine.chains)
    state = engine.placed(engine.init(key, posterior, starts.positions))
    state, _ = jax.block_until_ready(engine.advance(key, posterior, state))
    compiled = time.perf_counter() - began
    began = time.perf_counter()
    state, block = jax.block_until_ready(engine.advance(key, posterior, state))
    seconds = time.perf_counter() - began
    lines = ["", f"engine {run.engine.name}, {sizes}"]
    lines.append(f"starting points and compiling  {compiled:.1f} s")
    if block.draws is not None:
        per_draw = seconds / block.draws.shape[1]
        total = (run.run.draws + burn_in) * per_draw
        stored = len(posterior.variables()) + len(posterior.constraints) + 8
        megabytes = 8e-6 * run.run.draws * engine.chains * stored
        lines.append(f"one block of {block.draws.shape[1]} stored draws   {seconds:.2f} s")
        lines.append(
            f"estimated sampling time        {_duration(total)} if it is not stopped early"
        )
        lines.append(f"chains.h5                      {megabytes:.0f} MB for {run.run.draws} draws")
        peak = (
            8e-6 * engine.chains * (run.run.draws * posterior.dim + block.draws.shape[1] * stored)
        )
        lines.append(f"memory beyond JAX's own        {peak:.0f} MB")
    return lines


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120.0 else f"{seconds / 60.0:.1f} min"


def _timed(function: Any, posterior: Posterior, z: jax.Array) -> tuple[Any, float]:
    """(result, points per second), compile excluded."""
    jax.block_until_ready(function(posterior, z))
    began = time.perf_counter()
    result = jax.block_until_ready(function(posterior, z))
    return result, z.shape[-1] / (time.perf_counter() - began)


@eqx.filter_jit
def _value(posterior: Posterior, z: jax.Array) -> jax.Array:
    return jax.vmap(posterior.log_density, in_axes=-1)(z)


@eqx.filter_jit
def _value_and_grad(posterior: Posterior, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.vmap(jax.value_and_grad(posterior.log_density), in_axes=-1, out_axes=(0, -1))(z)
