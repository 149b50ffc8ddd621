"""Oracles that no sampler shares anything with: prior draws weighed, and draws of closed forms."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.special import logsumexp

from benchmarks.peers.figures import Found
from benchmarks.peers.targets import Problem
from nmmjax.samplers.base import log_density

_BATCH, _ROUNDS = 2**16, 64  # prior draws of a call, calls between two looks
_DRAWS = 1_000_000
_KEPT = 1e-12  # of the largest weight: what is less is left out


def brute_force(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """Prior draws weighed by their likelihood, in the box, until the budget is over."""

    @jax.jit
    def weighed(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        u = jr.uniform(key, (problem.cube_dim, _BATCH), minval=jnp.finfo(float).tiny)
        return u, log_density(problem.cube, u)[0]

    points, weights, calls, largest = [], [], 0, -np.inf
    while True:
        for _ in range(_ROUNDS):
            u, value = map(np.asarray, weighed(jr.key(10**6 * seed + calls)))
            largest = max(largest, float(value.max()))
            keep = value > largest + np.log(_KEPT)
            points.append(u[:, keep].T)
            weights.append(value[keep])
            calls += 1
        log_weight = np.concatenate(weights)
        total = float(np.asarray(logsumexp(log_weight)))
        share = np.exp(log_weight - total)
        yield Found(
            np.concatenate(points)[None],
            np.zeros(1, int),
            calls * _BATCH,
            log_weight=log_weight,
            log_z=total - float(np.log(calls * _BATCH)),
            log_z_error=float(np.sqrt(np.sum(share**2))),
            cube=True,
            markov=False,
        )


def closed_form(problem: Problem, seed: int, clock: Any) -> Iterator[Found]:
    """Independent draws and ln Z of a target with a closed form."""
    draws = problem.target.draw(np.random.default_rng(seed), _DRAWS)
    yield Found(
        draws[None],
        np.zeros(1, int),
        0,
        log_weight=np.zeros(_DRAWS),
        log_z=float(problem.target.log_z),
        log_z_error=0.0,
        markov=False,
    )
