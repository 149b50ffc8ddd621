"""The run directory: draws in HDF5, checkpoints, a lock and a status file.

    chains.h5         netCDF-4 conventions: arviz, xarray and h5py open it as it is, at any time
    checksums.jsonl   of every block
    state-0.npz       two generations of the sampler's state; their checksums are in manifest.json
    status.json       where the run stands
    run.lock          held by the process that writes

Blocks are appended as whole chunks that are never rewritten, and counted in the attribute
`committed_draws`, all at once (`journal`); everything else is replaced by renaming a finished
file. A process killed at any moment leaves a directory that opens and resumes. A process whose
directory, lock or chains were taken away stops at its next write.
"""

import contextlib
import io
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from . import checkpoint as states
from . import files, journal, layout, manifest, patched, reading, sums
from .checkpoint import Checkpoint
from .directory import is_run, refuse_foreign
from .files import Folder, StoreError
from .lock import Lock

__all__ = ["Checkpoint", "Store", "StoreError", "is_run"]

type Attributes = Mapping[str, Mapping[str, Any]]

_CHAINS = "chains.h5"


class Store:
    """A run directory opened for writing by one process; close it, or use it in `with`.

    path        the directory
    groups      (chain,) labels of the coupled chains, stored as the coordinate `ensemble`
    committed   draws per chain that are safely in chains.h5
    """

    def __init__(self, path: pathlib.Path, folder: Folder, lock: Lock) -> None:
        self.path = path
        self._folder, self._lock = folder, lock
        self._chains, self._manifest_file = folder / _CHAINS, folder / manifest.NAME
        folder.sweep()
        reading.refuse_links(folder)
        with files.explained(self._manifest_file):
            self._manifest: manifest.Manifest = manifest.read(self._manifest_file)
        self.groups = np.array(self._manifest["groups"], dtype=int)
        with files.explained(self._chains):
            journal.recover(self._chains)
            self._begin()
        self._remember()
        with files.explained(folder / sums.NAME):
            record = sums.trim(folder / sums.NAME)
        with self._reading() as file:
            self.committed = reading.counted(file)
            reading.refuse_incomplete(file, self.committed, record)
            reading.refuse_other_attributes(path, file)

    @classmethod
    def create(cls, path: pathlib.Path, groups: np.ndarray, attributes: Attributes) -> "Store":
        """Create a new run directory at `path`, which must be absent or empty.

        groups      (chain,) labels of the coupled chains
        attributes  HDF5 attributes by path: "/" for the file, "/posterior/x" for a variable
        """
        if is_run(path):
            raise StoreError(f"'{path}' holds a run already: resume it or give another directory")
        refuse_foreign(path)
        with files.explained(path):
            path.mkdir(parents=True, exist_ok=True)
        new = {
            "format": manifest.FORMAT,
            "groups": np.asarray(groups).tolist(),
            "attributes": json.loads(json.dumps(attributes)),
            "generations": [],
        }
        return cls._locked(path, new)

    @classmethod
    def open(cls, path: pathlib.Path) -> "Store":
        """Open the run directory at `path`, to be continued."""
        if not path.is_dir():
            raise StoreError(f"there is no run directory '{path}'")
        if not is_run(path):
            raise StoreError(f"'{path}' is not a run directory: it has no {manifest.NAME}")
        return cls._locked(path, None)

    @classmethod
    def _locked(cls, path: pathlib.Path, new: manifest.Manifest | None) -> "Store":
        with contextlib.ExitStack() as undo, files.explained(path):
            folder = undo.enter_context(Folder(path))
            lock = Lock(folder)
            undo.callback(lock.release)
            if new is not None:
                if is_run(path):  # another process was faster
                    raise StoreError(f"'{path}' holds a run already: resume it")
                manifest.write(folder / manifest.NAME, new)
            store = cls(path, folder, lock)
            undo.pop_all()
            return store

    def close(self) -> None:
        """Let other processes write."""
        if not self._closed:
            self._closed = True
            self._lock.release()
            self._folder.close()

    _closed = False

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def attributes(self) -> Attributes:
        """HDF5 attributes by path, as given when the run began."""
        return self._manifest["attributes"]

    def append(self, groups: layout.Groups, start: int) -> None:
        """Append a block of (chain, draw, ...) variables whose first draw is number `start`.

        A block that is committed already (the process died before its checkpoint) must equal
        what is stored. Raises StoreError if it does not, or if it cannot be written.
        """
        groups = layout.storable(groups)
        draws = next(iter(groups["posterior"].values())).shape[1]
        self._refuse_stolen()
        if start + draws <= self.committed:
            with self._reading() as file:
                reading.refuse_other_draws(file, groups, start, draws)
            return
        if start != self.committed:
            raise StoreError(f"draw {start} cannot follow the {self.committed} that are stored")
        change = patched.changed if start else patched.rebuilt
        with files.explained(self._chains), change(self._chains) as raw:
            with patched.as_hdf5(raw, "r+") as file:
                self._refuse_other_count(file)
                if start == 0:
                    layout.declare(file, groups, self._attributes)
                found = layout.append(file, groups, start, draws)
            self._note({"draws": [start, draws], "sums": found})
        self._remember()
        self.committed = start + draws

    def replace(self, tables: layout.Groups) -> None:
        """Put whole groups of arrays in place of their older versions."""
        self._refuse_stolen()
        with files.explained(self._chains), patched.rebuilt(self._chains) as raw:
            with patched.as_hdf5(raw, "r+") as file:
                self._refuse_other_count(file)
                found = layout.put(file, tables, self._attributes)
            for name, digests in found.items():
                self._note({"table": name, "sums": digests})
        self._remember()

    def read(
        self, names: Sequence[str], group: str = "posterior", start: int = 0
    ) -> dict[str, np.ndarray]:
        """Committed draws of the named variables from `start` on, (chain, draw, ...)."""
        draws = slice(start, self.committed)
        with self._reading() as file:
            return {n: layout.dataset(file, f"{group}/{n}")[:, draws] for n in names}

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint over the older of the two generations."""
        self._refuse_stolen()
        data = states.pack(checkpoint.leaves)
        newest = self._manifest["generations"][:1]
        name = states.FILES[bool(newest) and newest[0]["file"] == states.FILES[0]]
        self._replace(name, data)
        entries = [states.entry(name, checkpoint, data), *newest]
        changed: manifest.Manifest = self._manifest | {"generations": entries}
        with files.explained(self._manifest_file):
            manifest.write(self._manifest_file, changed)
        self._manifest = changed

    def load(self) -> tuple[Checkpoint | None, tuple[str, ...]]:
        """Load the newest sound checkpoint, and a line about each one passed over."""
        had = self._manifest["generations"]
        sound: list[tuple[dict[str, Any], tuple[np.ndarray, ...]]] = []
        messages = list(self._lock.notes)
        for entry in had:
            if entry["draws"] > self.committed:
                ahead = f"{entry['draws']} draws against {self.committed}"
                messages.append(f"{entry['file']} is ahead of {_CHAINS} ({ahead}): not used")
                continue
            leaves, fault = self._leaves(entry)
            if leaves is None:
                messages.append(f"{entry['file']} is {fault}: falling back to an older state")
            else:
                sound.append((entry, leaves))
        self._manifest["generations"] = [entry for entry, _ in sound]
        if not sound:
            if had:
                messages.append("no sound checkpoint: stored draws are computed again and compared")
            return None, tuple(messages)
        entry, leaves = sound[0]
        chains, dim = entry["starts"]
        return Checkpoint(entry["draws"], leaves, (chains, dim), entry["done"]), tuple(messages)

    def _leaves(self, entry: Mapping[str, Any]) -> tuple[tuple[np.ndarray, ...] | None, str]:
        """(arrays of a checkpoint, "") or (None, what is wrong with it)."""
        file = self._folder / entry["file"]
        fault = reading.fault_of_state(file, entry)
        if fault:
            return None, fault
        with files.explained(file):
            return states.unpack(file.read(entry.get("bytes", reading.MOST_OF_STATE))), ""

    def write_status(self, status: Mapping[str, Any]) -> None:
        """Replace status.json; numbers that JSON cannot hold become null."""
        plain = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in status.items()
        }
        self.write_text("status.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file of the run directory."""
        self._refuse_stolen()
        self._replace(name, text.encode())

    def _replace(self, name: str, data: bytes) -> None:
        with files.explained(self._folder / name):
            (self._folder / name).replace(data)

    def _attributes(self, path: str) -> Mapping[str, Any]:
        return self._manifest["attributes"].get(f"/{path}", {})

    def _note(self, entry: Mapping[str, Any]) -> None:
        with files.explained(self._folder / sums.NAME):
            sums.add(self._folder / sums.NAME, entry)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[h5py.File]:
        """chains.h5 by descriptor, without HDF5's own lock: an open reader must not stop us."""
        with files.explained(self._chains), self._chains.opened() as descriptor:
            with patched.as_hdf5(patched.Patched(self._chains, descriptor)) as file:
                yield file

    def _begin(self) -> None:
        """chains.h5 with the chains and their ensembles, and no draws, if there is none."""
        if self._chains.stat() is not None:
            return
        if self._manifest["generations"]:
            raise StoreError(f"'{self.path}' has checkpoints but no {_CHAINS}: was it moved away?")
        memory = io.BytesIO()
        with layout.opened(memory, "w") as file:
            layout.begin(file, self.groups, self._attributes(""))
        self._chains.replace(memory.getvalue())

    def _found(self) -> tuple[int, int] | None:
        """Return the identity of chains.h5, None if there is no such file."""
        found = self._chains.stat()
        return None if found is None else files.identity(found)

    def _remember(self) -> None:
        with files.explained(self._chains):
            self._identity = self._found()

    def _refuse_stolen(self) -> None:
        """Directory, lock and chains must still be those that this process opened."""
        with files.explained(self.path):
            if not self._folder.in_place():
                what = f"'{self.path}' was moved, removed or replaced"
            elif not self._lock.intact():
                what = f"the lock file of '{self.path}' was removed or replaced"
            elif self._found() != self._identity:
                what = f"'{self._chains}' was removed or replaced"
            else:
                return
        raise StoreError(
            f"{what} while this run wrote it: stopped before it could mix with another run; "
            f"the {self.committed} draws stored so far were not touched by this"
        )

    def _refuse_other_count(self, file: h5py.File) -> None:
        found = reading.counted(file)
        if found != self.committed:
            raise StoreError(
                f"'{self._chains}' counts {found} draws where this process stored "
                f"{self.committed}: another process writes it; stopped"
            )
