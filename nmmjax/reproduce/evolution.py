"""Differential evolution: many points at once, each step towards the better ones."""

from collections.abc import Callable

import numpy as np

type Judge = Callable[[np.ndarray], np.ndarray]

_LEADERS = 10  # the best 1/10 lead
_MIXED = 0.9  # share of coordinates that move


def evolve(
    judge: Judge, z: np.ndarray, steps: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Move points (n, dim) to larger values of `judge`; returns the last points and their values.

    judge   points (n, dim) -> values (n,), never NaN
    A point moves towards one of the leaders plus the difference of two others, if that is better.
    The values are lower bounds on the maximum.
    """
    merit, n = judge(z), len(z)
    for _ in range(steps):
        leaders = z[rng.choice(np.argsort(merit)[-max(n // _LEADERS, 1) :], n)]
        a, b = z[rng.integers(n, size=n)], z[rng.integers(n, size=n)]
        scale = rng.uniform(0.2, 0.9, (n, 1))
        tried = z + scale * (leaders - z) + scale * (a - b)
        tried = np.where(rng.uniform(size=z.shape) < _MIXED, tried, z)
        found = judge(tried)
        better = found >= merit
        z, merit = np.where(better[:, None], tried, z), np.where(better, found, merit)
    return z, merit
