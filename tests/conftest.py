"""Double precision, strict numerics and one cache of compiled code for every test."""

import json
import os
import pathlib
import signal
import sys

import pytest

CACHE = pathlib.Path(__file__).parents[1] / ".pytest_cache"
if (
    sys.dont_write_bytecode
):  # not into the sources; workers and commands share one copy all the same
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(CACHE / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # inherited by a background job of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)

import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)

TESTS = pathlib.Path(__file__).parent
REFERENCE = TESTS / "reference"
# Rooms whose tests run whole commands, too long to hold each of them to ranks.
MOST_MAPS = 16_000
FREE_RANKS = ("cli/", "slurm/")


@pytest.hookimpl(trylast=True)  # after the plugin that checks the types of what is imported
def pytest_configure(config):
    """Compiled programs outlive a test file: workers and commands find them below the cache.

    A file cut short by a kill, or read while it is written, is a warning and a compilation.
    """
    os.environ.setdefault("XDG_CACHE_HOME", str(CACHE))
    from nmmjax.cli.session import cache_directory

    directory = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_directory()))
    jax.config.update("jax_compilation_cache_dir", directory)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.fixture(scope="session")
def reference():
    """Reader of a reference file: `reference("weak_triplet/loop_t.json")["rows"]`."""
    return lambda name: json.loads((REFERENCE / name).read_text())


@pytest.fixture(scope="module", autouse=True)
def strict_numerics(request):
    """Refuse arrays of unequal rank, and NaN anywhere in files marked `defined`.

    Ranks are free in `FREE_RANKS`, and in slow tests, whose statistics are written with
    broadcasting; quick ones run the same code.
    NaN is an answer of the target outside its domain, of tables without an entry and of engines
    that hand it on to be counted: only kernels inside their domain can be held to have none.
    """
    path = request.path.relative_to(TESTS).as_posix()
    slow = all(is_slow(item) for item in request.session.items if item.path == request.path)
    rank = "allow" if path.startswith(FREE_RANKS) or slow else "raise"
    defined = request.node.get_closest_marker("defined") is not None
    with jax.numpy_rank_promotion(rank), jax.debug_nans(defined):
        yield


def is_slow(item):
    return item.get_closest_marker("slow") is not None


@pytest.fixture(autouse=True)
def free_ranks_of_slow_tests(request, strict_numerics):
    """Free the ranks of a slow test among quick ones."""
    rank = "allow" if is_slow(request.node) else jax.config.jax_numpy_rank_promotion
    with jax.numpy_rank_promotion(rank):
        yield


@pytest.fixture(scope="module", autouse=True)
def bounded_memory_maps():
    """Forget compiled programs, some six maps each, well before Linux refuses a process more.

    The compiler ends the process with a segmentation fault at 65 530 of them.
    """
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()


@pytest.fixture
def without_figures(monkeypatch):
    """Leave out the figures of `nmmjax run`, half the time of a small run."""
    monkeypatch.setattr("nmmjax.figures.draw.save_all", lambda *_: [])
