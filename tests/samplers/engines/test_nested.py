"""Nested sampling: volumes, ranks at birth, plateaus, and when a run must say that it failed."""

import math

import anesthetic
import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from helpers import targets as TARGETS
from helpers.cases import one_quick
from nmmjax.samplers.engines import _evidence, _shrinkage
from nmmjax.samplers.engines._insertion import insertion_ranks
from nmmjax.samplers.engines.nested import Nested

DIM, WIDTH = 5, 0.02


def ideal_run(rng, live, delete):
    """A run with exact draws: points are prior volumes X, L(X) that of a Gaussian in a ball."""
    x, born, dead, dead_born = rng.uniform(size=live), np.full(live, np.inf), [], []
    for _ in range(27 * live // delete):
        lowest = np.argsort(-x)[:delete]
        dead.append(x[lowest])
        dead_born.append(born[lowest])
        born[lowest] = x[lowest].min()
        x[lowest] = rng.uniform(0.0, x[lowest].min(), delete)
    dead, dead_born = np.concatenate(dead), np.concatenate(dead_born)

    def log_likelihood(x):
        return -(x ** (2.0 / DIM)) / (2.0 * WIDTH**2)

    return {
        "position": x[:, None],
        "log_likelihood": log_likelihood(x),
        "birth": log_likelihood(born),
        "dead_birth": log_likelihood(dead_born),
        "dead_position": dead[:, None],
        "dead_log_likelihood": log_likelihood(dead),
        "rank": rng.uniform(size=len(dead)),
        "deaths": np.int64(len(dead)),
        "log_share": np.float64(0.0),
        "share_variance": np.float64(0.0),
        **dict.fromkeys(
            ("volume", "evaluations", "stuck", "proposals", "nonfinite", "undefined"), np.int64(0)
        ),
    }


def exact_log_z():
    """integral of exp(-r^2 / 2 w^2) d(r^5) over [0, 1], w small: d/2 (2 w^2)^(d/2) Gamma(d/2)."""
    return math.log(0.5 * DIM * (2.0 * WIDTH**2) ** (0.5 * DIM) * math.gamma(0.5 * DIM))


@pytest.mark.parametrize("delete", [1, 25])
def test_points_with_their_births_against_anesthetic(delete):
    """It finds how many points were alive from births alone: so are volumes, weights and ln Z."""
    anesthetic = pytest.importorskip("anesthetic")
    run = {
        n: jnp.asarray(x)[None] for n, x in ideal_run(np.random.default_rng(1), 200, delete).items()
    }
    points = {n: np.asarray(x) for n, x in _shrinkage.points(run, delete).items()}
    found = anesthetic.NestedSamples(
        points["position"], logL=points["log_likelihood"], logL_birth=points["log_likelihood_birth"]
    )
    assert found.nlive.iloc[:3].tolist() == ([200, 200, 200] if delete == 1 else [200, 199, 198])
    weight = np.exp(points["log_weight"])
    assert weight.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(  # anesthetic takes trapezia, half a step away
        weight @ points["position"][:, 0], found[0].mean(), rtol=0.01
    )
    assert abs(found.logZ() - exact_log_z()) < 4.0 * math.sqrt(10.0 / 200)


@pytest.mark.parametrize("delete", one_quick([1, 25], 1))
def test_volumes_of_an_ideal_run(delete):
    """log Z unbiased, its error as stated, over 100 runs with exact draws."""
    rng = np.random.default_rng(3)
    rows = [
        _shrinkage._one_run(jr.key(i), ideal_run(rng, 50, delete), delete)[2] for i in range(100)
    ]
    log_z, within = (np.array([row[n] for row in rows]) for n in ("log_z", "log_z_within"))
    pull = (log_z - exact_log_z()) / within
    assert abs(pull.mean()) < 0.35
    assert 0.75 < pull.std() < 1.3


def test_deaths_counted_one_at_a_time_when_they_come_in_batches_are_wrong():
    """Negative control: 25 of 50 die together, but each is taken for the lowest of 50."""
    rng = np.random.default_rng(3)
    rows = [_shrinkage._one_run(jr.key(i), ideal_run(rng, 50, 25), 1)[2] for i in range(20)]
    pull = [(row["log_z"] - exact_log_z()) / row["log_z_within"] for row in rows]
    assert np.mean(pull) > 3.0


def ranks(draw, batches=200, live=40, delete=10):
    """Ranks of new points that `draw(rng, survivors, n)` makes; survivors are exact."""
    rng, found = np.random.default_rng(8), []
    rank = eqx.filter_jit(insertion_ranks)
    for i in range(batches):
        survivors = rng.normal(size=live - delete)
        value = np.concatenate([draw(rng, survivors, delete), survivors])
        found.append(rank(jr.key(i), jnp.asarray(value), jnp.arange(delete)))
    return stats.kstest(np.concatenate(found), "uniform").pvalue


def test_ranks_of_independent_points_are_uniform():
    assert ranks(lambda rng, survivors, n: rng.normal(size=n)) > 1e-3


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, survivors, n: rng.normal(0.15, 1.0, size=n),
        lambda rng, survivors, n: rng.normal(0.0, 0.8, size=n),
        lambda rng, survivors, n: np.sort(survivors)[:n] + 1e-9,
    ],
    ids=["too high", "too narrow", "copies of the lowest"],
)
def test_ranks_of_wrong_points_are_not(draw):
    assert ranks(draw) < 1e-3


