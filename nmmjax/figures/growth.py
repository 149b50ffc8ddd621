"""How R-hat and ESS of a run grew with its draws: the worst of the sampled parameters."""

from collections.abc import Iterator

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nmmjax.figures.style import COLOURS, STYLE, TWO_COLUMNS, Style
from nmmjax.results import angles, trust, verdict
from nmmjax.results.rundir import Run
from nmmjax.samplers import diagnostics

_STEPS = 10
_FEWEST = 16  # draws of each chain, below which neither figure means anything
_MOST = 2**16  # draws of each quantity that are looked at


def growth(run: Run, style: Style = STYLE) -> Figure:
    """Worst rank-normalised R-hat and smallest bulk ESS against draws per chain."""
    few = run.few(_MOST)
    series = list(_series(run, few))
    counts = _counts(run.committed)
    share = len(run.ensemble) / len(few)
    rhats = [max(verdict.rhat_of(x[:, :n], run, few) for x in series) for n in counts]
    sizes = [share * min(diagnostics.ess_bulk(x[:, :n]) for x in series) for n in counts]
    with matplotlib.rc_context(STYLE | style):
        figure = Figure(figsize=(TWO_COLUMNS, 2.5))
        left, right = figure.subplots(1, 2)
        figure.subplots_adjust(0.1, 0.17, 0.98, 0.96, wspace=0.3)
        left.plot(counts, np.array(rhats) - 1.0, "o-", ms=3, color=COLOURS[1])
        left.axhline(trust.RHAT - 1.0, color="0.5", lw=0.8, ls="--")
        left.set_yscale("log")
        left.set_ylabel(r"worst $\hat R - 1$")
        right.plot(counts, sizes, "o-", ms=3, color=COLOURS[1])
        right.axhline(trust.ESS, color="0.5", lw=0.8, ls="--")
        right.set_yscale("log")
        right.set_ylabel("smallest bulk ESS")
        for axes in (left, right):
            axes.set_xlabel("draws per chain")
    return figure


def _counts(draws: int) -> list[int]:
    least = min(_FEWEST, draws)
    return sorted({round(x) for x in np.geomspace(least, max(draws, 1), _STEPS)})


def _series(run: Run, few: np.ndarray) -> Iterator[np.ndarray]:
    for name in run.sampled:
        values, period = run.sample(name, few), run.period(name)
        yield from [values] if period is None else angles.plane(values, period)
