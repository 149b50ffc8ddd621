"""checksums.jsonl: a checksum of every variable of every block, and of every table.

One line per block or table, each behind a checksum of itself. A line is on disk before what it
is of: a process killed in between leaves a line too many, which counts for nothing.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from . import files
from .files import File

NAME = "checksums.jsonl"
_MOST = 2**26  # bytes: 50 000 blocks of 30 variables

type Sums = Mapping[str, str]  # "group/variable" -> checksum


class Record(NamedTuple):
    """Contents of the file of checksums.

    blocks  first draw -> (draws, checksums)
    tables  group -> the checksums of its last two versions: a kill may have left either
    bad     numbers of the lines that are damaged
    end     bytes up to the last good line
    """

    blocks: dict[int, tuple[int, Sums]]
    tables: dict[str, list[Sums]]
    bad: tuple[int, ...]
    end: int


def of(values: np.ndarray) -> str:
    """Checksum of an array: BLAKE2b, 8 bytes, of its bytes in C order, little-endian."""
    plain = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    return hashlib.blake2b(plain.reshape(-1).view("u1"), digest_size=8).hexdigest()


def read(file: File) -> Record:
    """Read the lines there are; none if there is no file."""
    try:
        lines = file.read(_MOST).split(b"\n")
    except FileNotFoundError:
        lines = []
    blocks: dict[int, tuple[int, Sums]] = {}
    tables: dict[str, list[Sums]] = {}
    bad, end, at = [], 0, 0
    for number, line in enumerate(lines, 1):
        at += len(line) + 1
        if not line:
            continue
        entry = _entry(line)
        if entry is None:
            bad.append(number)
            continue
        end = at
        if "table" in entry:
            tables[entry["table"]] = [*tables.get(entry["table"], [])[-1:], entry["sums"]]
        else:
            start, draws = entry["draws"]
            blocks[start] = draws, entry["sums"]
    return Record(blocks, tables, tuple(bad), end)


def add(file: File, entry: Mapping[str, Any]) -> None:
    """Write one more line behind the last good one: {"draws": [first, how many]} or {"table"}."""
    text = json.dumps(entry).encode()
    line = _digest(text) + b" " + text + b"\n"
    if file.stat() is None:
        file.replace(line)
        return
    with file.opened(os.O_RDWR) as descriptor:
        end = _end_of_lines(descriptor)
        files.truncate(descriptor, end)
        files.write(descriptor, line, end)
        files.sync(descriptor)


def trim(file: File) -> Record:
    """Take away what a killed write has left at the end; then read."""
    found = read(file)
    status = file.stat()
    if status is not None and status.st_size > found.end:
        with file.opened(os.O_RDWR) as descriptor:
            files.truncate(descriptor, found.end)
            files.sync(descriptor)
        return read(file)
    return found


def _end_of_lines(descriptor: int) -> int:
    """Return the end of the last whole line: a failed write may have left something behind it."""
    size = os.fstat(descriptor).st_size
    while size and files.read(descriptor, 1, size - 1) != b"\n":
        size -= 1
    return size


def _entry(line: bytes) -> dict[str, Any] | None:
    digest, _, text = line.partition(b" ")
    if digest != _digest(text):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).hexdigest().encode()
