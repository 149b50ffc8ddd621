"""The verdict asked for again and again while a run grows."""

import dataclasses

import numpy as np

from nmmjax.results import evidence, trust, verdict
from nmmjax.results.rundir import Run


class Judge:
    """Verdict on a growing run, at less cost where it is against the draws.

    Quantities on which the last verdict turned are looked at first: while these alone speak
    against the draws, the others can change nothing. Trends are left to the whole verdict, since
    the more quantities there are, the less one of them counts.
    """

    def __init__(self, rhat: float = trust.RHAT) -> None:
        self._rhat = rhat
        self._weakest: set[str] = set()

    def __call__(self, run: Run) -> tuple[bool, str]:
        """Return (converged, words); no words where the weakest quantities were enough."""
        evident = evidence.of(run)
        if self._weakest and evident is None and self._still_weak(run):
            return False, ""
        found = verdict.convergence(run)
        self._weakest = verdict.weakest(run.independent, found)
        return verdict.verdict(run, found, verdict.separate(run), evident, self._rhat)

    def _still_weak(self, run: Run) -> bool:
        found = verdict.convergence(run, self._weakest)
        if not found.names:  # none of them varies any more
            return False
        trendless = dataclasses.replace(found, trend_p=np.ones(len(found.names)))
        checks = verdict.of_draws(run.independent, trendless, rhat=self._rhat)
        return not all(check.sound for check in checks)
