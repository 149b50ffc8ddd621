"""The ensemble against known moments; kernels broken on purpose must fail the same check."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers.cases import one_quick
from nmmjax.samplers import diagnostics
from nmmjax.samplers.base import AbstractEngine, log_density, scan
from nmmjax.samplers.engines.ensemble import Ensemble

KEY = jr.key(20)
A = np.random.default_rng(0).normal(size=(5, 5))
COVARIANCE = A @ A.T + 0.05 * np.eye(5)
MEAN = np.arange(5.0)


class Gaussian(eqx.Module):
    """A correlated Gaussian; a bound method is what the posterior hands to an engine."""

    mean: jax.Array
    precision: jax.Array

    def log_density(self, z):
        return -0.5 * (z - self.mean) @ self.precision @ (z - self.mean)


GAUSSIAN = Gaussian(jnp.asarray(MEAN), jnp.asarray(np.linalg.inv(COVARIANCE))).log_density


def rosenbrock(z):
    """x ~ N(1, 1/2), y | x ~ N(x^2, 1/10): moments in closed form."""
    x, y = z
    return -((1.0 - x) ** 2) - 5.0 * (y - x**2) ** 2


def boxed(z):
    """Normal for x > 0, NaN for -1 < x < 0, nothing below."""
    return jnp.where(z[0] > 0.0, -0.5 * z @ z, jnp.where(z[0] > -1.0, jnp.nan, -jnp.inf))


def starts(engine, mean, scale=1.0, seed=1):
    z = jnp.asarray(mean)[None] + scale * jr.normal(jr.key(seed), (engine.chains, len(mean)))
    return z.at[:, 0].set(jnp.abs(z[:, 0]))


def sample(engine, target, start, blocks, burn_in=2):
    """(chain, draw, dim) draws and the stats of all blocks after burn-in."""
    state, found = engine.init(KEY, target, start), []
    for _ in range(burn_in + blocks):
        state, block = engine.advance(KEY, target, state)
        found.append(block)
    kept = found[burn_in:]
    draws = np.concatenate([block.draws for block in kept], axis=1)
    arrays = (name for name, x in kept[0].stats.items() if jnp.ndim(x) == 2)
    return draws, {n: np.concatenate([b.stats[n] for b in kept], axis=1) for n in arrays}


def pulls(engine, draws, moments):
    """(estimate - exact) / MCSE of each moment; MCSE from the ensemble means, which see the
    coupling of walkers, and from walkers: the larger.
    """
    for function, exact in moments:
        x = function(draws)
        means = np.stack([x[engine.groups == g].mean(0) for g in range(engine.ensembles)])
        error = max(diagnostics.mcse_mean(x), diagnostics.mcse_mean(means))
        yield float((x.mean() - exact) / error)


def gaussian_moments():
    for i in range(5):
        yield lambda z, i=i: z[..., i], MEAN[i]
        for j in range(i, 5):
            yield (
                lambda z, i=i, j=j: (z[..., i] - MEAN[i]) * (z[..., j] - MEAN[j]),
                COVARIANCE[i, j],
            )


# E x^2 = 3/2; E x^4 = 1 + 6/2 + 3/4; V y = E y^2 - (E y)^2 with E y^2 = E x^4 + 1/10
ROSENBROCK_MOMENTS = [
    (lambda z: z[..., 0], 1.0),
    (lambda z: z[..., 1], 1.5),
    (lambda z: z[..., 0] ** 2, 1.5),
    (lambda z: z[..., 1] ** 2, 4.85),
    (lambda z: z[..., 0] * z[..., 1], 1.0 + 3.0 / 2.0),
]


def worst_pull(engine, target, mean, moments, blocks, burn_in=4):
    draws, _ = sample(engine, target, starts(engine, mean), blocks, burn_in)
    return max(abs(pull) for pull in pulls(engine, draws, moments))


SHORT = Ensemble(thin=10, block=50)
KINDS = {
    "default": SHORT,
    "differences only": Ensemble(thin=10, block=50, jump=0.0, stretch=0.0),
    "stretch only": Ensemble(thin=20, block=50, jump=0.0, stretch=1.0),
    "jumps": Ensemble(thin=20, block=50, jump=0.5, stretch=0.0),
    "short": Ensemble(thin=30, block=50, jump=0.0, stretch=0.0, short=1.0),
    "subset": Ensemble(thin=30, block=50, jump=0.1, stretch=0.0, subset=1.0),
    "smallest": Ensemble(walkers=10, ensembles=16, thin=20, block=50),
}


@pytest.mark.parametrize("kind", one_quick(KINDS))
def test_gaussian_moments(kind):
    assert worst_pull(KINDS[kind], GAUSSIAN, MEAN, gaussian_moments(), blocks=20) < 5.0


def test_rosenbrock_moments():
    mean = np.array([1.0, 1.5])
    assert worst_pull(SHORT, rosenbrock, mean, ROSENBROCK_MOMENTS, blocks=40) < 5.0


def test_truncated_moments():
    """Half-normal first coordinate: proposals outside are -inf or NaN, none is sampled."""
    moments = [
        (lambda z: z[..., 0], math.sqrt(2.0 / math.pi)),
        (lambda z: z[..., 0] ** 2, 1.0),
        (lambda z: z[..., 1] ** 2, 1.0),
    ]
    assert worst_pull(SHORT, boxed, np.zeros(3), moments, blocks=20) < 5.0


def test_subsets_free_coordinates_from_a_thin_sheet_in_others():
    """On a shell of four coordinates, 1% thick, beside four normal ones, which wait for it."""

    def shell(z):
        return -0.5 * ((jnp.linalg.norm(z[:4]) - 1.0) / 0.01) ** 2 - 0.5 * z[4:] @ z[4:]

    def effective(subset):
        engine = Ensemble(thin=20, block=300, subset=subset)
        z = jr.normal(jr.key(2), (engine.chains, 8))
        z = z.at[:, :4].divide(jnp.linalg.norm(z[:, :4], axis=1, keepdims=True))
        draws, _ = sample(engine, shell, z, blocks=1, burn_in=0)
        squares = [(lambda z, i=i: z[..., i] ** 2, 0.25 if i < 4 else 1.0) for i in range(8)]
        assert max(abs(pull) for pull in pulls(engine, draws, squares)) < 5.0
        return min(diagnostics.ess(draws[..., i]) for i in range(4, 8))

    assert effective(0.5) > 1.4 * effective(0.0)


class AlwaysAccept(Ensemble):
    """Broken: takes every proposal of finite density."""

    def _half_step(self, key, target, state):
        return super()._half_step(key, lambda z: 1e-3 * target(z), state)


class WrongJacobian(Ensemble):
    """Broken: the stretch without its factor z^(dim - 1)."""

    def _propose(self, shared, words, x, guide, target):
        proposal, factor = super()._propose(shared, words, x, guide, target)
        return proposal, jnp.zeros_like(factor)


class OneWay(Ensemble):
    """Broken: all walkers step along +v, never -v."""

    def _propose(self, shared, words, x, guide, target):
        return super()._propose(shared, words & ~jnp.uint64(1), x, guide, target)


@pytest.mark.parametrize(
    "broken",
    [
        AlwaysAccept(thin=10, block=50),
        WrongJacobian(thin=10, block=50, stretch=0.5),
    ],
)
def test_broken_kernels_fail_the_moment_check(broken):
    assert worst_pull(broken, GAUSSIAN, MEAN, gaussian_moments(), blocks=20) > 5.0


def test_the_sign_of_each_walker_keeps_walkers_independent():
    """Two exchangeable walkers must be uncorrelated: the variance over runs of the mean of a
    half is that of independent draws. Without signs, all walkers of a half drift together.
    """

    def normal(z):
        return -0.5 * z @ z

    def variance_ratio(kind):
        engine = kind(ensembles=1000, walkers=4, thin=10, block=1, jump=0.0, stretch=0.0)
        exact = jr.normal(jr.key(3), (engine.chains, 2))
        state = engine.init(KEY, normal, exact)
        for _ in range(3):
            state, block = engine.advance(KEY, normal, state)
        means = np.asarray(block.draws[:, 0]).reshape(1000, 2, 2, 2).mean(axis=2)
        return means.var(axis=0).mean() / 0.5

    spread = math.sqrt(2.0 / 4000)  # of a variance from 4000 means
    assert abs(variance_ratio(Ensemble) - 1.0) < 5.0 * spread
    assert abs(variance_ratio(OneWay) - 1.0) > 5.0 * spread


def test_draws_do_not_depend_on_the_block_and_follow_the_key():
    def draws(engine, blocks, key=KEY):
        state, found = engine.init(key, GAUSSIAN, starts(engine, MEAN)), []
        for _ in range(blocks):
            state, block = engine.advance(key, GAUSSIAN, state)
            found.append(block)
        join = lambda read: np.concatenate([read(b) for b in found], axis=1)  # noqa: E731
        return join(lambda b: b.draws), join(lambda b: b.stats["acceptance_rate"])

    long, short = draws(Ensemble(thin=3, block=20), 1), draws(Ensemble(thin=3, block=5), 4)
    np.testing.assert_array_equal(long[0], short[0])
    np.testing.assert_array_equal(long[1], short[1])
    other, _ = draws(Ensemble(thin=3, block=20), 1, jr.key(21))
    assert np.mean(other[:, -1] == long[0][:, -1]) < 0.01


def test_thinned_draws_are_every_so_many_of_all():
    def draws(thin, block):
        engine = Ensemble(thin=thin, block=block)
        state = engine.init(KEY, GAUSSIAN, starts(engine, MEAN))
        return np.asarray(engine.advance(KEY, GAUSSIAN, state)[1].draws)

    np.testing.assert_array_equal(draws(4, 5), draws(1, 20)[:, 3::4])


def test_stats_belong_to_the_draws():
    draws, stats = sample(SHORT, GAUSSIAN, starts(SHORT, MEAN), blocks=1)
    lp = jax.vmap(jax.vmap(GAUSSIAN))(draws)
    np.testing.assert_allclose(stats["lp"], lp, rtol=1e-12)
    moved = np.any(np.diff(draws, axis=1) != 0.0, axis=-1)
    np.testing.assert_array_equal(moved, stats["acceptance_rate"][:, 1:] > 0.0)
    assert np.all(stats["acceptance_rate"] <= 1.0)


def test_chains_stand_ensemble_by_ensemble():
    """Ensembles started far apart never meet."""
    engine = Ensemble(ensembles=3, walkers=10, thin=5, block=4, stretch=0.5)
    centre = 1e6 * engine.groups[:, None]
    two_wide = lambda z: -0.5 * jnp.sum((z - 1e6 * jnp.round(z / 1e6)) ** 2)  # noqa: E731
    state = engine.init(KEY, two_wide, centre + jr.normal(jr.key(2), (30, 2)))
    _, block = engine.advance(KEY, two_wide, state)
    assert np.all(np.abs(np.asarray(block.draws) - centre[:, None]) < 100.0)
    np.testing.assert_array_equal(engine.groups, np.repeat([0, 1, 2], 10))


def test_undefined_and_impossible_proposals_are_counted_and_never_sampled():
    draws, stats = sample(SHORT, boxed, starts(SHORT, np.zeros(3)), blocks=2)
    assert np.all(draws[..., 0] > 0.0)
    assert np.all(np.isfinite(stats["lp"]))
    assert 0 < stats["n_nan"].sum() < stats["n_nonfinite"].sum() < draws[..., 0].size * SHORT.thin
    state = SHORT.init(KEY, GAUSSIAN, starts(SHORT, MEAN))
    fraction = SHORT.advance(KEY, boxed, state)[1].stats["nonfinite_fraction"]
    assert 0.0 < float(fraction) < 1.0


def test_infinite_density_is_undefined():
    value, undefined = log_density(lambda z: z[0], jnp.array([[1.0, jnp.inf, -jnp.inf, jnp.nan]]))
    np.testing.assert_array_equal(value, [1.0, -np.inf, -np.inf, -np.inf])
    np.testing.assert_array_equal(undefined, [False, True, False, True])


def test_one_trace_for_all_blocks():
    traces = []

    def counted(z):
        traces.append(1)
        return -0.5 * z @ z

    engine = Ensemble(thin=2, block=5)
    state = engine.init(KEY, counted, starts(engine, np.zeros(3)))
    state, _ = engine.advance(KEY, counted, state)
    before = len(traces)
    for _ in range(3):
        state, _ = engine.advance(KEY, counted, state)
    assert len(traces) == before


def test_shapes_are_known_without_running():
    starts_shape = jax.ShapeDtypeStruct((SHORT.chains, 5), float)
    like = eqx.filter_eval_shape(SHORT.init, KEY, GAUSSIAN, starts_shape)
    real = SHORT.init(KEY, GAUSSIAN, starts(SHORT, MEAN))
    after, _ = SHORT.advance(KEY, GAUSSIAN, real)
    for a, b, c in zip(*map(jax.tree.leaves, (like, real, after)), strict=True):
        assert a.shape == b.shape == c.shape
        assert a.dtype == b.dtype == c.dtype
    assert isinstance(SHORT, AbstractEngine)


def test_info_is_summed_between_draws():
    class Count(NamedTuple):
        step: jax.Array

    step = lambda key, target, state: (state, {"i": state.step})  # noqa: E731
    last, states, info = scan(step, KEY, rosenbrock, Count(jnp.array(0)), draws=3, thin=4)
    np.testing.assert_array_equal(info["i"], [0 + 1 + 2 + 3, 4 + 5 + 6 + 7, 8 + 9 + 10 + 11])
    np.testing.assert_array_equal(states.step, [4, 8, 12])
    assert last.step == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"walkers": 7}, "even number of walkers >= 4, got 7"),
        ({"walkers": 2}, "even number of walkers >= 4, got 2"),
        ({"ensembles": 0}, "ensembles >= 1, got 0"),
        ({"thin": 0}, "thin >= 1, got 0"),
        ({"block": -1}, "block >= 1, got -1"),
        ({"jump": 0.7, "stretch": 0.7}, "sum <= 1, got 0.7, 0.7 and 0"),
        ({"jump": math.nan}, "sum <= 1, got nan, 0.1 and 0"),
        ({"short": -0.1}, "short >= 0 .* got 0.1, 0.1 and -0.1"),
        ({"subset": 1.5}, "0 <= subset <= 1, got 1.5"),
        ({"subset": math.nan}, "0 <= subset <= 1, got nan"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Ensemble(**options)


def test_bad_starts_are_refused():
    engine = Ensemble(walkers=16)
    start = jr.normal(KEY, (64, 9))
    with pytest.raises(ValueError, match=r"walkers >= 2\*dim = 18, got 16"):
        engine.init(KEY, GAUSSIAN, start)
    with pytest.raises(ValueError, match="needs 64 starting points, got 60"):
        engine.init(KEY, boxed, start[:60, :3])
    inside = jnp.abs(start[:, :3])
    with pytest.raises(ValueError, match=r"1 of 64 starting points .* number 17"):
        engine.init(KEY, boxed, inside.at[17, 0].set(-0.5))
    with pytest.raises(ValueError, match="same coordinate 2"):
        engine.init(KEY, boxed, inside.at[:8, 2].set(0.25))


@pytest.mark.slow
def test_separate_modes_are_joined():
    """Two Gaussians 20 sd apart: jumps between them keep their weights 0.3 and 0.7."""
    centre = jnp.array([10.0, 0.0, 0.0])

    def modes(z):
        near, far = -0.5 * jnp.sum((z - centre) ** 2), -0.5 * jnp.sum((z + centre) ** 2)
        return jnp.logaddexp(math.log(0.3) + near, math.log(0.7) + far)

    engine = Ensemble(thin=20, block=50, jump=0.3)
    side = jnp.where(jr.bernoulli(jr.key(5), 0.5, (engine.chains, 1)), 1.0, -1.0)
    start = side * centre[None, :] + jr.normal(jr.key(6), (engine.chains, 3))
    draws, _ = sample(engine, modes, start, blocks=40, burn_in=10)
    (pull,) = pulls(engine, draws, [(lambda z: (z[..., 0] > 0.0).astype(float), 0.3)])
    assert abs(pull) < 5.0


def test_agrees_with_an_independent_sampler():
    """Quantiles of a curved target against exact draws of it."""
    draws, _ = sample(SHORT, rosenbrock, starts(SHORT, np.array([1.0, 1.5])), blocks=20)
    rng = np.random.default_rng(8)
    x = rng.normal(1.0, math.sqrt(0.5), 400_000)
    y = rng.normal(x**2, math.sqrt(0.1))
    for i, exact in enumerate((x, y)):
        for q in (0.05, 0.25, 0.5, 0.75, 0.95):
            edge = np.quantile(exact, q)
            below = (draws[..., i] < edge).astype(float)
            means = np.stack([below[SHORT.groups == g].mean(0) for g in range(4)])
            assert abs(below.mean() - q) < 5.0 * diagnostics.mcse_mean(means)
