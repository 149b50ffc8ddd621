"""Double precision and strict numerics for every test."""

import json
import pathlib

import jax
import pytest

jax.config.update("jax_enable_x64", True)

REFERENCE = pathlib.Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def reference():
    """Reader of a reference file: `reference("weak_triplet/loop_t.json")["rows"]`."""
    return lambda name: json.loads((REFERENCE / name).read_text())
