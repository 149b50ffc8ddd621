"""Proof that the chain engines sample what they say, on targets with known answers.

An engine on a target is "right" (certified by the rule of the verdict, moments within five
of their standard errors), "refused" (not certified: the honest failure) or "wrong" (certified and
off: it must stand in the engine's docstring). OUTCOMES records what is not "right".
"""

import functools
import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.stats import qmc

from helpers import ridges
from helpers import targets as T
from helpers.certified import certified
from nmmjax.cli.engines import find_engine
from nmmjax.samplers import diagnostics
from nmmjax.samplers.base import differentiable
from nmmjax.samplers.engines.ensemble import Ensemble

KEY = jr.key(60)
TARGETS = {
    "gaussian 5": T.Gaussian(5),
    "gaussian 20": T.Gaussian(20),
    "gaussian 50": T.Gaussian(50),
    "rosenbrock": T.Rosenbrock(3),
    "funnel": T.Funnel(10),
    "mixture": T.Mixture(3, distance=5.0),
    "mixture, far": T.Mixture(3, distance=12.0),
    "eggbox": T.Eggbox(),
    "straight 1e-1": ridges.StraightRidge(ridges.Ridge(1e-1)),
    "straight 1e-3": ridges.StraightRidge(ridges.Ridge(1e-3)),
    "straight 1e-6": ridges.StraightRidge(ridges.Ridge(1e-6)),
    "ridge 1e-1": ridges.Ridge(1e-1),
    "ridge 1e-3": ridges.Ridge(1e-3),
    "ridge 1e-6": ridges.Ridge(1e-6),
}
# engine: (options, blocks of burn-in, blocks)
SETTINGS = {
    "ensemble": ({"walkers": 128, "thin": 20, "block": 50}, 10, 40),
    "emcee_": ({"walkers": 128, "thin": 20, "block": 50}, 4, 8),
    "nuts": ({"chains": 16, "warmup": 500, "metric": "dense", "block": 100}, 0, 10),
    "meads": ({"thin": 20, "block": 100}, 0, 10),
    "chees": ({"block": 100, "max_leapfrogs": 200}, 0, 15),
    "mclmc": ({"block": 100}, 0, 15),
}
OUTCOMES = {
    (engine, target): "refused"
    for target, engines in {
        "funnel": ("ensemble", "emcee_", "nuts", "meads", "chees", "mclmc"),
        "mixture": ("chees", "mclmc"),
        "mixture, far": ("emcee_", "nuts", "meads", "chees", "mclmc"),
        "eggbox": ("emcee_", "nuts", "meads", "chees", "mclmc"),
        "gaussian 50": ("emcee_",),
        "rosenbrock": ("nuts",),
        "ridge 1e-1": ("ensemble", "emcee_", "nuts", "meads", "chees", "mclmc"),
        "ridge 1e-3": ("emcee_", "nuts", "meads", "chees", "mclmc"),
        "ridge 1e-6": ("ensemble", "emcee_", "nuts", "meads", "chees", "mclmc"),
    }.items()
    for engine in engines
}
SLOW = (pytest.mark.slow, pytest.mark.long)
NOT_LONG = {("ensemble", "straight 1e-6"), ("chees", "straight 1e-6")}
CASES = [
    pytest.param(engine, target, marks=SLOW[: 1 if (engine, target) in NOT_LONG else 2])
    for engine, target in itertools.product(SETTINGS, TARGETS)
]


def starting_points(target, chains):
    """Twice as wide as the target; for the bare ridge, each the best of 256 prior draws."""
    if isinstance(target, ridges.Ridge):
        prior = jax.vmap(target.from_unit)(jr.uniform(jr.key(61), (256 * chains, target.dim)))
        value = jax.vmap(target)(prior).reshape(chains, 256)
        best = jnp.argmax(value, axis=1)
        return prior.reshape(chains, 256, -1)[jnp.arange(chains), best]
    exact = target.draw(np.random.default_rng(62), 10_000)
    noise = np.random.default_rng(63).normal(size=(10 * chains, target.dim))
    wide = jnp.asarray(exact.mean(axis=0) + 2.0 * exact.std(axis=0) * noise)
    return wide[jnp.isfinite(jax.vmap(target)(wide))][:chains]


