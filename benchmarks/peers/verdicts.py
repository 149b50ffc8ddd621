"""Who is right about a target, who is not, and ours against the best peer that is."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from benchmarks.peers.figures import FEW, MANY
from benchmarks.peers.scores import Entry, numbers

_SIGMAS = 4.0  # of a disagreement: about a thousand numbers are compared
_ORACLES = ("closed form", "brute force")
_ENSEMBLE = "ensemble"


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
    def worst(self) -> float:
        """The smallest of the ratios: below 1 a peer wins; inf where no peer has converged."""
        ratios = (self.ratio, self.sooner(FEW), self.sooner(MANY))
        return min((x for x in ratios if x is not None), default=np.inf)

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
    return sorted(made, key=lambda row: row.worst)
