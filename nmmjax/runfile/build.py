"""The run file: TOML in, a checked description and a `Posterior` out.

One file is one question and one run directory. Every key is known, every default is filled in
(`resolved`), and each refusal names the file, the key and what would be right.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from nmmjax import textfile
from nmmjax.constraints import library
from nmmjax.constraints.base import Constraint
from nmmjax.errors import InputError, located, suggest
from nmmjax.physics.constants import Constants
from nmmjax.runfile import contract, plugins
from nmmjax.runfile.blame import user_code
from nmmjax.runfile.schema import ModelSection, PriorTable, RunFile, validated
from nmmjax.target.model import Model, check_priors
from nmmjax.target.offered import offered, suggest_parameter
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import Angle, LogUniform, Normal, Prior, SignedLog, Uniform
from nmmjax.target.settings import settings


def read(path: pathlib.Path, overrides: Sequence[str] = ()) -> tuple[RunFile, str]:
    """(run file, its text), with `path.in.runfile=value` overrides applied before checking."""
    text = textfile.read(path, "run file")
    with located(str(path)):
        tree = textfile.parse_toml(text)
        for override in overrides:
            _override(tree, override)
        textfile.check_tree(tree)
        return validated(tree), text


def build_model(section: ModelSection, where: str) -> Model:
    """Build the model of `[model]`; a user's is held against the contract of `Model`.

    A file is looked for beside the run file. Raises InputError naming file and key.
    """
    model = _instance(section, where)
    with located(f"{where}: [model] name"):
        contract.check(model)
    return model


def _instance(section: ModelSection, where: str) -> Model:
    with located(f"{where}: [model] name"):
        kind = plugins.find(
            section.name,
            "nmmjax.models",
            lambda c: "" if issubclass(c, Model) and c is not Model else "it is no Model",
            "model",
            pathlib.Path(where).parent,
        )
    known = {declared.name: declared for declared in settings(kind)}
    # A wrong value may say which model was meant, and so why other keys are unknown.
    with located(f"{where}: [model] settings"):
        for key in sorted(section.settings.keys() & known.keys()):
            known[key].value(section.settings[key])
    for key in section.settings:
        with located(f"{where}: [model] settings.{key}"):
            if key not in known:
                raise InputError(f"not a setting of {section.name}{suggest(key, known)}")
    with located(f"{where}: [model] sm"):
        constants = _constants(section.sm)
    with located(f"{where}: [model] settings"):
        try:
            return kind(**section.settings, sm=constants)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(str(error)) from None
        except Exception:
            if kind.__module__.startswith("nmmjax."):  # a bug of our own keeps its traceback
                raise
            with user_code(kind.__name__):
                raise


def build_posterior(run: RunFile, where: str) -> Posterior:
    """Build the target density that a run file describes; raises InputError naming file and key."""
    model = build_model(run.model, where)
    names = [p.name for p in model.parameters]
    chosen: dict[str, Prior | float] = {}
    for name, given in run.priors.items():
        with located(f"{where}: [priors] {name}"):
            if name not in names:
                hint = suggest_parameter(model, name)
                raise InputError(f"not a parameter of {run.model.name}{hint}")
            chosen[name] = _prior(given)
    with located(f"{where}: [priors]"):
        check_priors(model, {p.name: chosen.get(p.name, p.prior) for p in model.parameters})
    files = [pathlib.Path(where).parent / file for file in run.target.constraint_files]
    with located(f"{where}: [target] constraints"):
        limits = library.load(
            run.target.constraints,
            observables=offered(model),
            files=files,
            ordering=str(getattr(model, "ordering", "NO")),
            tail_sigma=run.target.tail_sigma,
        )
    with located(f"{where}: [target] prefer"):
        wishes = library.prefer(
            {name: table.model_dump() for name, table in run.target.prefer.items()}
        )
    with located(f"{where}: [target]"):
        contract.check_scalars(model, (*limits, *wishes))
    with located(where):
        return Posterior(model, chosen, limits, wishes, run.chart.kind)


def resolved(
    run: RunFile, posterior: Posterior, engine: dict[str, Any], burn_in: int
) -> dict[str, Any]:
    """Everything that fixes the draws, defaults filled in, as a TOML-ready tree.

    engine   its name and every option
    burn_in  draws discarded at the beginning

    `physics` and `sampling` decide whether a directory may be continued; `stop` may change.
    """
    model = posterior.model
    chosen = {s.name: getattr(model, s.name) for s in settings(type(model))}
    priors: dict[str, Any] = {p: prior_table(prior) for p, prior in posterior.chart.priors}
    physics = {
        "model": {"name": run.model.name, "settings": chosen},
        "constants": dataclasses.asdict(model.sm),
        "priors": priors | dict(posterior.chart.fixed),
        "constraints": {c.name: _numbers(c) for c in posterior.constraints},
        "prefer": {term.name: _numbers(term) for term in posterior.prefer},
        "chart": {"kind": run.chart.kind, "coordinates": list(posterior.chart.labels)},
    }
    sampling = {
        "engine": engine,
        "start": run.engine.start,
        "superchains": run.engine.superchains,
        "seed": run.run.seed,
        "burn_in": burn_in,
    }
    stop = {"draws": run.run.draws, "until": run.run.until.model_dump(exclude_defaults=True)}
    return _without_none({"physics": physics, "sampling": sampling, "stop": stop})


def _numbers(constraint: Constraint) -> dict[str, Any]:
    """Return what the likelihood of a constraint uses: shape, and fields except name and source."""
    fields = (f.name for f in dataclasses.fields(constraint) if f.name not in ("name", "source"))
    return {"shape": type(constraint).__name__} | {f: getattr(constraint, f) for f in fields}


def _without_none(tree: Any) -> Any:
    """TOML has no null: settings that are None are left out."""
    if isinstance(tree, dict):
        return {k: _without_none(v) for k, v in tree.items() if v is not None}
    return list(tree) if isinstance(tree, tuple) else tree


def _override(tree: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise InputError(f"--set takes path.in.runfile=value, got '{text}'")
    node = tree
    for part in parts[:-1]:
        node = node.setdefault(part, {})
        if isinstance(node, list):
            raise InputError(f"--set {text}: '{part}' is a list: give all of it, {part}=[...]")
        if not isinstance(node, dict):
            raise InputError(f"--set {text}: '{part}' is a value in the run file, not a table")
    node[parts[-1]] = parse_value(value.strip())


def parse_value(text: str) -> Any:
    """Parse a TOML value from the command line; what is not one TOML value is taken as a string."""
    try:
        tree = textfile.parse_toml(f"x = {text}")
    except textfile.NotTOML:
        return text
    return tree["x"] if tree.keys() == {"x"} else text


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
    """Return the run file's spelling of a prior."""
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
