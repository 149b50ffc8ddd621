"""What it brings to come back through the opposite wall of a prior: `ensemble` with and without.

    python -m benchmarks walls [RUN ...]

Run files with their own chart and options, but `subset` = 0; 40 blocks of 25 draws from the same
starting points and seed, the first 10 not counted. Bulk ESS is that of the slowest coordinate.
"""

from collections.abc import Iterator

import equinox as eqx
import jax.random as jr
import numpy as np

from benchmarks._cases import RUNS, posterior_of
from nmmjax.runfile import build
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

_RUNS = ("quickstart", "weak_triplet3")
_BLOCKS, _DROPPED = 40, 10


class Unwalled(eqx.Module):
    """The same density, which names no walls."""

    posterior: Posterior

    def __call__(self, z):
        return self.posterior(z)


def run(*names: str) -> Iterator[tuple[str, float, str]]:
    """Yield shares of proposals and the effective draws of 1e6 densities, for either target."""
    for name in names or _RUNS:
        posterior = posterior_of(name)
        options = build.read(RUNS / f"{name}.toml")[0].engine.options
        engine = Ensemble(**(options | {"subset": 0.0}))
        starts = start.screened(posterior, jr.key(1), engine.chains).positions
        for what, target in (("walls", posterior), ("no walls", Unwalled(posterior))):
            for figure, value, unit in figures(engine, target, starts):
                yield f"{name}, {what}: {figure}", value, unit


def figures(engine: Ensemble, target, starts) -> Iterator[tuple[str, float, str]]:
    """Yield what a thousand draws of each walker show, but for the first quarter."""
    state, blocks = engine.init(jr.key(0), target, starts), []
    for i in range(_BLOCKS):
        state, block = engine.advance(jr.fold_in(jr.key(2), i), target, state)
        blocks.append(block)
    kept = blocks[_DROPPED:]
    draws = np.concatenate([block.draws for block in kept], axis=1)
    columns = [draws[..., i] for i in range(draws.shape[2])]
    densities = draws.shape[0] * draws.shape[1] * engine.thin
    yield "accepted", float(np.mean([b.stats["acceptance_rate"] for b in kept])), ""
    yield "outside", float(np.mean([b.stats["nonfinite_fraction"] for b in kept])), ""
    least = min(map(diagnostics.ess_bulk, columns))
    yield "bulk ESS of 1e6 densities", least / densities * 1e6, ""
    worth = min(diagnostics.ensemble_mean_ess(x, engine.groups) for x in columns)
    yield "means of ensembles worth, of 1e6 densities", worth / densities * 1e6, ""
    yield "worst R-hat", max(diagnostics.rhat(x, engine.groups) for x in columns), ""
