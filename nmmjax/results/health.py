"""Health of a sampler: proposals, acceptance, divergences, energy; none of them is a proof."""

import numpy as np

from nmmjax.results.rundir import Run
from nmmjax.samplers import diagnostics, series


def proposals(run: Run) -> dict[str, int]:
    """Proposals (n_proposals), those without a density (n_nonfinite), those with a NaN (n_nan)."""
    return {
        name: series.total(run.series(name, "sample_stats"))
        for name in ("n_nonfinite", "n_nan", "n_proposals")
        if run.has(name, "sample_stats")
    }


def of(run: Run) -> dict[str, float]:
    """Mean acceptance, share of divergent trajectories, lowest E-BFMI: what the run stored."""
    found = {}
    if run.has("acceptance_rate", "sample_stats"):
        found["acceptance"] = series.mean_of_known(run.series("acceptance_rate", "sample_stats"))
    if run.has("diverging", "sample_stats"):
        found["divergent"] = float(run.read("diverging", "sample_stats").mean())
    if run.has("energy", "sample_stats") and run.committed > 1:
        found["ebfmi"] = float(np.min(diagnostics.ebfmi(run.read("energy", "sample_stats"))))
    return found
