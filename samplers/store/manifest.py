"""manifest.json: what a run directory is, under a checksum of its own."""

import hashlib
import json
from typing import Any

from . import checkpoint
from .files import File, StoreError

NAME = "manifest.json"
FORMAT = 1
_MOST = 2**26  # bytes
_KEYS = {"format", "groups", "attributes", "generations"}
_OF_STATE = {"file": str, "sha256": str, "draws": int, "starts": list, "done": bool}

type Manifest = dict[str, Any]


def read(file: File) -> Manifest:
    """Read the manifest without its checksum. Raises StoreError if it is damaged or of no use."""
    try:
        manifest = json.loads(file.read(_MOST))
    except (ValueError, RecursionError) as error:
        if isinstance(error, StoreError):
            raise
        raise _damaged(file) from None
    if not isinstance(manifest, dict):
        raise _damaged(file)
    found = manifest.get("format")
    if type(found) is int and found != FORMAT:
        raise StoreError(
            f"'{file.folder.path}' has format {found}; this version writes format {FORMAT}"
        )
    # Directories of versions before the checksum have none.
    if manifest.pop("sha256", digest(manifest)) != digest(manifest) or not _sound(manifest):
        raise _damaged(file)
    return manifest


def write(file: File, manifest: Manifest) -> None:
    """Replace the manifest."""
    signed = manifest | {"sha256": digest(manifest)}
    file.replace(json.dumps(signed, indent=1).encode())


def digest(manifest: Manifest) -> str:
    """SHA-256 of the manifest as compact JSON with sorted keys."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged(file: File) -> StoreError:
    return StoreError(f"'{file}' is damaged, or of another program")


def _sound(manifest: Manifest) -> bool:
    """Tell whether every entry has the type that readers expect."""
    groups, about, states = (manifest.get(k) for k in ("groups", "attributes", "generations"))
    return (
        manifest.keys() == _KEYS
        and type(manifest["format"]) is int
        and isinstance(groups, list)
        and all(type(x) is int and abs(x) < 2**62 for x in groups)
        and isinstance(about, dict)
        and all(isinstance(x, dict) for x in about.values())
        and isinstance(states, list)
        and len(states) <= len(checkpoint.FILES)
        and all(map(_sound_state, states))
    )


def _sound_state(state: Any) -> bool:
    return (
        isinstance(state, dict)
        and state.keys() - {"bytes"} == _OF_STATE.keys()
        and all(type(state[key]) is kind for key, kind in _OF_STATE.items())
        and state["file"] in checkpoint.FILES
        and type(state.get("bytes", 0)) is int
        and 0 <= state["draws"] < 2**62
        and len(state["starts"]) == 2
        and all(type(x) is int and 0 <= x < 2**31 for x in state["starts"])
    )
