"""A run directory opened for reading: what was run, and the committed draws.

Files are opened without locks, so reading a run that is still being written disturbs nothing.
Nothing outside the directory is read, and what is damaged is refused in one line.
"""

import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import h5py
import numpy as np

from nmmjax.catalogue import known_or_bare
from nmmjax.errors import Damaged, InputError, suggest
from nmmjax.results import resolved
from nmmjax.results.variables import Attributes, label_of, variables_of
from nmmjax.samplers.series import WHOLE, Series
from nmmjax.samplers.store import reading
from nmmjax.samplers.store.files import StoreError

_OF_DRAWS = reading.OF_DRAWS
_ATTEMPTS = 5  # at a file that another process may be changing
_MOST_TOGETHER = 2**22  # draws of some chains of a run that does not fit in memory
_FEWEST_CHAINS = 64  # below which chains are never thinned


@dataclasses.dataclass(frozen=True)
class Run:
    """An opened run directory; arrays are read when asked for, committed draws only."""

    directory: pathlib.Path
    resolved: dict[str, Any]
    attributes: dict[str, Any]
    committed: int
    ensemble: np.ndarray  # (chain,), the ensemble each chain belongs to
    variables: dict[str, dict[str, Attributes]]  # group -> name -> attributes
    labels: dict[str, tuple[str, tuple[int, ...]]]  # of posterior: name[i,j] -> (name, (i, j))
    tables: tuple[str, ...] = ()  # groups that an engine wrote beside draws, or in their place
    warnings: tuple[str, ...] = ()  # what was not read

    @property
    def independent(self) -> "Run":
        """The draws as each ensemble made them: those of shards may count by weight elsewhere."""
        return self

    @property
    def sampled(self) -> tuple[str, ...]:
        """Names of the sampled parameters, in the order of the resolved priors."""
        return tuple(n for n, a in self.variables["posterior"].items() if a["role"] == "parameter")

    @property
    def superchains(self) -> np.ndarray | None:
        """(chain,) labels of chains that began at the same place, if the run file asked for it."""
        count = self.resolved["sampling"].get("superchains")
        return None if count is None else np.repeat(np.arange(count), len(self.ensemble) // count)

    def has(self, name: str, group: str = "posterior") -> bool:
        return name in self.variables.get(group, {})

    def about(self, label: str) -> Attributes:
        """Attributes of a quantity of `posterior`; InputError if the run did not store it."""
        return self.variables["posterior"][self._find(label)[0]]

    def period(self, label: str) -> float | None:
        """Return the period of an angle of `posterior`; None for a quantity on a line."""
        name = label.partition("[")[0]
        given = self.variables["posterior"].get(name, {}).get("period")
        prior = self.resolved["physics"]["priors"].get(name)
        if given is None and isinstance(prior, dict) and "angle" in prior:
            return 2.0 * math.pi
        return float(given) if given is not None else known_or_bare(name).period

    def read(
        self,
        name: str,
        group: str = "posterior",
        chains: np.ndarray | None = None,
        draws: slice | None = None,
    ) -> np.ndarray:
        """One variable, (chain, draw[, ...]), or entry name[i,j], of all chains and draws or some.

        Raises InputError if the run did not store it.
        """
        name, index = self._named(name, group)
        part = slice(0, self.committed) if draws is None else draws

        def take(file: Any) -> np.ndarray:
            data = file[group][name]
            if chains is None:
                return data[(slice(None), part, *index)]
            pieces = np.split(chains, np.flatnonzero(np.diff(chains) != 1) + 1)
            rows = [data[(slice(p[0], p[-1] + 1), part, *index)] for p in pieces]
            return np.concatenate(rows)

        return taken(self.directory, take)

    def series(self, name: str, group: str = "posterior") -> Series:
        """One quantity, (chain, draw), to be read in pieces. Raises InputError as `read` does."""
        variable, _ = self._named(name, group)

        def read(chains: np.ndarray | None, draws: slice) -> np.ndarray:
            return self.read(name, group, chains, draws)

        size = len(self.ensemble) * self.committed
        unit = 1 if size <= WHOLE else self._unit(variable, group)
        return Series(len(self.ensemble), self.committed, read, unit)

    def _unit(self, name: str, group: str) -> int:
        """Draws of a variable that are stored together."""
        return taken(self.directory, lambda file: (file[group][name].chunks or (0, 1))[1])

    def sample(self, name: str, few: np.ndarray, group: str = "posterior") -> np.ndarray:
        """Read one quantity of the chains `few`, at every so many draws (`every`)."""
        return self.series(name, group).some(few, self.every(few))

    def every(self, few: np.ndarray) -> int:
        """Say of how many draws of the chains `few` one counts: 1 where all draws fit in memory."""
        if len(self.ensemble) * self.committed <= WHOLE:
            return 1
        return -(-len(few) * self.committed // _MOST_TOGETHER)

    def at(self, name: str, where: np.ndarray) -> np.ndarray:
        """Read one quantity at some draws, by flat indices, chain by chain."""
        column = self.series(name)
        if column.fits:
            return column.whole.ravel()[where]
        chains, draws = np.divmod(where, self.committed)
        found = np.empty(len(where))
        for part, values in column.blocks():
            inside = (draws >= part.start) & (draws < part.stop)
            found[inside] = values[chains[inside], draws[inside] - part.start]
        return found

    def _named(self, name: str, group: str) -> tuple[str, tuple[int, ...]]:
        """(variable, entry) of a name. Raises InputError if the run did not store it."""
        if group == "posterior":
            return self._find(name)
        if not self.has(name, group):
            self._refuse(name, self.variables.get(group, {}))
        return name, ()

    def table(self, name: str) -> dict[str, np.ndarray]:
        """Return a table of the engine: every array by name; empty if the run has no such table."""
        if name not in self.tables:
            return {}

        def take(file: Any) -> dict[str, np.ndarray]:
            arrays = {key: item for key, item in file[name].items() if not item.is_scale}
            for item in arrays.values():
                reading.refuse_hollow(item)
            return {key: np.asarray(item) for key, item in arrays.items()}

        return taken(self.directory, take)

    def described(self, name: str) -> dict[str, Attributes]:
        """Attributes of the quantities of the model in a table, by name: units and latex."""
        if name not in self.tables:
            return {}

        def take(file: Any) -> dict[str, Attributes]:
            found = {key: dict(item.attrs) for key, item in file[name].items() if not item.is_scale}
            return {
                key: {k: str(x) for k, x in about.items()}
                for key, about in found.items()
                if {"units", "latex"} <= about.keys()
            }

        return taken(self.directory, take)

    def columns(self) -> Iterator[tuple[str, Attributes, Series]]:
        """(label, attributes, series) of `posterior`, arrays entry by entry."""
        for label in self.labels:
            yield label, self.about(label), self.series(label)

    def few(self, most: int) -> np.ndarray:
        """Ascending indices of chains with about `most` draws: equally many of each ensemble.

        Superchains, if there are any, take the place of ensembles.

        All of them if they are not more than that, or than 64. Where there are more ensembles
        than chains to take, one chain each of ensembles at equal distances.
        """
        count = max(most // max(self.committed, 1), _FEWEST_CHAINS)
        if count >= len(self.ensemble):
            return np.arange(len(self.ensemble))
        labels = self.ensemble if self.superchains is None else self.superchains
        members = [np.flatnonzero(labels == e) for e in np.unique(labels)]
        step = -(-len(members) // count)
        each = max(count // len(members), 1)
        return np.sort(np.concatenate([chains[:each] for chains in members[::step]]))

    def point(self, chain: int, draw: int, group: str) -> dict[str, float]:
        """Every variable of a group at one draw."""
        names = self.variables.get(group, {})
        cells = taken(self.directory, lambda file: {n: file[group][n][chain, draw] for n in names})
        return {
            label_of(name, index): float(np.asarray(cell)[index])
            for name, cell in cells.items()
            for index in np.ndindex(np.shape(cell))
        }

    def _find(self, label: str) -> tuple[str, tuple[int, ...]]:
        if label in self.labels:
            return self.labels[label]
        if self.has(label):
            return label, ()
        self._refuse(label, self.labels)

    def _refuse(self, name: str, known: Any) -> NoReturn:
        raise InputError(f"'{self.directory}' has no '{name}'{suggest(name, known)}")


def open_run(directory: pathlib.Path) -> Run:
    """Open a run directory for reading.

    Raises InputError if it is missing, is no run directory, has no chains yet, or its chains.h5
    is damaged or was not written by this program.
    """
    known = resolved.read(directory)
    return taken(directory, lambda file: _run(directory, known, file))


def _run(directory: pathlib.Path, known: dict[str, Any], file: Any) -> Run:
    path = directory / "chains.h5"
    reading.refuse_outside(file)
    found = file.get("posterior/ensemble")
    if "committed_draws" not in file.attrs or not isinstance(found, h5py.Dataset):
        raise InputError(f"'{path}' was not written by nmmjax: it has no committed draws")
    reading.refuse_other_attributes(directory, file)
    committed = reading.counted(file)
    reading.refuse_hollow(found)
    ensemble = np.asarray(found)
    if ensemble.ndim != 1 or ensemble.dtype.kind not in "iu":
        raise InputError(f"'{path}': posterior/ensemble does not number the chains")
    variables = {
        group: variables_of(file[group], len(ensemble), list(known["physics"]["priors"]))
        for group in _OF_DRAWS
        if isinstance(file.get(group), h5py.Group)
    }
    for group, names in variables.items():
        for name in names:
            reading.refuse_hollow(file[group][name], committed)
    tables = tuple(group for group in file if group not in (*_OF_DRAWS, "starts"))
    labels = {
        label_of(name, index): (name, index)
        for name in variables["posterior"]
        for index in np.ndindex(file["posterior"][name].shape[2:])
    }
    about = dict(file.attrs)
    resolved.refuse_edited(path, about.get("resolved"), known)
    return Run(directory, known, about, committed, ensemble, variables, labels, tables)


def taken[T](directory: pathlib.Path, take: Callable[[Any], T]) -> T:
    """Return what `take` reads from chains.h5; raise InputError for what HDF5 cannot read.

    A file that is just being written may be unreadable for a moment: while there are signs of a
    writer, reading is tried again.
    """
    path = directory / "chains.h5"
    for attempt in range(_ATTEMPTS):
        try:
            with reading.chains(directory) as file:
                return take(file)
        except FileNotFoundError:
            raise InputError(
                f"'{directory}' holds no chains.h5: the run stopped before its first draws; run "
                "the same command again"
            ) from None
        except InputError:
            raise
        except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
            if attempt == _ATTEMPTS - 1 or not _being_written(directory):
                raise _unreadable(path, error) from None
        time.sleep(0.2)
    raise AssertionError("unreachable")


def _unreadable(path: pathlib.Path, error: Exception) -> Damaged:
    if isinstance(error, StoreError):
        return Damaged(str(error))
    reason = str(error.args[0]) if error.args and isinstance(error, KeyError) else str(error)
    return Damaged(f"'{path}' cannot be read, it is damaged or not HDF5: {reason}")


def _being_written(directory: pathlib.Path) -> bool:
    return any(reading.exists(directory, name) for name in ("run.lock", ".chains.h5.journal"))
