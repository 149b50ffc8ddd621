"""Blocks are asked for ahead, stored by a thread, and none of it changes what a run stores."""

import threading
from typing import ClassVar

import jax.random as jr
import numpy as np
import pytest

from nmmjax.samplers.driver import run
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.plan import Hooks, Plan
from nmmjax.samplers.store.store import Store, StoreError
from nmmjax.samplers.witness import Problem

KEY = jr.key(7)
STARTS = jr.normal(jr.key(1), (32, 2))


class Watched(Ensemble):
    """Writes down when a block is asked for."""

    events: ClassVar[list[str]] = []

    def advance(self, key, target, state):
        Watched.events.append("asked")
        return super().advance(key, target, state)


class Behind(Watched):
    ahead: ClassVar[bool] = False


def normal(z):
    return -0.5 * z @ z


def record(draws):
    return {"posterior": {"x": draws[..., 0], "y": draws[..., 1]}}


@pytest.fixture
def events(monkeypatch):
    """The order of blocks asked for and stored."""
    append = Store.append

    def noted(self, groups, start):
        Watched.events.append(f"stored by {threading.current_thread().name.split('_')[0]}")
        append(self, groups, start)

    monkeypatch.setattr(Store, "append", noted)
    monkeypatch.setattr(Watched, "events", [])
    return lambda: Watched.events


def go(path, kind, **hooks):
    engine = kind(ensembles=4, walkers=8, thin=2, block=5)
    with Store.create(path, engine.groups, {}) as store:
        run(engine, Problem(normal, record), KEY, store, Plan(STARTS, 20), Hooks(**hooks))
        return store.read(["x", "y"])


def test_the_next_block_is_asked_for_before_the_last_is_stored(events, tmp_path):
    ahead = go(tmp_path / "ahead", Watched)
    stored = "stored by store"
    assert events() == ["asked", *["asked", stored] * 3, stored]
    events().clear()
    behind = go(tmp_path / "behind", Behind)
    assert events() == ["asked", stored] * 4
    for name, values in ahead.items():
        np.testing.assert_array_equal(values, behind[name])


def test_a_block_asked_for_ahead_is_not_stored_when_the_run_is_interrupted(events, tmp_path):
    done = []
    found = go(tmp_path / "a", Watched, report=done.append, interrupted=lambda: len(done) == 2)
    assert found["x"].shape == (32, 10)
    assert events().count("stored by store") == 2
    assert events().count("asked") == 3


def test_a_fault_of_the_disk_ends_the_run_as_what_it_is(events, tmp_path, monkeypatch):
    def full(self, groups, start):
        raise StoreError("no space left")

    monkeypatch.setattr(Store, "append", full)
    with pytest.raises(StoreError, match="no space left"):
        go(tmp_path / "a", Watched)
    assert not [t for t in threading.enumerate() if t.name.startswith("store")]
