"""All cells that are asked for and not in the file yet, each in a cold process of its own.

One core and one thread each, no compilation cache, so that CPU seconds can be compared; the file
has a line of JSON for the header and one for every cell.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.peers import samplers, targets

_ROOT = pathlib.Path(__file__).parents[2]
_ALONE = {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "PYTHONWARNINGS": "ignore",
}
_PATIENCE = 40.0  # wall seconds per CPU second of the budget, on a machine that others use


@dataclasses.dataclass(frozen=True, order=True)
class Cell:
    """A sampler on a target in a chart, with a seed."""

    seed: int
    kind: str
    target: str
    sampler: str

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Cell":
        return cls(*(line[field.name] for field in dataclasses.fields(cls)))


def cells(names: list[str], chosen: list[str], kinds: list[str], seeds: int) -> Iterator[Cell]:
    """Every cell there is of these targets, samplers and charts; seed by seed."""
    for seed in range(1, seeds + 1):
        for sampler in chosen:
            for target in names:
                for kind in kinds:
                    if _offered(sampler, target, kind):
                        yield Cell(seed, kind, target, sampler)


def _offered(sampler: str, target: str, kind: str) -> bool:
    of_target = targets.kinds(target)
    if sampler == "closed form":
        return kind == "box" and target not in targets.RUN_FILES
    if sampler == "brute force":
        return kind == "cube" and target in ("quickstart, rge off", "dark_dipole")
    own = samplers.ALL[sampler].kinds
    alone = "chart" not in of_target and own == ("chart",)  # of our evidences, without a chart
    return kind in of_target and (kind in own or (alone and kind == "box"))


def run(wanted: list[Cell], budget: float, out: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Run what is missing, append it to the file, and give the lines."""
    _, lines = read(out)
    done = {Cell.of(line) for line in lines}
    if not out.is_file():
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({"header": header()}) + "\n")
    for cell in wanted:
        if cell not in done:
            line = one(cell, budget)
            with out.open("a") as file:
                file.write(json.dumps(line) + "\n")
            yield line


def one(cell: Cell, budget: float) -> dict[str, Any]:
    """The line of one cell, also where its process was ended."""
    command = [sys.executable, "-m", "benchmarks.peers.cell", cell.target, cell.kind, cell.sampler]
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"} | _ALONE
    blank = dataclasses.asdict(cell) | {"budget": budget, "milestones": {}, "figures": None}
    try:
        ended = subprocess.run(
            [*command, str(cell.seed), str(budget)],
            cwd=_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE * budget,
            check=False,
        )
        return json.loads(ended.stdout.strip().rpartition("\n")[2])
    except subprocess.TimeoutExpired:
        return blank | {"error": f"no end after {_PATIENCE * budget:g} s of wall time"}
    except json.JSONDecodeError:
        return blank | {"error": ended.stderr.strip().rpartition("\n")[2] or "ended without a line"}


def read(path: pathlib.Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(header, lines of cells) of a file; empty where there is none."""
    if not path.is_file():
        return {}, []
    trees = [json.loads(text) for text in path.read_text().splitlines()]
    return trees[0]["header"], trees[1:]


def header() -> dict[str, Any]:
    """Commit, machine and versions."""
    git = ["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    packages = {"jax", "numpy", *(s.package for s in samplers.ALL.values())} - {"nmmjax"}
    return {
        "commit": commit,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{_processor()}, one core of {os.cpu_count()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in sorted(packages)},
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    info = pathlib.Path("/proc/cpuinfo")
    text = info.read_text() if info.is_file() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
