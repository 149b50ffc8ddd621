"""Starting points: overdispersed, independent of one another, and of finite density."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from nmmjax.errors import InputError
from nmmjax.target import causes
from nmmjax.target.posterior import Posterior

_PER_ROUND = 64  # prior draws per start in one jitted call
_LOOKED_AT = 4096  # prior draws, for what rejects them
_MOST_DRAWS = 2**20  # prior draws, all without finite density, before a target is given up


class Starts(NamedTuple):
    """Starting positions; of the screened prior draws the share that had finite density, the
    share where it was undefined, and why: "" or "m_nu at b = 0.1, ...".
    """

    positions: Float[Array, "count dim"]
    finite_fraction: float
    screened: int
    undefined_fraction: float = 0.0
    undefined: str = ""


def prior(posterior: Posterior, key: Array, count: int) -> Starts:
    """Draw each of `count` starts from the prior, with finite density: as overdispersed as can be.

    Raises InputError that names what rejects the draws if there is none in a million of them.
    """
    return _search(posterior, key, count, rounds=1, first=True)


def screened(posterior: Posterior, key: Array, count: int, rounds: int = 8) -> Starts:
    """Choose for each of `count` starts the best of its own 64 * rounds prior draws.

    No start sees another's draws, so together they spread like a power of the posterior that is
    flatter than the posterior itself. Where the chart has the depth of a cancellation, every other
    draw is moved there, which prior draws do not find. More rounds are added while some start has
    no point of finite density. Raises InputError that names what rejects the draws if there is none
    in a million of them.
    """
    return _search(posterior, key, count, rounds, first=False)


def _search(posterior: Posterior, key: Array, count: int, rounds: int, first: bool) -> Starts:
    best = jnp.full(count, -jnp.inf)
    positions = jnp.zeros((count, posterior.dim))
    finite, lost, done = 0.0, 0.0, 0
    while done < rounds or not bool(jnp.all(jnp.isfinite(best))):
        if done >= rounds and done * count * _PER_ROUND >= _MOST_DRAWS:
            raise InputError(_hopeless(posterior, key, done, count))
        best, positions, shares = _round(posterior, jr.fold_in(key, done), best, positions, first)
        finite, lost, done = finite + float(shares[0]), lost + float(shares[1]), done + 1
    why = _undefined(posterior, key) if lost > 0.0 else ""
    screened = done * count * _PER_ROUND // (2 if posterior.chart.cancels and not first else 1)
    return Starts(_in_chart(posterior, positions), finite / done, screened, lost / done, why)


@eqx.filter_jit
def _in_chart(posterior: Posterior, coordinates: Array) -> Array:
    return jax.vmap(posterior.chart.position)(coordinates)


@eqx.filter_jit
def _round(
    posterior: Posterior, key: Array, best: Array, positions: Array, first: bool
) -> tuple[Array, Array, tuple[Array, Array]]:
    """Challenge every start by the best of new prior draws, or by their first of finite density."""
    count, dim = positions.shape
    u = _spread(jr.uniform(key, (dim, count * _PER_ROUND), minval=jnp.finfo(float).tiny), count)
    c = jax.vmap(posterior.coordinates_from_unit, in_axes=-1, out_axes=-1)(u)
    if deepen := posterior.chart.cancels and not first:
        c = _half_deepened(posterior, jr.fold_in(key, 1), c)
    log_density = jax.vmap(posterior.log_density_of, in_axes=-1)(c).reshape(count, _PER_ROUND)
    undefined = jnp.isnan(log_density)
    log_density = jnp.where(undefined, -jnp.inf, log_density)
    finite = jnp.isfinite(log_density)
    winner = jnp.argmax(finite if first else log_density, axis=1)
    top = jnp.take_along_axis(log_density, winner[:, None], axis=1)[:, 0]
    columns = c.reshape(dim, count, _PER_ROUND)
    challenger = jnp.take_along_axis(columns, winner[None, :, None], axis=2)[:, :, 0].T
    better = jnp.isneginf(best) & (top > best) if first else top > best
    return (
        jnp.where(better, top, best),
        jnp.where(better[:, None], challenger, positions),
        (jnp.mean(finite[:, :: 1 + deepen]), jnp.mean(undefined[:, :: 1 + deepen])),
    )


def _half_deepened(posterior: Posterior, key: Array, c: Array) -> Array:
    """Prior draws (dim, n), every second at a depth of the cancellation of the scale declared."""
    u = 2.0 * jr.normal(key, (c.shape[1] // 2,))
    moved = jax.vmap(posterior.chart.deepened, in_axes=-1, out_axes=-1)(c[:, 1::2], u)
    return jnp.stack([c[:, ::2], moved], axis=-1).reshape(c.shape)


def _spread(u: Float[Array, "dim n"], count: int) -> Float[Array, "dim n"]:
    """Cut the draws over the devices of the mesh in use, whole starts to each."""
    devices = jax.sharding.get_abstract_mesh()
    if devices.empty or count % devices.size:
        return u
    return jax.lax.with_sharding_constraint(u, PartitionSpec(None, devices.axis_names[0]))


def _hopeless(posterior: Posterior, key: Array, rounds: int, count: int) -> str:
    found = count_causes(posterior, key, _LOOKED_AT)
    listed = ", ".join(f"{name} ({share:.0%})" for name, share in found if share > 0.0)
    return (
        f"found no point of finite density for some of {count} starts in "
        f"{rounds * count * _PER_ROUND} prior draws; what rejects them: {listed or 'nothing'}"
    )


def count_causes(posterior: Posterior, key: Array, draws: int) -> Sequence[tuple[str, float]]:
    """Share of prior draws rejected by each cause: bounds, domain, undefined, zero likelihood."""
    flags = _flags(posterior, prior_draws(posterior, key, draws))
    return [(name, float(np.mean(flag))) for name, flag in flags.items()]


@eqx.filter_jit
def _flags(posterior: Posterior, z: Float[Array, "dim draws"]) -> dict[str, Array]:
    return jax.vmap(lambda z: causes.causes(posterior, z), in_axes=-1)(z)


def _undefined(posterior: Posterior, key: Array) -> str:
    """Name a quantity undefined at a prior draw, and where: "m_nu at b = 0.1, ..."; "" if none."""
    z = prior_draws(posterior, key, _LOOKED_AT)
    for name, flag in _flags(posterior, z).items():
        if name.startswith("undefined: ") and np.any(flag):
            theta = posterior.theta(z[:, int(np.argmax(flag))])
            where = ", ".join(f"{p} = {float(x):.4g}" for p, x in theta.items())
            return f"{name.removeprefix('undefined: ')} at {where}"
    return ""


def prior_draws(posterior: Posterior, key: Array, draws: int) -> Float[Array, "dim draws"]:
    """Chart positions of `draws` prior draws, columns first."""
    u = jr.uniform(key, (posterior.dim, draws), minval=jnp.finfo(float).tiny)
    return jax.jit(jax.vmap(posterior.from_unit, in_axes=-1, out_axes=-1))(u)
