"""Entries of the scoreboard from the lines of a file: all seeds of a cell, and who is right."""

import dataclasses
from collections.abc import Iterable
from statistics import median_low
from typing import Any

import numpy as np

from benchmarks.peers.figures import FEW, least_ess, reached

_SIGMAS = 4.0  # of a disagreement: about a thousand numbers are compared
_ORACLES = ("closed form", "brute force")
_ENSEMBLE = "ensemble"
OURS = (_ENSEMBLE, "importance", "smc", "nested")
_EVIDENCES = ("importance", "smc", "nested")


@dataclasses.dataclass(frozen=True)
class Entry:
    """All seeds of a sampler on a target in a chart."""

    target: str
    kind: str
    sampler: str
    lines: tuple[dict[str, Any], ...]

    @property
    def ours(self) -> bool:
        return self.sampler in OURS

    @property
    def contest(self) -> str:
        """What an entry competes in: draws in the chart or box, or evidences."""
        evidence = self.kind == "cube" or self.sampler in _EVIDENCES
        return "evidence" if evidence else self.kind

    @property
    def good(self) -> list[dict[str, Any]]:
        """Figures of the seeds that have converged."""
        found = [line["figures"] for line in self.lines if line["figures"] is not None]
        return [figures for figures in found if reached(figures, FEW)]

    @property
    def rate(self) -> float:
        """Effective draws per CPU second: the (lower) median of seeds, 0 for one not converged."""
        each = [least_ess(f) / f["cpu"] for f in self.good]
        return median_low([*each, *[0.0] * (len(self.lines) - len(each))])

    @property
    def cold_start(self) -> float:
        """CPU seconds until the first draws: imports, starting points, compilation, warm-up."""
        return median_low(line["phases"].get("first draws", np.inf) for line in self.lines)

    @property
    def warm_rate(self) -> float | None:
        """Effective draws per CPU second after the first draws; None where there is nothing."""
        if self.rate == 0.0:
            return None
        after = [f["cpu"] - self.cold_start for f in self.good]
        each = [least_ess(f) / s for f, s in zip(self.good, after, strict=True) if s > 0.1]
        return median_low(each) if each else None

    def spent(self, ess: int, what: str) -> float | None:
        """Median of "cpu", "wall" or "evaluations" until so many effective draws; None: not so far.

        A seed that did not come so far counts as more than any that did.
        """
        each = [line["milestones"].get(str(ess), {}).get(what, np.inf) for line in self.lines]
        middle = float(np.median(each))
        return middle if np.isfinite(middle) else None


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """A number of a converged entry that is not that of the reference."""

    entry: Entry
    quantity: str
    found: float
    error: float
    right: float
    reference: str

    @property
    def sigmas(self) -> float:
        return abs(self.found - self.right) / self.error


def entries(lines: Iterable[dict[str, Any]]) -> list[Entry]:
    """Join the seeds of each (target, chart, sampler), in the order in which they came."""
    joined: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for line in lines:
        joined.setdefault((line["target"], line["kind"], line["sampler"]), []).append(line)
    return [Entry(*key, tuple(found)) for key, found in joined.items()]


def reference(found: Iterable[Entry], target: str) -> Entry | None:
    """Who is right about a target: an oracle, or else our ensemble in the chart (or the box)."""
    here = [e for e in found if e.target == target and e.good]
    trusted = [(name, kind) for name in _ORACLES for kind in ("box", "cube")]
    trusted += [(_ENSEMBLE, "chart"), (_ENSEMBLE, "box")]
    ranked = [e for pair in trusted for e in here if (e.sampler, e.kind) == pair]
    return ranked[0] if ranked else None


def disagreements(found: list[Entry]) -> list[Disagreement]:
    """Compare every converged entry with the reference of its target."""
    told = []
    for entry in found:
        right = reference(found, entry.target)
        if right is None or entry is right or not entry.good:
            continue
        theirs, ours = numbers(entry), numbers(right)
        for name in theirs.keys() & ours.keys():
            (x, dx), (y, dy) = theirs[name], ours[name]
            told.append(Disagreement(entry, name, x, float(np.hypot(dx, dy)), y, right.sampler))
    told = [d for d in told if d.error > 0.0 and d.sigmas > _SIGMAS]
    return sorted(told, key=lambda d: (found.index(d.entry), -d.sigmas))


