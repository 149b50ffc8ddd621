"""Progress of a run: a live line on a terminal, plain lines elsewhere."""

import math
import sys
import time
from types import TracebackType

from nmmjax.samplers.driver import Progress

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
    """One line: phase, draws, rate, acceptance, R-hat, ESS, non-finite share, time left."""
    parts = [
        f"{progress.phase} {progress.draws}/{progress.target} draws",
        f"{progress.rate:.3g} draws/s",
        _known("acceptance", progress.acceptance, ".1%"),
        _known("R-hat", progress.rhat, ".4f"),
        _known("ESS", progress.ess, ".0f"),
        _known("not finite", progress.nonfinite, ".1%"),
        _known("UNDEFINED", progress.undefined or math.nan, ".2g"),
        *(f"{name} {value:.4g}" for name, value in progress.scalars.items()),
        _known("left", progress.seconds_left, ".0f", " s"),
    ]
    return "  ".join(part for part in parts if part)


def _known(name: str, value: float, form: str, unit: str = "") -> str:
    return "" if math.isnan(value) else f"{name} {value:{form}}{unit}"
