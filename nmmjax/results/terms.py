"""Terms of a run's target as objects again: constraints, wishes, projections it could answer."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.catalogue import known_or_bare
from nmmjax.constraints import library
from nmmjax.constraints.base import Constraint
from nmmjax.constraints.gaussians import Measurement
from nmmjax.constraints.shapes import rebuilt
from nmmjax.results import angles
from nmmjax.results.rundir import Run
from nmmjax.samplers import series


def constraints(run: Run) -> tuple[Constraint, ...]:
    """Rebuild the constraints of a run, those of shapes that this version knows."""
    return tuple(_rebuilt(run, "constraints"))


def wishes(run: Run) -> tuple[Constraint, ...]:
    """Rebuild the `prefer` terms of a run."""
    return tuple(_rebuilt(run, "prefer"))


def projections(run: Run) -> tuple[Constraint, ...]:
    """Load the library's projections that the run's observables answer, applied or not.

    Left out are numbers from memory and limits that do not hold for such a model (`not_with`).
    """
    known = library.catalogue()
    names = [
        name
        for name, entry in known.items()
        if entry.get("use") == "projection"
        and "memory" not in entry.get("verified", "")
        and not run.has(entry.get("not_with", ""))
    ]
    found = (constraint for name in names for constraint in library.load([name]))
    return tuple(c for c in found if all(run.has(n) for n in c.requires))


def direct(constraint: Constraint) -> bool:
    """Tell whether a constraint limits a magnetic moment itself."""
    return known_or_bare(constraint.requires[0]).unit == "mu_B"


def excesses(run: Run, terms: Sequence[Constraint], where: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the excess of every term (<= 0: allowed) at some draws.

    where  (n,) flat indices of draws, chain-major
    """
    usable = tuple(t for t in terms if all(run.has(name) for name in t.requires))
    if not usable:
        return {}
    with jax.enable_x64(True):
        found = _excesses(usable, observed(run, usable, where))
        return {name: np.asarray(x) for name, x in found.items()}


def beyond(run: Run, term: Constraint, chains: np.ndarray) -> float:
    """Compute the share of the draws of some chains that a term does not allow."""
    with jax.enable_x64(True):
        values = {n: jnp.asarray(run.sample(n, chains).ravel()) for n in term.requires}
        return float(np.mean(~np.asarray(_allowed(term, values))))


def observed(run: Run, terms: Sequence[Constraint], where: np.ndarray) -> dict[str, np.ndarray]:
    """Read the observables that terms need, at flat indices of draws."""
    names = dict.fromkeys(name for term in terms for name in term.requires)
    return {name: run.at(name, where) for name in names}


def pull_of_mean(run: Run, term: Measurement) -> float:
    """Compute the signed pull of the mean of x^power, or of an angle, in sigma."""
    (name,) = term.requires
    values, period = run.series(name).held(), term.period or run.period(name)
    if period is not None:
        mean = angles.resultant(values, period)[0]
        above = float(angles.unrolled(np.array(mean), term.value, period)) > term.value
    else:
        y = series.mean(values.mapped(lambda x: x**term.power))
        above, mean = y > term.value, np.sign(y) * abs(y) ** (1.0 / term.power)
    with jax.enable_x64(True):
        log_l = float(term.log_likelihood({name: jnp.asarray(mean, float)}))
    return float(np.sqrt(max(-2.0 * log_l, 0.0))) * (1.0 if above else -1.0)


def labels(run: Run) -> dict[str, str]:
    """Return the printed names that the run keeps of its constraints."""
    terms = run.variables.get("log_likelihood", {})
    return {name: str(about["label"]) for name, about in terms.items() if "label" in about}


def _rebuilt(run: Run, kind: str) -> Iterator[Constraint]:
    for name, table in run.resolved["physics"].get(kind, {}).items():
        if (found := rebuilt(name, table)) is not None:
            named = dataclasses.replace(found.source, label=labels(run).get(name, ""))
            yield dataclasses.replace(found, source=named)


@functools.partial(jax.jit, static_argnums=0)
def _excesses(terms, values):
    def at(point):
        return {term.name: term.excess(point) for term in terms}

    return jax.vmap(at)(values)


@functools.partial(jax.jit, static_argnums=0)
def _allowed(term, values):
    return jax.vmap(term.allowed)(values)
