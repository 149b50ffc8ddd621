"""Set-up of every command that computes: JAX in double precision, with its cache on."""

import hashlib
import logging
import os
import pathlib
import platform
import stat
import tempfile

import jax

from nmmjax.cli.terminal import say
from nmmjax.errors import InputError
from nmmjax.runfile import plugins

_GPU = ("/dev/nvidiactl", "/dev/dxg")
_asked: dict[str, str | None] = {}  # platforms that JAX was to use before a command that only reads


def start_jax(reads: bool = False) -> None:
    """Set double precision and a compilation cache; refuse an explicit request for float32.

    reads  the command samples nothing: it computes on the CPU and leaves an accelerator, most of
           whose memory JAX would take, to the run that may be there

    The cache sits in $JAX_COMPILATION_CACHE_DIR, else below the user's cache folder, apart for
    each kind of processor, since compiled CPU code does not travel between kinds. Where neither
    can be written, as on compute nodes without a home, one line says so, and the cache sits in a
    folder of the user's own below the temporary directory; without that, programs are compiled
    anew.
    """
    asked = os.environ.get("JAX_ENABLE_X64", "1").lower()
    if asked in ("0", "false", "f", "off", "no", "n"):
        raise InputError(
            "JAX_ENABLE_X64 asks for single precision, but moments of 1e-12 mu_B come from "
            "cancellations that need double: unset JAX_ENABLE_X64 or set it to 1"
        )
    quiet()
    jax.config.update("jax_enable_x64", True)
    _choose_platform(reads)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    given = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if given is not None and ("://" in given or not given):  # storage that JAX itself opens; off
        return
    folder = cache_directory() if given is None else pathlib.Path(given)
    fault = "there is no home directory" if folder is None else _unusable(folder)
    if fault:
        folder = temporary_cache()
        kept = "are not kept for the next start" if folder is None else f"go to '{folder}'"
        say(
            f"nmmjax: compiled programs {kept} ({fault}); "
            "JAX_COMPILATION_CACHE_DIR can name a folder for them"
        )
    jax.config.update("jax_compilation_cache_dir", None if folder is None else str(folder))


def _choose_platform(reads: bool) -> None:
    """Keep a command that reads to the CPU; give the next one of this process JAX's choice back."""
    if reads:
        _asked.setdefault("platforms", jax.config.jax_platforms)
        jax.config.update("jax_platforms", "cpu")
    elif _asked:
        jax.config.update("jax_platforms", _asked.pop("platforms"))
        if jax.config.jax_platforms != "cpu" and _has_gpu() and jax.default_backend() == "cpu":
            say(
                "nmmjax: this process computes on the CPU, where a command that only reads has "
                "started JAX: start another process to sample on the GPU"
            )


def _has_gpu() -> bool:
    return any(pathlib.Path(device).exists() for device in _GPU)


def quiet() -> None:
    """Keep what other libraries log and nobody can act on away from the terminal.

    JAX tries its CUDA plug-ins also where there is no GPU, and logs how each of them fails;
    fontTools logs the dates inside the fonts that it embeds; matplotlib, in two lines, that its
    list of fonts is in a temporary folder where HOME cannot be written, as `start_jax` has said.
    """
    if not _has_gpu():
        logging.getLogger("jax._src.xla_bridge").addFilter(_is_news)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    logging.getLogger("matplotlib").addFilter(_is_no_cache)


def _is_news(record: logging.LogRecord) -> bool:
    return "plugin configuration error" not in record.getMessage()


def _is_no_cache(record: logging.LogRecord) -> bool:
    """Tell whether matplotlib logs anything but where its cache is."""
    return not record.getMessage().startswith(("mkdir -p failed", "Matplotlib created a temp"))


def refuse_plugins(asked: bool, *names: str) -> None:
    """Raise InputError, where --no-plugins asks for it, for a name that leads to foreign code."""
    for name in names:
        if asked and plugins.foreign(name):
            raise InputError(
                f"'{name}' is code that is not part of nmmjax: --no-plugins refuses it"
            )


def cache_directory() -> pathlib.Path | None:
    """Return the folder of compiled programs for this processor; None for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        above = pathlib.Path(base) if base else pathlib.Path.home() / ".cache"
    except RuntimeError:
        return None
    return above / "nmmjax" / f"xla-{_processor()}"


def temporary_cache() -> pathlib.Path | None:
    """Return a folder for compiled programs below the temporary directory; None if there is none.

    It must be the user's own and closed to others: what is read from it is run.
    """
    try:
        above = pathlib.Path(tempfile.gettempdir()) / f"nmmjax-{os.getuid()}"
        above.mkdir(mode=0o700, exist_ok=True)
        found = above.stat(follow_symlinks=False)
    except OSError:
        return None
    ours = found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700
    folder = above / f"xla-{_processor()}"
    return folder if stat.S_ISDIR(found.st_mode) and ours and not _unusable(folder) else None


def _unusable(folder: pathlib.Path) -> str:
    """Say why a folder cannot take files, "" if it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
    except OSError as error:
        return f"'{folder}': {error.strerror}"
    return ""


def _processor() -> str:
    """A short name of the processor kind, instruction sets included."""
    about = platform.machine() + platform.processor()
    info = pathlib.Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(errors="replace").splitlines()
        about += "".join(sorted({x for x in lines if x.startswith(("flags", "model name"))}))
    return hashlib.sha256(about.encode()).hexdigest()[:12]
