"""Proposals of undefined density: how many, why, where; and what that does to a verdict.

The counts are exact; the split by cause comes from the examples that the run kept.
"""

import dataclasses
import math

import numpy as np

from nmmjax.results import trust
from nmmjax.results.plain import number
from nmmjax.results.rundir import Run
from nmmjax.samplers import series

_SOURCES = ("evidence", "frontier", "modes")  # tables that may hold the counts, without draws
_COUNTS = ("n_proposals", "n_nonfinite", "n_nan")
_PREFIX = "not_finite["


@dataclasses.dataclass(frozen=True)
class Undefined:
    """Proposals at which the density was NaN or +inf, though inside prior and domain.

    count     of them; inside: of all proposals whose density is not zero (0: not known)
    causes    what was not a finite number -> share of the `examples` kept
    example   parameters of one of these
    """

    count: int
    inside: int
    causes: dict[str, float]
    examples: int
    example: dict[str, float]

    @property
    def share(self) -> float:
        return self.count / self.inside if self.inside else math.nan

    @property
    def text(self) -> str:
        """Say in one sentence how many proposals were undefined, and why."""
        known = f" ({self.share:.2g})" if self.inside else ""
        total = f" of {self.inside}" if self.inside else ""
        return (
            f"the density was undefined at {self.count}{total} proposals inside prior and "
            f"domain{known}: {self._why}"
        )

    @property
    def _why(self) -> str:
        if not self.causes:
            return "no example was kept"
        (name, first), *others = self.causes.items()
        also = "".join(f", {other} at {share:.0%}" for other, share in others)
        where = ", ".join(f"{p} = {number(x, 4)}" for p, x in self.example.items())
        return (
            f"{name} is not a finite number at {first:.0%} of {self.examples} examples{also}, "
            f"such as {where}"
        )


def of(run: Run) -> Undefined | None:
    """Return the undefined proposals that a run counted; None if there are none, or no count."""
    proposals, nonfinite, count = _counts(run)
    if count == 0:
        return None
    inside = proposals - nonfinite + count if proposals else 0
    table = run.table("undefined")
    flags = {n[len(_PREFIX) : -1]: x for n, x in table.items() if n.startswith(_PREFIX)}
    shares = {name: float(np.mean(x)) for name, x in flags.items()}
    causes = dict(sorted(shares.items(), key=lambda item: -item[1]))
    examples = len(next(iter(flags.values()))) if flags else 0
    example = {}
    if flags:
        row = int(np.argmax(flags[next(iter(causes))]))
        example = {p: float(table[p][row]) for p in run.resolved["physics"]["priors"] if p in table}
    return Undefined(count, inside, causes, examples, example)


def against(run: Run) -> list[str]:
    """Say what speaks against a result if more than 1e-3 of the proposals were undefined."""
    found = of(run)
    if found is None or found.share <= trust.SHARE:
        return []
    return [f"{found.text}; what lies there is missing: mend the model, or declare its domain"]


def _counts(run: Run) -> tuple[int, int, int]:
    """(proposals, those without a finite density, those undefined); zeros where not known."""
    if run.committed and run.has("n_nan", "sample_stats"):
        found = [
            series.total(run.series(name, "sample_stats")) if run.has(name, "sample_stats") else 0
            for name in _COUNTS
        ]
        return found[0], found[1], found[2]
    for source in _SOURCES:
        table = run.table(source)
        if "n_nan" in table:
            found = [int(np.sum(table.get(name, 0))) for name in _COUNTS]
            return found[0], found[1], found[2]
    return 0, 0, 0
