"""What moves of some coordinates bring: `ensemble` with `subset` = 0 and 0.5.

    python -m benchmarks subsets [RUN ...]

Run files with their own other options and chart, as `walls` does it.
"""

from collections.abc import Iterator

import jax.random as jr

from benchmarks import walls
from benchmarks._cases import RUNS, posterior_of, stems
from nmmjax.runfile import build
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start

type Row = tuple[str, float, str]

_SHARES = (0.0, 0.5)
_SHOWN = ("bulk ESS of 1e6 densities", "means of ensembles worth, of 1e6 densities")


def run(*names: str) -> Iterator[Row]:
    """Yield the figures of every run file, or of those named, at either share."""
    for name in names or stems():
        posterior = posterior_of(name)
        options = build.read(RUNS / f"{name}.toml")[0].engine.options
        for share in _SHARES:
            engine = Ensemble(**(options | {"subset": share}))
            starts = start.screened(posterior, jr.key(1), engine.chains).positions
            for figure, value, unit in walls.figures(engine, posterior, starts):
                yield f"{name}, {share:g}: {figure}", value, unit


def table(rows: list[Row]) -> str:
    """The effective draws and independent means of 1e6 densities in Markdown: 0 -> 0.5."""
    found = {what: value for what, value, _ in rows}
    lines = ["| run file | effective draws | independent means |", "|---|---|---|"]
    for name in dict.fromkeys(what.partition(",")[0] for what in found):
        cells = [
            " -> ".join(f"{found[f'{name}, {share:g}: {figure}']:.3g}" for share in _SHARES)
            for figure in _SHOWN
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
