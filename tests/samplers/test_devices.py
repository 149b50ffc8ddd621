"""Draws do not depend on how many devices share the work, and the devices do not wait."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from helpers.places import ROOT

SCRIPT = ROOT / "tests" / "helpers" / "on_devices.py"
COLLECTIVE = re.compile(r"^.* = (.*?) (?:all-\w+|collective-\w+|reduce-scatter)(?:-start)?\(", re.M)


def on_devices(folder, kinds, counts):
    """What the script leaves: kind -> number of devices -> name -> array."""
    forced = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    environment = os.environ | forced | {"PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, SCRIPT, *kinds, ",".join(map(str, counts)), folder]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=600)
    return {k: {n: dict(np.load(folder / f"{k}-{n}.npz")) for n in counts} for k in kinds}


def assert_same(found, tolerance=0.0):
    one = found[1]
    for count, other in found.items():
        assert other["devices"] == count
        assert other.keys() == one.keys()
        for name in one.keys() - {"program", "devices"}:
            np.testing.assert_allclose(
                other[name], one[name], rtol=tolerance, atol=tolerance, err_msg=name
            )


@pytest.mark.slow
def test_ensembles_on_1_2_and_4_devices_make_the_same_draws_bit_for_bit(tmp_path):
    found = on_devices(tmp_path, ["ensemble"], (1, 2, 4))["ensemble"]
    assert_same(found)
    assert found[1]["1/n_nan"].sum() > 0
    for count in (2, 4):
        program = str(found[count]["program"])
        assert COLLECTIVE.findall(program) == ["f64[]"]  # the share of non-finite proposals
        loops = [part for part in program.split("\n\n") if part.startswith("%region")]
        assert not any(COLLECTIVE.search(part) for part in loops)


@pytest.mark.slow
def test_starts_records_and_populations_are_those_of_one_device(tmp_path):
    found = on_devices(tmp_path, ["posterior", "smc"], (1, 4))
    assert_same(found["posterior"])
    assert_same(found["smc"])


@pytest.mark.slow
def test_trajectories_differ_by_roundings_alone(tmp_path):
    """A device adds up the coordinates of fewer chains in another order."""
    assert_same(on_devices(tmp_path, ["mclmc"], (1, 4))["mclmc"], 1e-12)
