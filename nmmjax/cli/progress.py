"""Progress of a run: a live line on a terminal, plain lines elsewhere."""

import contextlib
import math
import sys
import time
from collections.abc import Iterator
from types import TracebackType

from nmmjax.cli.terminal import say, silence
from nmmjax.samplers.progress import ASKED, Progress, counted

_EVERY = 5.0  # seconds between plain lines


class Reporter:
    """Writer of progress to stderr, called with every `Progress`; use as a context manager.

    A terminal that is closed meanwhile is no trouble: nothing is written from then on.
    """

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._live = None
        self._last = -math.inf
        self._phase = ""

    def __enter__(self) -> "Reporter":
        if self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, highlight=False, markup=False)
            self._live = Live(console=console, auto_refresh=False, transient=False)
            with self._while_there():
                self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            with self._while_there():
                self._live.__exit__(kind, error, trace)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        if self._live is None:
            say(text)
        else:
            with self._while_there():
                self._live.console.print(text)

    def __call__(self, progress: Progress) -> None:
        line = progress_line(progress)
        if self._live is not None:
            from rich.text import Text

            with self._while_there():
                self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
            return
        now = time.monotonic()
        ends = progress.draws >= progress.target or progress.phase != self._phase
        if ends or now - self._last >= _EVERY:
            self._last, self._phase = now, progress.phase
            say(line)

    @contextlib.contextmanager
    def _while_there(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            silence(self._stream)


def progress_line(progress: Progress) -> str:
    """One line: phase, how far, rate, acceptance, R-hat, ESS, share of zero density, time left.

    Engines that store no draws before their end count rounds, or show their own figures only.
    """
    drawn, scalars = progress.draws > 0, progress.scalars
    rest = {n: x for n, x in scalars.items() if n + ASKED not in scalars and ASKED not in n}
    unit = "steps" if progress.phase == "warm-up" else "draws"
    parts = [
        f"{progress.phase} {_done(progress)} {unit}" if drawn else progress.phase,
        *counted(scalars),
        f"{progress.rate:.3g} {unit}/s" if drawn else "",
        _known("acceptance", progress.acceptance, ".1%"),
        _known("R-hat", progress.rhat, ".4f"),
        _known("ESS", progress.ess, ".0f"),
        _known("zero density", progress.nonfinite, ".1%"),
        _known("UNDEFINED", progress.undefined or math.nan, ".2g"),
        *(f"{name} {x:.4g}" for name, x in rest.items()),
        _known("left", progress.seconds_left, ".0f", " s") if drawn else "",
    ]
    return "  ".join(part for part in parts if part)


def _done(progress: Progress) -> str:
    """Draws of those asked for; of an engine that ends by itself, which may make more, alone."""
    beyond = progress.draws > progress.target
    return f"{progress.draws}" if beyond else f"{progress.draws}/{progress.target}"


def _known(name: str, value: float, form: str, unit: str = "") -> str:
    return "" if math.isnan(value) else f"{name} {value:{form}}{unit}"
