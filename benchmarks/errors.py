"""Errors of every kernel under several instruction sets, compared with the table of the tests.

Each is measured in a process of its own: XLA, OpenBLAS and threads take their settings from the
environment. The last rows are the largest error over what the table states: above 1 an entry is
too good, above 3 a test fails; below 0.2 it could be lowered.
"""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

TESTS = pathlib.Path(__file__).parents[1] / "tests"
SETTINGS = {
    "SSE4.2, Haswell, 1 thread": {
        "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2 --xla_cpu_multi_thread_eigen=false",
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENBLAS_NUM_THREADS": "1",
    },
    "AVX2, Zen, 2 threads": {
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        "OPENBLAS_CORETYPE": "Zen",
        "OPENBLAS_NUM_THREADS": "2",
    },
    "default": {},
}
TOO_GOOD, TOO_BAD = 0.2, 1.0


def run() -> Iterator[tuple[str, float, str]]:
    """(kernel and setting, error, of value or slope); exit status 1 above the margin."""
    sys.path.insert(0, str(TESTS))
    from helpers.accuracy.errors import ERRORS, MARGIN

    found = {words: _measured(changes) for words, changes in SETTINGS.items()}
    largest = 0.0
    for name, stated in ERRORS.items():
        for part, unit in enumerate(("of the value", "of the slope")):
            if stated[part] is None:
                continue
            errors = {words: errors[name][part] for words, errors in found.items()}
            share = max(errors.values()) / stated[part]
            largest = max(largest, share)
            for words, error in errors.items():
                yield f"{name}, {words}", error, unit
            if not TOO_GOOD < share <= TOO_BAD:
                yield f"{name}: largest over the {stated[part]:.0e} of the table", share, unit
    yield "largest error over the table's", largest, ""
    if largest > MARGIN:
        raise SystemExit(1)


def _measured(changes: dict[str, str]) -> dict[str, list[float | None]]:
    environment = os.environ | {"PYTHONPATH": str(TESTS), "JAX_PLATFORMS": "cpu"} | changes
    command = [sys.executable, "-m", "helpers.accuracy.measure"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