def sample(engine, target, burn_in, blocks):
    """(chain, draw, dim) draws after burn-in."""
    state, kept = engine.init(KEY, target, starting_points(target, engine.chains)), []
    for number in range(burn_in + blocks):
        state, block = engine.advance(KEY, target, state)
        if number >= burn_in:
            kept.append(np.asarray(block.draws))
    return np.concatenate(kept, axis=1)


def worst_pull(draws, groups, moments):
    """Largest |estimate - exact| / MCSE; the MCSE by chains or by means of coupled chains."""
    found = []
    for function, exact in moments:
        x = np.asarray(function(draws))
        means = np.stack([x[groups == g].mean(axis=0) for g in np.unique(groups)])
        error = max(diagnostics.mcse_mean(x), diagnostics.mcse_mean(means))
        found.append(abs(x.mean() - exact) / error)
    return max(found)


def outcome(name, target):
    options, burn_in, blocks = SETTINGS[name]
    engine = find_engine(name)(**options)
    draws = sample(engine, target, burn_in, blocks)
    lp = jax.vmap(jax.vmap(target))(jnp.asarray(draws))
    if not certified(draws, engine.groups, lp=lp):
        return "refused"
    return "right" if worst_pull(draws, engine.groups, target.moments) < 5.0 else "wrong"


@pytest.mark.parametrize(("engine", "target"), CASES)
def test_known_answers(engine, target):
    assert outcome(engine, TARGETS[target]) == OUTCOMES.get((engine, target), "right")


# The targets themselves


@pytest.mark.parametrize("name", [n for n in TARGETS if n != "gaussian 50"])
def test_exact_moments_are_those_of_exact_draws(name):
    target = TARGETS[name]
    draws = target.draw(np.random.default_rng(64), 200_000)
    if name in ("ridge 1e-1", "straight 1e-1"):
        draws = draws[:20_000]  # right to eps^2 only
    for function, exact in target.moments:
        x = function(draws)
        assert abs(x.mean() - exact) < 5.0 * x.std() / math.sqrt(len(x))


@pytest.mark.parametrize(
    "target",
    [
        T.Gaussian(2, condition=2.0),
        T.Rosenbrock(2),
        T.Funnel(2, half_width=30.0),
        T.Mixture(2),
        T.Eggbox(power=2.0),
    ],
    ids=lambda t: type(t).__name__,
)
def test_log_z_is_the_prior_mean_of_the_likelihood(target):
    """On a grid of midpoints of the unit square: also of `from_unit` and of the likelihood."""
    u = (np.arange(2000) + 0.5) / 2000
    grid = jnp.asarray(np.stack(np.meshgrid(u, u), axis=-1).reshape(-1, 2))
    value = jax.vmap(lambda x: target.log_likelihood_at(target.from_unit(x)))(grid)
    log_z = jax.scipy.special.logsumexp(value) - math.log(len(grid))
    assert abs(log_z - target.log_z) < 1e-3
    total = jax.vmap(target)(jax.vmap(target.from_unit)(grid[:7]))
    parts = value[:7] + jax.vmap(target.log_prior_at)(jax.vmap(target.from_unit)(grid[:7]))
    np.testing.assert_allclose(total, parts, rtol=1e-12)


@pytest.mark.parametrize(("eps", "error"), [(1e-1, 1e-5), (1e-3, 1e-9)])
def test_log_z_of_the_ridge_by_quadrature(eps, error):
    """Trapezium in (s, d, q) of |a e^(ip) + b| itself, without any expansion."""
    ridge = ridges.Ridge(eps)
    s, ds = np.linspace(-0.45, 0.45, 61, retstep=True)
    edge = 5.0 * eps
    d, dd = np.linspace(-edge / math.log(10.0), edge / math.log(10.0), 801, retstep=True)
    q, dq = np.linspace(-edge, edge, 801, retstep=True)
    total = 0.0
    for x in s:
        a, b = 10.0 ** (0.5 * (x + d)), 10.0 ** (0.5 * (x - d))
        square = ((a - b) ** 2)[:, None] + 4.0 * (a * b)[:, None] * np.sin(0.5 * q) ** 2
        with np.errstate(divide="ignore"):
            pull = (0.5 * np.log10(square) - math.log10(eps)) / 0.05
        total += np.exp(-0.5 * (x / 0.05) ** 2) * np.exp(-0.5 * pull**2).sum()
    modes_and_jacobian = 2.0 * 0.5
    others = math.sqrt(2.0 * math.pi) * 0.3 * math.sqrt(2.0 * math.pi)  # t and w
    log_z = math.log(total * ds * dd * dq * modes_and_jacobian * others) - ridge.log_volume
    assert abs(log_z - ridge.log_z) < error


