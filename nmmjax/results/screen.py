"""The first screen of a summary: the answers in at most 25 lines of at most 80 columns."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from nmmjax.constraints import library
from nmmjax.results import ablation
from nmmjax.results.headline import Headline, Mass, Matter, Moment, Tuning, Wished
from nmmjax.results.holding import Held
from nmmjax.results.plain import between, number, share
from nmmjax.results.summary import Summary

type Labels = Mapping[str, str]  # printed names of constraints that are not the library's

LINES = 25
_WIDTH = 80
_LABEL = 16  # columns of the names on the left
_MOST = 3  # constraints, and what holds a moment back
_SAID = ("the gauge-induced", "limits from stars")  # by another line, or no news


def to_text(summary: Summary, width: int = _WIDTH) -> str:
    """Write the first screen, at most `width` columns wide; what matters least is left out.

    It has 25 lines at most, and more where they are narrower than 80 columns.
    """
    width = min(width, _WIDTH)
    both = (_first(summary), _verdict(summary))
    head = [*(line for text in both for line in _wrapped(text, width, "", "  ")), ""]
    foot = ["", *_foot(summary.directory, width)]
    room = LINES * _WIDTH // width - len(head) - len(foot)
    parts = [_row(label, text, width) for label, text in rows(summary)]
    body = _fitting(parts, room)
    if len(body) == sum(map(len, parts)):
        body += _notes(summary, width, room - len(body))
    return "\n".join([*head, *body, *foot]) + "\n"


def _fitting(parts: Iterable[list[str]], room: int) -> list[str]:
    """Lines of as many whole parts, the first ones, as there is room for."""
    lines: list[str] = []
    for part in parts:
        if len(lines) + len(part) > room:
            break
        lines += part
    return lines


def answers(summary: Summary, width: int) -> str:
    """Write the lines of the first screen between verdict and notes."""
    lines = [line for label, text in rows(summary) for line in _row(label, text, width)]
    return "\n".join(lines) or "No quantity of the headlines was stored."


def moved(found: Headline) -> Iterator[str]:
    """Sentences on wishes out of reach and on terms that move a measurement by over a sigma."""
    for wish in found.unreachable:
        yield (
            f"the wish for {wish.name.removeprefix('prefer_')} is out of reach: no draw comes "
            f"near it (best ln P = {number(wish.log_p)})"
        )
    for move in found.moves:
        yield (
            f"{_what(move.by, found.labels)} moves {_what(move.of, found.labels)} by "
            f"{move.sigma:+.1f} sigma (to first order)"
        )


def held_words(found: Moment, labels: Labels) -> str:
    """Say what holds the largest moment back."""
    if not found.held:
        return "no limit or prior bound is near: such draws are rare"
    first, *others = found.held[:_MOST]
    itself = " itself" if first.kind == "moment" else ""
    near = "; ".join(_near(other, labels) for other in others)
    also = f" (near: {near})" if others else ""
    return f"held back by {_near(first, labels)}{itself}{also}"


def _first(summary: Summary) -> str:
    return (
        f"{summary.model}: {summary.chains * summary.draws} draws, {summary.chains} chains in "
        f"{summary.ensembles} ensembles, {summary.engine}"
    )


def _foot(directory: str, width: int) -> list[str]:
    """Say where the rest is: a command on one line, to be copied."""
    words, command = "Tables, points, notes:", f"nmmjax summary {directory} --full"
    whole = f"{words} {command}"
    return [whole] if len(whole) <= width else [words, f"  {command}"]


def _verdict(summary: Summary) -> str:
    return f"Verdict: {summary.verdict}"


def rows(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield (label, words) of every answer, the most important first; "" goes on with the last."""
    found = summary.headline
    for text in moved(found):
        yield "Beware", text
    if found.moment is not None:
        yield from _moment_rows(found.moment, found.labels)
    for wished in found.wished:
        yield wished.name, _wished_words(wished)
    if found.mass is not None:
        yield from _mass_rows(found.mass)
    if found.tuning is not None:
        yield "Tuning", _tuning_words(found.tuning)
    if found.tests:
        listed = ", ".join(f"{test.label} {share(test.share)}" for test in found.tests)
        yield "Would be tested", f"{listed} of the posterior"
    if found.matter:
        yield "Matters most", _matter_words(found.matter, found.labels)


def _moment_rows(found: Moment, labels: Labels) -> Iterator[tuple[str, str]]:
    if found.largest is None:
        yield "Largest mu_nu", f"none: no draw is inside every limit; {between(found.interval)}"
        return
    yield "Largest mu_nu", f"{number(found.largest)} mu_B, {held_words(found, labels)}"
    if found.without is not None:
        least = "" if found.exact else "at least "
        how = "sampled without them" if found.exact else "the draws end there: nmmjax ablate"
        text = f"{least}{number(found.without)} mu_B without {ablation.DIRECT} ({how})"
        yield "", text
    yield "mu_nu", f"{between(found.interval)} mu_B"


def _mass_rows(found: Mass) -> Iterator[tuple[str, str]]:
    yield "m_nu", f"{between(found.interval)} eV{', with m_nu_rge' if found.included else ''}"
    if found.rge is None:
        return
    word = "without" if found.included else "with"
    other = "" if found.other is None else f"; {word} it m_nu = {between(found.other)} eV"
    yield "m_nu_rge", f"{number(found.rge)} eV{other}"


def _wished_words(found: Wished) -> str:
    end = "largest" if found.largest else "smallest"
    words = f"{between(found.interval)} {found.unit}".rstrip()
    return words if found.extreme is None else f"{words}; {end} allowed {number(found.extreme)}"


def _tuning_words(found: Tuning) -> str:
    least = (
        ""
        if found.least is None
        else f"; least {number(found.least)} within a factor 2 of the largest mu_nu"
    )
    return f"{found.name} = {between(found.interval)}{least}"


def _matter_words(found: tuple[Matter, ...], labels: Labels) -> str:
    shown = found[:_MOST]
    unsure = any(not one.reliable for one in shown)
    parts = [f"{_what(one.name, labels)} takes {_roughly(one)}" for one in shown]
    doubt = " (unreliable, by reweighting: nmmjax ablate)" if unsure else ""
    return "; ".join(parts) + doubt


def _roughly(found: Matter) -> str:
    text = share(found.excluded)
    return text if found.reliable or text.startswith("<") else f"roughly {text}"


def _notes(summary: Summary, width: int, room: int) -> Iterator[str]:
    """As many of the notes that change the reading as there is room for."""
    rest = [note for note in summary.notes if not note.startswith(_SAID)]
    lines: list[str] = []
    for i, note in enumerate(rest):
        found = _row("Note", note.rstrip("."), width)
        left = f"Note            {len(rest) - i} more notes: --full"
        if len(lines) + len(found) + (i < len(rest) - 1) > room:
            lines += [left] if len(lines) < room else []
            break
        lines += found
    yield from lines


def _near(held: Held, labels: Labels) -> str:
    return f"the {held.name}" if held.kind == "prior" else _what(held.name, labels)


def _what(name: str, labels: Labels) -> str:
    if name.startswith("prefer_"):
        return f"the wish for {name.removeprefix('prefer_')}"
    return labels.get(name) or library.label(name)


def _row(label: str, text: str, width: int) -> list[str]:
    return _wrapped(text, width, f"{label:<{_LABEL}}", " " * _LABEL)


def _wrapped(text: str, width: int, first: str, later: str) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    )
