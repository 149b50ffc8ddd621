"""What a caller gives to the driver: beginning and length of a run, when to stop, whom to tell."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Array, Float

from .progress import Progress
from .store.store import Store

type Starts = Float[Array, "chain dim"] | Callable[[], Float[Array, "chain dim"]]


type Stop = Callable[[Progress, Store], str]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Beginning and length of a run.

    starts       (chain, dim) chart positions, or a function that finds them (not on resume)
    draws        stored draws per chain, at least: whole blocks are taken
    burn_in      draws discarded at the beginning, at least; never again on resume
    superchains  (chain,) labels of chains that start at the same place: the running R-hat is nested
    stop         called after every block; an answer that is not empty ends the run
    """

    starts: Starts
    draws: int
    burn_in: int = 0
    superchains: np.ndarray | None = None
    stop: Stop = lambda progress, store: ""


@dataclasses.dataclass(frozen=True)
class Hooks:
    """Functions by which the caller follows a run and may end it.

    report       called with the progress after every block
    interrupted  called before every block: True saves and returns
    storing      called before each block of draws or tables is stored
    """

    report: Callable[[Progress], None] = lambda progress: None
    interrupted: Callable[[], bool] = lambda: False
    storing: Callable[[], None] = lambda: None


@dataclasses.dataclass
class Until:
    """Stop rule: certified by the stored draws, or out of time.

    certified  why the draws of a store may be trusted, in words; "" if they may not
    rhat, ess  asked of them; with one of them given, `certified` is asked whenever the running
               figures allow it and the draws have grown by a tenth

    Returns the reason in words, "" to go on.
    """

    certified: Callable[[Store], str]
    rhat: float | None = None
    ess: float | None = None
    max_minutes: float | None = None
    _next: float = dataclasses.field(default=0.0, init=False)

    def __call__(self, progress: Progress, store: Store) -> str:
        if self.max_minutes is not None and progress.seconds >= 60.0 * self.max_minutes:
            return f"{self.max_minutes:g} minutes are over"
        asked = self.rhat is not None or self.ess is not None
        if not asked or progress.draws == 0 or progress.draws < self._next:
            return ""
        rhat, ess = self.rhat or math.inf, self.ess or 0.0
        # Running figures are noisy and lack ranks: only a clear no saves the exact verdict.
        no = progress.rhat > 1.0 + 3.0 * (rhat - 1.0) or progress.ess < ess / 5.0
        if no and progress.since == 0:
            return ""
        self._next = 1.1 * progress.draws
        return self.certified(store)
