"""dynesty, UltraNest, nautilus, pocoMC and jaxns: evidences, from the unit cube of the prior.

Each goes on, or begins again with four times as many particles, until enough effective draws have
come. Those that take batches get them.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from benchmarks.peers.figures import LOG_Z_ERROR, MANY, Found
from benchmarks.peers.targets import Batched, Problem

_FLOOR = -1e100  # for samplers that refuse -inf
_FEW = 500  # effective draws to begin with


def _weighted(
    u: np.ndarray, log_weight: np.ndarray, log_z: float, error: float, count: int
) -> Found:
    keep = np.isfinite(log_weight)
    return Found(
        np.asarray(u)[keep][None],
        np.zeros(1, int),
        count,
        log_weight=np.asarray(log_weight)[keep],
        log_z=float(log_z),
        log_z_error=float(error),
        cube=True,
        markov=False,
    )


def dynesty(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """dynesty's dynamic nested sampling as it comes; it asks for one point at a time."""
    import dynesty as peer

    density = Batched(problem.cube, 1, _FLOOR)
    sampler = peer.DynamicNestedSampler(
        density.one, lambda u: u, problem.cube_dim, rstate=np.random.default_rng(seed)
    )
    for wanted in (_FEW, MANY + 500):
        sampler.run_nested(n_effective=wanted, print_progress=False)
        found = sampler.results
        yield _weighted(
            found.samples_u, found.logwt, found.logz[-1], found.logzerr[-1], density.count
        )


def ultranest(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """UltraNest with its regions, in more than ten dimensions with its slices in populations."""
    import ultranest as peer
    from ultranest import popstepsampler as steps

    np.random.seed(seed)  # noqa: NPY002 (the only source of numbers that UltraNest has)
    density = Batched(problem.cube, 128, _FLOOR)
    names = [f"u{i}" for i in range(problem.cube_dim)]
    sampler = peer.ReactiveNestedSampler(names, density, vectorized=True)
    if problem.cube_dim > 10:
        sampler.stepsampler = steps.PopulationSimpleSliceSampler(
            popsize=128,
            nsteps=2 * problem.cube_dim,
            generate_direction=steps.generate_mixture_random_direction,
        )
    for wanted in (_FEW, MANY + 500):
        found: Any = sampler.run(
            min_ess=wanted, dlogz=LOG_Z_ERROR, show_status=False, viz_callback=False
        )
        points = found["weighted_samples"]
        with np.errstate(divide="ignore"):
            log_weight = np.log(points["weights"])
        yield _weighted(
            points["upoints"], log_weight, found["logz"], found["logzerr"], density.count
        )


def nautilus(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """nautilus as it comes, with four networks."""
    return _nautilus(problem, seed, 4)


def nautilus_one_network(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """nautilus with one network: cheaper."""
    return _nautilus(problem, seed, 1)


def _nautilus(problem: Problem, seed: int, networks: int) -> Iterator[Found]:
    """Go on until there are enough effective draws; the error of ln Z is 1 / sqrt(their number)."""
    import nautilus as peer

    density = Batched(problem.cube, 256)
    sampler = peer.Sampler(
        lambda u: u,
        density,
        n_dim=problem.cube_dim,
        vectorized=True,
        pass_dict=False,
        seed=seed,
        n_networks=networks,
    )
    for wanted in (_FEW, MANY + 500):
        sampler.run(n_eff=wanted, verbose=False)
        u, log_weight, _ = sampler.posterior()
        error = 1.0 / np.sqrt(sampler.n_eff)
        yield _weighted(u, log_weight, sampler.log_z, error, density.count)


def pocomc(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """pocoMC as it comes: tempering preconditioned by a flow."""
    import pocomc as peer
    from scipy.stats import uniform

    density = Batched(problem.cube, 256)
    prior = peer.Prior([uniform(0.0, 1.0)] * problem.cube_dim)
    for size in (256 * 4**i for i in itertools.count()):
        sampler = peer.Sampler(
            prior,
            density,
            n_dim=problem.cube_dim,
            n_effective=2 * size,
            n_active=size,
            vectorize=True,
            random_state=seed,
        )
        sampler.run(n_total=16 * size, n_evidence=16 * size, progress=False)
        u, weights, _, _ = sampler.posterior(trim_importance_weights=False)
        log_z, error = sampler.evidence()
        with np.errstate(divide="ignore"):
            log_weight = np.log(weights)
        yield _weighted(u, log_weight, log_z, error, density.count)


def jaxns(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """jaxns as it comes: the whole run is compiled together with the density."""
    from jaxns.core import NestedSampler
    from jaxns.model import Model
    from jaxns.priors import Prior
    from tensorflow_probability.substrates.jax import distributions

    def likelihood() -> Any:
        zero, one = jnp.zeros(problem.cube_dim), jnp.ones(problem.cube_dim)
        return problem.cube(Prior(distributions.Uniform(zero, one), name="u").realise())

    sampler = NestedSampler(model=Model(prior_model=likelihood), unlimited_samples=True)
    state, rounds = sampler.run(key=jr.key(seed)), 1
    while True:
        found = state.to_result().trim()
        yield _weighted(
            np.asarray(found.U_samples["u"]),
            np.asarray(found.log_dp),
            float(found.log_Z_mean),
            float(found.log_Z_uncert),
            int(found.total_num_likelihood_evaluations),
        )
        rounds *= 2
        more = int(state.goal_loop_iter) + rounds
        state = sampler.resume_until_goal(state, lambda s, n=more: int(s.goal_loop_iter) >= n)
