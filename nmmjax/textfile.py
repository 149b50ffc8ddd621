"""A user's text file: what is no file, too large, not UTF-8 or not TOML is refused in one line."""

import io
import os
import pathlib
import re
import stat
import tomllib
from typing import Any

from nmmjax.errors import InputError

_LARGEST = 2**20  # bytes of a file, unless its reader says otherwise
_KINDS = (
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
    (stat.S_ISSOCK, "it is a socket"),
)
_DEEPEST = 16  # tables and lists inside each other
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
# The time that tomllib takes grows as a power of the parts of a dotted key.
_LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:{_PART}\.[ \t]*+){{{_DEEPEST}}}""")
_INTEGERS = range(-(2**63), 2**63)  # TOML's own


class NotTOML(InputError):
    """A text that breaks TOML's grammar."""


def read(path: pathlib.Path, what: str, largest: int = _LARGEST) -> str:
    r"""Read the text of a regular file of at most `largest` bytes; lines end by \n.

    A byte-order mark of UTF-8 is left out. Raises InputError, "cannot read {what} '{path}': ...",
    before anything is read where a pipe, a device or a directory stands in place of a file.
    """
    try:
        data = _bytes(path, largest)
        return io.IncrementalNewlineDecoder(None, translate=True).decode(_decoded(data), True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except InputError as error:
        reason = str(error)
    except ValueError:
        reason = "that is no name of a file"
    raise InputError(f"cannot read {what} '{path}': {reason}") from None


def _bytes(path: pathlib.Path, largest: int) -> bytes:
    # A pipe without a writer would block an open() that waits.
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            kinds = (text for is_kind, text in _KINDS if is_kind(found.st_mode))
            raise InputError(f"{next(kinds, 'it is something else')}, not a file")
        data = file.read(largest + 1) or b""  # None where the system has nothing to give yet
    if len(data) > largest:
        raise InputError(f"it is larger than {largest / 2**20:g} MB")
    return data


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        kind = "it holds zero bytes" if data[:1] not in b"\xff\xfe" else "it is UTF-16"
        raise InputError(f"{kind}, not UTF-8 text: save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"line {line} is not UTF-8 text (Latin-1?): save it as UTF-8") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text; raises InputError, also where it is too deep or too long to use."""
    if _LONG_KEY.search(text):
        raise InputError(f"a key has more than {_DEEPEST} parts")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotTOML(f"not valid TOML: {error}") from None
    except RecursionError:
        raise InputError("not valid TOML: brackets are nested too deeply") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise InputError("not valid TOML: a whole number has more than 64 bits") from None
    check_tree(tree)
    return tree


def check_tree(tree: dict[str, Any]) -> None:
    """Raise InputError for whole numbers beyond 64 bits and for nesting that no key asks for."""
    below: list[tuple[str, int, Any]] = [("", 0, tree)]
    while below:
        path, depth, node = below.pop()
        if depth > _DEEPEST:
            raise InputError(f"'{path}' is nested more than {_DEEPEST} deep")
        if isinstance(node, dict):
            below += [(f"{path}.{k}" if path else k, depth + 1, x) for k, x in node.items()]
        elif isinstance(node, list):
            below += [(path, depth + 1, x) for x in node]
        elif isinstance(node, int) and node not in _INTEGERS:
            raise InputError(f"'{path}': a whole number of at most 64 bits is needed")


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Leaves in which two resolved trees differ, as 'path: old -> new'."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in [*old, *(k for k in new if k not in old)]:
            below = f"{path}.{key}" if path else key
            found += differences(old.get(key), new.get(key), below)
        return found
    return [] if old == new else [f"{path}: {_shown(old)} -> {_shown(new)}"]


def _shown(value: Any) -> str:
    return "(absent)" if value is None else repr(value)
