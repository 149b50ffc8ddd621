"""The warm-up of an engine in blocks: the same draws, however often it is stopped or killed."""

import h5py
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from nmmjax.cli.engines import find_engine
from nmmjax.samplers.driver import run
from nmmjax.samplers.plan import Hooks, Plan
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.warming import AbstractWarming
from nmmjax.samplers.witness import Problem

pytestmark = pytest.mark.slow  # a gradient engine takes ten seconds to compile

KEY = jr.key(5)
STARTS = 2.0 * jr.normal(jr.key(6), (16, 3))
ENGINES = {
    "mclmc": {"warmup": 100},
    "chees": {"warmup": 60},
    "meads": {"warmup": 42, "metric": "low_rank", "rank": 2},
    "nuts": {"warmup": 60, "max_doublings": 4},
}


def skewed(z):
    return -0.5 * jnp.sum(jnp.exp(-z) + z) - 0.1 * jnp.sum((z[1:] - z[:-1]) ** 2)


def go(store, engine, starts=STARTS, **hooks):
    def record(draws):
        return {"posterior": {"x": draws[..., 0], "y": draws[..., 1] * draws[..., 2]}}

    return run(
        engine, Problem(skewed, record, ("x",)), KEY, store, Plan(starts, 10), Hooks(**hooks)
    )


def stored(path):
    found = {}
    with h5py.File(path / "chains.h5") as file:
        file.visititems(
            lambda name, x: (
                found.update({name: x[()].tobytes()}) if isinstance(x, h5py.Dataset) else None
            )
        )
    return found


def no_starts():
    raise AssertionError("starting points were asked for on resume")


class Killed(Exception):
    pass


def built(name):
    engine = find_engine(name)(chains=16, block=5, **ENGINES[name])
    assert isinstance(engine, AbstractWarming)
    return engine


@pytest.mark.parametrize("name", ENGINES)
def test_a_warm_up_in_sessions_of_a_few_blocks_is_the_unbroken_one(tmp_path, name, monkeypatch):
    """Every session is shorter than the warm-up; one of them is killed while it writes."""
    engine = built(name)
    with Store.create(tmp_path / "whole", engine.groups, {}) as store:
        assert go(store, engine).draws == 10
    phases, sessions = [], 0
    with Store.create(tmp_path / "parts", engine.groups, {}) as store:
        path = store.path
    starts = STARTS
    while True:
        asked, sessions = [], sessions + 1
        with Store.open(path) as store:
            if sessions == 3:
                with monkeypatch.context() as patch:
                    patch.setattr(Store, "write_status", _dies)
                    with pytest.raises(Killed):
                        go(store, engine, starts=starts)
                continue
            outcome = go(
                store,
                engine,
                starts=starts,
                report=lambda p: phases.append((p.phase, p.draws, p.target)),
                interrupted=lambda asked=asked: asked.append(1) or len(asked) > 5,
            )
        starts = no_starts
        if outcome.reason == "draws":
            break
        assert outcome.reason == "interrupted"
        if phases[-1][1] < engine.warming_steps and phases[-1][0] == "warm-up":
            assert outcome.detail == "in the warm-up"
    assert sessions >= 5
    steps = [draws for phase, draws, _ in phases if phase == "warm-up"]
    assert steps == sorted(set(steps))
    assert steps[-1] == engine.warming_steps
    assert stored(path) == stored(tmp_path / "whole")


def _dies(store, tree):
    raise Killed


@pytest.mark.parametrize("name", ENGINES)
def test_in_blocks_and_in_one_piece_the_warm_up_ends_alike(name):
    engine = built(name)
    warming = engine.begin(KEY, skewed, STARTS)
    described = [(x.shape, x.dtype) for x in jax.tree.leaves(warming)]
    for until in (1, 7, 8, engine.warming_steps):
        again = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), warming)
        warming = engine.warm(KEY, skewed, again, until)
        assert int(warming.step) == until
        assert [(x.shape, x.dtype) for x in jax.tree.leaves(warming)] == described
    found, whole = engine.settled(KEY, warming), engine.init(KEY, skewed, STARTS)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_warm_up_of_other_options_is_refused(tmp_path):
    engine = built("mclmc")
    with Store.create(tmp_path / "a", engine.groups, {}) as store:
        go(store, engine, interrupted=lambda: True)
        other = find_engine("mclmc")(chains=16, block=5, warmup=200)
        with pytest.raises(StoreError, match="by another engine or with other options"):
            go(store, other, starts=no_starts)
