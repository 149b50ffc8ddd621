"""The gradient engines where densities and gradients fail, and their energies."""

import functools
import importlib

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from nmmjax.cli.engines import find_engine
from nmmjax.samplers import diagnostics

pytestmark = pytest.mark.slow  # a minute of compilation in all

KEY = jr.key(50)
DIM = 3
OPTIONS = {
    "nuts": {"chains": 8, "warmup": 200, "block": 250},
    "meads": {"chains": 32, "warmup": 600, "thin": 10, "block": 200},
    "chees": {"chains": 16, "warmup": 300, "block": 400},
    "mclmc": {"chains": 16, "warmup": 320, "block": 400},
}


def normal(z):
    return -0.5 * z @ z


def torn(z):
    """Standard normal for z0 > -0.5, NaN beyond; a NaN gradient in the strip |z1| < 0.1."""
    strip = 0.0 * jnp.sqrt(jnp.where(jnp.abs(z[1]) > 0.1, 1.0, 0.0 * z[0] ** 2))
    return jnp.where(z[0] > -0.5, -0.5 * z @ z + strip, jnp.nan)


# of a standard normal cut at -1/2: density over survival there, then E x^2 = 1 + a E x
CUT_MEAN = 0.5091604
TORN_MOMENTS = [
    (lambda z: z[..., 0], CUT_MEAN),
    (lambda z: z[..., 0] ** 2, 1.0 - 0.5 * CUT_MEAN),
    (lambda z: z[..., 1] ** 2, 1.0),
    (lambda z: (np.abs(z[..., 1]) < 0.1) * 1.0, 0.0796557),
]


def spread(chains):
    """Wide starting points, all where `torn` is defined."""
    z = 3.0 * jr.normal(jr.key(8), (chains, DIM))
    return z.at[:, 0].set(jnp.abs(z[:, 0]))


@functools.cache
def sampled(name, target):
    engine = find_engine(name)(**OPTIONS[name])
    start = engine.init(KEY, target, spread(engine.chains))
    _, block = engine.advance(KEY, target, start)
    return start, block


@pytest.mark.parametrize("name", OPTIONS)
def test_nan_in_the_bulk_leaves_steps_large_and_moments_right(name):
    """What blackjax's adaptations do with NaN (its issues 969, 973, 1035) does not happen."""
    start, block = sampled(name, torn)
    free = sampled(name, normal)[0].step_size
    assert np.all(np.isfinite(start.step_size))
    assert np.min(start.step_size) > 0.01 * np.median(free)
    draws = np.asarray(block.draws)
    assert np.all(draws[..., 0] > -0.5)
    assert np.all(np.ptp(draws, axis=1) > 0.5)  # no chain is frozen
    assert np.sum(block.stats["n_nan"]) > 0
    for function, exact in TORN_MOMENTS:
        x = function(draws)
        assert abs(x.mean() - exact) < 5.0 * diagnostics.mcse_mean(x)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_without_the_guard_nan_stops_chains_or_shrinks_steps(name, monkeypatch):
    """The control: the same engine that trusts the target's own gradient."""
    module = importlib.import_module(f"nmmjax.samplers.engines.{name}")
    monkeypatch.setattr(module, "differentiable", lambda target: target)
    monkeypatch.setattr(module, "_require_tuned", lambda *_: None, raising=False)  # meads's own

    def unguarded(z):
        return torn(z)

    start, block = sampled(name, unguarded)
    free = np.median(sampled(name, normal)[0].step_size)
    steps, draws = np.asarray(start.step_size), np.asarray(block.draws)
    small = not np.all(np.isfinite(steps)) or np.min(steps) < 0.01 * free
    frozen = np.any(~np.isfinite(draws)) or np.any(np.ptp(draws, axis=1) < 0.5)
    share = np.mean(np.abs(draws[..., 1]) < 0.1)
    assert small or frozen or abs(share - 0.0796557) > 0.02


@pytest.mark.parametrize("name", ["nuts", "meads", "chees"])
def test_the_energy_is_kinetic_and_potential(name):
    """Momenta at the draws are normal: the mean of energy + lp is dim / 2."""
    _, block = sampled(name, normal)
    kinetic = np.asarray(block.stats["energy"] + block.stats["lp"])
    assert np.all(kinetic > 0.0)
    for x, exact in ((kinetic, 0.5 * DIM), ((kinetic - 0.5 * DIM) ** 2, 0.5 * DIM)):
        assert abs(x.mean() - exact) < 5.0 * diagnostics.mcse_mean(x)


def test_chains_with_a_low_rank_metric_start_where_their_warmup_ended():
    """blackjax offers its guess of the mean instead: one point for all."""
    engine = find_engine("nuts")(chains=8, warmup=100, metric="low_rank", rank=20)
    state = engine.init(KEY, normal, spread(8))
    assert state.inverse_mass.U.shape == (8, DIM, DIM)
    assert np.all(np.std(state.position, axis=0) > 0.3)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_strict_rank_promotion_does_not_break_the_adaptation(name):
    engine = find_engine(name)(**OPTIONS[name])
    with jax.numpy_rank_promotion("raise"):
        state = engine.init(KEY, normal, spread(engine.chains))
        engine.advance(KEY, normal, state)


def test_a_direction_in_one_dimension_is_refused():
    with pytest.raises(ValueError, match="mclmc needs at least 2 dimensions"):
        find_engine("mclmc")(chains=4).init(KEY, lambda z: -z @ z, jnp.ones((4, 1)))
