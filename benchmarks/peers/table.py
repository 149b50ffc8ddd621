"""The scoreboard in Markdown: ours against the best peer, disagreements, and every cell."""

import itertools
from typing import Any

from benchmarks.peers import scores
from benchmarks.peers.figures import FEW, MANY, least_ess
from benchmarks.peers.scores import Disagreement, Entry, Row

_PHASES = ("imports", "target", "starting points", "first draws")
_CONTESTS = {"chart": "draws, in the chart", "box": "draws, in the box", "evidence": "evidence"}


def short(line: dict[str, Any]) -> str:
    """One line of progress."""
    figures = line["figures"]
    reached = {ess: round(spent["cpu"], 1) for ess, spent in line["milestones"].items()}
    told = f"{line['target']}, {line['kind']}, {line['sampler']}, seed {line['seed']}: {reached}"
    if figures is not None:
        told += f" R-hat {figures['rhat']} ESS {least_ess(figures):.0f} ln Z {figures['log_z']}"
    return f"{told} {line.get('cpu', 0.0):.1f} s {line['error'] or ''}".rstrip()


def markdown(header: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    """The whole section, as docs/performance.md holds it."""
    found = scores.entries(lines)
    differing = scores.disagreements(found)
    parts = [_provenance(header, lines), _scoreboard(scores.rows(found))]
    parts += [_disagreements(differing), _cold_starts(found)] + [
        _cells(target, [e for e in found if e.target == target], differing)
        for target in dict.fromkeys(e.target for e in found)
    ]
    return "\n".join(part for part in parts if part)


def _provenance(header: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in header["versions"].items())
    seeds = sorted({line["seed"] for line in lines})
    named = f"seed {seeds[0]}" if len(seeds) == 1 else f"up to {len(seeds)} seeds, their medians"
    return (
        f"Commit {header['commit']}, {header['date']}; {header['machine']}; Python "
        f"{header['python']}; {named}.\n{versions}.\n"
    )


def _scoreboard(rows: list[Row]) -> str:
    head = ("target", "contest", "ours", "best peer", "ours, ESS per CPU s", "peer", "ratio")
    head += (f"CPU s to ESS {FEW}, ratio", f"to {MANY}, ratio")
    head += ("cold start, ours", "peer", "ratio after it")
    return _table(head, [_scored(row) for row in rows])


def _scored(row: Row) -> tuple[str, ...]:
    ours = "none converged" if row.ours is None else row.ours.sampler
    peer = "none converged" if row.peer is None else row.peer.sampler
    rates = (_number(None if e is None else e.rate) for e in (row.ours, row.peer))
    sooner = (_number(row.sooner(ess)) for ess in (FEW, MANY))
    contest = _CONTESTS[row.contest]
    cold = (_number(None if e is None else e.cold_start) for e in (row.ours, row.peer))
    figures = (*rates, _number(row.ratio), *sooner, *cold, _number(row.warm_ratio))
    return (row.target, contest, ours, peer, *figures)


def _disagreements(found: list[Disagreement]) -> str:
    if not found:
        return "No converged sampler disagrees with its reference.\n"
    head = ("sampler", "target", "chart", "quantity", "found", "reference", "says", "sigmas")
    worst: dict[int, Disagreement] = {}
    for d in found:
        if id(d.entry) not in worst or d.sigmas > worst[id(d.entry)].sigmas:
            worst[id(d.entry)] = d
    return _table(head, [_told(d) for d in worst.values()])


def _told(d: Disagreement) -> tuple[str, ...]:
    entry = (d.entry.sampler, d.entry.target, d.entry.kind)
    return (*entry, d.quantity, f"{d.found:.4g}", d.reference, f"{d.right:.4g}", f"{d.sigmas:.1f}")


def _cold_starts(found: list[Entry]) -> str:
    """What the first draws of `ensemble` cost, piece by piece."""
    told = [e for e in found if e.sampler == "ensemble" and "first draws" in e.lines[0]["phases"]]
    rows = []
    for entry in told:
        ends = [0.0, *(entry.lines[0]["phases"][name] for name in _PHASES)]
        spent = (f"{b - a:.1f}" for a, b in itertools.pairwise(ends))
        after = _number(entry.warm_rate)
        rows.append((f"{entry.target}, {entry.kind}", *spent, f"{ends[-1]:.1f}", after))
    head = ("first draws of ensemble, CPU s", *_PHASES, "together", "ESS per CPU s after them")
    return _table(head, rows) if rows else ""


def _cells(target: str, found: list[Entry], differing: list[Disagreement]) -> str:
    head = ("sampler", "chart", f"CPU s to {FEW}", f"to {MANY}", f"wall s to {MANY}")
    head += (f"densities to {MANY}", "ESS per CPU s", "R-hat", "ln Z", "")
    wrong = {id(d.entry): d for d in reversed(differing)}
    ordered = sorted(found, key=lambda e: -e.rate)
    rows = [_cell(entry, wrong.get(id(entry))) for entry in ordered]
    return f"### {target}\n\n" + _table(head, rows)


def _cell(entry: Entry, wrong: Disagreement | None) -> tuple[str, ...]:
    figures = entry.good[0] if entry.good else {"rhat": None, "log_z": None}
    log_z = scores.numbers(entry).get("ln Z")
    remark = scores.missed(entry)
    if wrong is not None:
        remark = f"disagrees: {wrong.quantity}, {wrong.sigmas:.0f} sigmas"
    return (
        f"**{entry.sampler}**" if entry.ours else entry.sampler,
        entry.kind,
        _number(entry.spent(FEW, "cpu")),
        _number(entry.spent(MANY, "cpu")),
        _number(entry.spent(MANY, "wall")),
        _number(entry.spent(MANY, "evaluations")),
        _number(entry.rate or None),
        "" if figures["rhat"] is None else f"{figures['rhat']:.4f}",
        "" if log_z is None else f"{log_z[0]:.3f} +- {log_z[1]:.3f}",
        remark,
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _number(x: float | None) -> str:
    """Three digits; a dash where there is none."""
    if x is None:
        return "-"
    return f"{x:.3g}" if x == 0.0 or 1e-2 <= x < 1e5 else f"{x:.2e}"
