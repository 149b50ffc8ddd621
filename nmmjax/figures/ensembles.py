"""How ensembles of chains agree: traces of their means, histograms of their ranks."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmmjax.figures.axes import Scale, axis_label, scale_of, view
from nmmjax.figures.style import COLOURS, STYLE, TWO_COLUMNS, Style
from nmmjax.results import angles, trust, verdict
from nmmjax.results.rundir import Run
from nmmjax.samplers import diagnostics
from nmmjax.samplers.series import Series

_MOST_RANKED = 2**20
_TRACE_POINTS = 200
_RANK_BINS = 20
_MOST_ENSEMBLES = 8  # lines in one panel


def trace(run: Run, names: Sequence[str] = (), style: Style = STYLE) -> Figure:
    """Ensemble means of each quantity against stored draw; by default the log density too."""
    chosen = list(names) or [*run.sampled, "lp"]
    step = -(-run.committed // _TRACE_POINTS)
    with matplotlib.rc_context(style):
        figure, panels = _two_columns(len(chosen), run, "Means of each ensemble")
        for axes, name in zip(panels, chosen, strict=True):
            column = _column(run, name).held()
            every = 1 if column.fits else step
            draws = column.some(None, every)
            scale = Scale() if name == "lp" else scale_of(run, name, draws)
            period = None if name == "lp" else run.period(name)
            _ensemble_means(axes, scale, draws, run.ensemble, (step, every), period)
            few = run.few(_MOST_RANKED)
            _name_panel(axes, run, name, _rhat(column.some(few, run.every(few)), run, few, period))
            axes.set_xlim(0, max(run.committed - 1, 1))
        _label_below(panels, "stored draw")
    return figure


def rank(run: Run, names: Sequence[str] = (), style: Style = STYLE) -> Figure:
    """Histogram of the ranks of each ensemble's draws among all: flat where ensembles agree.

    The band is where 95% of the bins of an ensemble of the usual bulk ESS fall by chance.
    """
    chosen = list(names) or list(run.sampled)
    few = run.few(_MOST_RANKED)
    ensemble = run.ensemble[few]
    with matplotlib.rc_context(style):
        figure, panels = _two_columns(
            len(chosen), run, "Ranks: share of each bin over that of a flat histogram"
        )
        for axes, name in zip(panels, chosen, strict=True):
            draws, period = run.sample(name, few), run.period(name)
            cut = draws if period is None else (draws - angles.seam(draws, period)) % period
            _rank_histograms(axes, cut, ensemble)
            _name_panel(axes, run, name, _rhat(draws, run, few, period))
        _label_below(panels, "rank / draws")
    return figure


def _rhat(draws: np.ndarray, run: Run, few: np.ndarray, period: float | None) -> str:
    kind = "" if run.superchains is None else "nested "
    value = verdict.rhat_of(draws, run, few, period)
    doubt = "" if value < trust.RHAT else f" (needed: below {trust.RHAT:g})"
    return f"{kind}$\\hat R$ = {value:.3f}{doubt}"


def _two_columns(count: int, run: Run, title: str) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels in two columns, and what its lines are."""
    rows = -(-count // 2)
    height = 0.9 + 1.15 * rows
    figure = Figure(figsize=(TWO_COLUMNS, height))
    grid = figure.add_gridspec(rows, 2, hspace=0.3, wspace=0.42)
    figure.subplots_adjust(0.125, 0.42 / height, 0.98, 1.0 - 0.48 / height)
    there = len(np.unique(run.ensemble))
    which = "" if there <= _MOST_ENSEMBLES else f" (for {_MOST_ENSEMBLES} of {there})"
    figure.suptitle(f"{title}, one line per ensemble{which}", fontsize=8, y=1.0 - 0.06 / height)
    return figure, [figure.add_subplot(grid[i // 2, i % 2]) for i in range(count)]


def _name_panel(axes: Axes, run: Run, name: str, title: str) -> None:
    axes.set_ylabel("ln density" if name == "lp" else axis_label(run, name))
    axes.yaxis.set_label_coords(-0.24, 0.5)
    axes.set_title(title, loc="right", pad=3)


def _label_below(panels: Sequence[Axes], label: str) -> None:
    for axes in panels[:-2]:
        axes.tick_params("x", labelbottom=False)
    for axes in panels[-2:]:
        axes.set_xlabel(label)


def _column(run: Run, name: str) -> Series:
    return run.series(name, "sample_stats" if name == "lp" else "posterior")


def _some(ensemble: np.ndarray) -> np.ndarray:
    """Labels of the ensembles to draw, at equal distances."""
    labels = np.unique(ensemble)
    return labels[:: -(-len(labels) // _MOST_ENSEMBLES)]


def _ensemble_means(
    axes: Axes,
    scale: Scale,
    draws: np.ndarray,
    ensemble: np.ndarray,
    steps: tuple[int, int],
    period: float | None,
) -> None:
    """One line per ensemble: the mean over its chains of the coordinate, in parameter units.

    steps  of how many draws one is shown, and of how many one is given

    Of an angle the circular mean, all of them near that of all draws.
    """
    step, every = steps
    some = draws[:, :: step // every]
    where = np.arange(some.shape[1]) * step
    if period is None:
        c = scale.forward(some)
        means = [c[ensemble == e].mean(axis=0) for e in _some(ensemble)]
    else:
        middle = angles.resultant(draws, period)[0]
        both = [angles.plane(some[ensemble == e], period) for e in _some(ensemble)]
        turned = [np.arctan2(s.mean(axis=0), c.mean(axis=0)) for c, s in both]
        means = [angles.unrolled(x * period / (2.0 * np.pi), middle, period) for x in turned]
    for i, mean in enumerate(means):
        axes.plot(where, scale.inverse(mean), color=COLOURS[i % 4], lw=0.9)
    low, high = view(np.concatenate(means))
    pad = 0.08 * (high - low)
    scale.apply(axes, "y", low - pad, high + pad)


def _rank_histograms(axes: Axes, draws: np.ndarray, ensemble: np.ndarray) -> None:
    """Share of each ensemble's draws between quantiles of all, over that of a flat histogram."""
    edges = np.quantile(draws, np.linspace(0.0, 1.0, _RANK_BINS + 1))
    places = np.linspace(0.0, 1.0, _RANK_BINS + 1)
    shown = _some(ensemble)
    worth = np.median([diagnostics.ess_bulk(draws[ensemble == e]) for e in shown])
    half = 1.96 * np.sqrt((_RANK_BINS - 1.0) / worth)
    axes.axhspan(1.0 - half, 1.0 + half, color="0.9", lw=0)
    axes.axhline(1.0, color="0.6", lw=0.6)
    for i, e in enumerate(shown):
        found = np.searchsorted(edges[1:-1], draws[ensemble == e].ravel(), side="right")
        share = np.bincount(found, minlength=_RANK_BINS) * (_RANK_BINS / found.size)
        axes.stairs(share, places, color=COLOURS[i % 4], lw=0.9, baseline=None)
    axes.set_xlim(0.0, 1.0)
