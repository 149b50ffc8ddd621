"""Progress of a run: rates, running R-hat and ESS, rounds of engines that count no draws."""

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from .base import Block
from .running import Running

type Phase = Literal["warm-up", "burn-in", "sampling"]

ASKED = "_asked"  # ends the name of the scalar that says how many there are to be


@dataclasses.dataclass(frozen=True)
class Progress:
    """Progress of a run; what is not known yet is NaN.

    draws, target      stored draws per chain, and those asked for (of the burn-in during it; of the
                       warm-up of an engine its steps)
    since              draws that were there when the process began
    seconds            spent sampling
    rate               draws per second since then, all chains together
    rhat, ess          worst running R-hat and smallest ESS over chart coordinates, since then
    nonfinite          share of proposals without a finite density
    undefined          share with an undefined density, of the proposals whose density is not zero
    scalars            what else the engine reports
    """

    phase: Phase
    draws: int
    target: int
    since: int
    seconds: float
    rate: float
    acceptance: float
    nonfinite: float
    undefined: float
    rhat: float
    ess: float
    seconds_left: float
    scalars: dict[str, float]

    def status(self) -> dict[str, Any]:
        """Return the table that status.json holds."""
        table = dataclasses.asdict(self)
        return table | table.pop("scalars")


def counted(scalars: Mapping[str, float]) -> list[str]:
    """Say what an engine counts beside draws: '3 of 20 rounds' from `rounds`, `rounds_asked`."""
    return [
        f"{scalars[name]:.0f} of {scalars[name + ASKED]:.0f} {name.replace('_', ' ')}"
        for name in scalars
        if name + ASKED in scalars
    ]


class Meter:
    """Rates and running figures of one session."""

    def __init__(
        self,
        groups: np.ndarray,
        target: int,
        since: int,
        phase: Phase = "sampling",
    ) -> None:
        self._running = Running(groups)
        self._chains = len(groups)
        self._target = target
        self._since = since
        self._phase: Phase = phase
        self._begun = time.monotonic()
        self._mark: tuple[int, float] | None = None  # draws and time after the first block
        self._counted: list[str] = []
        self._inside = self._undefined = 0  # proposals

    def after(self, draws: int) -> str:
        """Say 'after 40 draws', 'after 3 of 20 rounds', or "" for an engine with neither yet."""
        done = self._counted[:1] or ([f"{draws} draws"] if draws else [])
        return f"after {done[0]}" if done else ""

    def measure(self, block: Block, done: int) -> Progress:
        """Measure progress after a block, whose arrays are on the host already.

        Rates leave out the first, which includes compilation.
        """
        now = time.monotonic()
        draws, begun = self._mark or (self._since, self._begun)
        self._mark = self._mark or (done, now)
        rate = (done - draws) / max(now - begun, 1e-9)
        if block.draws is not None:
            self._running.update(np.asarray(block.draws))
        rhat, ess = self._running.figures()
        scalars = {k: float(x) for k, x in block.stats.items() if np.ndim(x) == 0}
        self._counted = counted(scalars)
        acceptance = block.stats.get("acceptance_rate")
        return Progress(
            phase=self._phase,
            draws=done,
            target=self._target,
            since=self._since,
            seconds=now - self._begun,
            rate=rate * self._chains,
            acceptance=math.nan if acceptance is None else float(np.mean(acceptance)),
            nonfinite=scalars.pop("nonfinite_fraction", math.nan),
            undefined=self._share(block, scalars.pop("undefined_fraction", math.nan)),
            rhat=rhat,
            ess=ess,
            seconds_left=max(self._target - done, 0) / rate if rate > 0.0 else math.nan,
            scalars=scalars,
        )

    def _share(self, block: Block, given: float) -> float:
        """Undefined proposals over those whose density is not zero, of the process at work."""
        names = ("n_proposals", "n_nonfinite", "n_nan")
        if any(name not in block.stats for name in names):
            return given
        proposals, nonfinite, undefined = (int(np.sum(block.stats[name])) for name in names)
        self._inside += proposals - nonfinite + undefined
        self._undefined += undefined
        return self._undefined / max(self._inside, 1)
