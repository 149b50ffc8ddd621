"""Mixtures of multivariate Student t: density, draws, and weighted expectation-maximisation.

    q(x) = sum_k a_k t_5(x; m_k, L_k L_k^T),  5 degrees of freedom: tails heavier than a Gaussian's

Peel and McLachlan, Stat. Comput. 10 (2000) 339, for the update; Cappe et al., arXiv:0710.4242, for
the same with importance weights.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, Int, PRNGKeyArray

_TAIL = 5  # degrees of freedom


class Mixture(NamedTuple):
    log_weight: Float[Array, " component"]
    mean: Float[Array, "component dim"]
    factor: Float[Array, "component dim dim"]


def log_density(mixture: Mixture, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
    """ln q at (n, dim) points."""
    return logsumexp(_joint(mixture, x)[0], axis=0)


def draw(
    key: PRNGKeyArray, mixture: Mixture, first: int | Int[Array, ""], count: int
) -> Float[Array, "count dim"]:
    """Independent draws, number `first` and those after it: the same however they are cut."""
    dim = mixture.mean.shape[1]
    cumulative = jnp.cumsum(jnp.exp(mixture.log_weight))

    def one(number: Array) -> tuple[Array, Array, Array]:
        key_component, key_normal = jr.split(jr.fold_in(key, number))
        u = jr.uniform(key_component) * cumulative[-1]
        normal = jr.normal(key_normal, (dim + _TAIL,))
        return jnp.searchsorted(cumulative, u), normal[:dim], jnp.sum(normal[dim:] ** 2)

    chosen, normal, chi_square = jax.vmap(one)(first + jnp.arange(count))
    step = jnp.einsum("nij,nj->ni", mixture.factor[chosen], normal)
    return mixture.mean[chosen] + step * jnp.sqrt(_TAIL / chi_square)[:, None]


def fit(key: PRNGKeyArray, x: Float[Array, "n dim"], components: int, steps: int) -> Mixture:
    """Fit a mixture for equally weighted points: spread-out centres, then `steps` of `improve`."""
    weight = jnp.full(len(x), 1.0 / len(x))

    def step(mixture: Mixture, _: None) -> tuple[Mixture, None]:
        return improve(mixture, x, weight), None

    return jax.lax.scan(step, _spread_out(key, x, components), length=steps)[0]


def improve(mixture: Mixture, x: Float[Array, "n dim"], weight: Float[Array, " n"]) -> Mixture:
    """One step of expectation-maximisation on points with weights of sum 1.

    Every scale matrix is pulled towards their common mean, by as much as dim + 1 more points
    would do, so that a component of few points stays regular. Without enough points: as before.
    """
    joint, square = _joint(mixture, x)
    dim = x.shape[1]
    share = weight[None] * jnp.exp(joint - logsumexp(joint, axis=0)[None])
    pulled = share * (_TAIL + dim) / (_TAIL + square)
    mass = jnp.sum(share, axis=1)
    total = jnp.sum(pulled, axis=1)
    mean = (pulled @ x) / jnp.where(total > 0.0, total, 1.0)[:, None]
    off = x[None] - mean[:, None]
    scatter = jnp.einsum("kn,kni,knj->kij", pulled, off, off)
    extra = (dim + 1.0) * jnp.sum(weight**2)  # points, as a share of their effective number
    pull = extra * jnp.sum(scatter, axis=0, keepdims=True)
    scale = (scatter + pull) / (mass + extra)[:, None, None]
    new = Mixture(jnp.log(mass), mean, jnp.linalg.cholesky(scale))
    regular = jnp.all(jnp.isfinite(new.factor), axis=(1, 2)) & (mass > 0.0)
    sound = jnp.all(regular | (mass == 0.0))
    keep = regular & sound

    def chosen(new: Array, old: Array) -> Array:
        return jnp.where(keep.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return Mixture(
        jnp.where(sound, new.log_weight, mixture.log_weight),
        chosen(new.mean, mixture.mean),
        chosen(new.factor, mixture.factor),
    )


def widened(mixture: Mixture, stretch: float, share: float) -> Mixture:
    """Add a component of weight `share`: mean of all components, `stretch` times their spread.

    The wide component keeps importance weights bounded where the others miss something nearby.
    """
    weight = jnp.exp(mixture.log_weight)
    mean = weight @ mixture.mean
    off = mixture.mean - mean[None]
    within = jnp.einsum("k,kil,kjl->ij", weight, mixture.factor, mixture.factor)
    spread = within + jnp.einsum("k,ki,kj->ij", weight, off, off)
    return Mixture(
        jnp.append(mixture.log_weight + math.log1p(-share), math.log(share)),
        jnp.concatenate([mixture.mean, mean[None]]),
        jnp.concatenate([mixture.factor, stretch * jnp.linalg.cholesky(spread)[None]]),
    )


def effective(log_weight: Float[Array, " n"]) -> Float[Array, ""]:
    """(sum w)^2 / sum w^2; 0 if all are zero."""
    w = jnp.exp(log_weight - jnp.max(log_weight))
    return jnp.where(jnp.isfinite(jnp.max(log_weight)), jnp.sum(w) ** 2 / jnp.sum(w**2), 0.0)


def truncated(log_weight: Float[Array, " n"]) -> Float[Array, " n"]:
    """Weights of sum 1, cut at sqrt(n) times their mean (Ionides, J. Comp. Graph. Stat. 17, 295).

    Unweighted draws if all weights are zero.
    """
    n = log_weight.shape[0]
    w = jnp.exp(log_weight - jnp.max(log_weight))
    w = jnp.where(jnp.isfinite(jnp.max(log_weight)), w, 1.0)
    w = jnp.minimum(w, jnp.sqrt(n) * jnp.mean(w))
    return w / jnp.sum(w)


def _joint(
    mixture: Mixture, x: Float[Array, "n dim"]
) -> tuple[Float[Array, "component n"], Float[Array, "component n"]]:
    """ln of a_k t(x; k), and squared distances to the centres."""
    dim = x.shape[1]
    constant = (
        math.lgamma(0.5 * (_TAIL + dim))
        - math.lgamma(0.5 * _TAIL)
        - 0.5 * dim * math.log(_TAIL * math.pi)
    )

    def one(log_weight: Array, mean: Array, factor: Array) -> tuple[Array, Array]:
        # One small inverse: solving for every point is 30 times slower on a CPU.
        off = solve_triangular(factor, jnp.eye(dim), lower=True) @ (x - mean[None]).T
        square = jnp.sum(off**2, axis=0)
        log_det = jnp.sum(jnp.log(jnp.diagonal(factor)))
        tail = -0.5 * (_TAIL + dim) * jnp.log1p(square / _TAIL)
        return log_weight + constant - log_det + tail, square

    return jax.vmap(one)(*mixture)


def _spread_out(key: PRNGKeyArray, x: Float[Array, "n dim"], components: int) -> Mixture:
    """Centres among the points, each drawn by its squared distance to those before (k-means++)."""
    covariance = jnp.atleast_2d(jnp.cov(x, rowvar=False))
    factor = jnp.linalg.cholesky(covariance)
    off = x - jnp.mean(x, axis=0, keepdims=True)
    white = solve_triangular(factor, off.T, lower=True).T

    def add(nearest: Array, key: PRNGKeyArray) -> tuple[Array, Array]:
        chosen = jr.categorical(key, jnp.log(nearest))
        nearest = jnp.minimum(nearest, jnp.sum((white - white[chosen][None]) ** 2, axis=1))
        return nearest, chosen

    _, centres = jax.lax.scan(add, jnp.sum(white**2, axis=1), jr.split(key, components))
    dim = x.shape[1]
    shrink = components ** (-1.0 / dim)
    return Mixture(
        jnp.full(components, -math.log(components)),
        x[centres],
        jnp.broadcast_to(shrink * factor, (components, dim, dim)),
    )
