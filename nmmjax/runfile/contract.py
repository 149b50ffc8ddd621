"""A user's model held against the contract of `Model`, before anything compiles at length.

Everything but the values at the reference is found by tracing. Each refusal names file and line
of the user's code. The models of the package keep the contract by their own tests.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.constraints.base import Constraint
from nmmjax.errors import InputError, suggest
from nmmjax.runfile.blame import place, user_code
from nmmjax.target.model import Model, Parameter, Plane
from nmmjax.target.priors import Prior

# Names that a run directory uses beside those of a model.
_TAKEN = ("chain", "draw", "ensemble", "tuning_bg", "tuning_cancel", "log_prior", "allowed")


def check(model: Model) -> None:
    """Raise InputError unless a user's model keeps the contract; nothing is said of our own."""
    kind = type(model)
    if kind.__module__.partition(".")[0] == "nmmjax":
        return
    try:
        hash(model)
    except TypeError as error:
        raise InputError(f"{place(kind)}: a setting is not constant: {error}") from None
    _check(model)


@functools.lru_cache(maxsize=64)
def _check(model: Model) -> None:
    parameters = _parameters(model)
    reference = _reference(model, parameters)
    names = tuple(parameters)
    margins = _traced(model, "domain", names)
    for name, value in margins.items():
        _check_number(model, "domain", f"margin '{name}'", value)
        if np.shape(value):
            where = place(type(model), "domain")
            raise InputError(f"{where}: margin '{name}' has shape {np.shape(value)}, not ()")
    observables = _traced(model, "predict", names)
    for name, value in observables.items():
        _check_name(model, "predict", "observable", name)
        if name in names:
            raise InputError(
                f"{place(type(model), 'predict')}: observable '{name}' has the name of a "
                "parameter; parameters are stored and constrained as they are, leave it out"
            )
        _check_number(model, "predict", f"observable '{name}'", value)
    _check_declarations(model, names, observables)
    _check_values(model, reference)


def check_scalars(model: Model, terms: Iterable[Constraint]) -> None:
    """Raise InputError where a constraint or wish needs a number and the model returns an array."""
    shapes = _shapes(model)
    for term in terms:
        for name in term.requires:
            if shape := shapes.get(name, ()):
                raise InputError(
                    f"{place(type(model), 'predict')}: '{name}' is an array of shape {shape}, but "
                    f"'{term.name}' needs one number: return that under a name of its own"
                )


@functools.lru_cache(maxsize=64)
def _shapes(model: Model) -> dict[str, tuple[int, ...]]:
    found = jax.eval_shape(model.predict, _point(p.name for p in model.parameters))
    return {name: value.shape for name, value in found.items()}


def _point(names: Iterable[str]) -> dict[str, jax.ShapeDtypeStruct]:
    return {name: jax.ShapeDtypeStruct((), jnp.float64) for name in names}


def _member(model: Model, name: str) -> Any:
    """Read a property of the model, by the user's code."""
    with user_code(f"{type(model).__name__}.{name}"):
        found = getattr(model, name)
    if callable(found):
        raise InputError(f"{place(type(model), name)}: {name} must be a property: add @property")
    return found


def _parameters(model: Model) -> dict[str, Parameter]:
    given = _member(model, "parameters")
    where = place(type(model), "parameters")
    if not isinstance(given, tuple | list) or not given:
        raise InputError(
            f"{where}: parameters must be a tuple of Parameter(...), got {_kind(given)}"
        )
    found: dict[str, Parameter] = {}
    for p in given:
        if not isinstance(p, Parameter):
            raise InputError(f"{where}: parameters must hold Parameter(...), got {_kind(p)}")
        _check_name(model, "parameters", "parameter", p.name)
        if p.name in found:
            raise InputError(f"{where}: two parameters have the name '{p.name}'")
        if not isinstance(p.prior, Prior):
            raise InputError(
                f"{where}: the prior of '{p.name}' must be one of nmmjax.target.priors, such as "
                f"LogUniform(1e-6, 1.0), got {_kind(p.prior)}"
            )
        for key in ("unit", "latex", "description"):
            if not isinstance(getattr(p, key), str):
                raise InputError(f"{where}: the {key} of '{p.name}' must be a text")
        found[p.name] = p
    return found


