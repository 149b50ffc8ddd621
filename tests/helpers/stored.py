"""Small runs written through Store, what must be found in them, and a disk that fails on demand."""

import errno
import os
import pathlib

import h5py
import numpy as np

from helpers.synthetic_run import RESOLVED
from nmmjax.samplers.store import files, reading
from nmmjax.samplers.store.store import Checkpoint, Store

GROUPS = np.repeat(np.arange(2), 2)
DRAWS = 3
ABOUT = {
    "/": {"resolved": RESOLVED, "version_x": "1"},
    "/posterior/m": {"units": "eV", "role": "parameter", "latex": "m"},
}


def block(number, seed=0):
    rng = np.random.default_rng([number, seed])
    shape = (len(GROUPS), DRAWS)
    return {
        "posterior": {"m": rng.normal(size=shape), "w": rng.normal(size=(*shape, 2))},
        "sample_stats": {"lp": rng.normal(size=shape), "n": rng.integers(0, 9, shape)},
        "target": {"allowed": rng.integers(0, 2, shape).astype("i1")},
    }


def checkpoint(blocks):
    return Checkpoint(DRAWS * blocks, (np.full(3, float(blocks)), np.array(blocks)), (4, 2))


def table(number):
    return {"modes": {"x": np.arange(2.0 + number), "log_z": np.array(-1.5)}}


def begun(path, blocks=2):
    """A closed run of so many blocks with checkpoints and a table."""
    with Store.create(path, GROUPS, ABOUT) as store:
        store.replace(table(0))
        extend(store, 0, blocks)
    return path


def extend(store, first, last):
    for number in range(first, last):
        store.append(block(number), number * DRAWS)
        store.save(checkpoint(number + 1))


def resumed(path, blocks=5):
    """Open as the driver does, and go on to so many blocks."""
    with Store.open(path) as store:
        found, _ = store.load()
        extend(store, 0 if found is None else found.draws // DRAWS, blocks)
        store.replace(table(blocks))


def assert_right(file, seed=0):
    """Every counted draw of an open chains.h5 is the one that was sampled; how many count."""
    committed = int(file.attrs["committed_draws"])
    assert committed % DRAWS == 0
    for number in range(committed // DRAWS):
        part = slice(number * DRAWS, (number + 1) * DRAWS)
        for group, variables in block(number, seed).items():
            for name, values in variables.items():
                np.testing.assert_array_equal(file[f"{group}/{name}"][:, part], values)
    return committed // DRAWS


def counted(path, seed=0):
    """The same by nmmjax's reader; 0 before there is a file."""
    try:
        with reading.chains(path) as file:
            return assert_right(file, seed)
    except FileNotFoundError:
        return 0


def counted_by_hdf5(path):
    """The same by plain h5py, which may refuse the file but must not be wrong; None if it does."""
    try:
        with h5py.File(path / "chains.h5", "r", locking=False) as file:
            return assert_right(file)
    except (OSError, KeyError, RuntimeError):
        return None


CHANGING = ("pwrite", "ftruncate", "fsync", "replace", "unlink")
CALLS = (*CHANGING, "open", "close", "pread", "stat", "fstat", "listdir")


class Disk:
    """Stands for the module `os` in `files`: counts its calls, and may fail at one of them."""

    def __init__(self, monkeypatch, names):
        self.names = names
        self.calls, self.at, self.late = 0, None, False
        self.error: BaseException = OSError()
        monkeypatch.setattr(files, "os", self)

    def fail(self, at, error, late):
        """At call number `at` raise; after the deed if `late`, halfway through a write if not."""
        self.calls, self.at, self.error, self.late = 0, at, error, late

    def __getattr__(self, name):
        real = getattr(os, name)
        if name == "fsync":
            real = int  # no power fails here
        return self._counted(name, real) if name in self.names else real

    def _counted(self, name, real):
        def call(*given, **options):
            self.calls += 1
            if self.calls != self.at:
                return real(*given, **options)
            if name == "pwrite" and not self.late:
                real(given[0], given[1][: len(given[1]) // 2], given[2])
            elif self.late or name == "close":
                done = real(*given, **options)
                if name == "open":
                    os.close(done)
            raise self.error

        return call


def errors():
    for number in (errno.EIO, errno.ENOSPC, errno.EINTR):
        yield OSError(number, os.strerror(number))
    yield KeyboardInterrupt()


def copied(source: pathlib.Path, target: pathlib.Path):
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target
