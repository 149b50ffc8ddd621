"""Printing: signs that do not print are escaped, and a terminal that is gone stops nothing."""

import contextlib
import errno
import os
import shutil
import sys
from typing import TextIO

from nmmjax.errors import InputError, printable

_NARROWEST, _WIDEST = 40, 160  # columns of a text
_GONE = (errno.EPIPE, errno.EIO)  # nobody reads a pipe any more; a terminal was closed


def out(text: str) -> None:
    """Write to standard output. Raises InputError where that is a file that cannot be written."""
    try:
        sys.stdout.write(printable(text))
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        if error.errno not in _GONE:
            raise InputError(f"cannot write to standard output: {error.strerror}") from None


def width() -> int:
    """Columns to write in: $COLUMNS, else the terminal's, else 80."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST), _WIDEST)


def ago(seconds: float) -> str:
    """Say how long ago: '12 s', '3.4 min', '2.1 h', '5 days'."""
    for unit, size in (("s", 60.0), ("min", 60.0), ("h", 48.0)):
        if seconds < size:
            return f"{seconds:.0f} s" if unit == "s" else f"{seconds:.1f} {unit}"
        seconds /= {"s": 60.0, "min": 60.0, "h": 24.0}[unit]
    return f"{seconds:.0f} days"


def say(line: str) -> None:
    """Write a line to stderr, if anybody listens."""
    try:
        sys.stderr.write(printable(line) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        silence(sys.stderr)


def flush() -> None:
    """Write out what is left, so that the interpreter finds nothing to fail on at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            silence(stream)


def silence(stream: TextIO) -> None:
    """Send what is written from now on, and what is still buffered, nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
