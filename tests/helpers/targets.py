"""Targets with known answers, for every engine.

    from helpers import targets as T

Each has a uniform prior on a box of `low` and `high`, with walls where the density is nothing
(except `Funnel`: see there) or, in `StraightRidge`, the same prior in other coordinates:
`__call__` = `log_prior_at` + `log_likelihood_at`; `from_unit`; `dim`; `log_z`, the log of the
evidence; `moments`, pairs of a function of (..., dim) draws and its exact mean; `draw(rng, n)`,
independent draws of the posterior by NumPy.
"""

import functools
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.special import erf, ndtr

LN10 = math.log(10.0)
LN_2PI = math.log(2.0 * math.pi)


class Boxed(eqx.Module):
    """A likelihood `inside(z)` with a uniform prior between `low` and `high`, (dim,) each."""

    low: eqx.AbstractVar[tuple[float, ...]]
    high: eqx.AbstractVar[tuple[float, ...]]

    @property
    def dim(self):
        return len(self.low)

    @property
    def walls(self):
        return tuple(zip(self.low, self.high, strict=True))

    @property
    def log_volume(self):
        return sum(math.log(b - a) for a, b in self.walls)

    def _within(self, z):
        return jnp.all((z >= jnp.array(self.low)) & (z <= jnp.array(self.high)))

    def log_prior_at(self, z):
        return jnp.where(self._within(z), -self.log_volume, -jnp.inf)

    def log_likelihood_at(self, z):
        return jnp.where(self._within(z), self.inside(z), -jnp.inf)

    def from_unit(self, u):
        low, high = jnp.array(self.low), jnp.array(self.high)
        return low + (high - low) * u

    def __call__(self, z):
        return self.log_prior_at(z) + self.log_likelihood_at(z)


class Gaussian(Boxed):
    """Standard deviations from 1 down to 1/condition along random axes; walls at +-12."""

    precision: jnp.ndarray
    covariance: np.ndarray
    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)
    log_norm: float = eqx.field(static=True)

    def __init__(self, dim, condition=10.0, seed=0):
        axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))
        sd = np.geomspace(1.0, 1.0 / condition, dim)
        self.precision = jnp.asarray((axes / sd**2) @ axes.T)
        self.covariance = (axes * sd**2) @ axes.T
        self.low, self.high = (-12.0,) * dim, (12.0,) * dim
        self.log_norm = float(-0.5 * dim * LN_2PI - np.log(sd).sum())

    def inside(self, z):
        return self.log_norm - 0.5 * z @ self.precision @ z

    @property
    def log_z(self):
        return -self.log_volume

    @property
    def moments(self):
        means = [(lambda z, i=i: z[..., i], 0.0) for i in range(self.dim)]
        pairs = [(i, j) for i in range(self.dim) for j in (i, (i + 1) % self.dim)]
        return means + [
            (lambda z, i=i, j=j: z[..., i] * z[..., j], self.covariance[i, j]) for i, j in pairs
        ]

    def draw(self, rng, n):
        return rng.multivariate_normal(np.zeros(self.dim), self.covariance, n)


class Rosenbrock(Boxed):
    """x ~ N(1, 1/2), y | x ~ N(x^2, 1/10), the others standard normal."""

    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, dim=2):
        self.low = (-8.0, -5.0) + (-10.0,) * (dim - 2)
        self.high = (10.0, 100.0) + (10.0,) * (dim - 2)

    def inside(self, z):
        x, y, rest = z[0], z[1], z[2:]
        norm = -math.log(math.pi) + 0.5 * math.log(5.0) - 0.5 * (self.dim - 2) * LN_2PI
        return norm - (x - 1.0) ** 2 - 5.0 * (y - x**2) ** 2 - 0.5 * rest @ rest

    @property
    def log_z(self):
        return -self.log_volume

    @property
    def moments(self):
        return [
            (lambda z: z[..., 0], 1.0),
            (lambda z: z[..., 1], 1.5),
            (lambda z: z[..., 0] ** 2, 1.5),
            (lambda z: z[..., 1] ** 2, 4.85),  # E x^4 + 1/10 with E x^4 = 1 + 6/2 + 3/4
            (lambda z: z[..., 0] * z[..., 1], 2.5),
            *[(lambda z, i=i: z[..., i] ** 2, 1.0) for i in range(2, self.dim)],
        ]

    def draw(self, rng, n):
        x = rng.normal(1.0, math.sqrt(0.5), n)
        y = rng.normal(x**2, math.sqrt(0.1))
        return np.column_stack([x, y, rng.normal(size=(n, self.dim - 2))])


