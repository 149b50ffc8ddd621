"""`nmmjax info`: what a bug report needs to know about an installation, on one screen."""

import hashlib
import importlib.resources
import json
import os
import pathlib
import platform
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Any

import jax

from nmmjax.cli.session import start_jax
from nmmjax.cli.terminal import out
from nmmjax.cli.versions import commit, version

_PACKAGES = (
    "nmmjax", "jax", "jaxlib", "equinox", "jaxtyping", "blackjax", "emcee", "optax", "numpy",
    "scipy", "h5py", "arviz", "matplotlib", "pydantic", "typer", "rich",
)  # fmt: skip
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_X64", "JAX_PLATFORMS",
    "SLURM_JOB_ID", "XDG_CACHE_HOME", "XLA_FLAGS", "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
)  # fmt: skip
_SHOWN = 12  # digits of a checksum on the screen


def show_info(as_json: bool) -> None:
    """Print versions, devices, memory, precision, cache and checksums of the data."""
    start_jax()
    found = collect()
    out(json.dumps(found, indent=1) + "\n" if as_json else _text(found))


def collect() -> dict[str, Any]:
    """Collect everything that `nmmjax info` says, sizes in bytes."""
    cache = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    kept = pathlib.Path(cache) if cache else None
    found = kept.rglob("*") if kept is not None and kept.is_dir() else ()
    entries = [p.stat().st_size for p in found if p.is_file()]
    return {
        "versions": {name: version(name) for name in _PACKAGES},
        "commit": commit(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": {"kind": platform.machine(), "cores": os.cpu_count()},
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "backend": jax.default_backend(),
        "devices": [_device(device) for device in jax.devices()],
        "double_precision": bool(jax.config.jax_enable_x64),  # pyright: ignore[reportAttributeAccessIssue]
        "cache": {"directory": cache or "", "files": len(entries), "size": sum(entries)},
        "environment": {k: v for k, v in sorted(os.environ.items()) if k in _VARIABLES},
        "data": dict(_checksums(importlib.resources.files("nmmjax.constraints") / "data")),
    }


def _device(device: Any) -> dict[str, Any]:
    """Platform, kind and memory; JAX does not tell the memory of a CPU."""
    memory = device.memory_stats() or {}
    return {
        "platform": device.platform,
        "kind": device.device_kind,
        "memory": memory.get("bytes_limit"),
        "memory_in_use": memory.get("bytes_in_use"),
    }


def _checksums(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    """(file, sha256) of every data file below a folder, in order."""
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _checksums(entry, f"{path}{entry.name}/")
        elif entry.is_file() and not entry.name.endswith((".py", ".pyc")):
            yield f"{path}{entry.name}", hashlib.sha256(entry.read_bytes()).hexdigest()


def _text(found: dict[str, Any]) -> str:
    versions = found["versions"]
    rows = [
        ("nmmjax", f"{versions['nmmjax']}{_commit_text(found['commit'])}"),
        ("python", f"{found['python']} on {found['system']}"),
        *(("packages" if i == 0 else "", line) for i, line in enumerate(_packages(versions))),
        ("processor", f"{found['processor']['kind']}, {found['processor']['cores']} cores"),
        ("memory", _size(found["memory"])),
        ("backend", f"{found['backend']}, double precision {_on(found['double_precision'])}"),
        *(("device", _device_text(device)) for device in found["devices"]),
        ("cache", _cache_text(found["cache"])),
        *(("variable", f"{key}={value}") for key, value in found["environment"].items()),
        *(("data", f"{sum_[:_SHOWN]}  {name}") for name, sum_ in found["data"].items()),
    ]
    return "".join(f"{name:<10} {text}\n" for name, text in rows)


def _packages(versions: dict[str, str]) -> list[str]:
    """Five packages a line."""
    cells = [f"{name} {version}" for name, version in versions.items() if name != "nmmjax"]
    return [", ".join(cells[i : i + 5]) for i in range(0, len(cells), 5)]


def _cache_text(cache: dict[str, Any]) -> str:
    if not cache["directory"]:
        return "none"
    return f"{cache['directory']}: {cache['files']} files, {_size(cache['size'])}"


def _commit_text(commit_id: str) -> str:
    return f", commit {commit_id}" if commit_id else ""


def _device_text(device: dict[str, Any]) -> str:
    name = f"{device['platform']}: {device['kind']}"
    if device["memory"] is None:
        return name
    return f"{name}, {_size(device['memory_in_use'] or 0)} of {_size(device['memory'])} in use"


def _size(count: int | float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000.0
    return f"{count:.3g} TB"


def _on(flag: bool) -> str:
    return "on" if flag else "off"
