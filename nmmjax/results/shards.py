"""Shards of many tasks read as one run: `DIR/shards/0`, `DIR/shards/1`, ..., each a run directory.

Chains stand one shard after the other; ensemble e of the i-th shard of E ensembles is i E + e, so
that R-hat compares shards. Draws of engines that estimate ln Z are combined by evidence: ensemble
e counts in proportion to Z_e. Nothing is read before it is asked for.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nmmjax.errors import InputError
from nmmjax.results import joining, maxima, rundir
from nmmjax.results.rundir import Run
from nmmjax.results.variables import Attributes
from nmmjax.results.weighing import kept, shares, with_agreement
from nmmjax.samplers.store import reading
from nmmjax.samplers.store.files import Folder, StoreError

FOLDER = "shards"
_MOST_KEPT = 2**29  # bytes of draws below which all shards are read once and kept in memory
_MOST_SHOWN = 6  # differences in a refusal


@dataclasses.dataclass(frozen=True)
class Shards(Run):
    """Shards as one run, cut to the number of draws that keeps the most.

    parts    the shards that are read, by number
    changes  what differs between them, if that was allowed
    order    (chain * draw,) the draws that count, by evidence; None where all count once
    """

    parts: tuple[Run, ...] = ()
    changes: tuple[str, ...] = ()
    order: np.ndarray | None = None
    _kept: dict[Any, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @property
    def independent(self) -> "Shards":
        """The draws of each ensemble as they are, which is what R-hat compares."""
        return self if self.order is None else dataclasses.replace(self, order=None)

    @property
    def superchains(self) -> np.ndarray | None:
        if self.parts[0].superchains is None:
            return None
        each = [part.superchains for part in self.parts]
        return np.concatenate([i * (x.max() + 1) + x for i, x in enumerate(each) if x is not None])

    def read(
        self,
        name: str,
        group: str = "posterior",
        chains: np.ndarray | None = None,
        draws: slice | None = None,
    ) -> np.ndarray:
        part = slice(0, self.committed) if draws is None else draws
        if self.order is None:
            return self._values(name, group, chains, part)
        values = self._values(name, group, None, slice(0, self.committed))
        values = values.reshape(-1, *values.shape[2:])[self.order].reshape(values.shape)
        return values[:, part] if chains is None else values[:, part][chains]

    def _unit(self, name: str, group: str) -> int:
        """Draws that count by evidence stand in no order: they are read all together."""
        return self.committed if self.order is not None else self.parts[0]._unit(name, group)

    def table(self, name: str) -> dict[str, np.ndarray]:
        """Join the rows of all shards; what is a single number is that of the first."""
        found = [part.table(name) for part in self.parts]
        found = [table for table in found if table]
        if not found:
            return {}
        if name == "progress":
            return maxima.progress(found)
        if name == "modes":
            return maxima.modes(found, self._spread)
        if name == "frontier":
            return maxima.frontier(found, self.resolved["sampling"]["engine"]["kind"])
        if all("repeat" in table for table in found):  # repeats are the ensembles of each shard
            counts = [int(part.ensemble.max()) + 1 for part in self.parts]
            starts = np.cumsum(counts) - counts
            found = [
                table | {"repeat": table["repeat"] + start}
                for table, start in zip(found, starts, strict=True)
            ]
        joined = {
            key: np.concatenate([table[key] for table in found if key in table])
            if np.ndim(x)
            else x
            for key, x in found[0].items()
        }
        return with_agreement(joined) if name == "evidence" else joined

    @functools.cached_property
    def _spread(self) -> np.ndarray:
        """(dim,) standard deviation of the starting points of all shards."""

        def take(file: Any) -> np.ndarray:
            return file["starts/position"][:]

        starts = [rundir.taken(part.directory, take) for part in self.parts]
        found = np.std(np.concatenate(starts), axis=0)
        return np.where(found > 0.0, found, 1.0)

    def described(self, name: str) -> dict[str, Attributes]:
        found = (part.described(name) for part in self.parts)
        return next((about for about in found if about), {})

    def point(self, chain: int, draw: int, group: str) -> dict[str, float]:
        if self.order is not None:
            chain, draw = divmod(int(self.order[chain * self.committed + draw]), self.committed)
        part = int(np.searchsorted(self._ends, chain, side="right"))
        start = self._ends[part] - len(self.parts[part].ensemble)
        return self.parts[part].point(chain - int(start), draw, group)

    @functools.cached_property
    def _ends(self) -> np.ndarray:
        """The number of chains up to the end of each shard."""
        return np.cumsum([len(part.ensemble) for part in self.parts])

    def _values(self, name: str, group: str, chains: np.ndarray | None, draws: slice) -> np.ndarray:
        """(chain, draw, ...) of all chains or some, from memory or from the files."""
        if self._bytes <= _MOST_KEPT:
            if not self._kept:
                self._kept.update(self._all())
            variable, index = self._named(name, group)
            values = self._kept[group, variable][:, draws]
            values = values if chains is None else values[chains]
            return values[(..., *index)] if index else values
        if chains is None:
            return np.concatenate([part.read(name, group, None, draws) for part in self.parts])
        bounds = np.searchsorted(chains, [0, *self._ends])
        starts = self._ends - [len(part.ensemble) for part in self.parts]
        return np.concatenate(
            [
                part.read(name, group, chains[bounds[i] : bounds[i + 1]] - starts[i], draws)
                for i, part in enumerate(self.parts)
                if bounds[i] < bounds[i + 1]
            ]
        )

    @property
    def _bytes(self) -> int:
        rest = sum(len(names) for group, names in self.variables.items() if group != "posterior")
        return 8 * len(self.ensemble) * self.committed * (len(self.labels) + rest)

    def _all(self) -> dict[tuple[str, str], np.ndarray]:
        """Every variable of every shard, each file opened once."""
        names = [(group, name) for group, found in self.variables.items() for name in found]

        def take(file: Any) -> list[np.ndarray]:
            return [file[group][name][:, : self.committed] for group, name in names]

        rows = [rundir.taken(part.directory, take) for part in self.parts]
        columns = zip(*rows, strict=True)
        return {key: np.concatenate(x) for key, x in zip(names, columns, strict=True)}


def is_sharded(directory: pathlib.Path) -> bool:
    """Tell whether a directory holds shards of tasks, and no run of its own."""
    return (directory / FOLDER).is_dir() and not reading.exists(directory, "resolved.toml")


def open_run(directory: pathlib.Path, allow_changes: bool = False) -> Run:
    """Open the directory of a run, or of the shards of many tasks as one run.

    Raises InputError for what `rundir.open_run` refuses, where no shard can be read or holds
    draws, and, unless `allow_changes`, where shards differ in physics, data or versions. Shards
    that are missing, empty or broken are named in `warnings`.
    """
    if not is_sharded(directory):
        return rundir.open_run(directory)
    return joined(directory, *opened(directory), allow_changes)


def opened(directory: pathlib.Path) -> tuple[dict[int, Run], list[str]]:
    """Return the shards that can be read, by number, and a warning about every other one."""
    numbers = listed(directory)
    found, warnings = {}, []
    for number in numbers:
        try:
            found[number] = rundir.open_run(directory / FOLDER / str(number))
        except InputError as error:
            warnings.append(f"shard {number} is left out: {error}.")
    missing = sorted(set(range(asked(directory, numbers))) - set(numbers))
    if missing:
        warnings.append(f"missing: {joining.ranges(missing)}, whose tasks have not begun.")
    if not found:
        first = f": {warnings[0]}" if warnings else ", it is empty"
        raise InputError(f"'{directory / FOLDER}' holds no shard that can be read{first}")
    return found, warnings


def listed(directory: pathlib.Path) -> list[int]:
    """Numbers of the shards there are. Raises InputError for a link in place of their folder."""
    try:
        with Folder(directory) as folder:
            reading.refuse_links(folder)
    except (OSError, StoreError) as error:
        raise InputError(f"cannot read '{directory}': {error}") from None
    names = (path.name for path in (directory / FOLDER).iterdir())
    return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)


def asked(directory: pathlib.Path, numbers: Sequence[int]) -> int:
    """Say how many tasks there were to be: the most that a shard's task.json says."""
    most = 0
    for number in numbers:
        try:
            text = (directory / FOLDER / str(number) / "task.json").read_text(encoding="utf-8")
            of = json.loads(text).get("of", 0)
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        most = max(most, of) if type(of) is int and of < 2**20 else most
    return most


