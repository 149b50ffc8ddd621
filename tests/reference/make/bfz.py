"""The Zee model with an inert doublet (S^+, s_R, s_I) in the inner loop; S and T.

    L = zee - kappa phi^- S^+ (s_R - i s_I) + h.c.

S from the slopes of vacuum polarisations at zero momentum, T from their values, with

    P(q^2) = int_0^1 D ln D dx,   D = x a + (1-x) b - x (1-x) q^2

of two scalars of squared masses a and b; both are differences in which the divergences cancel.
"""

import mpmath as mp
import zee
from oracle import Table
from two_loop import over_x

SCALARS = ("kappa", "m_s_plus", "m_s_r", "m_s_i", "m_h0", "m_a0")


def polarisation(a, b, q2):
    def integrand(x):
        d = x * a + (1 - x) * b - x * (1 - x) * q2
        return d * mp.log(d)

    return mp.quad(integrand, [0, mp.mpf("0.01"), mp.mpf("0.1"), mp.mpf("0.9"), mp.mpf("0.99"), 1])


def slope(a, b):
    """dP/dq^2 at zero."""
    h = mp.mpf(10) ** (-mp.mp.dps // 5) * min(a, b)
    points = ((2, -1), (1, 8), (-1, -8), (-2, 1))
    return sum(w * polarisation(a, b, k * h) for k, w in points) / (12 * h)


def oblique(cosine, charged, neutral, c):
    """S and T of a doublet whose charged member is cosine h_1 - sine h_2."""
    weights = (cosine**2, 1 - cosine**2)
    pairs = [(i, j) for i in (0, 1) for j in (0, 1)]
    isospin = sum(weights[i] * weights[j] * slope(charged[i], charged[j]) for i, j in pairs)
    charge = sum(w * slope(m, m) for w, m in zip(weights, charged, strict=True))
    s = -2 / mp.pi * (isospin / 4 + slope(*neutral) / 4 - charge / 2)
    # Pi_11(0) - Pi_33(0); a pair (a, b) gives (a ln a + b ln b)/2 - P
    w_part = sum(w * at_zero(m, n) for w, m in zip(weights, charged, strict=True) for n in neutral)
    z_part = at_zero(*neutral) + sum(
        weights[i] * weights[j] * at_zero(charged[i], charged[j]) for i, j in pairs
    )
    v_squared = 1 / (mp.sqrt(2) * c.g_f)
    t = (w_part - z_part) * c.alpha_inv_0 / (16 * mp.pi**2 * v_squared)
    return s, t


def at_zero(a, b):
    """2 [(a ln a + b ln b)/2 - P(0)], the value of a current of two scalars at zero momentum."""
    return a * mp.log(a) + b * mp.log(b) - 2 * polarisation(a, b, 0)


def row(given, c):
    made = zee.row(given, c)
    kappa, plus, s_r, s_i, h0, a0 = (mp.mpf(given[key]) for key in SCALARS)
    light, heavy, phi = (mp.mpf(given[k]) for k in ("mh", "mH", "phi"))

    def loop(m):
        return sum(over_x(lambda x, y: x, c.m_w, m, plus, s) for s in (s_r, s_i))

    g2 = 8 * c.g_f * c.m_w**2 / mp.sqrt(2)
    unit = 2 * c.m_e * g2 / (16 * mp.pi**2) ** 2 * mp.sin(2 * phi) / 2
    scalars = unit * kappa / mp.sqrt(2) * (loop(light) - loop(heavy))
    f, _ = zee.couplings(given)
    two = [
        [x + 2 * scalars * y for x, y in zip(line, row, strict=True)]
        for line, row in zip(made["mu_2loop_muB"], f, strict=True)
    ]
    first = oblique(mp.cos(phi), (light**2, heavy**2), (h0**2, a0**2), c)
    second = oblique(mp.mpf(1), (plus**2, plus**2), (s_r**2, s_i**2), c)
    return {
        "mu_2loop_muB": two,
        "S": first[0] + second[0],
        "T": first[1] + second[1],
        "quartic_kappa": 2 * kappa * mp.sqrt(mp.sqrt(2) * c.g_f),
    }


TABLES = (Table("baselines/bfz.json", ("points",), (*zee.GIVEN, *SCALARS), row, 40, 16, rows=1),)