def numbers(entry: Entry) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of every quantity, and ln Z, with errors; seeds joined.

    The error of a standard deviation s is s sqrt((kurtosis - 1) / 2 N): half of the N effective
    draws of the bulk are granted to squares.
    """
    each: dict[str, list[tuple[float, float]]] = {}
    for figures in entry.good:
        keys = ("mean", "mean_error", "sd", "kurtosis", "ess")
        columns = zip(*(figures[key] for key in keys), strict=True)
        for name, (mean, error, sd, kurtosis, ess) in zip(
            entry.lines[0]["labels"], columns, strict=True
        ):
            spread = sd * np.sqrt(max(kurtosis - 1.0, 0.0) / (2.0 * ess))
            each.setdefault(f"mean of {name}", []).append((mean, error))
            each.setdefault(f"sd of {name}", []).append((sd, float(spread)))
        if figures["log_z"] is not None:
            each.setdefault("ln Z", []).append((figures["log_z"], figures["log_z_error"]))
    return {name: _joined(found) for name, found in each.items()}


def _joined(found: list[tuple[float, float]]) -> tuple[float, float]:
    """Mean of independent numbers; its error is the larger of what is claimed and seen."""
    values, errors = np.array(found).T
    claimed = float(np.sqrt(np.sum(errors**2))) / len(found)
    if len(found) < 3:
        return float(values.mean()), claimed
    return float(values.mean()), max(claimed, float(np.std(values, ddof=1) / np.sqrt(len(found))))


@dataclasses.dataclass(frozen=True)
class Row:
    """Ours against the best peer that is right, in one contest on one target."""

    target: str
    contest: str
    ours: Entry | None
    peer: Entry | None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs in effective draws per CPU second; None: no peer has converged."""
        if self.peer is None:
            return None
        return 0.0 if self.ours is None else self.ours.rate / self.peer.rate

    @property
    def warm_ratio(self) -> float | None:
        """The ratio after the first draws of either."""
        if self.ours is None or self.peer is None:
            return None
        ours, theirs = self.ours.warm_rate, self.peer.warm_rate
        return None if ours is None or theirs is None else ours / theirs

    def sooner(self, ess: int) -> float | None:
        """Their CPU seconds until so many effective draws over ours."""
        if self.ours is None or self.peer is None:
            return None
        theirs, ours = self.peer.spent(ess, "cpu"), self.ours.spent(ess, "cpu")
        return None if theirs is None or ours is None else theirs / ours


def rows(found: list[Entry]) -> list[Row]:
    """The scoreboard, those rows first where a peer wins or comes near."""
    wrong = {id(d.entry) for d in disagreements(found)}
    taking = [e for e in found if e.sampler not in _ORACLES]
    contests = dict.fromkeys((e.target, e.contest) for e in taking)
    made = []
    for target, contest in contests:
        here = [e for e in taking if (e.target, e.contest) == (target, contest)]
        right = [e for e in here if e.rate > 0.0 and id(e) not in wrong]
        best = [
            max((e for e in right if e.ours == ours), key=lambda e: e.rate, default=None)
            for ours in (True, False)
        ]
        if any(not e.ours for e in here):
            made.append(Row(target, contest, *best))
    return sorted(made, key=lambda row: (row.ratio is None, row.ratio or 0.0))


def missed(entry: Entry) -> str:
    """Why an entry has no rate, in words; "" where it has."""
    if entry.rate > 0.0:
        return ""
    line = entry.lines[0]
    if line["error"]:
        return f"failed: {line['error']}".replace("|", "/").replace("\n", " ")
    told = f"not reached in {line['budget']:g} CPU s"
    if line["figures"] is None:
        return f"{told} (no draws yet)"
    rhat, ess = line["figures"]["rhat"], least_ess(line["figures"])
    figures = f"ESS {ess:.0f}" if rhat is None else f"R-hat {rhat:.3f}, ESS {ess:.0f}"
    error = line["figures"]["log_z_error"]
    return f"{told} ({figures}{'' if error is None else f', ln Z +- {error:.2f}'})"
