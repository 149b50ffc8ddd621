"""The contract of every engine file in samplers/: what the driver relies on, and known moments.

All targets are one traced function with a switch, so that an engine is compiled once for them.
"""

import functools
import math

import emcee
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers import places
from nmmjax.cli.engines import engine_names, find_engine
from nmmjax.samplers import diagnostics
from nmmjax.samplers.base import AbstractEngine, differentiable
from nmmjax.samplers.engines import emcee_

KEY = jr.key(40)
DIM = 4
A = np.random.default_rng(3).normal(size=(DIM, DIM))
COVARIANCE = A @ A.T + 0.1 * np.eye(DIM)
PRECISION = jnp.asarray(np.linalg.inv(COVARIANCE))
MEAN = np.arange(1.0, DIM + 1.0)

# options that make a test quick: (options, blocks of burn-in, blocks); all else by default
QUICK = {
    "chees": ({"chains": 16, "warmup": 300, "block": 100}, 1, 10),
    "ensemble": ({"thin": 10, "block": 50}, 3, 15),
    "emcee_": ({"walkers": 24, "thin": 4, "block": 25}, 3, 10),
    "mclmc": ({"chains": 16, "warmup": 320, "block": 100}, 1, 10),
    "meads": ({"chains": 32, "warmup": 500, "thin": 10, "block": 100}, 1, 10),
    "nuts": ({"chains": 8, "warmup": 200, "block": 100}, 1, 10),
}
VARIANTS = {
    "emcee_ de": ("emcee_", {"moves": "de"}),
    "emcee_ de_snooker": ("emcee_", {"moves": "de_snooker"}),
    "nuts dense": ("nuts", {"metric": "dense"}),
    "nuts low_rank": ("nuts", {"metric": "low_rank", "rank": 3}),
    "meads low_rank": ("meads", {"metric": "low_rank", "rank": 3}),
}
TRACES = []  # one entry each time a target is traced
ENGINES = [name for name in engine_names() if not find_engine(name).ends]  # the others have files
QUICKLY = ("ensemble", "nuts")  # walkers and gradients: their tests are quick
STATISTICS = [
    name if name in QUICKLY else pytest.param(name, marks=pytest.mark.slow) for name in ENGINES
]


class Target(eqx.Module):
    """A correlated Gaussian; a Rosenbrock density; a box with NaN beyond it. By number."""

    number: jax.Array
    power: jax.Array

    def log_density(self, z):
        TRACES.append(1)
        return self.power * jax.lax.switch(self.number, (_gaussian, _rosenbrock, _boxed), z)


def _gaussian(z):
    return -0.5 * (z - MEAN) @ PRECISION @ (z - MEAN)


def _rosenbrock(z):
    """x ~ N(1, 1/2), y | x ~ N(x^2, 1/10), the others standard normal."""
    return -((1.0 - z[0]) ** 2) - 5.0 * (z[1] - z[0] ** 2) ** 2 - 0.5 * z[2:] @ z[2:]


def _boxed(z):
    """Standard normal for z0 > 0; NaN for -0.2 < z0 < 0; nothing below."""
    value = -0.5 * z @ z
    return jnp.where(z[0] > 0.0, value, jnp.where(z[0] > -0.2, jnp.sqrt(z[0]), -jnp.inf))


def target(number, power=1.0):
    return Target(jnp.array(number), jnp.array(power)).log_density


GAUSSIAN, ROSENBROCK, BOXED = range(3)
MOMENTS = {
    GAUSSIAN: [
        (lambda z, i=i, j=j: (z[..., i] - MEAN[i]) * (z[..., j] - MEAN[j]), COVARIANCE[i, j])
        for i in range(DIM)
        for j in range(i, DIM)
    ]
    + [(lambda z, i=i: z[..., i], MEAN[i]) for i in range(DIM)],
    ROSENBROCK: [
        (lambda z: z[..., 0], 1.0),
        (lambda z: z[..., 1], 1.5),
        (lambda z: z[..., 0] ** 2, 1.5),
        (lambda z: z[..., 1] ** 2, 4.85),  # E x^4 + 1/10 with E x^4 = 1 + 6/2 + 3/4
        (lambda z: z[..., 0] * z[..., 1], 2.5),
        (lambda z: z[..., 3] ** 2, 1.0),
    ],
    BOXED: [
        (lambda z: z[..., 0], math.sqrt(2.0 / math.pi)),
        (lambda z: z[..., 0] ** 2, 1.0),
        (lambda z: z[..., 1] ** 2, 1.0),
    ],
}


