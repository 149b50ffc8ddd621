"""What moves of some coordinates bring: `ensemble` with `subset` = 0 and 0.5.

    python -m benchmarks subsets [RUN ...]

Run files with their own other options and chart, as `walls` does it, and `gaussian`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax.random as jr

from benchmarks import walls
from benchmarks._cases import RUNS, posterior_of, stems
from benchmarks.peers import targets
from nmmjax.runfile import build
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start

type Row = tuple[str, float, str]

GAUSSIAN = "gaussian"
_SHARES = (0.0, 0.5)
_SHOWN = ("bulk ESS of 1e6 densities", "means of ensembles worth, of 1e6 densities")


def run(*names: str) -> Iterator[Row]:
    """Yield the figures of every run file and a Gaussian, or of those named, at either share."""
    for name in names or (*stems(), GAUSSIAN):
        target, options, starts = _correlated() if name == GAUSSIAN else _of_run_file(name)
        for share in _SHARES:
            engine = Ensemble(**(options | {"subset": share}))
            for figure, value, unit in walls.figures(engine, target, starts(engine.chains)):
                yield f"{name}, {share:g}: {figure}", value, unit


def _of_run_file(name: str) -> tuple[Any, dict[str, Any], Callable]:
    posterior = posterior_of(name)
    options = build.read(RUNS / f"{name}.toml")[0].engine.options
    return posterior, options, lambda n: start.screened(posterior, jr.key(1), n).positions


def _correlated() -> tuple[Any, dict[str, Any], Callable]:
    """Return 20 dimensions with random axes, all correlated: none can move alone."""
    problem = targets.problem("gaussian, 20 dim", "box")
    return problem.target, {"thin": 20}, lambda n: problem.starts(jr.key(1), n)


def table(rows: list[Row]) -> str:
    """The effective draws and independent means of 1e6 densities in Markdown: 0 -> 0.5."""
    found = {what: value for what, value, _ in rows}
    lines = ["| run file | effective draws | independent means |", "|---|---|---|"]
    for name in dict.fromkeys(what.partition(",")[0] for what in found):
        cells = [
            " -> ".join(_digits(found[f"{name}, {share:g}: {figure}"]) for share in _SHARES)
            for figure in _SHOWN
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _digits(x: float) -> str:
    return f"{float(f'{x:.3g}'):g}"
