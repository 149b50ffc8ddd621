"""Verdict on the convergence of draws, with advice; whether draws are allowed plays no part."""

import dataclasses
import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from nmmjax.results import advice, angles, evidence, regions, trust, undefined
from nmmjax.results.evidence import Evidence
from nmmjax.results.regions import Regions
from nmmjax.results.rundir import Run
from nmmjax.results.trust import Finding
from nmmjax.results.variables import HEADLINES, differ
from nmmjax.samplers import convergence as of_chains
from nmmjax.samplers import diagnostics, series
from nmmjax.samplers.convergence import Convergence
from nmmjax.samplers.series import Series

_MOST_MORE = 50.0  # times as many draws, the most to ask for at once
_UNTOUCHED = 0.01  # spread of a term of ln L below which no draw feels it
DENSITY, LIKELIHOOD = "ln density", "ln L"


def figures(
    values: Series, run: Run, few: np.ndarray, period: float | None = None
) -> dict[str, float]:
    """R-hat, bulk and tail ESS, and the error of the mean, from the chains `few` alone.

    period   of an angle: the worse figure of its cos and sin each

    Chains are exchangeable within their ensemble, so effective draws are proportional to their
    number: ESS and error are those of all chains.
    """
    if period is not None:
        return angles.worst([figures(x, run, few) for x in _plane(values, period)])
    share, every = values.chains / len(few), run.every(few)
    some = values.some(few, every)
    ranked = None if diagnostics.undefined(some) else diagnostics.half_scores(some)
    with np.errstate(all="ignore"):  # inf and NaN show as such
        all_ = share == 1.0 and every == 1
        spread = 1.0 if all_ else float(series.described(values).spread / some.std())
    return {
        "mcse_mean": diagnostics.mcse_mean(some) * spread / math.sqrt(share),
        "rhat": rhat_of(some, run, few, ranked=ranked),
        "ess_bulk": share * diagnostics.ess_bulk(some, ranked),
        "ess_tail": share * diagnostics.ess_tail(some),
    }


def rhat_of(
    values: np.ndarray,
    run: Run,
    few: np.ndarray,
    period: float | None = None,
    ranked: np.ndarray | None = None,
) -> float:
    """R-hat of the chains `few`, (chain, draw): ensembles as chains, nested with superchains.

    Of an angle with a `period` the worse of its cos and sin.
    """
    if period is not None:
        return float(np.max([rhat_of(x, run, few) for x in angles.plane(values, period)]))
    if run.superchains is None:
        return diagnostics.rhat(values, run.ensemble[few], ranked)
    return diagnostics.rhat_nested(values, run.superchains[few], ranked)


def _plane(values: Series, period: float) -> tuple[Series, Series]:
    """(cos, sin) of an angle."""
    cosine = values.mapped(lambda x: angles.plane(x, period)[0])
    return cosine, values.mapped(lambda x: angles.plane(x, period)[1])


def judged(run: Run) -> dict[str, Series]:
    """Every quantity that must have converged, by name.

    The sampled parameters (an angle by its cosine and sine), ln density, ln L and its terms, and
    the headline observables; of those after the parameters, what is the same at every draw says
    nothing, nor does a term of ln L that no draw feels. An undefined observable counts as larger
    than any other.
    """
    found = dict(_parameters(run))
    further = dict(_terms(run))
    for name in HEADLINES:
        if name in run.labels and name not in found:
            further[name] = run.series(name).mapped(lambda x: np.where(np.isnan(x), np.inf, x))
    return found | {name: x for name, x in further.items() if _varies(x)}


def _varies(x: Series) -> bool:
    """Tell values that differ by more than rounding, or are not finite, from a constant."""
    low, high = series.extremes(x)
    if not (math.isfinite(low) and math.isfinite(high)):
        return True
    return differ(low, high)


def _parameters(run: Run) -> Iterator[tuple[str, Series]]:
    for name in run.sampled:
        x, period = run.series(name), run.period(name)
        if period is not None:
            cosine, sine = _plane(x, period)
            yield f"cos {name}", cosine
            yield f"sin {name}", sine
        else:
            yield name, x


def _terms(run: Run) -> Iterator[tuple[str, Series]]:
    yield DENSITY, run.series("lp", "sample_stats")
    terms = {n: run.series(n, "log_likelihood") for n in run.variables.get("log_likelihood", {})}
    wishes = [n for n in run.variables.get("target", {}) if n.startswith("prefer_")]
    if len(terms) > 1:
        yield LIKELIHOOD, _sum(list(terms.values()))
    terms |= {n: run.series(n, "target") for n in wishes}
    for name, x in terms.items():
        low, high = series.extremes(x)
        if not high < low + _UNTOUCHED:  # NaN included
            yield f"{LIKELIHOOD} of {name}", x


def _sum(terms: Sequence[Series]) -> Series:
    """The sum of several series, which are read one after the other."""

    def read(chains: np.ndarray | None, draws: slice) -> np.ndarray:
        total = terms[0].read(chains, draws).copy()
        for x in terms[1:]:
            total += x.read(chains, draws)
        return total

    return dataclasses.replace(terms[0], read=read)


def convergence(run: Run, names: Collection[str] | None = None) -> Convergence:
    """Diagnostics of everything that is judged, or of some of it."""
    run = run.independent
    few = run.few(trust.MOST)
    every = run.every(few)
    found = {k: x for k, x in judged(run).items() if names is None or k in names}
    return of_chains.convergence(found, run.ensemble, run.superchains, few, every)


