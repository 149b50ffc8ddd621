"""The `nmmjax` command. Only arguments live here; work and heavy imports are in the modules beside.

User errors end as one line on stderr and exit code 2; bugs keep their traceback.
"""

import pathlib
import sys
from typing import Annotated

import typer

from nmmjax import __version__, signals, textfile
from nmmjax.cli import terminal
from nmmjax.errors import InputError, located

_OF_A_RUN = ("resolved.toml", "manifest.json", "shards")

app = typer.Typer(
    help="Sample models of new physics under experimental limits: find where the neutrino's "
    "magnetic moment is large and its mass viable, and how finely tuned that region is.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _named(path: pathlib.Path) -> pathlib.Path:
    """Refuse a name that is too long, goes in circles, or may not be looked at."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}") from None
    return path


def _run_file(path: pathlib.Path) -> pathlib.Path:
    """A run file that can be read; one that cannot is refused before anything heavy is imported."""
    text = textfile.read(_named(path), "run file")
    with located(str(path)):
        textfile.parse_toml(text)
    return path


RunFileArg = Annotated[
    pathlib.Path,
    typer.Argument(
        help="Run definition, a TOML file. It may name Python code: read it first.",
        callback=_run_file,
    ),
]


def _named_or_none(path: pathlib.Path | None) -> pathlib.Path | None:
    return None if path is None else _named(path)


def _run_directory(path: pathlib.Path) -> pathlib.Path:
    """The directory of a run, also where its chains.h5 is given."""
    named = _named(path)
    named = named.parent if named.name == "chains.h5" and named.is_file() else named
    if not any((named / name).exists() for name in _OF_A_RUN):
        from nmmjax.results.rundir import open_run

        open_run(named)  # it says what is wrong, before anything heavy is imported
    return named


def _run_directories(paths: list[pathlib.Path]) -> list[pathlib.Path]:
    return [_run_directory(path) for path in paths]


DirArg = Annotated[
    pathlib.Path,
    typer.Argument(
        help="A run directory, its chains.h5, or one with the shards of tasks.",
        callback=_run_directory,
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a key: path.in.runfile=value. Repeatable."),
]
AllowChangesFlag = Annotated[
    bool,
    typer.Option(
        "--allow-changes",
        help="Read shards together that differ in physics, data or versions; results say so.",
    ),
]
DevicesOption = Annotated[
    str, typer.Option(help="How many devices of this host share the work: a number, or all.")
]
NoPluginsFlag = Annotated[
    bool,
    typer.Option("--no-plugins", help="Refuse models and engines that are not part of nmmjax."),
]


def _print_version(wanted: bool) -> bool:
    """Print the version and stop if it is wanted; what a callback returns is the option's value."""
    if wanted:
        sys.stdout.write(f"nmmjax {__version__}\n")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


@app.command()
def run(
    runfile: RunFileArg,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="Run directory. Default: chains/<name> beside the run file."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed, in place of run.seed.")] = None,
    set_: SetOption = None,
    extend: Annotated[
        int | None, typer.Option(min=1, help="Add this many draws per chain to a stored run.")
    ] = None,
    no_plugins: NoPluginsFlag = False,
    task: Annotated[
        str | None,
        typer.Option(help="Be task i of N, as 0/4: write the shard DIR/shards/i of its own."),
    ] = None,
    requeue: Annotated[
        bool,
        typer.Option(
            "--requeue", help="Under Slurm: at USR1, USR2 or TERM save, requeue the job, exit 0."
        ),
    ] = False,
    devices: DevicesOption = "all",
) -> None:
    """Sample; leave HDF5 chains, a summary and figures. The same command continues a run.

    A run file can run code: it may name a Python file. Read it first, or give --no-plugins.
    """
    from nmmjax.cli import tasks
    from nmmjax.cli.run import run_file

    del requeue  # `signals` has seen it on the command line before anything was imported
    one = None if task is None else tasks.parse(task)
    overrides = list(set_ or [])
    if seed is not None:
        overrides.append(f"run.seed={seed}")
    raise typer.Exit(run_file(runfile, out, overrides, extend, no_plugins, one, devices))


@app.command()
def submit(
    runfile: RunFileArg,
    nodes: Annotated[int, typer.Option(help="Tasks, each on a node of its own.")],
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="Directory of the shards. Default: chains/<name> beside the run file."),
    ] = None,
    gpus_per_node: Annotated[
        int | None, typer.Option(help="GPUs of each node; a task uses all of them.")
    ] = None,
    cpus_per_task: Annotated[int | None, typer.Option(help="Cores of each task.")] = None,
    mem: Annotated[str | None, typer.Option(help="Memory of each node, as Slurm has it.")] = None,
    partition: Annotated[str | None, typer.Option(help="Partition of the cluster.")] = None,
    time: Annotated[
        str, typer.Option(help="Limit of a session: minutes, H:MM:SS or D-HH:MM:SS.")
    ] = "4:00:00",
    account: Annotated[str | None, typer.Option(help="Account to charge.")] = None,
    setup: Annotated[
        list[str] | None, typer.Option(help='A line of shell before: "module load x". Repeatable.')
    ] = None,
    warn: Annotated[
        int, typer.Option(help="Seconds before the limit at which a task saves; more than a block.")
    ] = 120,
    set_: SetOption = None,
    print_: Annotated[
        bool, typer.Option("--print", help="Print an sbatch script; submit nothing.")
    ] = False,
) -> None:
    """Submit a run as N tasks of a Slurm array, which requeue themselves until they are done."""
    from nmmjax.cli.submit import Job, submit_job

    job = Job(
        runfile, out, nodes, gpus_per_node, cpus_per_task, mem, partition, time, account,
        tuple(setup or ()), warn, tuple(set_ or ()),
    )  # fmt: skip
    submit_job(job, print_)


