"""Names that a model offers, and what is said of any other."""

import typing
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nmmjax.constraints.base import Constraint
from nmmjax.errors import InputError, suggest
from nmmjax.target import settings
from nmmjax.target.model import Model


def offered(model: Model) -> set[str]:
    """Names that constraints may ask of a model, found without compiling or evaluating."""
    point = {p.name: jax.ShapeDtypeStruct((), jnp.float64) for p in model.parameters}
    return {*jax.eval_shape(model.predict, point), *point}


def check_asked(model: Model, terms: Sequence[Constraint]) -> None:
    """Raise InputError for a term whose observables the model does not return."""
    known = offered(model)
    for term in terms:
        for name in term.requires:
            if name not in known:
                wish = term.name == f"prefer_{name}"
                what = f"prefer.{name}" if wish else f"constraint '{term.name}'"
                raise InputError(
                    f"{what} needs observable '{name}', which "
                    f"{type(model).__name__} does not return{suggest(name, known)}"
                )


def suggest_parameter(model: Model, given: str) -> str:
    """End the message about an unknown parameter: the setting that declares it, else `suggest`."""
    for setting, other in _variants(model):
        if given in (p.name for p in other.parameters):
            value = settings.shown(getattr(other, setting))
            return f"; it is one with the setting {setting} = {value}"
    return suggest(given, [p.name for p in model.parameters])


def _variants(model: Model) -> Iterator[tuple[str, Model]]:
    """Yield (setting, model with another of its choices), one setting changed at a time."""
    declared = settings.settings(type(model))
    current: dict[str, Any] = {s.name: getattr(model, s.name) for s in declared}
    for setting in declared:
        for value in _choices(setting.annotation):
            if value == current[setting.name]:
                continue
            try:
                yield setting.name, type(model)(**current | {setting.name: value}, sm=model.sm)
            except InputError:  # it does not go with the other settings
                continue


def _choices(annotation: Any) -> tuple[Any, ...]:
    if annotation is bool:
        return (False, True)
    literal = typing.get_origin(annotation) is typing.Literal
    return typing.get_args(annotation) if literal else ()
