"""What R-hat and ESS miss and the verdict sees: `ensemble` in the box of the cancellation ridge.

12 100 steps of 4 x 64 walkers from seed 1. Some walkers never reach the ridge, whose depth is t.
"""

import itertools
from collections.abc import Iterator

import jax
import numpy as np

from benchmarks.peers import figures, own, targets
from nmmjax.samplers import convergence

_BLOCKS = 121  # of 100 draws, each of 10 steps
_FAR = 8.0  # |t| that a walker on the ridge does not reach


def run() -> Iterator[tuple[str, float, str]]:
    """Yield the figures of the verdict, and how many walkers spend most of the time far off."""
    problem = targets.problem("cancellation ridge", "box")
    found = next(itertools.islice(own.ensemble(problem, 1, None), _BLOCKS - 1, None))
    draws = figures.settled(found)
    flat = jax.jit(jax.vmap(problem.coordinates))(draws.reshape(-1, draws.shape[-1]))
    values = np.asarray(flat).reshape(draws.shape)
    columns = {name: values[..., i] for i, name in enumerate(problem.labels)}
    judged = convergence.convergence(columns, found.groups)
    yield "worst R-hat", judged.worst("rhat")[1], ""
    yield "smallest bulk ESS", judged.worst("ess_bulk")[1], "draws"
    yield "means of ensembles worth", judged.worst("mean_series_ess")[1], "draws"
    yield "farthest walker", judged.worst("stray")[1], "robust deviations"
    far = np.mean(np.abs(columns["t"]) > _FAR, axis=1) > 0.5
    yield f"walkers off the ridge of {len(far)}", float(far.sum()), ""
