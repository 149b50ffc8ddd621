"""Tempered SMC: schedule, steps of the particles, the share of the prior that counts."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers import targets as TARGETS
from nmmjax.samplers.engines import _evidence, _particles
from nmmjax.samplers.engines.smc import Smc


class Sharp(TARGETS.Boxed):
    """A Gaussian of width 1e-8 in a line of length 2: log likelihoods down to -5e15."""

    low: tuple[float, ...] = eqx.field(static=True, default=(-1.0,))
    high: tuple[float, ...] = eqx.field(static=True, default=(1.0,))

    def inside(self, z):
        return -0.5 * (z[0] / 1e-8) ** 2

    @property
    def log_z(self):
        return math.log(1e-8) + 0.5 * TARGETS.LN_2PI - self.log_volume


class Rare(TARGETS.Boxed):
    """Likelihood 1 in a thousandth of the square, zero elsewhere."""

    low: tuple[float, ...] = eqx.field(static=True, default=(0.0, 0.0))
    high: tuple[float, ...] = eqx.field(static=True, default=(1.0, 1.0))

    def inside(self, z):
        return jnp.where(z[0] < 1e-3, 0.0, -jnp.inf)


class Impossible(Rare):
    def inside(self, z):
        return jnp.where(z[0] < -1.0, 0.0, jnp.nan)


def finish(engine, target, seed=0):
    key_init, key_run = jr.split(jr.key(seed))
    starts = jnp.zeros((engine.chains, target.dim))
    state, seen = engine.init(key_init, target, starts), []
    while True:
        state, block = engine.advance(key_run, target, state)
        seen.append({name: float(x) for name, x in block.stats.items() if jnp.ndim(x) == 0})
        if block.done:
            return block, seen, state


@pytest.mark.slow
def test_temperatures_over_seventeen_decades():
    target = Sharp()
    block, seen, _ = finish(Smc(repeats=4, particles=500, moves=3), target)
    temperatures = np.array([s["temperature"] for s in seen])
    assert 0.0 < temperatures[0] < 1e-14
    assert np.all(np.diff(temperatures) >= 0.0)
    assert temperatures[-1] == 1.0
    table = block.tables["evidence"]
    log_z, error = np.asarray(table["log_z"]), np.asarray(table["log_z_error"])
    assert abs(log_z.mean() - target.log_z) < 3.0 * math.sqrt(np.mean(error**2) / 4.0)
    x = np.asarray(block.draws)
    assert abs(np.mean(x**2) / 1e-16 - 1.0) < 0.2


@pytest.mark.slow
def test_each_temperature_leaves_the_asked_share_of_particles():
    """Particles uniform in [0, 1) with likelihood e^-1000x: ESS in closed form."""
    value = -1000.0 * (jnp.arange(2000) + 0.5) / 2000.0
    engine = Smc(repeats=1, particles=2000, share=0.3)
    state = engine.init(jr.key(1), Sharp(), jnp.zeros((1, 1)))
    alone = jax.tree.map(lambda x: x[0], state._replace(step=jnp.zeros(1)))
    alone = alone._replace(particles=alone.particles._replace(log_likelihood=value))
    heated = engine._heat(jr.key(2), alone)
    # (integral of e^-cx)^2 / integral of e^-2cx = 2 tanh(c/2) / c with c = 1000 temperature
    c = 1000.0 * float(heated.temperature)
    assert 2.0 * math.tanh(0.5 * c) / c == pytest.approx(0.3, abs=2e-3)
    assert float(heated.log_z) == pytest.approx(math.log(-math.expm1(-c) / c), abs=2e-3)


def test_particles_are_moved_along_others_far_away_in_line():
    """The two ends of a step: in the far half, different, and each other's mirror."""
    count = 12
    crowd = jnp.exp(jnp.log(3.0) * jnp.arange(count, dtype=float))[:, None]
    keys = jr.split(jr.key(3), 400)
    jitter = jnp.exp(_particles._JITTER * jax.vmap(lambda k: jr.normal(jr.split(k)[1]))(keys))
    steps = jax.vmap(lambda k: _particles.difference(k, crowd, jnp.array(1)))(keys)[:, 0] / jitter
    ends = {(i, j): float(crowd[i, 0] - crowd[j, 0]) for i in range(count) for j in range(count)}
    seen = {
        pair
        for step in np.asarray(steps)
        for pair, length in ends.items()
        if pair[0] != pair[1] and math.isclose(length, step, rel_tol=1e-6)
    }
    far = range(4, 10)  # places 3 to 8 after number 1
    assert seen == {(i, j) for i in far for j in far if i != j}


def test_the_share_of_finite_likelihood_is_unbiased():
    """The share itself, not its log, over many independent starts; and its stated error."""
    draw = eqx.filter_jit(lambda key: _evidence.finite_prior(key, Rare(), 20))
    found = [draw(jr.key(i)) for i in range(200)]
    share = np.array([np.exp(f.log_share()[0]) for f in found])
    variance = np.array([f.log_share()[1] for f in found])
    assert abs(share.mean() - 1e-3) < 4.0 * share.std() / math.sqrt(len(share))
    assert np.log(share).std() == pytest.approx(math.sqrt(variance.mean()), rel=0.2)
    first = found[0].particles
    assert np.all(first.position[:, 0] < 1e-3)
    np.testing.assert_array_equal(first.log_likelihood, 0.0)


@pytest.mark.slow
def test_a_likelihood_that_is_one_or_zero_gives_its_share():
    block, _, _ = finish(Smc(repeats=4, particles=200, moves=2), Rare())
    table = block.tables["evidence"]
    np.testing.assert_allclose(table["log_z"], table["log_share"], atol=1e-9)
    assert np.all(np.asarray(block.draws)[..., 0] < 1e-3)


def test_an_impossible_target_is_refused(monkeypatch):
    monkeypatch.setattr(_evidence, "_MOST_DRAWS", 20000)
    with pytest.raises(ValueError, match=r"smc needs 10 prior draws .* 2\d+ draws held 0"):
        Smc(repeats=2, particles=10).init(jr.key(0), Impossible(), jnp.zeros((2, 2)))


@pytest.mark.slow
def test_differences_to_oneself_and_to_relatives_bias_the_evidence(monkeypatch):
    """Why steps come from the far half: the same engine without that rule is wrong by 1.2."""
    target, engine = TARGETS.Gaussian(20), Smc(repeats=4)

    def near(key, crowd, place):
        del place
        key_pair, key_length = jr.split(key)
        first, second = jr.randint(key_pair, (2,), 0, crowd.shape[0])
        return jnp.exp(0.5 * jr.normal(key_length)) * (crowd[first] - crowd[second])

    right = finish(engine, target)[0].tables["evidence"]["log_z"]
    assert abs(np.mean(right) - target.log_z) < 0.3
    monkeypatch.setattr(_particles, "difference", near)
    jax.clear_caches()
    wrong = finish(engine, TARGETS.Gaussian(20), 1)[0].tables["evidence"]["log_z"]
    jax.clear_caches()
    assert np.mean(wrong) - target.log_z > 0.6
