"""Operations of the programs of every run file as JAX hands them to XLA for a CUDA device.

    python -m benchmarks lowered --out tests/programs.json

renews the table that `tests/test_programs.py` holds the programs against. A loop's body counts
once; the numbers are the same on every machine, for one version of JAX.
"""

import re
from collections.abc import Iterator

import jax
from jax import export

from benchmarks import _cases

type Row = tuple[str, float, str]

POINTS = 4096  # enough of them for an accelerator's own evaluation of a density
_OPERATION = re.compile(r"\b(?:stablehlo|chlo)\.([a-z_0-9]+)")


def run(*stems: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit); of all run files, or of those named."""
    for stem in stems or _cases.stems():
        posterior = _cases.posterior_of(stem)
        for name in _cases.NAMES:
            yield f"{stem} {name}", count(lowered(_cases.case(posterior, name, POINTS))), ""


def lowered(made: _cases.Case) -> str:
    """The program for a CUDA device, in StableHLO."""
    return export.export(jax.jit(made.function), platforms=["cuda"])(*made.shapes).mlir_module()


def count(program: str) -> int:
    """Operations of a program, constants and returns left out."""
    found = _OPERATION.findall(program)
    return sum(name not in ("constant", "return") for name in found)
