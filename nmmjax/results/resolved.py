"""What was run, by the resolved.toml of a run directory; what is damaged is refused in one line."""

import pathlib
import sys
import tomllib
from typing import Any

from nmmjax.errors import InputError
from nmmjax.samplers.store import reading
from nmmjax.samplers.store.files import Folder

_MOST_TEXT = 2**24  # bytes
_NEEDED: dict[str, type | tuple[type, ...]] = {
    "physics.model": dict,
    "physics.model.name": str,
    "physics.priors": dict,
    "sampling.engine": dict,
    "sampling.engine.name": str,
    "sampling.seed": int,
    "stop.draws": int,
}


def read(directory: pathlib.Path) -> dict[str, Any]:
    """Return the tables of resolved.toml; raise InputError if they are missing or damaged."""
    if directory.is_file():
        raise InputError(f"'{directory}' is a file; give the run directory that holds it")
    if not directory.is_dir():
        raise InputError(f"there is no run directory '{directory}'")
    path = directory / "resolved.toml"
    if not reading.exists(directory, "resolved.toml"):
        raise InputError(
            f"'{directory}' is not a run directory (it has no resolved.toml); give the directory "
            "that `nmmjax run` names when it starts"
        )
    try:
        with Folder(directory) as folder:
            reading.refuse_links(folder)
        found = tomllib.loads(reading.read_text(directory, "resolved.toml", _MOST_TEXT))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read '{path}': {error}") from None
    missing = {"physics", "sampling", "stop"} - found.keys()
    if missing:
        raise InputError(f"'{path}' has no section '{min(missing)}': nmmjax did not write it")
    for key, kind in _NEEDED.items():
        if not isinstance(_at(found, key), kind):
            raise InputError(f"'{path}': '{key}' is missing or of another kind: it was damaged")
    until = found["stop"].get("until", {})
    if found["stop"]["draws"] < 1 or not isinstance(until, dict) or not _sound(until):
        raise InputError(f"'{path}': 'stop' holds something other than numbers: it was damaged")
    return found


def refuse_edited(path: pathlib.Path, text: Any, resolved: dict[str, Any]) -> None:
    """Raise InputError unless resolved.toml says what chains.h5 does, but for the stop rule."""
    if not isinstance(text, str):
        return  # written by hand
    try:
        stored = tomllib.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"'{path}': its attribute 'resolved' is damaged") from None
    for part in ("physics", "sampling"):
        if stored.get(part) != resolved[part]:
            raise InputError(
                f"'{path.parent / 'resolved.toml'}' and the attribute 'resolved' of chains.h5 "
                f"differ in '{part}': one of them was damaged or edited"
            )


def _sound(until: dict[str, Any]) -> bool:
    numbers = (x for key, x in until.items() if key != "shards")
    return all(type(x) in (int, float) and abs(x) <= sys.float_info.max for x in numbers)


def _at(tree: Any, path: str) -> Any:
    """The value at a dotted path of tables, None if there is none."""
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
