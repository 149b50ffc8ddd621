"""`--devices`: what it refuses, and sizes of an ensemble that follow from a device."""

import types

import jax
import pytest

from nmmjax.cli import devices
from nmmjax.errors import InputError
from nmmjax.runfile.schema import EngineSection
from nmmjax.samplers.engines.emcee_ import Emcee
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.engines.smc import Smc


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
    assert devices.sized(EngineSection(), "1").options == {"ensembles": 16, "walkers": 4096}
    assert devices.sized(EngineSection(), "all").options == {"ensembles": 64, "walkers": 4096}
    given = EngineSection(options={"walkers": 64})
    assert devices.sized(given, "all") is given
    other = EngineSection(name="nuts")
    assert devices.sized(other, "all") is other
    monkeypatch.undo()
    assert devices.sized(EngineSection(), "all").options == {}


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
