"""The scoreboard in Markdown."""

from typing import Any


def short(line: dict[str, Any]) -> str:
    """One line of progress."""
    figures = line["figures"] or {}
    reached = {ess: round(spent["cpu"], 1) for ess, spent in line["milestones"].items()}
    ess = min((x or 0.0 for x in figures.get("ess", [])), default=0.0)
    return (
        f"{line['target']}, {line['kind']}, {line['sampler']}, seed {line['seed']}: {reached} "
        f"R-hat {figures.get('rhat')} ESS {ess:.0f} ln Z {figures.get('log_z')} "
        f"in {line.get('cpu', 0.0):.1f} s {line['error'] or ''}"
    )


def markdown(header: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    return ""
