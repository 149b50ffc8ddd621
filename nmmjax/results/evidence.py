"""ln Z of a run whose engine estimates it: independent repeats joined, and how far to trust it."""

import dataclasses
import math

import numpy as np

from nmmjax.results.rundir import Run

KHAT = 0.7  # Pareto shape of importance weights above which they mean nothing (arXiv:1507.02646)
DOUBTFUL = 1e-3  # p value below which a test counts as failed


@dataclasses.dataclass(frozen=True)
class Evidence:
    """ln of the integral of prior times likelihood, wishes included, the prior normalised.

    log_z, error   mean over repeats, and its standard error: the larger of what the repeats
                   claim and what they scatter
    each           ln Z of every repeat
    effective      draws that all repeats together are worth, NaN if the engine does not say
    doubts         what speaks against it, in words
    """

    log_z: float
    error: float
    each: tuple[float, ...]
    effective: float
    doubts: tuple[str, ...]


def of(run: Run) -> Evidence | None:
    """The evidence that the run's engine wrote; None without one."""
    table = run.table("evidence")
    if "log_z" not in table:
        return None
    log_z, claimed = table["log_z"], table["log_z_error"]
    count = len(log_z)
    scatter = float(np.std(log_z, ddof=1)) if count > 1 else 0.0
    joined = math.sqrt(float(np.sum(claimed**2))) / count
    return Evidence(
        float(np.mean(log_z)),
        max(joined, scatter / math.sqrt(count)),
        tuple(map(float, log_z)),
        float(np.sum(table["ess"])) if "ess" in table else math.nan,
        tuple(_doubts(table)),
    )


def _doubts(table: dict[str, np.ndarray]) -> list[str]:
    found, count = [], len(table["log_z"])
    if (p := float(np.min(table.get("repeats_p", np.ones(1))))) < DOUBTFUL:
        found.append(
            f"its {count} repeats scatter more than their errors allow (p = {p:.1g}): "
            "a mode was missed, or the engine mixes too slowly"
        )
    if (low := np.sum(table.get("insertion_rank_p", np.ones(1)) < DOUBTFUL)) > 0:
        found.append(f"the insertion ranks of {low} of {count} repeats are not uniform")
    if (high := np.sum(table.get("pareto_k", np.zeros(1)) > KHAT)) > 0:
        found.append(
            f"Pareto k-hat of {high} of {count} repeats is above {KHAT}: a few weights decide"
        )
    return found
