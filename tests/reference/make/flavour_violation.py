"""l -> l' gamma of charged leptons that mix with SU(2) triplet fermions, by exact mass states.

    M_E = [[m_E, sqrt2 Theta m_psi], [0, m_psi]],   M_N = [[0, Theta m_psi], [0, m_psi]]

are taken apart numerically; W, Z, h and the scalar triplet S couple to every pair of mass states,
and each vertex is an integral over a Feynman parameter at r = m_F^2/M^2, massive vectors in the
unitary gauge, J. P. Leveille, Nucl. Phys. B137 (1978) 63. Nothing is expanded in Theta. With

    L = -(e/2) m_l lbar' sigma^{mu nu} (A_R P_R + A_L P_L) l F_{mu nu} + h.c.

`limit` holds |A_R| of mu -> e gamma in units of G_F for mixing Theta epsilon, over epsilon^2, where
leptons are so light and epsilon so small that no correction reaches 20 digits. `points` has the
masses and mixing of the row, and rates by a trace over spins.
"""

import functools
import itertools

import mpmath as mp
from oracle import Table
from two_loop_traces import METRIC, gammas, projector, slash, trace

STEP = mp.mpf("0.2")  # of the logit of the Feynman parameter: error exp(-2 pi^2/0.2) = 1e-43
REACH = 600
SMALL = mp.mpf(10) ** -13  # epsilon of `limit`
LIGHT = (mp.mpf(10) ** -24, mp.mpf(10) ** -12, 17 * mp.mpf(10) ** -12)  # GeV
NEUTRINO = mp.mpf(10) ** -40  # GeV, below it a mass is none

# kind of boson: numerators without and with a chirality flip on F, denominator; y = 1 - x
VERTICES = {
    "Z": (
        lambda x, y, r: 2 * x * y * (x - 2) - r * x**2 * (1 + x),
        lambda x, y, r: 4 * x * y + r * x**2,
        lambda x, y, r: y + r * x,
    ),
    "W": (
        lambda x, y, r: 2 * x**2 * (1 + x) + r * x * y * (2 - x),
        lambda x, y, r: -4 * x**2 - r * x * y,
        lambda x, y, r: r * y + x,
    ),
    "neutral": (lambda x, y, r: x**2 * y, lambda x, y, r: x**2, lambda x, y, r: y + r * x),
    "charged": (lambda x, y, r: -(x**2) * y, lambda x, y, r: -x * y, lambda x, y, r: r * y + x),
}


@functools.cache
def vertex(kind, r):
    """(even, odd): a trapezoidal sum in the logit of x."""
    even, odd, below = VERTICES[kind]
    found = [mp.mpf(0), mp.mpf(0)]
    for i in range(-REACH, REACH + 1):
        e = mp.exp(-STEP * i)
        x, y = 1 / (1 + e), e / (1 + e)
        weight = STEP * x * y / below(x, y, r)
        found[0] += weight * even(x, y, r)
        found[1] += weight * odd(x, y, r)
    return found


def rotations(m):
    """(values ascending, U, V) of M = U diag V^dagger."""
    u, values, v = mp.svd_c(m)
    order = sorted(range(m.rows), key=lambda i: values[i])
    left, right = mp.matrix(m.rows), mp.matrix(m.rows)
    for new, old in enumerate(order):
        left[:, new], right[:, new] = u[:, old], v.H[:, old]
    return [values[i] for i in order], left, right


def beside(a, b):
    """Block-diagonal matrix."""
    full = mp.zeros(a.rows + b.rows, a.cols + b.cols)
    full[: a.rows, : a.cols] = a
    full[a.rows :, a.cols :] = b
    return full


def mass_matrices(theta, m_psi, leptons):
    """M_N and M_E; e, mu, tau are the flavours to first order in (m_l/m_psi)^2."""
    values, vectors = mp.eighe(mp.eye(3) + 2 * theta * theta.H)
    root = vectors * mp.diag([mp.sqrt(x) for x in values]) * vectors.H
    heavy = mp.diag(m_psi)
    neutral, charged = beside(mp.zeros(3), heavy), beside(root * mp.diag(leptons), heavy)
    neutral[:3, 3:], charged[:3, 3:] = theta * heavy, mp.sqrt(2) * theta * heavy
    return neutral, charged


