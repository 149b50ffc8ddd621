"""Notes that a reader needs beside the numbers, of a sentence or two each."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nmmjax.constraints import library
from nmmjax.results import health, trust
from nmmjax.results import undefined as undefined_proposals
from nmmjax.results.plain import number
from nmmjax.results.rundir import Run
from nmmjax.samplers import series
from nmmjax.samplers.series import WHOLE

_MASS_SCALE = 0.05  # eV, the scale of sqrt(Delta m^2_31)


def of(run: Run, undefined: dict[str, int], allowed: np.ndarray) -> Iterator[str]:
    """Notes on a run.

    undefined  observable -> number of draws at which it is not finite
    allowed    (chain, draw), inside every limit
    """
    yield from run.warnings
    physics = run.resolved["physics"]
    if not physics.get("constraints") and not physics.get("prefer"):
        yield "prior only: no constraint, no wish. The draws are the prior itself."
    elif not physics.get("constraints"):
        yield "no constraint: the prior, and the wishes below."
    for wish in physics.get("prefer", {}).values():
        yield (
            f"the target contains the wish {_wish_text(run, wish)}: the posterior is not a pure "
            "likelihood posterior."
        )
    settings = physics["model"].get("settings", {})
    if run.has("m_nu_rge") and "rge" not in settings:  # of Majorana neutrinos
        yield (
            "m_nu_rge is an estimate, a leading logarithm and at two loops power counting: an "
            "order of magnitude."
        )
    yield from _running(run, settings)
    yield from _short_running(run)
    entries = library.catalogue()
    for name in physics.get("constraints", {}):
        entry = entries.get(name, {})
        if "memory" in entry.get("verified", ""):
            yield f"constraint {name} rests on numbers not confirmed yet: {entry['verified']}."
        elif entry.get("note", "").startswith("indicative"):
            yield f"constraint {name} is {entry['note']}."
    yield from _astrophysics(run)
    if not allowed.any():
        yield "no stored draw is inside every limit."
    for name, count in undefined.items():
        yield f"{name} is not a finite number at {count} of {allowed.size} draws."
    yield from _sampling(run)
    yield from _thinned(run)
    if len(np.unique(run.ensemble)) < trust.ENSEMBLES:
        few = f"fewer than {trust.ENSEMBLES} ensembles"
        yield f"R-hat compares {few}: it may miss separate regions."


def _running(run: Run, settings: dict[str, Any]) -> Iterator[str]:
    """Say what the running mass is and, where m_nu holds it, what its cancellation costs."""
    if not run.has("m_nu_rge") or "rge" not in settings:
        return
    mass = series.median(run.series("m_nu_rge").mapped(np.abs))
    text = f"the gauge-induced (RGE) mass of these points is ~{number(mass)} eV, "
    if settings["rge"] is False:
        times = number(mass / _MASS_SCALE)
        text += f"{times} times {_MASS_SCALE} eV, left out of m_nu with rge = false."
    elif run.has("tuning_cancel"):
        tuning = series.median(run.series("tuning_cancel"))
        text += (
            "part of m_nu: other terms cancel it, and the mass terms together are "
            f"{number(tuning)} times as large as their sum (median of tuning_cancel)."
        )
    else:
        text += "part of m_nu."
    yield text


def _short_running(run: Run) -> Iterator[str]:
    """Say where the logarithm of m_nu_rge is not large: leading logarithms decide nothing there."""
    if not run.has("rge_log"):
        return
    if (short := series.mean(run.series("rge_log").mapped(lambda x: x < 1.0))) > 0.0:
        yield (
            f"{short:.2%} of the draws have rge_log < 1: the loop is no heavier than e times the "
            "weak scale, and m_nu_rge, taken with a logarithm of 1 there, an order of magnitude."
        )


def _sampling(run: Run) -> Iterator[str]:
    if (lost := undefined_proposals.of(run)) is not None:
        yield f"{lost.text}. They were rejected: a fault of the model."
    if 0.0 < (share := health.of(run).get("divergent", 0.0)) <= trust.SHARE:
        yield f"{share:.2%} of the trajectories diverged, too few to matter."


def _thinned(run: Run) -> Iterator[str]:
    """Say what is not of every draw, where they do not fit in memory at once."""
    if (size := len(run.ensemble) * run.committed) <= WHOLE:
        return
    few = run.few(trust.MOST)
    yield (
        f"{size:.2g} draws are read in pieces: means, quantiles, extremes, best points, trends and "
        "the averages over each ensemble are of all of them. R-hat, ESS, MCSE, regions, ranking "
        f"and moves are of {len(few)} of {len(run.ensemble)} chains, one draw of "
        f"{run.every(few)}: such an ESS is a lower bound."
    )


def _astrophysics(run: Run) -> Iterator[str]:
    """Say that limits from stars and supernovae are off: they depend on models of the stars."""
    used = run.resolved["physics"].get("constraints", {})
    could = library.answered("@astro", run.variables["posterior"])
    if could and not any(name in used for name in could):
        yield (
            f"limits from stars and supernovae are off ({', '.join(could)}); "
            'constraints = [..., "@astro"] applies them.'
        )


def _wish_text(run: Run, wish: dict[str, Any]) -> str:
    (name,) = wish["requires"]
    unit = run.variables["posterior"].get(name, {}).get("units", "")
    ends = (f"{word} {wish[word]:g} {unit}".rstrip() for word in ("above", "below") if word in wish)
    return f"{name} {' and '.join(ends)}"
