"""A curve's CSV file: named columns of finite numbers, each fault told with its line.

An error never shows what stands in a line: the file may be another than was meant.
"""

import csv
import math
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from nmmjax import textfile
from nmmjax.errors import InputError, closest

_LARGEST = 2**22  # bytes
_MOST_ROWS = 20_000
_MOST_COLUMNS = 1_000
_LONGEST_NUMBER = 40  # characters
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks"}
_NO_NUMBER = {  # what a cell that is none looks like, in words
    r"": "the cell is empty",
    r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?": "a decimal comma: write 1.5, not 1,5",
    r"[\d_.eE+-]*\d_\d[\d_.eE+-]*": "an underscore inside a number",
    r"[+-]?[\d.]+[dD][+-]?\d+": "an exponent with d: write 1e-5, not 1d-5",
    r"[\d.eE+-]+[,;]": "the header has blanks between the names of its columns, not this",
    r"(?i:[+-]?(?:nan|inf|infinity))": "it is not finite",
}


class Row(NamedTuple):
    line: int
    numbers: tuple[float, ...]


def read(path: pathlib.Path, columns: Sequence[str], folder: pathlib.Path) -> list[Row]:
    """Read named columns of a CSV file somewhere below `folder`, row by row.

    Lines that start with # are comments; the last of them may be the header. Columns are
    separated by commas, semicolons, tabs or blanks. Raises InputError naming file and line.
    """
    text = textfile.read(_below(path, folder), "curve file", _LARGEST)
    lines = [(i, x) for i, x in enumerate(text.split("\n"), 1) if x.strip()]
    if not lines:
        raise InputError(f"{path.name} is empty")
    comments = [(i, x.lstrip("# \t")) for i, x in lines if x.lstrip().startswith("#")]
    rows = [(i, x) for i, x in lines if not x.lstrip().startswith("#")]
    if not rows:
        raise InputError(f"{path.name} holds nothing but comments")
    header = rows.pop(0)
    if _NUMBER.fullmatch(re.split(r"[,;\s]", header[1].strip(), maxsplit=1)[0]):
        rows.insert(0, header)
        header = _named_above(path.name, header[0], comments, columns)
    delimiter = _delimiter(path.name, *header)
    names = [cell.strip() for cell in _cells(header[1], delimiter)]
    if len(rows) > _MOST_ROWS or len(names) > _MOST_COLUMNS:
        raise InputError(f"{path.name} has more than {_MOST_ROWS} rows or {_MOST_COLUMNS} columns")
    places = _places(path.name, header[0], names, columns)
    if not rows:
        raise InputError(f"{path.name} has a header and no row of numbers")
    return [_row(path.name, *row, delimiter, len(names), places) for row in rows]


def _below(path: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    try:
        found, root = path.resolve(), folder.resolve()
    except (OSError, ValueError, RuntimeError):  # a loop of links, a zero byte
        raise InputError(f"cannot read curve file '{path}': that is no name of a file") from None
    if not found.is_relative_to(root):
        raise InputError(
            f"file '{path.name}' is not below the folder of the file of constraints; put it there"
        )
    return found


def _named_above(
    file: str, line: int, comments: Sequence[tuple[int, str]], columns: Sequence[str]
) -> tuple[int, str]:
    """Find the header of a file whose first line without # is numbers: a comment above that."""
    for i, text in reversed(comments):
        if i < line and all(column in text for column in columns):
            return i, text
    raise InputError(
        f"{file}, line {line}: numbers where the names of the columns should stand; write them "
        "in the line above"
    )


def _delimiter(file: str, line: int, header: str) -> str:
    """Tell what separates the names of the header; two of comma, semicolon and tab are refused."""
    bare = re.sub(r'"[^"]*"', "", header)
    found = [d for d in (",", ";", "\t") if d in bare.strip()]
    if len(found) > 1:
        words = " and ".join(_DELIMITERS[d] for d in found)
        raise InputError(f"{file}, line {line}: the header has both {words}: keep one")
    return found[0] if found else " "


def _cells(text: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return text.split()
    try:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))
    except csv.Error:  # a cell of more than 128 kB
        return [text]


def _places(file: str, line: int, names: Sequence[str], columns: Sequence[str]) -> list[int]:
    for name in names:
        if names.count(name) > 1:
            places = [i for i, other in enumerate(names, 1) if other == name]
            raise InputError(
                f"{file}, line {line}: columns {places[0]} and {places[1]} have the same name"
            )
    for column in columns:
        if column not in names:
            close = closest(column, names)
            hint = f"; did you mean '{close}'?" if close else f" among the {len(names)} there"
            raise InputError(f"{file} has no column '{column}'{hint}")
    return [names.index(column) for column in columns]


def _row(file: str, line: int, text: str, delimiter: str, width: int, places: Sequence[int]) -> Row:
    cells = [cell.strip() for cell in _cells(text, delimiter)]
    if len(cells) != width:
        raise InputError(f"{file}, line {line}: {_ragged(text, delimiter, len(cells), width)}")
    return Row(line, tuple(_number(file, line, cells[i], i + 1) for i in places))


def _ragged(text: str, delimiter: str, count: int, width: int) -> str:
    others = (d for d in _DELIMITERS if d != delimiter and len(_cells(text, d)) == width > 1)
    if other := next(others, ""):
        words = _DELIMITERS[other], _DELIMITERS[delimiter]
        return f"separated by {words[0]}, but the header by {words[1]}"
    hint = " (decimal commas?)" if delimiter == "," and count == 2 * width else ""
    return f"{count} cells, but the header has {width}{hint}"


def _number(file: str, line: int, cell: str, column: int) -> float:
    if _NUMBER.fullmatch(cell) and math.isfinite(x := float(cell)):
        return x
    kinds = _NO_NUMBER.items() if len(cell) < _LONGEST_NUMBER else ()
    words = next((text for kind, text in kinds if re.fullmatch(kind, cell, re.ASCII)), "")
    if _NUMBER.fullmatch(cell):
        words = "it is not finite"
    raise InputError(f"{file}, line {line}: no number in column {column}{words and f': {words}'}")
