"""Largest errors of the integrals: dark sector and two loops, value and slopes."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np

from helpers.accuracy import exact
from helpers.accuracy.exact import columns, numbers, reference, worst
from nmmjax.physics import dark_loops, two_loop
from nmmjax.physics.constants import SM

EPS = 2.0**-53
KERNELS = {
    "J": (dark_loops.J, "J", ("Ma", "M1", "M2")),
    "J_printed": (dark_loops.J_printed, "J_as_printed", ("Ma", "M1", "M2")),
    "delta_J": (dark_loops.delta_J, "DeltaJ", ("Ma", "H1", "H2", "A1", "A2")),
    "delta_J_printed": (
        dark_loops.delta_J_printed,
        "DeltaJ_as_printed",
        ("Ma", "H1", "H2", "A1", "A2"),
    ),
    "F_lepton": (dark_loops.F_lepton, "F", ("x",)),
    "G_lepton": (dark_loops.G_lepton, "G", ("x",)),
    "J_equal": (dark_loops.J_equal, "Jdeg", ("x",)),
    "f_split": (dark_loops.f_split, "f35", ("x",)),
    "delta_B": (dark_loops.delta_B, "Bdiff", ("mh", "ma", "M")),
}


def at_doubles(row, keys, gradient):
    """The reference belongs to decimal inputs: move it to the doubles by its own gradient."""
    steps = [mp.mpf(float(row[k])) - mp.mpf(row[k]) for k in keys]
    shift = sum(mp.mpf(g) * dx for g, dx in zip(gradient, steps, strict=False))
    return mp.mpf(row["value"]) + shift


def splitting_loss(row):
    """Relative change of a splitting by rounding its two masses to doubles."""
    pairs = [p for p in (("H1", "H2"), ("A1", "A2"), ("mh", "ma")) if p[0] in row]
    gaps = [(float(row[a]), abs(mp.mpf(row[a]) - mp.mpf(row[b]))) for a, b in pairs]
    return max([0.0, *(float(2 * EPS * a / gap) for a, gap in gaps if gap > 0)])


def dark(f, name, keys):
    """Beyond what the rounding of two masses makes of their difference."""
    rows = reference("dark_dipole/loop_functions.json")["data"][name]
    x = columns(rows, *keys)
    values = jax.jit(f)(*x)
    found = jax.jit(jax.grad(lambda *a: jnp.sum(f(*a)), argnums=tuple(range(len(keys)))))(*x)
    value_error, slope_error = [0.0], [0.0]
    with mp.workdps(50):
        for i, row in enumerate(rows):
            gradient = row.get("grad", [row["deriv"]] if "deriv" in row else [])
            value, loss = at_doubles(row, keys, gradient), splitting_loss(row)
            error = worst(values[i : i + 1], [value])
            value_error.append(error if gradient else max(0.0, error - loss))
            for slope, g, k in zip(found, gradient, keys, strict=False):
                # slopes of delta_J cancel between prefactor and integral: relative to value/x then
                scale = max(abs(mp.mpf(g)), abs(value / mp.mpf(row[k])))
                error = worst(slope[i : i + 1], [mp.mpf(g)], [scale])
                slope_error.append(max(0.0, error - 4 * loss))
    return max(value_error), max(slope_error) or None


def mediator_factor():
    """Closed form at 80 digits, where float64 would lose everything."""
    masses, e_nu, t_min = np.array([1e-7, 1e-4, 3e-3, 0.1, 10.0]), 8.62e-4, 5e-5
    with mp.workdps(80):
        m_e, e, low = mp.mpf(SM.m_e), mp.mpf(e_nu), mp.mpf(t_min)
        high = 2 * e**2 / (2 * e + m_e)

        def massive(t, a):
            log = mp.log(t + a)
            return log + a / (t + a) - (t - 2 * a * log - a**2 / (t + a)) / e

        top = mp.log(high / low) - (high - low) / e
        squares = [m**2 / (2 * m_e) for (m,) in numbers(masses)]
        values = [mp.sqrt(top / (massive(high, a) - massive(low, a))) for a in squares]
        found = dark_loops.mediator_factor(jnp.asarray(masses), SM.m_e, e_nu, t_min)
        return worst(found, values), None


def second_difference():
    """Slopes in a relative to 1 + a/|a-b|, the ulps that nearly equal masses lose."""
    gaps = np.array([1e-15, 1e-12, 1e-8, -1e-8, 1e-3, 0.3])
    gap, c = (x.ravel() for x in np.meshgrid(gaps, [17.5, 6458.2, 3e4]))
    a = np.full_like(c, SM.m_w**2)
    b = a * (1.0 + gap)
    with mp.workdps(80):
        rows = numbers(a, b, c)
        value = worst(jax.jit(two_loop.D3)(a, b, c), [exact.mp_d3(*row) for row in rows])
        errors = []
        for argument, loss in ((0, [1 + x / abs(x - y) for x, y, _ in rows]), (2, [1] * len(rows))):
            order = tuple(int(i == argument) for i in range(3))
            slope = [mp.diff(exact.mp_d3, row, order, h=mp.mpf("1e-26")) for row in rows]
            scale = [abs(s) * x for s, x in zip(slope, loss, strict=True)]
            for found in exact.slopes(two_loop.D3, argument, a, b, c):
                errors.append(worst(found, slope, scale))
    return value, max(errors)


MASSES = (SM.m_w, SM.m_t, SM.m_b)
INTEGRALS = {
    "J_up": (
        lambda m: two_loop.J_up(m, *MASSES),
        ("J_up_tb", SM.m_t, SM.m_b, lambda x: x - mp.mpf(1) / 3),
    ),
    "J_down": (
        lambda m: two_loop.J_down(m, *MASSES),
        ("J_down_tb", SM.m_t, SM.m_b, lambda x: -(x - mp.mpf(1) / 3) * (2 - x) / x),
    ),
    "J_scalar": (
        lambda m: two_loop.J_scalar(m, SM.m_w, 150.0, 300.0),
        ("J_S_150_300", 150.0, 300.0, lambda x: x),
    ),
}


def mp_d3_slope(a, b, c):
    """dD3/db."""
    h = {x: x * mp.log(x) for x in (a, b, c)}
    first = h[a] / ((a - b) ** 2 * (a - c)) + h[c] / ((c - a) * (c - b) ** 2)
    below = (b - a) * (b - c)
    return first + (mp.log(b) + 1) / below - h[b] * (2 * b - a - c) / below**2


def two_loops(integral, name, up, down, weight):
    """Values of the table; the slope by adaptive quadrature in x itself, another variable."""
    rows = reference("baselines/loop_functions.json")[name]
    (m,) = columns(rows, "Mh")
    value = worst(jax.jit(integral)(jnp.asarray(m)), [mp.mpf(row["value"]) for row in rows])
    masses = np.array([120.0, 900.0])

    def slope(mass):
        def integrand(x):
            c = mp.mpf(up) ** 2 / (1 - x) + mp.mpf(down) ** 2 / x
            return weight(x) * 2 * mass * mp_d3_slope(mp.mpf(SM.m_w) ** 2, mass**2, c)

        return mp.quad(integrand, [0, 1e-9, 1e-6, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.99, 1])

    with mp.workdps(30):
        expected = [slope(m) for (m,) in numbers(masses)]
        return value, max(worst(s, expected) for s in exact.slopes(integral, 0, masses))


CASES = (
    {name: functools.partial(dark, *case) for name, case in KERNELS.items()}
    | {"mediator_factor": mediator_factor, "D3": second_difference}
    | {name: functools.partial(two_loops, f, *case) for name, (f, case) in INTEGRALS.items()}
)
