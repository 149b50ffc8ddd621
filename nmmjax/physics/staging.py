"""What differs by device in how a formula is compiled, never in its value.

A CPU is fast on small pieces that stay in its cache: intermediate results are kept, short loops
stay loops. An accelerator pays for every launch: all may be fused, and loops are unrolled.
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jax import lax

_QUICKLY = {"xla_backend_optimization_level": 0}


def kept[T](x: T) -> T:
    """Return x; on a CPU it is computed once, not again in every operation that uses it."""
    return lax.platform_dependent(x, cpu=lax.optimization_barrier, default=lambda x: x)


def repeated[T](trips: int, body: Callable[[int, T], T], start: T) -> T:
    """Apply body(i, x) for i < trips: a loop on a CPU, unrolled elsewhere."""

    def loop(unroll: bool) -> Callable[[T], Any]:
        return lambda x: lax.fori_loop(0, trips, body, x, unroll=unroll)

    return lax.platform_dependent(start, cpu=loop(False), default=loop(True))


def once[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Return `eqx.filter_jit(function)` for a program that runs a few times on few points.

    A CPU takes two thirds of the time to compile it, and longer to run it. Rounding may differ.
    """
    usual = eqx.filter_jit(function)
    quick: Any = eqx.filter_jit(function, compiler_options=_QUICKLY)  # pyright: ignore

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return (quick if jax.default_backend() == "cpu" else usual)(*args, **kwargs)

    return call
