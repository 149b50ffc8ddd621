"""`nmmjax export`: draws in the files of other tools."""

import pathlib

import numpy as np

from nmmjax.cli.terminal import out, say
from nmmjax.results.export import export
from nmmjax.results.shards import open_run


def export_run(
    directory: pathlib.Path, to: str, path: pathlib.Path | None, by: str, allow_changes: bool
) -> None:
    """Write the files, print their names, and say what their reader must know."""
    run = open_run(directory, allow_changes)
    for warning in run.warnings:
        say(f"nmmjax: {warning}")
    if path is None:
        path = directory / "export" / (directory.resolve().name or "run")
    files = export(run, to, path, by)
    out("".join(f"{file}\n" for file in files))
    share = run.table("evidence").get("log_share") if to == "anesthetic" else None
    if share is not None and run.table("points"):
        say(
            "nmmjax: the points are drawn from the prior where its likelihood is not zero: add "
            f"{float(np.mean(share)):.4g} to ln Z of anesthetic for the whole prior"
        )
