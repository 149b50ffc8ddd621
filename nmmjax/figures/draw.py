"""Pictures of a run: corner plot, maps of the viable region, traces, ranks, curve limits.

matplotlib's object interface only, no pyplot: nothing global is touched. An axis is linear in
the coordinate in which the parameter's prior is flat.
"""

import io
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nmmjax.errors import InputError, suggest
from nmmjax.figures import overlay as overlaid
from nmmjax.figures.axes import axis_label, legible, varies
from nmmjax.figures.corner import corner
from nmmjax.figures.corner import overlaid as several
from nmmjax.figures.curves import curves_figure
from nmmjax.figures.ensembles import rank, trace
from nmmjax.figures.frontier import frontier_figure
from nmmjax.figures.limit_lines import curves_of
from nmmjax.figures.maps import region_map
from nmmjax.figures.style import STYLE, Style
from nmmjax.results.rundir import Run
from nmmjax.samplers.store.files import Folder

KINDS = ("corner", "map", "trace", "rank", "constraints", "frontier")
FORMATS = ("png", "pdf", "svg")
OVERLAID = ("corner", "map")
_MOST_POINTS = 20_000
_MOST_SHARP = 80  # panels; beyond, what is pixels in a PDF file has fewer of them


def constraint_curves(run: Run, style: Style | None = None) -> Figure:
    """Return the run's curve constraints and their projections over its draws.

    Raises InputError if the run has no curve constraint.
    """
    curves = curves_of(run)
    if not curves:
        used = ", ".join(run.resolved["physics"].get("constraints", {})) or "none"
        raise InputError(f"no constraint of this run is a curve to draw; it has: {used}")
    few = run.few(_MOST_POINTS)
    names = {name for curve in curves for name in curve.requires if run.has(name)}
    points = {name: run.sample(name, few) for name in names}
    return curves_figure(curves, points, style, {name: axis_label(run, name) for name in names})


