r"""Loop integrals of the dark-photon model, arXiv:2603.25704, as moment integrals over t.

    S(p; u, m) = int_0^inf t^p dt/prod_i (t+u_i)^m_i

by the trapezoidal rule in ln t, with an error of exp(-2 pi^2/h) = 1e-52; nothing cancels. Masses in
GeV as decimal texts, exact; gradients in the masses. `as_printed` takes the paper's J.
"""

import mpmath as mp
from oracle import Table

H = mp.mpf("0.165")
TAIL = 105  # exp(-105) = 1e-46 of the integrand is left at both ends


def S(p, nodes, powers):
    low = mp.log(min(nodes)) - mp.mpf(TAIL) / (p + 1)
    high = mp.log(max(nodes)) + mp.mpf(TAIL) / (sum(powers) - p - 1)
    n = int((high - low) / H) + 2
    step = (high - low) / (n - 1)
    t, factor, total = mp.exp(low), mp.exp(step), mp.mpf(0)
    for _ in range(n):
        total += t ** (p + 1) / mp.fprod((t + u) ** m for u, m in zip(nodes, powers, strict=True))
        t *= factor
    return total * step


def slope(p, nodes, powers, i):
    """dS/du_i."""
    raised = [m + (k == i) for k, m in enumerate(powers)]
    return -powers[i] * S(p, nodes, raised)


def summed(masses, powers):
    """1/2 sum over sets of powers of S(2) at squared masses, and its gradient in the masses."""
    nodes = [x**2 for x in masses]
    value = sum(S(2, nodes, m) for m in powers) / 2
    slopes = [sum(x * slope(2, nodes, m, i) for m in powers) for i, x in enumerate(masses)]
    return value, slopes


DERIVED, PRINTED = [[2, 1, 1]], [[1, 2, 1], [1, 1, 2]]


def delta_powers(printed):
    """J(H1,A1) - J(H1,A2) - J(H2,A1) + J(H2,A2) over (H1^2-H2^2)(A1^2-A2^2)."""
    return [[1 + (k == i) for k in range(5)] for i in (range(1, 5) if printed else range(1))]


def delta_j(masses, printed=False):
    nodes = [x**2 for x in masses]
    divided = sum(S(2, nodes, m) for m in delta_powers(printed)) / 2
    return (nodes[1] - nodes[2]) * (nodes[3] - nodes[4]) * divided


def delta_j_gradient(masses, printed):
    divided, slopes = summed(masses, delta_powers(printed))
    h, a = masses[1] ** 2 - masses[2] ** 2, masses[3] ** 2 - masses[4] ** 2
    outer = (0, a, -a, h, -h)
    return [
        2 * x * pre * divided + h * a * s for x, pre, s in zip(masses, outer, slopes, strict=True)
    ]


def F(x):
    """(2+3x-6x^2+x^3+6x ln x)/(6(1-x)^4)."""
    return S(3, [x, mp.mpf(1)], [3, 2]) / 3


def delta_b(h2, a2, m2):
    """B(h) - B(a) of squared masses, and over h^2 - a^2."""
    divided = S(1, [h2, a2, m2], [1, 1, 1])
    return (h2 - a2) * divided, divided


def row_of_j(keys, powers):
    def row(given, constants):
        value, gradient = summed([mp.mpf(given[key]) for key in keys], powers)
        return {"value": value, "grad": gradient}

    return row


def row_of_delta_j(printed):
    def row(given, constants):
        masses = [mp.mpf(given[key]) for key in FIVE]
        return {"value": delta_j(masses, printed), "grad": delta_j_gradient(masses, printed)}

    return row


def row_of_one(p, order, powers, divisor):
    """S(p)/divisor at nodes (x, 1), or (1, x) for order 1, and its derivative in x."""

    def row(given, constants):
        x, one = mp.mpf(given["x"]), mp.mpf(1)
        nodes = [one, x] if order else [x, one]
        return {
            "value": S(p, nodes, powers) / divisor,
            "deriv": slope(p, nodes, powers, order) / divisor,
        }

    return row


def two_point(given, constants):
    value, divided = delta_b(*(mp.mpf(given[key]) ** 2 for key in ("mh", "ma", "M")))
    return {"value": value, "over_mh2_minus_ma2": divided}


# The photon's coupling at zero momentum, section on vector couplings


def rotation(angle):
    return mp.matrix([[mp.cos(angle), mp.sin(angle)], [-mp.sin(angle), mp.cos(angle)]])


def vector(given, constants):
    """T_ab of V_ij = g_D/(16 pi^2) lambda*_ia lambda_jb T_ab; 0 for an unbroken symmetry."""
    m, m_dirac, th_r, th_i = (mp.mpf(given[key]) for key in ("m", "mD", "thR", "thI"))
    h, a = ([mp.mpf(x) ** 2 for x in given[key]] for key in ("MH", "MA"))
    light, heavy = m - m_dirac, m + m_dirac
    r, i = rotation(th_r), rotation(th_i)
    both = r.T * i
    nodes = [light**2, heavy**2, *h, *a]
    low, high = mp.log(min(nodes)) - 45, mp.log(max(nodes)) + 80
    n = int((high - low) / H) + 1
    step, total = (high - low) / n, mp.matrix(2, 2)
    for k in range(n + 1):
        total += step * vector_integrand(mp.exp(low + step * k), light, heavy, h, a, r, i, both)
    return {"T": [[total[x, y] - mp.mpf(x == y) / 2 for y in (0, 1)] for x in (0, 1)]}


def vector_integrand(t, light, heavy, h, a, r, i, both):
    first, second = 1 / (t + light**2), 1 / (t + heavy**2)
    mean = (first + second) / 2
    core = t * (t / 2 - light * heavy) * first * second / 2  # the current links N1 to N2 only
    found = mp.matrix(2, 2)
    for x in (0, 1):
        for y in (0, 1):
            value = core * sum(
                r[x, k] * r[y, k] / (t + h[k]) + i[x, k] * i[y, k] / (t + a[k]) for k in (0, 1)
            )
            value -= (
                mean
                * t**2
                / 4
                * sum(
                    both[k, n] * (r[x, k] * i[y, n] + i[x, n] * r[y, k]) / ((t + h[k]) * (t + a[n]))
                    for k in (0, 1)
                    for n in (0, 1)
                )
            )
            found[x, y] = value * t
    return found


FILE, THREE, FIVE = (
    "dark_dipole/loop_functions.json",
    ("Ma", "M1", "M2"),
    ("Ma", "H1", "H2", "A1", "A2"),
)
ROWS = {
    "J": (THREE, row_of_j(THREE, DERIVED)),
    "J_as_printed": (THREE, row_of_j(THREE, PRINTED)),
    "DeltaJ": (FIVE, row_of_delta_j(False)),
    "DeltaJ_as_printed": (FIVE, row_of_delta_j(True)),
    "F": (("x",), row_of_one(3, 0, [3, 2], 3)),
    "G": (("x",), row_of_one(3, 1, [3, 2], 3)),
    "Jdeg": (("x",), row_of_one(2, 0, [2, 2], 2)),
    "f35": (("x",), row_of_one(2, 0, [2, 4], 2)),
    "Bdiff": (("mh", "ma", "M"), two_point),
}
COUPLING = ("m", "mD", "MH", "MA", "thR", "thI")
TABLES = (
    *(Table(FILE, ("data", name), keys, row, dps=60) for name, (keys, row) in ROWS.items()),
    Table("dark_dipole/vector_coupling.json", ("points",), COUPLING, vector, digits=25),
)
