"""Tables of reference numbers: how their rows are made again, written and checked.

The inputs of a row and the constants of a file are data and stand in the file; every other number
of the row is computed from them with mpmath, never with nmmjax. A row that has only its inputs is
completed by the next run; a changed constant changes every row that needs it.
"""

import dataclasses
import json
import pathlib
import random
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import mpmath as mp

type Row = dict[str, Any]

HERE = pathlib.Path(__file__).parent.parent


@dataclasses.dataclass(frozen=True)
class Table:
    """One list of rows, or one object, of a reference file.

    file     below tests/reference
    path     keys that lead to the list, or to the object
    inputs   keys of a row that are given; all others are made
    row      (given, constants) -> made: numbers of mpmath, texts, flags, lists and objects of them
    dps      digits of the arithmetic
    digits   digits that are stored
    rows     how many rows a check makes again
    """

    file: str
    path: tuple[str, ...]
    inputs: tuple[str, ...]
    row: Callable[[Row, SimpleNamespace], Row]
    dps: int = 50
    digits: int = 30
    rows: int = 2

    def made(self, row: Row, constants: SimpleNamespace) -> Row:
        """The numbers of a row, made again."""
        with mp.workdps(self.dps):
            return self.row(self.given(row), constants)

    def given(self, row: Row) -> Row:
        """The inputs that a row has."""
        return {key: row[key] for key in self.inputs if key in row}


def numbers(data: Row) -> SimpleNamespace:
    """The constants that a file was made with, exact: attributes are those of its `constants`."""
    with mp.workdps(80):
        return SimpleNamespace(**{k: _exact(x) for k, x in data["constants"].items()})


def read(table: Table, folder: pathlib.Path = HERE) -> tuple[Row, list[Row]]:
    """The file of a table and the table's rows within it."""
    data = json.loads((folder / table.file).read_text())
    part = data
    for key in table.path:
        part = part[key]
    return data, part if isinstance(part, list) else [part]


def write(table: Table, out: pathlib.Path) -> None:
    """Make every row again and write the file below `out`; other tables of the file stay."""
    data, rows = read(table, out if (out / table.file).exists() else HERE)
    constants = numbers(data)
    for row in rows:
        given = table.given(row)
        made = _text(table.made(row, constants), table.digits)
        row.clear()
        row.update(given | made)
    (out / table.file).parent.mkdir(parents=True, exist_ok=True)
    (out / table.file).write_text(json.dumps(data, indent=1) + "\n")


def check(
    table: Table, rng: random.Random, count: int | None = None, folder: pathlib.Path = HERE
) -> list[str]:
    """Make `count` rows again, or all; one line for each number that is not the stored one."""
    data, rows = read(table, folder)
    constants = numbers(data)
    chosen = rng.sample(range(len(rows)), min(count or len(rows), len(rows)))
    where = ".".join((table.file, *table.path))
    return [
        f"{where}[{i}]: {miss}"
        for i in chosen
        for miss in _misses(rows[i], table.made(rows[i], constants), table)
    ]


def _misses(stored: Row, made: Row, table: Table) -> Iterator[str]:
    """Differences beyond two units of the last stored digit but one, and keys in one only."""
    keys = {*stored} - ({*table.inputs} - {*made})
    if keys != {*made}:
        yield f"keys {sorted(keys ^ {*made})} are in one of them only"
    for key in sorted(keys & {*made}):
        old, new = [*_leaves(stored[key])], [*_leaves(_text(made[key], 50))]
        if len(old) != len(new):
            yield f"{key} has {len(old)} entries, {len(new)} made again"
            continue
        with mp.workdps(80):
            sizes = [abs(x) for x in map(_number, old) if x is not None]
            noise = max(sizes, default=mp.mpf(0)) * mp.mpf(10) ** (15 - table.dps)
            yield from (
                f"{key} is {a}, made again {b}"
                for a, b in zip(old, new, strict=True)
                if not _agree(a, b, table.digits, noise)
            )


def _agree(old: Any, new: Any, digits: int, noise: Any) -> bool:
    a, b = _number(old), _number(new)
    if a is None or b is None:
        return old == new
    return abs(a - b) <= 2 * abs(a) * mp.mpf(10) ** (1 - digits) + noise


def _leaves(x: Any) -> Iterator[Any]:
    if isinstance(x, dict):
        x = [y for pair in sorted(x.items()) for y in pair]
    if isinstance(x, list):
        for y in x:
            yield from _leaves(y)
    else:
        yield x


def _number(x: Any) -> Any:
    """The number that a stored text is; None for other texts and for flags."""
    try:
        return None if isinstance(x, bool) else mp.mpf(x)
    except (TypeError, ValueError):
        return None


def _exact(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _exact(value) for key, value in x.items()}
    return [_exact(value) for value in x] if isinstance(x, list) else mp.mpf(x)


def _text(x: Any, digits: int) -> Any:
    """Numbers as decimal texts, complex ones as [real, imaginary]; the rest as it is."""
    if isinstance(x, dict):
        return {key: _text(value, digits) for key, value in x.items()}
    if isinstance(x, mp.matrix):
        x = [[x[i, j] for j in range(x.cols)] for i in range(x.rows)]
    if isinstance(x, list | tuple):
        return [_text(value, digits) for value in x]
    if isinstance(x, mp.mpc):
        return [_text(x.real, digits), _text(x.imag, digits)]
    return mp.nstr(x, digits) if isinstance(x, mp.mpf) else x
