"""Draws do not depend on how many devices share the work, all work, and none waits for another."""

import os
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.places import ROOT
from nmmjax.samplers import devices

SCRIPT = ROOT / "tests" / "helpers" / "on_devices.py"
_KINDS = "all-reduce|all-gather|all-to-all|collective-permute|collective-broadcast|reduce-scatter"
COLLECTIVE = re.compile(rf"^.* = (.*?) ({_KINDS})(?:-start)?\(", re.M)
ROUNDINGS = 1e-12
COUNTS = (1, 2, 4)


def on_devices(folder, kinds, counts=COUNTS):
    """What the script leaves: kind -> number of devices -> name -> array."""
    forced = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    environment = os.environ | forced | {"PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, SCRIPT, *kinds, ",".join(map(str, counts)), folder]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=600)
    return {k: {n: dict(np.load(folder / f"{k}-{n}.npz")) for n in counts} for k in kinds}


def assert_same(found, tolerance=0.0):
    """Arrays of any number of devices are those of one; scalars are sums over the devices."""
    one = found[1]
    compared = [name for name in one if not re.match(r"\['(program|flops|shards)'\]", name)]
    assert compared
    for other in found.values():
        assert other.keys() == one.keys()
        for name in compared:
            near = max(tolerance, 0.0 if np.ndim(one[name]) else ROUNDINGS)
            np.testing.assert_allclose(
                other[name], one[name], rtol=near, atol=tolerance, err_msg=name
            )


def assert_shared(found, rows):
    """Every device holds its part of every row, and computes its part alone."""
    for count, other in found.items():
        held = {name: int(x) for name, x in other.items() if name.startswith("['shards']")}
        assert {x for name, x in held.items() if name.endswith("[0]")} <= {count}
        assert {x for name, x in held.items() if name.endswith("[1]")} <= {rows // count}
        share = other["['flops']"] / found[1]["['flops']"]
        assert share < 1.3 / count, (count, share)


def collectives(program):
    """[(what, how)] between devices, outside of all loops; fails where there is one inside."""
    text = str(program)
    for part in text.split("\n\n"):
        if part.startswith(("%region", "%body", "%while")):
            assert not COLLECTIVE.search(part)
    return [(shape, kind) for shape, kind in COLLECTIVE.findall(text)]


def assert_statistics_alone(found):
    """What devices tell each other are sums of numbers for the progress, once per block."""
    for count, other in found.items():
        told = collectives(other["['program']"])
        assert all(kind == "all-reduce" for _, kind in told), told
        assert all("[" not in shape.replace("[]", "") for shape, _ in told), told
        assert bool(told) == (count > 1)


@pytest.mark.slow
def test_ensembles_make_the_same_draws_bit_for_bit(tmp_path):
    for found in on_devices(tmp_path, ["ensemble", "subsets"]).values():
        assert_same(found)
        assert found[1]["['1']['n_nan']"].sum() > 0
        for count in COUNTS[1:]:  # the share of non-finite proposals
            assert collectives(found[count]["['program']"]) == [("f64[]", "all-reduce")]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", ["nuts", "chees", "mclmc"])
def test_trajectories_are_the_same_bit_for_bit(tmp_path, kind):
    """From the warm-up on, with 8 chains on every device.

    Nothing but the shares of non-finite and divergent trajectories is summed over devices: the
    warm-up tunes with the figures of all chains, gathered in one order.
    """
    found = on_devices(tmp_path, [kind])[kind]
    assert_same(found)
    assert_shared(found, 32)
    assert_statistics_alone(found)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("kind", "chains"), [("few", 8), ("meads", 32)])
def test_other_trajectories_differ_by_roundings_alone(tmp_path, kind, chains):
    """The remainder of a vector register is computed one by one, with products not fused alike:
    of 2 chains on a device, and in `meads`, whose chains have a step and scales of their own. A
    long warm-up lets such roundings grow, as it does all: few chains have theirs on one device.
    """
    found = on_devices(tmp_path, [kind])[kind]
    assert_same(found, ROUNDINGS)
    assert_shared(found, chains)
    assert_statistics_alone(found)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", ["smc", "nested", "importance"])
def test_populations_are_the_same_up_to_roundings(tmp_path, kind):
    """Sums over the particles of fewer repeats are taken in another order."""
    found = on_devices(tmp_path, [kind])[kind]
    assert_same(found, ROUNDINGS)
    assert_shared(found, 8 if kind == "smc" else 4)
    assert_statistics_alone(found)


@pytest.mark.slow
def test_starts_of_a_search_climb_apart_bit_for_bit(tmp_path):
    found = on_devices(tmp_path, ["search"])["search"]
    assert_same(found)
    assert_shared(found, 32)
    for count in COUNTS:
        assert collectives(found[count]["['program']"]) == []


@pytest.mark.slow
def test_what_devices_do_not_divide_is_padded(tmp_path):
    """30 starts of a search on 4 devices: shared all the same, and joined after each block."""
    found = on_devices(tmp_path, ["padded"], (1, 4))["padded"]
    assert_same(found)
    assert found[4]["['flops']"] < 0.4 * found[1]["['flops']"]
    collectives(found[4]["['program']"])  # none inside a loop


@pytest.mark.slow
@pytest.mark.long
def test_cells_of_a_map_are_shared(tmp_path):
    """6 cells on 2 devices, and on 4, where the last device has one of them again."""
    found = on_devices(tmp_path, ["frontier"])["frontier"]
    for name in ("position", "excess", "violation"):  # a rounding u moves a maximum by sqrt(u)
        one, *others = (x.pop(f"['state']['best'].{name}") for x in found.values())
        for other in others:
            np.testing.assert_allclose(other, one, rtol=0.0, atol=1e-8)
    assert_same(found, ROUNDINGS)
    assert found[2]["['flops']"] < 0.6 * found[1]["['flops']"]
    assert found[4]["['flops']"] < 0.45 * found[1]["['flops']"]


@pytest.mark.slow
def test_starting_points_and_records_are_those_of_one_device(tmp_path):
    """Of 8 chains, and of 6 on 4 devices.

    Where a gradient vanishes is known to less than a value: Newton's last step leaves 3e-11 of
    what the other rounding of two devices moves it by.
    """
    found = on_devices(tmp_path, ["posterior", "starts"])
    assert_same(found["posterior"])
    climbed = {n: {k: x for k, x in d.items() if "search" in k} for n, d in found["starts"].items()}
    others = {n: d.keys() - climbed[n].keys() for n, d in found["starts"].items()}
    assert_same(climbed, 1e-9)
    assert_same(
        {n: {k: found["starts"][n][k] for k in keys} for n, keys in others.items()}, ROUNDINGS
    )
    assert_shared(found["posterior"], 8)


def test_rows_that_devices_do_not_divide_are_refused_with_the_number_that_fits(monkeypatch):
    monkeypatch.setattr(devices, "count", lambda: 4)
    with pytest.raises(ValueError, match="4 devices cannot share 6 equal parts: 8 would fit"):
        devices.spread(jnp.zeros((3, 6)))
    with pytest.raises(ValueError, match="4 devices cannot share 5 equal parts: 8 would fit"):
        devices.placed({"a": jnp.zeros((5, 2))})


def test_on_one_device_nothing_is_cut():
    assert devices.count() == 1
    rows, same = devices.shared(lambda x: (2.0 * devices.own(x), 3), jnp.arange(3.0))
    np.testing.assert_array_equal(rows, [0.0, 2.0, 4.0])
    assert same == 3
    assert devices.spread(jnp.zeros(3)).sharding.device_set == {jax.devices()[0]}
