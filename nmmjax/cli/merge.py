"""`nmmjax merge`: the shards of tasks in one file."""

import pathlib

from nmmjax.cli.terminal import out, say
from nmmjax.results.merge import merge
from nmmjax.results.shards import Shards, open_run


def merge_shards(
    directory: pathlib.Path, path: pathlib.Path, virtual: bool, allow_changes: bool
) -> None:
    """Merge, and say what was merged and what was left out."""
    run = open_run(directory, allow_changes)
    for warning in run.warnings:
        say(f"nmmjax: {warning}")
    merge(run, path, virtual)
    what = f"{len(run.parts)} shards" if isinstance(run, Shards) else "the run"
    how = ", by evidence" if isinstance(run, Shards) and run.order is not None else ""
    kind = "virtual datasets of" if virtual else "a copy of"
    out(
        f"{path}: {kind} {what}{how}: {len(run.ensemble)} chains x {run.committed} draws "
        f"in {int(run.ensemble.max()) + 1} ensembles\n"
    )
