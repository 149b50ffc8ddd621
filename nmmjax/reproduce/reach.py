"""Largest moment of a run file's model with a viable neutrino mass, and the least tuning there.

Every limit of the file holds but those on the moment itself; a file without a target for m_nu gets
m_nu < 0.1 eV, and `bridge` splittings of either sign. Searches by differential evolution in the
chart: lower bounds, good to some per cent where a model has one maximum (for the many parameters of
`dark_dipole` to a factor of a few), and seeded: the same version finds the same numbers. Where
points without tuning lie in the priors of another run file, both are searched and the larger wins.
"""

import json
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nmmjax.constraints import library
from nmmjax.reproduce.evolution import Judge, evolve
from nmmjax.runfile.build import build_posterior, read
from nmmjax.runfile.schema import RunFile
from nmmjax.target.posterior import Posterior

NATURAL = 10.0  # tuning up to which a point counts as natural
_M_NU = 0.1  # eV
_TARGETS = ("m_nu_target",)
# A positive splitting of the fermions adds to the running mass, a negative one cancels it.
_CHANGES = {"bridge": ["priors.split_f={ signed_log = [1e-14, 1e-3] }"]}
# Priors about the surface of massless neutrinos leave out what needs no tuning: scalars far apart.
_ALSO = {"dark_dipole_frontier": "dark_dipole_frontier_any_mass"}
_POINTS, _STARTS, _STEPS, _BLOCKS, _RESTARTS = 512, 8, 400, 9, 3


class Reach(NamedTuple):
    """What the search found in one run file, moments in mu_B; NaN where nothing was found.

    rge           "in m_nu" where the running mass is a term of m_nu, "beside" where it is an
                  estimate that only counts as tuning, "left out"
    largest       whatever the tuning
    least_tuning  least of max(tuning_bg, tuning_cancel, tuning_rge) at half of it or more
    natural       largest moment with a tuning of at most 10
    """

    runfile: str
    model: str
    moment: str
    rge: str
    largest: float
    least_tuning: float
    natural: float


def search(path: pathlib.Path) -> Iterator[Reach]:
    """Search one run file without the running mass and with it.

    Raises InputError where the file cannot be read.
    """
    common = ["target.prefer={}", *_CHANGES.get(path.stem, [])]
    plain, _ = read(path, common)
    posterior = build_posterior(plain, str(path))
    moment = "mu_eff_dark" if "dark" in plain.model.name else "mu_nu"
    if hasattr(posterior.model, "rge"):
        ways = [
            ("left out", ["model.settings.rge=false"]),
            ("in m_nu", ["model.settings.rge=true"]),
        ]
    elif "m_nu_rge" in posterior.names:
        ways = [("left out", []), ("beside", [])]
    else:
        ways = [("left out", [])]
    for rge, changes in ways:
        found = [
            _found(build_posterior(read(p, [*common, *more])[0], str(p)), moment, rge == "beside")
            for p, more in ((path, changes), *_other(path, plain, changes))
        ]
        yield Reach(path.stem, plain.model.name, moment, rge, *_larger(found))


def _other(
    path: pathlib.Path, plain: RunFile, changes: Sequence[str]
) -> Iterator[tuple[pathlib.Path, list[str]]]:
    """Yield the run file that is searched beside this one, under this one's constraints."""
    if path.stem in _ALSO:
        names = json.dumps(list(plain.target.constraints))
        yield path.with_stem(_ALSO[path.stem]), [*changes, f"target.constraints={names}"]


