"""Thresholds of trust, each with its source, and the decisions taken with them.

Draws are trusted where chains agree (R-hat), where they are worth enough independent ones (ESS),
where nothing still moves (trend) and no walker stays apart (stray), for every quantity that is
judged; and where the engine that made them states no doubt. Summary, verdict, figures, `until`
and `status` ask here.
"""

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from nmmjax.errors import InputError
from nmmjax.results.rundir import Run
from nmmjax.samplers import convergence, diagnostics
from nmmjax.samplers.series import Series

RHAT = 1.01  # rank-normalised split R-hat, arXiv:1903.08008, section 4
RHAT_STUCK = 1.1  # Gelman and Rubin's old threshold: above it more draws may not be the remedy
ESS = 400.0  # bulk ESS for which R-hat and ESS are themselves reliable, arXiv:1903.08008, section 4
MEAN_ESS = 50.0  # independent means over an ensemble: at 50 their number is known to about 30%
PARETO_K = 0.7  # shape of the tail of weights, arXiv:1507.02646, section 3.2.4
P_VALUE = 1e-3  # of a test that a sound run passes: one run in a thousand is refused by chance
STRAY = 7.0  # of walker means, in their own robust deviations: 1e-9 of a Gaussian, for heavy tails
VISITS = 10.0  # times that walkers leave a place for each that is in it: its weight to about 30%
EBFMI = 0.3  # energy fraction, arXiv:1604.00695, section 4
SHARE = 1e-3  # of proposals that are undefined, or of trajectories that diverge: a choice
ENSEMBLES = 4  # chains that R-hat should compare at least, arXiv:1903.08008, section 4

MOST = 2**18  # draws of each quantity that the verdict ranks; means take all of them

_BELOW = "below"
_LEAST = "at least"


class Finding(NamedTuple):
    """One figure, held against its threshold.

    figure    in words, with the quantity it belongs to; needed: what would be right
    shortage  times as many draws as there are that would help, NaN where more draws would not
    """

    sound: bool
    figure: str
    needed: str
    shortage: float = math.nan


def of_rhat(kind: str, name: str, value: float, limit: float = RHAT) -> Finding:
    """R-hat, or nested R-hat (`kind`), of the worst quantity."""
    figure = f"worst {kind} {value:.4f} ({name})"
    return Finding(value < limit, figure, f"{_BELOW} {limit:g}", (value - 1.0) / (limit - 1.0))


def of_ess(name: str, value: float, wanted: float = ESS) -> Finding:
    """Bulk ESS of the worst quantity, or what weighted draws are worth."""
    figure = f"smallest bulk ESS {value:.0f} ({name})"
    return Finding(value > wanted, figure, f"above {wanted:g}", wanted / max(value, 1.0))


def of_means(name: str, value: float) -> Finding:
    """Independent values among the averages over each ensemble."""
    figure = f"the averages over each ensemble amount to only {value:.0f} independent values"
    if value >= MEAN_ESS:
        figure = f"the averages over each ensemble amount to {value:.0f} independent values"
    needed = f"{_LEAST} {MEAN_ESS:g}"
    return Finding(value >= MEAN_ESS, f"{figure} ({name})", needed, MEAN_ESS / max(value, 1.0))


def of_trend(name: str, p: float) -> Finding:
    """Compare the first and the last third of the draws, over all ensembles and quantities."""
    figure = f"{name} still drifts: its first and last third differ (p = {p:.1g})"
    return Finding(not p < P_VALUE, figure, f"{_LEAST} {P_VALUE:g}", 2.0)


def of_strays(name: str, value: float) -> Finding:
    """Judge the mean of the walker that lies farthest from all others."""
    figure = (
        f"a walker stays apart from the others in {name}, {value:.0f} deviations away: it may sit "
        "in a region that the others have not found"
    )
    return Finding(not value > STRAY, figure, f"at most {STRAY:g}", 4.0)


def of_summit(lp: np.ndarray | Series, ensemble: np.ndarray, ordered: bool) -> Iterator[Finding]:
    """Draws of much higher ln density than all others: are there enough, in every ensemble?

    ordered  draws of a chain follow one another
    """
    gap, beyond = convergence.summit(lp)
    if gap == 0.0:
        return
    p = convergence.agreement_p(np.stack([beyond, ~beyond]), ensemble)
    where = f"where ln density is higher by {gap:.0f} or more"
    figure = f"the ensembles disagree on the weight of the place {where} (p = {p:.1g})"
    yield Finding(agree(p), figure, f"{_LEAST} {P_VALUE:g}", 4.0)
    if ordered:
        yield _of_stays(where, *convergence.stays(beyond))


