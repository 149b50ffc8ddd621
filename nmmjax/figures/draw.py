"""Pictures of a run: corner plot, maps of the viable region, traces, ranks, curve limits.

matplotlib's object interface only, no pyplot: nothing global is touched. An axis is linear in
the coordinate in which the parameter's prior is flat.
"""

import io
import pathlib
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmmjax.errors import InputError, suggest
from nmmjax.figures.axes import COLOURS, STYLE, Scale, Style, axis_label, legible, scale_of, view
from nmmjax.figures.corner import corner
from nmmjax.figures.curves import curves_figure
from nmmjax.figures.frontier import frontier_figure
from nmmjax.figures.limit_lines import curves_of
from nmmjax.figures.maps import region_map
from nmmjax.results import angles, trust, verdict
from nmmjax.results.rundir import Run
from nmmjax.samplers import diagnostics
from nmmjax.samplers.store.files import Folder

KINDS = ("corner", "map", "trace", "rank", "constraints", "frontier")
FORMATS = ("png", "pdf", "svg")
_MOST_RANKED = 2**20
_MOST_POINTS = 20_000
_TRACE_POINTS = 500
_RANK_BINS = 20
_MOST_ENSEMBLES = 8  # lines in one panel


def trace(run: Run, names: Sequence[str] = (), style: Style = STYLE) -> Figure:
    """Ensemble means of each quantity against stored draw; by default the log density too."""
    chosen = list(names) or [*run.sampled, "lp"]
    step = -(-run.committed // _TRACE_POINTS)
    with matplotlib.rc_context(style):
        figure, panels = _two_columns(len(chosen), run, "Means of each ensemble")
        for axes, name in zip(panels, chosen, strict=True):
            draws = _draws(run, name)
            scale = Scale() if name == "lp" else scale_of(run, name, draws)
            period = None if name == "lp" else run.period(name)
            _ensemble_means(axes, scale, draws, run.ensemble, step, period)
            few = run.few(_MOST_RANKED)
            _name_panel(axes, run, name, _rhat(draws[few], run, few, period))
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
            draws, period = run.read(name, chains=few), run.period(name)
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


def constraint_curves(run: Run, style: Style | None = None) -> Figure:
    """Return the run's curve constraints and their projections over its draws.

    Raises InputError if the run has no curve constraint.
    """
    curves = curves_of(run)
    if not curves:
        used = ", ".join(run.resolved["physics"].get("constraints", {})) or "none"
        raise InputError(f"no constraint of this run is a curve to draw; it has: {used}")
    few = run.few(_MOST_POINTS)
    names = {name for curve in curves for name in curve.requires[:2] if run.has(name)}
    return curves_figure(curves, {name: run.read(name, chains=few) for name in names}, style)


def draw(
    run: Run, kinds: Sequence[str] = (), names: Sequence[str] = (), style: Style | None = None
) -> dict[str, Figure]:
    """Figures by name.

    kinds  of `KINDS`; none: all that the run has the quantities for
    names  parameters and observables; for a map the last of them is drawn upwards
    style  matplotlib's parameters, over the figures' own

    Raises InputError for an unknown kind or name, and for a kind that the run cannot answer.
    """
    if run.committed > 0:
        for name in names:
            run.about(name)
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"cannot draw '{kind}'{suggest(kind, KINDS)}")
        if run.committed == 0 and kind != "frontier":
            raise InputError(f"'{run.directory}' holds no draws: there is no {kind} to draw")
    chosen = dict.fromkeys(kinds or _possible(run, names))
    return {_stem(kind, names): legible(_draw(run, kind, names, style or {})) for kind in chosen}


def save(
    figures: dict[str, Figure],
    directory: pathlib.Path,
    formats: Sequence[str] = ("png", "pdf"),
    style: Style | None = None,
) -> list[pathlib.Path]:
    """Save every figure in every format; returns the paths.

    Raises InputError if a file cannot be written.
    """
    paths = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with Folder(directory) as folder:
            for name, figure in figures.items():
                for suffix in formats:
                    memory = io.BytesIO()
                    with matplotlib.rc_context(STYLE | (style or {})):
                        figure.savefig(memory, format=suffix)
                    (folder / f"{name}.{suffix}").replace(memory.getvalue())
                    paths.append(directory / f"{name}.{suffix}")
    except OSError as error:
        raise InputError(f"cannot write figures to '{directory}': {error.strerror}") from None
    return paths


