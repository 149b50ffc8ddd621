"""Effective draws per density where a model's declared depth of its cancellation is wrong.

The declared one times 0.1 to 10, in the chart `auto` of the run files named, or of two.
"""

import dataclasses
import pathlib
from collections.abc import Iterator

import equinox as eqx

from benchmarks import charts
from nmmjax.target.chart import Chart

type Row = tuple[str, float, str]

_RUNS = pathlib.Path(__file__).parent.parent / "runs"
_FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)


def run(*stems: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    for stem in stems or ("quickstart", "inert_doublet"):
        path = _RUNS / f"{stem}.toml"
        posterior = charts.posterior_of(path, "auto")
        for factor in _FACTORS:
            depth = factor * posterior.chart.handles.depth
            other = eqx.tree_at(lambda p: p.chart, posterior, _deep(posterior.chart, depth))
            rhat, ess = charts.sampled(other, charts.engine_of(path))
            yield f"{stem}, depth {depth:g}: worst R-hat", rhat, ""
            yield f"{stem}, depth {depth:g}: bulk ESS per 1000 densities", ess, ""


def _deep(chart: Chart, depth: float) -> Chart:
    return dataclasses.replace(chart, handles=dataclasses.replace(chart.handles, depth=depth))
