"""Summary of a run: tables, best point, largest moment, ranking of constraints, a verdict."""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nmmjax.errors import InputError
from nmmjax.results import angles, evidence, headline, health, notes, ranking, regions, verdict
from nmmjax.results.rundir import Run
from nmmjax.results.variables import SAME, Attributes
from nmmjax.samplers import series
from nmmjax.samplers.convergence import Convergence
from nmmjax.samplers.series import Described, Series, thinned

type Score = Callable[[slice, np.ndarray], np.ndarray]  # draws, values (chain, some draws)

_FIGURES = ("rhat", "ess_bulk", "ess_tail", "mean_series_ess", "trend_p", "stray")
# Draws that diagnostics and ranking take; means and quantiles take all of them.
_MOST_OF_PARAMETER = 2**20
_MOST_OF_OBSERVABLE = 2**17
_MOST_RANKED = 2**18
_FEWEST_RANKED = 100


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table; quantiles at 5, 50 and 95%; of an angle the shortest arc with 90%."""

    name: str
    role: str
    unit: str
    mean: float
    sd: float
    q05: float
    q50: float
    q95: float
    mcse_mean: float
    rhat: float
    ess_bulk: float
    ess_tail: float
    angle: bool = False


@dataclasses.dataclass(frozen=True)
class Point:
    """One stored draw: where it is, its log density (in chart coordinates), values and terms."""

    chain: int
    draw: int
    log_density: float
    values: dict[str, float]
    terms: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Worst:
    """The worst figure of a kind and the quantity that has it."""

    name: str
    value: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """A run summarised; `text.to_text` and `text.to_json` show it."""

    directory: str
    model: str
    engine: str
    seed: int
    chains: int
    ensembles: int
    draws: int
    draws_asked: int
    parameters: tuple[Row, ...]
    observables: tuple[Row, ...]
    constant: dict[str, float]  # fixed parameters, and observables with one value
    same: dict[str, str]  # observable -> the quantity it equals at every draw
    units: dict[str, str]
    best: Point
    allowed_fraction: float
    largest: Point | None
    worst: dict[str, Worst]  # of all that is judged: R-hat, ESS, ensemble means, trend, stray
    undefined: dict[str, int]  # draws at which an observable is not finite
    proposals: dict[str, int]  # proposals without a finite density, by cause
    health: dict[str, float]  # of the sampler: acceptance, divergences, E-BFMI
    regions: tuple[regions.Regions, ...]  # parameters with more than one
    evidence: evidence.Evidence | None
    ranking: tuple[ranking.Row, ...]  # of the constraints, empty below 100 draws
    headline: headline.Headline
    notes: tuple[str, ...]
    converged: bool
    verdict: str


def summarise(run: Run) -> Summary:
    """Tables, best and largest-moment points, convergence and verdict of a run.

    Diagnostics take the ensemble as chain for R-hat (nested, if there are superchains) and walkers
    as chains for ESS; of more than a million draws of a parameter they take evenly chosen chains.
    Raises InputError if no draw is stored yet.
    """
    _refuse_without_draws(run)
    table = _table(run)
    parameters = tuple(row for row in table.rows if row.role == "parameter")
    lp = run.series("lp", "sample_stats")
    allowed = run.read("allowed", "target").astype(bool)
    inside = allowed & table.sound
    convergence, apart, evident = verdict.convergence(run), verdict.separate(run), evidence.of(run)
    converged, words = verdict.verdict(run, convergence, apart, evident)
    ranked, unranked = _ranking(run, convergence)
    best = _point(run, lp, lambda part, x: np.where(table.sound[:, part], x, -np.inf), lp)
    return Summary(
        directory=str(run.directory),
        model=run.resolved["physics"]["model"]["name"],
        engine=run.resolved["sampling"]["engine"]["name"],
        seed=run.resolved["sampling"]["seed"],
        chains=len(run.ensemble),
        ensembles=len(np.unique(run.ensemble)),
        draws=run.committed,
        draws_asked=int(run.resolved["stop"]["draws"]),
        parameters=parameters,
        observables=tuple(row for row in table.rows if row.role != "parameter"),
        constant=table.constant,
        same=table.same,
        units={name: about["units"] for name, about in run.variables["posterior"].items()},
        best=best,
        allowed_fraction=float(allowed.mean()),
        largest=_largest(run, lp, inside),
        worst={figure: Worst(*convergence.worst(figure)) for figure in _FIGURES},
        undefined=table.undefined,
        proposals=health.proposals(run),
        health=health.of(run),
        regions=apart,
        evidence=evident,
        ranking=ranked,
        headline=headline.of(run, inside, (best.chain, best.draw), ranked),
        notes=(*notes.of(run, table.undefined, allowed), *unranked),
        converged=converged,
        verdict=words,
    )


def points(run: Run) -> tuple[Point, Point | None]:
    """Find the best draw and the allowed one of largest mu_nu; InputError without draws."""
    _refuse_without_draws(run)
    lp = run.series("lp", "sample_stats")
    largest = _largest(run, lp, run.read("allowed", "target").astype(bool))
    return _point(run, lp, lambda part, x: x, lp), largest


def _refuse_without_draws(run: Run) -> None:
    if run.committed == 0:
        raise InputError(f"'{run.directory}' holds no draws yet: run the same command again")


class _Table(NamedTuple):
    rows: list[Row]
    constant: dict[str, float]
    same: dict[str, str]
    undefined: dict[str, int]  # how many draws are not finite
    sound: np.ndarray  # (chain, draw), where all quantities are finite; everywhere if nowhere


def _table(run: Run) -> _Table:
    """Every quantity once: a row, a constant, or the name of the one it equals."""
    sound = np.ones((len(run.ensemble), run.committed), dtype=bool)
    rows, constant, same, undefined, _ = found = _Table([], {}, {}, {}, sound)
    seen: dict[bytes, str] = {}
    many, few = (run.few(most) for most in (_MOST_OF_PARAMETER, _MOST_OF_OBSERVABLE))
    for name, about, given in run.columns():
        sampled, values = about["role"] == "parameter", given.held()
        for part, x in values.blocks():
            sound[:, part] &= np.isfinite(x)
        some = values.some(few, run.every(few))
        twin = seen.setdefault(hashlib.blake2b(some.tobytes()).digest(), name)
        if not sampled and (value := _constant(values)) is not None:
            constant[name] = value
        elif not sampled and twin != name and series.equal(values, run.series(twin)):
            same[name] = twin
        else:
            of_all = series.described(values)
            rows.append(_row(name, about, values, of_all, run, many if sampled else few))
            if of_all.undefined:
                undefined[name] = of_all.undefined
    return found if sound.any() else found._replace(sound=np.ones_like(sound))


def _constant(values: Series) -> float | None:
    """The value of a quantity that has one at all draws, to rounding; None of any other."""
    first = values.read(np.array([0]), slice(0, 1)).flat[0]
    blocks = (x for _, x in values.blocks())
    same = all(np.allclose(x, first, rtol=SAME, atol=0.0) for x in blocks)
    return float(first) if same else None


def _row(
    name: str, about: Attributes, values: Series, of_all: Described, run: Run, few: np.ndarray
) -> Row:
    if (period := run.period(name)) is not None:
        return _angle(name, about, values, run, few, period)
    q05, q50, q95 = series.quantiles(values, (0.05, 0.5, 0.95))
    return Row(
        name=name,
        role=about["role"],
        unit=about["units"],
        mean=of_all.mean,
        sd=of_all.sd if of_all.low != of_all.high else 0.0,  # not its rounding
        q05=q05,
        q50=q50,
        q95=q95,
        angle=False,
        **verdict.figures(_independent(name, values, run), run, few),
    )


def _independent(name: str, values: Series, run: Run) -> Series:
    """What R-hat and ESS are of: the draws of each ensemble, before any count by weight."""
    return values if run.independent is run else run.independent.series(name).held()


def _angle(
    name: str, about: Attributes, values: Series, run: Run, few: np.ndarray, period: float
) -> Row:
    """Circular mean and spread, the shortest arc with 90%; figures are the worse of cos and sin."""
    low, middle, high = angles.interval(thinned(values), 0.9, period)
    judged = _independent(name, values, run)
    found = verdict.figures(judged, run, few, period)
    centre = angles.resultant(judged, period)[0]
    about_mean = judged.mapped(lambda x: angles.sine_about(x, centre, period))
    sine = verdict.figures(about_mean, run, few)
    found["mcse_mean"] = angles.error_of_mean(values, sine["mcse_mean"], period)
    return Row(
        name=name,
        role=about["role"],
        unit=about["units"],
        mean=angles.resultant(values, period)[0],
        sd=angles.spread(values, period),
        q05=low,
        q50=middle,
        q95=high,
        angle=True,
        **found,
    )


def _ranking(run: Run, found: Convergence) -> tuple[tuple[ranking.Row, ...], tuple[str, ...]]:
    """(a row per constraint, notes on those that cannot be ranked); none below 100 draws."""
    few = run.few(_MOST_RANKED)
    names, every = run.variables.get("log_likelihood", {}), run.every(few)
    terms = {name: run.sample(name, few, "log_likelihood") for name in names}
    if len(few) * run.committed < _FEWEST_RANKED:
        return (), ()
    unsound = [name for name, term in terms.items() if not np.all(np.isfinite(term))]
    notes = [f"ln L of constraint {n} is not finite at some draw: not ranked." for n in unsound]
    share = every * found.worst("ess_bulk")[1] / (len(run.ensemble) * run.committed)
    r_eff = min(share, 1.0) if share > 0.0 else 1.0
    sound = {name: term for name, term in terms.items() if name not in unsound}
    return tuple(ranking.rank(sound, r_eff)), tuple(notes)


def _point(run: Run, lp: Series, score: Score, scored: Series) -> Point:
    """The stored draw at which the score of a quantity is highest."""
    chain, draw = series.highest(scored, score)
    density = float(lp.read(np.array([chain]), slice(draw, draw + 1)).flat[0])
    target = run.point(chain, draw, "target")
    terms = {"log_prior": target.pop("log_prior")} | run.point(chain, draw, "log_likelihood")
    terms |= {name: x for name, x in target.items() if name.startswith("prefer_")}
    values = run.point(chain, draw, "posterior")
    return Point(chain, draw, density, values, terms)


def _largest(run: Run, lp: Series, allowed: np.ndarray) -> Point | None:
    """The allowed draw of largest mu_nu; None without a moment or without allowed draws."""
    if not (run.has("mu_nu") and allowed.any()):
        return None

    def score(part: slice, x: np.ndarray) -> np.ndarray:
        return np.where(allowed[:, part], x, -np.inf)

    return _point(run, lp, score, run.series("mu_nu"))
