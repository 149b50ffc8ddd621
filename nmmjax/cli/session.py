"""What every command that computes needs first: JAX in double precision, with its cache on."""

import hashlib
import os
import pathlib
import platform

import jax

from nmmjax.errors import InputError


def start_jax() -> None:
    """Double precision and a persistent compilation cache; refuses an explicit float32 request.

    The cache sits in $JAX_COMPILATION_CACHE_DIR, else below the user's cache folder, apart for
    each kind of processor, since compiled CPU code does not travel between kinds.
    """
    asked = os.environ.get("JAX_ENABLE_X64", "1").lower()
    if asked in ("0", "false", "f", "off", "no", "n"):
        raise InputError(
            "JAX_ENABLE_X64 asks for single precision, but moments of 1e-12 mu_B come from "
            "cancellations that need double: unset JAX_ENABLE_X64 or set it to 1"
        )
    jax.config.update("jax_enable_x64", True)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_directory()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def cache_directory() -> pathlib.Path:
    """Where compiled programs are kept on this kind of machine."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "nmmjax" / f"xla-{_processor()}"


def _processor() -> str:
    """A short name of the processor kind, instruction sets included."""
    about = platform.machine() + platform.processor()
    info = pathlib.Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(errors="replace").splitlines()
        about += "".join(sorted({x for x in lines if x.startswith(("flags", "model name"))}))
    return hashlib.sha256(about.encode()).hexdigest()[:12]