@pytest.mark.parametrize("eps", [1e-1, 1e-3, 1e-6])
def test_the_straight_ridge_is_the_ridge_in_other_coordinates(eps):
    """Its prior is twice the bare one, times that of the radius, times the Jacobian."""
    straight = ridges.StraightRidge(ridges.Ridge(eps))

    def there(z):
        return jnp.append(straight.raw(z), jnp.hypot(z[2], z[3]))

    for z in jnp.asarray(straight.draw(np.random.default_rng(65), 20)):
        raw = there(z)
        radius = raw[5]
        slogdet = jnp.linalg.slogdet(jax.jacfwd(there)(z))[1]
        expected = (
            math.log(2.0)
            + straight.ridge.log_prior_at(raw[:5])
            + jnp.log(radius)
            - 0.5 * radius**2
            + slogdet
        )
        assert abs(straight.log_prior_at(z) - expected) < 1e-6
        np.testing.assert_allclose(straight.chart(raw[:5], radius), z, rtol=0.0, atol=1e-6)


def test_prior_draws_of_the_straight_ridge_follow_its_prior():
    """Prior mass of a box of coordinates: share of draws against the integral of the density."""
    straight = ridges.StraightRidge(ridges.Ridge(1e-1))
    u = jr.uniform(jr.key(66), (400_000, 6))
    z = np.asarray(jax.vmap(straight.from_unit)(u))
    low = np.array([0.0, -1.0, -2.0, -2.0, 0.0, -1.0])
    high = np.array([1.0, 1.0, 2.0, 2.0, 20.0, 1.0])
    share = np.mean(np.all((z > low) & (z < high), axis=1))
    points = low + (high - low) * qmc.Sobol(6, seed=1).random(2**15)
    mass = jnp.mean(jnp.exp(jax.vmap(straight.log_prior_at)(jnp.asarray(points))))
    mass *= np.prod(high - low)
    assert abs(share - mass) < 5.0 * math.sqrt(mass / len(z)) + 0.01 * mass


# Geweke's joint test of the ensemble


class Conjugate(eqx.Module):
    """theta ~ N2(0, 1), y | theta ~ N2(theta, 1/2)."""

    y: jax.Array

    def __call__(self, theta):
        return -0.5 * theta @ theta - (self.y - theta) @ (self.y - theta)


WALKERS, REPLICAS, ROUNDS = 8, 8000, 60


def _joint(key):
    """y, and walkers that are independent given y."""
    first, second = jr.split(key)
    y = math.sqrt(1.5) * jr.normal(first, (REPLICAS, 2))
    noise = math.sqrt(1.0 / 3.0) * jr.normal(second, (REPLICAS, WALKERS, 2))
    return y, y[:, None] / 1.5 + noise


def _data_given_walkers(key, theta):
    """y from p(y)^(1 - n) prod_w p(y | theta_w), whose posteriors all walkers share."""
    precision = WALKERS / 0.5 - (WALKERS - 1.0) / 1.5
    mean = jnp.sum(theta, axis=1) / 0.5 / precision
    return mean + jr.normal(key, mean.shape) / math.sqrt(precision)


