"""The run file: TOML in, a checked description and a `Posterior` out.

One file is one question and one run directory. Every key is known, every default is filled in
(`resolved`), and each refusal names the file, the key and what would be right.
"""

import dataclasses
import pathlib
import tomllib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import pydantic
from pydantic import ConfigDict, Field

from nmmjax import constraints, plugins
from nmmjax.constants import Constants
from nmmjax.constraints import Constraint
from nmmjax.errors import InputError, located, suggest
from nmmjax.model import Model
from nmmjax.posterior import Posterior, offered
from nmmjax.priors import Angle, LogUniform, Normal, Prior, SignedLog, Uniform

type Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
type Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]


class _Section(pydantic.BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ModelSection(_Section):
    name: str
    settings: dict[str, Any] = {}
    sm: dict[str, Number] = {}


class PriorTable(_Section):
    """Exactly one kind, e.g. `{ log_uniform = [800, 1e5], edge = 0.1 }`."""

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
    kind: Literal["auto", "shear", "box"] = "auto"


class EngineSection(_Section):
    name: str = "ensemble"
    options: dict[str, Any] = {}


class UntilTable(_Section):
    rhat: Annotated[Number, Field(gt=1.0)] | None = None
    ess: Annotated[Number, Field(gt=0.0)] | None = None
    max_minutes: Annotated[Number, Field(gt=0.0)] | None = None


class RunSection(_Section):
    title: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    draws: Annotated[int, Field(ge=1)] = 500
    burn_in: Annotated[int, Field(ge=0)] = 75
    until: UntilTable = UntilTable()


class RunFile(_Section):
    """A run file as given, checked key by key."""

    model: ModelSection
    priors: dict[str, Number | PriorTable] = {}
    target: TargetSection = TargetSection()
    chart: ChartSection = ChartSection()
    engine: EngineSection = EngineSection()
    run: RunSection = RunSection()


def read(path: pathlib.Path, overrides: Sequence[str] = ()) -> tuple[RunFile, str]:
    """(run file, its text), with `path.in.runfile=value` overrides applied before checking."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"cannot read run file '{path}': {reason}") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    for override in overrides:
        _override(tree, override)
    try:
        return RunFile.model_validate(tree), text
    except pydantic.ValidationError as error:
        raise InputError(f"{path}: {_explain(error, tree)}") from None


def build_model(section: ModelSection, where: str) -> Model:
    """The model instance that `[model]` describes; raises InputError naming file and key."""
    with located(f"{where}: [model] name"):
        kind = plugins.find(
            section.name,
            "nmmjax.models",
            lambda c: issubclass(c, Model) and c is not Model,
            "model",
        )
    settings = {f.name: f for f in dataclasses.fields(kind) if f.name != "sm"}
    for key, value in section.settings.items():
        with located(f"{where}: [model] settings.{key}"):
            if key not in settings:
                raise InputError(f"not a setting of {section.name}{suggest(key, settings)}")
            check_type(value, settings[key].type)
    with located(f"{where}: [model] sm"):
        constants = _constants(section.sm)
    with located(f"{where}: [model] settings"):
        return kind(**section.settings, sm=constants)


def build_posterior(run: RunFile, where: str) -> Posterior:
    """The target density that the run file describes; raises InputError naming file and key."""
    model = build_model(run.model, where)
    names = [p.name for p in model.parameters]
    chosen: dict[str, Prior | float] = {}
    for name, given in run.priors.items():
        with located(f"{where}: [priors] {name}"):
            if name not in names:
                raise InputError(f"not a parameter of {run.model.name}{suggest(name, names)}")
            chosen[name] = _prior(given)
    files = [pathlib.Path(where).parent / file for file in run.target.constraint_files]
    with located(f"{where}: [target] constraints"):
        limits = constraints.load(
            run.target.constraints,
            observables=offered(model),
            files=files,
            ordering=str(getattr(model, "ordering", "NO")),
            tail_sigma=run.target.tail_sigma,
        )
    with located(f"{where}: [target] prefer"):
        wishes = constraints.prefer(
            {name: table.model_dump() for name, table in run.target.prefer.items()}
        )
    with located(f"{where}: [target] prefer"):
        return Posterior(model, chosen, limits, wishes, run.chart.kind)


def resolved(run: RunFile, posterior: Posterior, engine: dict[str, Any]) -> dict[str, Any]:
    """Everything that fixes the draws, defaults filled in, as a TOML-ready tree.

    `physics` and `sampling` decide whether a directory may be continued; `stop` may change.
    """
    model = posterior.model
    settings = {f.name: getattr(model, f.name) for f in dataclasses.fields(model) if f.name != "sm"}
    priors: dict[str, Any] = {p: prior_table(prior) for p, prior in posterior.chart.priors}
    physics = {
        "model": {"name": run.model.name, "settings": settings},
        "constants": dataclasses.asdict(model.sm),
        "priors": priors | dict(posterior.chart.fixed),
        "constraints": {c.name: _numbers(c) for c in posterior.constraints},
        "prefer": {term.name: _numbers(term) for term in posterior.prefer},
        "chart": {"kind": run.chart.kind, "coordinates": list(posterior.chart.labels)},
    }
    sampling = {"engine": engine, "seed": run.run.seed, "burn_in": run.run.burn_in}
    stop = {"draws": run.run.draws, "until": run.run.until.model_dump(exclude_none=True)}
    return _without_none({"physics": physics, "sampling": sampling, "stop": stop})


def _numbers(constraint: Constraint) -> dict[str, Any]:
    """What the likelihood computes with: shape and every field but its name and source."""
    fields = (f.name for f in dataclasses.fields(constraint) if f.name not in ("name", "source"))
    return {"shape": type(constraint).__name__} | {f: getattr(constraint, f) for f in fields}


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Leaves in which two resolved trees differ, as 'path: old -> new'."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in [*old, *(k for k in new if k not in old)]:
            below = f"{path}.{key}" if path else key
            found += differences(old.get(key), new.get(key), below)
        return found
    return [] if old == new else [f"{path}: {_shown(old)} -> {_shown(new)}"]


def _shown(value: Any) -> str:
    return "(absent)" if value is None else repr(value)


def _without_none(tree: Any) -> Any:
    """TOML has no null: settings that are None are left out."""
    if isinstance(tree, dict):
        return {k: _without_none(v) for k, v in tree.items() if v is not None}
    return list(tree) if isinstance(tree, tuple) else tree


def _override(tree: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise InputError(f"--set takes path.in.runfile=value, got '{text}'")
    node = tree
    for part in parts[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise InputError(f"--set {text}: '{part}' is a value in the run file, not a table")
    node[parts[-1]] = parse_value(value.strip())


def parse_value(text: str) -> Any:
    """A TOML value from the command line; what is not TOML is taken as a string."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(error: pydantic.ValidationError, tree: dict[str, Any]) -> str:
    """The first complaint in words: which key, what is wrong, what would be right."""
    # a prior is a number or a table: the branch that was meant got furthest into the input
    first = max(error.errors(include_url=False), key=lambda e: len(e["loc"]))
    names = [part for part in first["loc"] if isinstance(part, str)]
    keys = [n for n in names if _is_key(n)]
    if first["type"] == "extra_forbidden":
        *section, key = keys
        where = f"[{'.'.join(section)}]" if section else "the top level"
        return f"unknown key '{key}' in {where}{suggest(key, _allowed_keys(section))}"
    if first["type"] == "missing":
        return f"'{'.'.join(keys)}' is missing"
    given = first["input"]
    shown = f"a table with keys {list(given)}" if isinstance(given, dict) else repr(given)
    return f"'{'.'.join(keys)}': {first['msg']}, got {shown}"


def _is_key(part: str) -> bool:
    """pydantic puts the branch of a union ('PriorTable', 'float') among the keys."""
    return part != "PriorTable" and not part.startswith(("float", "function-", "constrained-"))


def _allowed_keys(section: Iterable[str]) -> list[str]:
    kind: Any = RunFile
    for part in section:
        if kind is RunFile and part == "priors":
            return list(PriorTable.model_fields)
        if kind is TargetSection and part == "prefer":
            return list(PreferTable.model_fields)
        kind = kind.model_fields[part].annotation
    return list(kind.model_fields)


def check_type(value: Any, annotation: Any) -> None:
    try:
        pydantic.TypeAdapter(annotation).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise InputError(f"{message}, got {value!r}") from None


def _constants(overrides: dict[str, float]) -> Constants:
    known = [f.name for f in dataclasses.fields(Constants)]
    for name in overrides:
        if name not in known:
            raise InputError(f"'{name}' is not a constant{suggest(name, known)}")
    return Constants(**overrides)


def _prior(given: float | PriorTable) -> Prior | float:
    if not isinstance(given, PriorTable):
        return given
    kinds = given.model_dump(exclude_none=True, exclude={"edge"})
    if len(kinds) != 1:
        raise InputError(
            "a prior is a number (fixed) or a table with exactly one of uniform, log_uniform, "
            f"signed_log, normal, angle; got {sorted(kinds) or 'none of them'}"
        )
    ((kind, numbers),) = kinds.items()
    if kind in ("normal", "angle") and given.edge:
        raise InputError(f"a {kind} prior has no edges: leave 'edge' out")
    try:
        match kind:
            case "uniform":
                return Uniform(*numbers, edge=given.edge)
            case "log_uniform":
                return LogUniform(*numbers, edge=given.edge)
            case "signed_log":
                return SignedLog(numbers[1], scale=numbers[0], edge=given.edge)
            case "normal":
                return Normal(*numbers)
            case _:
                return Angle()
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from None


def prior_table(prior: Prior) -> dict[str, Any]:
    """The run file's spelling of a prior."""
    match prior:
        case LogUniform():
            table: dict[str, Any] = {"log_uniform": [prior.low, prior.high], "edge": prior.edge}
        case SignedLog():
            table = {"signed_log": [prior.scale, prior.high], "edge": prior.edge}
        case Uniform():
            table = {"uniform": [prior.low, prior.high], "edge": prior.edge}
        case Normal():
            table = {"normal": [prior.mean, prior.sd]}
        case _:
            table = {"angle": True}
    return {k: v for k, v in table.items() if v != 0.0}
