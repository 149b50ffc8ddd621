"""Progress of a run: a live line on a terminal, plain lines elsewhere."""

import math
import sys
import time
from collections.abc import Mapping
from types import TracebackType

from nmmjax.samplers.driver import Progress

_ASKED = "_asked"  # how a scalar is called that says how many of another there are to be
_EVERY = 5.0  # seconds between plain lines


class Reporter:
    """Called with every `Progress`, writes to stderr; use as a context manager."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._live = None
        self._last = -math.inf
        self._phase = ""

    def __enter__(self) -> "Reporter":
        if self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, highlight=False)
            self._live = Live(console=console, refresh_per_second=8, transient=False)
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._live is not None:
            self._live.console.print(text)
        else:
            self._write(text)

    def __call__(self, progress: Progress) -> None:
        line = progress_line(progress)
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
            return
        now = time.monotonic()
        ends = progress.draws >= progress.target or progress.phase != self._phase
        if ends or now - self._last >= _EVERY:
            self._last, self._phase = now, progress.phase
            self._write(line)

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def progress_line(progress: Progress) -> str:
    """One line: phase, draws (or rounds, of an engine without), rates, R-hat, ESS, time left."""
    rounds = any(name.endswith(_ASKED) for name in progress.scalars)
    parts = [
        progress.phase if rounds else f"{progress.phase} {progress.draws}/{progress.target} draws",
        "" if rounds else f"{progress.rate:.3g} draws/s",
        _known("acceptance", progress.acceptance, ".1%"),
        _known("R-hat", progress.rhat, ".4f"),
        _known("ESS", progress.ess, ".0f"),
        _known("not finite", progress.nonfinite, ".1%"),
        *counted(progress.scalars),
        _known("left", progress.seconds_left, ".0f", " s"),
    ]
    return "  ".join(part for part in parts if part)


def counted(scalars: Mapping[str, float]) -> list[str]:
    """Scalars by name; one that has an `_asked` beside it as "3/20 rounds"."""
    parts = []
    for name, value in scalars.items():
        if (asked := scalars.get(name + _ASKED)) is not None:
            parts.append(f"{value:.0f}/{asked:.0f} {name.replace('_', ' ')}")
        elif not name.endswith(_ASKED):
            parts.append(f"{name.replace('_', ' ')} {value:.4g}")
    return parts


def _known(name: str, value: float, form: str, unit: str = "") -> str:
    return "" if math.isnan(value) else f"{name} {value:{form}}{unit}"
