"""Checks of a run directory before any reading: no link leads out of it, nothing is missing.

A file that came by mail may be a link, a device or endless; HDF5 itself can take its numbers from
other files, and can name sizes that nothing stands behind.
"""

import contextlib
import hashlib
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
from h5py import h5l  # pyright: ignore[reportAttributeAccessIssue]

from . import files, journal, layout, manifest, patched, sums
from .files import File, Folder, StoreError

MOST_OF_STATE = 2**33  # bytes of a checkpoint whose manifest does not say
OF_DRAWS = ("posterior", "sample_stats", "log_likelihood", "target")
_CHAINS = "chains.h5"
_NO_LINKS = ("figures", "shards")  # directories that may be there
_COMPRESSED = 1100  # times smaller at most: deflate reaches 1032
_PLAIN = (h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_SHUFFLE)


def refuse_links(folder: Folder) -> None:
    """Directories inside a run directory are directories, not links to somewhere else."""
    for name in _NO_LINKS:
        path = folder.path / name
        if path.is_symlink():
            raise StoreError(f"'{path}' is a symbolic link: a run writes into its own directory")


@contextlib.contextmanager
def chains(directory: pathlib.Path) -> Iterator[h5py.File]:
    """chains.h5 without a lock, with a change that a killed process had decided on.

    Raises StoreError for what is no regular file and for a journal of another file; OSError
    where HDF5 cannot read it; FileNotFoundError if there is none.
    """
    with Folder(directory) as folder:
        file = folder / _CHAINS
        with file.opened() as descriptor:
            change = journal.pending(file)
            if change is not None:
                if not change.fits(descriptor):
                    raise journal.foreign(file)
                with patched.as_hdf5(patched.Patched(file, descriptor, change)) as found:
                    yield found
                return
    with _by_path(directory / _CHAINS) as found:
        yield found


