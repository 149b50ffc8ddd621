"""A run directory opened for reading: what was run, and the committed draws.

Only h5py is needed. Files are opened without locks, so reading a run that is still being
written disturbs nothing.
"""

import contextlib
import dataclasses
import pathlib
import tomllib
from collections.abc import Iterator
from typing import Any, NoReturn

import h5py
import numpy as np

from nmmjax.catalogue import CATALOGUE
from nmmjax.errors import InputError, suggest

type Attributes = dict[str, str]

HEADLINES = ("m_nu", "mu_nu", "tuning_bg", "tuning_cancel")  # listed first
_OF_DRAWS = ("posterior", "sample_stats", "log_likelihood", "target")
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

    def read(
        self, name: str, group: str = "posterior", chains: np.ndarray | None = None
    ) -> np.ndarray:
        """One variable, (chain, draw[, ...]), of all chains or of some; or an entry, name[i,j].

        Raises InputError if the run did not store it.
        """
        index: tuple[int, ...] = ()
        if group == "posterior":
            name, index = self._find(name)
        elif not self.has(name, group):
            self._refuse(name, self.variables.get(group, {}))
        with _chains(self.directory) as file:
            data, draws = file[group][name], slice(0, self.committed)
            if chains is None:
                values = data[:, draws]
            else:
                pieces = np.split(chains, np.flatnonzero(np.diff(chains) != 1) + 1)
                values = np.concatenate([data[p[0] : p[-1] + 1, draws] for p in pieces])
        return values[(..., *index)] if index else values

    def table(self, name: str) -> dict[str, np.ndarray]:
        """A table of the engine: every array by name; empty if the run has no such table."""
        if name not in self.tables:
            return {}
        with _chains(self.directory) as file:
            arrays = {key: item for key, item in file[name].items() if not item.is_scale}
            return {key: np.asarray(item) for key, item in arrays.items()}

    def described(self, name: str) -> dict[str, Attributes]:
        """Attributes of the quantities of the model in a table, by name: units and latex."""
        if name not in self.tables:
            return {}
        with _chains(self.directory) as file:
            found = {key: dict(item.attrs) for key, item in file[name].items() if not item.is_scale}
            return {
                key: {k: str(x) for k, x in about.items()}
                for key, about in found.items()
                if {"units", "latex"} <= about.keys()
            }

    def columns(self) -> Iterator[tuple[str, Attributes, np.ndarray]]:
        """(label, attributes, (chain, draw) array) of `posterior`, arrays entry by entry."""
        for label in self.labels:
            yield label, self.about(label), self.read(label)

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
        with _chains(self.directory) as file:
            cells = {n: file[group][n][chain, draw] for n in self.variables.get(group, {})}
        return {
            _label(name, index): float(np.asarray(cell)[index])
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
    resolved = _resolved(directory)
    with _chains(directory) as file:
        path = directory / "chains.h5"
        if "committed_draws" not in file.attrs or "ensemble" not in file.get("posterior", ()):
            raise InputError(f"'{path}' was not written by nmmjax: it has no committed draws")
        ensemble = np.asarray(file["posterior"]["ensemble"])
        variables = {
            group: _variables(file[group], len(ensemble), list(resolved["physics"]["priors"]))
            for group in _OF_DRAWS
            if isinstance(file.get(group), h5py.Group)
        }
        tables = tuple(group for group in file if group not in (*_OF_DRAWS, "starts"))
        labels = {
            _label(name, index): (name, index)
            for name in variables["posterior"]
            for index in np.ndindex(file["posterior"][name].shape[2:])
        }
        committed = int(file.attrs["committed_draws"])
        about = dict(file.attrs)
        return Run(directory, resolved, about, committed, ensemble, variables, labels, tables)


def _resolved(directory: pathlib.Path) -> dict[str, Any]:
    if directory.is_file():
        raise InputError(f"'{directory}' is a file; give the run directory that holds it")
    if not directory.is_dir():
        raise InputError(f"there is no run directory '{directory}'")
    path = directory / "resolved.toml"
    if not path.is_file():
        raise InputError(
            f"'{directory}' is not a run directory (it has no resolved.toml); give the directory "
            "that `nmmjax run` names when it starts"
        )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read '{path}': {error}") from None
    missing = {"physics", "sampling", "stop"} - found.keys()
    if missing:
        raise InputError(f"'{path}' has no section '{min(missing)}': nmmjax did not write it")
    return found


@contextlib.contextmanager
def _chains(directory: pathlib.Path) -> Iterator[Any]:
    """chains.h5 opened without a lock; what HDF5 cannot read becomes an InputError."""
    path = directory / "chains.h5"
    if not path.is_file():
        raise InputError(
            f"'{directory}' holds no chains.h5: the run stopped before its first draws; run the "
            "same command again"
        )
    try:
        with _open(path) as file:
            yield file
    except OSError as error:
        raise InputError(f"'{path}' cannot be read, it is damaged or not HDF5: {error}") from None


def _open(path: pathlib.Path) -> Any:
    """The file without a lock, or with one where this process already holds it that way."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:
        return h5py.File(path, "r")


def _variables(group: Any, chains: int, parameters: list[str]) -> dict[str, Attributes]:
    """Attributes of every (chain, draw, ...) variable, parameters and headlines first."""
    first = dict.fromkeys([*parameters, *HEADLINES, *CATALOGUE])
    rank = {name: i for i, name in enumerate(first)}
    found = {
        name: {"role": "", "units": "", "latex": name} | {k: str(v) for k, v in item.attrs.items()}
        for name, item in group.items()
        if isinstance(item, h5py.Dataset) and item.ndim >= 2 and item.shape[0] == chains
    }
    return {name: found[name] for name in sorted(found, key=lambda n: (rank.get(n, len(rank)), n))}


def _label(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]" if index else name
