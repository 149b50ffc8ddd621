"""Seconds from the start of a process to the first stored draws, first and second time.

Every engine in processes of its own on runs/quickstart.toml with soft priors, with one block of one
draw. The compilation cache is empty the first time and filled the second.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

type Row = tuple[str, float, str]

_ENGINES = {
    "ensemble": "{'block': 1}",
    "nuts": "{'chains': 16, 'warmup': 20, 'block': 1}",
    "meads": "{'block': 1, 'thin': 1, 'warmup': 20}",
    "chees": "{'block': 1, 'warmup': 20}",
}
_CHILD = """
import sys
from nmmjax.cli.session import start_jax
start_jax()
import jax
from benchmarks.engines import soft
from nmmjax.target import start
from nmmjax.cli.engines import find_engine
engine = find_engine(sys.argv[1])(**eval(sys.argv[2]))
target = soft("quickstart", "auto")
points = start.screened(target, jax.random.key(1), engine.chains).positions
state = engine.init(jax.random.key(2), target, points)
jax.block_until_ready(engine.advance(jax.random.key(3), target, state))
"""


def run() -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    for name, options in _ENGINES.items():
        yield from _engine(name, options)


def _engine(name: str, options: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as cache:
        first, second = _seconds(name, options, cache), _seconds(name, options, cache)
    yield f"{name}: first start", first, "s"
    yield f"{name}: second start", second, "s"
    yield f"{name}: first over second", first / second, "x"


def _seconds(name: str, options: str, cache: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _CHILD, name, options],
        env=os.environ | {"JAX_COMPILATION_CACHE_DIR": cache},
        check=True,
    )
    return time.perf_counter() - began