@functools.cache
def built(case):
    name, more = VARIANTS.get(case, (case, {}))
    options, burn_in, blocks = QUICK.get(name, ({}, 2, 20))
    return find_engine(name)(**options | more), burn_in, blocks


def overdispersed(engine):
    """Wide starting points inside the support of every target."""
    z = 1.0 + 1.5 * jr.normal(jr.key(7), (engine.chains, DIM))
    return z.at[:, 0].set(jnp.abs(z[:, 0]))


@functools.cache
def sampled(case, number, power):
    """(draws, stats by draw, last block) after burn-in."""
    engine, burn_in, blocks = built(case)
    density = target(number, power)
    state, kept = engine.init(KEY, density, overdispersed(engine)), []
    for _ in range(burn_in + blocks):
        state, block = engine.advance(KEY, density, state)
        kept.append(block)
    kept = kept[burn_in:]
    names = [name for name, x in kept[0].stats.items() if jnp.ndim(x) == 2]
    stats = {name: np.concatenate([b.stats[name] for b in kept], axis=1) for name in names}
    return np.concatenate([b.draws for b in kept], axis=1), stats, kept[-1]


@functools.cache
def first_block(case):
    """(state before, state after, block) of the Gaussian: one call for the tests of a contract."""
    engine, density = built(case)[0], target(GAUSSIAN)
    state = engine.init(KEY, density, overdispersed(engine))
    return state, *engine.advance(KEY, density, state)


def worst_pull(case, number, power=1.0):
    """Largest |estimate - exact| / MCSE; the MCSE by chains or by means of coupled chains."""
    groups = built(case)[0].groups
    draws = sampled(case, number, power)[0]
    found = []
    for function, exact in MOMENTS[number]:
        x = function(draws)
        means = np.stack([x[groups == g].mean(axis=0) for g in np.unique(groups)])
        error = max(diagnostics.mcse_mean(x), diagnostics.mcse_mean(means))
        found.append(abs(x.mean() - exact) / error)
    return max(found)


@pytest.mark.parametrize("name", engine_names())
def test_every_engine_file_is_tested(name):
    """As a chain here, or in a file of its own."""
    tests = places.TESTS / "samplers" / "engines"
    assert name in ENGINES or (tests / f"test_{name}.py").is_file()


SLOW_VARIANTS = [pytest.param(v, marks=pytest.mark.slow) for v in VARIANTS]


@pytest.mark.parametrize("case", [*STATISTICS, *SLOW_VARIANTS])
def test_gaussian_moments(case):
    assert worst_pull(case, GAUSSIAN) < 5.0


@pytest.mark.parametrize("case", STATISTICS)
def test_rosenbrock_moments(case):
    assert worst_pull(case, ROSENBROCK) < 5.0


@pytest.mark.parametrize("case", STATISTICS)
def test_a_wrong_density_fails_the_moment_check(case):
    """Every engine sees the density to the power 0.7: variances are 43% too large."""
    assert worst_pull(case, GAUSSIAN, 0.7) > 5.0


def test_the_snooker_of_emcee_gives_too_small_variances(monkeypatch):
    """Why ours replaces it; the day this test fails, ours can go."""
    engine = find_engine("emcee_")(walkers=24, thin=4, block=25, moves="de_snooker")
    monkeypatch.setitem(emcee_._MOVES, "de_snooker", lambda: [(emcee.moves.DESnookerMove(), 1.0)])
    state = engine.init(KEY, target(GAUSSIAN), overdispersed(engine))
    found = []
    for _ in range(4):
        state, block = engine.advance(KEY, target(GAUSSIAN), state)
        found.append(block.draws)
    draws = np.concatenate(found[1:], axis=1)
    ratio = draws.reshape(-1, DIM).var(axis=0) / np.diag(COVARIANCE)
    assert np.all(ratio < 0.95)


@pytest.mark.parametrize("case", STATISTICS)
def test_undefined_and_impossible_points_are_counted_and_never_sampled(case):
    draws, stats, last = sampled(case, BOXED, 1.0)
    assert np.all(draws[..., 0] > 0.0)
    assert np.all(np.isfinite(draws))
    assert np.all(np.isfinite(stats["lp"]))
    assert 0 < stats["n_nan"].sum() < stats["n_nonfinite"].sum() < stats["n_proposals"].sum()
    seen = np.asarray(last.undefined)
    seen = seen[np.isfinite(seen).all(axis=1)]
    assert len(seen) > 0
    assert np.all((seen[:, 0] > -0.2) & (seen[:, 0] <= 0.0))
    assert 0.0 < float(last.stats["nonfinite_fraction"]) < 1.0
    assert worst_pull(case, BOXED) < 5.0


