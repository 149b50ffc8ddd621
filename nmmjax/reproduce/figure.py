"""From a definition to its figure, its numbers and their files."""

import importlib.metadata
import io
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nmmjax.errors import InputError, suggest
from nmmjax.figures.draw import save
from nmmjax.figures.style import STYLE
from nmmjax.reproduce import bridge, dark_dipole, horizontal, weak_triplet
from nmmjax.reproduce.charts import history, reach
from nmmjax.reproduce.definition import Definition, read
from nmmjax.reproduce.draw import curves
from nmmjax.reproduce.history import limits
from nmmjax.reproduce.reaches import models

type Columns = dict[str, np.ndarray]

_COLUMNS: dict[str, Callable[[dict[str, float], Columns], Columns]] = {
    "bridge.dynkin": bridge.dynkin,
    "bridge.reach": bridge.reach,
    "dark_dipole.borexino": dark_dipole.borexino,
    "dark_dipole.coupling_limit": dark_dipole.coupling_limit,
    "dark_dipole.largest_moment": dark_dipole.largest_moment,
    "dark_dipole.theory": dark_dipole.theory,
    "history.limits": limits,
    "horizontal.anomaly": horizontal.anomaly,
    "horizontal.moment": horizontal.moment,
    "horizontal.two_loop": horizontal.two_loop,
    "reaches.models": models,
    "weak_triplet.decoupling": weak_triplet.decoupling,
    "weak_triplet.mixing": weak_triplet.mixing,
    "weak_triplet.moment": weak_triplet.moment,
    "weak_triplet.quartic": weak_triplet.quartic,
}
_KINDS = {"curves": curves, "history": history, "reach": reach}


class _Given(dict[str, Any]):
    """A table of a definition; a key that is asked for and not there is the user's error."""

    def __missing__(self, key: str) -> None:
        raise InputError(f"'{key}' is missing from [fixed] or [varied]")


def computed(definition: Definition) -> Columns:
    """Compute the columns of a definition.

    Raises InputError for a function, a column or a parameter that is not there.
    """
    asked = definition.columns
    if asked not in _COLUMNS:
        raise InputError(f"'columns': '{asked}' is unknown{suggest(asked, _COLUMNS)}")
    grids = {k: grid.array() for k, grid in definition.varied.items()}
    columns = _COLUMNS[asked](_Given(definition.fixed), _Given(grids))
    _check(definition, columns)
    return columns


def _check(definition: Definition, columns: Columns) -> None:
    drawn = [n for p in definition.panels for n in (p.x, *(x.column for x in p.lines))]
    for name in [*drawn, *definition.units]:
        if name not in columns:
            raise InputError(f"'{name}' is not a column{suggest(name, columns)}")


def drawn(definition: Definition, columns: Columns) -> Figure:
    """Draw columns as the definition says."""
    with matplotlib.rc_context(STYLE):
        return _KINDS[definition.kind](definition, columns)


def table(name: str, definition: Definition, columns: Columns) -> str:
    """Return the numbers as CSV, provenance in lines that begin with a hash."""
    fixed = ", ".join(f"{k} = {x:g}" for k, x in definition.fixed.items()) or "nothing"
    units = ", ".join(f"{k} [{u or '1'}]" for k, u in definition.units.items())
    head = [
        definition.title,
        f"{definition.paper}, {definition.item}",
        f"made by nmmjax {importlib.metadata.version('nmmjax')}: nmmjax reproduce {name}",
        f"fixed: {fixed}",
        f"units: {units}",
    ]
    memory = io.StringIO()
    memory.writelines(f"# {line}\n" for line in head)
    memory.write(",".join(columns) + "\n")
    for row in zip(*columns.values(), strict=True):
        memory.write(",".join(_cell(x) for x in row) + "\n")
    return memory.getvalue()


def _cell(x: Any) -> str:
    if isinstance(x, str):
        return f'"{x}"' if "," in x else x
    return f"{x:.10g}"


def reproduce(
    name: str,
    directory: pathlib.Path,
    formats: Sequence[str],
    given: Mapping[str, Any] | None = None,
) -> tuple[Definition, list[pathlib.Path]]:
    """Redraw one figure by name or definition file: figure and CSV; returns the files' paths.

    given   columns in place of those computed
    """
    definition = read(name)
    stem = pathlib.Path(name).stem
    columns = dict(given) if given is not None else computed(definition)
    paths = save({stem: drawn(definition, columns)}, directory, formats)
    path = directory / f"{stem}.csv"
    try:
        path.write_text(table(stem, definition, columns))
    except OSError as error:
        raise InputError(f"cannot write '{path}': {error.strerror}") from None
    return definition, [*paths, path]
