"""Draws in the files of other tools: netCDF, GetDist, emcee, Parquet, anesthetic, CSV.

Engines with weighted points (the table `points`) export those with their weights, for the tools
that know weights; the others get equal draws.
"""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nmmjax.errors import InputError, suggest
from nmmjax.results import tables, trees
from nmmjax.results.merge import merge
from nmmjax.results.rundir import Run
from nmmjax.results.weighing import shares

_INSTALL = "pip install 'nmmjax[export]'"


def export(run: Run, to: str, path: pathlib.Path, by: str = "chain") -> list[pathlib.Path]:
    """Write the draws of a run for a tool; the files that were written, the first one to be named.

    path  without a suffix
    by    "ensemble": the draws of an ensemble's walkers side by side, one chain each

    Raises InputError for an unknown format, a file that is there already, a tool that is needed
    and not installed, and draws that the format cannot hold.
    """
    if to not in FORMATS:
        raise InputError(f"--to {to}: unknown{suggest(to, FORMATS)}")
    if by not in trees.BY:
        raise InputError(f"--by {by}: unknown{suggest(by, trees.BY)}")
    if to != "netcdf":  # which has room for tables
        tables.refuse_without_draws(run, "to export")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FORMATS[to](run, path, by)
    except OSError as error:
        raise InputError(f"cannot write '{path}': {error.strerror or error}") from None
    except ImportError as error:
        raise InputError(f"--to {to} needs '{error.name}': {_INSTALL}") from None


def weighted(run: Run) -> dict[str, np.ndarray]:
    """Return the weighted points of a run by column, weights of sum 1; {} without them.

    Points of several repeats count in proportion to their Z.
    """
    table = run.table("points")
    if not table:
        return {}
    log_z = run.table("evidence")["log_z"]
    weight = np.exp(table["log_weight"]) * shares(log_z)[table["repeat"]]
    names = [name for name in run.variables["posterior"] if name in table]
    found = {"weight": weight, "repeat": table["repeat"]}
    likelihood = ("log_likelihood", "log_likelihood_birth")
    found |= {name: table[name] for name in likelihood if name in table}
    return found | _entries({name: table[name] for name in names})


