"""One cell of the scoreboard, in this process: `python -m benchmarks.peers.cell` prints its line.

The clock is the CPU time of the process and its children from its very start, imports and
compilation included, on one core; what the figures themselves cost is taken off.
"""

import argparse
import contextlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

_BEGAN = time.perf_counter()
_GROWTH = 1.3  # of CPU time from one look at the draws to the next


class OutOfBudget(BaseException):
    """The CPU seconds of a cell are over; no library's `except Exception` may keep it."""


class Clock:
    """CPU and wall seconds since the process began, without pauses; raises when they are over."""

    def __init__(self, budget: float) -> None:
        self._budget, self._cpu, self._wall = budget, 0.0, 0.0
        signal.signal(signal.SIGPROF, self._over)
        self._arm()

    def cpu(self) -> float:
        return cpu_seconds() - self._cpu

    def wall(self) -> float:
        return time.perf_counter() - _BEGAN - self._wall

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count, nor interrupt, what happens within."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        cpu, wall = cpu_seconds(), time.perf_counter()
        try:
            yield
        finally:
            self._cpu += cpu_seconds() - cpu
            self._wall += time.perf_counter() - wall
            self._arm()

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)

    def _arm(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, max(self._budget - self.cpu(), 1e-3), 1.0)

    def _over(self, number: int, frame: Any) -> None:
        if self.cpu() >= self._budget:
            self.stop()
            raise OutOfBudget


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children that have ended."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run(target: str, kind: str, sampler: str, seed: int, budget: float) -> dict[str, Any]:
    """Sample until the last milestone or the budget; the line of the cell."""
    clock = Clock(budget)
    line = {"target": target, "kind": kind, "sampler": sampler, "seed": seed, "budget": budget}
    line |= {"milestones": {}, "figures": None, "error": None, "phases": {}}
    seen = _Seen(clock, line)
    try:
        seen.follow(target, kind, sampler, seed)
    except OutOfBudget:
        line["over"] = True
    except Exception as error:
        clock.stop()
        last = traceback.extract_tb(error.__traceback__)[-1]
        line["error"] = f"{type(error).__name__}: {str(error)[:300]} ({last.name})"
    clock.stop()
    line |= {"cpu": clock.cpu(), "wall": clock.wall()}
    seen.last_look()
    return line


class _Seen:
    """Looks at the draws of a sampler from time to time, and notes milestones."""

    def __init__(self, clock: Clock, line: dict[str, Any]) -> None:
        self._clock, self._line, self._next = clock, line, 0.0
        self._found: Any = None
        self._problem: Any = None
        self._convert: Any = None
        self._unseen = False

    def follow(self, target: str, kind: str, sampler: str, seed: int) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        from benchmarks.peers import samplers, targets

        self._phase("imports")
        self._problem = targets.problem(target, kind)
        self._line["labels"] = list(self._problem.labels)
        adapter = samplers.start(sampler)
        self._phase("target")
        problem = self._problem._replace(starts=self._starts)
        for found in adapter(problem, seed, self._clock):
            self._found, self._unseen = found, True
            self._phase("first draws")
            ripe = self._clock.cpu() >= self._next or found.log_z is not None
            if ripe and self._look():
                break

    def _phase(self, name: str) -> None:
        """Note the CPU seconds at which a phase ended, the first time."""
        self._line["phases"].setdefault(name, round(self._clock.cpu(), 2))

    def _starts(self, key: Any, count: int) -> Any:
        found = self._problem.starts(key, count).block_until_ready()
        self._phase("starting points")
        return found

    def last_look(self) -> None:
        """Figures of draws that came after the last look, when the budget ended them."""
        if self._found is not None and self._unseen:
            self._figures(self._line["cpu"])

    def _look(self) -> bool:
        """Figures of the draws so far; True when the last milestone is reached."""
        from benchmarks.peers import figures

        spent = {"cpu": self._clock.cpu(), "wall": self._clock.wall()}
        with self._clock.paused():
            found = self._figures(spent["cpu"])
            done = [ess for ess in (figures.FEW, figures.MANY) if figures.reached(found, ess)]
            for ess in done:
                spent["evaluations"] = found["evaluations"]
                self._line["milestones"].setdefault(str(ess), dict(spent))
        self._next = _GROWTH * spent["cpu"]
        return figures.MANY in done

    def _figures(self, cpu: float) -> dict[str, Any]:
        from benchmarks.peers import figures

        self._unseen = False
        draws = figures.settled(self._found)
        self._line["figures"] = figures.figures(self._found, self._values(draws))
        self._line["figures"]["cpu"] = cpu
        return self._line["figures"]

    def _values(self, draws: Any) -> Any:
        import jax
        import numpy as np

        if self._convert is None:
            one = self._problem.of_cube if self._found.cube else self._problem.coordinates
            self._convert = jax.jit(jax.vmap(one))
        flat = draws.reshape(-1, draws.shape[-1])
        size = 4096
        rows = -(-len(flat) // size) * size
        padded = np.concatenate([flat, np.repeat(flat[:1], rows - len(flat), 0)])
        parts = [np.asarray(self._convert(padded[i : i + size])) for i in range(0, rows, size)]
        return np.concatenate(parts)[: len(flat)].reshape(*draws.shape[:2], -1)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("target", "kind", "sampler"):
        parser.add_argument(name)
    parser.add_argument("seed", type=int)
    parser.add_argument("budget", type=float)
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    line = run(given.target, given.kind, given.sampler, given.seed, given.budget)
    sys.stdout.write("\n" + json.dumps(line) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of libraries may not keep the process


if __name__ == "__main__":
    main()
