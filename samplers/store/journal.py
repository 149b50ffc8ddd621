"""A file that a killed process leaves as it was, or as it was to become.

HDF5 changes a file by many writes, and what stands between two of them is not HDF5. Here new bytes
at the end are written straight away, since nothing points to them yet. Changes of old bytes wait
in memory; then they are written to a journal beside the file, over the file, and the journal is
removed. `recover` finishes what a process killed in between had begun.
"""

import contextlib
import hashlib
import io
import os
import pathlib
import struct
from collections.abc import Iterator
from typing import Any

from . import files

_HEAD = struct.Struct("<QQ")  # offset and length of a change; the last: length of the file, 0


class Changes(io.RawIOBase):
    """A file opened to be changed, as h5py takes it in place of a path.

    path    the file
    growth  bytes by which it grows at most: claimed at once, so that no later write lacks room
    """

    def __init__(self, path: pathlib.Path, growth: int) -> None:
        self.path = path
        self._file = path.open("r+b", buffering=0)
        self._old = self._end = self._file.seek(0, os.SEEK_END)
        self._changes: list[tuple[int, bytes]] = []
        self._at = 0
        try:
            files.claim(self._file.fileno(), self._old, growth)
        except OSError:
            self._file.close()
            raise

    def __repr__(self) -> str:
        return str(self.path)  # what h5py takes for the name of the file

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = begin + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        count = self._file.readinto(view[: max(self._end - self._at, 0)]) or 0
        for offset, data in self._changes:
            first, last = max(offset, self._at), min(offset + len(data), self._at + count)
            if first < last:
                view[first - self._at : last - self._at] = data[first - offset : last - offset]
        self._at += count
        return count

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        old = min(max(self._old - self._at, 0), len(view))  # bytes of it over old ones
        if old:
            self._changes.append((self._at, bytes(view[:old])))
        self._file.seek(self._at + old)
        _write(self._file, view[old:])
        self._at += len(view)
        self._end = max(self._end, self._at)
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        self._end = self._at if size is None else size
        return self._end

    def commit(self) -> None:
        """Make the changes, and close the file."""
        os.fsync(self._file.fileno())
        # HDF5's first bytes say where the file ends: they come first, for who reads meanwhile.
        changes = [*sorted(self._changes, key=lambda x: x[0] > 0), (self._end, b"")]
        data = b"".join(_HEAD.pack(offset, len(x)) + x for offset, x in changes)
        # On disk before what it repairs is touched.
        files.replace(_beside(self.path), hashlib.sha256(data).digest() + data)
        self._file.close()
        recover(self.path)

    def abandon(self) -> None:
        """Leave the file as it was, and close it."""
        if not self._file.closed:
            self._file.truncate(self._old)
            self._file.close()


@contextlib.contextmanager
def changed(path: pathlib.Path, growth: int) -> Iterator[Changes]:
    """The file, to be changed: all at once if the block ends well, else not at all."""
    changes = Changes(path, growth)
    try:
        yield changes
        changes.commit()
    finally:
        changes.abandon()


def recover(path: pathlib.Path) -> None:
    """Write what the journal of a file holds over the file; nothing if there is no journal."""
    journal = _beside(path)
    if not journal.exists():
        return
    whole = journal.read_bytes()
    digest, data = whole[:32], whole[32:]
    if hashlib.sha256(data).digest() != digest:
        raise OSError(f"its journal '{journal}' is damaged")
    with path.open("r+b", buffering=0) as file:
        at = 0
        while at < len(data):
            offset, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            file.seek(offset)
            if length:
                _write(file, data[at : at + length])
            else:
                file.truncate(offset)
            at += length
        os.fsync(file.fileno())
    journal.unlink()


def _write(file: io.FileIO, data: Any) -> None:
    """All of the data, in one call of the system where it takes them."""
    at = 0
    while at < len(data):
        at += file.write(data[at:]) or 0


def _beside(path: pathlib.Path) -> pathlib.Path:
    return files.beside(path, "journal")
