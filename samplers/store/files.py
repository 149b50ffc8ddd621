"""Writing files so that what a killed process leaves is the old or the new, never half of one."""

import os
import pathlib


def beside(path: pathlib.Path, suffix: str = "new") -> pathlib.Path:
    """The hidden neighbour of a file, `.NAME.SUFFIX`."""
    return path.with_name(f".{path.name.removeprefix('.')}.{suffix}")


def replace(path: pathlib.Path, data: bytes) -> None:
    """Write a file so that either the old or the whole new content is found under its name."""
    with beside(path).open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename(beside(path), path)


def rename(source: pathlib.Path, target: pathlib.Path) -> None:
    """Give a finished file its name, on disk too."""
    source.replace(target)
    sync(target.parent)


def sync(path: pathlib.Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def claim(descriptor: int, size: int, growth: int) -> None:
    """Room behind the end of a file of `size` bytes, or OSError and the file as it was."""
    try:
        os.posix_fallocate(descriptor, size, growth)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
