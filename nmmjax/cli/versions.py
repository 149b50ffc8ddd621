"""Versions of the packages installed here, and the commit of the checkout."""

import contextlib
import importlib.metadata
import pathlib
import subprocess


def version(package: str) -> str:
    """Return the installed version, or 'not installed'."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """Return the commit of the checkout this package runs from; "" if it is installed elsewhere."""
    here = pathlib.Path(__file__)
    with contextlib.suppress(OSError):
        if _git(here.parent, "ls-files", "--error-unmatch", here.name):
            return _git(
                here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"
            )
    return ""


def _git(folder: pathlib.Path, *arguments: str) -> str:
    """Return the output of git; "" if git refuses, as for a file that it does not track."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