@app.command()
def check(
    runfile: RunFileArg,
    set_: SetOption = None,
    no_plugins: NoPluginsFlag = False,
    devices: DevicesOption = "all",
) -> None:
    """Check a run file: resolve every name, compile, evaluate, estimate time and memory.

    A run file can run code: it may name a Python file. Read it first, or give --no-plugins.
    """
    from nmmjax.cli.check import check_file

    check_file(runfile, list(set_ or []), no_plugins, devices)


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
        typer.Option(help="The run file, where it names files beside it.", callback=_named_or_none),
    ] = None,
    no_plugins: NoPluginsFlag = False,
) -> None:
    """Sample again without each constraint: what it takes away, and what mu_nu would be."""
    from nmmjax.cli.ablate import ablate_run

    ablate_run(directory, list(without or []), minutes, runfile, no_plugins)


@app.command()
def cite(
    directory: DirArg,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print BibTeX.")] = False,
) -> None:
    """List what a run is to cite: model papers, experiments, samplers, libraries."""
    from nmmjax.cli.cite import show_citations

    show_citations(directory, bibtex)


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
) -> None:
    """Print a table for a paper: medians with errors, best draw, largest moment, rounded."""
    from nmmjax.cli.table import show_table

    show_table(directory, columns, format_, interval, transpose)


@app.command()
def compare(
    directory: DirArg,
    other: Annotated[
        pathlib.Path, typer.Argument(help="The run to compare it with.", callback=_run_directory)
    ],
    json: JsonFlag = False,
) -> None:
    """Say what differs between two runs: physics, sampling, versions and results."""
    from nmmjax.cli.compare import show_comparison

    show_comparison(directory, other, json)


@app.command()
def report(
    directory: DirArg,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="File to write. Default: report.html in DIR.")
    ] = None,
) -> None:
    """Write one HTML file with answers, figures, tables, diagnostics, provenance and citations."""
    from nmmjax.cli.report import write_report

    write_report(directory, out)


@app.command()
def plot(
    directories: Annotated[
        list[pathlib.Path],
        typer.Argument(
            help="A run directory; several are overlaid, each by the title of its run.",
            callback=_run_directories,
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
def status(
    directory: DirArg,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until the run ends.")] = False,
    json: JsonFlag = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every block, checkpoint and attribute instead.")
    ] = False,
    allow_changes: AllowChangesFlag = False,
) -> None:
    """Show the state of a run, finished or still going: progress, R-hat, ESS, rate, time left.

    Of a directory of shards: every task, and the verdict on the draws of all of them.
    """
    from nmmjax.results.shards import is_sharded

    if is_sharded(directory):
        from nmmjax.cli import status_tasks

        if verify:
            raise typer.Exit(status_tasks.verify(directory))
        status_tasks.show(directory, watch, json, allow_changes)
    elif verify:
        from nmmjax.cli.verify import show_verification

        raise typer.Exit(show_verification(directory))
    else:
        from nmmjax.cli.status import show_status

        show_status(directory, watch, json)


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


@app.command()
def info(json: JsonFlag = False) -> None:
    """Print versions, devices, memory, precision, cache and data, for bug reports."""
    from nmmjax.cli.info import show_info

    show_info(json)


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


def main() -> None:
    """Entry point: run the command and turn user errors into one line and exit code 2."""
    code = run_command(sys.argv[1:])
    signals.enter(signals.Stage.ENDED)
    terminal.flush()
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run `nmmjax ARGUMENTS` and return its exit code."""

    def refuse(message: str, code: int) -> int:
        if message:  # none after the help that `nmmjax` alone prints
            terminal.say(f"nmmjax: {' '.join(message.split())}")
        return code

    try:
        return app(arguments, standalone_mode=False, prog_name="nmmjax") or 0
    except typer.TyperException as error:  # bad command line
        return refuse(str(InputError(error.format_message())), error.exit_code)
    except InputError as error:
        return refuse(str(error), 2)
    except KeyboardInterrupt:
        return refuse("interrupted; what was committed is saved", signals.AT_ONCE)
    except BrokenPipeError:
        return 0
