"""A file that a killed process leaves as it was, or as it was to become.

HDF5 changes a file by many writes, and what stands between two of them is not HDF5. All of them
are held in memory. New bytes are then written behind the end, where nothing points to them yet;
changes of old bytes are written to a journal beside the file. Once the journal has its name the
change is decided: it is written over the file, by `recover` at the latest. A journal holds the
old bytes too, and is carried out over the file that it was made for and over no other.
"""

import contextlib
import hashlib
import io
import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

from . import files, layout
from .files import File, StoreError

_MAGIC = b"nmmjrnl2"
_MOST = 2**28  # bytes of a journal
_PIECE = 2**20
_FRAME = struct.Struct("<QQ32s")  # length before, length after, SHA-256 of what comes between
_HEAD = struct.Struct("<QQ")  # offset and length of a change; its old and its new bytes follow


class Change(NamedTuple):
    offset: int
    old: bytes
    new: bytes


class Journal(NamedTuple):
    """What a file is to become: `changes` in their order, its length from `before` to `after`."""

    before: int
    after: int
    tail: bytes  # SHA-256 of the bytes [before, after)
    changes: tuple[Change, ...]

    def pack(self) -> bytes:
        parts = [_FRAME.pack(self.before, self.after, self.tail)]
        for offset, old, new in self.changes:
            parts += [_HEAD.pack(offset, len(new)), old, new]
        data = b"".join(parts)
        return _MAGIC + hashlib.sha256(data).digest() + data

    @classmethod
    def unpack(cls, whole: bytes) -> "Journal | None":
        """None if it is damaged."""
        data = whole[40:]
        if whole[:8] != _MAGIC or hashlib.sha256(data).digest() != whole[8:40]:
            return None
        before, after, tail = _FRAME.unpack_from(data)
        at, changes = _FRAME.size, []
        while at < len(data):
            offset, length = _HEAD.unpack_from(data, at)
            middle = at + _HEAD.size + length
            at = middle + length
            changes.append(Change(offset, data[middle - length : middle], data[middle:at]))
        return cls(before, after, tail, tuple(changes))

    def fits(self, descriptor: int) -> bool:
        """Whether a file is the one before the change, the one after, or on the way between."""
        if os.fstat(descriptor).st_size < self.after:
            return False
        digest = hashlib.sha256()
        for at in range(self.before, self.after, _PIECE):
            digest.update(files.read(descriptor, min(_PIECE, self.after - at), at))
        return digest.digest() == self.tail and all(map(_between, self._regions(descriptor)))

    def _regions(self, descriptor: int) -> Iterator[tuple[int, bytes, list[Change]]]:
        """(offset, bytes now, changes) of each stretch of the file that changes."""
        group: list[Change] = []
        end = 0
        for change in [*sorted(self.changes), None]:
            if group and (change is None or change.offset > end):
                begin = group[0].offset
                yield begin, files.read(descriptor, end - begin, begin), group
                group = []
            if change is not None:
                end = max(end if group else 0, change.offset + len(change.new))
                group.append(change)


def _between(region: tuple[int, bytes, list[Change]]) -> bool:
    """Whether every byte is an old one or one that a change puts there."""
    begin, data, changes = region
    now = np.frombuffer(data, "u1")
    if begin + len(now) < max(offset + len(new) for offset, _, new in changes):
        return False
    known = np.zeros(len(now), bool)
    for offset, old, new in changes:
        part = slice(offset - begin, offset - begin + len(new))
        for values in (old, new):
            known[part] |= now[part] == np.frombuffer(values, "u1")
    return bool(known.all())


class Patched(io.RawIOBase):
    """An open file as changes make it: what h5py reads in place of the file itself.

    failure  what went wrong in a read. HDF5 does not survive an exception in the midst of its own
             work: the read is tried again, or gives zeros, which checksums refuse
    """

    failure: BaseException | None = None

    def __init__(self, file: File, descriptor: int, journal: Journal | None = None) -> None:
        self.file = file
        self._descriptor = descriptor
        size = _length(descriptor)
        self._old = self._end = size if journal is None else journal.after
        self._changes = [] if journal is None else [(c.offset, c.new) for c in journal.changes]
        self._tail = bytearray()  # new bytes, from the old end on
        self._at = 0

    def __repr__(self) -> str:
        return str(self.file)  # what h5py takes for the name of the file

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = begin + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        for _ in range(2):
            try:
                self._fill(view)
                break
            except BaseException as error:
                self.failure = error
        count = max(min(len(view), self._end - self._at), 0)
        self._at += count
        return count

    def _fill(self, view: memoryview) -> None:
        first, last = self._at, min(self._at + len(view), self._end)
        if first < min(self._old, last):
            data = files.read(self._descriptor, min(last, self._old) - first, first)
            view[: len(data)] = data
        for offset, data in [*self._changes, (self._old, self._tail)]:
            begin, end = max(offset, first), min(offset + len(data), last)
            if begin < end:
                view[begin - first : end - first] = data[begin - offset : end - offset]