def currents(theta, m_psi, leptons, y_t, c):
    """Loops [(kind, boson, masses of F, left couplings, right couplings, weight)], rows leptons."""
    n = len(m_psi)
    neutral, charged = mass_matrices(theta, m_psi, leptons)
    m_e, e_l, e_r = rotations(charged)
    m_n, n_l, n_r = rotations(neutral)
    m_n = [m if m > NEUTRINO else mp.mpf(0) for m in m_n]
    g_sq = 8 * c.m_w**2 * c.g_f / mp.sqrt(2)

    def charge(light, heavy):
        return beside(light * mp.eye(3), heavy * mp.eye(n))

    w = e_l.H * charge(1, mp.sqrt(2)) * n_l, e_r.H * charge(0, mp.sqrt(2)) * n_r
    half = mp.mpf(1) / 2
    z = (
        e_l.H * charge(c.s2w - half, c.s2w - 1) * e_l,
        e_r.H * charge(c.s2w, c.s2w - 1) * e_r,
    )
    higgs = e_l.H * (charged - charge(0, 1) * beside(mp.eye(3), mp.diag(m_psi))) * e_r
    v = 1 / mp.sqrt(mp.sqrt(2) * c.g_f)
    triplet = beside(mp.zeros(3), y_t / mp.sqrt(2))
    s_0 = e_l.H * triplet * e_r
    s_minus = e_l.H * triplet * n_r, e_r.H * triplet.H * n_l
    return [
        ("W", c.m_w, m_n, *w, g_sq / 2),
        ("Z", c.m_z, m_e, *z, g_sq * (c.m_z / c.m_w) ** 2),
        ("neutral", c.m_h, m_e, higgs, higgs.H, 1 / v**2),
        ("neutral", "S", m_e, s_0, s_0.H, 1),
        ("charged", "S", m_n, *s_minus, 1),
    ], m_e


def dipole(loops, m_phi, masses, daughter, mother):
    """(A_R, A_L), GeV^-2."""
    found = [mp.mpc(0), mp.mpc(0)]
    light, m = masses[daughter], masses[mother]
    for kind, boson, inside, left, right, weight in loops:
        size = m_phi if boson == "S" else boson
        for i, m_f in enumerate(inside):
            with mp.workdps(40):
                r = (m_f / size) ** 2
                even, odd = vertex(kind, +r if r > NEUTRINO else mp.mpf(0))
            scale = weight / (16 * mp.pi**2 * size**2)
            for chirality, (a, b) in enumerate(((left, right), (right, left))):
                same = a[daughter, i] * mp.conj(a[mother, i])
                other = b[daughter, i] * mp.conj(b[mother, i]) * light / m
                flip = a[daughter, i] * mp.conj(b[mother, i]) * m_f / m
                found[chirality] += scale * ((same + other) * even / 2 + flip * odd)
    return found


def numbers(rows):
    """Matrix of numbers given as text, complex ones as [real, imaginary]."""
    return mp.matrix(
        [[mp.mpc(*x) if isinstance(x, list) else mp.mpf(x) for x in row] for row in rows]
    )


def limit(given, c):
    """|A_R|/G_F of mu -> e gamma."""
    m_psi, theta = [mp.mpf(m) for m in given["m_psi"]], numbers(given["theta"])
    loops, masses = currents(theta * SMALL, m_psi, LIGHT, numbers(given["y_t"]), c)
    right, _ = dipole(loops, mp.mpf(given["m_phi"]), masses, 0, 1)
    return {"A_emu": abs(right) / SMALL**2 / c.g_f}


def width(right, left, m):
    """Gamma(l -> l' gamma)/alpha by traces over spins, l at rest and l' massless."""
    p, q = (m, 0, 0, 0), (m / 2, 0, 0, m / 2)
    g = gammas()
    chiral = right * projector(1) + left * projector(-1)
    total = mp.mpc(0)
    for mu in range(4):
        sigma_q = (g[mu] * slash(q) - slash(q) * g[mu]) * mp.mpc(0, 1) / 2
        amplitude = m * sigma_q * chiral
        conjugate = g[0] * amplitude.H * g[0]
        spins = slash(p) + m * mp.eye(4)
        out = slash([a - b for a, b in zip(p, q, strict=True)])
        total -= METRIC[mu] * trace(out * amplitude * spins * conjugate)
    squared = 4 * mp.pi * total.real / 2  # e^2 = 4 pi alpha, mean over the spin of l
    return squared / (16 * mp.pi * m)


def point(given, c):
    """|A_R| over G_F and branching ratios."""
    m_psi, theta = [mp.mpf(m) for m in given["m_psi"]], numbers(given["theta"])
    leptons = (c.m_e, c.m_mu, c.m_tau)
    loops, masses = currents(theta, m_psi, leptons, numbers(given["y_t"]), c)
    leptonic = {(0, 1): mp.mpf(1), (0, 2): c.br_tau_enunu, (1, 2): c.br_tau_mununu}
    found = {}
    for (a, b), (daughter, mother) in zip(
        leptonic, itertools.combinations(("e", "mu", "tau"), 2), strict=True
    ):
        right, left = dipole(loops, mp.mpf(given["m_phi"]), masses, a, b)
        tree = c.g_f**2 * masses[b] ** 5 / (192 * mp.pi**3)
        rate = width(right, left, masses[b]) / c.alpha_inv_0 / tree
        found[f"A_{daughter}{mother}"] = abs(right) / c.g_f
        found[f"br_{mother}_{daughter}_gamma"] = leptonic[a, b] * rate
    return found


FILE = "weak_triplet/flavour_violation.json"
GIVEN = ("theta", "m_psi", "y_t", "m_phi")
TABLES = (
    Table(FILE, ("limit",), GIVEN, limit, 90, 20, rows=1),
    Table(FILE, ("points",), GIVEN, point, 60, 20, rows=1),
)
