"""Constraints by name: the data file, checked and turned into likelihood shapes.

A constraint is data, a table of `data/measurements.toml` with its source. `build` accepts the
same table from anywhere; numbers stay as published there and are converted to the units of the
catalogue of observables here.
"""

import dataclasses
import importlib.resources
import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nmmjax.errors import InputError, located, suggest
from nmmjax.likelihoods import (
    Constraint,
    GaussianND,
    LowerLimit,
    Measurement,
    Prefer,
    SmoothBound,
    Source,
    UpperLimit,
    UpperLimitBand,
)
from nmmjax.observables import quantity

_SHAPES: dict[str, type[Constraint]] = {
    "upper_limit": UpperLimit,
    "upper_limit_band": UpperLimitBand,
    "lower_limit": LowerLimit,
    "smooth_bound": SmoothBound,
    "gaussian": Measurement,
    "gaussian_nd": GaussianND,
}
_REQUIRED = ("observable", "type", "units", "year", "reference", "verified")
_ABOUT = (*_REQUIRED, "note", "group", "use")
_SIGMAS = ("sigma_plus", "sigma_minus")
_DIMENSIONED = ("value", "sigma", *_SIGMAS, "theory_sigma", "physical_min", "period")
_PUBLISHED = {"1": ("", 1.0), "deg": ("rad", math.pi / 180.0), "MeV": ("GeV", 1e-3)}
_COMMON = tuple(f.name for f in dataclasses.fields(Constraint))
_WISH = ("above", "below", "width_dex")


def load(
    names: Sequence[str], *, observables: Collection[str] | None = None
) -> tuple[Constraint, ...]:
    """The named constraints of the data file, in the order given.

    Raises InputError for an unknown or repeated name, an entry that cannot be evaluated, and,
    if `observables` are given, for a constraint on anything else.
    """
    entries = catalogue()
    for i, name in enumerate(names):
        if name not in entries:
            raise InputError(f"'{name}' is not a known constraint{suggest(name, entries)}")
        if name in names[:i]:
            raise InputError(f"constraint '{name}' is given twice")
    loaded = tuple(build(name, entries[name]) for name in names)
    for constraint in loaded:
        for key in constraint.requires:
            if observables is not None and key not in observables:
                raise InputError(
                    f"constraint '{constraint.name}' needs observable '{key}', which is not "
                    f"there{suggest(key, observables)}"
                )
    return loaded


def catalogue() -> dict[str, dict[str, Any]]:
    """Every entry of the data file as written there, with `use` and `verified`."""
    data = importlib.resources.files("nmmjax") / "data" / "measurements.toml"
    return tomllib.loads(data.read_text(encoding="utf-8"))


def prefer(wishes: Mapping[str, Mapping[str, float | None]]) -> tuple[Prefer, ...]:
    """`Prefer` terms from `{observable: {above, below, width_dex}}`, named prefer_<observable>."""
    return tuple(_wish(key, wish) for key, wish in wishes.items())


def build(name: str, entry: Mapping[str, Any]) -> Constraint:
    """The constraint that one table of a data file describes, in the catalogue's units.

    Raises InputError naming the entry and the key that is wrong.
    """
    with located(f"constraint '{name}'"):
        shape = _shape(entry)
        given = _split_sigma(entry) if shape is Measurement else dict(entry)
        options = {f.name: f for f in dataclasses.fields(shape) if f.name not in _COMMON}
        _check_keys(given, options)
        requires = _observables(given["observable"], shape)
        units, scale = _units(given, requires)
        numbers = {
            key: _convert(key, given[key], f.type, scale if key in _DIMENSIONED else 1.0)
            for key, f in options.items()
            if key in given
        }
        about = {key: given[key] for key in _ABOUT[3:] if key in given}
        source = Source(**about, units=units, cl=numbers.get("cl"))
        return shape(name=name, requires=requires, source=source, **numbers)


def _shape(entry: Mapping[str, Any]) -> type[Constraint]:
    if "type" not in entry:
        raise InputError("type is missing")
    kind = str(entry["type"])
    if entry.get("use") == "todo":
        raise InputError(f"has no number to evaluate yet: {entry.get('note', 'no note')}")
    if kind not in _SHAPES:
        raise InputError(f"type '{kind}' cannot be evaluated{suggest(kind, _SHAPES)}")
    return _SHAPES[kind]


def _split_sigma(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One `sigma` of a Gaussian is both of them."""
    if "sigma" not in entry:
        return dict(entry)
    if any(key in entry for key in _SIGMAS):
        raise InputError("give sigma, or sigma_plus and sigma_minus, not both")
    rest = {key: x for key, x in entry.items() if key != "sigma"}
    return rest | dict.fromkeys(_SIGMAS, entry["sigma"])


def _check_keys(given: Mapping[str, Any], options: Mapping[str, dataclasses.Field]) -> None:
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


def _observables(given: Any, shape: type[Constraint]) -> tuple[str, ...]:
    if shape is not GaussianND and isinstance(given, str):
        return (given,)
    if shape is GaussianND and isinstance(given, list) and all(isinstance(x, str) for x in given):
        return tuple(given)
    wanted = "a list of names" if shape is GaussianND else "a name"
    raise InputError(f"observable must be {wanted}, got {given!r}")


def _units(given: Mapping[str, Any], requires: Sequence[str]) -> tuple[str, float]:
    """(catalogue unit, factor from the published unit); a Gaussian's is that of x^power."""
    units, scale = _PUBLISHED.get(given["units"], (given["units"], 1.0))
    power = given.get("power", 1) if given["type"] == "gaussian" else 1
    for key in requires:
        expected = _catalogue_unit(key)
        if expected and power != 1:
            expected = f"{expected}^{power}"
        if expected is not None and units != expected:
            raise InputError(f"units '{given['units']}' of {key} should be '{expected or 1}'")
    return units, scale


def _catalogue_unit(observable: str) -> str | None:
    """None for a name outside the catalogue: the user's model may have its own."""
    try:
        return quantity(observable).unit
    except InputError:
        return None


def _convert(key: str, given: Any, kind: Any, scale: float) -> Any:
    """The value of a key as the type its shape declares, scaled if it is a number."""
    if kind is str:
        if not isinstance(given, str):
            raise InputError(f"{key} must be a text, got {given!r}")
        return given
    if kind is int:
        if isinstance(given, bool) or not isinstance(given, int):
            raise InputError(f"{key} must be a whole number, got {given!r}")
        return given
    if kind == tuple[float, ...]:
        if not isinstance(given, list):
            raise InputError(f"{key} must be a list of numbers, got {given!r}")
        return tuple(_real(key, x) * scale for x in given)
    return _real(key, given) * scale


def _real(key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise InputError(f"{key} must be a number, got {given!r}")
    return float(given)


def _wish(observable: str, wish: Mapping[str, float | None]) -> Prefer:
    with located(f"prefer '{observable}'"):
        for key in wish:
            if key not in _WISH:
                raise InputError(f"unknown key '{key}'{suggest(key, _WISH)}")
        ends = {key: None if (x := wish.get(key)) is None else _real(key, x) for key in _WISH[:2]}
        width = _real("width_dex", wish.get("width_dex"))
        source = Source(
            "run file", None, "a wish", units=_catalogue_unit(observable) or "", group="target"
        )
        return Prefer(f"prefer_{observable}", (observable,), source, **ends, width_dex=width)
