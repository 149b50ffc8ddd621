"""The run directory: draws in HDF5, checkpoints, a lock and a status file.

    chains.h5       netCDF-4 conventions: arviz, xarray and h5py open it as it is, at any time
    state-0.npz     two generations of the sampler's state; their checksums are in manifest.json
    status.json     where the run stands
    run.lock        held by the process that writes

Blocks are appended as whole chunks that are never rewritten, and counted in the attribute
`committed_draws`, all at once (`journal`); everything else is replaced by renaming a finished
file. A process killed at any moment leaves a directory that opens and resumes.
"""

import contextlib
import datetime
import fcntl
import hashlib
import io
import json
import math
import os
import pathlib
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

import h5py
import numpy as np

from . import files, journal, layout

type Attributes = Mapping[str, Mapping[str, Any]]

_CHAINS = "chains.h5"
_MANIFEST = "manifest.json"
_LOCK = "run.lock"
_FORMAT = 1


class StoreError(ValueError):
    """What is wrong with a run directory, in one line."""


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


class Store:
    """A run directory opened for writing by one process; close it, or use it in `with`.

    path        the directory
    groups      (chain,) labels of the coupled chains, stored as the coordinate `ensemble`
    committed   draws per chain that are safely in chains.h5
    """

    def __init__(self, path: pathlib.Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock
        self._manifest = _read_manifest(path)
        self.groups = np.array(self._manifest["groups"])
        with _explained(path / _CHAINS):
            journal.recover(path / _CHAINS)
        if not (path / _CHAINS).exists():
            if self._manifest["generations"]:
                raise StoreError(f"'{path}' has checkpoints but no {_CHAINS}: was it moved away?")
            _write_skeleton(path, self.groups, self._manifest["attributes"].get("/", {}))
        with self._chains("r") as file:
            if "committed_draws" not in file.attrs:
                raise StoreError(f"'{path / _CHAINS}' is of another program: no committed_draws")
            self.committed = int(np.asarray(file.attrs["committed_draws"]))

    @classmethod
    def create(cls, path: pathlib.Path, groups: np.ndarray, attributes: Attributes) -> "Store":
        """A new run directory at `path`, which must be absent or empty.

        groups      (chain,) labels of the coupled chains
        attributes  HDF5 attributes by path: "/" for the file, "/posterior/x" for a variable
        """
        if is_run(path):
            raise StoreError(f"'{path}' holds a run already: resume it or give another directory")
        _refuse_foreign(path)
        with _explained(path):
            path.mkdir(parents=True, exist_ok=True)
        lock = _acquire(path)
        try:
            manifest = {
                "format": _FORMAT,
                "groups": np.asarray(groups).tolist(),
                "attributes": attributes,
                "generations": [],
            }
            _replace(path / _MANIFEST, json.dumps(manifest, indent=1).encode())
            return cls(path, lock)
        except BaseException:
            lock.close()
            raise

    @classmethod
    def open(cls, path: pathlib.Path) -> "Store":
        """The run directory at `path`, to be continued."""
        if not path.is_dir():
            raise StoreError(f"there is no run directory '{path}'")
        if not is_run(path):
            raise StoreError(f"'{path}' is not a run directory: it has no {_MANIFEST}")
        lock = _acquire(path)
        try:
            return cls(path, lock)
        except BaseException:
            lock.close()
            raise

    def close(self) -> None:
        """Let other processes write."""
        self._lock.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, groups: layout.Groups, start: int) -> None:
        """Append a block of (chain, draw, ...) variables whose first draw is number `start`.

        A block that is committed already (the process died before its checkpoint) must equal
        what is stored. Raises StoreError if it does not, or if it cannot be written.
        """
        groups = layout.storable(groups)
        draws = next(iter(groups["posterior"].values())).shape[1]
        if start + draws <= self.committed:
            self._verify(groups, start, draws)
            return
        if start != self.committed:
            raise StoreError(f"draw {start} cannot follow the {self.committed} that are stored")
        if start == 0:
            with self._rebuilt(layout.growth(groups)) as file:
                layout.declare(file, groups, self._attributes)
                layout.append(file, groups, 0, draws)
        else:
            path = self.path / _CHAINS
            with _explained(path), journal.changed(path, layout.growth(groups)) as raw:
                with h5py.File(raw, "r+") as file:
                    layout.append(file, groups, start, draws)
            with _explained(self.path):
                files.sync(self.path)
        self.committed = start + draws

    def replace(self, tables: layout.Groups) -> None:
        """Put whole groups of arrays in place of their older versions."""
        with self._rebuilt(layout.growth(tables)) as file:
            layout.put(file, tables, self._attributes)

    def read(self, names: Sequence[str], group: str = "posterior") -> dict[str, np.ndarray]:
        """Committed draws of the named variables, (chain, draw, ...)."""
        with self._chains("r") as file:
            return {n: layout.dataset(file, f"{group}/{n}")[:, : self.committed] for n in names}

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint over the older of the two generations."""
        buffer = io.BytesIO()
        np.savez(buffer, *checkpoint.leaves)
        data = buffer.getvalue()
        newest = self._manifest["generations"][:1]
        name = "state-1.npz" if newest and newest[0]["file"] == "state-0.npz" else "state-0.npz"
        entry = {
            "file": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "draws": checkpoint.draws,
            "starts": list(checkpoint.starts),
            "done": checkpoint.done,
        }
        _replace(self.path / name, data)
        self._manifest["generations"] = [entry, *newest]
        _replace(self.path / _MANIFEST, json.dumps(self._manifest, indent=1).encode())

    def load(self) -> tuple[Checkpoint | None, tuple[str, ...]]:
        """The newest sound checkpoint, and a line about each one passed over."""
        had = self._manifest["generations"]
        self._manifest["generations"] = []
        messages = []
        for entry in had:
            data = self._bytes(entry["file"])
            if hashlib.sha256(data).hexdigest() != entry["sha256"]:
                fault = "damaged" if data else "missing"
                messages.append(f"{entry['file']} is {fault}: falling back to an older state")
            elif entry["draws"] > self.committed:
                ahead = f"{entry['draws']} draws against {self.committed}"
                messages.append(f"{entry['file']} is ahead of {_CHAINS} ({ahead}): not used")
            else:
                self._manifest["generations"].append(entry)
        if not self._manifest["generations"]:
            if had:
                messages.append("no sound checkpoint: stored draws are computed again and compared")
            return None, tuple(messages)
        entry = self._manifest["generations"][0]
        with np.load(io.BytesIO(self._bytes(entry["file"])), allow_pickle=False) as arrays:
            leaves = tuple(arrays[f"arr_{i}"] for i in range(len(arrays.files)))
        chains, dim = entry["starts"]
        return Checkpoint(entry["draws"], leaves, (chains, dim), entry["done"]), tuple(messages)

    def _bytes(self, name: str) -> bytes:
        path = self.path / name
        with _explained(path):
            return path.read_bytes() if path.is_file() else b""

    def write_status(self, status: Mapping[str, Any]) -> None:
        """Replace status.json; numbers that JSON cannot hold become null."""
        plain = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in status.items()
        }
        self.write_text("status.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file of the run directory."""
        _replace(self.path / name, text.encode())

    def _attributes(self, path: str) -> Mapping[str, Any]:
        return self._manifest["attributes"].get(f"/{path}", {})

    @contextlib.contextmanager
    def _chains(self, mode: str) -> Iterator[h5py.File]:
        """chains.h5 without HDF5's own lock: a reader that keeps it open must not stop us."""
        path = self.path / _CHAINS
        with _explained(path), h5py.File(path, mode, locking=False) as file:
            yield file

    @contextlib.contextmanager
    def _rebuilt(self, growth: int) -> Iterator[h5py.File]:
        """A copy of chains.h5, to grow by so many bytes, that takes its place if all ends well."""
        path = self.path / _CHAINS
        copy = files.beside(path)
        with _explained(path):
            try:
                shutil.copyfile(path, copy)
                _reserve(copy, growth)
            except OSError:
                copy.unlink(missing_ok=True)
                raise
            with h5py.File(copy, "r+", locking=False) as file:
                yield file
            files.sync(copy)
            files.rename(copy, path)

    def _verify(self, groups: layout.Groups, start: int, draws: int) -> None:
        with self._chains("r") as file:
            for name, variables in groups.items():
                for key, values in variables.items():
                    stored = layout.dataset(file, f"{name}/{key}")[:, start : start + draws]
                    if not np.array_equal(stored, values, equal_nan=stored.dtype.kind == "f"):
                        raise StoreError(
                            f"draws {start} to {start + draws - 1} of {name}/{key}, computed again "
                            f"from the checkpoint, differ from those in '{self.path / _CHAINS}': "
                            "resume with the device and the versions that the run began with"
                        )


