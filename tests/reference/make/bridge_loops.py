"""One-loop functions of the SU(2)-bridge models, arXiv:2506.15777, and their first derivatives.

Arguments are doubles, stored with 30 digits: float(text) is the argument. Closed forms that are 0/0
at equal masses are evaluated with 80 digits more than are kept.
"""

import mpmath as mp
from oracle import Table


def careful(f):
    def precise(*x):
        with mp.workdps(mp.mp.dps + 80):
            value = f(*(mp.mpf(v) for v in x))
        return +value

    return precise


@careful
def area(z):
    """(atanh r - r)/r^3 at r = sqrt(z)."""
    r = mp.sqrt(z)
    return mp.mpf(1) / 3 if z == 0 else (mp.atanh(r) - r) / r**3


@careful
def G(t):
    """int x/(1+(t-1)x) dx."""
    u = t - 1
    return mp.mpf(1) / 2 if u == 0 else 1 / u - mp.log(t) / u**2


@careful
def dG(t):
    u = t - 1
    return -mp.mpf(1) / 3 if u == 0 else -(1 + 1 / t) / u**2 + 2 * mp.log(t) / u**3


@careful
def fW(x):
    """(1-x+x ln x)/(1-x)^2 = G(1/x)/x at x = m_S^2/m_psi^2."""
    return mp.mpf(1) / 2 if x == 1 else (1 - x + x * mp.log(x)) / (1 - x) ** 2


@careful
def dfW(x):
    return -mp.mpf(1) / 6 if x == 1 else (2 * (1 - x) + (1 + x) * mp.log(x)) / (1 - x) ** 3


@careful
def on_fermion(t):
    """int x^2/(1+(t-1)x) dx."""
    u = t - 1
    return mp.mpf(1) / 3 if u == 0 else (t - 3) / (2 * u**2) + mp.log(t) / u**3


@careful
def on_scalar(t):
    """int x(1-x)/(1+(t-1)x) dx."""
    u = t - 1
    return mp.mpf(1) / 6 if u == 0 else (t + 1) / (2 * u**2) - t * mp.log(t) / u**3


@careful
def B0(a, b, q):
    """Finite B0(0; a, b) in MSbar at squared scale q; all are squared masses."""
    return -mp.log(a / q) if a == b else 1 - (a * mp.log(a / q) - b * mp.log(b / q)) / (a - b)


@careful
def dB0(a, step, b):
    """B0(a, b) - B0(a + step, b)."""
    return B0(a, b, b) - B0(a + step, b, b)


@careful
def Gh(a, b):
    """-dB0/da = G(a/b)/b."""
    return G(a / b) / b


@careful
def L0(a, b):
    """ln(a/b)/(a-b)."""
    return 1 / a if a == b else mp.log(a / b) / (a - b)


@careful
def mixed(a, b, c):
    """B0(b, c) - B0(a, c), the bracket of Eq. (45) of arXiv:2605.19544."""
    parts = [mp.mpf(1) if x == c else x * mp.log(x / c) / (x - c) for x in (a, b)]
    return parts[0] - parts[1]


def slope(f, t):
    with mp.workdps(mp.mp.dps + 40):
        value = mp.diff(f, t, h=t * mp.mpf(10) ** -25)
    return +value


def of_one(name, f, derivative=None):
    def row(given, constants):
        x = mp.mpf(float(given[name]))
        return {"value": f(x)} | ({"derivative": derivative(x)} if derivative else {})

    return row


def of_several(f, *names):
    return lambda given, c: {"value": f(*(mp.mpf(float(given[name])) for name in names))}


def two_point(given, constants):
    a, b, q = (mp.mpf(float(given[key])) for key in ("a", "b", "mu2"))
    return {"value": B0(a, b, q), "dB0_da": -Gh(a, b), "dB0_db": -Gh(b, a)}


ROWS = {
    "A_kernel": (("z",), of_one("z", area)),
    "G": (("t",), of_one("t", G, dG)),
    "fW": (("x",), of_one("x", fW, dfW)),
    "d_fermion": (("t",), of_one("t", on_fermion, lambda t: slope(on_fermion, t))),
    "d_scalar": (("t",), of_one("t", on_scalar, lambda t: slope(on_scalar, t))),
    "B0fin": (("a", "b", "mu2"), two_point),
    "DB0": (("a", "delta", "b"), of_several(dB0, "a", "delta", "b")),
    "L0": (("a", "b"), of_several(L0, "a", "b")),
    "Mix45": (("a", "b", "c"), of_several(mixed, "a", "b", "c")),
}
TABLES = tuple(
    Table("bridge/loop_functions.json", (name, "points"), inputs, row)
    for name, (inputs, row) in ROWS.items()
)
