"""Engines with an evidence: one contract for all of them, and log Z where it is known.

The targets are those of targets.py; the slow tests take ten seeds each.
"""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.special import ndtr

from helpers import ridges
from helpers import targets as TARGETS
from nmmjax.cli.engines import find_engine
from nmmjax.samplers.base import AbstractEngine

pytestmark = pytest.mark.slow  # a minute of compilation in all

KEY = jr.key(12)
QUICK = {
    "smc": {"repeats": 4, "particles": 300, "moves": 5},
    "smc hmc": {"repeats": 4, "particles": 300, "moves": 2, "kernel": "hmc"},
    "nested": {"repeats": 4, "live": 100, "delete": 20, "inner_steps": 10, "block": 10},
    "importance": {
        "walkers": 16,
        "warmup": 640,
        "components": 4,
        "rounds": 3,
        "adapt": 500,
        "samples": 4000,
        "block": 1000,
    },
}
ENGINES = ("smc", "nested", "importance")
COLUMNS = {"log_z", "log_z_error", "log_z_within", "repeats_p", "n_nonfinite", "n_nan"}


class HalfNormal(TARGETS.Boxed):
    """Standard normal for x > 0 in a square; NaN for -1 < x < 0; zero likelihood below."""

    power: jax.Array
    low: tuple[float, ...] = eqx.field(static=True, default=(-6.0, -6.0))
    high: tuple[float, ...] = eqx.field(static=True, default=(6.0, 6.0))

    def inside(self, z):
        value = -0.5 * self.power * (z @ z) - TARGETS.LN_2PI
        undefined = jnp.where(z[0] > -1.0, jnp.sqrt(z[0]), -jnp.inf)
        return jnp.where(z[0] > 0.0, value, undefined)

    @property
    def log_z(self):
        return math.log((ndtr(6.0) - 0.5) * (1.0 - 2.0 * ndtr(-6.0))) - self.log_volume

    @property
    def moments(self):
        return [
            (lambda z: z[..., 0], math.sqrt(2.0 / math.pi)),
            (lambda z: z[..., 0] ** 2, 1.0),
            (lambda z: z[..., 1], 0.0),
            (lambda z: z[..., 1] ** 2, 1.0),
        ]


HALF = HalfNormal(jnp.array(1.0))


@functools.cache
def engine_of(case):
    return find_engine(case.split()[0])(**QUICK[case])


def starts_of(engine, target, seed=0):
    """Of 512 prior draws the best, for each start, as the run file's "screened" does."""
    u = jr.uniform(jr.key(1000 + seed), (512, engine.chains, target.dim))
    return _best(target, u)


@eqx.filter_jit
def _best(target, u):
    z = jax.vmap(jax.vmap(target.from_unit))(u)
    value = jax.vmap(jax.vmap(target))(z)
    chosen = jnp.argmax(jnp.where(jnp.isnan(value), -jnp.inf, value), axis=0)
    return jnp.take_along_axis(z, chosen[None, :, None], axis=0)[0]


def run(engine, target, seed=0, key=None):
    """(last block, number of blocks, last state)."""
    key_init, key_run = jr.split(jr.key(seed) if key is None else key)
    state, blocks = engine.init(key_init, target, starts_of(engine, target, seed)), 0
    while True:
        state, block = engine.advance(key_run, target, state)
        blocks += 1
        if block.done:
            return block, blocks, state


def log_z_of(block):
    """log Z of all repeats together, and its error."""
    table = block.tables["evidence"]
    log_z, error = np.asarray(table["log_z"]), np.asarray(table["log_z_error"])
    return log_z.mean(), math.sqrt(np.mean(error**2) / len(log_z))


def pull_of(block, target):
    log_z, error = log_z_of(block)
    return (log_z - target.log_z) / error


def worst_moment(draws, groups, target):
    """Largest |mean - exact| / its error: the spread of the repeats, or that of weighted draws
    that are resampled, as many as their effective number, if that is larger."""
    found = []
    for function, exact in target.moments:
        x = function(np.asarray(draws))
        means = np.array([x[groups == g].mean() for g in np.unique(groups)])
        error = max(means.std(ddof=1) / math.sqrt(len(means)), x.std() * math.sqrt(2.0 / x.size))
        found.append(abs(x.mean() - exact) / error if error > 0.0 else math.inf)
    return max(found)


@functools.cache
def finished(case):
    return run(engine_of(case), HALF)


@pytest.mark.parametrize("case", QUICK)
def test_half_of_the_prior_without_likelihood(case):
    """log Z counts it, no draw lies there, and it is counted."""
    block, _, _ = finished(case)
    table = block.tables["evidence"]
    assert abs(pull_of(block, HALF)) < 3.0
    assert np.all(np.asarray(table["log_z_error"]) < 0.3)
    assert np.all(np.asarray(block.draws)[..., 0] > 0.0)
    assert worst_moment(block.draws, engine_of(case).groups, HALF) < 5.0
    assert np.all((np.asarray(table["n_nan"]) > 0) & (table["n_nan"] < table["n_nonfinite"]))