def is_run(path: pathlib.Path) -> bool:
    """Whether a directory is a run directory."""
    return (path / _MANIFEST).is_file()


def _reserve(path: pathlib.Path, growth: int) -> None:
    """Claim room at the end of a file, or leave it as it was and raise OSError.

    HDF5 that runs out of room in the middle of a write can neither go on nor close the file
    properly; closing well, it gives back what it did not need.
    """
    with path.open("r+b") as file:
        files.claim(file.fileno(), path.stat().st_size, growth)


def _write_skeleton(path: pathlib.Path, groups: np.ndarray, about: Mapping[str, Any]) -> None:
    """chains.h5 with the chains and their ensembles, and no draws."""
    target = path / _CHAINS
    with _explained(target):
        with h5py.File(files.beside(target), "w", locking=False) as file:
            layout.begin(file, groups, about)
        files.sync(files.beside(target))
        files.rename(files.beside(target), target)


def _read_manifest(path: pathlib.Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / _MANIFEST).read_text())
        if manifest["format"] == _FORMAT:
            return manifest
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise StoreError(f"'{path / _MANIFEST}' is damaged, or of another program") from None
    raise StoreError(
        f"'{path}' has format {manifest['format']}; this version writes format {_FORMAT}"
    )


def _refuse_foreign(path: pathlib.Path) -> None:
    """A directory with files of somebody else is left alone."""
    if not path.is_dir():
        if path.exists():
            raise StoreError(f"'{path}' is a file; give a directory for the run")
        return
    unfinished = {_LOCK, files.beside(path / _MANIFEST).name}  # of a process killed in `create`
    others = sorted(p.name for p in path.iterdir() if p.name not in unfinished)
    if others:
        raise StoreError(
            f"'{path}' is not empty and not a run directory (it holds '{others[0]}'): "
            "give another directory"
        )


def _acquire(path: pathlib.Path) -> IO[str]:
    """The lock of a run directory, held until the file is closed or the process ends."""
    with _explained(path):
        file = (path / _LOCK).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise StoreError(f"'{path}' is being written by {holder}; wait for it or stop it") from None
    since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()} since {since}\n")
    file.flush()
    return file


@contextlib.contextmanager
def _explained(path: pathlib.Path) -> Iterator[None]:
    """Refusals of the operating system and of HDF5 as one line."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise StoreError(f"cannot use '{path}': {reason}") from error


def _replace(path: pathlib.Path, data: bytes) -> None:
    with _explained(path):
        files.replace(path, data)
