"""How chains.h5 is laid out: netCDF-4 by h5py alone, draws in whole chunks.

Every dataset has its dimension scales, so that xarray, arviz and netCDF tools read it as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np

type Groups = Mapping[str, Mapping[str, np.ndarray]]
type About = Callable[[str], Mapping[str, Any]]  # path of a group or variable -> its attributes

_CHUNK_CHAINS = 1024
_INDEX = 2**14  # bytes by which the chunk index and header of one variable can grow in a block


def begin(file: h5py.File, groups: np.ndarray, attributes: Mapping[str, Any]) -> None:
    """The chains and their ensembles, and no draws."""
    file.attrs.update(attributes)
    file.attrs["committed_draws"] = 0
    posterior = file.create_group("posterior")
    chain = _scale(posterior, "chain", len(groups))
    ensemble = posterior.create_dataset("ensemble", data=np.asarray(groups, dtype="i8"))
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
    axes = [_scale(group, "chain", chains), _scale(group, "draw", 0, chunk=draws)]
    for key, values in variables.items():
        trailing = values.shape[2:]
        found = group.create_dataset(
            key,
            shape=(chains, 0, *trailing),
            maxshape=(chains, None, *trailing),
            dtype=values.dtype,
            chunks=(min(chains, _CHUNK_CHAINS), draws, *trailing),
            fletcher32=True,
        )
        extra = [_scale(group, f"{key}_dim_{i}", n) for i, n in enumerate(trailing)]
        for axis, scale in enumerate([*axes, *extra]):
            found.dims[axis].attach_scale(scale)
        found.attrs.update(about(f"{name}/{key}"))


def append(file: h5py.File, groups: Groups, start: int, draws: int) -> None:
    """Write draws [start, start + draws) of every variable, then count them."""
    end = start + draws
    written = [
        (dataset(file, f"{name}/{key}"), values)
        for name, variables in groups.items()
        for key, values in variables.items()
    ]
    for variable, values in written:
        variable.resize(end, axis=1)
        variable[:, start:end] = values
    for name in groups:
        scale = dataset(file, f"{name}/draw")
        scale.resize((end,))
        scale[start:end] = np.arange(start, end)
    file.flush()  # the journal keeps this order: who reads a file cut short counts too little
    file.attrs["committed_draws"] = end


def put(file: h5py.File, tables: Groups, about: About) -> None:
    """Put whole groups of arrays in place of their older versions."""
    for name, variables in tables.items():
        if name in file:
            del file[name]
        group = file.create_group(name)
        group.attrs.update(about(name))
        for key, values in variables.items():
            found = group.create_dataset(key, data=_plain(values))
            found.attrs.update(about(f"{name}/{key}") or about(f"posterior/{key}"))
            for axis, length in enumerate(found.shape):
                found.dims[axis].attach_scale(_scale(group, f"axis{axis}_{length}", length))


def growth(groups: Groups) -> int:
    """Bytes by which chains.h5 grows at most when these variables are written.

    Twice the data, since the last chunk along the chains may be nearly empty.
    """
    arrays = [np.asarray(x) for variables in groups.values() for x in variables.values()]
    return 2 * sum(x.nbytes for x in arrays) + _INDEX * (len(arrays) + len(groups))


def dataset(group: h5py.Group, path: str) -> h5py.Dataset:
    """A variable that must be there."""
    found = group.get(path)
    if not isinstance(found, h5py.Dataset):
        raise OSError(f"it has no variable '{path}'")
    return found


def storable(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """As NumPy; booleans as int8, since HDF5's boolean is an enumeration to other readers."""
    return {name: {key: _plain(x) for key, x in xs.items()} for name, xs in groups.items() if xs}


def _plain(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array.astype("i1") if array.dtype == bool else array


def _scale(group: h5py.Group, name: str, length: int, chunk: int | None = None) -> h5py.Dataset:
    """A dimension scale 0, 1, ..., extensible if a chunk is given; the one there is, if any."""
    if name in group:
        return dataset(group, name)
    if chunk is None:
        scale = group.create_dataset(name, data=np.arange(length, dtype="i8"))
    else:
        scale = group.create_dataset(name, (length,), "i8", maxshape=(None,), chunks=(chunk,))
    scale.make_scale(name)
    return scale