def separate(run: Run) -> tuple[Regions, ...]:
    """Quantities with separate regions: sampled parameters, and ln density."""
    run = run.independent
    few = run.few(trust.MOST)
    priors = run.resolved["physics"]["priors"]
    read = {name: run.sample(name, few) for name in run.sampled}
    read[DENSITY] = run.sample("lp", few, "sample_stats")
    found = (
        regions.find(name, values, run.ensemble[few], priors.get(name, {}), run.period(name))
        for name, values in read.items()
    )
    return tuple(one for one in found if one is not None)


def findings(
    found: Convergence,
    parameters: int,
    wanted: float,
    rhat: float = trust.RHAT,
    kind: str = "R-hat",
    effective: float | None = None,
) -> Iterator[Finding]:
    """Yield the figures of draws against their thresholds; the worst quantity stands for all.

    parameters  how many of the quantities, the first, are parameters, for which an ESS of `wanted`
                is asked; of the others one for which the figures are reliable
    effective   what draws taken by weight are worth, NaN if it is not known: such draws are in no
                order, and the means of their ensembles no series
    """
    yield trust.of_rhat(kind, *found.worst("rhat"), rhat)
    least = _least(found, parameters, wanted)
    name, size = found.names[least], float(found.ess_bulk[least])
    needed = wanted if least < parameters else trust.ESS
    if effective is not None and effective / wanted < size / needed:
        name, size, needed = "by weight", effective, wanted
    yield trust.of_ess(name, size, needed)
    if effective is None:
        yield trust.of_means(*found.worst("mean_series_ess"))
        yield trust.of_trend(*found.worst("trend_p"))
        yield trust.of_strays(*found.worst("stray"))


def _least(found: Convergence, parameters: int, wanted: float) -> int:
    """Index of the quantity of fewest effective draws, against what is needed of it."""
    needed = np.where(np.arange(len(found.names)) < parameters, 1.0, wanted / trust.ESS)
    ess = found.ess_bulk * needed
    return int(np.argmin(np.where(np.isnan(ess), -np.inf, ess)))


def of_draws(
    run: Run, found: Convergence, effective: float | None = None, rhat: float = trust.RHAT
) -> list[Finding]:
    """`findings` with what the run asks for."""
    kind = "R-hat" if run.superchains is None else "nested R-hat"
    return list(findings(found, *_asked(run, found), rhat, kind, effective))


def weakest(run: Run, found: Convergence) -> set[str]:
    """Names of the quantities on which the verdict turns."""
    least = found.names[_least(found, *_asked(run, found))]
    return {least, *(found.worst(k)[0] for k in ("rhat", "mean_series_ess", "stray"))}


def _asked(run: Run, found: Convergence) -> tuple[int, float]:
    """Return how many of the quantities are parameters, and the ESS asked of those."""
    wanted = float(run.resolved["stop"].get("until", {}).get("ess", trust.ESS))
    return sum(1 for name in found.names if name in _names(run)), max(wanted, trust.ESS)


def verdict(
    run: Run,
    found: Convergence,
    apart: tuple[Regions, ...] = (),
    evident: Evidence | None = None,
    rhat: float = trust.RHAT,
) -> tuple[bool, str]:
    """(converged, words), of the draws and of everything that their engine says against them."""
    run, stop = run.independent, run.resolved["stop"]
    effective = None if evident is None else evident.effective
    checks = of_draws(run, found, effective, rhat)
    checks += trust.of_summit(
        run.series("lp", "sample_stats").held(), run.ensemble, effective is None
    )
    against = [*trust.doubts(run), *(text for one in apart if (text := regions.against(one)))]
    against += undefined.against(run)
    missing = [f"{c.figure}, needed {c.needed}" for c in checks if not c.sound]
    if still := _still(found):
        missing = [still]  # figures of other quantities would only hide it
    if not missing and not against:
        return True, f"converged: {'; '.join(c.figure for c in checks[:3])}."
    why = f"not converged: {'; '.join([*missing, *against])}. "
    if evident is not None:
        return False, why + (
            "Give the engine more particles, live points or draws ([engine] options), or compare "
            "with the engine 'ensemble'."
        )
    if not missing:
        return False, why.rstrip()
    shortage = [c.shortage for c in checks if not c.sound]
    factor = np.clip(np.nan_to_num(shortage, nan=np.inf), 2.0, _MOST_MORE).max()
    onward = advice.onward(run.committed, int(stop["draws"]), *found.worst("rhat"), factor)
    engine, (_, stray) = run.resolved["sampling"]["engine"], found.worst("stray")
    return False, why + onward + advice.out_of_corners(engine, stray)


def of(run: Run, rhat: float = trust.RHAT, found: Convergence | None = None) -> tuple[bool, str]:
    """Return the verdict on the stored draws of a run."""
    return verdict(run, found or convergence(run), separate(run), evidence.of(run), rhat)


def _still(found: Convergence) -> str:
    """Name the quantities whose R-hat is undefined, and say what that means; "" if none is."""
    names = [name for name, rhat in zip(found.names, found.rhat, strict=True) if math.isnan(rhat)]
    if not names:
        return ""
    others = f" and {len(names) - 1} others" if len(names) > 1 else ""
    return f"{names[0]}{others} never changed, or in too few draws to tell (R-hat is undefined)"


def _names(run: Run) -> set[str]:
    return {label for name in run.sampled for label in (name, f"cos {name}", f"sin {name}")}
