"""Densities with exact draws that hide places from samplers, or that any sampler gets right.

One traced density serves all of a dimension, so that an engine is compiled once for them.
"""

import dataclasses
import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

MIXTURE, FUNNEL, BANANA, STUDENT, SKEWED, BOX, PASSAGE, CANCEL, CORRELATED, TERRACE = range(10)
MOST = 4  # components of a mixture
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
    each = -0.5 * ((z[None] - t.mean) / jnp.exp(t.log_sd)) ** 2 - t.log_sd - 0.5 * _LN_2PI
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
