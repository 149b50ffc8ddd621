"""What a user got wrong: one line that says what was given, where, and what would be right."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator


class InputError(ValueError):
    """Bad input by the user; the command line prints it as one line and exits with 2."""


def suggest(given: str, options: Iterable[str]) -> str:
    """'; did you mean ...?' or the options themselves, to end an error message with."""
    options = sorted(options)
    close = difflib.get_close_matches(given, options, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there is: {', '.join(options) if options else 'none'}"


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Say where in the input an error arose: 'runs/a.toml: [priors] m_psi: ...'."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
