"""Largest errors of l -> l' gamma by mixing with triplets, against exact mass states."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np

from helpers.accuracy import exact
from helpers.accuracy.exact import DIGITS, numbers, reference, worst
from helpers.oracles import made_with
from nmmjax.physics import flavour_violation as lfv

FILE = "weak_triplet/flavour_violation.json"
SM = made_with(FILE)
MASSES = np.array([100.0, 126.0, 300.0, 1e3, 1e4, 1e6])


def dipoles(row):
    """A_ab in units of G_F at a row of the reference file."""
    theta = jnp.array([[complex(*map(float, x)) for x in line] for line in row["theta"]])
    m_psi = jnp.array([float(m) for m in row["m_psi"]])
    y_t = jnp.array([[float(y) for y in line] for line in row["y_t"]])
    return np.asarray(jax.jit(_dipoles)(theta, m_psi, y_t, float(row["m_phi"])))


def _dipoles(theta, m_psi, y_t, m_phi):
    return lfv.dipoles(theta, m_psi, y_t, jnp.asarray(m_phi), SM) / SM.g_f


def all_loops():
    rows = reference(FILE)["limit"]
    found = [abs(dipoles(row)[0, 1]) for row in rows]
    with mp.workdps(40):
        return worst(found, [mp.mpf(row["A_emu"]) for row in rows]), None


def gauge_loops():
    """Rows without y_T; slopes of the closed form, arXiv:0803.0481 with another constant.

    Heavy triplets leave a constant, whose parts cancel in the slope: relative to b/m_psi there.
    """
    rows = [row for row in reference(FILE)["limit"] if float(row["y_t"][0][0]) == 0.0]
    masses = np.array([float(row["m_psi"][0]) for row in rows])
    mixing = [complex(*map(float, line[0])) for line in rows[0]["theta"][:2]]
    found = jax.jit(lambda m: lfv.gauge_amplitude(m, SM))(masses)
    with mp.workdps(40):
        pair = abs(mp.mpc(mixing[0]) * mp.mpc(mixing[1])) / (4 * mp.sqrt(2) * mp.pi**2)
        value = worst(np.abs(found), [mp.mpf(row["A_emu"]) / pair for row in rows])
    with mp.workdps(DIGITS):
        masses = [m for (m,) in numbers(MASSES)]
        slopes = [exact.derivative(closed_form, m) for m in masses]
        scale = [max(abs(s), abs(closed_form(m) / m)) for s, m in zip(slopes, masses, strict=True)]
        found = exact.slopes(lambda m: lfv.gauge_amplitude(m[None], SM)[0], 0, MASSES)
        return value, max(worst(s, slopes, scale) for s in found)


def closed_form(m):
    """b(m_psi) = [-(16/3) s_W^2 + A(x_W) + B(x_Z) + C(x_h)]/4."""
    x_w, x_z, x_h = ((m / mp.mpf(boson)) ** 2 for boson in (SM.m_w, SM.m_z, SM.m_h))
    a = -30 + 153 * x_w - 198 * x_w**2 + 75 * x_w**3 + 18 * (4 - 3 * x_w) * x_w**2 * mp.log(x_w)
    b = 33 - 18 * x_z - 45 * x_z**2 + 30 * x_z**3 + 18 * (4 - 3 * x_z) * x_z * mp.log(x_z)
    c = -7 + 12 * x_h + 3 * x_h**2 - 8 * x_h**3 + 6 * (3 * x_h - 2) * x_h * mp.log(x_h)
    parts = zip((a, b, c), (x_w, x_z, x_h), strict=True)
    return (sum(f / (3 * (x - 1) ** 4) for f, x in parts) - mp.mpf(16) / 3 * mp.mpf(SM.s2w)) / 4


CASES = {"gauge_amplitude": gauge_loops, "dipoles": all_loops}
