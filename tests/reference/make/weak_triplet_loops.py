"""One-loop functions of the weak-triplet models, arXiv:2605.19544: closed forms at many digits.

Arguments are doubles, written as Python prints them; values belong to those doubles exactly. Closed
forms that are 0/0 at t = 1 are evaluated with 120 digits more than are kept.
"""

from fractions import Fraction

import mpmath as mp
from oracle import Table


def extra(f):
    """The function f with 120 digits more, so that its cancellations cost none of those kept."""

    def careful(x):
        with mp.workdps(mp.mp.dps + 120):
            value = f(mp.mpf(x))
        return +value

    return careful


@extra
def L(t):
    """ln t/(t-1): the finite part of a two-point function at zero momentum."""
    return mp.mpf(1) if t == 1 else mp.log(t) / (t - 1)


@extra
def G(t):
    """(t-1-ln t)/(t-1)^2 = int_0^1 y/(1+(t-1)y) dy: both photon graphs with a chirality flip."""
    return mp.mpf(1) / 2 if t == 1 else (t - 1 - mp.log(t)) / (t - 1) ** 2


@extra
def Gm(t):
    """((1+t) ln t - 2(t-1))/(t-1)^3: the difference of the two photon graphs, Eq. (42)."""
    return mp.mpf(1) / 6 if t == 1 else ((1 + t) * mp.log(t) - 2 * (t - 1)) / (t - 1) ** 3


def IF(t):
    """int y^2/(1+(t-1)y) dy: the photon on the fermion."""
    return (G(t) + Gm(t)) / 2


@extra
def IS(t):
    """int y(1-y)/(1+(t-1)y) dy: the photon on the scalar; G and Gm agree to ln t for small t."""
    return (G(t) - Gm(t)) / 2


def root_and_log(r):
    """sqrt(r^2-4) and ln[-1 + r^2/2 - r/2 sqrt(r^2-4)], complex below r = 2."""
    root = mp.sqrt(mp.mpc(r * r - 4))
    return root, mp.log(-1 + r * r / 2 - r * root / 2)


@extra
def BF(r):
    """The curly bracket of Eq. (58), the fermion's; real."""
    root, log = root_and_log(r)
    return mp.re(-2 * r + 2 * r**3 * mp.log(r) + root * (2 + r * r) * log)


@extra
def BS(r):
    """The curly bracket of Eq. (59), the scalar's, without the scheme constant; real."""
    root, log = root_and_log(r)
    return mp.re(-2 * r**3 * mp.log(r) - root**3 * log)


def slope(f, x):
    """f'(x) by a central difference of 1e-35, its error below 1e-65 of the value."""
    with mp.workdps(mp.mp.dps + 60):
        x = mp.mpf(x)
        h = x * mp.mpf(10) ** -35
        value = (f(x + h) - f(x - h)) / (2 * h)
    return +value


OF_T = {"L": (L, 2), "G": (G, 3), "Gm": (Gm, 6), "IF": (IF, 4), "IS": (IS, 12)}


def functions_of_t(given, constants):
    """Each function and its slope, which is -1 over the whole number of OF_T at t = 1."""
    t, made = mp.mpf(float(given["t"])), {}
    for name, (f, n) in OF_T.items():
        made[name], made[f"d{name}"] = f(t), -mp.mpf(1) / n if t == 1 else slope(f, t)
    return made


def functions_of_r(given, constants):
    r = mp.mpf(float(given["r"]))
    made = {"BF": BF(r), "dBF": slope(BF, r), "BS": BS(r), "dBS": slope(BS, r)}
    return made | {"fF": r / 2 * made["BF"], "fS": r / 4 * made["BS"]}


def difference_of_l(given, constants):
    """L(e^(u+du)) - L(e^u) and its slope in du, -G(1/t)/t at t = e^(u+du)."""
    u, du = (mp.mpf(float(given[key])) for key in ("u", "du"))
    with mp.workdps(mp.mp.dps + 70):
        difference = L(mp.exp(u + du)) - L(mp.exp(u))
        inverse = mp.exp(-(u + du))
        return {"dL": difference, "ddL_ddu": -inverse * G(inverse)}


def mass_splitting(kind, m, charges, c):
    """M(Q) - M(Q') of a multiplet of hypercharge Y by W, Z and photon, Eqs. (58), (59); GeV.

    alpha_2 m/(4 pi) {(Q^2-Q'^2) s_W^2 f(m_Z/m) + (Q-Q')(Q+Q'-2Y) [f(m_W/m) - f(m_Z/m)]}, where
    f is r/2 BF for a fermion and r/4 BS for a scalar.
    """

    def f(r):
        return r / 2 * BF(r) if kind == "F" else r / 4 * BS(r)

    (q, qp, y), z, w = charges, f(c.m_z / m), f(c.m_w / m)
    bracket = (q * q - qp * qp) * c.s2w * z + (q - qp) * (q + qp - 2 * y) * (w - z)
    return m / (4 * mp.pi * c.alpha_inv_mz * c.s2w) * bracket


def tabulated_splitting(given, constants):
    parts = [Fraction(given[key]) for key in ("Q", "Qp", "Y")]
    charges = [mp.mpf(x.numerator) / x.denominator for x in parts]
    return {"dm": mass_splitting(given["kind"], mp.mpf(float(given["m"])), charges, constants)}


TABLES = (
    Table("weak_triplet/loop_t.json", ("rows",), ("t",), functions_of_t),
    Table("weak_triplet/loop_r.json", ("rows",), ("r",), functions_of_r),
    Table("weak_triplet/loop_dL.json", ("rows",), ("u", "du"), difference_of_l),
    Table("weak_triplet/dm_EW.json", ("rows",), ("kind", "Q", "Qp", "Y", "m"), tabulated_splitting),
)