class Changes(Patched):
    """A file opened to be changed; the changes stay in memory until they are written."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        old = min(max(self._old - self._at, 0), len(view))  # bytes of it over old ones
        if old:
            self._changes.append((self._at, bytes(view[:old])))
        if new := view[old:]:
            at = self._at + old - self._old
            self._tail.extend(bytes(max(at - len(self._tail), 0)))
            self._tail[at : at + len(new)] = new
        self._at += len(view)
        self._end = max(self._end, self._at)
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        self._end = self._at if size is None else size
        return self._end

    def commit(self) -> None:
        """Make the changes."""
        journal = self._journal()
        try:
            files.write(self._descriptor, self._new(), self._old)
            files.sync(self._descriptor)
            _beside(self.file).replace(journal.pack())
        except BaseException:
            if not _decided(self.file):
                with contextlib.suppress(OSError):
                    files.truncate(self._descriptor, self._old)
            raise
        try:
            recover(self.file)
        except KeyboardInterrupt:
            recover(self.file)
            raise

    def copy(self, descriptor: int) -> None:
        """Write the file as it becomes, whole, to another one."""
        for at in range(0, self._old, _PIECE):
            size = min(_PIECE, self._old - at)
            files.write(descriptor, files.read(self._descriptor, size, at), at)
        for offset, data in self._changes:
            files.write(descriptor, data, offset)
        files.write(descriptor, self._new(), self._old)
        files.truncate(descriptor, self._end)

    def _new(self) -> bytes:
        size = max(self._end - self._old, 0)
        return bytes(self._tail[:size]).ljust(size, b"\0")

    def _journal(self) -> Journal:
        """Where the file ends comes first, for who reads meanwhile; the rest in HDF5's order."""
        head = _head(files.read(self._descriptor, 9, 0))
        changes = []
        for offset, data in self._changes:
            behind = max(head - offset, 0)
            if data[behind:]:
                changes.append((offset + behind, data[behind:]))
        if any(offset < head for offset, _ in self._changes):
            self.seek(0)
            changes.insert(0, (0, self.read(head)))
        old = (files.read(self._descriptor, len(new), offset) for offset, new in changes)
        return Journal(
            self._old,
            self._end,
            hashlib.sha256(self._new()).digest(),
            tuple(Change(at, was, new) for (at, new), was in zip(changes, old, strict=True)),
        )


@contextlib.contextmanager
def as_hdf5(raw: Patched, mode: str = "r") -> Iterator[h5py.File]:
    """The file as h5py holds it. Raises what went wrong in a read; OSError for what is damaged."""
    try:
        with layout.opened(raw, mode) as file:
            yield file
    except KeyError as error:  # h5py's word for an object that cannot be read
        raise OSError(error.args[0]) from error
    finally:
        if raw.failure is not None:
            raise raw.failure


@contextlib.contextmanager
def changed(file: File) -> Iterator[Changes]:
    """The file, to be changed: all at once if the block ends well, else not at all."""
    recover(file)
    with file.opened(os.O_RDWR) as descriptor:
        changes = Changes(file, descriptor)
        yield changes
        changes.commit()


@contextlib.contextmanager
def rebuilt(file: File) -> Iterator[Changes]:
    """A copy of the file, to be changed, that takes its place if the block ends well."""
    recover(file)
    with file.opened() as descriptor:
        changes = Changes(file, descriptor)
        yield changes
        with file.made() as copy:
            changes.copy(copy)


def pending(file: File) -> Journal | None:
    """The journal of a file; None if there is none. Raises OSError if it is damaged."""
    beside = _beside(file)
    try:
        whole = beside.read(_MOST)
    except FileNotFoundError:
        return None
    journal = Journal.unpack(whole)
    if journal is None:
        raise OSError(f"its journal '{beside}' is damaged")
    return journal


def recover(file: File) -> None:
    """Write what the journal of a file holds over the file; nothing if there is no journal.

    Raises StoreError if the journal was made for another state of the file, OSError if it is
    damaged.
    """
    journal = pending(file)
    if journal is None:
        return
    with file.opened(os.O_RDWR) as descriptor:
        if not journal.fits(descriptor):
            raise foreign(file)
        # The name of the journal is on disk before what it repairs is touched.
        file.folder.sync()
        for offset, _, new in journal.changes:
            files.write(descriptor, new, offset)
        files.truncate(descriptor, journal.after)
        files.sync(descriptor)
    _beside(file).unlink()


def foreign(file: File) -> StoreError:
    """A copy in which the journal is of one moment and the file of another."""
    return StoreError(
        f"'{_beside(file)}' was not made for the '{file.name}' beside it: the directory was copied "
        "while a run wrote it; copy it again when the run has stopped, or remove that journal and "
        "look with `nmmjax status DIR --verify`"
    )


def _decided(file: File) -> bool:
    """Whether the journal has its name, as far as anybody can tell."""
    try:
        return _beside(file).stat() is not None
    except BaseException:
        return True


def _head(data: bytes) -> int:
    """Length of HDF5's superblock, which says where the file ends."""
    return 48 if len(data) > 8 and data[8] >= 2 else 96


def _length(descriptor: int) -> int:
    """Where an HDF5 file ends by its own account; what a killed process left behind it is not."""
    size = os.fstat(descriptor).st_size
    head = files.read(descriptor, 48, 0)
    at = {0: 40, 2: 28, 3: 28}.get(head[8] if len(head) == 48 else -1)
    return size if at is None else min(size, *struct.unpack_from("<Q", head, at))


def _beside(file: File) -> File:
    return file.folder / f".{file.name}.journal"