def _geweke_pull(engine):
    """Worst pull of joint moments after rounds of (walkers | y by the kernel, y | walkers).

    Replicas start from the joint distribution, and stay there if the kernel is right: at the
    end they are independent draws of it, and errors need no autocorrelation time.
    """

    def one(key, y, theta):
        target = Conjugate(y)
        state = engine.init(key, target, theta)
        return engine.advance(key, target, state)[1].draws[:, -1]

    def turn(carry, key):
        y, theta = carry
        kernel, data = jr.split(key)
        theta = jax.vmap(one)(jr.split(kernel, REPLICAS), y, theta)
        return (_data_given_walkers(data, theta), theta), None

    begin, rounds = jr.split(jr.key(67))
    (y, theta), _ = jax.lax.scan(turn, _joint(begin), jr.split(rounds, ROUNDS))
    y, theta = np.asarray(y), np.asarray(theta)
    pairs = theta[:, 0] * theta[:, 1]
    moments = [
        (y, 0.0),
        (y**2, 1.5),
        (theta.mean(axis=1), 0.0),
        ((theta**2).mean(axis=1), 1.0),
        (theta.mean(axis=1) * y, 1.0),
        (pairs, 1.0 / 1.5),
        (theta[:, -1] * theta[:, 0], 1.0 / 1.5),
        (y[:, 0] * y[:, 1], 0.0),
        ((theta**4).mean(axis=1), 3.0),
    ]
    return max(
        np.max(np.abs(x.mean(axis=0) - e) / (x.std(axis=0) / math.sqrt(REPLICAS)))
        for x, e in moments
    )


class AlwaysAccept(Ensemble):
    """Broken: takes nearly every proposal."""

    def _half_step(self, key, target, state):
        return super()._half_step(key, lambda z: 0.5 * target(z), state)


class WrongJacobian(Ensemble):
    """Broken: the stretch without its factor z^(dim - 1)."""

    def _propose(self, shared, words, x, guide, target):
        proposal, factor = super()._propose(shared, words, x, guide, target)
        return proposal, jnp.zeros_like(factor)


_ONE = {"ensembles": 1, "walkers": WALKERS, "thin": 1, "block": 1}


@pytest.mark.parametrize("stretch", [0.0, 0.5])
def test_geweke_joint_test_of_the_ensemble(stretch):
    assert _geweke_pull(Ensemble(**_ONE, stretch=stretch)) < 5.0


@pytest.mark.parametrize("broken", [AlwaysAccept, functools.partial(WrongJacobian, stretch=0.5)])
def test_geweke_catches_a_broken_ensemble(broken):
    assert _geweke_pull(broken(**_ONE)) > 5.0


# Kernels broken on purpose must fail the check of known answers


def _misjudged(target):
    """The right gradient; the accept step sees the density to the power 0.7."""
    smooth = differentiable(target)

    def wrong(z):
        value, gradient = jax.lax.stop_gradient(jax.value_and_grad(smooth)(z))
        return 0.7 * value + gradient @ (z - jax.lax.stop_gradient(z))

    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nuts", "meads", "chees", "mclmc"])
def test_an_accept_step_that_misjudges_the_density_is_caught(name, monkeypatch):
    module = __import__(f"nmmjax.samplers.engines.{name}", fromlist=[name])
    monkeypatch.setattr(module, "differentiable", _misjudged)
    assert outcome(name, T.Gaussian(6)) != "right"  # a dimension that no other test compiles


@pytest.mark.slow
def test_meads_refuses_a_warm_up_that_leaves_no_step_size():
    """All chains at one place: no spread to take scales from. The chains would never move."""
    engine, target = find_engine("meads")(chains=8, warmup=5), T.Gaussian(6)
    with pytest.raises(ValueError, match=r"step size .* damping nan; .* differ"):
        engine.init(KEY, target, jnp.zeros((8, 6)))


@pytest.mark.slow
def test_a_wrong_density_is_caught():
    """The same check, quick: the ensemble on the target to the power 0.7."""

    class Flatter(eqx.Module):
        inner: eqx.Module

        def __call__(self, z):
            return 0.7 * self.inner(z)

    target = TARGETS["straight 1e-6"]
    options, burn_in, _ = SETTINGS["ensemble"]
    engine = Ensemble(**options)
    state = engine.init(KEY, Flatter(target), starting_points(target, engine.chains))
    found = []
    for _ in range(2 * burn_in):
        state, block = engine.advance(KEY, Flatter(target), state)
        found.append(np.asarray(block.draws))
    draws = np.concatenate(found[burn_in:], axis=1)
    assert worst_pull(draws, engine.groups, target.moments) > 5.0