@pytest.mark.parametrize("case", QUICK)
def test_a_wrong_density_fails_log_z_and_moments(case):
    """The engine sees the exponent times 0.5: Z is twice as large, variances too."""
    wrong = HalfNormal(jnp.array(0.5))
    block, _, _ = run(engine_of(case), wrong)
    assert abs(pull_of(block, HALF)) > 3.0
    assert worst_moment(block.draws, engine_of(case).groups, HALF) > 5.0


@pytest.mark.parametrize("case", QUICK)
def test_protocol(case):
    engine, (block, blocks, after) = engine_of(case), finished(case)
    assert isinstance(engine, AbstractEngine)
    assert engine.groups.shape == (engine.chains,)
    assert len(np.unique(engine.groups)) == 4
    assert engine.burn_in == 0
    assert engine.gradients == (case == "smc hmc")
    assert blocks > 1
    chains, count, dim = block.draws.shape
    assert (chains, dim) == (engine.chains, 2)
    assert block.stats["lp"].shape == (chains, count)
    scalars = [x for name, x in block.stats.items() if name != "lp"]
    assert scalars
    assert all(jnp.shape(x) == () for x in scalars)
    np.testing.assert_allclose(block.stats["lp"], jax.vmap(jax.vmap(HALF))(block.draws), rtol=1e-9)
    assert set(block.tables["evidence"]) >= COLUMNS
    assert all(jnp.shape(x) == (4,) for x in block.tables["evidence"].values())
    starts = starts_of(engine, HALF)
    like = eqx.filter_eval_shape(
        engine.init, KEY, HALF, jax.ShapeDtypeStruct(starts.shape, starts.dtype)
    )
    for a, b in zip(jax.tree.leaves(like), jax.tree.leaves(after), strict=True):
        assert isinstance(b, jax.Array)
        assert not jax.dtypes.issubdtype(b.dtype, jax.dtypes.prng_key)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


@pytest.mark.parametrize("case", QUICK)
def test_only_the_last_block_holds_draws(case):
    engine = engine_of(case)
    state = engine.init(KEY, HALF, starts_of(engine, HALF))
    _, block = engine.advance(KEY, HALF, state)
    assert block.draws is None
    assert block.tables == {}
    assert not block.done


@pytest.mark.parametrize("case", QUICK)
def test_resume_from_the_arrays_of_a_state_is_bit_identical(case):
    engine, (whole, _, _) = engine_of(case), finished(case)
    key_init, key_run = jr.split(jr.key(0))
    starts = starts_of(engine, HALF)
    state = engine.init(key_init, HALF, starts)
    like = jax.tree.structure(
        eqx.filter_eval_shape(
            engine.init, KEY, HALF, jax.ShapeDtypeStruct(starts.shape, starts.dtype)
        )
    )
    done = False
    while not done:
        leaves = [np.array(x) for x in jax.tree.leaves(state)]
        state = jax.tree.unflatten(like, map(jnp.asarray, leaves))
        state, block = engine.advance(key_run, HALF, state)
        done = block.done
    np.testing.assert_array_equal(block.draws, whole.draws)
    for name, values in whole.tables["evidence"].items():
        np.testing.assert_array_equal(block.tables["evidence"][name], values)


@pytest.mark.parametrize(("case", "block"), [("nested", 3), ("importance", 200)])
def test_draws_do_not_depend_on_the_length_of_a_block(case, block):
    whole, _, _ = finished(case)
    short = find_engine(case)(**QUICK[case] | {"block": block})
    parts, _, _ = run(short, HALF)
    # The same random numbers; arrays of another length may be rounded otherwise.
    np.testing.assert_allclose(parts.draws, whole.draws, rtol=1e-9, atol=1e-9)
    one, other = (b.tables["evidence"]["log_z"] for b in (parts, whole))
    np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("case", QUICK)
def test_another_key_gives_other_draws(case):
    other, _, _ = run(engine_of(case), HALF, key=jr.key(1))
    one = finished(case)[0].tables["evidence"]["log_z"]
    assert np.all(np.asarray(other.tables["evidence"]["log_z"]) != np.asarray(one))


@pytest.mark.parametrize("case", QUICK)
def test_nothing_is_traced_again_between_blocks(case):
    engine, traces = engine_of(case), []

    class Counted(HalfNormal):
        def inside(self, z):
            traces.append(1)
            return super().inside(z)

    target = Counted(jnp.array(1.0))
    state = engine.init(KEY, target, starts_of(engine, target))
    state, _ = engine.advance(KEY, target, state)
    before = len(traces)
    for _ in range(2):
        state, _ = engine.advance(KEY, target, state)
    assert len(traces) == before > 0


