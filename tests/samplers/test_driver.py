"""The loop: resume equals never having stopped, every way to end, progress, what it refuses."""

import json
import math
from typing import NamedTuple

import equinox as eqx
import h5py
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers.certified import certified
from nmmjax.cli.progress import progress_line
from nmmjax.samplers.base import AbstractEngine, Block
from nmmjax.samplers.driver import run
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.plan import Hooks, Plan, Until
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.witness import OtherTarget, Problem

KEY = jr.key(31)
ENGINE = Ensemble(ensembles=4, walkers=8, thin=2, block=5)
STARTS = jr.normal(jr.key(1), (32, 2))


def normal(z):
    return -0.5 * z @ z


def record(draws):
    return {
        "posterior": {"x": draws[..., 0], "y": np.exp(draws[..., 1])},
        "target": {"allowed": np.asarray(draws[..., 0]) > 0.0},
    }


@pytest.fixture
def fresh(tmp_path):
    """A function that creates a run directory."""
    return lambda name, engine=ENGINE: Store.create(tmp_path / name, engine.groups, {})


def go(
    store, draws, engine=ENGINE, target=normal, starts=STARTS, record=record, hooks=None, **plan
):
    plan = Plan(starts, draws, **{"burn_in": 10} | plan)
    problem = Problem(target, record, ("x",))
    return run(engine, problem, KEY, store, plan, Hooks(**(hooks or {})))


def contents(path):
    """Every dataset of chains.h5."""
    found = {}
    with h5py.File(path / "chains.h5") as file:
        file.visititems(
            lambda name, x: found.update({name: x[()]}) if isinstance(x, h5py.Dataset) else None
        )
    return found


def assert_same(one, other):
    one, other = contents(one), contents(other)
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert values.tobytes() == other[name].tobytes(), name


def no_starts():
    raise AssertionError("starting points were asked for on resume")


def test_draws_are_stored_and_belong_to_the_target(fresh):
    with fresh("a") as store:
        outcome = go(store, 20)
        assert (outcome.draws, outcome.reason, outcome.messages) == (20, "draws", ())
        found = contents(store.path)
    x, y = found["posterior/x"], np.log(found["posterior/y"])
    np.testing.assert_allclose(found["sample_stats/lp"], -0.5 * (x**2 + y**2), rtol=1e-12)
    np.testing.assert_array_equal(found["target/allowed"], x > 0.0)
    assert set(found) >= {"sample_stats/acceptance_rate", "sample_stats/n_nan"}
    assert "sample_stats/nonfinite_fraction" not in found


def test_burn_in_is_a_shift_of_the_same_chain(fresh):
    with fresh("a") as whole, fresh("b") as late:
        go(whole, 30, burn_in=0)
        go(late, 20, burn_in=10)
        np.testing.assert_array_equal(whole.read("x")["x"][:, 10:], late.read("x")["x"])


def test_draws_are_rounded_up_to_whole_blocks(fresh):
    with fresh("a") as store:
        assert go(store, 12, burn_in=3).draws == 15


def test_resumed_run_is_the_unbroken_one(fresh):
    with fresh("whole") as store:
        go(store, 30)
        whole = store.path
    with fresh("parts") as store:
        go(store, 10)
        parts = store.path
    for draws in (20, 30):
        with Store.open(parts) as store:
            outcome = go(store, draws, starts=no_starts)
            assert (outcome.draws, outcome.reason) == (draws, "draws")
    assert_same(whole, parts)


class Killed(Exception):
    pass