def _larger(found: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Join (largest, least tuning near it, largest natural one) of several searches."""
    numbers = np.array(found)
    largest = np.fmax.reduce(numbers[:, 0])
    near = numbers[:, 0] >= 0.5 * largest
    tuning = np.fmin.reduce(numbers[near, 1], initial=math.nan)
    return float(largest), float(tuning), float(np.fmax.reduce(numbers[:, 2]))


def _found(posterior: Posterior, moment: str, beside: bool) -> tuple[float, float, float]:
    """(largest, least tuning near it, largest natural one): searches that start from each other."""
    judges = _Judges(jax.jit(jax.vmap(_quantities(posterior, moment, beside))))
    draws = jax.jit(jax.vmap(posterior.from_unit))
    rng = np.random.default_rng(1)

    def best_drawn(judge: Judge) -> np.ndarray:
        uniform = (rng.uniform(size=(_POINTS, posterior.dim)) for _ in range(_STARTS))
        parts = [np.asarray(draws(u)) for u in uniform]
        merit = np.concatenate([judge(part) for part in parts])
        return np.concatenate(parts)[np.argsort(merit)[-_POINTS:]]

    def from_both(judge: Judge, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _settled(judge, np.concatenate([a, b])[::2], rng)

    large, merit = _settled(judges.large, best_drawn(judges.large), rng)
    if merit.max() < -1e3:
        return math.nan, math.nan, math.nan
    several = [_settled(judges.natural, best_drawn(judges.natural), rng) for _ in range(_RESTARTS)]
    natural = max(several, key=lambda found: found[1].max())[0]
    natural, _ = from_both(judges.natural, natural, large)
    large, merit = from_both(judges.large, natural, large)
    top = float(merit.max())
    calm, tuning = from_both(judges.calm(top - math.log(2.0)), natural, large)
    best = float(from_both(judges.natural, calm, natural)[1].max())
    return _exp(max(top, best)), _exp(-float(tuning.max())), _exp(best)


class _Judges(NamedTuple):
    """What searches maximise; `at` gives ln moment, ln tuning and what is broken."""

    at: Callable[[np.ndarray], Sequence[jax.Array]]

    def large(self, z: np.ndarray) -> np.ndarray:
        log_mu, _, broken = map(np.asarray, self.at(z))
        return _merit(log_mu, broken)

    def natural(self, z: np.ndarray) -> np.ndarray:
        log_mu, log_tuning, broken = map(np.asarray, self.at(z))
        return _merit(log_mu, broken + np.maximum(log_tuning - math.log(NATURAL), 0.0))

    def calm(self, least: float) -> Judge:
        """Judge by the smallness of the tuning where ln moment is `least` or more."""

        def judge(z: np.ndarray) -> np.ndarray:
            log_mu, log_tuning, broken = map(np.asarray, self.at(z))
            return _merit(-log_tuning, broken + np.maximum(least - log_mu, 0.0))

        return judge


def _settled(
    judge: Judge, z: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Evolve until 400 steps gain less than a per cent, 4000 steps at most."""
    z, merit = evolve(judge, z, _STEPS, rng)
    for _ in range(_BLOCKS):
        before = merit.max()
        z, merit = evolve(judge, z, _STEPS, rng)
        if merit.max() < before + 0.01:
            break
    return z, merit


def _exp(merit: float) -> float:
    return math.exp(merit) if abs(merit) < 1e3 else math.nan


def _merit(value: np.ndarray, broken: np.ndarray) -> np.ndarray:
    """Value inside every limit; outside, less than any value, by how much is broken."""
    inside = (broken <= 0.0) & np.isfinite(value)
    return np.where(inside, value, -1e4 - np.nan_to_num(broken, nan=1e3, posinf=1e3))


def _quantities(posterior: Posterior, moment: str, beside: bool):
    """Chart position -> (ln moment, ln tuning, sum of what is broken)."""
    held = _held([c.name for c in posterior.constraints])
    target = any(c.name in _TARGETS for c in posterior.constraints)

    def at(z):
        found = posterior.observables(posterior.theta(z))
        tuning = [found[n] for n in ("tuning_bg", "tuning_cancel") if n in found]
        if beside:
            tuning.append(jnp.abs(found["m_nu_rge"]) / 0.05)
        over = [
            x
            for n, x in posterior.excess_at(z).items()
            if n in held or "prior_" in n or "domain_" in n
        ]
        if not target and "m_nu" in found:
            over.append(jnp.log(found["m_nu"] / _M_NU))
        broken = jnp.sum(jnp.maximum(jnp.nan_to_num(jnp.stack(over), nan=1e3, posinf=1e3), 0.0))
        largest = jnp.max(jnp.stack([jnp.ones(()), *tuning]))
        return jnp.log(found[moment]), jnp.log(largest), broken

    return at


def _held(names: Sequence[str]) -> set[str]:
    """Constraints that are no limits on the moment itself."""
    entries = library.catalogue()
    return {n for n in names if not _first(entries.get(n, {})).startswith("mu_")}


def _first(entry: Mapping[str, Any]) -> str:
    """Return the observable that an entry limits; "" if it names none."""
    given = entry.get("observable", "")
    return given if isinstance(given, str) else given[0]
