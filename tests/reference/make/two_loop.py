"""Two-loop (Barr-Zee) integrals of W, charged scalar and an inner loop, arXiv:1502.04199's kind.

    J = int_0^1 dx weight(x) D3(m_W^2, m_S^2, c(x)),   c = (m_1^2 x + m_2^2 (1-x))/(x (1-x))

D3 is the radial integral over the outer momentum. The integral over x is a trapezoidal sum in the
logit of x, whose error falls like exp(-2 pi^2/h).
"""

import mpmath as mp
from oracle import Table

STEP = mp.mpf("0.2")  # the nearest singularities lie at Im y = pi: error exp(-2 pi^2/0.2) = 1e-43
REACH = 110  # the integrand falls at least like exp(-|y|)


def D3(a, b, c):
    """int_0^inf K dK/((K+a)(K+b)(K+c)): the second divided difference of z ln z."""
    if a == b == c:
        return 1 / (2 * a)
    if b in (a, c):
        a, b, c = (a, c, b) if a == b else (b, a, c)
    with mp.workdps(2 * mp.mp.dps):
        if a == c:
            found = (mp.log(a) + 1 - (b * mp.log(b) - a * mp.log(a)) / (b - a)) / (a - b)
        else:
            parts = ((a, b, c), (b, c, a), (c, a, b))
            found = sum(x * mp.log(x) / ((x - y) * (x - z)) for x, y, z in parts)
    return +found


def over_x(weight, m_w, m_s, m1, m2):
    """int_0^1 dx weight(x, 1-x) D3(m_W^2, m_S^2, c(x))."""
    total = mp.mpf(0)
    for i in range(-int(REACH / STEP), int(REACH / STEP) + 1):
        e = mp.exp(-i * STEP)
        x, rest = 1 / (1 + e), e / (1 + e)
        c = (m1**2 * x + m2**2 * rest) / (x * rest)
        total += weight(x, rest) * D3(m_w**2, m_s**2, c) * x * rest
    return total * STEP


def charges(x, rest):
    """Charge of the quark that the photon meets: 2/3 of t against -1/3 of b."""
    return (2 * x - rest) / 3


def J_up(m, c):
    """Weight 1: the chirality flip on the top quark."""
    return over_x(charges, c.m_w, m, c.m_t, c.m_b)


def J_down(m, c):
    """Weight -(2-x)/x: the chirality flip on the bottom quark."""
    return over_x(lambda x, y: -charges(x, y) * (1 + y) / x, c.m_w, m, c.m_t, c.m_b)


def J_scalar(m, c):
    """Weight x: an inner loop of scalars of 150 and 300 GeV."""
    return over_x(lambda x, y: x, c.m_w, m, mp.mpf(150), mp.mpf(300))


def row_of(integral):
    return lambda given, constants: {"value": integral(mp.mpf(given["Mh"]), constants)}


def three_masses(given, constants):
    return {"value": D3(*(mp.mpf(given[key]) for key in "abc"))}


FILE = "baselines/loop_functions.json"
TABLES = (
    Table(FILE, ("D3",), ("a", "b", "c"), three_masses),
    Table(FILE, ("J_up_tb",), ("Mh",), row_of(J_up), dps=36, rows=1),
    Table(FILE, ("J_down_tb",), ("Mh",), row_of(J_down), dps=36, rows=1),
    Table(FILE, ("J_S_150_300",), ("Mh",), row_of(J_scalar), dps=36, rows=1),
)