def _of_stays(where: str, stay: int, left: int) -> Finding:
    figure = f"{stay} of the walkers ended in a place {where}, and {left} times one came back"
    return Finding(left >= VISITS * stay, figure, f"at least {VISITS * stay:g} times", 4.0)


def agree(p: float) -> bool:
    """Tell whether a test allows that ensembles, or repeats, agree."""
    return not p < P_VALUE


def agrees(rhat: float, limit: float = RHAT_STUCK) -> bool:
    """Tell whether chains agree well enough for a number of two digits."""
    return bool(rhat < limit)


def reliable(pareto_k: float) -> bool:
    """Tell whether averages over weights with this tail mean something."""
    return bool(pareto_k < PARETO_K)


def doubts(run: Run) -> tuple[str, ...]:
    """Collect in words what the engine of a run itself says against its result."""
    declared = _declared(run)
    words = list(raised(declared, functools.partial(_figure, run)))
    if run.table("evidence") and not any(d["figure"].startswith("evidence/") for d in declared):
        words.append("the engine declares no check of its ln Z, which nothing then speaks for")
    return tuple(words)


def raised(
    declared: Iterable[Mapping[str, Any]], figure: Callable[[str], np.ndarray | None]
) -> Iterator[str]:
    """Yield, in words, the declared doubts whose figures are beyond their thresholds.

    declared  `figure`, `kind`, `words`, `of`, `less` and `unless` of each
    figure    "group/name" -> its values, None where there are none
    """
    for doubt in declared:
        values = figure(doubt["figure"])
        if values is None or values.size == 0:
            continue
        if why := _failed(doubt, np.atleast_1d(values), figure):
            yield f"{doubt['words']} ({why})"


def _declared(run: Run) -> list[dict[str, Any]]:
    try:
        return [dict(doubt) for doubt in json.loads(run.attributes.get("doubts", "[]"))]
    except (ValueError, TypeError):
        raise InputError(f"'{run.directory}': the attribute 'doubts' is damaged") from None


def _figure(run: Run, path: str) -> np.ndarray | None:
    """A statistic of all draws, or a column of a table; None where the run has none."""
    group, _, name = path.partition("/")
    if run.has(name, group):
        return run.read(name, group)
    return run.table(group).get(name)


def _failed(
    doubt: Mapping[str, Any],
    values: np.ndarray,
    figure: Callable[[str], np.ndarray | None],
) -> str:
    """Say why a doubt is raised; "" if it is not."""
    match doubt["kind"]:
        case "p_value":
            k = figure(doubt["unless"]) if doubt["unless"] else None
            bad = ~(values >= P_VALUE) & (k is None or bool(np.all(k < PARETO_K)))
            worst = f"p = {np.min(values):.1g}, needed at least {P_VALUE:g}"
        case "pareto_k":
            bad = ~(values < PARETO_K)
            worst = f"Pareto k-hat {np.max(values):.2f}, needed below {PARETO_K:g}"
        case "flag":
            bad, worst = values != 0, "noticed by the engine"
        case "share":
            share = _share(doubt, values, figure)
            bad = np.array(not share <= SHARE)
            worst = f"{share:.2%} of them, at most {SHARE:.1%} is allowed"
        case "energy":
            lowest = float(np.min(diagnostics.ebfmi(values))) if values.shape[1] > 1 else 1.0
            bad = np.array(lowest < EBFMI)
            worst = f"E-BFMI {lowest:.2f} in the worst chain, needed at least {EBFMI:g}"
        case other:
            bad, worst = np.array(True), f"of a kind that this version does not know, '{other}'"
    return f"{_of(bad)}{worst}" if np.any(bad) else ""


def _of(bad: np.ndarray) -> str:
    return f"{np.sum(bad)} of {bad.size} repeats; " if bad.size > 1 else ""


def _share(
    doubt: Mapping[str, Any],
    values: np.ndarray,
    figure: Callable[[str], np.ndarray | None],
) -> float:
    """Divide what is counted by what it is counted out of; 0 where there is nothing to count."""
    if isinstance(of := doubt["of"], str):
        counted = figure(of)
        total = math.nan if counted is None else float(np.sum(counted))
    else:
        total = float(of) * values.size
    less = figure(doubt["less"]) if doubt["less"] else None
    count = float(np.sum(values))
    if less is not None:
        total -= float(np.sum(less)) - count
    return count / total if total > 0.0 else float(count > 0.0)