class Funnel(Boxed):
    """v ~ N(0, 3^2), x_i | v ~ N(0, e^v): Neal's funnel, cut at |v| < 20 and |x_i| < half_width.

    The cut in x is felt only at v > 2 ln(half_width / 5); log Z and the moments know of it.
    """

    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, dim=10, half_width=1e3):
        self.low = (-20.0,) + (-half_width,) * (dim - 1)
        self.high = (20.0,) + (half_width,) * (dim - 1)

    def inside(self, z):
        v, x = z[0], z[1:]
        norm = -math.log(3.0) - 0.5 * self.dim * LN_2PI
        return norm - v**2 / 18.0 - 0.5 * (self.dim - 1) * v - 0.5 * jnp.exp(-v) * (x @ x)

    @functools.cached_property
    def _v(self):
        """Nodes of v and their posterior masses (trapezium, which is exact here), the total."""
        v, step = np.linspace(-20.0, 20.0, 40001, retstep=True)
        held = erf(self.high[1] * np.exp(-0.5 * v) / math.sqrt(2.0)) ** (self.dim - 1)
        mass = held * np.exp(-(v**2) / 18.0) / math.sqrt(18.0 * math.pi) * step
        return v, mass / mass.sum(), mass.sum()

    @property
    def log_z(self):
        return math.log(self._v[2]) - self.log_volume

    @property
    def moments(self):
        v, mass, _ = self._v
        return [
            (lambda z: z[..., 0], float(mass @ v)),
            (lambda z: z[..., 0] ** 2, float(mass @ v**2)),
            (lambda z: (z[..., 0] < -3.0) * 1.0, float(mass @ (v < -3.0))),
            (lambda z: z[..., 1] * np.exp(-0.5 * z[..., 0]), 0.0),
        ]

    def draw(self, rng, n):
        v = rng.normal(0.0, 3.0, n)
        x = np.exp(0.5 * v)[:, None] * rng.normal(size=(n, self.dim - 1))
        return np.column_stack([v, x])[np.all(np.abs(x) < self.high[1], axis=1)]


class Eggbox(Boxed):
    """log L = (2 + cos(x/2) cos(y/2))^power: 18 equal modes, 2 pi apart along x and y.

    Between modes 3^power falls to 2^power: 211 nats at the usual power 5, 5 at 2. Walls at -pi
    and 11 pi, where both cosines vanish: one more barrier for 5, mass to lose for 2.
    """

    power: float = eqx.field(static=True)
    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, power=5.0):
        self.power = power
        self.low, self.high = (-math.pi,) * 2, (11.0 * math.pi,) * 2

    def inside(self, z):
        return (2.0 + jnp.cos(0.5 * z[0]) * jnp.cos(0.5 * z[1])) ** self.power

    @functools.cached_property
    def _grid(self):
        """One period, 4 pi squared: nodes and their masses (sum 1), log of the mean of L."""
        x = np.linspace(0.0, 4.0 * math.pi, 2000, endpoint=False)
        value = (2.0 + np.outer(np.cos(0.5 * x), np.cos(0.5 * x))) ** self.power
        weight = np.exp(value - 3.0**self.power)
        return x, weight / weight.sum(), math.log(weight.mean()) + 3.0**self.power

    @property
    def log_z(self):
        return self._grid[2]  # the box is three periods wide

    @property
    def moments(self):
        x, weight, _ = self._grid
        column = weight.sum(axis=1)
        product = np.outer(np.cos(0.5 * x), np.cos(0.5 * x))
        centre = 5.0 * math.pi
        return [
            (lambda z: z[..., 0] - centre, 0.0),
            (lambda z: (z[..., 0] < 3.0 * math.pi) * 1.0, 1.0 / 3.0),
            (lambda z: (z[..., 1] < 3.0 * math.pi) * 1.0, 1.0 / 3.0),
            (lambda z: np.cos(z[..., 0]), float(column @ np.cos(x))),
            (
                lambda z: np.cos(0.5 * z[..., 0]) * np.cos(0.5 * z[..., 1]),
                float((weight * product).sum()),
            ),
        ]

    def draw(self, rng, n):
        x, weight, _ = self._grid
        i, j = np.divmod(rng.choice(weight.size, n, p=weight.ravel()), len(x))
        z = np.stack([x[i], x[j]], axis=1) + 4.0 * math.pi * rng.integers(0, 3, (n, 2))
        return np.where(z > 11.0 * math.pi, z - 12.0 * math.pi, z)


class Mixture(Boxed):
    """Two unit Gaussians at +-distance/2 on the first axis, with weights `weight`, 1 - weight."""

    weight: float = eqx.field(static=True)
    distance: float = eqx.field(static=True)
    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, dim=2, distance=6.0, weight=0.3):
        self.weight, self.distance = weight, distance
        wall = 0.5 * distance + 10.0
        self.low, self.high = (-wall,) + (-10.0,) * (dim - 1), (wall,) + (10.0,) * (dim - 1)

    def inside(self, z):
        x, rest, half = z[0], z[1:], 0.5 * self.distance
        sides = jnp.logaddexp(
            math.log(self.weight) - 0.5 * (x - half) ** 2,
            math.log(1.0 - self.weight) - 0.5 * (x + half) ** 2,
        )
        return sides - 0.5 * rest @ rest - 0.5 * self.dim * LN_2PI

    @property
    def log_z(self):
        return -self.log_volume

    @property
    def moments(self):
        half, w = 0.5 * self.distance, self.weight
        return [
            (lambda z: (z[..., 0] > 0.0) * 1.0, float(w * ndtr(half) + (1 - w) * ndtr(-half))),
            (lambda z: z[..., 0], (2.0 * w - 1.0) * half),
            (lambda z: z[..., 0] ** 2, 1.0 + half**2),
            *[(lambda z, i=i: z[..., i] ** 2, 1.0) for i in range(1, self.dim)],
        ]

    def draw(self, rng, n):
        z = rng.normal(size=(n, self.dim))
        z[:, 0] += self.distance * ((rng.random(n) < self.weight) - 0.5)
        return z
