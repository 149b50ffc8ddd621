"""Are the draws converged, and what to do if not. Draws being allowed plays no part in it."""

import math

import numpy as np

from nmmjax.results import angles, undefined
from nmmjax.results.evidence import Evidence
from nmmjax.results.rundir import Run
from nmmjax.samplers import diagnostics
from nmmjax.samplers.diagnostics import Convergence

RHAT = 1.01  # largest rank-normalised split R-hat of converged draws, ensembles as chains
MIN_ESS = 400.0  # smallest bulk ESS unless the run file's until.ess asks for another
MIN_MEAN_ESS = 50.0  # effective draws of ensemble means below which R-hat and ESS mean nothing
_MOST_MORE = 50.0  # times as many draws, the most to ask for at once
_STUCK = 1.1  # R-hat above which more draws may not be the remedy
_KNOTS = 1025  # of the ranks by which all chains are scored where few are ranked


def figures(
    values: np.ndarray, run: Run, few: np.ndarray, period: float | None = None
) -> dict[str, float]:
    """R-hat, bulk and tail ESS, and the error of the mean, from the chains `few` alone.

    values   (chain, draw)
    period   of an angle: the worse figure of its cos and sin each

    Chains are exchangeable within their ensemble, so effective draws are proportional to their
    number: ESS and error are those of all chains.
    """
    if period is not None:
        return angles.worst([figures(x, run, few) for x in angles.plane(values, period)])
    share = len(values) / len(few)
    some = values[few]
    with np.errstate(all="ignore"):  # inf and NaN show as such
        spread = 1.0 if share == 1.0 else float(values.std() / some.std())
    return {
        "mcse_mean": diagnostics.mcse_mean(some) * spread / math.sqrt(share),
        "rhat": rhat_of(some, run, few),
        "ess_bulk": share * diagnostics.ess_bulk(some),
        "ess_tail": share * diagnostics.ess_tail(some),
    }


def rhat_of(values: np.ndarray, run: Run, few: np.ndarray, period: float | None = None) -> float:
    """R-hat of the chains `few`, (chain, draw): ensembles as chains, nested with superchains.

    Of an angle with a `period` the worse of its cos and sin.
    """
    if period is not None:
        return float(np.max([rhat_of(x, run, few) for x in angles.plane(values, period)]))
    if run.superchains is None:
        return diagnostics.rhat(values, run.ensemble[few])
    return diagnostics.rhat_nested(values, run.superchains[few])


def mean_series_ess(
    values: np.ndarray, ensemble: np.ndarray, few: np.ndarray, period: float | None = None
) -> float:
    """Effective draws of the means over each ensemble, followed through the draws.

    Every chain counts: fewer of them would drown what an ensemble's walkers have in common.
    Where only `few` are ranked, all are scored by interpolating those ranks.
    """
    if period is not None:
        both = angles.plane(values, period)
        return float(np.min([mean_series_ess(x, ensemble, few) for x in both]))
    if len(few) == len(values) or not np.all(np.isfinite(values)):
        return diagnostics.ensemble_mean_ess(values, ensemble)
    levels = np.linspace(0.0, 1.0, _KNOTS)
    knots, first = np.unique(np.quantile(values[few], levels), return_index=True)
    scores = np.interp(values, knots, levels[first])
    means = [scores[ensemble == e].mean(axis=0) for e in np.unique(ensemble)]
    return diagnostics.ensemble_mean_ess(np.stack(means), np.arange(len(means)))


def convergence(run: Run, most: int) -> Convergence:
    """Diagnostics of the sampled parameters, from about `most` draws of each."""
    few = run.few(most)
    rows = []
    for name in run.sampled:
        values, period = run.read(name), run.period(name)
        found = figures(values, run, few, period)
        means = mean_series_ess(values, run.ensemble, few, period)
        rows.append((found["rhat"], found["ess_bulk"], found["ess_tail"], means))
    return Convergence(run.sampled, *np.array(rows).T)


def verdict(run: Run, found: Convergence, evident: Evidence | None = None) -> tuple[bool, str]:
    """(converged, words); refused where too many proposals were of undefined density."""
    return undefined.refused(run, *_judged(run, found, evident))


def _judged(run: Run, found: Convergence, evident: Evidence | None) -> tuple[bool, str]:
    """(converged, words) by the draws alone.

    Draws taken by weight are worth no more than their weights, and are in no order: the means of
    their ensembles are no series, and play no part.
    """
    stop = run.resolved["stop"]
    wanted = float(stop.get("until", {}).get("ess", MIN_ESS))
    (p, rhat), (q, bulk), (r, means) = (
        found.worst(figure) for figure in ("rhat", "ess_bulk", "mean_series_ess")
    )
    if evident is not None and evident.effective < bulk:
        bulk, q = evident.effective, "by weight"
    doubts = () if evident is None else evident.doubts
    kind = "R-hat" if run.superchains is None else "nested R-hat"
    checks = (
        (rhat < RHAT, f"worst {kind} {rhat:.4f} ({p})", f"below {RHAT}"),
        (bulk > wanted, f"smallest bulk ESS {bulk:.0f} ({q})", f"above {wanted:g}"),
        (means >= MIN_MEAN_ESS, f"ensemble means worth {means:.0f} draws ({r})",
         f"at least {MIN_MEAN_ESS:g}"),
    )  # fmt: skip
    if evident is not None:
        checks = checks[:2]
    if all(passed for passed, _, _ in checks) and not doubts:
        return True, f"converged: {'; '.join(figure for _, figure, _ in checks)}."
    if evident is not None:
        return False, _weighted(checks, doubts)
    missing = "; ".join(f"{figure}, needed {need}" for passed, figure, need in checks if not passed)
    ratios = ((rhat - 1.0) / (RHAT - 1.0), wanted / max(bulk, 1.0), MIN_MEAN_ESS / max(means, 1.0))
    factor = np.clip(np.nan_to_num(ratios, nan=np.inf), 2.0, _MOST_MORE).max()
    advice = _advice(run.committed, int(stop["draws"]), p, rhat, factor)
    return False, f"not converged: {missing}. {advice}"


def _weighted(checks: tuple[tuple[bool, str, str], ...], doubts: tuple[str, ...]) -> str:
    """Why draws that come with an evidence are not trusted, and what to do."""
    missing = [f"{figure}, needed {need}" for passed, figure, need in checks if not passed]
    return (
        f"not converged: {'; '.join([*missing, *doubts])}. Give the engine more particles, live "
        "points or draws ([engine] options), or compare with the engine 'ensemble'."
    )


def _advice(stored: int, asked: int, name: str, rhat: float, factor: float) -> str:
    """What to do: continue, ask for more draws, or look at ensembles that disagree."""
    if stored < asked:
        return f"{stored} of {asked} draws are stored: run the same command again."
    more = f"run the same command with --set run.draws={_round_up(stored * factor)}"
    if rhat < _STUCK:
        return f"To go on, {more}."
    return (
        f"The ensembles disagree on {name}: look at figures/trace.png. Where the lines still "
        f"approach each other, {more}; where they stay apart, the walkers sit in separate regions, "
        "and more draws will not join them: give a longer run.burn_in or narrower priors."
    )


def _round_up(x: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ..."""
    decade = 10.0 ** math.floor(math.log10(x))
    return round(next(step * decade for step in (1.0, 2.0, 5.0, 10.0) if step * decade >= x))
