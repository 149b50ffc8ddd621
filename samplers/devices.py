"""All devices of one host: chains, or whatever is independent, are spread over them.

Inside `using(mesh)` the functions below act on the devices of the mesh; elsewhere on one. What is
computed does not depend on how many there are.
"""

import contextlib
from collections.abc import Iterator

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, PartitionSpec
from jaxtyping import Array

_AXIS = "part"


def mesh(count: int) -> Mesh:
    """Return the first `count` devices of this host."""
    found = jax.local_devices()
    return Mesh(np.array(found[:count]), (_AXIS,), axis_types=(AxisType.Auto,))


@contextlib.contextmanager
def using(devices: Mesh) -> Iterator[None]:
    """Spread over these devices what `spread` is asked to."""
    if devices.size == 1:
        with jax.default_device(devices.devices.item()):
            yield
    else:
        with jax.set_mesh(devices):
            yield


def count() -> int:
    """Number of devices in use."""
    here = jax.sharding.get_abstract_mesh()
    return 1 if here.empty else here.size


def spread(x: Array, axis: int = -1) -> Array:
    """x with one axis cut over the devices in use, which must divide it."""
    if count() == 1:
        return x
    if x.shape[axis] % count():
        raise ValueError(f"{x.shape[axis]} parts do not divide over {count()} devices")
    cut: list[str | None] = [None] * x.ndim
    cut[axis] = _AXIS
    return jax.lax.with_sharding_constraint(x, PartitionSpec(*cut))
