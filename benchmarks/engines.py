"""ESS per second and per evaluation of every engine, against peers on the same log density.

Two models, chart and box; priors with soft edges, so that gradient engines may take part. All
start from the same kind of points. An evaluation is one log density; a gradient counts as many
as it costs, measured here. ESS is the smallest bulk ESS over sampled parameters, and means
something where R-hat is near 1 only: both are in the table.
"""

import dataclasses
import pathlib
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import emcee
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from nmmjax.cli.engines import find_engine
from nmmjax.runfile import build
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines._walkers import AbstractWalkers
from nmmjax.target import start
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import Angle, Normal

type Row = tuple[str, float, str]

_RUNS = pathlib.Path(__file__).parent.parent / "runs"
_MODELS = ("quickstart", "dark_dipole")
_CHARTS = ("auto", "box")
_EDGE = 0.1  # decades (or units) of the soft prior edges
_CHAINS = {  # engine: (options, blocks of burn-in, blocks)
    "ensemble": ({}, 2, 8),
    "emcee_": ({"block": 25}, 2, 8),
    "nuts": ({"chains": 16, "warmup": 200}, 0, 2),
    "meads": ({}, 0, 6),
    "chees": ({"chains": 32, "warmup": 200}, 0, 2),
    "mclmc": ({"chains": 32, "warmup": 200}, 0, 2),
}
_WEIGHTED = {"smc": {}, "nested": {}, "importance": {}}
_EMCEE_STEPS, _EMCEE_BURN_IN = 4000, 2000


class Timed(NamedTuple):
    """Draws (chain, draw, dim), ensemble labels, log densities spent, seconds: first, later."""

    draws: np.ndarray
    groups: np.ndarray
    evaluations: float
    compiling: float  # up to the end of the first block: warm-up and compilation
    sampling: float


def run() -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    warnings.simplefilter("ignore")  # of peers
    for model in _MODELS:
        for kind in _CHARTS:
            yield from _one(model, kind)


def _one(model: str, kind: str) -> Iterator[Row]:
    target = soft(model, kind)
    cost = _gradient_cost(target)
    yield f"{model} {kind}: cost of a gradient", cost, "values"
    seconds = {}
    for name in _CHAINS:
        yield from _rows(f"{model} {kind} {name}", target, _chains(name, target, cost), seconds)
    for name, peer in (("emcee stretch", _emcee), ("numpyro NUTS", _numpyro)):
        yield from _rows(f"{model} {kind} {name}", target, peer(target, cost), seconds)
    for name in seconds:
        if not name.endswith(" ensemble"):
            ratio = seconds[f"{model} {kind} ensemble"] / seconds[name]
            yield f"{model} {kind}: ensemble over {name.split(' ', 2)[2]}, ESS/s", ratio, "x"
    if kind == "auto":
        yield from _evidences(model, target)


def _rows(name: str, target: Posterior, found: Timed, seconds: dict[str, float]) -> Iterator[Row]:
    values = np.asarray(_coordinates(target, found.draws.reshape(-1, target.dim)))
    values = values.reshape(found.draws.shape)
    each = [values[..., i] for i in range(target.dim)]
    ess = min(diagnostics.ess_bulk(x) for x in each)
    rhat = max(diagnostics.rhat(x, found.groups) for x in each)
    seconds[name] = ess / found.sampling
    yield f"{name}: R-hat", rhat, ""
    yield f"{name}: ESS/s, compile and warm-up excluded", ess / found.sampling, "1/s"
    yield f"{name}: ESS/s, all included", ess / (found.compiling + found.sampling), "1/s"
    yield f"{name}: ESS per 1000 evaluations", 1e3 * ess / found.evaluations, ""


def soft(model: str, kind: str) -> Posterior:
    path = _RUNS / f"{model}.toml"
    given, _ = build.read(path, [f"chart.kind={kind}"])
    hard = build.build_posterior(given, str(path))
    priors = {
        name: prior if isinstance(prior, Angle | Normal) else dataclasses.replace(prior, edge=_EDGE)
        for name, prior in hard.chart.priors
    }
    fixed = dict(hard.chart.fixed)
    return Posterior(hard.model, priors | fixed, hard.constraints, hard.prefer, kind)


def _gradient_cost(target: Posterior) -> float:
    z = start.prior_draws(target, jr.key(0), 4096)
    value = eqx.filter_jit(jax.vmap(target, in_axes=-1))
    both = eqx.filter_jit(jax.vmap(jax.value_and_grad(target), in_axes=-1))
    return _seconds(lambda: both(z)) / _seconds(lambda: value(z))


def _seconds(call: Callable[[], Any]) -> float:
    jax.block_until_ready(call())
    times = []
    for _ in range(9):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - began)
    return float(np.median(times))


@eqx.filter_jit
def _coordinates(target: Posterior, z: Any) -> Any:
    return jax.vmap(target.chart.coordinates)(jnp.asarray(z))