class Plateau(TARGETS.Boxed):
    """A Gaussian whose top is cut off flat at one standard deviation, in a plane."""

    low: tuple[float, ...] = eqx.field(static=True, default=(-10.0, -10.0))
    high: tuple[float, ...] = eqx.field(static=True, default=(10.0, 10.0))

    def inside(self, z):
        return -0.5 * jnp.maximum(z @ z, 1.0)

    @property
    def log_z(self):
        return math.log(3.0 * math.pi * math.exp(-0.5)) - self.log_volume


class Bent(TARGETS.Boxed):
    """A circular ridge 1e-4 wide in six dimensions: slices of one step do not explore it."""

    low: tuple[float, ...] = eqx.field(static=True, default=(-2.0,) * 6)
    high: tuple[float, ...] = eqx.field(static=True, default=(2.0,) * 6)

    def inside(self, z):
        radius = jnp.sqrt(z[0] ** 2 + z[1] ** 2)
        return -0.5 * ((radius - 1.0) / 1e-4) ** 2 - 0.5 * jnp.sum((z[2:] / 0.1) ** 2)


def finish(engine, target, seed=0):
    key_init, key_run = jr.split(jr.key(seed))
    state = engine.init(key_init, target, jnp.zeros((engine.chains, target.dim)))
    while True:
        state, block = engine.advance(key_run, target, state)
        if block.done:
            return block


SMALL = {"repeats": 8, "live": 100, "delete": 20, "inner_steps": 20}


@pytest.mark.slow
def test_a_plateau_at_the_top():
    target = Plateau()
    block = finish(Nested(**SMALL), target)
    table = block.tables["evidence"]
    log_z, error = np.asarray(table["log_z"]), np.asarray(table["log_z_error"])
    assert abs(log_z.mean() - target.log_z) < 3.0 * math.sqrt(np.mean(error**2) / 8.0)
    inside = np.mean(np.sum(np.asarray(block.draws) ** 2, axis=-1) < 1.0)
    assert abs(inside - 1.0 / 3.0) < 0.05


@pytest.mark.slow
def test_slices_that_are_too_few_are_noticed():
    """Ranks of one run may not suffice; those of all runs together do."""
    engine = Nested(**SMALL | {"live": 300, "delete": 60, "inner_steps": 6, "efolds": 30})
    table = finish(engine, Bent()).tables["evidence"]
    assert np.all(np.asarray(table["pooled_rank_p"]) < 1e-3)


@pytest.mark.slow
def test_a_run_that_is_cut_off_says_so():
    table = finish(Nested(**SMALL | {"efolds": 2}), Plateau()).tables["evidence"]
    assert np.all(np.asarray(table["cut_off"]) == 1)


class Round(Plateau):
    """The Gaussian without its plateau."""

    def inside(self, z):
        return -0.5 * z @ z

    @property
    def log_z(self):
        return math.log(2.0 * math.pi) - self.log_volume


@pytest.mark.slow
def test_points_of_a_run_against_anesthetic():
    """Their births are deaths of others, and its ln Z is that of the table and the integral."""
    target = Round()
    tables = finish(Nested(**SMALL), target).tables
    points = {n: np.asarray(x) for n, x in tables["points"].items()}
    value, birth = points["log_likelihood"], points["log_likelihood_birth"]
    assert np.all(birth < value)
    assert set(birth) - {-np.inf} <= set(value)
    found = anesthetic.NestedSamples(points["position"], logL=value, logL_birth=birth)
    assert found.nlive.iloc[0] == 8 * 100
    error = np.asarray(tables["evidence"]["log_z_error"]).max() / math.sqrt(8.0)
    assert abs(found.logZ() - np.mean(tables["evidence"]["log_z"])) < 2.0 * error
    assert abs(found.logZ() - target.log_z) < 4.0 * error


def test_slices_grow_with_the_dimension_unless_they_are_given():
    assert [Nested()._slices(dim) for dim in (2, 5, 8, 15)] == [50, 50, 80, 150]
    assert Nested(inner_steps=20)._slices(15) == 20
    with pytest.raises(ValueError, match="inner_steps >= 0, got -1"):
        Nested(inner_steps=-1)


def test_too_few_slices_for_the_dimensions_are_refused():
    engine = Nested(**SMALL | {"inner_steps": 3})
    with pytest.raises(ValueError, match="inner_steps >= the 6 dimensions, got 3"):
        engine.init(jr.key(0), Bent(), jnp.zeros((8, 6)))


def test_runs_that_disagree_are_told_from_runs_that_agree():
    error = np.full(4, 0.1)
    assert _evidence.agreement(np.array([0.1, -0.1, 0.05, 0.0]), error) > 0.1
    assert _evidence.agreement(np.array([0.1, -0.1, 0.05, 0.7]), error) < 1e-3
    assert _evidence.agreement(np.array([0.3]), np.array([0.1])) == 1.0
    # chi-square = 2 with 1 degree of freedom
    two = _evidence.agreement(np.array([0.0, 0.2]), np.full(2, 0.1))
    assert two == pytest.approx(math.erfc(1.0), rel=1e-12)
