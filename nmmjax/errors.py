"""Errors of the user: one line that says what was given, where, and what would be right."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator

_MOST_SHOWN = 12
_MOST_MEANT = 4  # names offered in one question
_SHORTEST = 3  # signs of a part of a name
_LONGEST_NAME = 100  # characters; comparing longer ones takes time

_LONGEST = 800  # characters of a message
_ENDS = (500, 250)  # of a longer one, kept at its beginning and end


class InputError(ValueError):
    """Bad input by the user; the command line prints it as one line and exits with 2.

    The message may quote what was given: signs that do not print are escaped, and the middle of
    a very long message is left out.
    """

    def __init__(self, message: str):
        shown = printable(message, keep="")
        if len(shown) > _LONGEST:
            shown = f"{shown[: _ENDS[0]]} ... {shown[-_ENDS[1] :]}"
        super().__init__(shown)


class Damaged(InputError):
    """Stored draws that cannot be read as they were written."""


def printable(text: str, keep: str = "\n") -> str:
    """Escape the signs of a text that do not print, so that a file cannot steer a terminal.

    `keep` is left as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep or c.isprintable() else repr(c)[1:-1] for c in text)


def closest(given: str, options: Iterable[str]) -> str:
    """Find the option that looks like `given`; "" if none does or the name is too long."""
    short = [option for option in options if len(option) <= _LONGEST_NAME]
    if len(given) > _LONGEST_NAME:
        return ""
    return next(iter(difflib.get_close_matches(given, short, n=1, cutoff=0.6)), "")


def containing(given: str, options: Iterable[str]) -> list[str]:
    """Find the options of which `given` is a part, whatever the case: first those it begins."""
    part = given.lower()
    if len(part) < _SHORTEST:
        return []
    found = [x for x in options if part in x.lower()]
    return sorted(found, key=lambda x: not x.lower().startswith(part))


def suggest(given: str, options: Iterable[str]) -> str:
    """End an error message: '; did you mean ...?', or the options themselves."""
    options = sorted(options)
    if close := closest(given, options):
        return f"; did you mean '{close}'?"
    if meant := containing(given, options):
        *first, last = (f"'{x}'" for x in meant[:_MOST_MEANT])
        return f"; did you mean {', '.join(first)}{' or ' * bool(first)}{last}?"
    shown = ", ".join(options[:_MOST_SHOWN]) or "none"
    more = len(options) - _MOST_SHOWN
    return f"; there is: {shown}" + (f" and {more} more" if more > 0 else "")


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Say where in the input an error arose: 'runs/a.toml: [priors] m_psi: ...'; "": nowhere."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}" if where else str(error)) from None