def save_all(run: Run, directory: pathlib.Path) -> list[pathlib.Path]:
    """Save what `nmmjax run` leaves: every figure but the ranks, as png and pdf."""
    return save(draw(run, [kind for kind in _possible(run, ()) if kind != "rank"]), directory)


def _possible(run: Run, names: Sequence[str]) -> list[str]:
    """Kinds of figure that the run has the quantities for."""
    if run.committed == 0:
        return ["frontier"] if np.any(run.table("frontier").get("feasible", 0)) else []
    mapped = len(names) > 1 or (not names and run.has("mu_nu") and run.has("m_nu"))
    missing = {
        "map": not mapped,
        "constraints": bool(names) or not curves_of(run),
        "frontier": not run.table("frontier"),
    }
    return [kind for kind in KINDS if not missing.get(kind)]


def _draw(run: Run, kind: str, names: Sequence[str], style: Style) -> Figure:
    both = STYLE | style
    match kind:
        case "frontier":
            return frontier_figure(run, both)
        case "corner":
            return corner(run, names, both)
        case "trace":
            return trace(run, names, both)
        case "rank":
            return rank(run, names, both)
        case "constraints":
            return constraint_curves(run, style)
        case _:
            *across, up = names or _usual_map(run)
            if not across:
                raise InputError(f"a map needs two quantities, got '{up}' alone: --params a,b")
            return region_map(run, across, up, both)


def _usual_map(run: Run) -> list[str]:
    """m_nu, unless it is the same everywhere, and a heavy mass across, mu_nu upwards."""
    if not (run.has("m_nu") and run.has("mu_nu")):
        raise InputError("this run has no m_nu and mu_nu to map: say what, --params a,b")
    mass = next((n for n in run.sampled if run.about(n)["units"] == "GeV"), None)
    given = np.ptp(run.read("m_nu", chains=run.few(_MOST_POINTS))) == 0.0  # masses are inputs
    across = [mass] if given and mass else ["m_nu", mass]
    return [name for name in (*across, "mu_nu") if name is not None]


def _stem(kind: str, names: Sequence[str]) -> str:
    """File name without ending: 'corner', 'region_map', 'map_m_psi_mu_nu'."""
    if not names or kind in ("constraints", "frontier"):
        return {"map": "region_map"}.get(kind, kind)
    shown = [*names] if len(names) <= 4 else [names[0], f"and_{len(names) - 1}_more"]
    return "_".join([kind, *shown]).replace("[", "").replace("]", "").replace(",", "")


def _two_columns(count: int, run: Run, title: str) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels in two columns, and what its lines are."""
    rows = -(-count // 2)
    height = 1.0 + 1.35 * rows
    figure = Figure(figsize=(9.0, height))
    grid = figure.add_gridspec(rows, 2, hspace=0.22, wspace=0.36)
    figure.subplots_adjust(0.125, 0.5 / height, 0.98, 1.0 - 0.5 / height)
    there = len(np.unique(run.ensemble))
    which = "" if there <= _MOST_ENSEMBLES else f" (for {_MOST_ENSEMBLES} of {there})"
    figure.suptitle(f"{title}, one line per ensemble{which}", fontsize=9)
    return figure, [figure.add_subplot(grid[i // 2, i % 2]) for i in range(count)]


def _name_panel(axes: Axes, run: Run, name: str, title: str) -> None:
    axes.set_ylabel("ln density" if name == "lp" else axis_label(run, name))
    axes.yaxis.set_label_coords(-0.19, 0.5)
    axes.set_title(title, loc="right", pad=3)


def _label_below(panels: Sequence[Axes], label: str) -> None:
    for axes in panels[:-2]:
        axes.tick_params("x", labelbottom=False)
    for axes in panels[-2:]:
        axes.set_xlabel(label)


def _draws(run: Run, name: str) -> np.ndarray:
    return run.read(name, "sample_stats" if name == "lp" else "posterior")


def _some(ensemble: np.ndarray) -> np.ndarray:
    """Labels of the ensembles to draw, at equal distances."""
    labels = np.unique(ensemble)
    return labels[:: -(-len(labels) // _MOST_ENSEMBLES)]


def _ensemble_means(
    axes: Axes,
    scale: Scale,
    draws: np.ndarray,
    ensemble: np.ndarray,
    step: int,
    period: float | None,
) -> None:
    """One line per ensemble: the mean over its chains of the coordinate, in parameter units.

    Of an angle the circular mean, all of them near that of all draws.
    """
    some = draws[:, ::step]
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
