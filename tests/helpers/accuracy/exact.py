"""Closed forms in mpmath, the grids they are compared on, and largest errors."""

import json
import pathlib

import jax
import mpmath as mp
import numpy as np

DIGITS = 120  # the closed forms below cancel; this leaves more than 50 digits everywhere
REFERENCE = pathlib.Path(__file__).parents[2] / "reference"


def reference(name):
    """A reference file: `reference("weak_triplet/loop_t.json")["rows"]`."""
    return json.loads((REFERENCE / name).read_text())


def columns(rows, *names):
    """Arrays of the rows' decimal texts as doubles."""
    return [np.array([float(row[name]) for row in rows]) for name in names]


def numbers(*arrays):
    """Rows of mpmath numbers that equal the doubles."""
    return [tuple(map(mp.mpf, row)) for row in zip(*(a.tolist() for a in arrays), strict=True)]


def worst(got, exact, scale=None, floor=0.0):
    """Largest |got - exact| over the scale, else over max(|exact|, floor); in full precision."""
    got = np.asarray(got)
    assert np.isfinite(got).all()
    exact = list(exact)
    scale = [max(abs(x), floor) for x in exact] if scale is None else scale
    errors = [
        abs(mp.mpf(g) - x) / s if s else mp.mpf(g != x)
        for g, x, s in zip(got.tolist(), exact, scale, strict=True)
    ]
    return float(max(errors))


def derivative(f, x):
    h = x * mp.mpf(10) ** -30  # the error of the central difference is of order 1e-60
    return (f(x + h) - f(x - h)) / (2 * h)


def slopes(f, argument, *x):
    """df/dx[argument] forward and in reverse."""
    return [jax.jit(jax.vmap(mode(f, argument)))(*x) for mode in (jax.jacfwd, jax.grad)]


# Closed forms of the papers, never used by the code.
def mp_gm(t):
    return ((1 + t) * mp.log(t) - 2 * (t - 1)) / (t - 1) ** 3


def mp_g(t):
    return (t - 1 - mp.log(t)) / (t - 1) ** 2


def mp_log_a(r):
    root = mp.sqrt(mp.mpc(r * r - 4))
    return root, mp.log(-1 + r * r / 2 - r * root / 2)


def mp_b_f(r):
    root, log_a = mp_log_a(r)
    return mp.re(-2 * r + 2 * r**3 * mp.log(r) + root * (2 + r * r) * log_a)


def mp_b_s(r):
    root, log_a = mp_log_a(r)
    return mp.re(-2 * r**3 * mp.log(r) - root**3 * log_a)


def mp_n_f(t):
    return (2 + 3 * t - 6 * t**2 + t**3 + 6 * t * mp.log(t)) / (6 * (1 - t) ** 4)


def mp_n_s(t):
    return (1 - 6 * t + 3 * t**2 + 2 * t**3 - 6 * t**2 * mp.log(t)) / (6 * (1 - t) ** 4)


def mp_df_sm(t):
    u = 1 - t
    return 3 * t / 4 * (1 / u - 2 / u**2 - 2 * t * mp.log(t) / u**3)


def mp_k_lr(t):
    return 1 + 3 * (1 / (1 - t) + t * mp.log(t) / (1 - t) ** 2)


# Differences of L. Exact by construction: L(e^u) = u/(e^u - 1).
def mp_l(u):
    return mp.mpf(1) if u == 0 else u / mp.expm1(u)


def mp_weight(u):
    """-dL/du."""
    return mp.mpf(1) / 2 if u == 0 else (u * mp.exp(u) - mp.expm1(u)) / mp.expm1(u) ** 2


def mp_d3(a, b, c):
    h = {x: x * mp.log(x) for x in (a, b, c)}
    return h[a] / ((a - b) * (a - c)) + h[b] / ((b - a) * (b - c)) + h[c] / ((c - a) * (c - b))


def _around(*seams):
    steps = np.array([0.0, 1e-15, 1e-9, 1e-4, 1e-2])
    return np.concatenate([seam * (1.0 + sign * steps) for seam in seams for sign in (1, -1)])


SEAMS = [t**sign for t in ((1 + 0.4**0.5) / (1 - 0.4**0.5),) for sign in (1, -1)]  # z^2 = 0.4
T_GRID = np.unique(
    np.concatenate(
        [
            10.0 ** np.linspace(-30, 30, 121),
            10.0 ** np.linspace(-1, 1, 81),
            _around(*SEAMS),
            *[1.0 + sign * 10.0 ** np.arange(-15, -0.4) for sign in (1, -1)],
        ]
    )
)
T_GRID = T_GRID[T_GRID != 1.0]  # the closed form has no value there; its limit is tested apart
R_GRID = np.unique(
    np.concatenate(
        [
            10.0 ** np.linspace(-12, 4, 81),
            np.linspace(0.05, 8.0, 160),
            _around(1.0, 3.0),
            *[2.0 + sign * 10.0 ** np.arange(-12, 0.0) for sign in (1, -1)],
        ]
    )
)
R_GRID = R_GRID[R_GRID != 2.0]


def splittings(count=400):
    """Logarithms u and splittings du: all scales, and every seam of the implementation."""
    rng = np.random.default_rng(4)
    sign = rng.choice([-1.0, 1.0], count)
    tiny = 10.0 ** rng.uniform(-15, -3, count)
    wide = rng.uniform(-69, 69, count), sign * 10.0 ** rng.uniform(-20, 1.8, count)
    central = rng.uniform(-3, 3, count), rng.uniform(-3, 3, count)
    unit_du = rng.uniform(-4, 4, count), sign * (1.0 + rng.choice([-1.0, 1.0], count) * tiny)
    du = rng.uniform(-1, 1, count)
    unit_s = sign * (1.0 + rng.choice([-1.0, 1.0], count) * tiny) - du / 2, du
    to_one = du * 20, -du * 20 * (1.0 + rng.choice([-1.0, 0.0, 1.0], count) * tiny)
    corners = np.array([[0, 1], [0, -1], [0, 0.3], [1, -1], [-1, 1], [0.5, -0.25]], float).T
    u, du = np.concatenate([wide, central, unit_du, unit_s, to_one, corners], axis=1)
    return u, du
