"""All devices of one host: chains, or whatever is independent, are spread over them.

Inside `using(mesh)` the functions below act on the devices of the mesh; elsewhere on one. What is
computed does not depend on how many there are. Nothing stays on one device in silence: rows that
devices do not divide are padded in `shared`, and refused by `spread` and `placed` with the number
that would fit.
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
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

_AXIS = "part"
_QUICKLY = {"xla_backend_optimization_level": 0}


def mesh(count: int) -> Mesh:
    """Make a mesh of the first `count` devices of this host."""
    found = jax.local_devices()
    return Mesh(np.array(found[:count]), (_AXIS,), axis_types=(AxisType.Auto,))


@contextlib.contextmanager
def using(devices: Mesh) -> Iterator[None]:
    """Spread over these devices what is given to `spread`, `placed` and `shared`."""
    if devices.size == 1 == count():  # the one that JAX takes anyway
        yield
        return
    with jax.set_mesh(devices):
        yield


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Compute what is done inside now, on one device, even in the middle of a trace for many."""
    with jax.ensure_compile_time_eval(), jax.sharding.use_abstract_mesh(AbstractMesh((), ())):
        yield


def count() -> int:
    """Count the devices in use; inside `shared` each works alone."""
    here = jax.sharding.get_abstract_mesh()
    return 1 if here.empty or here.manual_axes else here.size


def fewer(parts: int) -> Mesh:
    """Make a mesh of as many of the devices in use as divide the parts."""
    return mesh(max(n for n in range(1, count() + 1) if parts % n == 0))


def spread(x: Array, axis: int = -1) -> Array:
    """Cut one axis over the devices in use. Raises ValueError where they do not divide it."""
    if count() == 1:
        return x
    if x.shape[axis] % count():
        raise ValueError(
            f"{count()} devices cannot share {x.shape[axis]} equal parts: "
            f"{-(-x.shape[axis] // count()) * count()} would fit"
        )
    cut: list[str | None] = [None] * x.ndim
    cut[axis] = _AXIS
    if isinstance(x, Tracer):
        return jax.lax.with_sharding_constraint(x, PartitionSpec(*cut))
    return jax.device_put(x, NamedSharding(jax.sharding.get_mesh(), PartitionSpec(*cut)))


def placed[T](rows: T) -> T:
    """Cut the first axis of every array over the devices in use, as `spread` does."""
    return jax.tree.map(lambda x: spread(x, 0), rows)


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


def everywhere[T](tree: T) -> T:
    """Give all of every array to every device, so that sums are taken in the order of one."""
    if count() == 1:
        return tree
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, PartitionSpec()), tree)


def shared(function: Callable[..., tuple[Any, Any]], rows: Any, *whole: Any) -> tuple[Any, Any]:
    """Apply a function to rows (first axis of every array), each device to its own of them.

    function  (rows, *whole) -> (rows of results, what is the same on every device). It must treat
              rows alone, or by `own` and `gathered`
    whole     what every device has all of: arrays among it must not come by a closure

    Devices do not wait for each other except in `gathered`. Where they do not divide the rows, the
    last is computed again to fill the last device, and cut off.
    """
    if (devices := count()) == 1:
        return function(rows, *whole)
    total = len(jax.tree.leaves(rows)[0])
    arrays, rest = eqx.partition(whole, eqx.is_array)
    each, all_ = PartitionSpec(_AXIS), PartitionSpec()
    found, same = jax.shard_map(
        lambda rows, arrays: function(rows, *eqx.combine(arrays, rest)),
        in_specs=(each, all_),
        out_specs=(each, all_),
        check_vma=False,
    )(jax.tree.map(lambda x: _filled(x, devices), rows), arrays)
    return (found if total % devices == 0 else jax.tree.map(lambda x: x[:total], found)), same


def own(rows: Array) -> Array:
    """Take the rows of this device out of all of them, which every device has, inside `shared`."""
    if not _alone():
        return rows
    filled = _filled(rows, devices := jax.lax.axis_size(_AXIS))
    each = len(filled) // devices
    return jax.lax.dynamic_slice_in_dim(filled, jax.lax.axis_index(_AXIS) * each, each)


def gathered[T](rows: T, total: int) -> T:
    """Give all `total` rows to every device, inside `shared`: what is computed of them is the same.

    The one place where devices wait for each other. A device alone computes apart what it gathers,
    too, as the compiler would round it otherwise.
    """
    if not _alone():
        return jax.lax.optimization_barrier(rows)
    return jax.tree.map(lambda x: jax.lax.all_gather(x, _AXIS, tiled=True)[:total], rows)


def _alone() -> bool:
    return bool(jax.sharding.get_abstract_mesh().manual_axes)


def _filled(x: Array, devices: int) -> Array:
    """The rows, and the last of them again until devices divide them."""
    more = -len(x) % devices
    return x if more == 0 else jnp.concatenate([x, jnp.repeat(x[-1:], more, axis=0)])
