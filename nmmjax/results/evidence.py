"""ln Z of a run whose engine estimates it: independent repeats joined, and how far to trust it."""

import dataclasses
import math

import numpy as np

from nmmjax.results import trust
from nmmjax.results.rundir import Run


@dataclasses.dataclass(frozen=True)
class Evidence:
    """ln of the integral of prior times likelihood, wishes included, the prior normalised.

    log_z, error   mean over repeats, and its standard error: the larger of what the repeats
                   claim and what they scatter
    each           ln Z of every repeat
    effective      draws that all repeats together are worth, NaN if the engine does not say
    check          (ln Z, error) by another method, if the engine made one to be relied on
    """

    log_z: float
    error: float
    each: tuple[float, ...]
    effective: float
    check: tuple[float, float] | None = None


def of(run: Run) -> Evidence | None:
    """Return the evidence that the run's engine wrote; None without one."""
    table, other = run.table("evidence"), run.table("evidence_check")
    if "log_z" not in table:
        return None
    sound = "log_z" in other and all(trust.reliable(k) for k in other.get("pareto_k", ()))
    return Evidence(
        *_joined(table),
        tuple(map(float, table["log_z"])),
        float(np.sum(table["ess"])) if "ess" in table else math.nan,
        _joined(other) if sound else None,
    )


def _joined(table: dict[str, np.ndarray]) -> tuple[float, float]:
    """Mean of ln Z over repeats and its error."""
    log_z, claimed = table["log_z"], table["log_z_error"]
    count = len(log_z)
    scatter = float(np.std(log_z, ddof=1)) if count > 1 else 0.0
    joined = math.sqrt(float(np.sum(claimed**2))) / count
    return float(np.mean(log_z)), max(joined, scatter / math.sqrt(count))
