"""Settings of a model: typed fields with a line of meaning each, checked by one rule."""

import dataclasses
import typing
from typing import Annotated, Any

import equinox as eqx
import pydantic
from pydantic import Field

from nmmjax.errors import InputError

Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]

_RULES = pydantic.ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a finite number",
    "string": "a text",
    "array": "a list",
    "object": "a table",
    "null": "left out",
}
_BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}


def setting(default: Any, text: str) -> Any:
    """Declare a setting of a model by default and one line of meaning; the annotation is its type.

    Types are those of a run file: `Literal[...]`, bool, int, float, str, `Positive` and the like,
    each also `| None`. Floats are finite.
    """
    return eqx.field(static=True, default=default, converter=_as_given, metadata={"text": text})


def _as_given(value: Any) -> Any:
    """Leave a value for `check` to judge: its parameter has no type that beartype would test."""
    return value


@dataclasses.dataclass(frozen=True)
class Setting:
    """Declaration of one setting of a model: name, type, default, one line of meaning."""

    name: str
    annotation: Any
    default: Any
    text: str

    @property
    def expected(self) -> str:
        """Say which values are allowed: "'NO' or 'IO'", "a finite number > 0, or left out"."""
        try:
            schema = _adapter(self.annotation).json_schema()
        except pydantic.errors.PydanticInvalidForJsonSchema:  # no type of a run file
            return str(self.annotation)
        return ", or ".join(_words(kind) for kind in schema.get("anyOf", [schema]))

    @property
    def line(self) -> str:
        """Describe the setting for a list: name, default, allowed values and meaning."""
        default = "left out" if self.default is None else f"= {shown(self.default)}"
        meaning = f": {self.text}" if self.text else ""
        return f"{self.name} {default} ({self.expected}){meaning}"

    def value(self, given: Any) -> Any:
        """Convert a value to the setting's type (1 to 1.0). Raises InputError if that fails."""
        try:
            value = _adapter(self.annotation).validate_python(given)
            if isinstance(value, bool) == isinstance(given, bool):  # true is not the choice 1
                return value
        except pydantic.ValidationError:
            pass
        meaning = f" ({self.text})" if self.text else ""
        raise InputError(f"{self.name} = {shown(given)} given; it is {self.expected}{meaning}")


def settings(model: type) -> tuple[Setting, ...]:
    """List the settings that a class of models declares, in their order; constants are none."""
    types = typing.get_type_hints(model, include_extras=True)
    return tuple(
        Setting(f.name, types[f.name], f.default, f.metadata.get("text", ""))
        for f in dataclasses.fields(model)
        if f.name != "sm"
    )


def check(model: Any) -> None:
    """Give every setting of a model the type that it declares.

    Raises InputError for one that is of another type, no choice, out of range or not finite.
    """
    for declared in settings(type(model)):
        value = declared.value(getattr(model, declared.name))
        object.__setattr__(model, declared.name, value)


def shown(value: Any) -> str:
    """Return a value as a run file spells it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _adapter(annotation):
    return pydantic.TypeAdapter(annotation, config=_RULES)


def _words(schema: dict[str, Any]) -> str:
    """One alternative of a JSON schema in words."""
    if "const" in schema or "enum" in schema:
        *others, last = (shown(x) for x in schema.get("enum", [schema.get("const")]))
        return f"{', '.join(others)} or {last}" if others else last
    word = _WORDS.get(schema.get("type", ""), "of another type")
    bounds = [f"{sign} {schema[key]:g}" for key, sign in _BOUNDS.items() if key in schema]
    return " ".join([word, " and ".join(bounds)]).rstrip()
