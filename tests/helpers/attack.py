"""Targets with known answers that try to make a verdict wrong, and the verdict asked about them.

    python -m helpers.attack    (in tests/) lists every run whose verdict is wrong

One traced density serves all targets of a dimension, so that each engine is compiled once for it.
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

from nmmjax.cli.engines import find_engine
from nmmjax.results import regions, trust, verdict
from nmmjax.samplers import convergence, diagnostics

MIXTURE, FUNNEL, BANANA, STUDENT, SKEWED, BOX, PASSAGE, CANCEL, CORRELATED, TERRACE = range(10)
MOST = 4  # components of a mixture
MATERIAL, MATERIAL_LOG_Z, ERRORS = 0.02, 0.1, 5.0
_LN_2PI = math.log(2.0 * math.pi)


class Density(eqx.Module):
    """A normalised likelihood of one of the kinds, in a uniform prior between -half and half."""

    kind: jax.Array
    p: jax.Array  # two numbers
    log_weight: jax.Array  # (component,)
    mean: jax.Array  # (component, dim)
    log_sd: jax.Array  # (component, dim)
    half: jax.Array
    dim: int = eqx.field(static=True)

    def log_prior_at(self, z):
        inside = jnp.all(jnp.abs(z) <= self.half)
        return jnp.where(inside, -self.dim * jnp.log(2.0 * self.half), -jnp.inf)

    def log_likelihood_at(self, z):
        kinds = (_mixture, _funnel, _banana, _student, _skewed, _box, _passage, _cancel,
                 _correlated, _terrace)  # fmt: skip
        value = jax.lax.switch(self.kind, kinds, self, z)
        return jnp.where(jnp.all(jnp.abs(z) <= self.half), value, -jnp.inf)

    def from_unit(self, u):
        return self.half * (2.0 * u - 1.0)

    def __call__(self, z):
        return self.log_prior_at(z) + self.log_likelihood_at(z)


def _normal(z):
    return -0.5 * jnp.sum(z**2) - 0.5 * z.size * _LN_2PI


def _mixture(t, z):
    each = -0.5 * ((z - t.mean) / jnp.exp(t.log_sd)) ** 2 - t.log_sd - 0.5 * _LN_2PI
    return jax.scipy.special.logsumexp(t.log_weight + jnp.sum(each, axis=1))


def _funnel(t, z):
    v, scale = z[0], t.p[0]
    return (
        _normal(v[None] / scale)
        - jnp.log(scale)
        + _normal(z[1:] * jnp.exp(-0.5 * v))
        - (0.5 * (z.size - 1) * v)
    )


def _banana(t, z):
    bent = (z[1] - t.p[0] * (z[0] ** 2 - 1.0)) / t.p[1]
    return _normal(z.at[1].set(bent)) - jnp.log(t.p[1])


def _student(t, z):
    """Student t with p[0] degrees of freedom in every coordinate, not normalised."""
    return -0.5 * (t.p[0] + 1.0) * jnp.sum(jnp.log1p(z**2 / t.p[0]))


def _skewed(t, z):
    """Log-normal of width p[0] in every coordinate: nothing below zero."""
    log = jnp.log(jnp.where(z > 0.0, z, 1.0))
    value = _normal(log / t.p[0]) - jnp.sum(log) - z.size * jnp.log(t.p[0])
    return jnp.where(jnp.all(z > 0.0), value, -jnp.inf)


def _box(t, z):
    return jnp.where(jnp.all(jnp.abs(z) <= t.p[0]), 0.0, -jnp.inf)


def _passage(t, z):
    """Two rooms 1 < |z0| < 3, |z1| < 1, joined by a corridor |z1| < p[0]; the others normal."""
    wide = (jnp.abs(z[0]) > 1.0) & (jnp.abs(z[0]) < 3.0) & (jnp.abs(z[1]) < 1.0)
    thin = (jnp.abs(z[0]) <= 1.0) & (jnp.abs(z[1]) < t.p[0])
    return jnp.where(wide | thin, _normal(z[2:]), -jnp.inf)


def _cancel(t, z):
    """ln|e^z0 - e^z1| is -p[1] within p[0]: a straight ridge, e^p[1] thin; z1, z2, ... normal."""
    size = z[1] + jnp.log(jnp.abs(jnp.expm1(z[0] - z[1])))
    return -0.5 * ((size + t.p[1]) / t.p[0]) ** 2 + _normal(z[1:])


def _correlated(t, z):
    """Equal correlations p[0] of unit normals."""
    rho, n = t.p[0], z.size
    whole = 1.0 + (n - 1) * rho
    square = (jnp.sum(z**2) - rho / whole * jnp.sum(z) ** 2) / (1.0 - rho)
    return -0.5 * square - 0.5 * ((n - 1) * jnp.log1p(-rho) + jnp.log(whole) + n * _LN_2PI)


def _terrace(t, z):
    """A plateau |z| < 3, and a higher one, p[1] nats up, of half-width p[0] round (1.5, ...)."""
    up = jnp.all(jnp.abs(z - 1.5) < t.p[0])
    return jnp.where(jnp.all(jnp.abs(z) < 3.0), jnp.where(up, t.p[1], 0.0), -jnp.inf)


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """A named density with exact draws, ln Z (None where it is not known) and hidden places.

    easy    any sound sampler gets it right in the time given
    hidden  (centre, half-width) of a place that may go unnoticed if nothing ever enters it
    """

    name: str
    density: Density
    draw: object
    log_z: float | None
    easy: bool = False
    hidden: tuple[np.ndarray, np.ndarray] | None = None


def _density(kind, dim, p=(1.0, 1.0), parts=(), half=10.0):
    weights = np.full(MOST, -1e300)
    means, sds = np.zeros((MOST, dim)), np.ones((MOST, dim))
    for i, (w, m, s) in enumerate(parts):
        weights[i], means[i], sds[i] = math.log(w), np.broadcast_to(m, dim), np.broadcast_to(s, dim)
    arrays = (kind, np.array(p, float), weights, means, np.log(sds), float(half))
    return Density(*(jnp.asarray(x) for x in arrays), dim)


def mixture(name, dim, parts, easy=False, half=10.0, hide=None):
    """parts: (weight, mean, sd) of each component; `hide` is the number of a hidden one."""
    w = np.array([p[0] for p in parts])
    means = np.array([np.broadcast_to(p[1], dim) for p in parts], float)
    sds = np.array([np.broadcast_to(p[2], dim) for p in parts], float)

    def draw(rng, n):
        k = rng.choice(len(w), n, p=w / w.sum())
        return means[k] + sds[k] * rng.normal(size=(n, dim))

    hidden = None if hide is None else (means[hide], 5.0 * sds[hide])
    density = _density(MIXTURE, dim, parts=parts, half=half)
    return Target(name, density, draw, -dim * math.log(2.0 * half), easy, hidden)


def needle(weight, width, dim, where=2.0):
    """A unit Gaussian, and `weight` in a needle `width` wide."""
    parts = [(1.0 - weight, 0.0, 1.0), (weight, where, width)]
    return mixture(f"needle {weight:g}, {width:g} wide, {dim}d", dim, parts, hide=1)


def other(name, kind, dim, p, draw, log_norm=0.0, easy=False, half=10.0, hidden=None):
    """log_norm: ln of the integral of the likelihood, None where it is not known."""
    log_z = None if log_norm is None else log_norm - dim * math.log(2.0 * half)
    return Target(name, _density(kind, dim, p, half=half), draw, log_z, easy, hidden)


def _draw_funnel(scale, dim, rng, n):
    v = rng.normal(0.0, scale, n)
    z = np.column_stack([v, np.exp(0.5 * v)[:, None] * rng.normal(size=(n, dim - 1))])
    return z[np.all(np.abs(z) < 50.0, axis=1)]


def _draw_banana(bend, width, dim, rng, n):
    z = rng.normal(size=(n, dim))
    z[:, 1] = bend * (z[:, 0] ** 2 - 1.0) + width * z[:, 1]
    return z[np.all(np.abs(z) < 50.0, axis=1)]


def _draw_student(nu, dim, half, rng, n):
    z = rng.standard_t(nu, size=(n, dim))
    return z[np.all(np.abs(z) < half, axis=1)]


def _draw_passage(width, dim, rng, n):
    z = rng.normal(size=(n, dim))
    corridor = rng.random(n) < 4.0 * width / (4.0 * width + 8.0)
    side = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    z[:, 0] = np.where(corridor, rng.uniform(-1.0, 1.0, n), side * rng.uniform(1.0, 3.0, n))
    z[:, 1] = rng.uniform(-1.0, 1.0, n) * np.where(corridor, width, 1.0)
    return z


def _draw_cancel(width, deep, dim, rng, n):
    """At given z1 the density in d = z0 - z1 is that of ln|e^d - 1|, d of either sign."""
    z = rng.normal(size=(n, dim))
    size = rng.normal(-deep, width, n) - z[:, 1]  # ln|e^d - 1|; dd = dsize |e^d - 1| / e^d
    up, down = np.log1p(np.exp(size)), np.log1p(-np.minimum(np.exp(size), 1.0 - 1e-12))
    weight_up, weight_down = np.exp(size - up), np.where(size < 0.0, np.exp(size - down), 0.0)
    total = weight_up + weight_down
    keep = rng.choice(n, n, p=total / total.sum())
    lower = rng.random(n) < (weight_down / total)[keep]
    z = z[keep]
    z[:, 0] = z[:, 1] + np.where(lower, down[keep], up[keep])
    return z[np.all(np.abs(z) < 10.0, axis=1)]


def _draw_terrace(width, height, dim, rng, n):
    low, high = 6.0**dim - (2.0 * width) ** dim, (2.0 * width) ** dim * math.exp(height)
    up = rng.random(n) < high / (high + low)
    z = rng.uniform(-3.0, 3.0, (n, dim))  # the terrace's own share of the plateau is negligible
    return np.where(up[:, None], 1.5 + width * rng.uniform(-1.0, 1.0, (n, dim)), z)


def _terrace_case(width, share, dim):
    low, area = 6.0**dim - (2.0 * width) ** dim, (2.0 * width) ** dim
    height = math.log(share / (1.0 - share) * low / area)
    draw = functools.partial(_draw_terrace, width, height, dim)
    name, hidden = f"terrace {share:g}, {width:g} wide, {dim}d", (np.full(dim, 1.5), width)
    log_norm = math.log(low / (1.0 - share))
    half = 10.0 if dim == 2 else 4.0
    return other(name, TERRACE, dim, (width, height), draw, log_norm, half=half, hidden=hidden)


def _normal_draw(dim, rng, n):
    return rng.normal(size=(n, dim))


def _correlated_draw(rho, dim, rng, n):
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, dim))
    return math.sqrt(rho) * common + math.sqrt(1.0 - rho) * own


def _lognormal_draw(width, dim, rng, n):
    return np.exp(width * rng.normal(size=(n, dim)))


def _box_draw(half, dim, rng, n):
    return rng.uniform(-half, half, (n, dim))


def targets():
    """All of them, hard ones first."""
    part = functools.partial
    hard = [
        *(needle(w, s, 2) for w in (0.05, 0.4, 0.9) for s in (0.02, 0.003)),
        *(needle(0.4, s, 2) for s in (0.1, 0.0005)),
        *(needle(w, 0.05, 5) for w in (0.1, 0.5)),
        needle(0.3, 0.2, 5), needle(0.3, 0.3, 10), needle(0.5, 0.1, 10),
        *(_terrace_case(w, share, 2) for w, share in ((0.05, 0.3), (0.01, 0.5), (0.2, 0.2))),
        _terrace_case(0.15, 0.4, 5),
        mixture("modes 0.3, 12 apart", 2, [(0.3, [6.0, 0.0], 1.0), (0.7, [-6.0, 0.0], 1.0)]),
        mixture("modes 0.02, 12 apart", 2, [(0.02, [6.0, 0.0], 1.0), (0.98, [-6.0, 0.0], 1.0)],
                hide=0),
        mixture("modes 0.3, narrow", 2, [(0.3, 6.0, 0.1), (0.7, -6.0, 0.5)]),
        mixture("modes, 5d", 5, [(0.3, 3.0, 0.5), (0.7, -3.0, 0.5)]),
        mixture("modes, 10d", 10, [(0.4, 2.5, 0.5), (0.6, -2.5, 0.5)]),
        mixture("three modes", 2, [(0.2, [7.0, 7.0], 0.3), (0.3, [-7.0, 0.0], 0.3),
                                   (0.5, [0.0, -7.0], 0.3)]),
        mixture("wide and narrow, 5d", 5, [(0.5, 0.0, 2.0), (0.5, 0.0, 0.1)]),
        *(other(f"funnel {s:g}, {d}d", FUNNEL, d, (s, 1.0), part(_draw_funnel, s, d), None,
                half=50.0) for s, d in ((3.0, 2), (3.0, 10), (2.0, 5))),
        *(other(f"passage {w:g}, {d}d", PASSAGE, d, (w, 1.0), part(_draw_passage, w, d),
                math.log(8.0 + 4.0 * w)) for w, d in ((0.1, 2), (0.01, 2), (0.001, 2), (0.02, 5))),
        *(other(f"cancellation to e^-{c:g}, {d}d", CANCEL, d, (0.1, c),
                part(_draw_cancel, 0.1, c, d), None)
          for c, d in ((5.0, 2), (7.0, 2), (10.0, 2), (6.0, 5))),
        *(other(f"student {nu:g}, {d}d", STUDENT, d, (nu, 1.0), part(_draw_student, nu, d, h), None,
                half=h) for nu, d, h in ((1.0, 2, 1e4), (2.0, 5, 1e3), (1.0, 10, 1e3))),
        *(other(f"banana {b:g}, {d}d", BANANA, d, (b, w), part(_draw_banana, b, w, d), None,
                half=50.0) for b, w, d in ((3.0, 0.1, 2), (5.0, 0.05, 5))),
    ]  # fmt: skip
    easy = [
        *(mixture(f"normal, {d}d", d, [(1.0, 0.0, 1.0)], easy=True) for d in (2, 5, 10, 20)),
        mixture("wide scales, 5d", 5, [(1.0, 0.0, np.geomspace(1.0, 1e-3, 5))], easy=True),
        mixture("wide scales, 10d", 10, [(1.0, 1.0, np.geomspace(1.0, 1e-2, 10))], easy=True),
        *(other(f"correlated {r:g}, {d}d", CORRELATED, d, (r, 1.0), part(_correlated_draw, r, d),
                easy=True) for r, d in ((0.9, 2), (0.99, 5), (0.9, 10), (0.5, 20))),
        *(other(f"box, {d}d", BOX, d, (1.0, 1.0), part(_box_draw, 1.0, d), d * math.log(2.0),
                easy=True, half=2.0) for d in (2, 5)),
        other("prior alone, 5d", BOX, 5, (1.0, 1.0), part(_box_draw, 1.0, 5), 5 * math.log(2.0),
              easy=True, half=1.0),
        other("log-normal, 2d", SKEWED, 2, (0.5, 1.0), part(_lognormal_draw, 0.5, 2), easy=True),
        other("log-normal, 5d", SKEWED, 5, (0.3, 1.0), part(_lognormal_draw, 0.3, 5), easy=True),
        mixture("modes touching", 2, [(0.4, [1.5, 0.0], 1.0), (0.6, [-1.5, 0.0], 1.0)], easy=True),
        mixture("shoulder, 5d", 5, [(0.2, 0.0, 1.5), (0.8, 0.0, 1.0)], easy=True),
    ]  # fmt: skip
    return hard + easy


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
