"""`nmmjax summary` and `nmmjax list`: what is there, printed."""

import inspect
import json
import pathlib
from typing import Any

from nmmjax.cli.terminal import out, width
from nmmjax.errors import InputError, suggest
from nmmjax.runfile import plugins

_PACKAGES = {"models": "nmmjax.models", "engines": "nmmjax.samplers.engines"}
_KINDS = (*_PACKAGES, "constraints", "observables")


def show_summary(
    directory: pathlib.Path, as_json: bool, full: bool = False, allow_changes: bool = False
) -> None:
    """Print the first screen of the summary of a run, or of shards as one run; or all of it."""
    from nmmjax.results.shards import open_run

    run = open_run(directory, allow_changes)  # refused before anything heavy is imported
    from nmmjax.cli.session import start_jax
    from nmmjax.results import screen, summary, tables
    from nmmjax.results import text as report

    if run.committed == 0 and run.tables:
        if as_json:
            _print_json(tables.to_json(run))
        else:
            out(tables.to_text(run, width()))
        return
    start_jax(reads=True)
    found = summary.summarise(run)
    if as_json:
        _print_json(report.to_json(found))
    else:
        out((report if full else screen).to_text(found, width()))


def show_constraint(
    name: str, files: list[pathlib.Path], figure: pathlib.Path | None, as_json: bool
) -> None:
    """Print what there is to say about one constraint; draw it if it is a curve."""
    from nmmjax.constraints import library

    card = library.card(name, files=files)
    if library.drawn(name, files=files):
        path = figure if figure is not None else pathlib.Path(f"{name}.png")
        _draw(name, files, path)
        card["figure"] = str(path)
    if as_json:
        _print_json(card)
    else:
        out(_in_full(name, {key: text for key, text in card.items() if text}))


def _draw(name: str, files: list[pathlib.Path], path: pathlib.Path) -> None:
    from nmmjax.cli.session import start_jax
    from nmmjax.constraints import library
    from nmmjax.constraints.ends import Curve
    from nmmjax.figures import curves
    from nmmjax.figures.axes import legible

    start_jax(reads=True)
    (found,) = library.load([name], files=files)
    assert isinstance(found, Curve)
    try:
        legible(curves.curves_figure([found])).savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write figure '{path}': {error}") from None


def show_list(what: str, name: str | None, group: str | None, as_json: bool) -> None:
    """Print one line per model, constraint, engine or observable, or one of them in full."""
    if what not in _KINDS:
        raise InputError(f"cannot list '{what}'{suggest(what, _KINDS)}")
    if group is not None and what != "constraints":
        raise InputError("--group goes with constraints only")
    if name is not None:
        _show_one(what, name, group, as_json)
        return
    if as_json:
        _print_json({key: _entry(what, key) for key in _lines(what, group)})
    else:
        entries = _lines(what, group)
        wide = max(len(key) for key in entries)
        for key, entry in entries.items():
            out(f"{key:<{wide}}  {entry}\n")


def _show_one(what: str, name: str, group: str | None, as_json: bool) -> None:
    """Print everything about one model, constraint, engine or observable."""
    if name not in (known := _lines(what, group)) and not (
        what in _PACKAGES and plugins.foreign(name)
    ):
        raise InputError(f"'{name}' is not among the {what}{suggest(name, known)}")
    entry = _entry(what, name)
    if as_json:
        _print_json(entry)
    else:
        out(_in_full(name, entry))


def _lines(what: str, group: str | None = None) -> dict[str, str]:
    """Name -> a line about it; nothing heavy is imported for it."""
    if what in _PACKAGES:
        package = _PACKAGES[what]
        return {name: plugins.line(name, package) for name in plugins.names(package)}
    if what == "observables":
        return {name: entry["line"] for name, entry in _observables().items()}
    return {name: entry["line"] for name, entry in _constraints(group).items()}


def _entry(what: str, name: str) -> dict[str, Any]:
    """Everything about one of them."""
    match what:
        case "models":
            return _model_entry(name)
        case "engines":
            return _engine_entry(name)
        case "constraints":
            return _constraints()[name]
    return _observables()[name]


def _print_json(tree: Any) -> None:
    out(json.dumps(tree, indent=1, allow_nan=False) + "\n")


def _in_full(name: str, entry: dict[str, Any]) -> str:
    """The name with its line, then a line or a list of them for each key."""
    rest = dict(entry)
    lines = [f"{name}: {rest.pop('line')}" if "line" in rest else name]
    for key, value in rest.items():
        if isinstance(value, list):
            lines.append(f"{key}:")
            lines += [f"  {item}" for item in value]
        elif key == "documentation":
            lines += ["", value]
        else:
            lines.append(f"{key}: {value}")
    return "\n".join(lines) + "\n"


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _model_entry(name: str) -> dict[str, Any]:
    from nmmjax.cli.session import start_jax
    from nmmjax.runfile.build import ModelSection, build_model, prior_table
    from nmmjax.target.settings import settings

    start_jax(reads=True)
    model = build_model(ModelSection(name=name), "list")
    return {
        "line": _first_line(type(model)),
        "parameters": [
            f"{p.name:<12} {prior_text(prior_table(p.prior)):<32} {p.unit:<6} {p.description}"
            for p in model.parameters
        ],
        "settings": [declared.line for declared in settings(type(model))],
        "documentation": inspect.getdoc(type(model)) or "",
    }


def prior_text(table: dict[str, Any]) -> str:
    """Return a prior as one line, in the run file's words."""
    return ", ".join(
        f"{kind} [{', '.join(f'{x:g}' for x in value)}]"
        if isinstance(value, list)
        else f"{kind} {value}"
        for kind, value in table.items()
    )


def _constraints(group: str | None = None) -> dict[str, dict[str, Any]]:
    from nmmjax.constraints import library, words

    found = {}
    for name, entry in library.listing(group).items():
        flag = "  [from memory, unconfirmed]" if "memory" in entry.get("verified", "") else ""
        found[name] = {"line": f"{words.of(entry)}{flag}"} | dict(entry)
    return found


def _engine_entry(name: str) -> dict[str, Any]:
    import dataclasses

    from nmmjax.cli.engines import find_engine

    kind = find_engine(name)
    return {
        "line": _first_line(kind),
        "options": [f"{f.name} = {f.default!r}" for f in dataclasses.fields(kind)],
        "documentation": inspect.getdoc(kind) or "",
    }


def _observables() -> dict[str, dict[str, Any]]:
    from nmmjax.catalogue import CATALOGUE

    return {
        name: {"line": f"{q.text}{f' [{q.unit}]' if q.unit else ''}", "unit": q.unit}
        | {"latex": q.latex, "text": q.text}
        for name, q in CATALOGUE.items()
    }
