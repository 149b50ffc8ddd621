"""Commands that ask what there is: evaluate, list, constraint, reproduce, info."""

import pathlib
from typing import Annotated

import typer

from nmmjax.cli.arguments import JsonFlag, NoPluginsFlag, app


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(help="A model's file name, module:Class, or path/file.py:Class.")
    ],
    points: Annotated[
        pathlib.Path | None,
        typer.Option(help="JSON file with a list of points, each an object of parameters."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter: name=value. Repeatable.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(help="A setting of the model: key=value, sm.v_h=174.0. Repeatable."),
    ] = None,
    json: JsonFlag = False,
    no_plugins: NoPluginsFlag = False,
) -> None:
    """Compute the observables at one point or at a list of points.

    A model given as module:Class or path/file.py:Class is code that runs: read it first.
    """
    from nmmjax.cli.evaluate import evaluate_points

    evaluate_points(model, points, list(set_ or []), list(setting or []), json, no_plugins)


@app.command(name="list")
def list_(
    what: Annotated[str, typer.Argument(help="models, constraints, engines or observables")],
    name: Annotated[str | None, typer.Argument(help="One of them, in full.")] = None,
    group: Annotated[str | None, typer.Option(help="Only constraints of this group.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the models, constraints, engines or observables; or show one of them in full."""
    from nmmjax.cli.show import show_list

    show_list(what, name, group, json)


@app.command()
def constraint(
    name: Annotated[str, typer.Argument(help="Its name, see `nmmjax list constraints`.")],
    file: Annotated[
        list[pathlib.Path] | None, typer.Option(help="A constraint file of your own. Repeatable.")
    ] = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="File for the curve. Default: NAME.png in this folder."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show one constraint: value, source, note, licence, alternatives; draw its curve as PNG."""
    from nmmjax.cli.show import show_constraint

    show_constraint(name, list(file or []), out, json)


@app.command()
def reproduce(
    what: Annotated[
        str,
        typer.Argument(
            help="LIST, all, the name of a figure, or a definition of your own (.toml)."
        ),
    ],
    out: Annotated[
        pathlib.Path, typer.Option("--out", "-o", help="Folder for figures and numbers.")
    ] = pathlib.Path("reproduced"),
    format_: Annotated[str, typer.Option("--format", help="Any of png,pdf,svg.")] = "png,pdf",
    recompute: Annotated[
        str | None,
        typer.Option(help="For `models`: search these run files anew (a,b; or all), minutes each."),
    ] = None,
    runs: Annotated[
        pathlib.Path, typer.Option(help="Where --recompute finds the run files.")
    ] = pathlib.Path("runs"),
) -> None:
    """Redraw figures of the source papers, as printed beside as derived, with their numbers.

    LIST prints their names and what each shows.
    """
    from nmmjax.cli.reproduce import reproduce_figures

    reproduce_figures(what, out, format_, recompute, runs)


@app.command()
def info(json: JsonFlag = False) -> None:
    """Print versions, devices, memory, precision, cache and data, for bug reports."""
    from nmmjax.cli.info import show_info

    show_info(json)