@pytest.mark.parametrize("case", ["smc", "nested"])
def test_a_bare_density_is_refused(case):
    engine = engine_of(case)
    with pytest.raises(ValueError, match=f"{case} needs more than a log density.*from_unit"):
        engine.init(KEY, lambda z: -z @ z, jnp.zeros((4, 2)))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("smc", {"particles": 0}, "particles >= 10, got 0"),
        ("smc", {"rounds": 1}, "rounds >= 2, got 1"),
        ("smc", {"share": 1.0}, "share between 0 and 1, got 1"),
        ("smc", {"kernel": "nuts"}, "kernel random_walk or hmc, got 'nuts'"),
        ("nested", {"live": 0}, "live >= 10, got 0"),
        ("nested", {"live": 20}, "delete <= live / 2 = 10, got 50"),
        ("nested", {"remaining": 0.0}, "remaining between 0 and 1, got 0"),
        ("importance", {"walkers": 7}, "even number of walkers >= 4, got 7"),
        ("importance", {"components": 0}, "components >= 1, got 0"),
        ("importance", {"samples": 150, "block": 100}, "whole blocks of 100, got 150"),
        ("importance", {"warmup": 10}, "warmup >= 64, got 10"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        find_engine(name)(**options)


STRAIGHT = [ridges.StraightRidge(ridges.Ridge(eps)) for eps in (1e-1, 1e-3, 1e-6)]
PROOF_TARGETS = {
    "gaussian 5": TARGETS.Gaussian(5),
    "gaussian 20": TARGETS.Gaussian(20),
    "rosenbrock 5": TARGETS.Rosenbrock(5),
    "mixture": TARGETS.Mixture(),
    "mixture far apart": TARGETS.Mixture(5, distance=12.0),
    "eggbox": TARGETS.Eggbox(2.0),
    "eggbox deep": TARGETS.Eggbox(5.0),
    "ridge 1e-1": STRAIGHT[0],
    "ridge 1e-3": STRAIGHT[1],
    "ridge 1e-6": STRAIGHT[2],
    "raw ridge 1e-1": ridges.Ridge(1e-1),
    "raw ridge 1e-3": ridges.Ridge(1e-3),
    "raw ridge 1e-6": ridges.Ridge(1e-6),
    "funnel": TARGETS.Funnel(),
}
PROOF_OPTIONS = {
    "smc": {"repeats": 8, "particles": 500},
    "smc hmc": {"repeats": 8, "particles": 500, "kernel": "hmc", "moves": 5},
    "nested": {"repeats": 8, "live": 200, "delete": 40},
    "importance": {"samples": 20000, "block": 20000, "repeats": 8},
}


def ten_seeds(case, name, seeds=10):
    """Pulls of log Z, the worst moment of the draws of all seeds together, which seeds warned."""
    engine, target = find_engine(case.split()[0])(**PROOF_OPTIONS[case]), PROOF_TARGETS[name]
    blocks = [run(engine, target, seed)[0] for seed in range(seeds)]
    groups = np.concatenate([engine.groups + i * 1000 for i in range(seeds)])
    least = min(b.draws.shape[1] for b in blocks)
    draws = np.concatenate([np.asarray(b.draws)[:, :least] for b in blocks])
    pulls = np.array([pull_of(b, target) for b in blocks])
    return pulls, worst_moment(draws, groups, target), [warns(b) for b in blocks]


def warns(block):
    """Whether the evidence table itself says that something is wrong."""
    table = block.tables["evidence"]
    disagree = np.min(np.asarray(table["repeats_p"])) < 1e-3
    return bool(disagree or np.any(np.asarray(table.get("warning", 0))))


COMMON = (
    *("gaussian 5", "gaussian 20", "rosenbrock 5", "mixture", "mixture far apart"),
    *("eggbox", "eggbox deep", "funnel", "ridge 1e-1", "ridge 1e-3", "ridge 1e-6"),
    "raw ridge 1e-3",
)
RUN_ON = {
    "importance": COMMON,
    "smc": (*COMMON, "raw ridge 1e-1"),
    "nested": COMMON,
    "smc hmc": ("gaussian 5", "mixture", "eggbox"),
}
# What is off by more, and whether most of the runs say so themselves; see docs/samplers.md.
NOT_FOR = {
    ("importance", "funnel"): True,
    ("importance", "raw ridge 1e-3"): True,
    ("nested", "raw ridge 1e-3"): False,
    ("nested", "ridge 1e-1"): False,
    ("nested", "ridge 1e-6"): False,
    ("smc", "funnel"): True,
    ("smc", "raw ridge 1e-1"): False,
}


@pytest.mark.long
@pytest.mark.parametrize(("case", "name"), [(c, n) for c, names in RUN_ON.items() for n in names])
def test_log_z_within_three_of_its_errors_over_ten_seeds(case, name):
    """Every one of ten, and the moments of all their draws within five errors."""
    pulls, moment, warned = ten_seeds(case, name)
    right = np.max(np.abs(pulls)) < 3.0 and moment < 5.0
    assert right == ((case, name) not in NOT_FOR), (pulls, moment)
    if NOT_FOR.get((case, name)):
        assert sum(warned) > 5, warned


def test_log_z_that_is_off_by_half_a_nat_is_found_out():
    """The negative control: the same pulls against a wrong answer."""
    engine, target = (
        find_engine("importance")(**PROOF_OPTIONS["importance"]),
        PROOF_TARGETS["mixture"],
    )
    log_z, error = log_z_of(run(engine, target)[0])
    assert abs(log_z - (target.log_z + 0.5)) > 3.0 * error
