"""Targets with known answers that try to make a verdict wrong, and the verdict asked about them.

    python -m helpers.attack    (in tests/) lists every run whose verdict is wrong

A verdict is wrong where draws are certified and a marginal probability, a region's weight or ln Z
is off by more than five of its errors and by what matters: 0.02, or 0.1 in ln Z.
"""

import dataclasses
import functools
import math
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.stats import chi2

from helpers.attack_targets import MIXTURE, targets
from nmmjax.cli.engines import find_engine
from nmmjax.results import regions, trust, verdict
from nmmjax.samplers import convergence, diagnostics

MATERIAL, MATERIAL_LOG_Z, ERRORS = 0.02, 0.1, 5.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A run judged: certified by the rule (and by parameters alone), wrong, how, and seen.

    seen  whether a draw or a start lay in the target's hidden place
    """

    converged: bool
    before: bool
    wrong: str
    seen: bool
    words: str


WAYS = {  # engine options, blocks of burn-in, blocks
    "ensemble": {"thin": 10, "block": 50},
    "emcee_": {"walkers": 48, "thin": 5, "block": 25},
    "nuts": {"chains": 16, "warmup": 200, "block": 100, "max_doublings": 7},
    "smc": {"repeats": 4, "particles": 500},
    "nested": {"repeats": 4, "live": 200, "delete": 40, "inner_steps": 20, "efolds": 40},
    "importance": {"walkers": 32, "warmup": 1280, "rounds": 4, "adapt": 2000, "samples": 10000,
                   "block": 10000},
}  # fmt: skip
BURN_IN = {"ensemble": 2, "emcee_": 2}


@functools.cache
def engine(name):
    return find_engine(name)(**WAYS[name])


@eqx.filter_jit
def _screened(density, u):
    z = jax.vmap(jax.vmap(density.from_unit))(u)
    value = jax.vmap(jax.vmap(density))(z)
    later = jnp.arange(len(u))[:, None] >= 64  # looked at only where the first are of no use
    value = jnp.where(later & jnp.any(jnp.isfinite(value[:64]), axis=0), -jnp.inf, value)
    return jnp.take_along_axis(z, jnp.argmax(value, axis=0)[None, :, None], axis=0)[0]


def sample(name, density, blocks, seed=0):
    """(starts, draws, stats, tables): `blocks` of them, or until the engine ends."""
    way, key = engine(name), jr.key(seed)
    key_start, key_init, key_run = jr.split(key, 3)
    starts = _screened(density, jr.uniform(key_start, (1024, way.chains, density.dim)))
    state, kept, tables = way.init(key_init, density, starts), [], {}
    skipped = BURN_IN.get(name, 0)
    for number in range(10_000 if way.ends else skipped + blocks):
        state, block = way.advance(key_run, density, state)
        tables |= block.tables
        if block.draws is not None and number >= skipped:
            kept.append(block)
        if block.done:
            break
    stats = {
        key: np.concatenate([np.asarray(b.stats[key]) for b in kept], axis=1)
        for key, x in kept[0].stats.items()
        if np.ndim(x) == 2
    }
    draws = np.concatenate([np.asarray(b.draws) for b in kept], axis=1)
    plain = {g: {k: np.asarray(x) for k, x in t.items()} for g, t in tables.items()}
    return np.asarray(starts), draws, stats, plain


def judge(name, draws, stats, tables):
    """(certified, certified by sampled parameters alone as before, words)."""
    way = engine(name)
    by_name = {f"z{i}": draws[..., i] for i in range(draws.shape[-1])}
    count, table = len(by_name), tables.get("evidence", {})
    lp = stats["lp"]
    if np.ptp(lp) > 1e-9 * np.max(np.abs(lp)):
        by_name[verdict.DENSITY] = lp
    found = convergence.convergence(by_name, way.groups)
    effective = None
    if way.ends:
        effective = float(np.sum(table["ess"])) if "ess" in table else math.nan
    checks = list(verdict.findings(found, count, trust.ESS, effective=effective))
    figure = {f"{g}/{k}": x for g, t in tables.items() for k, x in t.items()}
    figure |= {f"sample_stats/{k}": x for k, x in stats.items()}
    against = list(trust.raised([d._asdict() for d in way.doubts], figure.get))
    for label, values in by_name.items():
        one = regions.find(label, values, way.groups, {})
        if one is not None and (text := regions.against(one)):
            against.append(text)
    checks += trust.of_summit(lp, way.groups, not way.ends)
    missing = [f"{c.figure}, needed {c.needed}" for c in checks if not c.sound]
    before = bool(
        np.all(found.rhat[:count] < 1.01)
        and np.all(found.ess_bulk[:count] > 400.0)
        and (way.ends or np.all(found.mean_series_ess[:count] >= 50.0))
        and not np.any(table.get("repeats_p", np.ones(1)) < 1e-3)
        and not np.any(table.get("insertion_rank_p", np.ones(1)) < 1e-3)
        and not np.any(table.get("pareto_k", np.zeros(1)) > 0.7)
        and not (effective is not None and effective < 400.0)
    )
    return not (missing or against), before, "; ".join([*missing, *against])


@functools.cache
def exact(target, n=200_000):
    return target.draw(np.random.default_rng(1), n)


def fault(target, draws, tables, groups):
    """What is wrong with draws and ln Z, "" if nothing is."""
    truth = exact(target)
    for i in range(min(draws.shape[-1], 4)):
        for level in (0.05, 0.25, 0.5, 0.75, 0.95):
            edge = np.quantile(truth[:, i], level)
            if why := _off(
                f"P(z{i} < {edge:.3g})", draws[..., i] < edge, truth[:, i] < edge, groups
            ):
                return why
    if target.hidden is not None:
        inside = (_within(target, x) for x in (draws, truth))
        if why := _off("weight of the hidden place", *inside, groups):
            return why
    table = tables.get("evidence", {})
    if "log_z" in table and target.log_z is not None:
        error = math.sqrt(np.mean(table["log_z_error"] ** 2) / len(table["log_z"]))
        off = abs(np.mean(table["log_z"]) - target.log_z)
        if off > max(ERRORS * error, MATERIAL_LOG_Z):
            return f"ln Z off by {off:.2f} +- {error:.2f}"
    return ""


def _within(target, z):
    centre, half = target.hidden
    return np.all(np.abs(z - centre) <= half, axis=-1)


def _entered(target, z):
    """Whether a point lies in the hidden place: where a normal component has 99.9% of its mass."""
    t = target.density
    if int(t.kind) != MIXTURE:
        return _within(target, z)
    hidden = np.argmin(np.sum((np.asarray(t.mean) - target.hidden[0]) ** 2, axis=-1))
    off = (z - np.asarray(t.mean)[hidden]) / np.exp(np.asarray(t.log_sd)[hidden])
    return np.sum(off**2, axis=-1) < chi2.ppf(0.999, t.dim)


def _off(what, found, truth, groups):
    p, x = float(np.mean(truth)), found.astype(float)
    means = np.array([x[groups == g].mean() for g in np.unique(groups)])
    between = means.std(ddof=1) / math.sqrt(len(means))
    ess = diagnostics.ess(diagnostics.split(x)) if np.ptp(x) else math.inf
    error = max(between, math.sqrt(p * (1.0 - p) / min(ess, x.size)))
    off = abs(float(x.mean()) - p)
    wrong = off > max(ERRORS * error, MATERIAL)
    return f"{what} is {x.mean():.3f}, exactly {p:.3f}, error {error:.3f}" if wrong else ""


def attack(name, target, blocks, seed=0):
    """The outcome of one run."""
    starts, draws, stats, tables = sample(name, target.density, blocks, seed)
    converged, before, words = judge(name, draws, stats, tables)
    wrong = fault(target, draws, tables, engine(name).groups)
    seen = target.hidden is None or bool(
        np.any(_entered(target, draws))
        or (not engine(name).ends and np.any(_entered(target, starts)))
    )
    return Outcome(converged, before, wrong, seen, words)


def cases():
    """(engine, target, blocks, seed): the ensemble on all, short and long; others on some."""
    chosen = targets()
    for target in chosen:
        for blocks in (3, 12):
            yield "ensemble", target, blocks, 0
        if target.easy:
            yield "ensemble", target, 12, 1
    low = [t for t in chosen if t.density.dim == 2]
    middle = [t for t in chosen if t.density.dim == 5]
    for name, blocks in (("importance", 1), ("smc", 1), ("nested", 1)):
        yield from ((name, t, blocks, 0) for t in (*low[::2], *middle[::2]))
    smooth = [t for t in low if "box" not in t.name and "passage" not in t.name]
    yield from (("nuts", t, n, 0) for t in smooth if "terrace" not in t.name for n in (2, 6))
    yield from (("emcee_", t, n, 0) for t in low for n in (8,))


def main(only=()):
    """The table: every wrong certificate and false refusal, then the counts by engine."""
    counts = {}
    for name, target, blocks, seed in cases():
        if only and name not in only:
            continue
        o = attack(name, target, blocks, seed)
        row = counts.setdefault(
            name,
            dict.fromkeys(
                (
                    "runs",
                    "wrong before",
                    "wrong now",
                    "unseen",
                    "easy",
                    "refused before",
                    "refused",
                ),
                0,
            ),
        )
        row["runs"] += 1
        off = bool(o.wrong)
        row["unseen"] += off and not o.seen
        row["wrong before"] += off and o.seen and o.before
        row["wrong now"] += off and o.seen and o.converged
        long = target.easy and (blocks > 3 or engine(name).ends)
        row["easy"] += long
        row["refused before"] += long and not o.before
        row["refused"] += long and not o.converged
        if (off and o.converged) or (long and not o.converged) or (off and o.before):
            now = "converged" if o.converged else "refused"
            said = "converged" if o.before else "refused"
            sight = "" if o.seen else " UNSEEN"
            sys.stdout.write(f"{name} {target.name} blocks {blocks} seed {seed}: before {said}, ")
            sys.stdout.write(f"now {now}{sight} | {o.wrong} | {o.words}\n")
            sys.stdout.flush()
    for name, row in counts.items():
        sys.stdout.write(f"{name}: {row}\n")


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main(sys.argv[1:])
