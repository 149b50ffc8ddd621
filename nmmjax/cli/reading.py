"""Commands that read runs: summary, ablate, figures, tables, other formats."""

import pathlib
from typing import Annotated

import typer

from nmmjax.cli.arguments import (
    AllowChangesFlag,
    DirArg,
    JsonFlag,
    NoPluginsFlag,
    app,
    named_or_none,
    run_directories,
    run_directory,
)


@app.command()
def summary(
    directory: DirArg,
    full: Annotated[
        bool, typer.Option("--full", help="Tables, points, constraints and notes as well.")
    ] = False,
    json: JsonFlag = False,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Answer the question of a run on one screen: verdict, largest moment, what decides it."""
    from nmmjax.cli.show import show_summary

    show_summary(directory, json, full, allow_changes)


@app.command()
def ablate(
    directory: DirArg,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="A constraint to leave out, several with commas, or 'direct': all limits on "
            "moments. Repeatable. Default: each constraint that some draw feels, and 'direct'."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.0, help="Time for all of them together.")] = 5.0,
    runfile: Annotated[
        pathlib.Path | None,
        typer.Option(help="The run file, where it names files beside it.", callback=named_or_none),
    ] = None,
    no_plugins: NoPluginsFlag = False,
) -> None:
    """Sample again without each constraint: what it takes away, and what mu_nu would be."""
    from nmmjax.cli.ablate import ablate_run

    ablate_run(directory, list(without or []), minutes, runfile, no_plugins)


@app.command()
def plot(
    directories: Annotated[
        list[pathlib.Path],
        typer.Argument(
            help="A run directory; several are overlaid, each by the title of its run.",
            callback=run_directories,
        ),
    ],
    what: Annotated[
        str | None,
        typer.Option(
            help="Any of corner,map,trace,rank,constraints,frontier. Default: all available."
        ),
    ] = None,
    params: Annotated[
        str | None,
        typer.Option(help="Parameters or observables: a,b. A map draws the last one upwards."),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="Any of png,pdf,svg.")] = "png",
    style: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Parameters of matplotlib: a TOML file or a style file of its own; or raw: "
            "histograms in place of smooth densities."
        ),
    ] = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder for the figures. Default: figures/ in the (first) run directory."
        ),
    ] = None,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Draw figures of a run: maps of any two quantities, contours, limits, ranks; or of several."""
    from nmmjax.cli.plot import plot_run

    plot_run(directories, what, params, format_, style, out, allow_changes)


@app.command()
def report(
    directory: DirArg,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="File to write. Default: report.html in DIR.")
    ] = None,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Write one HTML file with answers, figures, tables, diagnostics, provenance and citations."""
    from nmmjax.cli.report import write_report

    write_report(directory, out, allow_changes)


@app.command()
def compare(
    directory: DirArg,
    other: Annotated[
        pathlib.Path, typer.Argument(help="The run to compare it with.", callback=run_directory)
    ],
    json: JsonFlag = False,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Say what differs between two runs: physics, sampling, versions and results."""
    from nmmjax.cli.compare import show_comparison

    show_comparison(directory, other, json, allow_changes)


@app.command()
def table(
    directory: DirArg,
    columns: Annotated[
        str | None,
        typer.Option(help="Quantities: a,b. Default: the headlines and the sampled parameters."),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="latex, csv or markdown.")] = "markdown",
    interval: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="Probability between the errors.")
    ] = 0.68,
    transpose: Annotated[
        bool, typer.Option("--transpose", help="One line for each quantity.")
    ] = False,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Print a table for a paper: medians with errors, best draw, largest moment, rounded."""
    from nmmjax.cli.table import show_table
    from nmmjax.results import open_run

    show_table(open_run(directory, allow_changes), columns, format_, interval, transpose)


@app.command()
def cite(
    directory: DirArg,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print BibTeX.")] = False,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """List what a run is to cite: model papers, experiments, samplers, libraries."""
    from nmmjax.cli.cite import show_citations

    show_citations(directory, bibtex, allow_changes)


@app.command()
def merge(
    directory: DirArg,
    out: Annotated[pathlib.Path, typer.Option("--out", "-o", help="The HDF5 file to write.")],
    virtual: Annotated[
        bool,
        typer.Option("--virtual", help="Virtual datasets that show the shards, not a copy."),
    ] = False,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Write the shards of tasks as one HDF5 file that arviz and xarray open."""
    from nmmjax.cli.merge import merge_shards

    merge_shards(directory, out, virtual, allow_changes)


@app.command()
def export(
    directory: DirArg,
    to: Annotated[str, typer.Option(help="netcdf, getdist, emcee, parquet, anesthetic or csv.")],
    by: Annotated[
        str, typer.Option(help="chain: as stored; ensemble: one chain per ensemble.")
    ] = "chain",
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="Path without suffix. Default: export/NAME in the directory."),
    ] = None,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Write the draws of a run, or of shards, for another tool; weights where there are any."""
    from nmmjax.cli.export import export_run

    export_run(directory, to, out, by, allow_changes)
