"""What the programs of every run file ask of an accelerator, per call and per point; no device.

With the extra `programs` XLA compiles for an NVIDIA H200 that need not be there: a launch is a
kernel, a copy or a library call, loops count as often as they run. Without it the same counts are
those of the CPU's program. Only a run on the device says how long a program takes.
"""

import sys
from collections.abc import Iterator

from benchmarks import _h200

type Row = tuple[str, float, str]

_POINTS = 65536
_STEPS = 1000  # in one program: what is done once, before and after the loop, does not count


def run(*chosen: str) -> Iterator[Row]:
    """The rows of the table: (what, value, unit); all, or of the run files and programs named."""
    compiled = _h200.compiler() if _h200.available() else _on_cpu
    from benchmarks import _cases, _hlo

    sys.stdout.write(f"programs for {'an H200' if _h200.available() else 'this CPU'}\n")
    names = [name for name in _cases.NAMES if name in chosen] or _cases.NAMES
    stems = [stem for stem in chosen if stem not in _cases.NAMES] or _cases.stems()
    for stem in stems:
        posterior = _cases.posterior_of(stem)
        for name in names:
            made = _cases.case(posterior, name, _POINTS, _STEPS)
            program = _hlo.Program(compiled(made.function, *made.shapes))
            per_point = made.steps * made.points
            what = f"{stem} {name}"
            yield f"{what}: launches", sum(program.launches.values()) / made.steps, "per call"
            yield f"{what}: copies", program.copies / made.steps, "per call"
            arithmetic = program.count(_hlo.ARITHMETIC)
            yield f"{what}: arithmetic", arithmetic / per_point, "per point"
            transcendental = program.count(_hlo.TRANSCENDENTAL)
            yield f"{what}: transcendentals", transcendental / per_point, "per point"
            yield f"{what}: bytes", program.bytes / per_point, "per point"


def _on_cpu(function, *shapes) -> str:
    import jax

    return jax.jit(function).lower(*shapes).compile().as_text()


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown, a line for each program."""
    columns: dict[str, dict[str, float]] = {}
    for what, value, _ in rows:
        program, _, column = what.partition(": ")
        columns.setdefault(program, {})[column] = value
    head = list(next(iter(columns.values())))
    lines = [f"| program | {' | '.join(head)} |", "|---" * (1 + len(head)) + "|"]
    lines += [
        f"| {name} | {' | '.join(f'{found[c]:.4g}' for c in head)} |"
        for name, found in columns.items()
    ]
    return "\n".join(lines) + "\n"
