"""What a new run needs later, done by a thread while the main thread looks for starting points.

XLA and the reading of modules from disk leave Python free: two cores then share what a cold start
has to compile.
"""

import contextlib
import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp

from nmmjax.samplers import devices, driver, witness
from nmmjax.samplers.base import AbstractEngine
from nmmjax.samplers.witness import Problem

_AT_THE_END = ("nmmjax.results.until", "nmmjax.results.summary")


@contextlib.contextmanager
def compiling(engine: AbstractEngine, problem: Problem, dim: int) -> Iterator[None]:
    """Compile the program that records blocks beside what is done inside; then it is there.

    Afterwards the thread goes on to import what the end of a run needs.
    """

    used = jax.sharding.get_mesh()  # of this thread

    def record() -> None:
        with devices.using(used):
            points = jnp.zeros((engine.chains, dim))
            witness.of_points(problem, points, driver.recorded_length(engine))

    thread = ThreadPoolExecutor(1, "ahead")
    compiled = thread.submit(record)
    thread.submit(lambda: [importlib.import_module(name) for name in _AT_THE_END])
    try:
        yield
    except BaseException:
        thread.shutdown(wait=False, cancel_futures=True)
        raise
    compiled.result()
    thread.shutdown(wait=False)
