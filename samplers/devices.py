"""All devices of one host: chains, or whatever is independent, are spread over them.

Inside `using(mesh)` the functions below act on the devices of the mesh; elsewhere on one. What is
computed does not depend on how many there are.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

_AXIS = "part"
_QUICKLY = {"xla_backend_optimization_level": 0}


def mesh(count: int) -> Mesh:
    """Make a mesh of the first `count` devices of this host."""
    found = jax.local_devices()
    return Mesh(np.array(found[:count]), (_AXIS,), axis_types=(AxisType.Auto,))


@contextlib.contextmanager
def using(devices: Mesh) -> Iterator[None]:
    """Spread over these devices what `spread` is asked to."""
    if devices.size == 1:  # the one that JAX takes anyway
        yield
        return
    with jax.set_mesh(devices):
        yield


def count() -> int:
    """Count the devices in use."""
    here = jax.sharding.get_abstract_mesh()
    return 1 if here.empty else here.size


def spread(x: Array, axis: int = -1) -> Array:
    """Cut one axis over the devices in use; one that they do not divide stays whole."""
    if count() == 1 or x.shape[axis] % count():
        return x
    cut: list[str | None] = [None] * x.ndim
    cut[axis] = _AXIS
    if isinstance(x, Tracer):
        return jax.lax.with_sharding_constraint(x, PartitionSpec(*cut))
    return jax.device_put(x, NamedSharding(jax.sharding.get_mesh(), PartitionSpec(*cut)))


def spread_rows[T](tree: T, rows: int) -> T:
    """Cut the first axis of every array that has so many rows."""

    def cut(x: Array) -> Array:
        return spread(x, 0) if jnp.ndim(x) and x.shape[0] == rows else x

    return tree if count() == 1 else jax.tree.map(cut, tree)


def once[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Return `eqx.filter_jit(function)` for a program that runs a few times on few points.

    A CPU takes two thirds of the time to compile it, and longer to run it. Rounding may differ.
    """
    usual = eqx.filter_jit(function)
    quick: Any = eqx.filter_jit(function, compiler_options=_QUICKLY)  # pyright: ignore

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        within = any(isinstance(x, Tracer) for x in jax.tree.leaves((args, kwargs)))
        quickly = jax.default_backend() == "cpu" and not within
        return (quick if quickly else usual)(*args, **kwargs)

    return call