@pytest.mark.parametrize("method", ["append", "save", "write_status"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_between_any_two_writes(fresh, monkeypatch, method, moment):
    """The process dies in the third block, before or after one of its writes."""
    with fresh("whole") as store:
        go(store, 30, burn_in=0)
        whole = store.path
    calls, third = 0, 4 if method == "save" else 3  # `init` has a checkpoint of its own
    original = getattr(Store, method)

    def dying(self, *args):
        nonlocal calls
        calls += 1
        if calls == third and moment == "before":
            raise Killed
        original(self, *args)
        if calls == third and moment == "after":
            raise Killed

    monkeypatch.setattr(Store, method, dying)
    with fresh("killed") as store, pytest.raises(Killed):
        go(store, 30, burn_in=0)
    monkeypatch.undo()
    with Store.open(store.path) as store:
        assert store.committed == (10 if (method, moment) == ("append", "before") else 15)
        go(store, 30, starts=no_starts, burn_in=0)
        assert_same(whole, store.path)


def test_without_any_checkpoint_everything_is_computed_again(fresh):
    with fresh("whole") as store:
        go(store, 20)
        whole = store.path
    with fresh("bare") as store:
        go(store, 10)
        bare = store.path
    for state in bare.glob("state-*.npz"):
        state.write_bytes(b"junk")
    with Store.open(bare) as store:
        outcome = go(store, 20)
        assert outcome.messages[-1].startswith("no sound checkpoint")
    assert_same(whole, bare)


def test_draws_of_another_target_are_not_mixed_in(fresh):
    """The checkpoint's points are compared; after a lost checkpoint, the recomputed draws."""
    with fresh("a") as store:
        go(store, 10)
        path = store.path
    before = contents(path)
    with Store.open(path) as store, pytest.raises(OtherTarget, match="the log density at"):
        go(store, 20, target=lambda z: -0.6 * z @ z)
    assert contents(path).keys() == before.keys()
    assert contents(path)["posterior/x"].tobytes() == before["posterior/x"].tobytes()
    for state in path.glob("state-*.npz"):
        state.unlink()
    with (
        Store.open(path) as store,
        pytest.raises(StoreError, match=r"draws 0 to 4 of .* differ from those"),
    ):
        go(store, 20, target=lambda z: -0.6 * z @ z)


def test_interruption_saves_and_can_be_resumed(fresh):
    with fresh("whole") as store:
        go(store, 30)
        whole = store.path
    blocks = []
    with fresh("a") as store:
        outcome = go(
            store,
            30,
            hooks={
                "report": lambda progress: blocks.append(progress.phase),
                "interrupted": lambda: blocks.count("sampling") == 3,
            },
        )
        assert (outcome.draws, outcome.reason, outcome.detail) == (
            15,
            "interrupted",
            "after 15 draws",
        )
        assert go(store, 30, starts=no_starts).draws == 30
        assert_same(whole, store.path)


def test_a_warm_up_longer_than_any_session_ends(fresh):
    """Every session is stopped after one block of the burn-in; the next goes on from there."""
    with fresh("whole") as store:
        go(store, 10)
        whole = store.path
    with fresh("parts") as store:
        for starts in (STARTS, no_starts):
            asked = []
            stop = {"interrupted": lambda asked=asked: asked.append(1) or len(asked) > 1}
            outcome = go(store, 10, starts=starts, hooks=stop)
            assert (outcome.draws, outcome.reason) == (0, "interrupted")
        assert go(store, 10, starts=no_starts).draws == 10
        assert_same(whole, store.path)


def test_progress_and_status(fresh):
    seen = []
    with fresh("a") as store:
        go(store, 20, hooks={"report": seen.append})
        status = json.loads((store.path / "status.json").read_text())
    assert [(p.phase, p.draws) for p in seen] == [
        ("burn-in", 5),
        ("burn-in", 10),
        *(("sampling", n) for n in (5, 10, 15, 20)),
    ]
    last = seen[-1]
    assert (last.target, last.since, last.seconds_left) == (20, 0, 0.0)
    assert 0.0 < last.acceptance < 1.0
    assert (last.nonfinite, last.scalars) == (0.0, {})
    assert last.rate > 0.0
    assert last.rhat < 2.0
    assert 0.0 < last.ess < 2 * 32 * 20
    assert status["draws"] == 20
    assert status["phase"] == "sampling"


def drawn(store):
    return np.stack([*store.read(("x", "y")).values()], axis=-1)


def certified_of(engine, ess):
    return lambda store: "certified" * certified(drawn(store), engine.groups, ess=ess)


def test_until_converged(fresh):
    engine = Ensemble(ensembles=4, walkers=16, thin=10, block=25)
    starts = jr.normal(jr.key(2), (64, 2))
    with fresh("a", engine) as store:
        outcome = go(
            store,
            2000,
            engine=engine,
            starts=starts,
            burn_in=25,
            stop=Until(certified_of(engine, 2000.0), rhat=1.01, ess=2000.0),
        )
        assert (outcome.reason, outcome.detail) == ("until", "certified")
        assert certified(drawn(store), engine.groups, ess=2000.0)
        assert 25 < outcome.draws < 2000


def test_until_does_not_stop_walkers_that_disagree(fresh):
    """Each ensemble sits in its own well: however many draws, no stop."""
    engine = Ensemble(ensembles=4, walkers=16, thin=2, block=25)
    centre = np.outer(engine.groups, [10.0, 0.0])

    def wells(z):
        return -0.5 * (z[0] - 10.0 * jnp.round(z[0] / 10.0)) ** 2 - 0.5 * z[1] ** 2

    starts = 0.1 * jr.normal(jr.key(2), (64, 2)) + centre
    stop = Until(certified_of(engine, 400.0), rhat=1.01, ess=400.0)
    with fresh("a", engine) as store:
        outcome = go(store, 200, engine=engine, target=wells, starts=starts, stop=stop)
        assert (outcome.draws, outcome.reason) == (200, "draws")


def test_until_time_is_over(fresh):
    with fresh("a") as store:
        outcome = go(store, 10**6, stop=Until(lambda store: "", max_minutes=0.002))
        assert (outcome.reason, outcome.detail) == ("until", "0.002 minutes are over")
        assert outcome.draws == store.committed > 0


def test_one_trace_for_the_whole_run(fresh):
    traces = []

    def counted(z):
        traces.append(1)
        return -0.5 * z @ z

    with fresh("a") as store:
        after_first = []
        go(store, 30, target=counted, hooks={"report": lambda p: after_first.append(len(traces))})
    assert len(set(after_first)) == 1


class Climb(AbstractEngine):
    """An engine with tables and an end of its own: gradient steps, then the optima."""

    chains: int = 8

    @property
    def groups(self):
        return np.arange(self.chains)

    def init(self, key, target, starts):
        return ClimbState(starts, jnp.array(0))

    @eqx.filter_jit
    def advance(self, key, target, state):
        z = state.z + 0.5 * jax.vmap(jax.grad(target))(state.z)
        counts = {"rounds": state.step + 1, "rounds_asked": jnp.array(3)}
        stats = counts | {"best": jnp.max(jax.vmap(target)(z))}
        tables = {"optima": {"z": z, "steps": state.step + 1}}
        return ClimbState(z, state.step + 1), Block(None, stats, tables, state.step == 2)


class ClimbState(NamedTuple):
    z: jax.Array
    step: jax.Array


def test_engine_that_ends_by_itself(fresh):
    engine, seen = Climb(), []
    assert isinstance(engine, AbstractEngine)
    starts = jr.normal(KEY, (8, 2))
    with fresh("a", engine) as store:
        outcome = go(
            store, 1, engine=engine, starts=starts, burn_in=0, hooks={"report": seen.append}
        )
        assert (outcome.draws, outcome.reason) == (0, "engine")
        assert outcome.detail == "the engine is done after 3 of 3 rounds"
        assert [set(p.scalars) for p in seen] == [{"best", "rounds", "rounds_asked"}] * 3
        assert progress_line(seen[0]).startswith("sampling  1 of 3 rounds  best ")
        assert "draws" not in progress_line(seen[0])
        assert math.isnan(seen[-1].acceptance)
        found = contents(store.path)
        np.testing.assert_allclose(found["optima/z"], starts / 8.0, rtol=1e-12)
        again = go(store, 1, engine=engine, starts=no_starts, burn_in=0)
        assert (again.draws, again.reason) == (0, "engine")
        assert contents(store.path)["optima/steps"] == 3


def test_interruption_of_an_engine_that_counts_rounds(fresh):
    engine, asked = Climb(), []
    starts = jr.normal(KEY, (8, 2))
    stop = {"interrupted": lambda: asked.append(1) or len(asked) > 2}
    with fresh("a", engine) as store:
        outcome = go(store, 1, engine=engine, starts=starts, burn_in=0, hooks=stop)
        assert (outcome.reason, outcome.detail) == ("interrupted", "after 2 of 3 rounds")
        with pytest.raises(OtherTarget, match="at the starting point of chain 0 differs"):
            go(
                store,
                1,
                engine=engine,
                starts=no_starts,
                burn_in=0,
                record=lambda draws: record(1.5 * draws),
            )
        assert go(store, 1, engine=engine, starts=no_starts, burn_in=0).reason == "engine"


def test_misfits_are_refused(fresh):
    with fresh("a") as store:
        go(store, 10)
        other = Ensemble(ensembles=2, walkers=16, thin=2, block=5)
        with pytest.raises(StoreError, match="holds 32 chains in 4 groups; the engine has 32 in 2"):
            go(store, 20, engine=other)

        class Wider(Ensemble):
            def init(self, key, target, starts):
                return super().init(key, target, jnp.concatenate([starts, starts], axis=1))

        wider = Wider(ensembles=4, walkers=8, thin=2, block=5)
        with pytest.raises(StoreError, match="checkpoint was made by another engine"):
            go(store, 20, engine=wider)
    with fresh("b") as store, pytest.raises(ValueError, match="points have zero or undefined"):
        go(store, 10, target=lambda z: jnp.where(z[0] > 0.0, -0.5 * z @ z, -jnp.inf))


def test_groups_without_variables_are_left_out(fresh):
    """As of a run without constraints."""
    with fresh("a") as store:
        go(store, 10, record=lambda draws: record(draws) | {"log_likelihood": {}})
        assert "log_likelihood" not in contents(store.path)
        assert store.committed == 10


def test_undefined_density_and_short_chains_are_no_trouble(fresh):
    """Warnings are errors here: one block of five draws is too short for most diagnostics."""
    with fresh("a") as store:
        go(store, 5, target=lambda z: jnp.where(z[0] < 3.0, -0.5 * z @ z, jnp.nan))
        assert store.read(("n_nan",), "sample_stats")["n_nan"].sum() > 0
