"""Shards in one file: HDF5 in netCDF-4 conventions, a copy or virtual datasets, for arviz.

A merged file is a product like a figure: it is no run directory and is not continued.
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from nmmjax.errors import InputError
from nmmjax.results import rundir
from nmmjax.results.rundir import Run
from nmmjax.results.shards import Shards

_CHUNK_CHAINS = 1024
_BLOCK = 2**26  # bytes of a variable that are in memory at once
_STRUCTURE = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid"}


def merge(run: Run, path: pathlib.Path, virtual: bool) -> None:
    """Write all draws of a run that count into one HDF5 file.

    virtual  datasets that show those of the shards, which must stay where they are; otherwise
             a copy

    Raises InputError where draws count by weight and are asked for as virtual datasets, and where
    the file exists already or cannot be written.
    """
    parts = run.parts if isinstance(run, Shards) else (run,)
    if virtual and isinstance(run, Shards) and run.order is not None:
        raise InputError(
            "draws that are combined by evidence cannot be virtual: leave out --virtual"
        )
    with _new(path) as file:
        file.attrs.update(_attributes(run))
        for group, names in run.variables.items():
            made = file.create_group(group)
            axes = [_scale(made, "chain", len(run.ensemble)), _scale(made, "draw", run.committed)]
            for name in names:
                first = rundir.taken(parts[0].directory, _described(group, name))
                about, shape, dtype = first
                whole = (len(run.ensemble), run.committed, *shape)
                if virtual:
                    layout = _layout(parts, path, f"{group}/{name}", whole, dtype)
                    lost = np.nan if np.dtype(dtype).kind == "f" else None  # a shard taken away
                    dataset = made.create_virtual_dataset(name, layout, fillvalue=lost)
                else:
                    dataset = _copied(made, run, parts, name, whole, dtype)
                dataset.attrs.update(about)
                extra = [_scale(made, f"{name}_dim_{i}", n) for i, n in enumerate(shape)]
                for axis, scale in enumerate([*axes, *extra]):
                    dataset.dims[axis].attach_scale(scale)
        _coordinates(file["posterior"], run, parts)
        for name in run.tables:
            table = file.create_group(name)
            for key, values in run.table(name).items():
                table.create_dataset(key, data=values)


def _attributes(run: Run) -> dict[str, Any]:
    """The attributes of the first shard, what was merged, and what it differs in."""
    found = dict(run.attributes) | {"committed_draws": run.committed}
    found.pop("task", None)
    if isinstance(run, Shards):
        found["merged"] = json.dumps([part.directory.name for part in run.parts])
        found["warnings"] = json.dumps(list(run.warnings))
        found["changes"] = json.dumps(list(run.changes))
    return found


def _described(group: str, name: str) -> Any:
    """A function that reads the attributes of a variable, its shape below a draw, and its type."""

    def take(file: Any) -> tuple[dict[str, Any], tuple[int, ...], Any]:
        found = file[group][name]
        about = {k: x for k, x in found.attrs.items() if k not in _STRUCTURE}
        return about, found.shape[2:], found.dtype

    return take


def _layout(
    parts: tuple[Run, ...],
    path: pathlib.Path,
    name: str,
    whole: tuple[int, ...],
    dtype: Any,
) -> h5py.VirtualLayout:
    """Shards one after the other; their paths are relative to the merged file."""
    layout, start = h5py.VirtualLayout(whole, dtype), 0
    for part in parts:
        chains, total = len(part.ensemble), rundir.taken(part.directory, lambda f: f[name].shape)
        place = os.path.relpath(part.directory / "chains.h5", path.parent)
        source = h5py.VirtualSource(place, name, total, dtype)
        layout[start : start + chains] = source[:, : part.committed]
        start += chains
    return layout


def _copied(
    group: Any, run: Run, parts: tuple[Run, ...], name: str, whole: tuple[int, ...], dtype: Any
) -> h5py.Dataset:
    """A copy of a variable, shard by shard where all draws count once."""
    chains, draws = min(whole[0], _CHUNK_CHAINS), max(1, min(whole[1], _BLOCK // (8 * whole[0])))
    chunks = (chains, draws, *whole[2:])
    dataset = group.create_dataset(name, whole, dtype, chunks=chunks, fletcher32=True)
    where = group.name.strip("/")
    if isinstance(run, Shards) and run.order is not None:
        dataset[...] = run.read(name, where)
        return dataset
    start = 0
    for part in parts:
        end = start + len(part.ensemble)
        dataset[start:end] = part.read(name, where)
        start = end
    return dataset


def _coordinates(group: Any, run: Run, parts: tuple[Run, ...]) -> None:
    """The ensemble and the shard of each chain."""
    shard = np.concatenate([np.full(len(part.ensemble), _number(part)) for part in parts])
    for name, values in (("ensemble", run.ensemble), ("shard", shard)):
        made = group.create_dataset(name, data=np.asarray(values, dtype="i8"))
        made.dims[0].attach_scale(group["chain"])
    group.attrs["coordinates"] = "ensemble shard"


def _number(part: Run) -> int:
    return int(part.directory.name) if part.directory.name.isdecimal() else 0


def _scale(group: Any, name: str, length: int) -> h5py.Dataset:
    scale = group.create_dataset(name, data=np.arange(length, dtype="i8"))
    scale.make_scale(name)
    return scale


@contextlib.contextmanager
def _new(path: pathlib.Path) -> Iterator[h5py.File]:
    """A new file, which takes its name when it is whole."""
    if path.exists() or path.is_symlink():
        raise InputError(f"'{path}' exists already: remove it or give another name to -o")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with h5py.File(unfinished, "x", libver=("v110", "v110")) as file:
            yield file
        unfinished.rename(path)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise InputError(f"cannot write '{path}': {reason}") from None
    finally:
        unfinished.unlink(missing_ok=True)
