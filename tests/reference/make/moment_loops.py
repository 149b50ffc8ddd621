"""One-loop functions of moments, masses, g-2 and T: power series at t = 1, closed forms elsewhere.

Sources: the vertex integrals over one Feynman parameter that stand at each function. F_flip is both
photon graphs with a chirality flip, I_F and I_S one of them; N_F and N_S are without a flip; f_SM
belongs to W loops of light neutrinos, K_LR to those of two mixed W.
"""

import mpmath as mp
from oracle import Table


def series(coefficient, t):
    """sum_n coefficient(n) (1-t)^n, for |1-t| < 2e-3 to 1e-60."""
    return sum(coefficient(n) * (1 - t) ** n for n in range(24))


# name: (coefficient of (1-t)^n, closed form)
FUNCTIONS = {
    # int [x^2 + x(1-x)]/(1-x+tx)
    "F_flip": (lambda n: mp.mpf(1) / (n + 2), lambda t, ln, u: (-u - ln) / u**2),
    # int x^2/(1-x+tx)
    "I_F": (lambda n: mp.mpf(1) / (n + 3), lambda t, ln, u: (t - 3) / (2 * u**2) - ln / u**3),
    # int x(1-x)/(1-x+tx)
    "I_S": (
        lambda n: mp.mpf(1) / ((n + 2) * (n + 3)),
        lambda t, ln, u: (t + 1) / (2 * u**2) + t * ln / u**3,
    ),
    # int x^2(1-x)/(1-x+tx)
    "N_F": (
        lambda n: mp.mpf(1) / ((n + 3) * (n + 4)),
        lambda t, ln, u: (2 + 3 * t - 6 * t**2 + t**3 + 6 * t * ln) / (6 * u**4),
    ),
    # int x(1-x)^2/(1-x+tx)
    "N_S": (
        lambda n: mp.mpf(2) / ((n + 2) * (n + 3) * (n + 4)),
        lambda t, ln, u: (1 - 6 * t + 3 * t**2 + 2 * t**3 - 6 * t**2 * ln) / (6 * u**4),
    ),
    # 3/4 [1 + 1/u - 2t/u^2 - 2t^2 ln t/u^3], f_SM(0) = 3/2
    "f_SM": (
        lambda n: (n == 0) * mp.mpf(3) / 4 + mp.mpf(3) / ((n + 1) * (n + 2) * (n + 3)),
        lambda t, ln, u: mp.mpf(3) / 4 * (1 + 1 / u - 2 * t / u**2 - 2 * t**2 * ln / u**3),
    ),
    # f_SM - 3/2
    "df_SM": (
        lambda n: mp.mpf(3) / ((n + 1) * (n + 2) * (n + 3)) - (n == 0) * mp.mpf(3) / 4,
        lambda t, ln, u: 3 * t / 4 * (1 / u - 2 / u**2 - 2 * t * ln / u**3),
    ),
    # 1 + 3 [1/u + t ln t/u^2], K_LR(0) = 4
    "K_LR": (
        lambda n: (n == 0) + mp.mpf(3) / ((n + 1) * (n + 2)),
        lambda t, ln, u: 1 + 3 * (1 / u + t * ln / u**2),
    ),
}


def value(name, t):
    coefficient, closed = FUNCTIONS[name]
    if abs(t - 1) < mp.mpf("2e-3"):
        return series(coefficient, t)
    with mp.workdps(mp.mp.dps + 60):
        found = closed(t, mp.log(t), 1 - t)
    return +found


def slope(name, t):
    """The derivative: of the series term by term, of the closed form by Richardson differences."""
    if abs(t - 1) < mp.mpf("2e-3"):
        coefficient = FUNCTIONS[name][0]
        return -sum(n * coefficient(n) * (1 - t) ** (n - 1) for n in range(1, 26))
    h = t * mp.mpf("1e-12")
    with mp.workdps(mp.mp.dps + 40):
        two, one = (value(name, t + k * h) - value(name, t - k * h) for k in (2, 1))
        return (8 * one - two) / (12 * h)


def row_of(name):
    def row(given, constants):
        t = mp.mpf(given["t"])
        return {"value": value(name, t), "dvalue_dt": slope(name, t)}

    return row


def logarithmic(given, constants):
    """z ln z/(z-1), the mass loop of a scalar over that of the fermion."""
    z = mp.mpf(given["z"])
    return {"value": z * mp.log1p(z - 1) / (z - 1) if z != 1 else mp.mpf(1)}


def scalar_t(x, y):
    """(x+y)/2 - xy/(x-y) ln(x/y), the T parameter's function of two squared masses."""
    return mp.mpf(0) if x == y else (x + y) / 2 - x * y / (x - y) * mp.log(x / y)


def splitting(given, constants):
    return {"value": scalar_t(mp.mpf(given["x"]), mp.mpf(given["y"]))}


FILE = "baselines/loop_functions.json"
TABLES = (
    *(Table(FILE, (name,), ("t",), row_of(name)) for name in FUNCTIONS),
    Table(FILE, ("r_fun",), ("z",), logarithmic),
    Table(FILE, ("F_T",), ("x", "y"), splitting),
)
