"""Programs as a CUDA device gets them, lowered without one: what they must not hold, their size."""

import functools
import json
import os
import re
import subprocess
import sys

import jax
import pytest

from benchmarks import _cases, lowered
from helpers.places import ROOT

TABLE = json.loads((ROOT / "tests" / "programs.json").read_text())
ROWS = {row["what"]: row["value"] for row in TABLE["rows"]}
GROWTH = 1.1  # of a program, before somebody has to look at it and renew the table
LIBRARY = re.compile(r"lapack|cusolver|cublas|magma|callback", re.IGNORECASE)
SINGLE = re.compile(r"tensor<(?:[\dx]*x)?(?:f32|f16|bf16|complex<f32>)>")
QUICK = ["quickstart value", "quickstart step"]


@functools.cache
def program(what):
    stem, _, name = what.partition(" ")
    return lowered.lowered(_cases.case(_cases.posterior_of(stem), name, lowered.POINTS))


def check(what):
    text = program(what)
    targets = set(re.findall(r"custom_call @([\w.$]+)", text))
    assert not [target for target in targets if LIBRARY.search(target)], targets
    assert not SINGLE.search(text)
    if jax.__version__ == TABLE["jax"]:
        now = lowered.count(text)
        assert now <= GROWTH * ROWS[what], (
            f"{what}: {now} operations against {ROWS[what]:.0f}; if they are worth it, "
            "`python -m benchmarks lowered --out tests/programs.json` and say why"
        )


@pytest.mark.parametrize("what", QUICK)
def test_a_program_for_cuda_is_double_needs_no_library_and_has_not_grown(what):
    check(what)


@pytest.mark.slow
@pytest.mark.parametrize("what", sorted(ROWS.keys() - set(QUICK)))
def test_every_program_for_cuda_is_double_needs_no_library_and_has_not_grown(what):
    check(what)


@pytest.mark.slow
def test_the_table_has_every_run_file():
    assert ROWS.keys() == {f"{s} {name}" for s in _cases.stems() for name in _cases.NAMES}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("for_", "stems"),
    [([], _cases.stems()), (["--cuda"], ["quickstart", "dark_dipole_light"])],
    ids=["traced", "lowered"],
)
def test_many_devices_may_share_every_density(for_, stems):
    """Constants computed while one program is traced for all of them belong to none of them."""
    script = ROOT / "tests" / "helpers" / "many_devices.py"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script, *for_, *stems], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == list(stems)


def test_what_is_refused_would_be_found():
    matrix, single = jax.ShapeDtypeStruct((5, 5), float), jax.ShapeDtypeStruct((3,), "float32")
    assert LIBRARY.search(jax.jit(jax.numpy.linalg.eigvalsh).lower(matrix).as_text())
    assert SINGLE.search(jax.jit(lambda x: x + 1).lower(single).as_text())
