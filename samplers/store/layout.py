"""Layout of chains.h5: netCDF-4 by h5py alone, draws in whole chunks.

Every dataset has its dimension scales, so that xarray, arviz and netCDF tools read the file
unchanged.
Objects are those of HDF5 1.10, whose descriptions carry checksums; so do all numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np

from . import sums

type Groups = Mapping[str, Mapping[str, np.ndarray]]
type About = Callable[[str], Mapping[str, Any]]  # path of a group or variable -> its attributes

_CHUNK_CHAINS = 1024


def opened(file: Any, mode: str = "r") -> h5py.File:
    """Open an HDF5 file from a Python file object, to be written in the format of HDF5 1.10."""
    return h5py.File(file, mode, libver=("v110", "v110"))


def begin(file: h5py.File, groups: np.ndarray, attributes: Mapping[str, Any]) -> None:
    """Write the chains and their ensembles, and no draws."""
    file.attrs.update(attributes)
    file.attrs["committed_draws"] = 0
    posterior = file.create_group("posterior")
    chain = _scale(posterior, "chain", len(groups))
    ensemble = _fixed(posterior, "ensemble", np.asarray(groups, dtype="i8"))
    ensemble.dims[0].attach_scale(chain)
    posterior.attrs["coordinates"] = "ensemble"


def declare(file: h5py.File, groups: Groups, about: About) -> None:
    """Datasets of no draws yet for variables (chain, draw, ...) like these."""
    for name, variables in groups.items():
        _declare_group(file, name, variables, about)


def _declare_group(
    file: h5py.File, name: str, variables: Mapping[str, np.ndarray], about: About
) -> None:
    group = file.require_group(name)
    group.attrs.update(about(name))
    chains, draws = next(iter(variables.values())).shape[:2]
    level = int(file.attrs.get("compression", 0))
    axes = [_scale(group, "chain", chains), _scale(group, "draw", 0, chunk=draws)]
    for key, values in variables.items():
        trailing = values.shape[2:]
        found = group.create_dataset(
            key,
            shape=(chains, 0, *trailing),
            maxshape=(chains, None, *trailing),
            dtype=_kept_as(values.dtype, file.attrs.get("dtype")),
            chunks=(min(chains, _CHUNK_CHAINS), draws, *trailing),
            fletcher32=True,
            **({"compression": level, "shuffle": True} if level else {}),
            fillvalue=np.nan if values.dtype.kind == "f" else None,
        )
        extra = [_scale(group, f"{key}_dim_{i}", n) for i, n in enumerate(trailing)]
        for axis, scale in enumerate([*axes, *extra]):
            found.dims[axis].attach_scale(scale)
        found.attrs.update(about(f"{name}/{key}"))


def _kept_as(own: np.dtype, floats: Any) -> np.dtype:
    """The type in which an array is stored: `floats` for real numbers, its own for others."""
    return np.dtype(floats) if floats is not None and own.kind == "f" else own


def append(file: h5py.File, groups: Groups, start: int, draws: int) -> dict[str, str]:
    """Write draws [start, start + draws) of every variable, then count them; their checksums."""
    end = start + draws
    written = [
        (f"{name}/{key}", dataset(file, f"{name}/{key}"), values)
        for name, variables in groups.items()
        for key, values in variables.items()
    ]
    for _, variable, values in written:
        variable.resize(end, axis=1)
        variable[:, start:end] = values
    for name in groups:
        scale = dataset(file, f"{name}/draw")
        scale.resize((end,))
        scale[start:end] = np.arange(start, end)
    file.flush()  # the journal keeps this order: who reads a file cut short counts too little
    file.attrs.modify("committed_draws", end)  # in its place
    return {
        path: sums.of(values.astype(variable.dtype, copy=False))
        for path, variable, values in written
    }


def put(file: h5py.File, tables: Groups, about: About) -> dict[str, dict[str, str]]:
    """Put whole groups of arrays in place of their older versions; checksums by group."""
    found: dict[str, dict[str, str]] = {}
    for name, variables in tables.items():
        if name in file:
            del file[name]
        group = file.create_group(name)
        group.attrs.update(about(name))
        found[name] = {}
        for key, values in variables.items():
            plain = _plain(values)
            variable = _fixed(group, key, plain)
            variable.attrs.update(about(f"{name}/{key}") or about(f"posterior/{key}"))
            for axis, length in enumerate(plain.shape):
                variable.dims[axis].attach_scale(_scale(group, f"axis{axis}_{length}", length))
            found[name][f"{name}/{key}"] = sums.of(plain)
    return found


def dataset(group: h5py.Group, path: str) -> h5py.Dataset:
    """Return a variable that must be there."""
    found = group.get(path)
    if not isinstance(found, h5py.Dataset):
        raise OSError(f"it has no variable '{path}'")
    return found


def storable(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """Return NumPy arrays; booleans as int8, since other readers see HDF5's as an enumeration."""
    return {name: {key: _plain(x) for key, x in xs.items()} for name, xs in groups.items() if xs}


def _plain(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array.astype("i1") if array.dtype == bool else array


def _scale(group: h5py.Group, name: str, length: int, chunk: int | None = None) -> h5py.Dataset:
    """A dimension scale 0, 1, ..., extensible if a chunk is given; the one there is, if any."""
    if name in group:
        return dataset(group, name)
    if chunk is None:
        scale = _fixed(group, name, np.arange(length, dtype="i8"))
    else:
        scale = group.create_dataset(
            name, (length,), "i8", maxshape=(None,), chunks=(chunk,), fletcher32=True
        )
    scale.make_scale(name)
    return scale


def _fixed(group: h5py.Group, name: str, values: np.ndarray) -> h5py.Dataset:
    """An array that does not grow, with a checksum: a number stands in the object's description."""
    if values.ndim == 0:
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        return group.create_dataset(name, data=values, dcpl=compact)
    return group.create_dataset(name, data=values, chunks=values.size > 0 or None, fletcher32=True)