def joined(
    directory: pathlib.Path, found: dict[int, Run], warnings: list[str], allow_changes: bool
) -> Run:
    """Join what `opened` returns: the shards that hold draws, cut to what keeps the most of them.

    Raises InputError as `open_run` does.
    """
    changes = tuple(joining.changes(found))
    if changes and not allow_changes:
        shown = "; ".join(changes[:_MOST_SHOWN])
        more = f"; and {len(changes) - _MOST_SHOWN} more" if len(changes) > _MOST_SHOWN else ""
        raise InputError(
            f"'{directory}': its shards are of different runs: {shown}{more}. Leave out what does "
            "not belong, or give --allow-changes to read them together all the same"
        )
    joining.refuse_twins(directory, found)
    joining.refuse_without_draws(directory, found)
    return _one(directory, found, warnings, changes)


def _one(
    directory: pathlib.Path, found: dict[int, Run], warnings: list[str], changes: tuple[str, ...]
) -> Run:
    parts, told = joining.comparable(found)
    if changes:
        told.append(f"read together though they differ: {'; '.join(changes)}.")
    labels: list[np.ndarray] = []
    for part in parts:
        labels.append(part.ensemble + (int(labels[-1].max()) + 1 if labels else 0))
    first = parts[0]
    together = Shards(
        directory=directory,
        resolved=first.resolved,
        attributes=first.attributes,
        committed=first.committed,
        ensemble=np.concatenate(labels),
        variables=joining.common([part.variables for part in parts]),
        labels=first.labels,
        tables=tuple(dict.fromkeys(name for part in parts for name in part.tables)),
        warnings=(*warnings, *told),
        parts=parts,
        changes=changes,
    )
    evidence = together.table("evidence")
    if "log_z" not in evidence:
        return together
    share = shares(evidence["log_z"])
    return dataclasses.replace(together, order=kept(share, together.ensemble, first.committed))
