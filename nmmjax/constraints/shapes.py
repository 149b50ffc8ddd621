"""The likelihood shapes there are: every concrete class of the files named here.

A new shape is one class in one of them, with its word in a data file, its likelihood and what it
leaves of an axis; nothing else lists it.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from nmmjax.constraints import curves, gaussians, limits, recoils, regions, wishes
from nmmjax.constraints.base import Constraint, Source

_CLASSES = tuple(
    kind
    for module in (gaussians, limits, wishes, curves, regions, recoils)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if kind.__module__ == module.__name__
    and issubclass(kind, Constraint)
    and not inspect.isabstract(kind)
)
BY_WORD: dict[str, type[Constraint]] = {kind.word: kind for kind in _CLASSES if kind.word}
_BY_NAME = {kind.__name__: kind for kind in _CLASSES}


def rebuilt(name: str, table: Mapping[str, Any]) -> Constraint | None:
    """Build the constraint that a run directory describes by shape and fields; None if unknown.

    Fields that a table leaves out are None, lists are tuples.
    """
    kind = _BY_NAME.get(table["shape"])
    if kind is None:
        return None
    given: dict[str, Any] = {"name": name, "source": Source("the run file", None, "")}
    for field in dataclasses.fields(kind):
        if field.name in table:
            value = table[field.name]
            given[field.name] = tuple(value) if isinstance(value, list) else value
        elif field.default is dataclasses.MISSING and field.name not in given:
            given[field.name] = None
    return kind(**given)
