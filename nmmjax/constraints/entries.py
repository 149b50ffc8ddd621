"""One table of a data file, checked key by key and turned into a likelihood shape.

Numbers stay as published in the file; here they are converted to the units of the catalogue of
observables. A curve's columns come from a CSV file beside the data file, or stand in the table.
"""

import dataclasses
import itertools
import math
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nmmjax.catalogue import quantity
from nmmjax.constraints import tables
from nmmjax.constraints.base import Constraint, Source
from nmmjax.constraints.shapes import BY_WORD
from nmmjax.errors import InputError, located, suggest

type Entry = Mapping[str, Any]

_REQUIRED = ("observable", "type", "units", "year", "reference", "verified")
_SOURCE = ("year", "reference", "verified", "note", "group", "use", "licence", "label")
_ABOUT = (*_REQUIRED, "label", "note", "group", "use", "licence", "one_of", "not_with")
_TABLE = ("file", "columns", "times", "mass_units")
_USES = ("default", "optional", "projection", "flag")
_SIGMAS = ("sigma_plus", "sigma_minus")
_DIMENSIONED = ("value", "sigma", *_SIGMAS, "theory_sigma", "physical_min", "period", "limit")
_PUBLISHED = {"1": ("", 1.0), "deg": ("rad", math.pi / 180.0), "MeV": ("GeV", 1e-3)}
_MAY_VANISH = ("centre", "mass", "events")
_FAR = 100.0  # a factor between masses that asks for their unit
_COMMON = ("name", "requires", "source", "flag")


def build(
    name: str, entry: Entry, folder: pathlib.Path | None = None, scale: float | None = None
) -> Constraint:
    """Build the constraint that one table of a data file describes, in the catalogue's units.

    folder  the CSV file of a curve is somewhere below it
    scale   the mass [GeV] about which curves against this mass lie, to ask about units; or None

    Raises InputError naming the entry and the key that is wrong.
    """
    with located(f"constraint '{name}'"):
        shape = _shape(entry)
        options = {f.name: f for f in dataclasses.fields(shape) if f.name not in _COMMON}
        given = _split_sigma(entry) if set(_SIGMAS) <= options.keys() else dict(entry)
        if shape.columns:
            given = _with_table(given, shape.columns, folder, scale)
        _check_keys(given, options)
        requires = _observables(given["observable"], shape)
        units, scale = _units(given, requires, shape)
        numbers = {
            key: _convert(key, given[key], f.type, scale if key in _DIMENSIONED else 1.0)
            for key, f in options.items()
            if key in given
        }
        about = {key: given[key] for key in _SOURCE if key in given}
        source = Source(**about, units=units, cl=numbers.get("cl"))
        flag = source.use == "flag"
        return shape(name=name, requires=requires, source=source, flag=flag, **numbers)


def _with_table(
    entry: Mapping[str, Any],
    wanted: Sequence[str],
    folder: pathlib.Path | None,
    scale: float | None,
) -> dict[str, Any]:
    """The entry with its curve as lists `wanted`: the masses in GeV, the rest times `times`."""
    given = {key: x for key, x in entry.items() if key not in _TABLE}
    if "file" in entry:
        clash = next((key for key in wanted if key in entry), None)
        if clash is not None:
            raise InputError(f"give {clash} or a file, not both")
        given |= dict(zip(wanted, _from_file(entry, wanted, folder), strict=True))
    elif "columns" in entry:
        raise InputError("columns belong to a file, and file is missing")
    units = entry.get("mass_units", "GeV")
    if units not in ("GeV", "MeV"):
        raise InputError(f"mass_units must be 'GeV' or 'MeV', got {units!r}")
    times = real("times", entry.get("times", 1.0))
    for key in wanted:
        if isinstance(given.get(key), list):
            factor = times if key != "mass" else 1.0 if units == "GeV" else 1e-3
            given[key] = [real(key, x) * factor for x in given[key]]
    _check_unit({**entry, "mass": given.get("mass")}, units, scale)
    return given


def _from_file(
    entry: Mapping[str, Any], wanted: Sequence[str], folder: pathlib.Path | None
) -> list[list[float]]:
    file, columns = entry["file"], entry.get("columns")
    if not isinstance(file, str) or not file or pathlib.PurePath(file).is_absolute() or not folder:
        raise InputError(f"file must name a CSV file below the data file's folder, got {file!r}")
    if (
        not isinstance(columns, list)
        or len(columns) != len(wanted)
        or not all(isinstance(column, str) for column in columns)
    ):
        raise InputError(f"columns must name those for {', '.join(wanted)}, got {columns!r}")
    if len({*columns}) < len(columns):
        raise InputError(f"columns must name one column for each of {', '.join(wanted)}")
    rows = tables.read(folder / file, columns, folder)
    _check_rows(pathlib.PurePath(file).name, rows, wanted)
    return [list(column) for column in zip(*(row.numbers for row in rows), strict=True)]


def _check_rows(file: str, rows: Sequence[tables.Row], wanted: Sequence[str]) -> None:
    """Raise InputError naming the line: masses increase (but for a contour), limits are > 0."""
    if len(rows) < 2:
        raise InputError(f"{file} has one row of numbers; a curve needs two")
    for key, numbers in zip(wanted, zip(*(row.numbers for row in rows), strict=True), strict=True):
        for row, x in zip(rows, numbers, strict=True):
            # The shape itself says whether a mass of zero has a meaning.
            if (x < 0.0 and key != "centre") or (x == 0.0 and key not in _MAY_VANISH):
                raise InputError(f"{file}, line {row.line}: {key} must be > 0")
    if wanted[1] == "coupling":
        return
    for before, after in itertools.pairwise(rows):
        if not before.numbers[0] < after.numbers[0]:
            raise InputError(
                f"{file}, line {after.line}: {_rising(wanted[0])} must increase, and this one is "
                f"not above that of line {before.line}"
            )


