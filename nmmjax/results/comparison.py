"""Two runs side by side: what differs in physics, sampling and versions, and what in the results.

Means a and b of a quantity differ by

    shift  = (b - a) / sqrt((sd_a^2 + sd_b^2)/2)        in widths of the posterior
    errors = (b - a) / sqrt(mcse_a^2 + mcse_b^2)        in what sampling leaves uncertain

on the circle for angles. Errors of a few are chance; a shift that is small matters to nobody.
"""

import dataclasses
import math

import numpy as np

from nmmjax.results import angles
from nmmjax.results.rundir import Run
from nmmjax.results.summary import Row, Summary
from nmmjax.results.variables import HEADLINES
from nmmjax.textfile import differences

ERRORS = 4.0  # of a difference of means that is not chance, among a hundred quantities
_HOW = ("sampling", "stop")  # sections of a resolved run
_SHIFT = 0.1  # widths of the posterior that one would see


@dataclasses.dataclass(frozen=True)
class Pair:
    """One quantity in both runs: median, 5 and 95%; how far its means are apart."""

    name: str
    unit: str
    first: tuple[float, float, float]
    second: tuple[float, float, float]
    shift: float
    errors: float

    @property
    def differs(self) -> bool:
        return abs(self.errors) > ERRORS and abs(self.shift) > _SHIFT


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Differences as lines 'path: first -> second', and quantities in pairs.

    pairs     headline quantities and sampled parameters of both, and what else differs
    only      quantities that one of them alone has: (of the first, of the second)
    """

    physics: tuple[str, ...]
    sampling: tuple[str, ...]
    versions: tuple[str, ...]
    pairs: tuple[Pair, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]


def compare(runs: tuple[Run, Run], summaries: tuple[Summary, Summary]) -> Comparison:
    """Compare two runs and their summaries."""
    a, b = (run.resolved for run in runs)
    sampling = [differences(a.get(part, {}), b.get(part, {}), part) for part in _HOW]
    first, second = ({r.name: r for r in (*s.parameters, *s.observables)} for s in summaries)
    return Comparison(
        tuple(differences(a["physics"], b["physics"])),
        tuple(line for lines in sampling for line in lines),
        tuple(differences(_versions(runs[0]), _versions(runs[1]))),
        _pairs(runs, first, second),
        (tuple(n for n in first if n not in second), tuple(n for n in second if n not in first)),
    )


def _versions(run: Run) -> dict[str, str]:
    known = ("commit", "device")
    return {
        key.removeprefix("version_"): str(value)
        for key, value in run.attributes.items()
        if key in known or key.startswith("version_")
    }


def _pairs(
    runs: tuple[Run, Run], first: dict[str, Row], second: dict[str, Row]
) -> tuple[Pair, ...]:
    sampled = {*runs[0].sampled, *runs[1].sampled}
    both = [n for n in dict.fromkeys((*HEADLINES, *first)) if n in first and n in second]
    found = [_pair(first[n], second[n], runs[0].period(n)) for n in both]
    return tuple(p for p in found if p.differs or p.name in sampled or p.name in HEADLINES)


def _pair(a: Row, b: Row, period: float | None) -> Pair:
    apart = b.mean - a.mean
    if period is not None:
        apart = float(angles.unrolled(np.array(apart), 0.0, period))
    width = math.sqrt((a.sd**2 + b.sd**2) / 2.0)
    error = math.hypot(a.mcse_mean, b.mcse_mean)
    first, second = ((r.q05, r.q50, r.q95) for r in (a, b))
    return Pair(a.name, a.unit, first, second, _over(apart, width), _over(apart, error))


def _over(x: float, width: float) -> float:
    return x / width if width > 0.0 else math.copysign(math.inf, x) if x else 0.0