def draw(
    run: Run,
    kinds: Sequence[str] = (),
    names: Sequence[str] = (),
    style: Style | None = None,
    raw: bool = False,
) -> dict[str, Figure]:
    """Figures by name.

    kinds  of `KINDS`; none: all that the run has the quantities for
    names  parameters and observables; for a map the last of them is drawn upwards
    style  matplotlib's parameters, over the figures' own
    raw    histograms in place of smooth densities and averages

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
    both = STYLE | (style or {})
    pairs = (pair for kind in chosen for pair in _draw(run, kind, names, both, raw))
    return {name: legible(figure) for name, figure in pairs}


def overlay(
    runs: Mapping[str, Run],
    kinds: Sequence[str] = (),
    names: Sequence[str] = (),
    style: Style | None = None,
) -> dict[str, Figure]:
    """Figures of several runs by title, over one another: corner plots and maps.

    Raises InputError for another kind, and for a name that not all of them have.
    """
    overlaid.shared(runs, names)
    both = STYLE | (style or {})
    drawn = {}
    for kind in dict.fromkeys(kinds or OVERLAID):
        if kind not in OVERLAID:
            raise InputError(f"of several runs there is no {kind} to draw{suggest(kind, OVERLAID)}")
        if kind == "corner":
            drawn[_stem("overlay_corner", names)] = several(runs, names, both)
            continue
        first = next(iter(runs.values()))
        *across, up = names or _usual_map(first)
        overlaid.shared(runs, [*across, up])
        for x in across:
            drawn[_stem("overlay_map", [x, up])] = overlaid.overlaid_map(runs, x, up, both)
    return {name: legible(figure) for name, figure in drawn.items()}


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
                        figure.savefig(memory, format=suffix, dpi=_dpi(figure, suffix))
                    (folder / f"{name}.{suffix}").replace(memory.getvalue())
                    paths.append(directory / f"{name}.{suffix}")
    except OSError as error:
        raise InputError(f"cannot write figures to '{directory}': {error.strerror}") from None
    return paths


def _dpi(figure: Figure, suffix: str) -> float:
    """Dots per inch of an image, or of what is pixels inside a PDF: fewer where panels are many."""
    many = suffix == "pdf" and len(figure.axes) > _MOST_SHARP
    return 120.0 if many else matplotlib.rcParams["savefig.dpi"]


def save_all(run: Run, directory: pathlib.Path) -> list[pathlib.Path]:
    """Save what `nmmjax run` leaves: every figure but the ranks, as png and pdf."""
    return save(draw(run, [kind for kind in _possible(run, ()) if kind != "rank"]), directory)


def _possible(run: Run, names: Sequence[str]) -> list[str]:
    """Kinds of figure that the run has the quantities for."""
    if run.committed == 0:
        return ["frontier"] if np.any(run.table("frontier").get("feasible", 0)) else []
    headline = (run.has("mu_nu") and run.has("m_nu")) or planes(run)
    missing = {
        "map": not (len(names) > 1 or (not names and headline)),
        "constraints": bool(names) or not curves_of(run),
        "frontier": not run.table("frontier"),
    }
    return [kind for kind in KINDS if not missing.get(kind)]


def _draw(
    run: Run, kind: str, names: Sequence[str], style: Style, raw: bool
) -> Iterator[tuple[str, Figure]]:
    stem = _stem(kind, names)
    match kind:
        case "frontier":
            yield stem, frontier_figure(run, style)
        case "corner":
            yield stem, corner(run, names, style, raw)
        case "trace":
            yield stem, trace(run, names, style)
        case "rank":
            yield stem, rank(run, names, style)
        case "constraints":
            yield stem, constraint_curves(run, style)
        case _:
            yield from _maps(run, names, style, raw)


def _maps(run: Run, names: Sequence[str], style: Style, raw: bool) -> Iterator[tuple[str, Figure]]:
    """The map asked for; else that of the moment, and the planes that the model names."""
    declared = [] if names else planes(run)
    if names or not declared or (run.has("m_nu") and run.has("mu_nu")):
        *across, up = names or _usual_map(run)
        if not across:
            raise InputError(f"a map needs two quantities, got '{up}' alone: --params a,b")
        yield _stem("map", names), region_map(run, across, up, style, raw=raw)
    for x, y, colour in declared:
        yield _stem("map", [x, y]), region_map(run, [x], y, style, colour, raw)


def planes(run: Run) -> list[tuple[str, str, str]]:
    """(across, up, colour) of each plane that the model names and the run varies in.

    The colour is "" where the run does not have it.
    """
    given = run.attributes.get("planes")
    found = []
    for x, y, colour in json.loads(given) if isinstance(given, str) else []:
        if all(n in run.labels and varies(run, n) for n in (x, y)):
            found.append((x, y, colour if colour in run.labels else ""))
    return found


def _usual_map(run: Run) -> list[str]:
    """m_nu, unless it is the same everywhere, and a heavy mass across, mu_nu upwards."""
    if not (run.has("m_nu") and run.has("mu_nu")):
        raise InputError("this run has no m_nu and mu_nu to map: say what, --params a,b")
    mass = next((n for n in run.sampled if run.about(n)["units"] == "GeV"), None)
    across = ["m_nu", mass] if varies(run, "m_nu") or not mass else [mass]
    return [name for name in (*across, "mu_nu") if name is not None]


def _stem(kind: str, names: Sequence[str]) -> str:
    """File name without ending: 'corner', 'region_map', 'map_m_psi_mu_nu'."""
    if not names or kind in ("constraints", "frontier"):
        return {"map": "region_map"}.get(kind, kind)
    shown = [*names] if len(names) <= 4 else [names[0], f"and_{len(names) - 1}_more"]
    return "_".join([kind, *shown]).replace("[", "").replace("]", "").replace(",", "")
