"""`--devices`: what it refuses, and sizes of an ensemble that follow from a device."""

import types

import jax
import numpy as np
import pytest

from nmmjax.cli import devices
from nmmjax.cli.engines import build_engine, superchains_of
from nmmjax.errors import InputError
from nmmjax.runfile.schema import EngineSection
from nmmjax.samplers.engines.emcee_ import Emcee
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.engines.smc import Smc

FEW_IN_A_BLOCK = {"walkers": 4096, "block": 5}  # the host would be busy with 25 draws of so many


def gpu(cores=132, memory=150e9):
    return types.SimpleNamespace(
        platform="gpu",
        device_kind="H",
        core_count=cores,
        memory_stats=lambda: {"bytes_limit": memory},
    )


@pytest.fixture
def four(monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [gpu()] * 4)


@pytest.mark.parametrize("asked", ["0", "5", "-1", "two", "1.5", ""])
def test_a_number_that_is_none_or_too_large(four, asked):
    with pytest.raises(InputError, match=r"--devices: this host has 4: give a number up to that"):
        devices.used_by(Ensemble(), asked)


def test_parts_that_do_not_divide_are_told_what_would_fit(four):
    with pytest.raises(
        InputError,
        match=r"3 devices cannot share 4 equal parts of ensemble: give "
        r"--devices 2, or 6 of them",
    ):
        devices.used_by(Ensemble(), "3")
    with pytest.raises(InputError, match="give --devices 3, or 8"):
        devices.used_by(Smc(repeats=6), "all")
    with pytest.raises(InputError, match="emcee_ has no parts for 2 devices"):
        devices.used_by(Emcee(), "2")


def test_sizes_follow_the_device_where_the_run_file_leaves_them_open(four, monkeypatch):
    assert devices.sized(EngineSection(), "1").options == FEW_IN_A_BLOCK | {"ensembles": 16}
    assert devices.sized(EngineSection(), "all").options == FEW_IN_A_BLOCK | {"ensembles": 64}
    longer = EngineSection(options={"block": 10, "thin": 7})
    assert devices.sized(longer, "1").options == {"ensembles": 16, "walkers": 4096} | longer.options
    given = EngineSection(options={"walkers": 64})
    assert devices.sized(given, "all") is given
    other = EngineSection(name="smc")
    assert devices.sized(other, "all") is other
    monkeypatch.undo()
    assert devices.sized(EngineSection(name="nuts"), "all").options == {}
    assert devices.sized(EngineSection(), "all").options == {}


@pytest.mark.parametrize("name", ["nuts", "chees", "meads", "mclmc"])
def test_trajectories_of_an_accelerator_are_many_and_start_in_superchains(four, monkeypatch, name):
    one = devices.sized(EngineSection(name=name), "1")
    assert (one.options, one.superchains) == ({"chains": 4096}, 64)
    all_ = devices.sized(EngineSection(name=name, options={"block": 10}), "all")
    assert (all_.options, all_.superchains) == ({"block": 10, "chains": 16384}, 64)
    asked = devices.sized(EngineSection(name=name, superchains=12), "3")
    assert (asked.options, asked.superchains) == ({"chains": 12288}, 12)
    given = EngineSection(name=name, options={"chains": 100})
    assert devices.sized(given, "all") is given
    engine = build_engine(all_, "here")
    labels = superchains_of(all_, engine, "here")
    assert np.bincount(labels).tolist() == [256] * 64
    monkeypatch.undo()
    told = devices.told(engine, devices.used_by(engine, "1"), all_.superchains)
    assert told == "16384 chains in 64 superchains on 1 device (CPU)"


def test_a_run_is_continued_with_its_sizes_on_any_device(four, monkeypatch):
    """Begun on a GPU, resumed on a CPU and on two GPUs: sizes that the run file leaves open."""
    stored = {"engine": {"name": "nuts", "chains": 4096, "block": 25}, "superchains": 64}
    begun = EngineSection(name="nuts")
    for _ in range(2):
        found = devices.sized(begun, "2", stored)
        assert (found.options, found.superchains) == ({"chains": 4096}, 64)
        monkeypatch.setattr(jax, "local_devices", lambda: [gpu(cores=4)] * 2)
    sizes = {"ensembles": 16, "walkers": 4096, "block": 5}
    walkers = {"engine": {"name": "ensemble", "thin": 3} | sizes}
    found = devices.sized(EngineSection(), "1", walkers)
    assert found.options == sizes
    assert devices.sized(begun, "1", walkers) is begun  # refused later: another engine


@pytest.mark.parametrize("cores", [1, 16, 132])
@pytest.mark.parametrize("memory", [1e8, 150e9])
@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("superchains", [2, 64, 100])
def test_chains_divide_into_superchains_and_over_devices(cores, memory, count, superchains):
    found = devices.chains_of(cores, memory, 25, count, superchains)
    assert found % count == found % superchains == 0
    assert found >= max(2 * superchains, 1)


@pytest.mark.parametrize(
    ("cores", "memory", "count", "ensembles"),
    [(132, 150e9, 1, 16), (4, 150e9, 1, 4), (132, 1e9, 1, 4), (4, 4e9, 3, 6), (16, 8e9, 8, 16)],
)
def test_a_small_device_keeps_four_ensembles_and_all_devices_get_as_many(
    cores, memory, count, ensembles
):
    found = devices.size_of(cores, memory, 25, count)
    assert found == {"ensembles": ensembles, "walkers": 4096}
    assert found["ensembles"] % count == 0
