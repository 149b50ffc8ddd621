"""Saved states: plain arrays in an uncompressed .npz, known by their checksum in the manifest."""

import hashlib
import io
import math
import zipfile
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

FILES = ("state-0.npz", "state-1.npz")
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Checkpoint(NamedTuple):
    """A saved state.

    draws    stored draws that it continues
    leaves   its arrays
    starts   (chains, dim) of the starting points, from which the shapes of the state follow
    done     the engine has said that it ends here
    """

    draws: int
    leaves: tuple[np.ndarray, ...]
    starts: tuple[int, int]
    done: bool = False


def pack(leaves: tuple[np.ndarray, ...]) -> bytes:
    """Pack the arrays as an .npz."""
    buffer = io.BytesIO()
    np.savez(buffer, *leaves)
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[np.ndarray, ...]:
    """Unpack arrays in no more memory than the data take. Raises ValueError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            count = len(members.infolist())
            return tuple(_array(members, f"arr_{i}.npy", len(data)) for i in range(count))
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"no arrays of a checkpoint: {error}") from None


def _array(members: zipfile.ZipFile, name: str, most: int) -> np.ndarray:
    about = members.getinfo(name)
    if about.compress_type != zipfile.ZIP_STORED or about.file_size > most:
        raise ValueError(f"'{name}' is compressed")
    file = io.BytesIO(members.read(name))
    version = npy.read_magic(file)
    if version not in _READERS:
        raise ValueError(f"'{name}' has version {version}")
    shape, fortran, dtype = _READERS[version](file)
    raw = file.read()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"'{name}' does not have the size that it names")
    flat = np.frombuffer(raw, dtype).copy()
    return flat.reshape(shape, order="F" if fortran else "C")


def entry(name: str, checkpoint: Checkpoint, data: bytes) -> dict[str, Any]:
    """Return the manifest's entry of a checkpoint."""
    return {
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "draws": checkpoint.draws,
        "starts": list(checkpoint.starts),
        "done": checkpoint.done,
    }