@pytest.mark.parametrize("case", STATISTICS)
def test_protocol(case):
    engine, _, _ = built(case)
    assert isinstance(engine, AbstractEngine)
    assert engine.groups.shape == (engine.chains,)
    assert len(np.unique(engine.groups)) >= 4
    density, starts = target(GAUSSIAN), overdispersed(engine)
    state, after, block = first_block(case)
    like = eqx.filter_eval_shape(
        engine.init, KEY, density, jax.ShapeDtypeStruct(starts.shape, starts.dtype)
    )
    leaves = [jax.tree.leaves(x) for x in (state, after, like)]
    for a, b, c in zip(*leaves, strict=True):
        assert isinstance(a, jax.Array)
        assert isinstance(b, jax.Array)
        assert not jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key)
        assert (a.shape, a.dtype) == (b.shape, b.dtype) == (c.shape, c.dtype)
    assert block.draws.shape[::2] == (engine.chains, DIM)
    for name, values in block.stats.items():
        assert jnp.shape(values) in {(), block.draws.shape[:2]}, name
    assert {"lp", "acceptance_rate", "n_nonfinite", "n_nan"} <= set(block.stats)
    assert block.done is False


@pytest.mark.parametrize("case", STATISTICS)
def test_stats_belong_to_the_draws(case):
    block = first_block(case)[2]
    stats = {name: np.asarray(x) for name, x in block.stats.items()}
    draws = block.draws
    lp = jax.vmap(jax.vmap(target(GAUSSIAN)))(draws[:, :20])
    np.testing.assert_allclose(stats["lp"][:, :20], lp, rtol=1e-10, atol=1e-12)
    assert np.all((stats["acceptance_rate"] >= 0.0) & (stats["acceptance_rate"] <= 1.0 + 1e-12))
    assert 0.05 < stats["acceptance_rate"].mean() < 0.999


@pytest.mark.parametrize("case", ENGINES)
def test_resume_from_the_arrays_of_a_state_is_bit_identical(case):
    """Arrays of the state to NumPy and back, as a checkpoint does; also: one key, one chain."""
    engine, _, _ = built(case)
    density, starts = target(GAUSSIAN), overdispersed(engine)
    state, middle, first = first_block(case)
    leaves = [np.array(x) for x in jax.tree.leaves(middle)]
    _, second = engine.advance(KEY, density, middle)
    like = eqx.filter_eval_shape(
        engine.init, KEY, density, jax.ShapeDtypeStruct(starts.shape, starts.dtype)
    )
    restored = jax.tree.unflatten(jax.tree.structure(like), map(jnp.asarray, leaves))
    _, again = engine.advance(KEY, density, restored)
    np.testing.assert_array_equal(second.draws, again.draws)
    for name, values in second.stats.items():
        np.testing.assert_array_equal(values, again.stats[name])
    same = engine.init(KEY, density, starts)
    np.testing.assert_array_equal(engine.advance(KEY, density, same)[1].draws, first.draws)
    other = engine.advance(jr.key(41), density, state)[1].draws
    assert np.mean(np.asarray(other)[:, -1] == np.asarray(first.draws)[:, -1]) < 0.05


