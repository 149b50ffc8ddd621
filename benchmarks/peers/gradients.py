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
    """numpyro's NUTS with its defaults, chains side by side; a hard edge is a divergence to it."""
    from numpyro.infer import NUTS

    density = differentiable(problem.target)
    kernel = NUTS(potential_fn=lambda z: -density(z))
    points = problem.starts(jr.key(seed), _CHAINS)
    keys = jr.split(jr.PRNGKey(seed + 1000), _CHAINS)
    state = kernel.init(keys, _WARMUP, points, (), {})
    advance = _blocks(kernel, _BLOCK, 1, "num_steps")
    kept, gradients = [], 0
    while True:
        state, (draws, steps) = advance(state)
        gradients += int(jnp.sum(steps))
        if int(jnp.min(state.i)) > _WARMUP:
            kept.append(np.asarray(draws).swapaxes(0, 1))
            yield Found(np.concatenate(kept, 1), np.arange(_CHAINS), gradients, gradients)


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
    """Independent ensembles in turn through one compiled block."""
    points = problem.starts(jr.key(seed), ENSEMBLES * WALKERS)
    points = points.reshape(ENSEMBLES, WALKERS, problem.dim)
    keys = jr.split(jr.PRNGKey(seed + 1000), (ENSEMBLES, WALKERS))
    states = [kernel.init(k, 0, z, (), {}) for k, z in zip(keys, points, strict=True)]
    advance = _blocks(kernel, _ENSEMBLE_BLOCK, _ENSEMBLE_THIN, "rng_key")
    kept: list[np.ndarray] = []
    while True:
        found = []
        for e in range(ENSEMBLES):
            states[e], (draws, _) = advance(states[e])
            found.append(np.asarray(draws).swapaxes(0, 1))
        kept.append(np.concatenate(found))
        draws = np.concatenate(kept, axis=1)
        count = each * draws.shape[0] * draws.shape[1] * _ENSEMBLE_THIN
        yield Found(draws, GROUPS, int(count))


def _blocks(kernel: Any, draws: int, thin: int, also: str) -> Any:
    """Compile a block of a kernel's own steps once; its driver `MCMC` would compile every run.

    state -> (state, (positions, field `also` of the state) of the draws)
    """

    def once(state: Any, _: None) -> tuple[Any, None]:
        return kernel.sample(state, (), {}), None

    def draw(state: Any, _: None) -> tuple[Any, Any]:
        state, _ = jax.lax.scan(once, state, length=thin)
        return state, (state.z, getattr(state, also))

    return jax.jit(lambda state: jax.lax.scan(draw, state, length=draws))


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
