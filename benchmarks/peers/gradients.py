"""numpyro (NUTS, AIES, ESS) and flowMC: the whole step is compiled together with the density."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from benchmarks.peers.figures import Found
from benchmarks.peers.targets import Problem
from benchmarks.peers.walkers import ENSEMBLES, GROUPS, WALKERS
from nmmjax.samplers.base import differentiable

_CHAINS, _WARMUP, _BLOCK = 16, 300, 50  # of NUTS
_ENSEMBLE_BLOCK, _ENSEMBLE_THIN = 50, 10
_FLOW_CHAINS, _FLOW_STEPS, _FLOW_TRAINING, _FLOW_PRODUCTION = 64, 100, 10, 40


def nuts(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """numpyro's NUTS as it comes, chains side by side; a hard edge is a divergence to it."""
    from numpyro.infer import MCMC, NUTS

    density = differentiable(problem.target)
    sampler = MCMC(
        NUTS(potential_fn=lambda z: -density(z)),
        num_warmup=_WARMUP,
        num_samples=_BLOCK,
        num_chains=_CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    points = problem.starts(jr.key(seed), _CHAINS)
    sampler.warmup(jr.key(seed + 1000), init_params=points)
    kept, gradients = [], 0
    while True:
        state: Any = sampler.last_state if kept else sampler.post_warmup_state
        sampler.post_warmup_state = state
        sampler.run(state.rng_key, extra_fields=("num_steps",))
        kept.append(np.asarray(sampler.get_samples(group_by_chain=True)))
        gradients += int(jnp.sum(sampler.get_extra_fields()["num_steps"]))
        draws = np.concatenate(kept, axis=1)
        yield Found(draws, np.arange(_CHAINS), gradients, gradients)


def aies(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """numpyro's affine-invariant ensembles, half differential evolution, half stretch moves."""
    from numpyro.infer import AIES

    moves = {AIES.DEMove(): 0.5, AIES.StretchMove(): 0.5}
    kernel = AIES(potential_fn=lambda z: -problem.target(z), moves=moves)
    return _ensembles(problem, seed, kernel, 1.0)


def ess(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """numpyro's ensemble slice sampler; its evaluations are not counted by it, nor here."""
    from numpyro.infer import ESS

    return _ensembles(problem, seed, ESS(potential_fn=lambda z: -problem.target(z)), 0.0)


def _ensembles(problem: Problem, seed: int, kernel: Any, each: float) -> Iterator[Found]:
    """Independent ensembles in turn through one compiled sampler."""
    from numpyro.infer import MCMC

    sampler = MCMC(
        kernel,
        num_warmup=_ENSEMBLE_BLOCK,
        num_samples=_ENSEMBLE_BLOCK * _ENSEMBLE_THIN,
        thinning=_ENSEMBLE_THIN,
        num_chains=WALKERS,
        chain_method="vectorized",
        progress_bar=False,
    )
    points = problem.starts(jr.key(seed), ENSEMBLES * WALKERS)
    points = points.reshape(ENSEMBLES, WALKERS, problem.dim)
    states: list[Any] = []
    for e in range(ENSEMBLES):
        sampler.warmup(jr.key(1000 * seed + e), init_params=points[e])
        states.append(sampler.post_warmup_state)
    kept: list[np.ndarray] = []
    while True:
        found = []
        for e in range(ENSEMBLES):
            sampler.post_warmup_state = states[e]
            sampler.run(states[e].rng_key, init_params=states[e].z)  # it asks for both
            states[e] = sampler.last_state
            found.append(np.asarray(sampler.get_samples(group_by_chain=True)))
        kept.append(np.concatenate(found))
        draws = np.concatenate(kept, axis=1)
        count = each * draws.shape[0] * draws.shape[1] * _ENSEMBLE_THIN
        yield Found(draws, GROUPS, int(count))


def flowmc(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """flowMC's splines with MALA as they come; draws count from the end of training on."""
    from flowMC.resource_strategy_bundle.RQSpline_MALA import RQSpline_MALA_Bundle

    density = differentiable(problem.target)
    bundle = RQSpline_MALA_Bundle(
        jr.key(seed + 1000),
        _FLOW_CHAINS,
        problem.dim,
        lambda z, data: density(z),
        _FLOW_STEPS,
        _FLOW_STEPS,
        _FLOW_TRAINING,
        _FLOW_PRODUCTION,
        n_epochs=20,
        local_thinning=10,
        global_thinning=10,
    )
    key, resources = jr.key(seed), bundle.resources
    last, made, loops = problem.starts(jr.key(seed), _FLOW_CHAINS), 0, 0
    for name in bundle.strategy_order:
        key, resources, last = bundle.strategies[name](key, resources, last, {})
        made += _FLOW_CHAINS * _FLOW_STEPS * (name in ("local_stepper", "global_stepper"))
        loops += name == "global_stepper"
        if name == "global_stepper" and loops > _FLOW_TRAINING:
            filled = (loops - _FLOW_TRAINING) * 2 * (_FLOW_STEPS // 10)
            draws = np.asarray(resources["positions_production"].data)[:, :filled]
            jax.block_until_ready(draws)
            yield Found(draws, np.arange(_FLOW_CHAINS), made, made // 2)
