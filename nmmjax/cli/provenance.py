"""Versions a run was made with: kept in its directory, compared before the run is continued."""

import dataclasses
import json
import pathlib
import tomllib
from typing import Any

import jax
import tomli_w

from nmmjax.cli.versions import commit, version
from nmmjax.errors import InputError
from nmmjax.samplers.base import AbstractEngine, name_of
from nmmjax.target.posterior import Posterior
from nmmjax.textfile import differences

_PACKAGES = ("nmmjax", "jax", "jaxlib", "numpy", "scipy", "equinox", "h5py", "blackjax", "emcee")
_MOST_DIFFERENCES = 4
_NOT_FOR_LOO = (
    "log likelihood of each constraint at each draw: terms of one sum, not exchangeable "
    "observations; not for LOO or WAIC"
)


def attributes(about: dict[str, Any], posterior: Posterior) -> dict[str, dict[str, Any]]:
    """HDF5 attributes by path: provenance at the root, meaning at every variable."""
    root = about | _installed()
    root |= {
        "inference_library": "nmmjax",
        "inference_library_version": version("nmmjax"),
        "double_precision": 1,
        "planes": json.dumps([dataclasses.astuple(plane) for plane in posterior.model.planes]),
    }
    variables = {f"/posterior/{k}": dict(v) for k, v in posterior.variables().items()}
    terms = {
        f"/log_likelihood/{c.name}": {"long_name": c.describe(), "source": c.source.reference}
        | ({"label": c.source.label} if c.source.label else {})
        for c in posterior.constraints
    }
    wishes = {f"/target/{w.name}": {"long_name": w.describe()} for w in posterior.prefer}
    return (
        {"/": root, "/log_likelihood": {"note": _NOT_FOR_LOO}}
        | {"/target/allowed": {"long_name": "inside every constraint's quoted limit (0 or 1)"}}
        | {"/target/log_prior": {"long_name": "log prior density in the sampled parameters"}}
        | {"/sample_stats/lp": {"long_name": "log target density in chart coordinates"}}
        | variables
        | terms
        | wishes
    )


def refuse_other_run(directory: pathlib.Path, tree: dict[str, Any], engine: AbstractEngine) -> None:
    """Raise InputError unless `physics` and `sampling` are those that the directory began with.

    They stand in its manifest; resolved.toml is a copy for people, which they may have edited. A
    run of a version that lacked an option of the engine had its default.
    """
    old = _resolved(directory)
    if old.get("sampling", {}).get("engine", {}).get("name") == name_of(engine):
        old["sampling"]["engine"] = _defaults(engine) | old["sampling"]["engine"]
    new = tomllib.loads(tomli_w.dumps(tree))
    found = [
        line
        for part in ("physics", "sampling")
        for line in differences(old.get(part, {}), new[part], part)
    ]
    if found:
        raise InputError(
            f"'{directory}' was made by another run: {_few(found)}. Give another --out, or restore "
            "the run file. Nothing was written"
        )


def _defaults(engine: AbstractEngine) -> dict[str, Any]:
    fields = dataclasses.fields(engine)
    return {f.name: f.default for f in fields if f.default not in (None, dataclasses.MISSING)}


def sampling(directory: pathlib.Path) -> dict[str, Any]:
    """Return the table `sampling` that a run began with."""
    return _resolved(directory).get("sampling", {})


def _resolved(directory: pathlib.Path) -> dict[str, Any]:
    try:
        return tomllib.loads(root(directory)["resolved"])
    except (KeyError, TypeError, tomllib.TOMLDecodeError, RecursionError):
        raise InputError(
            f"cannot continue '{directory}': manifest.json does not say what it was made with"
        ) from None


def changes(directory: pathlib.Path) -> str:
    """Name in a sentence the packages that changed since a run began; "" if none did."""
    old, new = root(directory), _installed()
    found = [
        line.removeprefix("version_")
        for line in differences({key: old.get(key) for key in new}, new)
    ]
    return f". Changed since it began: {_few(found)}" if found else ""


def _installed() -> dict[str, Any]:
    device = jax.devices()[0]
    return {f"version_{name}": version(name) for name in _PACKAGES} | {
        "commit": commit(),
        "device": f"{device.platform}: {device.device_kind}",
    }


def root(directory: pathlib.Path) -> dict[str, Any]:
    """Return the attributes of the whole run, from its manifest."""
    path = directory / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["attributes"]["/"]
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"'{path}' is damaged, or of another program") from None
    if not isinstance(found, dict):
        raise InputError(f"'{path}' is damaged, or of another program")
    return found


def _few(lines: list[str]) -> str:
    more = len(lines) - _MOST_DIFFERENCES
    return "; ".join(lines[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
