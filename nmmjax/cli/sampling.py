"""Commands that sample: run, submit, check, status."""

import pathlib
from typing import Annotated

import typer

from nmmjax.cli.arguments import (
    AllowChangesFlag,
    DevicesOption,
    DirArg,
    JsonFlag,
    NoPluginsFlag,
    RunFileArg,
    SetOption,
    app,
)


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
