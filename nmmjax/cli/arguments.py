"""The `nmmjax` command itself, and the arguments that its commands share."""

import pathlib
import sys
from typing import Annotated

import typer

from nmmjax import __version__, textfile
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
    """Take a run file; one that cannot be read is refused before anything heavy is imported."""
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


def named_or_none(path: pathlib.Path | None) -> pathlib.Path | None:
    return None if path is None else _named(path)


def run_directory(path: pathlib.Path) -> pathlib.Path:
    """Take the directory of a run, also where its chains.h5 is given."""
    named = _named(path)
    named = named.parent if named.name == "chains.h5" and named.is_file() else named
    if not any((named / name).exists() for name in _OF_A_RUN):
        from nmmjax.results.rundir import open_run

        open_run(named)  # it says what is wrong, before anything heavy is imported
    return named


def run_directories(paths: list[pathlib.Path]) -> list[pathlib.Path]:
    return [run_directory(path) for path in paths]


DirArg = Annotated[
    pathlib.Path,
    typer.Argument(
        help="A run directory, its chains.h5, or one with the shards of tasks.",
        callback=run_directory,
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
