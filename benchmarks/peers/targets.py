"""The densities that every sampler gets, in the box, in the chart and on the unit cube.

One log density per target and chart, `nmmjax.samplers.base.log_density` of it jitted, for all. The
box is the prior's own coordinates (ln of a parameter with a log-uniform prior); on the unit cube,
which samplers of evidences ask for, it is the likelihood of prior draws: no chart is left there.
"""

import importlib
import pathlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from nmmjax.runfile import build
from nmmjax.samplers.base import log_density
from nmmjax.target import start

KINDS = ("chart", "box", "cube")
_RUNS = pathlib.Path(__file__).parents[2] / "runs"
_TESTS = pathlib.Path(__file__).parents[2] / "tests"
RUN_FILES = {
    "quickstart": ("quickstart", ()),
    "quickstart, rge off": ("quickstart", ("model.settings.rge=false",)),
    "dark_dipole": ("dark_dipole", ()),
}
EPS, DIM = 0.01, 20  # depth of the analytic cancellation; dimensions of the Gaussian
TARGETS = (*RUN_FILES, "cancellation ridge", "gaussian, 20 dim")


class Problem(NamedTuple):
    """One target in one chart.

    target       z (dim,) -> log density, with the methods that engines of evidences ask for
    cube         u (cube_dim,) in (0, 1) -> log likelihood of that prior draw
    coordinates  z -> what is compared; `of_cube` the same from u; `labels` its names
    starts       (key, count) -> (count, dim) overdispersed points of finite density
    options      of our own ensemble, as the run file has them
    """

    name: str
    kind: str
    target: Any
    cube: Callable
    coordinates: Callable
    of_cube: Callable
    starts: Callable
    labels: tuple[str, ...]
    dim: int
    cube_dim: int
    options: dict[str, Any]


def problem(name: str, kind: str) -> Problem:
    """Build a target by its name in `TARGETS` and a chart of `kinds`."""
    if name in RUN_FILES:
        return _posterior(name, kind)
    return _ridge(kind) if name == "cancellation ridge" else _gaussian(kind)


def kinds(name: str) -> tuple[str, ...]:
    """Charts that a target has."""
    return ("box", "cube") if name.startswith("gaussian") else KINDS


def _posterior(name: str, kind: str) -> Problem:
    stem, changes = RUN_FILES[name]
    path = _RUNS / f"{stem}.toml"
    at = "box" if kind == "box" else "auto"
    given, _ = build.read(path, [f"chart.kind={at}", *changes])
    posterior = build.build_posterior(given, str(path))
    box = build.build_posterior(build.read(path, ["chart.kind=box", *changes])[0], str(path))
    labels = box.chart.labels
    return Problem(
        name,
        kind,
        posterior,
        lambda u: box.log_likelihood_at(box.from_unit(u)),
        posterior.chart.coordinates,
        box.from_unit,
        lambda key, count: start.screened(posterior, key, count).positions,
        labels,
        posterior.dim,
        box.dim,
        dict(given.engine.options) if given.engine.name == "ensemble" else {},
    )


def _ridge(kind: str) -> Problem:
    ridges = _analytic("ridges")
    raw = ridges.Ridge(EPS)
    target = raw if kind == "box" else ridges.StraightRidge(raw)

    def folded(z: jax.Array) -> jax.Array:
        c = z if kind == "box" else target.raw(z)
        return c.at[2].set(jnp.abs(c[2]))

    return Problem(
        "cancellation ridge",
        kind,
        target,
        lambda u: raw.log_likelihood_at(raw.from_unit(u)),
        folded,
        lambda u: (c := raw.from_unit(u)).at[2].set(jnp.abs(c[2])),
        lambda key, count: _screened(target, key, count, 5 if kind == "box" else 6),
        ("log10 a", "log10 b", "abs p", "t", "w"),
        target.dim,
        5,
        {},
    )


def _gaussian(kind: str) -> Problem:
    target = _analytic("targets").Gaussian(DIM)
    return Problem(
        "gaussian, 20 dim",
        kind,
        target,
        lambda u: target.log_likelihood_at(target.from_unit(u)),
        lambda z: z,
        target.from_unit,
        lambda key, count: _screened(target, key, count, DIM),
        tuple(f"x{i}" for i in range(DIM)),
        DIM,
        DIM,
        {},
    )


def _analytic(module: str) -> Any:
    """A module of the targets with closed forms that the tests hold engines to."""
    if str(_TESTS) not in sys.path:
        sys.path.insert(0, str(_TESTS))
    return importlib.import_module(f"helpers.{module}")


def _screened(target: Any, key: jax.Array, count: int, unit: int) -> jax.Array:
    """Choose for every start the best of its own 512 prior draws."""

    @jax.jit
    def choose(key: jax.Array) -> jax.Array:
        u = jr.uniform(key, (unit, 512 * count))
        z = jax.vmap(target.from_unit, in_axes=-1, out_axes=-1)(u)
        value = log_density(target, z)[0].reshape(512, count)
        z = z.reshape(-1, 512, count)
        return jnp.take_along_axis(z, jnp.argmax(value, axis=0)[None, None], axis=1)[:, 0].T

    return choose(key)


class Batched:
    """A density of rows (n, dim) of NumPy, in calls of one compiled size; counts its points."""

    def __init__(self, density: Callable, size: int, floor: float = -np.inf) -> None:
        self._compiled = jax.jit(lambda rows: log_density(density, rows.T)[0])
        self._size, self._floor, self.count = size, floor, 0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows)
        self.count += len(rows)
        found = [self._padded(rows[i : i + self._size]) for i in range(0, len(rows), self._size)]
        return np.maximum(np.concatenate(found), self._floor)

    def one(self, row: np.ndarray) -> float:
        """The density of one point."""
        return float(self(np.asarray(row)[None])[0])

    def _padded(self, rows: np.ndarray) -> np.ndarray:
        missing = self._size - len(rows)
        filled = np.concatenate([rows, np.repeat(rows[:1], missing, 0)]) if missing else rows
        return np.asarray(self._compiled(filled))[: len(rows)]
