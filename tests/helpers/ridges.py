"""Two couplings that must cancel: a curved ridge with evidence and moments, and straightened."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from helpers.targets import LN10, LN_2PI, Boxed

_SIGMA_M = _SIGMA_S = 0.05  # dex
_BEND, _SIGMA_T = 0.025, 0.3


class Ridge(Boxed):
    """Two couplings a, b and a phase p must cancel: |a e^(ip) + b| = eps within 0.05 dex.

    z = (log10 a, log10 b, p, t, w). Besides, a b = 1 within 0.05 dex, t = (log10 a / 0.025)^2
    within 0.3 (a parabola), w ~ N(0, 1). Couplings over ten decades, p over two circles: two
    equal modes, at -pi and +pi.

    With s = log10(ab), d = log10(a/b), q = p -+ pi, X = 2 sinh(d ln10 / 2), Y = 2 sin(q / 2):
    |a e^(ip) + b| = 10^(s/2) r, r^2 = X^2 + Y^2. The measure dx dy dp = ds dd dq / 2 is
    ds dX dY / (2 ln10) up to [(1 + X^2/4)(1 - Y^2/4)]^(-1/2), whose mean over the angle of (X, Y)
    is 1 + O(r^4). With l = log10(eps) for the centre, dX dY -> 2 pi r^2 ln10 dl gives

        log Z = log[pi eps^2 exp(2 (ln10 sigma_m)^2) exp((ln10 sigma_s)^2 / 2) * 2]
                + log of the four Gaussian normalisations (sigma_m, sigma_s, sigma_t, 1) - log V

    Relative error O(eps^4): 2e-6 at eps = 0.1 (test_proof.py, by quadrature).
    """

    eps: jnp.ndarray  # traced: one compilation for all widths
    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, eps):
        self.eps = jnp.asarray(eps)
        turn = 2.0 * math.pi
        self.low, self.high = (-5.0, -5.0, -turn, -10.0, -10.0), (5.0, 5.0, turn, 90.0, 10.0)

    def inside(self, z):
        x, y, p, t, w = z
        a, b = jnp.exp(LN10 * x), jnp.exp(LN10 * y)
        square = (a - b) ** 2 + 4.0 * a * b * jnp.cos(0.5 * p) ** 2
        pull = (0.5 * jnp.log(square) / LN10 - jnp.log10(self.eps)) / _SIGMA_M
        product, parabola = (x + y) / _SIGMA_S, (t - (x / _BEND) ** 2) / _SIGMA_T
        return -0.5 * (pull**2 + product**2 + parabola**2 + w**2)

    @property
    def log_z(self):
        widths = math.log(_SIGMA_M * _SIGMA_S * _SIGMA_T) + 2.0 * LN_2PI
        shifts = 2.0 * (LN10 * _SIGMA_M) ** 2 + 0.5 * (LN10 * _SIGMA_S) ** 2
        return (
            math.log(2.0 * math.pi) + 2.0 * math.log(self.eps) + shifts + widths - self.log_volume
        )

    @property
    def moments(self):
        """In units of the standard deviations of log10|m|, s, t and w; each exact to O(eps^4)."""
        mean_l = math.log10(self.eps) + 2.0 * LN10 * _SIGMA_M**2
        mean_s = -LN10 * _SIGMA_S**2

        def l_pull(z):
            return (_log_mass(z) - mean_l) / _SIGMA_M

        def s_pull(z):
            return (z[..., 0] + z[..., 1] - mean_s) / _SIGMA_S

        def t_pull(z):
            return (z[..., 3] - (z[..., 0] / _BEND) ** 2) / _SIGMA_T

        def cos_angle(z):
            big_x = 2.0 * np.sinh(0.5 * LN10 * (z[..., 0] - z[..., 1]))
            return big_x / np.hypot(big_x, 2.0 * np.cos(0.5 * z[..., 2]))

        pulls = (l_pull, s_pull, t_pull, lambda z: z[..., 4], cos_angle)
        squares = (1.0, 1.0, 1.0, 1.0, 0.5)
        return [
            (lambda z: (z[..., 2] > 0.0) * 1.0, 0.5),
            *[(f, 0.0) for f in pulls],
            *[(lambda z, f=f: f(z) ** 2, e) for f, e in zip(pulls, squares, strict=True)],
        ]

    def draw(self, rng, n):
        """The leading term of the measure: right to O(eps^2)."""
        s = rng.normal(-LN10 * _SIGMA_S**2, _SIGMA_S, n)
        level = rng.normal(math.log10(self.eps) + 2.0 * LN10 * _SIGMA_M**2, _SIGMA_M, n)
        radius, angle = 10.0 ** (level - 0.5 * s), rng.uniform(0.0, 2.0 * math.pi, n)
        d = 2.0 * np.arcsinh(0.5 * radius * np.cos(angle)) / LN10
        p = math.pi + 2.0 * np.arcsin(0.5 * radius * np.sin(angle))
        x, y = 0.5 * (s + d), 0.5 * (s - d)
        t = rng.normal((x / _BEND) ** 2, _SIGMA_T)
        return np.column_stack([x, y, np.where(rng.random(n) < 0.5, p, -p), t, rng.normal(size=n)])


class StraightRidge(eqx.Module):
    """`Ridge` with the cancellation as a coordinate and its angle on a circle: easy at any eps.

    z = (log10(|m| / eps), s, g1, g2, t - parabola, w), the angle of (X, Y) being that of
    (g1, g2), whose radius is a free N2 variable. The two modes are folded onto p = +pi; `raw`
    gives the coordinates of `Ridge`.
    """

    ridge: Ridge
    dim: int = eqx.field(static=True, default=6)

    @property
    def log_z(self):
        return self.ridge.log_z

    def _polar(self, z):
        """(X, Y, r^2)."""
        radius = self.ridge.eps * jnp.exp(LN10 * (z[0] - 0.5 * z[1]))
        length = jnp.sqrt(z[2] ** 2 + z[3] ** 2)
        return radius * z[2] / length, radius * z[3] / length, radius**2

    def raw(self, z):
        big_x, big_y, _ = self._polar(z)
        d = 2.0 * jnp.arcsinh(0.5 * big_x) / LN10
        x, y = 0.5 * (z[1] + d), 0.5 * (z[1] - d)
        p = math.pi + 2.0 * jnp.arcsin(jnp.clip(0.5 * big_y, -1.0, 1.0))
        return jnp.array([x, y, p, z[4] + (x / _BEND) ** 2, z[5]])

    def _log_jacobian(self, z):
        """Density of prior points in these coordinates; -inf where sin(q/2) would exceed one."""
        big_x, big_y, square = self._polar(z)
        stretch = (1.0 + 0.25 * big_x**2) * (1.0 - 0.25 * big_y**2)
        gone = stretch <= 0.0
        # dx dy dp = r^2 / (2 sqrt(stretch)) dl ds dangle, twice for the fold, 2 pi N2(g) dg
        value = jnp.log(2.0 * math.pi * square) - 0.5 * jnp.log(jnp.where(gone, 1.0, stretch))
        normal = -LN_2PI - 0.5 * (z[2] ** 2 + z[3] ** 2)
        return jnp.where(gone, -jnp.inf, value + normal)

    def log_prior_at(self, z):
        return self._log_jacobian(z) + self.ridge.log_prior_at(self.raw(z))

    def log_likelihood_at(self, z):
        return self.ridge.log_likelihood_at(self.raw(z))

    def __call__(self, z):
        return self.log_prior_at(z) + self.log_likelihood_at(z)

    def from_unit(self, u):
        """u[5] is the radius of (g1, g2)."""
        return self.chart(self.ridge.from_unit(u[:5]), jnp.sqrt(-2.0 * jnp.log1p(-u[5])))

    def chart(self, raw, radius):
        """These coordinates of a raw point, with the given radius of (g1, g2)."""
        x, y, p, t, w = raw
        half_q = 0.5 * (jnp.abs(p) - math.pi)  # p -> |p| folds one mode onto the other
        big_x, big_y = 2.0 * jnp.sinh(0.5 * LN10 * (x - y)), 2.0 * jnp.sin(half_q)
        r = jnp.sqrt(big_x**2 + big_y**2)
        level = jnp.log(r) / LN10 + 0.5 * (x + y) - jnp.log10(self.ridge.eps)
        tied = t - (x / _BEND) ** 2
        return jnp.array([level, x + y, radius * big_x / r, radius * big_y / r, tied, w])

    @property
    def moments(self):
        mean_l, mean_s = 2.0 * LN10 * _SIGMA_M**2, -LN10 * _SIGMA_S**2
        pulls = [
            lambda z: (z[..., 0] - mean_l) / _SIGMA_M,
            lambda z: (z[..., 1] - mean_s) / _SIGMA_S,
            lambda z: z[..., 2],
            lambda z: z[..., 3],
            lambda z: z[..., 4] / _SIGMA_T,
            lambda z: z[..., 5],
        ]
        return [
            *[(f, 0.0) for f in pulls],
            *[(lambda z, f=f: f(z) ** 2, 1.0) for f in pulls],
        ]

    def draw(self, rng, n):
        z = rng.normal(size=(n, 6)) * [_SIGMA_M, _SIGMA_S, 1.0, 1.0, _SIGMA_T, 1.0]
        z[:, :2] += 2.0 * LN10 * _SIGMA_M**2, -LN10 * _SIGMA_S**2
        return z


def _log_mass(z):
    """log10 |a e^(ip) + b| of (..., 5) raw draws."""
    a, b = 10.0 ** z[..., 0], 10.0 ** z[..., 1]
    square = (a - b) ** 2 + 4.0 * a * b * np.cos(0.5 * z[..., 2]) ** 2
    return 0.5 * np.log10(square)
