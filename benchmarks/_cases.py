"""The programs that a run file leads to, as functions of arrays, with the shapes of these."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr

from nmmjax.runfile import build
from nmmjax.samplers.base import log_density
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target.posterior import Posterior

RUNS = pathlib.Path(__file__).parent.parent / "runs"
NAMES = ("value", "gradient", "step", "record")
ENSEMBLES = 4


class Case(NamedTuple):
    """function(*arrays) for `points` points of `dim` coordinates; `steps` of them in one call."""

    function: Callable
    shapes: tuple[Any, ...]
    points: int
    steps: int = 1


def stems() -> list[str]:
    """The run files that sample with `ensemble`."""
    found = sorted(RUNS.glob("*.toml"))
    return [path.stem for path in found if build.read(path)[0].engine.name == "ensemble"]


def posterior_of(stem: str) -> Posterior:
    path = RUNS / f"{stem}.toml"
    return build.build_posterior(build.read(path)[0], str(path))


def case(posterior: Posterior, name: str, points: int, steps: int = 1) -> Case:
    """One of `NAMES`; a step moves all walkers of the default engine once."""
    columns = jax.ShapeDtypeStruct((posterior.dim, points), jnp.float64)
    if name == "value":
        return Case(lambda z: log_density(posterior, z)[0], (columns,), points)
    if name == "gradient":
        slope = jax.value_and_grad(posterior.log_density)
        return Case(jax.vmap(slope, in_axes=-1, out_axes=(0, -1)), (columns,), points)
    if name == "record":
        return Case(jax.vmap(posterior._stored, in_axes=-1), (columns,), points)
    engine = Ensemble(ENSEMBLES, points // ENSEMBLES, thin=steps, block=1)
    starts = jax.ShapeDtypeStruct((engine.chains, posterior.dim), jnp.float64)
    state = jax.eval_shape(lambda x: engine.init(jr.key(0), posterior, x), starts)
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)

    def advance(key, state):
        return engine.advance(jr.wrap_key_data(key), posterior, state)

    return Case(advance, (key, state), points, steps)