def _rising(column: str) -> str:
    return "masses" if column == "mass" else "bins"


def _check_unit(given: Mapping[str, Any], units: str, scale: float | None) -> None:
    """Ask "MeV or GeV?" where a mass column says otherwise, or the masses are far from `scale`.

    scale  the mass [GeV] about which other curves against the same mass lie; None if unknown
    """
    column = given["columns"][0] if "file" in given else ""
    said = re.findall(r"(?<![A-Za-z])(eV|[kmgtKMGT][eE][vV])(?![A-Za-z])", column)
    if said and said[-1].lower() != units.lower():
        raise InputError(
            f"the column '{column}' says {said[-1]}, but mass_units is '{units}': MeV or GeV?"
        )
    masses = [x for x in given["mass"] if x > 0.0] if isinstance(given.get("mass"), list) else []
    if said or scale is None or not masses or ("mass_units" in given and not column):
        return
    off = math.sqrt(min(masses)) * math.sqrt(max(masses)) / scale
    if not 1.0 / _FAR < off < _FAR:
        named = f"name the column '{column}_GeV' or '{column}_MeV'" if column else "say mass_units"
        raise InputError(
            f"masses of {min(masses):.4g} to {max(masses):.4g} GeV are far from those of other "
            f"curves, about {scale:.2g} GeV: MeV or GeV? {named}"
        )


def _shape(entry: Entry) -> type[Constraint]:
    if "type" not in entry:
        raise InputError("type is missing")
    kind = str(entry["type"])
    if entry.get("use") == "todo":
        raise InputError(f"has no number to evaluate yet: {entry.get('note', 'no note')}")
    if kind not in BY_WORD:
        raise InputError(f"type '{kind}' cannot be evaluated{suggest(kind, BY_WORD)}")
    return BY_WORD[kind]


def _split_sigma(entry: Entry) -> dict[str, Any]:
    """Use one given `sigma` of a Gaussian as both `sigma_plus` and `sigma_minus`."""
    if "sigma" not in entry:
        return dict(entry)
    if any(key in entry for key in _SIGMAS):
        raise InputError("give sigma, or sigma_plus and sigma_minus, not both")
    rest = {key: x for key, x in entry.items() if key != "sigma"}
    return rest | dict.fromkeys(_SIGMAS, entry["sigma"])


def _check_keys(given: Entry, options: Mapping[str, dataclasses.Field]) -> None:
    known = (*_ABOUT, *options)
    for key in given:
        if key not in known:
            raise InputError(f"unknown key '{key}'{suggest(key, known)}")
    needed = [key for key, f in options.items() if f.default is dataclasses.MISSING]
    for key in (*_REQUIRED, *needed):
        if key not in given:
            raise InputError(f"{key} is missing")
    for key in _ABOUT:
        if key in ("observable", "year") or key not in given:
            continue
        if not isinstance(given[key], str) or (key in _REQUIRED and not given[key].strip()):
            raise InputError(f"{key} must be a text, got {given[key]!r}")
    if not isinstance(given["year"], int):
        raise InputError(f"year must be a whole number, got {given['year']!r}")
    if given.get("use", "default") not in _USES:
        raise InputError(f"use '{given['use']}' is unknown{suggest(given['use'], _USES)}")


def _observables(given: Any, shape: type[Constraint]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else ()
    alone = isinstance(given, str)
    single = 1 in shape.counts if alone else len(names) > 1
    texts = all(isinstance(x, str) for x in names)
    if not single or not texts or len(names) not in shape.counts:
        raise InputError(f"observable must be {shape.wanted}, got {given!r}")
    return names


def _units(given: Entry, requires: Sequence[str], shape: type[Constraint]) -> tuple[str, float]:
    """(catalogue unit, factor from the published unit); a Gaussian's is that of x^power.

    Only a correlated Gaussian gives all its observables in these units, the others their first.
    """
    units, scale = _PUBLISHED.get(given["units"], (given["units"], 1.0))
    if given["units"] == _catalogue_unit(requires[0]):
        units, scale = given["units"], 1.0
    power = given.get("power", 1) if shape.powered_units else 1
    for key in requires if shape.all_in_units else requires[:1]:
        expected = _catalogue_unit(key)
        if expected and power != 1:
            expected = f"{expected}^{power}"
        if expected is not None and units != expected:
            raise InputError(f"units '{given['units']}' of {key} should be '{expected or 1}'")
    return units, scale


def _catalogue_unit(observable: str) -> str | None:
    """Return the catalogue's unit; None for other names, since a user's model may have its own."""
    try:
        return quantity(observable).unit
    except InputError:
        return None


def _convert(key: str, given: Any, kind: Any, scale: float) -> Any:
    """The value of a key as the type its shape declares, scaled if it is a number."""
    if kind in (str, bool, int):
        if not isinstance(given, kind) or (kind is int and isinstance(given, bool)):
            word = {str: "a text", bool: "true or false", int: "a whole number"}[kind]
            raise InputError(f"{key} must be {word}, got {given!r}")
        return given
    if kind == tuple[float, ...]:
        if not isinstance(given, list):
            raise InputError(f"{key} must be a list of numbers, got {given!r}")
        return tuple(real(key, x) * scale for x in given)
    return real(key, given) * scale


def real(key: str, given: Any) -> float:
    """Return a finite number, or InputError naming the key."""
    try:
        plain = isinstance(given, int | float) and not isinstance(given, bool)
        x = float(given) if plain else math.nan
    except OverflowError:
        x = math.inf
    if not math.isfinite(x):
        raise InputError(f"{key} must be a number, got {given!r}")
    return x
