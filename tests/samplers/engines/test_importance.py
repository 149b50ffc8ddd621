"""Importance sampling: the mixture, the tail of the weights, starting points, calibration."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy import stats
from scipy.special import logsumexp

from helpers import targets as TARGETS
from nmmjax.samplers import starting
from nmmjax.samplers.engines import _evidence, _mixture
from nmmjax.samplers.engines.importance import Importance

RNG = np.random.default_rng(5)
SMALL = {
    "walkers": 16,
    "warmup": 640,
    "components": 4,
    "rounds": 3,
    "adapt": 1000,
    "samples": 4000,
    "block": 1000,
}


def mixture_of(weights, means, scales):
    factors = [np.linalg.cholesky(np.atleast_2d(s)) for s in scales]
    return _mixture.Mixture(*(jnp.asarray(x) for x in (np.log(weights), means, factors)))


TWO = mixture_of(
    [0.3, 0.7],
    [[0.0, 0.0], [5.0, -1.0]],
    [[[1.0, 0.5], [0.5, 2.0]], [[0.5, -0.1], [-0.1, 0.1]]],
)


def test_density_of_a_mixture_against_scipy():
    x = RNG.normal(size=(50, 2)) * 4.0
    parts = [
        math.log(w) + stats.multivariate_t(m, s, df=5).logpdf(x)
        for w, m, s in (
            (0.3, [0.0, 0.0], [[1.0, 0.5], [0.5, 2.0]]),
            (0.7, [5.0, -1.0], [[0.5, -0.1], [-0.1, 0.1]]),
        )
    ]
    found = _mixture.log_density(TWO, jnp.asarray(x))
    np.testing.assert_allclose(found, logsumexp(parts, axis=0), rtol=1e-12)


@pytest.mark.slow
def test_draws_of_a_mixture_follow_its_density():
    """E_q[p / q] = 1 for any p: here shifted Gaussians; and the same draws however they are cut."""
    x = _mixture.draw(jr.key(1), TWO, 0, 40000)
    for mean in ([0.0, 0.0], [5.0, -1.0], [2.0, 1.0]):
        p = stats.multivariate_normal(mean, 0.3 * np.eye(2)).pdf(np.asarray(x))
        ratio = p / np.exp(np.asarray(_mixture.log_density(TWO, x)))
        assert abs(ratio.mean() - 1.0) < 4.0 * ratio.std() / math.sqrt(len(ratio))
    again = _mixture.draw(jr.key(1), TWO, 100, 7)
    np.testing.assert_allclose(again, x[100:107], rtol=1e-12)


@pytest.mark.slow
def test_a_mixture_is_found_again_from_its_draws():
    x = _mixture.draw(jr.key(2), TWO, 0, 4000)
    fitted = _mixture.fit(jr.key(3), x, 2, 40)
    order = np.argsort(fitted.mean[:, 0])
    np.testing.assert_allclose(np.exp(fitted.log_weight[order]), [0.3, 0.7], atol=0.03)
    np.testing.assert_allclose(fitted.mean[order], TWO.mean, atol=0.15)
    scale = fitted.factor @ jnp.swapaxes(fitted.factor, 1, 2)
    exact = TWO.factor @ jnp.swapaxes(TWO.factor, 1, 2)
    np.testing.assert_allclose(scale[order], exact, atol=0.2)


@pytest.mark.slow
def test_a_weighted_step_sees_the_weights():
    """Draws of one mixture with weights to another: the step moves to the other."""
    wide = mixture_of([1.0], [[0.0, 0.0]], [9.0 * np.eye(2)])
    x = _mixture.draw(jr.key(4), wide, 0, 20000)
    weight = stats.multivariate_t([1.0, -2.0], np.diag([0.25, 1.0]), df=5).pdf(np.asarray(x))
    weight = weight / np.exp(np.asarray(_mixture.log_density(wide, x)))
    new = wide
    for _ in range(30):
        new = _mixture.improve(new, x, jnp.asarray(weight / weight.sum()))
    np.testing.assert_allclose(new.mean[0], [1.0, -2.0], atol=0.1)
    np.testing.assert_allclose(
        (new.factor @ jnp.swapaxes(new.factor, 1, 2))[0], np.diag([0.25, 1.0]), atol=0.08
    )


def test_points_that_cannot_carry_a_mixture_leave_it_as_it_was():
    same = jnp.zeros((30, 2)) + 1.0
    new = _mixture.improve(TWO, same, jnp.full(30, 1.0 / 30.0))
    for a, b in zip(new, TWO, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_tail_shape_of_known_weights(shape):
    """Weights with a Pareto tail: ln w = shape * exponential; and as arviz has it."""
    log_weight = shape * RNG.exponential(size=20000)
    found = _evidence.pareto_k(log_weight)
    assert abs(found - shape) < 0.15
    assert found == pytest.approx(float(array_stats.psislw(-log_weight)[1]), abs=1e-9)


def test_tail_shape_where_there_is_none():
    assert _evidence.pareto_k(np.full(100, -np.inf)) == np.inf
    assert _evidence.pareto_k(np.zeros(100)) == -np.inf


class Cauchy(TARGETS.Boxed):
    """Tails that no Student t with 5 degrees of freedom covers: weights have shape 4/5."""

    low: tuple[float, ...] = eqx.field(static=True, default=(-1e8,))
    high: tuple[float, ...] = eqx.field(static=True, default=(1e8,))

    def inside(self, z):
        return -math.log(math.pi) - jnp.log1p(z[0] ** 2)


def finish(engine, target, starts, seed=0):
    key_init, key_run = jr.split(jr.key(seed))
    state, done = engine.init(key_init, target, starts), False
    while not done:
        state, block = engine.advance(key_run, target, state)
        done = block.done
    return block


@pytest.mark.slow
def test_weights_without_variance_are_said_to_be_unreliable():
    engine = Importance(**SMALL | {"samples": 20000, "block": 10000, "components": 1})
    target = Cauchy()
    starts = 3.0 * jr.normal(jr.key(0), (engine.chains, 1))
    table = finish(engine, target, starts).tables["evidence"]
    assert np.max(table["pareto_k"]) > 0.7


@pytest.mark.slow
def test_repeats_that_find_different_modes_are_noticed():
    """Two modes that walkers started in one do not leave: each repeat is sure, all disagree."""
    target = TARGETS.Mixture(2, distance=40.0, weight=0.2)
    engine = Importance(**SMALL)
    side = jnp.where(engine.groups < 2, 20.0, -20.0)[:, None] * jnp.array([[1.0, 0.0]])
    table = finish(engine, target, side + jr.normal(jr.key(1), (engine.chains, 2))).tables[
        "evidence"
    ]
    assert np.all(np.asarray(table["log_z_within"]) < 0.1)
    assert np.all(np.asarray(table["repeats_p"]) < 1e-3)
    assert np.all(np.asarray(table["log_z_error"]) > 0.5)


@pytest.mark.slow
def test_starting_points_are_overdispersed_and_all_different():
    target = TARGETS.Gaussian(3)
    engine = Importance(**SMALL)
    u = jr.uniform(jr.key(7), (engine.chains, 3))
    starts = starting.from_mixtures(engine, jr.key(8), target, jax.vmap(target.from_unit)(u), 300)
    assert starts.shape == (300, 3)
    assert len(np.unique(np.asarray(starts), axis=0)) == 300
    assert np.all(np.isfinite(jax.vmap(target)(starts)))
    spread = np.einsum("ni,ij,nj->n", starts, target.precision, starts)
    assert 3.0 * 1.2 < spread.mean() < 3.0 * 10.0  # chi-square with 3 degrees has mean 3


@pytest.mark.slow
def test_starting_points_where_hardly_any_density_is_finite():
    def sliver(z):
        return jnp.where(jnp.abs(z[0]) < 1e-9, 0.0, -jnp.inf)

    engine = Importance(**SMALL)
    starts = 1e-10 * jr.normal(jr.key(9), (engine.chains, 1))
    few = starting.weighted
    try:
        starting.weighted = lambda *a: (*few(*a)[:2], jnp.array(16 * 10 - 3), jnp.array(0))
        with pytest.raises(ValueError, match="only 3 of 160 draws of the mixture"):
            starting.from_mixtures(engine, jr.key(8), sliver, starts, 10)
    finally:
        starting.weighted = few


class Measured(TARGETS.Boxed):
    """Prior uniform in a square; data y = (x0 + x1^2, x0 - x1) with unit errors."""

    data: jax.Array
    low: tuple[float, ...] = eqx.field(static=True, default=(-3.0, -3.0))
    high: tuple[float, ...] = eqx.field(static=True, default=(3.0, 3.0))

    def inside(self, z):
        mean = jnp.array([z[0] + z[1] ** 2, z[0] - z[1]])
        return -0.5 * jnp.sum((self.data - mean) ** 2)


def ranks(replicas):
    """Ranks of the true parameters (and of the likelihood) among equally weighted draws."""
    engine = Importance(**SMALL | {"repeats": 1, "samples": 2000, "block": 2000})
    found = []
    for i in range(replicas):
        rng = np.random.default_rng(900 + i)
        truth = rng.uniform(-3.0, 3.0, 2)
        data = np.array([truth[0] + truth[1] ** 2, truth[0] - truth[1]]) + rng.normal(size=2)
        target = Measured(jnp.asarray(data))
        starts = jnp.asarray(rng.uniform(-3.0, 3.0, (engine.chains, 2)))
        draws = np.asarray(finish(engine, target, starts, i).draws).reshape(-1, 2)
        likelihood = jax.vmap(target)(draws)
        below = [*(draws < truth).mean(axis=0), np.mean(likelihood < target(jnp.asarray(truth)))]
        found.append(below)
    return np.array(found)


@pytest.mark.slow
@pytest.mark.long
def test_calibration_by_simulation():
    """Truths drawn from the prior have uniform ranks among the draws (arXiv:1804.06788)."""
    p = [stats.kstest(r, "uniform").pvalue for r in ranks(300).T]
    assert min(p) > 1e-3


@pytest.mark.slow
def test_calibration_fails_with_weights_the_wrong_way_round(monkeypatch):
    """Weights merely ignored are not found out (p = 0.013): the mixture is that good."""

    def inverse(key, weights, count):
        wrong = 1.0 / np.maximum(weights, 1e-300)
        return np.asarray(jr.choice(key, len(weights), (count,), p=wrong / wrong.sum()))

    monkeypatch.setattr(_evidence, "resampled", inverse)
    p = [stats.kstest(r, "uniform").pvalue for r in ranks(300).T]
    assert min(p) < 1e-3


def test_points_that_have_a_weight_are_kept():
    log_weight = jnp.array([[0.0, -jnp.inf, jnp.log(3.0)], [-jnp.inf, 2.0, -jnp.inf]])
    position = jnp.arange(6.0).reshape(2, 3, 1)
    found = _evidence.points(position, log_weight)
    assert found["repeat"].tolist() == [0, 0, 1]
    assert found["position"].tolist() == [[0.0], [2.0], [4.0]]
    np.testing.assert_allclose(np.exp(found["log_weight"]), [0.25, 0.75, 1.0])
