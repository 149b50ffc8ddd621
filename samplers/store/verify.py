"""A whole run directory checked: every block, table, attribute and checkpoint, and the manifest."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

from . import files, layout, manifest, reading, sums
from .files import Folder, StoreError

_READ = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # what HDF5 says of damage
_MOST_TEXT = 2**24


class Verdict(NamedTuple):
    """Lines about what is wrong, none if all is well; and how much was looked at."""

    faults: tuple[str, ...]
    blocks: int
    variables: int
    checkpoints: int


def verify(directory: pathlib.Path) -> Verdict:
    """Read all of a run directory and compare it with its checksums."""
    faults: list[str] = []
    counts = {"blocks": 0, "variables": 0, "checkpoints": 0}
    with files.explained(directory), Folder(directory) as folder:
        about: manifest.Manifest = {"attributes": {}, "generations": [], "groups": None}
        try:
            reading.refuse_links(folder)
            with files.explained(folder / manifest.NAME):
                about = manifest.read(folder / manifest.NAME)
        except StoreError as error:
            faults.append(str(error))
        for entry in about["generations"]:
            counts["checkpoints"] += 1
            if fault := reading.fault_of_state(folder / entry["file"], entry):
                faults.append(f"{entry['file']} is {fault}")
        faults += _of_status(folder)
        try:
            with reading.chains(directory) as file:
                reading.refuse_outside(file)
                record = sums.read(folder / sums.NAME)
                faults += [f"{sums.NAME}: line {n} is damaged" for n in record.bad]
                counts["blocks"] = len(record.blocks)
                counts["variables"] = len(list(reading.variables(file)))
                faults += _of_chains(file, about, record)
        except _READ as error:
            faults.append(f"{folder / 'chains.h5'}: {_reason(error)}")
    return Verdict(tuple(faults), **counts)


def _of_chains(file: h5py.File, about: manifest.Manifest, record: sums.Record) -> Iterator[str]:
    committed = reading.counted(file)
    yield from _of_blocks(file, record, committed)
    for name, versions in record.tables.items():
        yield from _of_table(file, name, versions)
    yield from _of_scales(file, about["groups"], committed)
    yield from _of_objects(file)
    yield from reading.wrong_attributes(file, about["attributes"])


def _of_blocks(file: h5py.File, record: sums.Record, committed: int) -> Iterator[str]:
    at = 0
    while at < committed:
        if at not in record.blocks:
            yield f"draws {at} to {committed - 1} have no checksum in {sums.NAME}"
            return
        draws, digests = record.blocks[at]
        for path, digest in digests.items():
            fault = _compared(file, path, slice(at, at + draws), digest)
            if fault:
                yield f"draws {at} to {at + draws - 1} of {path}: {fault}"
        at += draws
    if at > committed:
        yield f"chains.h5 counts {committed} draws, which ends inside a block of {sums.NAME}"


def _compared(file: h5py.File, path: str, draws: slice | None, digest: str) -> str:
    try:
        found = layout.dataset(file, path)
        values = np.asarray(found[...] if draws is None else found[:, draws])
    except _READ as error:
        return _reason(error)
    return "" if sums.of(values) == digest else "not what was written"


def _of_table(file: h5py.File, name: str, versions: list[sums.Sums]) -> Iterator[str]:
    found = [
        [f"{path}: {fault}" for path, digest in version.items()
         if (fault := _compared(file, path, None, digest))]
        for version in versions
    ]  # fmt: skip
    yield from min(found, key=len)


def _of_scales(file: h5py.File, groups: Any, committed: int) -> Iterator[str]:
    """List the faults of dimension scales: coordinates are 0, 1, ..., each axis has its own."""
    if groups is not None and not np.array_equal(
        layout.dataset(file, "posterior/ensemble"), groups
    ):
        yield "posterior/ensemble: not the ensembles of the manifest"
    for variable in reading.variables(file):
        path = str(variable.name)
        group, _, name = path.rpartition("/")
        axes = ["chain", "draw", *(f"{name}_dim_{i}" for i in range(variable.ndim - 2))]
        for axis, wanted in enumerate(axes):
            try:
                scale = layout.dataset(file, f"{group}/{wanted}")
                tied = variable.dims[axis][0].name == f"{group}/{wanted}"
                most = committed if axis == 1 else variable.shape[axis]
                counts = np.array_equal(scale[:most], np.arange(most))
            except _READ as error:
                yield f"{group}/{wanted}: {_reason(error)}"
                continue
            if not tied or not counts or scale.attrs.get("CLASS") != b"DIMENSION_SCALE":
                yield f"{path}: its axis {axis} is not tied to {group}/{wanted} = 0, 1, ..."


def _of_objects(file: h5py.File) -> list[str]:
    """List the faults of HDF5 objects that no checksum of the store covers."""
    faults: list[str] = []
    known = {variable.name for variable in reading.variables(file)}

    def look(name: str, item: Any) -> None:
        try:
            tuple(item.attrs.items())
            if isinstance(item, h5py.Dataset):
                reading.refuse_hollow(item)
                if item.name not in known:
                    item[()]
                if item.is_scale and item.attrs["NAME"] != name.rpartition("/")[2].encode():
                    faults.append(f"/{name}: its scale has another name")
        except _READ as error:
            faults.append(f"/{name}: {_reason(error)}")

    file.visititems(look)
    if file["posterior"].attrs.get("coordinates") != "ensemble":
        faults.append("attribute 'coordinates' of /posterior is not 'ensemble'")
    return faults


def _of_status(folder: Folder) -> Iterator[str]:
    try:
        json.loads((folder / "status.json").read(_MOST_TEXT))
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError) as error:
        yield f"status.json: {_reason(error)}"


def _reason(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split())