def _by_path(path: pathlib.Path) -> h5py.File:
    """The file without a lock, or with one where this process already holds it that way."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:
        return h5py.File(path, "r")


def counted(file: h5py.File) -> int:
    """`committed_draws`; StoreError if there is no such number."""
    found = file.attrs.get("committed_draws")
    value = np.asarray(found)
    if found is None or value.shape != () or value.dtype.kind not in "iu" or value < 0:
        raise StoreError(f"'{file.filename}' is of another program: no committed_draws")
    return int(value)


def refuse_outside(file: h5py.File) -> None:
    """Refuse links and external or virtual datasets: a run's numbers stand in its own file.

    A merged run, whose datasets show those of files below its own folder, is to be excepted here.
    """
    odd: list[str] = []

    def link(name: bytes, about: Any) -> None:
        if about.type != h5l.TYPE_HARD:
            odd.append(f"'{name.decode(errors='replace')}' is a link")

    def item(name: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            about = found.id.get_create_plist()
            if about.get_layout() == h5py.h5d.VIRTUAL or about.get_external_count():
                odd.append(f"'{name}' is stored in another file")

    file.id.links.visit(link, info=True)
    if not odd:
        file.visititems(item)
    if odd:
        raise StoreError(
            f"'{file.filename}': {odd[0]}; a run directory holds its numbers itself: not read"
        )


def refuse_hollow(variable: h5py.Dataset, draws: int | None = None) -> None:
    """Raise OSError if less is stored than the shape or `draws` draws (axis 1) need."""
    shape: list[int] = list(variable.shape or ())
    if variable.dtype.kind not in "iufb":
        raise OSError(f"'{variable.name}' holds no numbers")
    if draws is not None:
        if len(shape) < 2 or shape[1] < draws:
            raise OSError(f"'{variable.name}' does not hold the {draws} draws that are counted")
        shape[1] = draws
    about = variable.id.get_create_plist()
    filters = [about.get_filter(i)[0] for i in range(about.get_nfilters())]
    size = math.prod(shape)
    if any(kind not in _PLAIN for kind in filters):
        size = size // _COMPRESSED
    elif variable.chunks:
        pieces = (-(-n // c) * c for n, c in zip(shape, variable.chunks, strict=True))
        size = math.prod(pieces)
    if variable.id.get_storage_size() < size * variable.dtype.itemsize:
        raise OSError(f"'{variable.name}' is not all there: {draws or size} draws or entries count")


def variables(file: h5py.File) -> Iterator[h5py.Dataset]:
    """Every variable (chain, draw, ...)."""
    for name in OF_DRAWS:
        group = file.get(name)
        for item in group.values() if isinstance(group, h5py.Group) else ():
            if isinstance(item, h5py.Dataset) and (item.maxshape or ())[1:2] == (None,):
                yield item


def refuse_incomplete(file: h5py.File, committed: int, record: sums.Record) -> None:
    """Raise StoreError if draws are missing, or if the last block is not the one written."""
    refuse_outside(file)
    for variable in variables(file):
        refuse_hollow(variable, committed)
    last = max((start for start in record.blocks if start < committed), default=None)
    if last is None:
        return
    draws, digests = record.blocks[last]
    for path, digest in digests.items():
        if sums.of(layout.dataset(file, path)[:, last : last + draws]) != digest:
            raise StoreError(
                f"draws {last} to {last + draws - 1} of {path} in '{file.filename}' are not those "
                f"of {sums.NAME}: the directory was damaged, or copied while a run wrote it; "
                "`nmmjax status DIR --verify` checks all of it"
            )


def refuse_other_draws(file: h5py.File, groups: layout.Groups, start: int, draws: int) -> None:
    """Raise StoreError unless a block computed again equals the stored one."""
    for name, variables in groups.items():
        for key, values in variables.items():
            stored = layout.dataset(file, f"{name}/{key}")[:, start : start + draws]
            values = values.astype(stored.dtype)  # perhaps of fewer digits
            if not np.array_equal(stored, values, equal_nan=stored.dtype.kind == "f"):
                raise StoreError(
                    f"draws {start} to {start + draws - 1} of {name}/{key}, computed again from "
                    f"the checkpoint, differ from those in '{file.filename}': resume with the "
                    "device and the versions that the run began with"
                )


def fault_of_state(file: File, entry: Mapping[str, Any]) -> str:
    """Say in a word what is wrong with a checkpoint; empty if nothing is."""
    found = file.stat()
    if found is None:
        return "missing"
    if found.st_size != entry.get("bytes", found.st_size):
        return "damaged"
    with files.explained(file):
        data = file.read(MOST_OF_STATE)
    return "" if hashlib.sha256(data).hexdigest() == entry["sha256"] else "damaged"


def read_text(directory: pathlib.Path, name: str, most: int) -> str:
    """Read a text file of a run directory, of so many bytes at most; FileNotFoundError if none."""
    with Folder(directory) as folder:
        return (folder / name).read_text(most)


def exists(directory: pathlib.Path, name: str) -> bool:
    """Tell whether a directory holds something of that name."""
    return os.path.lexists(directory / name)


def refuse_other_attributes(directory: pathlib.Path, file: h5py.File) -> None:
    """Raise StoreError if an attribute is not what a sound manifest says; skip without one."""
    try:
        with Folder(directory) as folder:
            about = manifest.read(folder / manifest.NAME)
    except (OSError, StoreError):
        return  # the numbers can be read without it
    for fault in wrong_attributes(file, about["attributes"]):
        raise StoreError(f"'{file.filename}' is damaged: {fault}")


def wrong_attributes(file: h5py.File, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line about every attribute that is not the manifest's: HDF5 checks no texts."""
    for path, attributes in wanted.items():
        yield from _wrong(file, path, attributes)


def _wrong(file: h5py.File, path: str, wanted: Mapping[str, Any]) -> Iterator[str]:
    if path not in file:
        return  # nothing of it was drawn yet, or it names a variable that has no draws
    try:
        found = {name: _plain(value) for name, value in file[path].attrs.items()}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        yield f"attributes of {path}: {error}"
        return
    for name, value in wanted.items():
        if found.get(name) != value:
            yield f"attribute '{name}' of {path} is not what the manifest says"


def _plain(value: Any) -> Any:
    """An attribute as JSON would hold it."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(plain, list):
        return [x.decode(errors="replace") if isinstance(x, bytes) else x for x in plain]
    return plain