def _entries(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays (row, ...) entry by entry, as name[i,j]."""
    return {
        f"{name}[{','.join(map(str, index))}]" if index else name: x[(slice(None), *index)]
        for name, x in columns.items()
        for index in np.ndindex(x.shape[1:])
    }


def _equal(run: Run, by: str) -> dict[str, np.ndarray]:
    """Equal draws by column, one row each: chain, ensemble, draw, lp, then every quantity.

    By ensemble the rows of an ensemble stand together, all walkers of a draw side by side.
    """
    chains, draws = len(run.ensemble), run.committed
    columns = {
        "chain": np.repeat(np.arange(chains), draws),
        "ensemble": np.repeat(run.ensemble, draws),
        "draw": np.tile(np.arange(draws), chains),
        "lp": run.read("lp", "sample_stats").reshape(-1),
    }
    columns |= {label: run.read(label).reshape(-1) for label in run.labels}
    if by == "chain":
        return columns
    order = trees.in_ensembles(run)
    return {
        name: trees.by_ensemble(x.reshape(chains, draws), order).reshape(-1)
        for name, x in columns.items()
    }


def _fresh(path: pathlib.Path) -> pathlib.Path:
    if path.exists() or path.is_symlink():
        raise InputError(f"'{path}' exists already: remove it or give another name to --out")
    return path


def _netcdf(run: Run, path: pathlib.Path, by: str) -> list[pathlib.Path]:
    target = path.with_name(f"{path.name}.nc")
    if by == "chain":
        merge(run, target, virtual=False)
    else:
        trees.of(run, by).to_netcdf(_fresh(target), engine="h5netcdf")
    return [target]


def _getdist(run: Run, path: pathlib.Path, by: str) -> list[pathlib.Path]:
    """root_1.txt, ... of weight, -ln density and values: one file per ensemble or repeat."""
    del by
    points = weighted(run)
    names = _shown(run, points)
    if points:
        points = {name: x[points["weight"] > 0.0] for name, x in points.items()}
        label, weight = points["repeat"], points["weight"] / points["weight"].max()
        given = points.get("log_likelihood")
        cost = -np.log(points["weight"]) if given is None else -given
        values = [points[name] for name in names]
    else:
        columns = _equal(run, "ensemble")
        label, cost = columns["ensemble"], -columns["lp"]
        weight, values = np.ones(len(cost)), [columns[name] for name in names]
    rows = np.column_stack([weight, cost, *values])
    files = [_fresh(path.with_name(f"{path.name}.paramnames"))]
    files += [_fresh(path.with_name(f"{path.name}_{e + 1}.txt")) for e in range(label.max() + 1)]
    for e, file in enumerate(files[1:]):
        np.savetxt(file, rows[label == e])
    sampled = set(run.sampled)
    lines = [f"{name}{'' if name in sampled else '*'}\t{_latex(run, name)}\n" for name in names]
    files[0].write_text("".join(lines), encoding="utf-8")
    return files


def _shown(run: Run, points: Mapping[str, np.ndarray]) -> list[str]:
    """The quantities to export: all but what was fixed, and of points what they have."""
    names = [label for label in run.labels if run.about(label)["role"] != "fixed"]
    return [name for name in names if name in points] if points else names


def _latex(run: Run, label: str) -> str:
    name, index = run.labels[label]
    latex = run.variables["posterior"][name]["latex"] or name
    return f"({latex})_{{{','.join(map(str, index))}}}" if index else latex


def _emcee(run: Run, path: pathlib.Path, by: str) -> list[pathlib.Path]:
    """One group `mcmc` of all walkers, or `ensemble_e` for each; observables are blobs."""
    from emcee.backends import HDFBackend

    target = _fresh(path.with_name(f"{path.name}.h5"))
    lp, sampled = run.read("lp", "sample_stats"), run.sampled
    others = [label for label in run.labels if label not in sampled]
    chain = np.stack([run.read(name) for name in sampled], axis=-1)
    blobs = np.empty(lp.shape, dtype=[(name, "f8") for name in others])
    for name in others:
        blobs[name] = run.read(name)
    rate = "acceptance_rate"
    share = run.read(rate, "sample_stats") if run.has(rate, "sample_stats") else np.zeros_like(lp)
    every = np.arange(len(lp))[None]
    members = trees.in_ensembles(run) if by == "ensemble" else every
    for e, chains in enumerate(members):
        backend = HDFBackend(str(target), name=f"ensemble_{e}" if by == "ensemble" else "mcmc")
        backend.reset(len(chains), len(sampled))
        backend.grow(run.committed, blobs[0] if others else None)
        with backend.open("a") as file:
            group: Any = file[backend.name]
            group["chain"][...] = np.swapaxes(chain[chains], 0, 1)
            group["log_prob"][...] = lp[chains].T
            group["accepted"][...] = np.nansum(share[chains], axis=1).round()
            if others:
                group["blobs"][...] = blobs[chains].T
            group.attrs["iteration"] = run.committed
            group.attrs["parameters"] = list(sampled)
            group.attrs["log_prob"] = "log target density in chart coordinates"
    return [target]


def _frame(run: Run, by: str) -> Any:
    import pandas

    return pandas.DataFrame(weighted(run) or _equal(run, by))


def _parquet(run: Run, path: pathlib.Path, by: str) -> list[pathlib.Path]:
    target = _fresh(path.with_name(f"{path.name}.parquet"))
    frame = _frame(run, by)
    frame.attrs["units"] = {k: about["units"] for k, about in run.variables["posterior"].items()}
    frame.to_parquet(target, index=False)
    return [target]


def _csv(run: Run, path: pathlib.Path, by: str) -> list[pathlib.Path]:
    target = _fresh(path.with_name(f"{path.name}.csv"))
    _frame(run, by).to_csv(target, index=False)
    return [target]


def _anesthetic(run: Run, path: pathlib.Path, by: str) -> list[pathlib.Path]:
    """Dead and live points with ln L at birth of `nested`; weighted or equal draws of others."""
    from anesthetic import MCMCSamples, NestedSamples

    target = _fresh(path.with_name(f"{path.name}.csv"))
    points = weighted(run)
    names = _shown(run, points)
    labels = [f"${_latex(run, name)}$" for name in names]
    columns = points or _equal(run, by)
    data = np.column_stack([columns[name] for name in names])
    given: dict[str, Any] = {"columns": names, "labels": labels}
    if "log_likelihood_birth" in points:
        births = {"logL": points["log_likelihood"], "logL_birth": points["log_likelihood_birth"]}
        made = NestedSamples(data, **births, **given)
    elif points:
        made = MCMCSamples(data, weights=points["weight"], **given)
    else:
        made = MCMCSamples(data, **given)
        made["chain"] = columns["ensemble"]
    made.to_csv(target)
    return [target]


FORMATS: dict[str, Callable[[Run, pathlib.Path, str], list[pathlib.Path]]] = {
    "netcdf": _netcdf,
    "getdist": _getdist,
    "emcee": _emcee,
    "parquet": _parquet,
    "anesthetic": _anesthetic,
    "csv": _csv,
}
