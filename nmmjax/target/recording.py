"""What is stored of many draws: one compiled program, on all devices, so many points at a time."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, PyTree

type Stored = Callable[[Float[Array, " dim"]], PyTree[Array]]

_CHUNK_CPU, _CHUNK = 1024, 65536  # points at a time: what a cache, what a memory holds


def record(stored: Stored, draws: Float[Array, "chain draw dim"]) -> PyTree[Array]:
    """Apply `stored` to every draw: arrays (chain, draw, ...), asked for and not waited for.

    Each device of the mesh in use takes its share of the chains; of the draws, the last of them
    again to make them even, where the chains do not divide.
    """
    chunk = _CHUNK_CPU if jax.default_backend() == "cpu" else _CHUNK
    devices = jax.sharding.get_mesh()
    return _recorded(stored, draws, chunk, None if devices.empty else devices)


@eqx.filter_jit
def _recorded(
    stored: Stored, draws: Float[Array, "chain draw dim"], chunk: int, devices: Mesh | None
) -> PyTree[Array]:
    if devices is None:
        return _in_chunks(stored, draws, chunk)
    if len(draws) % devices.size:
        flat = draws.reshape(-1, 1, draws.shape[-1])
        even = jnp.concatenate([flat, jnp.repeat(flat[-1:], -len(flat) % devices.size, axis=0)])
        found = _recorded(stored, even, chunk, devices)
        shape = draws.shape[:-1]
        return jax.tree.map(lambda x: x[: len(flat)].reshape(*shape, *x.shape[2:]), found)
    chains = PartitionSpec(devices.axis_names[0])
    arrays, rest = eqx.partition(stored, eqx.is_array)
    each = jax.shard_map(
        lambda arrays, draws: _in_chunks(eqx.combine(arrays, rest), draws, chunk),
        mesh=devices,
        in_specs=(PartitionSpec(), chains),
        out_specs=chains,
        check_vma=False,
    )
    return each(arrays, draws)


def _in_chunks(stored: Stored, draws: Float[Array, "chain draw dim"], chunk: int) -> PyTree[Array]:
    *shape, dim = draws.shape
    flat = draws.reshape(-1, dim)
    chunk = min(chunk, len(flat))
    rest = jnp.broadcast_to(flat[-1:], (-len(flat) % chunk, dim))
    pieces = jnp.concatenate([flat, rest]).reshape(-1, chunk, dim)
    found = jax.lax.map(lambda piece: jax.vmap(stored)(piece), pieces)
    return jax.tree.map(
        lambda x: x.reshape(-1, *x.shape[2:])[: len(flat)].reshape(*shape, *x.shape[2:]), found
    )