def _chains(name: str, target: Posterior, cost: float) -> Timed:
    options, burn_in, blocks = _CHAINS[name]
    engine = find_engine(name)(**options)
    points = start.screened(target, jr.key(1), engine.chains).positions
    began = time.perf_counter()
    state = engine.init(jr.key(2), target, points)
    for _ in range(max(burn_in, 1)):
        state, block = jax.block_until_ready(engine.advance(jr.key(3), target, state))
    warm = time.perf_counter()
    draws, evaluations = [], 0.0
    for _ in range(blocks):
        state, block = engine.advance(jr.key(3), target, state)
        draws.append(np.asarray(block.draws))
        steps = block.stats.get("n_steps")
        thin = engine.thin if isinstance(engine, AbstractWalkers) else 1
        one_each = draws[-1].shape[0] * draws[-1].shape[1] * thin
        evaluations += one_each if steps is None else cost * float(jnp.sum(steps))
    ends = time.perf_counter()
    return Timed(np.concatenate(draws, 1), engine.groups, evaluations, warm - began, ends - warm)


def _emcee(target: Posterior, cost: float) -> Timed:
    """Four ensembles of 64 walkers with emcee's default move, `vectorize=True`."""
    del cost
    compiled = eqx.filter_jit(jax.vmap(target))
    points = np.asarray(start.screened(target, jr.key(1), 256).positions).reshape(4, 64, -1)
    began = time.perf_counter()
    compiled(points[0]).block_until_ready()
    chains, burning, sampling = [], time.perf_counter() - began, 0.0
    for i, walkers in enumerate(points):
        sampler = emcee.EnsembleSampler(
            64, target.dim, lambda z: np.asarray(compiled(z)), vectorize=True
        )
        sampler.random_state = np.random.RandomState(i).get_state()
        began = time.perf_counter()
        state = sampler.run_mcmc(walkers, _EMCEE_BURN_IN, skip_initial_state_check=True)
        burning, began = burning + time.perf_counter() - began, time.perf_counter()
        sampler.reset()
        sampler.run_mcmc(state, _EMCEE_STEPS - _EMCEE_BURN_IN, skip_initial_state_check=True)
        sampling += time.perf_counter() - began
        chains.append(sampler.get_chain().swapaxes(0, 1))
    evaluations = 256.0 * (_EMCEE_STEPS - _EMCEE_BURN_IN)
    return Timed(
        np.concatenate(chains), np.repeat(np.arange(4), 64), evaluations, burning, sampling
    )


def _numpyro(target: Posterior, cost: float) -> Timed:
    from numpyro.infer import MCMC, NUTS

    options, _, blocks = _CHAINS["nuts"]
    chains, draws = options["chains"], 25 * blocks
    points = start.screened(target, jr.key(1), chains).positions
    kernel = NUTS(potential_fn=lambda z: -target(z), target_accept_prob=0.8)
    sampler = MCMC(
        kernel,
        num_warmup=options["warmup"],
        num_samples=draws,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    began = time.perf_counter()
    sampler.warmup(jr.key(2), init_params=points)
    sampler.run(sampler.post_warmup_state.rng_key, extra_fields=("num_steps",))
    warm = time.perf_counter()
    sampler.post_warmup_state = sampler.last_state
    sampler.run(sampler.post_warmup_state.rng_key, extra_fields=("num_steps",))
    found = np.asarray(sampler.get_samples(group_by_chain=True))
    ends = time.perf_counter()
    evaluations = cost * float(jnp.sum(sampler.get_extra_fields()["num_steps"]))
    return Timed(found, np.arange(chains), evaluations, warm - began, ends - warm)


def _evidences(model: str, target: Posterior) -> Iterator[Row]:
    for name, options in _WEIGHTED.items():
        engine = find_engine(name)(**options)
        points = start.screened(target, jr.key(1), engine.chains).positions
        began = time.perf_counter()
        state, done = engine.init(jr.key(2), target, points), False
        while not done:
            state, block = engine.advance(jr.key(3), target, state)
            done = bool(block.done)
        seconds = time.perf_counter() - began
        table = {key: np.asarray(x) for key, x in block.tables["evidence"].items()}
        spread = np.sqrt(np.sum(table["log_z_error"] ** 2)) / len(table["log_z"])
        yield f"{model} auto {name}: ln Z", float(table["log_z"].mean()), ""
        yield f"{model} auto {name}: its error", float(spread), ""
        yield f"{model} auto {name}: seconds, compile included", seconds, "s"
    yield from _dynesty(model, target)


def _dynesty(model: str, target: Posterior) -> Iterator[Row]:
    import dynesty

    likelihood, place = eqx.filter_jit(target.log_likelihood_at), eqx.filter_jit(target.from_unit)
    began = time.perf_counter()
    sampler = dynesty.NestedSampler(
        lambda z: max(float(likelihood(z)), -1e300),
        lambda u: np.asarray(place(u)),
        target.dim,
        nlive=500,
        sample="rwalk",
        rstate=np.random.default_rng(1),
    )
    sampler.run_nested(print_progress=False)
    found = sampler.results
    yield f"{model} auto dynesty: ln Z", float(found.logz[-1]), ""
    yield f"{model} auto dynesty: its error", float(found.logzerr[-1]), ""
    yield f"{model} auto dynesty: seconds, compile included", time.perf_counter() - began, "s"
