"""Several runs over one another: contours of the same quantities, a colour for each run."""

import tomllib
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nmmjax.errors import InputError
from nmmjax.figures.axes import axis_label, scale_of, view
from nmmjax.figures.circles import bounds_on_line, centres, on_line
from nmmjax.figures.density import Densities
from nmmjax.figures.fit import legend_below
from nmmjax.figures.style import ONE_COLUMN, RUNS, STYLE, Style
from nmmjax.results.rundir import Run

_MOST_DRAWN = 2**18
_MOST_POINTS = 2000
_TAIL = 1e-3
_PAD = 0.05  # of an axis, beyond the draws
_TITLE = "run.title"


def titled(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the title of their run file, by their directory where that says nothing."""
    found: dict[str, Run] = {}
    for run in runs:
        title = _title(run) or run.directory.resolve().name
        found[title if title not in found else str(run.directory)] = run
    if len(found) < len(runs):
        raise InputError("a run directory is given twice")
    return found


def shared(runs: Mapping[str, Run], names: Sequence[str]) -> None:
    """Raise InputError for a name that one of the runs does not have."""
    for run in runs.values():
        if run.committed == 0:
            raise InputError(f"'{run.directory}' holds no draws to lay over others")
        for name in names:
            run.about(name)


def overlaid_map(runs: Mapping[str, Run], across: str, up: str, style: Style = STYLE) -> Figure:
    """`up` against `across`: areas of 68 and 95% of the draws of each run."""
    first = next(iter(runs.values()))
    about = centres(list(runs.values()), (across, up))
    values = {
        title: [on_line(run, n, run.sample(n, run.few(_MOST_DRAWN)).ravel(), about.get(n))
                for n in (across, up)]
        for title, run in runs.items()
    }  # fmt: skip
    whole = [np.concatenate([pair[i] for pair in values.values()]) for i in (0, 1)]
    x, y = (scale_of(first, n, v) for n, v in zip((across, up), whole, strict=True))
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(ONE_COLUMN, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for i, (title, pair) in enumerate(values.items()):
            colour, run = RUNS[i % len(RUNS)], runs[title]
            columns = {across: x.forward(pair[0]), up: y.forward(pair[1])}
            bounds = {n: bounds_on_line(run, n, s, about) for n, s in ((across, x), (up, y))}
            found = Densities(columns, bounds).plane(across, up)
            if found is None:
                few = slice(None, None, -(-len(pair[0]) // _MOST_POINTS))
                axes.scatter(pair[0][few], pair[1][few], s=1.5, lw=0, color=colour)
            else:
                at = x.inverse(found.x), y.inverse(found.y)
                levels = [*found.levels, np.inf]
                for shade, level in zip((0.25, 0.5), levels, strict=False):
                    axes.contourf(*at, found.values, [level, np.inf], colors=[colour], alpha=shade)
                axes.contour(*at, found.values, found.levels, colors=[colour], linewidths=0.9)
            axes.plot([], [], color=colour, lw=3.0, label=title)
        x.apply(axes, "x", *_ends(x.forward(whole[0])), most=5)
        y.apply(axes, "y", *_ends(y.forward(whole[1])), most=5)
        axes.set(xlabel=axis_label(first, across), ylabel=axis_label(first, up))
        legend_below(figure, [axes], title="68% and 95% of the draws of")
    return figure


def _ends(c: np.ndarray) -> tuple[float, float]:
    low, high = view(c, _TAIL)
    pad = _PAD * (high - low)
    return low - pad, high + pad


def _title(run: Run) -> str:
    """The title that the command line gives, else that of the run file."""
    text, given = run.attributes.get("run_file"), np.ravel(run.attributes.get("overrides", []))
    titles = [x for x in map(str, given) if x.partition("=")[0].strip() == _TITLE]
    try:
        found = tomllib.loads(text).get("run", {}).get("title", "") if text else ""
        for override in titles:
            found = _value(override.partition("=")[2].strip())
    except (tomllib.TOMLDecodeError, TypeError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def _value(text: str) -> object:
    """A TOML value; what is none is a string."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
