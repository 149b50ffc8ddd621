"""Directories that hold a run, and those that may come to hold one."""

import os
import pathlib

from . import files, manifest
from .files import StoreError
from .lock import INSTEAD, NAME


def is_run(path: pathlib.Path) -> bool:
    """Tell whether a directory is a run directory."""
    return os.path.lexists(path / manifest.NAME)


def refuse_foreign(path: pathlib.Path) -> None:
    """Leave a directory with files of somebody else alone: raise StoreError."""
    if not path.is_dir():
        if os.path.lexists(path):
            raise StoreError(f"'{path}' is a file; give a directory for the run")
        return
    with files.explained(path):
        names = sorted(p.name for p in path.iterdir())
    ours = (NAME, INSTEAD)  # with unfinished files: of a process killed in `create`
    others = [name for name in names if name not in ours and not files.unfinished(name)]
    if others:
        raise StoreError(
            f"'{path}' is not empty and not a run directory (it holds '{others[0]}'): "
            "give another directory"
        )
