"""`nmmjax summary` and `nmmjax list`: what is there, printed."""

import inspect
import json
import pathlib
from collections.abc import Callable
from typing import Any

from nmmjax.cli.terminal import out, width
from nmmjax.errors import InputError, suggest
from nmmjax.runfile import plugins


def show_summary(directory: pathlib.Path, as_json: bool, full: bool = False) -> None:
    """Print the first screen of the summary of a run directory, or all of it."""
    from nmmjax.cli.session import start_jax
    from nmmjax.results.rundir import open_run

    run = open_run(directory)
    from nmmjax.results import screen, summary, tables
    from nmmjax.results import text as report

    if run.committed == 0 and run.tables:
        if as_json:
            _print_json(tables.to_json(run))
        else:
            out(tables.to_text(run, width()))
        return
    start_jax()
    found = summary.summarise(run)
    if as_json:
        _print_json(report.to_json(found))
    else:
        out((report if full else screen).to_text(found, width()))


def show_constraint(
    name: str, files: list[pathlib.Path], figure: pathlib.Path | None, as_json: bool
) -> None:
    """Print what there is to say about one constraint; draw it if it is a curve."""
    from nmmjax.cli.session import start_jax
    from nmmjax.constraints import library
    from nmmjax.constraints.ends import Curve
    from nmmjax.figures import curves
    from nmmjax.figures.axes import legible

    start_jax()
    card = library.card(name, files=files)
    (found,) = library.load([name], files=files)
    if isinstance(found, Curve):
        path = figure if figure is not None else pathlib.Path(f"{name}.png")
        try:
            legible(curves.curves_figure([found])).savefig(path)
        except (OSError, ValueError) as error:
            raise InputError(f"cannot write figure '{path}': {error}") from None
        card["figure"] = str(path)
    if as_json:
        _print_json(card)
    else:
        out(_in_full(name, {key: text for key, text in card.items() if text}))


def show_list(what: str, name: str | None, group: str | None, as_json: bool) -> None:
    """Print one line per model, constraint, engine or observable, or one of them in full."""
    kinds: dict[str, Callable[[], dict[str, dict[str, Any]]]] = {
        "models": _models,
        "constraints": _constraints,
        "engines": _engines,
        "observables": _observables,
    }
    if what not in kinds:
        raise InputError(f"cannot list '{what}'{suggest(what, kinds)}")
    if group is not None and what != "constraints":
        raise InputError("--group goes with constraints only")
    entries = _constraints(group) if what == "constraints" else kinds[what]()
    if name is not None and name not in entries:
        raise InputError(f"'{name}' is not among the {what}{suggest(name, entries)}")
    if as_json:
        _print_json(entries if name is None else entries[name])
    elif name is None:
        wide = max(len(key) for key in entries)
        for key, entry in entries.items():
            out(f"{key:<{wide}}  {entry['line']}\n")
    else:
        out(_in_full(name, entries[name]))


def _print_json(tree: Any) -> None:
    out(json.dumps(tree, indent=1, allow_nan=False) + "\n")


def _in_full(name: str, entry: dict[str, Any]) -> str:
    lines = [name]
    for key, value in entry.items():
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


def _models() -> dict[str, dict[str, Any]]:
    from nmmjax.cli.session import start_jax

    start_jax()
    return {name: _model_entry(name) for name in plugins.names("nmmjax.models")}


def _model_entry(name: str) -> dict[str, Any]:
    from nmmjax.runfile.build import ModelSection, build_model, prior_table
    from nmmjax.target.settings import settings

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
    """A prior as one line, in the run file's words."""
    return ", ".join(
        f"{kind} [{', '.join(f'{x:g}' for x in value)}]"
        if isinstance(value, list)
        else f"{kind} {value}"
        for kind, value in table.items()
    )


def _constraints(group: str | None = None) -> dict[str, dict[str, Any]]:
    from nmmjax.constraints import library

    found = {}
    for name, entry in library.listing(group).items():
        (constraint,) = library.load([name])
        flag = "  [from memory, unconfirmed]" if "memory" in entry.get("verified", "") else ""
        found[name] = {"line": f"{constraint.describe()}{flag}"} | dict(entry)
    return found


def _engines() -> dict[str, dict[str, Any]]:
    import dataclasses

    from nmmjax.cli.engines import engine_names, find_engine

    found = {}
    for name in engine_names():
        kind = find_engine(name)
        found[name] = {
            "line": _first_line(kind),
            "options": [f"{f.name} = {f.default!r}" for f in dataclasses.fields(kind)],
            "documentation": inspect.getdoc(kind) or "",
        }
    return found


def _observables() -> dict[str, dict[str, Any]]:
    from nmmjax.catalogue import CATALOGUE

    return {
        name: {"line": f"{q.text}{f' [{q.unit}]' if q.unit else ''}", "unit": q.unit}
        | {"latex": q.latex, "text": q.text}
        for name, q in CATALOGUE.items()
    }
