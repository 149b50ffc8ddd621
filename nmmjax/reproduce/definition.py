"""Definitions of figures, one TOML file each: what is drawn, and what the paper prints."""

import difflib
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
from pydantic import ConfigDict, Field

from nmmjax import textfile
from nmmjax.errors import InputError, located, suggest

FOLDER = pathlib.Path(__file__).parent / "definitions"
DATA = pathlib.Path(__file__).parent / "data"

type Number = Annotated[float, Field(allow_inf_nan=False)]
type Scale = Literal["log", "linear"]
type Look = Literal[
    "printed", "printed_2", "printed_3", "derived", "derived_2", "derived_3",
    "other", "other_2", "other_3",
]  # fmt: skip
# "yes": numbers and shape agree; "partly": some do, or with assumptions of ours; "no": they do not;
# "ours": no paper has this figure.
type Matches = Literal["yes", "partly", "no", "ours"]


class _Table(pydantic.BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grid(_Table):
    """Values of a varied quantity: `{ from = 100, to = 1e5, points = 121 }`, or `values`."""

    start: Annotated[Number, Field(alias="from")] = 1.0
    to: Number = 1.0
    points: Annotated[int, Field(ge=2, le=10_000)] = 121
    scale: Scale = "log"
    values: list[Number] | None = None

    def array(self) -> np.ndarray:
        """Return the values in order."""
        if self.values is not None:
            return np.array(self.values)
        if self.scale == "log":
            return np.geomspace(self.start, self.to, self.points)
        return np.linspace(self.start, self.to, self.points)


class Line(_Table):
    """A column over the panel's x, or an `x` of its own; `dots` draws its points apart."""

    column: str
    x: str = ""
    label: str
    look: Look
    dots: bool = False


class Limit(_Table):
    """A limit of the library by name, as a line, or from `low` to `high` as a band, on an axis."""

    constraint: str = ""
    low: Number | None = None
    high: Number | None = None
    label: str = ""
    on: Literal["x", "y"] = "y"


class Stated(_Table):
    """A number that the paper's text states, as a star; without x it is a line."""

    x: Number | None = None
    y: Number
    label: str


class Panel(_Table):
    x: str
    x_label: str
    y_label: str
    title: str = ""
    x_scale: Scale = "log"
    y_scale: Scale = "log"
    x_range: tuple[Number, Number] | None = None
    y_range: tuple[Number, Number] | None = None
    lines: list[Line]
    limits: list[Limit] = []
    stated: list[Stated] = []


class Definition(_Table):
    """One figure.

    columns   what computes the numbers, a name of `figure.py`: "weak_triplet.moment"
    fixed     parameters held, varied   the grids, units   of every column of the CSV
    named     rows with their labels, shifted by years and decades: (label, dx, dy); "history"
    prints    what the paper prints, matches   whether we find the same, why   it does not
    """

    title: str
    paper: str
    item: str
    columns: str
    kind: Literal["curves", "history", "reach"] = "curves"
    fixed: dict[str, Number] = {}
    varied: dict[str, Grid] = {}
    units: dict[str, str]
    panels: list[Panel] = []
    named: list[tuple[str, Number, Number]] = []
    prints: str
    matches: Matches
    why: str = ""


def names() -> list[str]:
    """Names of all figures, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Definition:
    """Read a definition by name, or from a TOML file of the user's own.

    Raises InputError for an unknown name, with those that look like it, and for a wrong file.
    """
    path = pathlib.Path(name)
    if path.suffix != ".toml":
        if name not in names():
            raise InputError(f"'{name}' is not a figure{_meant(name)}")
        path = FOLDER / f"{name}.toml"
    text = textfile.read(path, "definition")
    with located(str(path)):
        return _validated(textfile.parse_toml(text))


def _meant(name: str) -> str:
    """Suggest names; several may look alike."""
    close = difflib.get_close_matches(name, names(), n=3, cutoff=0.5)
    if len(close) > 1:
        return f"; did you mean {' or '.join(repr(x) for x in close)}?"
    return suggest(name, names())


def _validated(tree: Mapping[str, Any]) -> Definition:
    try:
        return Definition.model_validate(tree)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"unknown key '{where}'") from None
        raise InputError(f"'{where}': {first['msg']}, got {first['input']!r:.80}") from None
