"""Starting points: overdispersed, independent of one another, and of finite density."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from nmmjax.errors import InputError
from nmmjax.samplers.devices import once
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


class _Found(NamedTuple):
    """What a search has found so far.

    best       log density of each start, at its chart position
    finite     share of the prior draws that have finite density, added up over the rounds
    undefined  share of those that have an undefined one, likewise
    example    prior coordinates of one of these; NaN before there is one
    """

    best: Float[Array, " count"]
    positions: Float[Array, "count dim"]
    finite: Float[Array, ""]
    undefined: Float[Array, ""]
    example: Float[Array, " dim"]


def _search(posterior: Posterior, key: Array, count: int, rounds: int, first: bool) -> Starts:
    none = jnp.full((count, posterior.dim), jnp.nan, float)
    zero = jnp.zeros(())
    found = _Found(jnp.full(count, -jnp.inf, float), none, zero, zero, none[0])
    found, done = _rounds(posterior, key, found, jnp.asarray(0), jnp.asarray(rounds), first), rounds
    while not bool(jnp.all(jnp.isfinite(found.best))):
        if done * count * _PER_ROUND >= _MOST_DRAWS:
            raise InputError(_hopeless(posterior, key, done, count))
        at = jnp.asarray(done)
        found, done = _rounds(posterior, key, found, at, at + 1, first), done + 1
    lost = float(found.undefined) / done
    why = _undefined(posterior, found.example) if lost > 0.0 else ""
    screened = done * count * _PER_ROUND // (2 if posterior.chart.cancels and not first else 1)
    return Starts(found.positions, float(found.finite) / done, screened, lost, why)


@once
def _rounds(
    posterior: Posterior, key: Array, found: _Found, done: Array, until: Array, first: bool
) -> _Found:
    """Challenge every start in the rounds from `done` up to `until`, one program for any."""

    def following(i: Array, found: _Found) -> _Found:
        return _round(posterior, jr.fold_in(key, i), found, first)

    return jax.lax.fori_loop(done, until, following, found)


def _round(posterior: Posterior, key: Array, found: _Found, first: bool) -> _Found:
    """Challenge every start by the best of new prior draws, or by their first of finite density."""
    count, dim = found.positions.shape
    draws = count * _PER_ROUND
    u = _spread(jr.uniform(key, (dim, draws), minval=jnp.finfo(float).tiny), count)
    c = jax.vmap(posterior.coordinates_from_unit, in_axes=-1, out_axes=-1)(u)
    z, log_det = jax.vmap(posterior.chart.forward, in_axes=-1, out_axes=-1)(c)
    if deepen := posterior.chart.cancels and not first:
        u = 2.0 * jr.normal(jr.fold_in(key, 1), (draws // 2,))
        c, z, log_det = _half_deepened(posterior, _spread(u, count), c, z, log_det)
    log_density = jax.vmap(posterior.log_density_of, in_axes=-1)(c, log_det)
    c, z, log_density = (x[..., :draws] for x in (c, z, log_density))
    log_density = log_density.reshape(count, _PER_ROUND)
    undefined = jnp.isnan(log_density)
    log_density = jnp.where(undefined, -jnp.inf, log_density)
    finite = jnp.isfinite(log_density)
    winner = jnp.argmax(finite if first else log_density, axis=1)
    top = jnp.take_along_axis(log_density, winner[:, None], axis=1)[:, 0]
    columns = z.reshape(dim, count, _PER_ROUND)
    challenger = jnp.take_along_axis(columns, winner[None, :, None], axis=2)[:, :, 0].T
    better = jnp.isneginf(found.best) & (top > found.best) if first else top > found.best
    prior = undefined.ravel()[:: 1 + deepen]
    example = c[:, :: 1 + deepen][:, jnp.argmax(prior)]
    return _Found(
        jnp.where(better, top, found.best),
        jnp.where(better[:, None], challenger, found.positions),
        found.finite + jnp.mean(finite[:, :: 1 + deepen]),
        found.undefined + jnp.mean(prior),
        jnp.where(jnp.any(prior), example, found.example),
    )


def _half_deepened(
    posterior: Posterior, u: Array, c: Array, z: Array, log_det: Array
) -> tuple[Array, Array, Array]:
    """Prior draws (dim, n), every second moved to the depth u (n / 2,) of the cancellation, of the
    scale declared.
    """
    move = jax.vmap(posterior.chart.deepened, in_axes=-1, out_axes=-1)
    moved = move(c[:, 1::2], z[:, 1::2], u)
    kept = c[:, ::2], z[:, ::2], log_det[::2]
    c, z, log_det = (
        jnp.stack(pair, axis=-1).reshape(*pair[0].shape[:-1], -1)
        for pair in zip(kept, moved, strict=True)
    )
    return c, z, log_det


def _spread(u: Float[Array, "*dim n"], count: int) -> Float[Array, "*dim more"]:
    """Cut the draws of `count` starts over the devices of the mesh in use, whole starts to each.

    The draws of the last start follow again until the devices divide them.
    """
    devices = jax.sharding.get_abstract_mesh()
    if devices.empty:
        return u
    each = u.shape[-1] // count
    u = jnp.concatenate([u, jnp.tile(u[..., -each:], -count % devices.size)], axis=-1)
    cut = PartitionSpec(*[None] * (u.ndim - 1), devices.axis_names[0])
    return jax.lax.with_sharding_constraint(u, cut)


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


@once
def _flags(posterior: Posterior, z: Float[Array, "dim draws"]) -> dict[str, Array]:
    return jax.vmap(lambda z: causes.causes(posterior, z), in_axes=-1)(z)


def _undefined(posterior: Posterior, c: Float[Array, " dim"]) -> str:
    """Name a quantity undefined at prior coordinates c, and where: "m_nu at b = 0.1, ..."."""
    faulty = causes.faults_of(posterior, c)
    where = ", ".join(f"{p} = {float(x):.4g}" for p, x in posterior.chart.values(c).items())
    return next((f"{name} at {where}" for name, flag in faulty.items() if flag), "")


def prior_draws(posterior: Posterior, key: Array, draws: int) -> Float[Array, "dim draws"]:
    """Chart positions of `draws` prior draws, columns first."""
    u = jr.uniform(key, (posterior.dim, draws), minval=jnp.finfo(float).tiny)
    return jax.jit(jax.vmap(posterior.from_unit, in_axes=-1, out_axes=-1))(u)
