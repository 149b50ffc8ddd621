"""Power fails: what was not waited for is lost, torn or kept, in any combination.

Every write, truncation, rename and wait of a session is recorded. A disk after a crash holds what
was waited for, and of the rest any subset: of the writes to a file, in pieces of a sector, and of
the changes of names. Each such directory must be read rightly and resume.
"""

import os

import numpy as np
import pytest

from helpers import stored
from helpers.stored import DRAWS, begun, block, checkpoint, counted, table
from nmmjax.samplers.store import files
from nmmjax.samplers.store.store import Store
from nmmjax.samplers.store.verify import verify

SECTOR = 64  # small, so that most writes can be torn


class Recorder:
    """Stands for `os` in `files`: notes what happens to the disk. Files are known by number."""

    def __init__(self, monkeypatch, path):
        self.log, self._folder, self._number, self._made = [], path, {}, 0
        for file in path.iterdir():
            self._number[file.stat().st_ino] = self._made
            self.log.append(("write", self._made, 0, file.read_bytes()))
            self.log.append(("name", file.name, self._made))
            self._made += 1
        self.log += [("sync", number) for number in range(self._made)] + [("sync names",)]
        monkeypatch.setattr(files, "os", self)

    def __getattr__(self, name):
        return getattr(os, name)

    def _of(self, descriptor):
        return self._number[os.fstat(descriptor).st_ino]

    def open(self, name, flags, mode=0o777, *, dir_fd=None):
        new = flags & os.O_CREAT and not (self._folder / name).exists()
        descriptor = os.open(name, flags, mode, dir_fd=dir_fd)
        if new:
            self._number[os.fstat(descriptor).st_ino] = self._made
            self.log.append(("name", name, self._made))
            self._made += 1
        return descriptor

    def pwrite(self, descriptor, data, at):
        self.log.append(("write", self._of(descriptor), at, bytes(data)))
        return os.pwrite(descriptor, data, at)

    def ftruncate(self, descriptor, size):
        self.log.append(("truncate", self._of(descriptor), size))
        os.ftruncate(descriptor, size)

    def fsync(self, descriptor):
        folder = os.path.isdir(f"/proc/self/fd/{descriptor}")  # noqa: PTH112
        self.log.append(("sync names",) if folder else ("sync", self._of(descriptor)))

    def replace(self, source, target, *, src_dir_fd, dst_dir_fd):
        number = self._number[(self._folder / source).stat().st_ino]
        self.log.append(("name", target, number, source))
        os.replace(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def unlink(self, name, *, dir_fd):
        self.log.append(("gone", name))
        os.unlink(name, dir_fd=dir_fd)


def recorded(path, monkeypatch):
    """(log, [(its length, blocks that are safe from there on)]) of a session of two blocks."""
    with monkeypatch.context() as patched, Store.open(begun(path)) as store:
        store.load()
        recorder = Recorder(patched, path)
        safe = [(len(recorder.log), 2)]
        for number in (2, 3):
            store.append(block(number), number * DRAWS)
            safe.append((len(recorder.log), number + 1))
            store.replace(table(number))
            store.save(checkpoint(number + 1))
            store.write_status({"draws": number})
        return recorder.log, safe


def names_and_data(log, end, rng):
    """What a disk may hold when the power fails after `end` entries: name -> content."""
    last = {entry: at for at, entry in enumerate(log[:end]) if entry[0].startswith("sync")}
    kept = rng.choice([0.0, 0.5, 0.9, 1.0])
    data, names = {}, {}
    for at, entry in enumerate(log[:end]):
        kind = entry[0]
        if kind in ("write", "truncate"):
            durable = at < last.get(("sync", entry[1]), -1)
            change(data.setdefault(entry[1], bytearray()), entry, durable, kept, rng)
        elif kind in ("name", "gone") and (
            at < last.get(("sync names",), -1) or rng.random() < kept
        ):
            for name in (entry[1], *entry[3:]):
                names.pop(name, None)
            if kind == "name":
                names[entry[1]] = entry[2]
    return {name: bytes(data.get(number, b"")) for name, number in names.items()}


def change(content, entry, durable, kept, rng):
    """Apply a write or a truncation to the content of a file: all, or sectors of it."""
    if entry[0] == "truncate":
        if durable or rng.random() < kept:
            size = entry[2]
            content[size:] = bytes(max(size - len(content), 0))
        return
    _, _, at, new = entry
    for begin in range(at - at % SECTOR, at + len(new), SECTOR):
        first, last = max(begin, at), min(begin + SECTOR, at + len(new))
        if durable or rng.random() < kept:
            content.extend(bytes(max(last - len(content), 0)))
            content[first:last] = new[first - at : last - at]


def assert_survives(log, end, safe, path, rng):
    """A disk of that moment reads rightly, resumes, and then has every checksum right."""
    path.mkdir()
    for name, content in names_and_data(log, end, rng).items():
        (path / name).write_bytes(content)
    before = counted(path)
    assert safe <= before <= safe + 1, (end, before, safe)
    plain = stored.counted_by_hdf5(path)
    assert plain is None or plain <= before
    stored.resumed(path)
    assert counted(path) == 5
    assert verify(path).faults == ()


def crash(tmp_path, monkeypatch, each):
    """After every entry of the log `each` disks; the number of them."""
    log, safe = recorded(tmp_path / "run", monkeypatch)
    monkeypatch.setattr(files, "sync", lambda descriptor: None)
    rng = np.random.default_rng(8)
    tried = 0
    for end in range(safe[0][0], len(log) + 1):
        blocks = [count for length, count in safe if length <= end][-1]
        for _ in range(each(rng)):
            assert_survives(log, end, blocks, tmp_path / f"disk-{tried}", rng)
            tried += 1
    return tried


@pytest.mark.slow
def test_disks_after_a_power_failure_read_and_resume(tmp_path, monkeypatch):
    assert crash(tmp_path, monkeypatch, lambda rng: int(rng.random() < 0.2)) > 20


@pytest.mark.slow
@pytest.mark.long
def test_many_disks_after_a_power_failure_read_and_resume(tmp_path, monkeypatch):
    assert crash(tmp_path, monkeypatch, lambda rng: 8) > 1000


@pytest.mark.slow
def test_a_store_that_does_not_wait_is_found_out(tmp_path, monkeypatch):
    """The negative control: without the waits before a journal is carried out, draws are lost."""
    log, safe = recorded(tmp_path / "run", monkeypatch)
    first = safe[0][0]
    hasty = log[:first] + [entry for entry in log[first:] if not entry[0].startswith("sync")]
    monkeypatch.setattr(files, "sync", lambda descriptor: None)
    rng = np.random.default_rng(8)
    wrong = 0
    for number in range(30):
        end = int(rng.integers(len(hasty) - 20, len(hasty) + 1))
        try:
            assert_survives(hasty, end, 2, tmp_path / f"disk-{number}", rng)
        except (AssertionError, ValueError, OSError, KeyError):
            wrong += 1
    assert wrong > 5
