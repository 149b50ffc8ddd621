"""A file that a killed process leaves as it was, or as it was to become.

New bytes are written behind the end, where nothing points to them yet; changes of old bytes are
written to a journal beside the file. Once the journal has its name the change is decided: it is
written over the file, by `recover` at the latest. A journal holds the old bytes too, and is
carried out over the file that it was made for and over no other.
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from . import files
from .files import File, StoreError

_MAGIC = b"nmmjrnl2"
_MOST = 2**28  # bytes of a journal
PIECE = 2**20
_FRAME = struct.Struct("<QQ32s")  # length before, length after, SHA-256 of what comes between
_HEAD = struct.Struct("<QQ")  # offset and length of a change; its old and its new bytes follow


class Change(NamedTuple):
    offset: int
    old: bytes
    new: bytes


class Journal(NamedTuple):
    """Planned changes of a file, in their order, and of its length from `before` to `after`."""

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
        """Read a journal from its bytes; None if it is damaged."""
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
        """Tell whether a file is in the state before the change, after it, or in between."""
        if os.fstat(descriptor).st_size < self.after:
            return False
        digest = hashlib.sha256()
        for at in range(self.before, self.after, PIECE):
            digest.update(files.read(descriptor, min(PIECE, self.after - at), at))
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
    """Tell whether every byte is an old one or one that a change puts there."""
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


def pending(file: File) -> Journal | None:
    """Read the journal of a file; None if there is none. Raises OSError if it is damaged."""
    found = beside(file)
    try:
        whole = found.read(_MOST)
    except FileNotFoundError:
        return None
    journal = Journal.unpack(whole)
    if journal is None:
        raise OSError(f"its journal '{found}' is damaged")
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
        carry_out(journal, file, descriptor)


def carry_out(journal: Journal, file: File, descriptor: int) -> None:
    """Write the changes of a journal, whose name is on disk, over its file, then remove it."""
    for offset, _, new in journal.changes:
        files.write(descriptor, new, offset)
    files.truncate(descriptor, journal.after)
    files.sync(descriptor)
    beside(file).unlink()


def foreign(file: File) -> StoreError:
    """Return a copy in which the journal is of one moment and the file of another."""
    return StoreError(
        f"'{beside(file)}' was not made for the '{file.name}' beside it: the directory was copied "
        "while a run wrote it; copy it again when the run has stopped, or remove that journal and "
        "look with `nmmjax status DIR --verify`"
    )


def decided(file: File) -> bool:
    """Tell whether the journal has its final name; True if that cannot be found out."""
    try:
        return beside(file).stat() is not None
    except BaseException:
        return True


def beside(file: File) -> File:
    return file.folder / f".{file.name}.journal"