@pytest.mark.parametrize("case", STATISTICS)
def test_draws_do_not_depend_on_the_length_of_a_block(case):
    name, _ = VARIANTS.get(case, (case, {}))
    engine, _, _ = built(case)
    options = QUICK.get(name, ({},))[0]
    short = find_engine(name)(**options | {"block": engine.block // 5})
    density = target(GAUSSIAN)
    start = engine.init(KEY, density, overdispersed(engine))
    _, whole = engine.advance(KEY, density, start)
    state, parts = start, []
    for _ in range(5):
        state, block = short.advance(KEY, density, state)
        parts.append(block.draws)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole.draws)


@pytest.mark.parametrize("case", ENGINES)
def test_nothing_is_traced_again_between_blocks(case):
    engine, _, _ = built(case)
    state = first_block(case)[1]
    before = len(TRACES)
    assert before > 0
    for number in (GAUSSIAN, ROSENBROCK):  # a change of values is no change of shape
        state, _ = engine.advance(KEY, target(number), state)
    assert len(TRACES) == before


@pytest.mark.parametrize("case", ENGINES)
def test_bad_starting_points_are_refused(case):
    engine, _, _ = built(case)
    starts = overdispersed(engine)
    with pytest.raises(ValueError, match=rf"{engine.chains} starting points, got "):
        engine.init(KEY, target(BOXED), starts[:-1])
    with pytest.raises(ValueError, match=r"1 of .* zero or undefined density .* number 5"):
        engine.init(KEY, target(BOXED), starts.at[5, 0].set(-0.1))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("emcee_", {"walkers": 7}, "even number of walkers >= 4, got 7"),
        ("emcee_", {"thin": 0}, "thin >= 1, got 0"),
        ("emcee_", {"moves": "strech"}, "moves stretch or de or de_snooker, got 'strech'"),
        ("nuts", {"chains": 0}, "chains >= 1, got 0"),
        ("nuts", {"warmup": 3}, "warmup >= 20, got 3"),
        ("nuts", {"target_acceptance": 1.0}, "between 0 and 1, got 1"),
        ("nuts", {"metric": "diag"}, "metric diagonal or dense or low_rank, got 'diag'"),
        ("nuts", {"rank": 0}, "rank >= 1, got 0"),
        ("meads", {"chains": 30}, r"multiple of folds, at least 2 \* 4, got 30"),
        ("meads", {"chains": 4}, r"multiple of folds, at least 2 \* 4, got 4"),
        ("meads", {"folds": 1}, "folds >= 2, got 1"),
        ("meads", {"thin": 0}, "thin >= 1, got 0"),
        ("meads", {"metric": "dense"}, "metric diagonal or low_rank, got 'dense'"),
        ("chees", {"chains": 1}, "chains >= 2, got 1"),
        ("chees", {"max_leapfrogs": 0}, "max_leapfrogs >= 1, got 0"),
        ("chees", {"target_acceptance": math.nan}, "between 0 and 1, got nan"),
        ("mclmc", {"warmup": 10}, "warmup >= 100, got 10"),
        ("mclmc", {"target_acceptance": 0.0}, "between 0 and 1, got 0"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        find_engine(name)(**options)


def test_starting_points_in_a_plane_are_refused_by_emcee():
    engine, _, _ = built("emcee_")
    flat = overdispersed(engine).at[:, 1].set(2.0)
    flat = flat.at[:, 2].set(3.0)
    with pytest.raises(ValueError, match="walkers of ensemble 0 are linearly dependent"):
        engine.init(KEY, target(GAUSSIAN), flat)
    with pytest.raises(ValueError, match=r"walkers >= 2\*dim = 130, got 24"):
        engine.init(KEY, lambda z: -z @ z, jr.normal(KEY, (engine.chains, 65)))


def test_the_guarded_target_has_no_nan_and_the_same_density():
    def spiky(z):
        """NaN gradient at the origin, NaN below -1, +inf above 10."""
        value = jnp.where(z[0] < -1.0, jnp.nan, jnp.where(z[0] > 10.0, jnp.inf, -jnp.abs(z[0])))
        return value - jnp.sqrt(jnp.abs(z[1] ** 2))

    value_and_grad = jax.value_and_grad(differentiable(spiky))
    value, gradient = value_and_grad(jnp.array([0.5, 2.0]))
    assert value == -2.5
    np.testing.assert_allclose(gradient, [-1.0, -1.0])
    value, gradient = value_and_grad(jnp.array([0.5, 0.0]))
    assert value == -0.5
    np.testing.assert_array_equal(gradient, 0.0)
    for bad in ([-2.0, 1.0], [11.0, 1.0], [jnp.nan, 1.0], [1.0, jnp.inf], [jnp.inf, jnp.inf]):
        value, gradient = value_and_grad(jnp.array(bad))
        assert value == -jnp.inf
        np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.slow
def test_a_kink_without_gradient_does_not_stop_nuts():
    """The gradient is NaN in a strip through the bulk: the density is sampled all the same."""

    def torn(z):
        return -0.5 * z @ z + 0.0 * jnp.sqrt(jnp.where(jnp.abs(z[1]) > 0.1, 1.0, 0.0 * z[0] ** 2))

    engine = find_engine("nuts")(chains=16, warmup=200, block=400)
    state = engine.init(KEY, torn, jr.normal(KEY, (16, 2)))
    assert np.all(np.isfinite(state.step_size) & (np.asarray(state.step_size) > 1e-3))
    _, block = engine.advance(KEY, torn, state)
    x = np.asarray(block.draws)
    for values, exact in ((x[..., 0] ** 2, 1.0), (x[..., 1] ** 2, 1.0), (x[..., 1], 0.0)):
        assert abs(values.mean() - exact) < 5.0 * diagnostics.mcse_mean(values)
