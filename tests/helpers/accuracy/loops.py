"""Largest errors of one-loop functions: value, and slope forward and in reverse."""

import functools
from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np

from helpers.accuracy import exact
from helpers.accuracy.exact import DIGITS, R_GRID, T_GRID, mp_l, mp_weight, numbers, worst
from helpers.oracles import made_with
from nmmjax.physics import bridge_loops, electroweak, moment_loops, one_loop

SM = made_with("weak_triplet/dm_EW.json")
MOMENT_GRID = T_GRID[(T_GRID > 1e-17) & (T_GRID < 1e8)]


def of_one_variable(f, closed, grid, floor=0.0):
    with mp.workdps(DIGITS):
        points = [mp.mpf(x) for x in grid.tolist()]
        value = worst(jax.jit(f)(jnp.array(grid)), map(closed, points), floor=floor)
        expected = [exact.derivative(closed, x) for x in points]
        return value, max(worst(s, expected, floor=floor) for s in exact.slopes(f, 0, grid))


def difference_of_l():
    u, du = exact.splittings()
    with mp.workdps(DIGITS):
        pairs = numbers(u, du)
        by_du = [-mp_weight(a + b) for a, b in pairs]
        by_u = [mp_weight(a) - mp_weight(a + b) for a, b in pairs]
        value = worst(jax.jit(one_loop.dL)(u, du), [mp_l(a + b) - mp_l(a) for a, b in pairs])
        found = [worst(s, by_u) for s in exact.slopes(one_loop.dL, 0, u, du)]
        return value, max(found + [worst(s, by_du) for s in exact.slopes(one_loop.dL, 1, u, du)])


def pair_of_split_scalars():
    """Relative to the two pieces, which may cancel: that is the physics."""
    rng = np.random.default_rng(7)
    count = 300
    u = np.concatenate([rng.uniform(-40, 40, count), rng.uniform(-3, 3, count)])
    sign = rng.choice([-1.0, 1.0], 2 * count)
    wide, central = 10.0 ** rng.uniform(-16, 1.3, count), rng.uniform(0, 2.5, count)
    delta = sign * np.concatenate([wide, central])
    dbar = rng.choice([-1.0, 1.0], 2 * count) * 10.0 ** rng.uniform(-24, 0, 2 * count)
    delta[::9] = (u + dbar)[::9]  # one scalar at t = 1
    with mp.workdps(DIGITS):
        rows = numbers(u, dbar, delta)
        even = [(mp_l(a + b + d) + mp_l(a + b - d)) / 2 - mp_l(a + b) for a, b, d in rows]
        odd = [mp_l(a + b) - mp_l(a) for a, b, _ in rows]
        slope = [(mp_weight(a + b - d) - mp_weight(a + b + d)) / 2 for a, b, d in rows]
        got = jax.jit(one_loop.dL_pair)(u, dbar, delta)
        both = list(zip(even, odd, strict=True))
        value = worst(got, [x + y for x, y in both], [abs(x) + abs(y) for x, y in both])
        found = exact.slopes(one_loop.dL_pair, 2, u, dbar, delta)
        return value, max(worst(s, slope) for s in found)


def splitting_of_the_mass_loop():
    """Relative to |d ln m^2| + |d ln M^2|."""
    rng = np.random.default_rng(5)
    u, du = exact.splittings(60)
    ln_big = rng.uniform(5, 20, u.size)
    share = rng.uniform(0, 1, u.size)  # of du between the two masses, same sign of both weights
    x = (ln_big + u, ln_big, share * du, (share - 1.0) * du)
    with mp.workdps(DIGITS):
        rows = numbers(*x)
        values = [mp_l(m + dm - s - ds) - mp_l(m - s) + dm for m, s, dm, ds in rows]
        scale = [abs(dm) + abs(ds) for _, _, dm, ds in rows]
        return worst(jax.jit(one_loop.Fsplit)(*x), values, scale), None


def mass_loop():
    """Relative to the logarithms in it."""
    rng = np.random.default_rng(6)
    m, big, mu = 10.0 ** rng.uniform(-3, 6, (3, 200))
    big[:20] = m[:20]
    with mp.workdps(DIGITS):
        rows = numbers(m, big, mu)
        values = [mp_l(2 * mp.log(x / y)) + 2 * mp.log(x / z) - 1 for x, y, z in rows]
        scale = [abs(mp.log(x / z)) + abs(mp.log(y / z)) + 1 for x, y, z in rows]
        return worst(jax.jit(one_loop.F)(m, big, mu), values, scale), None


def difference_of_masses_times_l():
    x = [np.array(a) for a in ([1e3, 1e3, 5e4], [0.0, 2, -7], [1e-9, 0.4, 3], [-1e-12, 1e-6, 1.5])]
    with mp.workdps(DIGITS):
        rows = numbers(*x)
        values = [(m + d) * mp_l(u + e) - m * mp_l(u) for m, u, d, e in rows]
        return worst(jax.jit(one_loop.mass_split)(*x), values), None


