"""`nmmjax evaluate`: observables at given points, for scripts and for checking by hand."""

import collections
import json
import math
import pathlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from nmmjax import textfile
from nmmjax.catalogue import known_or_bare
from nmmjax.cli.session import refuse_plugins, start_jax
from nmmjax.cli.terminal import out, say
from nmmjax.errors import InputError
from nmmjax.runfile.build import ModelSection, build_model, parse_value
from nmmjax.target import naturalness
from nmmjax.target.model import Model, Observables, Theta
from nmmjax.target.offered import suggest_parameter

_LARGEST = 2**24  # bytes of a file of points

type Point = dict[str, float]
type Row = dict[str, Any]


def evaluate_points(
    model_name: str,
    points_file: pathlib.Path | None,
    assignments: list[str],
    settings: list[str],
    as_json: bool,
    no_plugins: bool = False,
) -> None:
    """Print observables at `--set` values, or at every point of the file (`--set` fills in).

    Without either the model's reference point is taken.
    """
    start_jax(reads=True)
    refuse_plugins(no_plugins, model_name)
    model = _model(model_name, settings)
    given = _assignments(assignments)
    if points_file is None and not given:
        given = {p.name: float(model.reference[p.name]) for p in model.parameters}
        say("nmmjax: at the reference point of the model; --set NAME=VALUE gives another")
    points = [given] if points_file is None else _read_points(points_file, given)
    checked = []
    for index, point in enumerate(points):
        where = "--set" if points_file is None else f"{points_file}: point {index}"
        checked.append(_checked(model, point, where))
    rows = rows_at(model, checked)
    if as_json or points_file is not None:
        out(json.dumps(rows, indent=1, allow_nan=False) + "\n")
    else:
        out(_table(rows[0]))


def rows_at(model: Model, points: list[Point]) -> list[Row]:
    """Return one flat row per point: numbers, null where undefined, and the list of problems."""
    if not points:
        return []
    columns = {p: jnp.array([point[p] for point in points], dtype=float) for p in points[0]}
    values, margins = _everywhere(model, columns)
    flat = {name: np.asarray(v) for name, v in values.items()}
    limits = {name: np.asarray(v) for name, v in margins.items()}
    return [_row(flat, limits, i) for i in range(len(points))]


@eqx.filter_jit
def _everywhere(model: Model, columns: Observables) -> tuple[Observables, Observables]:
    return jax.vmap(lambda theta: _everything(model, theta))(columns)


def _everything(model: Model, theta: Theta) -> tuple[Observables, Observables]:
    """Observables with fine-tuning measures, and domain margins, at one point."""
    observables, _ = naturalness.with_measures(model, theta)
    return observables, model.domain(theta)


# undefined, and no problem, where all masses are 0
_OF_A_MASS = ("tuning_bg", "tuning_cancel", "sin2_th", "delta_cp", "alpha_")


def _row(values: dict[str, np.ndarray], margins: dict[str, np.ndarray], index: int) -> Row:
    problems = [
        f"outside the domain: {name} = {margin[index]:.6g}, must be > 0"
        for name, margin in margins.items()
        if not margin[index] > 0.0
    ]
    outside = bool(problems)
    massless = "m_nu" in values and not np.any(values["m_nu"][index])
    row: Row = {}
    for name, column in values.items():
        for key, number in _flatten(name, column[index]):
            if outside or not math.isfinite(number):
                row[key] = None
                if not outside and not (massless and key.startswith(_OF_A_MASS)):
                    problems.append(f"{key} is not finite ({number})")
            else:
                row[key] = number
    row["problems"] = problems
    return row


def _flatten(name: str, value: np.ndarray | np.generic) -> list[tuple[str, Any]]:
    """Flat names: matrices as mu_nu_12, complex numbers as re_ and im_."""
    entries = [(name, value)]
    if value.ndim:
        entries = [
            (f"{name}_{''.join(str(i + 1) for i in index)}", value[index])
            for index in np.ndindex(value.shape)
        ]
    flat = []
    for key, entry in entries:
        if np.iscomplexobj(entry):
            flat += [(f"re_{key}", float(np.real(entry))), (f"im_{key}", float(np.imag(entry)))]
        else:
            flat.append((key, float(entry)))
    return flat


def _table(row: Row) -> str:
    lines = []
    for name, value in row.items():
        if name != "problems":
            shown = "undefined" if value is None else f"{value:.17g}"
            found = known_or_bare(name)
            lines.append(f"{name:<22} {shown:>24}  {found.unit}".rstrip())
    lines += [f"problem: {text}" for text in row["problems"]]
    return "\n".join(lines) + "\n"


def _model(name: str, settings: list[str]) -> Model:
    plain: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    for text in settings:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key.removeprefix("sm."):
            raise InputError(f"--setting takes key=value, got '{text}'")
        target = constants if key.startswith("sm.") else plain
        if key.removeprefix("sm.") in target:
            raise InputError(f"--setting {key} is given twice")
        target[key.removeprefix("sm.")] = parse_value(value)
    for key, value in constants.items():
        if _number(value) is None:
            raise InputError(f"--setting sm.{key}: a finite number is needed, got {_shown(value)}")
    section = ModelSection(name=name, settings=plain, sm=constants)
    return build_model(section, "evaluate")


def _assignments(texts: list[str]) -> Point:
    point = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not equals or not name.strip():
                raise ValueError
            number = float(value)
        except ValueError:
            raise InputError(f"--set takes name=number, got '{text}'{_of_complex(value)}") from None
        if name.strip() in point:
            raise InputError(f"--set {name.strip()} is given twice")
        point[name.strip()] = number
    return point


def _of_complex(value: str) -> str:
    """Say where a phase belongs, after a number that is not real."""
    try:
        complex(value.strip())
    except ValueError:
        return ""
    return "; parameters are real: a phase or imaginary part, where there is one, has its own name"


def _read_points(path: pathlib.Path, common: Point) -> list[Row]:
    text = textfile.read(path, "points file", _LARGEST)
    try:
        tree = json.loads(text, object_pairs_hook=_without_doubles)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: not valid JSON: brackets are nested too deeply") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise InputError(f"{path}: not valid JSON: a number has too many digits") from None
    if isinstance(tree, dict):
        tree = [tree]
    if not isinstance(tree, list) or not all(isinstance(point, dict) for point in tree):
        raise InputError(
            f'{path}: a list of objects is needed, such as [{{"y_psi": 0.1, ...}}, ...]'
        )
    return [common | point for point in tree]


def _without_doubles(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((name, _),) = collections.Counter(key for key, _ in pairs).most_common(1)
        raise InputError(f"'{name}' is given twice")
    return found


def _checked(model: Model, point: Row, where: str) -> Point:
    """The point as floats, in the order of the model's parameters, or InputError."""
    names = [p.name for p in model.parameters]
    for name, value in point.items():
        if name not in names:
            raise InputError(
                f"{where}: '{name}' is not a parameter of {type(model).__name__}"
                f"{suggest_parameter(model, name)}"
            )
        if _number(value) is None:
            raise InputError(f"{where}: '{name}' must be a finite number, got {_shown(value)}")
    missing = [name for name in names if name not in point]
    if missing:
        raise InputError(f"{where}: missing parameters: {', '.join(missing)}")
    return {name: float(point[name]) for name in names}


def _number(value: Any) -> float | None:
    """A finite number as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _shown(value: Any) -> str:
    plain = isinstance(value, str | float | bool | None)
    return repr(value) if plain else f"a {type(value).__name__}"
