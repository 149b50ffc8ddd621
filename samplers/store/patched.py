"""A file as changes make it, for h5py in place of the file itself.

HDF5 changes a file by many writes, and what stands between two of them is not HDF5. All of them
are held in memory, and made at once when it has finished (`journal`).
"""

import contextlib
import hashlib
import io
import os
import struct
from collections.abc import Iterator
from typing import Any

import h5py

from . import files, journal, layout
from .files import File
from .journal import Change, Journal


class Patched(io.RawIOBase):
    """An open file as changes make it: what h5py reads in place of the file itself.

    failure  what went wrong in a read. HDF5 does not survive an exception in the midst of its own
             work: the read is tried again, or gives zeros, which checksums refuse
    """

    failure: BaseException | None = None

    def __init__(self, file: File, descriptor: int, change: Journal | None = None) -> None:
        self.file = file
        self._descriptor = descriptor
        size = _length(descriptor)
        self._old = self._end = size if change is None else change.after
        self._changes = [] if change is None else [(c.offset, c.new) for c in change.changes]
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
        """Make the changes; what this process has just written it does not read again."""
        change = self._journal()
        try:
            files.write(self._descriptor, self._new(), self._old)
            files.sync(self._descriptor)
            journal.beside(self.file).replace(change.pack())
        except BaseException:
            if not journal.decided(self.file):
                with contextlib.suppress(OSError):
                    files.truncate(self._descriptor, self._old)
            raise
        try:
            journal.carry_out(change, self.file, self._descriptor)
        except KeyboardInterrupt:
            journal.recover(self.file)
            raise

    def copy(self, descriptor: int) -> None:
        """Write the file as it becomes, whole, to another one."""
        for at in range(0, self._old, journal.PIECE):
            size = min(journal.PIECE, self._old - at)
            files.write(descriptor, files.read(self._descriptor, size, at), at)
        for offset, data in self._changes:
            files.write(descriptor, data, offset)
        files.write(descriptor, self._new(), self._old)
        files.truncate(descriptor, self._end)

    def _new(self) -> memoryview:
        """The bytes behind the old end, not copied."""
        size = max(self._end - self._old, 0)
        self._tail.extend(bytes(max(size - len(self._tail), 0)))
        return memoryview(self._tail)[:size]

    def _journal(self) -> Journal:
        """Collect the changes: the header with the file's end first, the rest in HDF5's order.

        A process that reads meanwhile then never looks behind the end that the header states.
        """
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
    """Open the file with h5py. Raises what went wrong in a read; OSError for what is damaged."""
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
    """Open the file to be changed: all at once if the block ends well, else not at all."""
    journal.recover(file)
    with file.opened(os.O_RDWR) as descriptor:
        changes = Changes(file, descriptor)
        yield changes
        changes.commit()


@contextlib.contextmanager
def rebuilt(file: File) -> Iterator[Changes]:
    """Open a copy of the file, to be changed, that takes its place if the block ends well."""
    journal.recover(file)
    with file.opened() as descriptor:
        changes = Changes(file, descriptor)
        yield changes
        with file.made() as copy:
            changes.copy(copy)


def _head(data: bytes) -> int:
    """Length of HDF5's superblock, which says where the file ends."""
    return 48 if len(data) > 8 and data[8] >= 2 else 96


def _length(descriptor: int) -> int:
    """Return the length that an HDF5 file states for itself, without what a killed process left."""
    size = os.fstat(descriptor).st_size
    head = files.read(descriptor, 48, 0)
    at = {0: 40, 2: 28, 3: 28}.get(head[8] if len(head) == 48 else -1)
    return size if at is None else min(size, *struct.unpack_from("<Q", head, at))