def electroweak_splitting():
    """Relative to the W, Z and photon terms, which may cancel (1/3, -2/3)."""
    kinds = {"F": ("fermion", electroweak.f_F), "S": ("scalar", electroweak.f_S)}
    alpha = 1.0 / SM.alpha_inv_mz
    errors = []
    for row in exact.reference("weak_triplet/dm_EW.json")["rows"]:
        q, q_prime, y = (float(Fraction(row[key])) for key in ("Q", "Qp", "Y"))
        (kind, f), m = kinds[row["kind"]], jnp.array(float(row["m"]))
        got = electroweak.mass_split_ew(kind, m, q, q_prime, y, SM.m_z, SM.m_w, alpha, SM.s2w)
        f_z, f_w = abs(float(f(SM.m_z / m))), abs(float(f(SM.m_w / m)))
        terms = abs(q**2 - q_prime**2) * SM.s2w * f_z
        terms += abs((q - q_prime) * (q + q_prime - 2 * y)) * (f_w + f_z)
        scale = alpha / SM.s2w * float(m) / (4 * np.pi) * terms
        with mp.workdps(30):
            errors.append(float(abs(float(got) - mp.mpf(row["dm"])) / scale))
    return max(errors), None


def t_parameter():
    with mp.workdps(60):
        x = np.array([100.0**2, 100.0001**2, 100.1**2, 300.0**2, 3e8, 2e-3])
        y = np.roll(x, 1)
        values = [(a + b) / 2 - a * b / (a - b) * mp.log(a / b) for a, b in numbers(x, y)]
        return worst(jax.jit(moment_loops.F_T)(x, y), values), None


def step(f, closed):
    """Slopes relative to 1 + dz/(100 z): far from z they are differences of larger ones."""
    ratios = [-0.3, 1e-14, 1e-6, 0.1, 2.0, 1e4]
    m2, z, r = np.meshgrid([2.6e-7, 0.011, 3.2, 17.5], [100.0**2, 300.0**2, 2e7], ratios)
    x = [a.ravel() for a in (m2, z, r * z)]
    with mp.workdps(DIGITS):
        rows = numbers(*x)
        values = [closed(m, a + d) - closed(m, a) for m, a, d in rows]
        slope = [exact.derivative(lambda v, m=m: closed(m, v), a + d) for m, a, d in rows]
        scale = [abs(s) * (1 + abs(d / a) / 100) for s, (_, a, d) in zip(slope, rows, strict=True)]
        found = exact.slopes(f, 2, *x)
        return worst(jax.jit(f)(*x), values), max(worst(s, slope, scale) for s in found)


def bridge(name, f, inputs, **arguments):
    """Rows whose decimal inputs are the doubles to within rounding; slopes where tabulated."""
    rows = exact.reference("bridge/loop_functions.json")[name]["points"]
    x = exact.columns(rows, *inputs)
    with mp.workdps(40):
        value = worst(jax.jit(jax.vmap(f))(*x), [mp.mpf(row["value"]) for row in rows])
        found = [
            worst(s, [mp.mpf(row[key]) for row in rows])
            for key, argument in arguments.items()
            for s in exact.slopes(f, argument, *x)
        ]
    return value, max(found, default=None)


def isospin_breaking():
    d = np.concatenate([10.0 ** np.arange(-12.0, 3.0), -(10.0 ** np.arange(-12.0, 0.0)), [-0.999]])
    with mp.workdps(60):
        values = [(2 + x) / 2 - (1 + x) * mp.log1p(x) / x for (x,) in numbers(d)]
        return worst(jax.jit(bridge_loops.rho_loop)(jnp.asarray(d)), values), None


def _mass(m, z):
    return z * mp.log(z / m) / (z - m)


def _moment(m, z):
    return (m / z - 1 - mp.log(m / z)) / (1 - m / z) ** 2 / z


OF_T = {
    "L": (one_loop.L, lambda t: mp.log(t) / (t - 1), T_GRID),
    "G": (one_loop.G, exact.mp_g, T_GRID),
    "Gm": (one_loop.Gm, exact.mp_gm, T_GRID),
    "I_F": (one_loop.I_F, lambda t: (exact.mp_g(t) + exact.mp_gm(t)) / 2, T_GRID),
    "I_S": (one_loop.I_S, lambda t: (exact.mp_g(t) - exact.mp_gm(t)) / 2, T_GRID),
    "N_F": (moment_loops.N_F, exact.mp_n_f, MOMENT_GRID),
    "N_S": (moment_loops.N_S, exact.mp_n_s, MOMENT_GRID),
    "df_SM": (moment_loops.df_SM, exact.mp_df_sm, MOMENT_GRID),
    "f_SM": (moment_loops.f_SM, lambda t: mp.mpf(3) / 2 + exact.mp_df_sm(t), MOMENT_GRID),
    "K_LR": (moment_loops.K_LR, exact.mp_k_lr, MOMENT_GRID),
    "B_F": (electroweak.B_F, exact.mp_b_f, R_GRID),
    "B_S": (electroweak.B_S, exact.mp_b_s, R_GRID, 1.0),  # zero near r = 1.5
}
CASES = {name: functools.partial(of_one_variable, *case) for name, case in OF_T.items()} | {
    "F": mass_loop,
    "Fsplit": splitting_of_the_mass_loop,
    "dL": difference_of_l,
    "dL_pair": pair_of_split_scalars,
    "mass_split": difference_of_masses_times_l,
    "mass_split_ew": electroweak_splitting,
    "F_T": t_parameter,
    "mass_step": functools.partial(step, moment_loops.mass_step, _mass),
    "moment_step": functools.partial(step, moment_loops.moment_step, _moment),
    "fW": functools.partial(bridge, "fW", bridge_loops.fW, ("x",), derivative=0),
    "L0": functools.partial(bridge, "L0", bridge_loops.L0, ("a", "b")),
    "B0": functools.partial(
        bridge, "B0fin", bridge_loops.B0, ("a", "b", "mu2"), dB0_da=0, dB0_db=1
    ),
    "dB0": functools.partial(bridge, "DB0", bridge_loops.dB0, ("a", "delta", "b")),
    "rho_loop": isospin_breaking,
}
