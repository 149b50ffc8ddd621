"""Peak memory of every command on runs of many draws, larger than the memory they may take.

    python -m benchmarks memory [1e6 1e7 1e8] [export=netcdf,parquet]

A run of four parameters with trivial formulas, 10 000 walkers in 8 ensembles, is sampled with
`nmmjax run` in a temporary directory ($TMPDIR, 115 bytes a draw), then read by `summary`,
`status`, `plot` and `export`, each a process of its own. The directory is removed in the end.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

type Row = tuple[str, float, str]

_SIZES = ("1e6", "1e7", "1e8")
_ENSEMBLES, _WALKERS, _BLOCK = 8, 1250, 50
_FORMATS = "netcdf"
_PREFIX = "export="
_MODEL = """\
from nmmjax.target.model import Model, Parameter
from nmmjax.target.priors import LogUniform, Uniform


class Plain(Model):
    @property
    def parameters(self):
        return (
            Parameter("a", LogUniform(1e-12, 1e-8), "", "a", "coupling of the mass"),
            Parameter("b", LogUniform(1e-6, 1.0), "", "b", "coupling of the moment"),
            Parameter("c", Uniform(0.0, 1.0), "", "c", "without effect"),
            Parameter("d", Uniform(0.5, 2.0), "", "d", "factor of the mass"),
        )

    @property
    def reference(self):
        return {"a": 1e-10, "b": 0.1, "c": 0.5, "d": 1.0}

    def predict(self, theta):
        return {"m_nu": theta["a"] * theta["d"] * 1e9, "mu_nu": theta["b"] * 1e-10}
"""
_RUN = """\
[model]
name = "{model}:Plain"
[target]
constraints = ["m_nu_target"]
[engine]
name = "ensemble"
options = {{ ensembles = {ensembles}, walkers = {walkers}, thin = 1, block = {block} }}
[run]
draws = {draws}
burn_in = {block}
"""


def run(*given: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit)."""
    sizes = [x for x in given if not x.startswith(_PREFIX)] or _SIZES
    formats = next((x.removeprefix(_PREFIX) for x in given if x.startswith(_PREFIX)), _FORMATS)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            yield from _of(size, pathlib.Path(folder), formats.split(","))


def _of(size: str, folder: pathlib.Path, formats: list[str]) -> Iterator[Row]:
    """The commands on a run of so many draws."""
    directory = folder / "run"
    commands = {
        "run": ["run", str(_written(folder, float(size))), "--out", str(directory)],
        "summary": ["summary", str(directory), "--full"],
        "status": ["status", str(directory)],
        "plot": ["plot", str(directory)],
    }
    for name in formats:
        to = ["--to", name, "--out", str(folder / "exported")]
        commands[f"export --to {name}"] = ["export", str(directory), *to]
    for name, command in commands.items():
        wall, cpu, peak = _measured(command)
        yield f"{name}, {size} draws: peak memory", peak, "GB"
        yield f"{name}, {size} draws: CPU time", cpu, "s"
        yield f"{name}, {size} draws: wall time", wall, "s"
        for path in folder.glob("exported*"):
            path.unlink()
        if name == "run":
            yield f"{size} draws: chains.h5", (directory / "chains.h5").stat().st_size / 1e9, "GB"


def _written(folder: pathlib.Path, draws: float) -> pathlib.Path:
    """The run file and its model."""
    model, path = folder / "plain.py", folder / "plain.toml"
    model.write_text(_MODEL)
    each = max(round(draws / (_ENSEMBLES * _WALKERS)), _BLOCK)
    path.write_text(
        _RUN.format(model=model, ensembles=_ENSEMBLES, walkers=_WALKERS, block=_BLOCK, draws=each)
    )
    return path


def _measured(arguments: list[str]) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak resident memory in GB) of a command. Raises if it fails."""
    began = time.monotonic()
    command = [sys.executable, "-m", "nmmjax", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"nmmjax {' '.join(arguments)} ended with {code}: {said[-2000:]!r}")
    kilobytes = used.ru_maxrss
    return time.monotonic() - began, used.ru_utime + used.ru_stime, 1024e-9 * kilobytes


def table(rows: list[Row]) -> str:
    """The rows in Markdown: a line for each command and size."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for what, value, _ in rows:
        head, _, figure = what.partition(": ")
        name, _, size = head.rpartition(", ")
        if name:
            found.setdefault((name, size), {})[figure] = value
    lines = ["| command | draws | peak memory | CPU | wall |", "|---|---|---|---|---|"]
    for (name, size), each in found.items():
        peak, cpu, wall = (each[x] for x in ("peak memory", "CPU time", "wall time"))
        count = size.removesuffix(" draws")
        lines.append(f"| `{name}` | {count} | {peak:.2f} GB | {cpu:.0f} s | {wall:.0f} s |")
    return "\n".join(lines) + "\n"
