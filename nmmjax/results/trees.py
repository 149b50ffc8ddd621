"""Draws as arviz holds them: an xarray DataTree, by chain or by ensemble."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nmmjax.errors import InputError, suggest
from nmmjax.results.rundir import Run
from nmmjax.results.shards import Shards, open_run
from nmmjax.results.variables import Attributes

BY = ("chain", "ensemble")


def tree(directory: pathlib.Path | str, by: str = "chain", allow_changes: bool = False) -> Any:
    """Return the draws of a run, or of the shards of tasks, as an xarray DataTree.

    by  "chain": as stored, walkers as chains, with the coordinate `ensemble`; lazily, of a run
        "ensemble": one chain per ensemble, the draws of its walkers side by side, which is what
        `arviz.plot_rank`, `plot_trace` and `summary` take for independent chains

    Raises InputError for another `by`, and as `open_run` does.
    """
    if by not in BY:
        raise InputError(f"by='{by}' is unknown{suggest(by, BY)}")
    directory = pathlib.Path(directory)
    run = open_run(directory, allow_changes)
    if by == "chain" and not isinstance(run, Shards):
        import arviz

        return arviz.from_netcdf(directory / "chains.h5")
    return of(run, by)


def of(run: Run, by: str = "chain") -> Any:
    """Return the DataTree of an opened run. Raises InputError where ensembles differ in size."""
    groups = {
        group: {name: run.read(name, group) for name in names}
        for group, names in run.variables.items()
        if names
    }
    labels = run.ensemble
    if by == "ensemble":
        order = in_ensembles(run)
        groups = {
            group: {name: by_ensemble(x, order) for name, x in found.items()}
            for group, found in groups.items()
        }
        labels = np.arange(len(order))
    about = {
        name: {k: x for k, x in found.items() if x}
        for name, found in run.variables["posterior"].items()
    }
    made = to_tree(groups, labels, about)
    made.attrs.update({k: x for k, x in run.attributes.items() if isinstance(x, str | int | float)})
    made.attrs["warnings"] = "\n".join(run.warnings)
    return made


def to_tree(
    groups: Mapping[str, Mapping[str, Any]],
    ensemble: np.ndarray,
    attributes: Mapping[str, Attributes] | None = None,
) -> Any:
    """Hold draws in memory as arviz does: an xarray DataTree like that of a run directory.

    groups      group -> variable -> array (chain, draw, ...), as `Posterior.record` returns
    ensemble    (chain,) label of the ensemble of each chain, as `engine.groups` returns
    attributes  of the variables of `posterior`, as `Posterior.variables` returns
    """
    import arviz

    plain = {group: {k: np.asarray(x) for k, x in found.items()} for group, found in groups.items()}
    made = arviz.from_dict(plain, check_conventions=False)  # walkers often outnumber draws
    made["posterior"].coords["ensemble"] = ("chain", np.asarray(ensemble))
    for name, about in (attributes or {}).items():
        made["posterior"][name].attrs.update(about)
    return made


def in_ensembles(run: Run) -> np.ndarray:
    """(ensemble, walker) numbers of the chains of each ensemble.

    Raises InputError where they do not have equally many.
    """
    labels, counts = np.unique(run.ensemble, return_counts=True)
    if len(set(counts)) > 1:
        raise InputError(f"'{run.directory}': its ensembles do not have equally many chains")
    return np.stack([np.flatnonzero(run.ensemble == label) for label in labels])


def by_ensemble(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(chain, draw, ...) as (ensemble, draw * walker, ...): the walkers of a draw side by side."""
    ensembles, walkers = order.shape
    found = np.moveaxis(values[order], 1, 2)  # (ensemble, draw, walker, ...)
    return found.reshape(ensembles, values.shape[1] * walkers, *values.shape[2:])
