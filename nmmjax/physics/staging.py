"""What differs by device in how a formula is compiled, never in its value.

A CPU is fast on small pieces that stay in its cache: intermediate results are kept, short loops
stay loops. An accelerator pays for every launch: all may be fused, and loops are unrolled.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax import lax
from jax.sharding import AbstractMesh


def kept[T](x: T) -> T:
    """Return x; on a CPU it is computed once, not again in every operation that uses it."""
    return lax.platform_dependent(x, cpu=lax.optimization_barrier, default=lambda x: x)


def repeated[T](trips: int, body: Callable[[int, T], T], start: T) -> T:
    """Apply body(i, x) for i < trips: a loop on a CPU, unrolled elsewhere."""

    def loop(unroll: bool) -> Callable[[T], Any]:
        return lambda x: lax.fori_loop(0, trips, body, x, unroll=unroll)

    return lax.platform_dependent(start, cpu=loop(False), default=loop(True))


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Compute what is done inside now, on one device, even in the middle of a trace for many."""
    with jax.ensure_compile_time_eval(), jax.sharding.use_abstract_mesh(AbstractMesh((), ())):
        yield
