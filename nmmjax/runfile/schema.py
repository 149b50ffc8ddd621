"""The keys of a run file with their types and bounds, and what is said of one that is wrong."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import pydantic
from pydantic import ConfigDict, Field
from pydantic_core import ErrorDetails

from nmmjax.errors import InputError, suggest

type Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
type Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]


class _Section(pydantic.BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ModelSection(_Section):
    name: str
    settings: dict[str, Any] = {}
    sm: dict[str, Number] = {}


class PriorTable(_Section):
    """Prior of exactly one kind, e.g. `{ log_uniform = [800, 1e5], edge = 0.1 }`."""

    uniform: Pair | None = None
    log_uniform: Pair | None = None
    signed_log: Pair | None = None  # [scale, high]
    normal: Pair | None = None  # [mean, sd]
    angle: bool | None = None
    edge: Number = 0.0


class PreferTable(_Section):
    above: Number | None = None
    below: Number | None = None
    width_dex: Annotated[Number, Field(gt=0.0)] = 0.25


class TargetSection(_Section):
    constraints: list[str] = []
    constraint_files: list[str] = []  # the user's own, relative to the run file
    tail_sigma: Annotated[Number, Field(gt=0.0)] | None = None
    prefer: dict[str, PreferTable] = {}


class ChartSection(_Section):
    kind: Literal["auto", "ratios", "shear", "box"] = "auto"


class EngineSection(_Section):
    name: str = "ensemble"
    start: Literal["screened", "prior", "importance", "search"] = "screened"
    superchains: Annotated[int, Field(ge=2)] | None = None  # None: every chain starts elsewhere
    options: dict[str, Any] = {}


class UntilTable(_Section):
    rhat: Annotated[Number, Field(gt=1.0)] | None = None
    ess: Annotated[Number, Field(gt=0.0)] | None = None
    max_minutes: Annotated[Number, Field(gt=0.0)] | None = None
    shards: bool = False  # rhat and ess are those of the draws of all tasks together


class RunSection(_Section):
    title: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    draws: Annotated[int, Field(ge=1)] = 500
    burn_in: Annotated[int, Field(ge=0)] | None = None  # None: as the engine needs
    until: UntilTable = UntilTable()


class StoreSection(_Section):
    """What chains.h5 holds of each draw, and how."""

    observables: list[str] | None = None  # beside the parameters; None: all
    dtype: Literal["float64", "float32"] = "float64"
    compression: Annotated[int, Field(ge=0, le=9)] = 0  # level of gzip; 0: none


class RunFile(_Section):
    """A run file as given, checked key by key."""

    model: ModelSection
    priors: dict[str, Number | PriorTable] = {}
    target: TargetSection = TargetSection()
    chart: ChartSection = ChartSection()
    engine: EngineSection = EngineSection()
    run: RunSection = RunSection()
    store: StoreSection = StoreSection()


_NEEDED = {
    "float_type": "a number is needed",
    "int_type": "a whole number is needed",
    "string_type": "a text is needed",
    "bool_type": "true or false is needed",
    "list_type": "a list is needed",
    "dict_type": "a table is needed",
    "model_type": "a table is needed",
    "finite_number": "a finite number is needed",
}
_BOUNDS = {
    "greater_than": "a number > {gt:g} is needed",
    "greater_than_equal": "a number >= {ge:g} is needed",
    "less_than": "a number < {lt:g} is needed",
    "literal_error": "{expected} is needed",
    "too_short": "a list of {min_length} numbers is needed",
    "too_long": "a list of {max_length} numbers is needed",
}
_A_PRIOR = "a number (fixed) or a table such as { log_uniform = [1e-6, 1.0] } is needed"
_HINTS = {
    "model": ": the least a run file has is [model] with a name, see `nmmjax list models`",
    "model.name": ": name a model, see `nmmjax list models`",
}
_MOST_SHOWN = 80  # characters of a value


def validated(tree: dict[str, Any]) -> RunFile:
    """Validate a TOML tree as a run file; InputError names the first key that is wrong."""
    try:
        return RunFile.model_validate(tree)
    except pydantic.ValidationError as error:
        raise InputError(_explain(error.errors(include_url=False))) from None


def of_type(value: Any, annotation: Any) -> Any:
    """Read a value of a run file as the type of a field (1 as 1.0); raises InputError otherwise."""
    try:
        return pydantic.TypeAdapter(annotation).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{_wanted(first)}, got {_shown(value)}") from None


def _explain(errors: Sequence[ErrorDetails]) -> str:
    """The first complaint in words: which key, what is wrong, what would be right."""
    # A prior is a number or a table: the branch that was meant got furthest into the input.
    # A key misspelt is also a key missing: the first says more.
    first = max(errors, key=lambda e: (len(e["loc"]), e["type"] == "extra_forbidden"))
    keys = [part for part in first["loc"] if isinstance(part, str) and _is_key(part)]
    name = ".".join(keys)
    if first["type"] == "extra_forbidden":
        *section, key = keys
        where = f"in [{'.'.join(section)}]" if section else "at the top level"
        return f"unknown key '{key}' {where}{_belongs(key) or suggest(key, _allowed(section))}"
    if first["type"] == "missing":
        return f"'{name}' is missing{_HINTS.get(name, '')}"
    ambiguous = keys[:1] == ["priors"] and len(keys) == 2
    return f"'{name}': {_A_PRIOR if ambiguous else _wanted(first)}, got {_shown(first['input'])}"


def _wanted(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**error.get("ctx", {}))
    return _NEEDED.get(kind, error["msg"])


def _shown(value: Any) -> str:
    """A value as given, or what a long one begins with."""
    if isinstance(value, dict):
        text = f"a table with keys {', '.join(map(repr, value))}" if value else "an empty table"
    else:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} ..."


def _is_key(part: str) -> bool:
    """pydantic puts the branch of a union ('PriorTable', 'float') among the keys."""
    return part != "PriorTable" and not part.startswith(("float", "function-", "constrained-"))


def _belongs(key: str) -> str:
    """Say '; it belongs in [run]' for a key that another section has; "" if none or several do."""
    homes = [
        section
        for section, field in RunFile.model_fields.items()
        if key in getattr(field.annotation, "model_fields", {})
    ]
    return f"; it belongs in [{homes[0]}]" if len(homes) == 1 else ""


def _allowed(section: Iterable[str]) -> list[str]:
    kind: Any = RunFile
    for part in section:
        if kind is RunFile and part == "priors":
            return list(PriorTable.model_fields)
        if kind is TargetSection and part == "prefer":
            return list(PreferTable.model_fields)
        kind = kind.model_fields[part].annotation
    return list(kind.model_fields)
