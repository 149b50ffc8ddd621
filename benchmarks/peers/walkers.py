"""emcee and zeus: ensembles of walkers on the host, the density vectorised and jitted.

Four independent ensembles of 64 walkers, as our own engine has them; every sampler keeps its
defaults.
"""

from collections.abc import Iterator
from typing import Any

import jax.random as jr
import numpy as np

from benchmarks.peers.figures import Found
from benchmarks.peers.targets import Batched, Problem

ENSEMBLES, WALKERS = 4, 64
GROUPS = np.repeat(np.arange(ENSEMBLES), WALKERS)
_STEPS, _THIN = 200, 10  # of a block, and between the draws that are kept


def emcee_stretch(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """emcee as it comes: stretch moves."""
    from emcee import moves

    return _emcee(problem, seed, [(moves.StretchMove(), 1.0)])


def emcee_de(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """emcee with differential evolution, and jumps between modes."""
    from emcee import moves

    return _emcee(problem, seed, [(moves.DEMove(), 0.9), (moves.DEMove(gamma0=1.0), 0.1)])


def emcee_de_snooker(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """emcee with the mixture that its documentation recommends for difficult targets."""
    from emcee import moves

    return _emcee(problem, seed, [(moves.DEMove(), 0.8), (moves.DESnookerMove(), 0.2)])


def _emcee(problem: Problem, seed: int, moves: list) -> Iterator[Found]:
    import emcee

    density = Batched(problem.target, WALKERS // 2)
    states: list[Any] = list(_starts(problem, seed))
    samplers = [
        emcee.EnsembleSampler(WALKERS, problem.dim, density, moves=moves, vectorize=True)
        for _ in states
    ]
    for e, sampler in enumerate(samplers):
        sampler.random_state = np.random.RandomState(1000 * seed + e).get_state()
    kept: list[np.ndarray] = []
    while True:
        found = []
        for e, sampler in enumerate(samplers):
            states[e] = sampler.run_mcmc(
                states[e], _STEPS // _THIN, thin_by=_THIN, skip_initial_state_check=True
            )
            found.append(np.asarray(sampler.get_chain()).swapaxes(0, 1))
            sampler.reset()
        kept.append(np.concatenate(found))
        yield Found(np.concatenate(kept, axis=1), GROUPS, density.count)


def zeus_slices(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """zeus as it comes: differential slice moves, tuned at the beginning."""
    import zeus

    np.random.seed(seed)  # noqa: NPY002 (the only source of numbers that zeus has)
    density = Batched(problem.target, WALKERS // 2)
    states = list(_starts(problem, seed))
    samplers = [
        zeus.EnsembleSampler(WALKERS, problem.dim, density, vectorize=True, verbose=False)
        for _ in states
    ]
    kept: list[np.ndarray] = []
    while True:
        found = []
        for e, sampler in enumerate(samplers):
            sampler.reset()
            sampler.run_mcmc(states[e], _STEPS // 10, progress=False)
            chain = sampler.get_chain()  # (draw, walker, dim)
            states[e] = chain[-1]
            found.append(chain.swapaxes(0, 1))
        kept.append(np.concatenate(found))
        yield Found(np.concatenate(kept, axis=1), GROUPS, density.count)


def _starts(problem: Problem, seed: int) -> np.ndarray:
    """(ensemble, walker, dim) starting points."""
    points = np.asarray(problem.starts(jr.key(seed), ENSEMBLES * WALKERS))
    return points.reshape(ENSEMBLES, WALKERS, problem.dim)