def _reference(model: Model, parameters: Mapping[str, Parameter]) -> dict[str, float]:
    given = _member(model, "reference")
    where = f"{place(type(model), 'reference')}: reference"
    if not isinstance(given, dict):
        raise InputError(f"{where} must be a dict of parameters, got {_kind(given)}")
    for name in given:
        if name not in parameters:
            raise InputError(
                f"{where} has '{name}', which is no parameter{suggest(str(name), parameters)}"
            )
    if missing := [name for name in parameters if name not in given]:
        raise InputError(f"{where} lacks {', '.join(missing)}")
    found = {}
    for name, x in given.items():
        try:
            found[name] = float(x)
        except (TypeError, ValueError, OverflowError):
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise InputError(f"{where}: '{name}' must be a finite number, got {_kind(x)}")
    return found


def _traced(model: Model, method: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what `predict` or `domain` does at a traced point, as it is."""
    seen: list[Any] = []

    def call(theta):
        seen.append(getattr(model, method)(theta))

    with user_code(f"{type(model).__name__}.{method}", names):
        jax.eval_shape(call, _point(names))
    (found,) = seen
    if not isinstance(found, dict):
        hint = ": a `return` is missing" if found is None else ""
        raise InputError(
            f"{place(type(model), method)}: {method} must return a dict of names and numbers, "
            f"got {_kind(found)}{hint}"
        )
    return found


def _check_name(model: Model, method: str, what: str, name: Any) -> None:
    where = place(type(model), method)
    if not isinstance(name, str) or not (name.isidentifier() and name.isascii()):
        raise InputError(f"{where}: {what} {name!r} is not a name of letters, digits and _")
    if name in _TAKEN:
        raise InputError(f"{where}: the name '{name}' is taken by nmmjax: give the {what} another")


def _check_number(model: Model, method: str, what: str, value: Any) -> None:
    """Raise InputError unless a value is a real number or an array of them."""
    where = place(type(model), method)
    plain = isinstance(value, bool | int | float | complex | np.number | np.ndarray | jax.Array)
    sort = np.dtype(getattr(value, "dtype", type(value))).kind if plain else ""
    if sort == "c":
        raise InputError(
            f"{where}: {what} is complex: return its size, or its real and imaginary part apart"
        )
    if sort not in tuple("fiub"):
        raise InputError(f"{where}: {what} must be a number or an array, got {_kind(value)}")


def _check_declarations(
    model: Model, names: tuple[str, ...], observables: Mapping[str, Any]
) -> None:
    """Raise InputError unless mass terms, rescaling, ratios and planes name what there is."""
    terms, rescaling, ratios = (_member(model, m) for m in ("mass_terms", "rescaling", "ratios"))
    with user_code(f"{type(model).__name__}: mass_terms, rescaling, ratios"):
        asked = [("mass_terms", name, observables) for name in terms]
        if rescaling is not None:
            asked += [("rescaling", rescaling.observable, observables)]
            asked += [("rescaling", name, names) for name, _ in rescaling.weights]
        for ratio in ratios:
            asked += [("ratios", ratio.handle, names)]
            asked += [("ratios", name, terms) for name in (*ratio.numerator, *ratio.denominator)]
    asked += [("planes", name, (*names, *observables, "")) for name in _plane_names(model)]
    for member, name, known in asked:
        where = place(type(model), member)
        if not isinstance(name, str) or name not in known:
            raise InputError(f"{where}: {member} has '{name}'{suggest(str(name), known)}")
        if known is observables and np.shape(observables[name]):
            raise InputError(f"{where}: {member} has '{name}', which is an array, not one number")


def _plane_names(model: Model) -> tuple[Any, ...]:
    planes = _member(model, "planes")
    if not isinstance(planes, tuple) or not all(isinstance(plane, Plane) for plane in planes):
        where = place(type(model), "planes")
        raise InputError(f"{where}: planes must be a tuple of Plane(...), got {_kind(planes)}")
    return tuple(name for plane in planes for name in dataclasses.astuple(plane))


def _check_values(model: Model, reference: Mapping[str, float]) -> None:
    """Raise InputError unless the reference is inside prior and domain, and all finite there."""

    @jax.jit
    def at(theta):
        priors = {p.name: p.prior.log_prior(theta[p.name]) for p in model.parameters}
        return priors, model.domain(theta), model.predict(theta)

    with user_code(f"{type(model).__name__} at its reference"):
        priors, margins, observables = jax.device_get(at(dict(reference)))
    where = f"{place(type(model), 'reference')}: the reference"
    for name, value in priors.items():
        if not math.isfinite(value):
            raise InputError(f"{where} is outside the prior of '{name}' ({reference[name]:g})")
    for name, value in margins.items():
        if not value > 0.0:
            raise InputError(f"{where} is outside the domain: margin '{name}' is {value:g} there")
    bad = [name for name, value in observables.items() if not np.all(np.isfinite(value))]
    if bad:
        raise InputError(f"{where} has values that are not finite: {', '.join(bad)}")


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
