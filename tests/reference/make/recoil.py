"""Neutrinos on electrons at rest: cross-sections from explicit traces of 4 x 4 gamma matrices.

    moment   (mu/2) Nbar sigma^{mn} P_L nu F_mn:  mu q_n Nbar sigma^{mn} P_L nu e ebar gamma_m e/q^2
    vector   g_nu g_e nubar gamma^m P_L nu ebar gamma_m e/(q^2 - M^2)
    weak     2 sqrt2 G_F nubar gamma^m P_L nu ebar gamma_m (g_L P_L + g_R P_R) e, 0.73 and 0.23

d sigma/dT = <|amplitude|^2>/(32 pi m_e E^2), averaged over the spin of the electron. Recoils end
where the electron goes straight on: cos = 1 in the laboratory.
"""

import mpmath as mp
from oracle import Table

METRIC = (1, -1, -1, -1)


def blocks(a, b, c, d):
    m = mp.matrix(4, 4)
    for i in (0, 1):
        for j in (0, 1):
            m[i, j], m[i, j + 2], m[i + 2, j], m[i + 2, j + 2] = a[i, j], b[i, j], c[i, j], d[i, j]
    return m


def gammas():
    """Dirac's representation, and gamma_5."""
    one, none = mp.eye(2), mp.zeros(2)
    pauli = ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])
    pauli = [mp.matrix(s) for s in pauli]
    found = [blocks(one, none, none, -one)] + [blocks(none, s, -s, none) for s in pauli]
    return found, blocks(none, one, one, none)


def slash(p, g):
    return sum((METRIC[k] * p[k] * g[k] for k in range(1, 4)), p[0] * g[0])


def trace(m):
    return sum(m[i, i] for i in range(4))


def momenta(t, e, m_n, m):
    """nu, electron at rest, N, recoiling electron."""
    energy = m + t
    size = mp.sqrt(energy**2 - m**2)
    cosine = (m_n**2 - 2 * m**2 - 2 * m * e + 2 * (e + m) * energy) / (2 * e * size)
    across = size * mp.sqrt(1 - cosine**2)
    nu, rest, out = [e, 0, 0, e], [m, 0, 0, 0], [energy, across, 0, size * cosine]
    return nu, rest, [a + b - c for a, b, c in zip(nu, rest, out, strict=True)], out


def squared(vertices, nu, n, m_n, rest, out, m, electron=None):
    """Half the sum over spins of |vertex^m ebar gamma_m e|^2, or with vertices of the electron."""
    g, bar = electron or gammas()[0], gammas()[0][0]
    one = mp.eye(4)
    basis = gammas()[0]
    heavy, light = slash(n, basis) + m_n * one, slash(nu, basis)
    final, first = slash(out, basis) + m * one, slash(rest, basis) + m * one
    bars = [bar * v.H * bar for v in vertices]
    across = [bar * v.H * bar for v in g]
    total = mp.mpf(0)
    for a in range(4):
        for b in range(4):
            lepton = trace(heavy * vertices[a] * light * bars[b])
            struck = trace(final * g[a] * first * across[b])
            total += METRIC[a] * METRIC[b] * (lepton * struck).real
    return total / 2


def row(given, c):
    t, e, m_n, mass = (mp.mpf(given[key]) for key in ("T", "E", "m_N", "M"))
    m, charge = c.m_e, mp.sqrt(4 * mp.pi / c.alpha_inv_0)
    g, g5 = gammas()
    left = (mp.eye(4) - g5) / 2
    nu, rest, n, out = momenta(t, e, m_n, m)
    q = [a - b for a, b in zip(nu, n, strict=True)]
    q2 = -2 * m * t
    dipole = [
        sum(
            (METRIC[k] * q[k] * 1j / 2 * (g[a] * g[k] - g[k] * g[a]) for k in range(4)),
            mp.zeros(4),
        )
        * left
        for a in range(4)
    ]
    flux = 32 * mp.pi * m * e**2
    moment = (charge / (2 * m) * charge / q2) ** 2 * squared(dipole, nu, n, m_n, rest, out, m)
    nu, rest, n, out = momenta(t, e, mp.mpf(0), m)
    currents = [x * left for x in g]
    vector = squared(currents, nu, n, mp.mpf(0), rest, out, m) / (q2 - mass**2) ** 2

    left_right = [x * (mp.mpf("0.73") * left + mp.mpf("0.23") * (mp.eye(4) - left)) for x in g]
    weak = squared(currents, nu, n, mp.mpf(0), rest, out, m, left_right) * 8 * c.g_f**2

    def straight(x):
        energy = m + x
        line = m_n**2 - 2 * m**2 - 2 * m * e + 2 * (e + m) * energy
        return line**2 - 4 * e**2 * (energy**2 - m**2)

    # a quadratic in T: its roots from its values at three points
    f0, f1, f2 = (straight(k * m) for k in (-1, 0, 1))
    a, b = (f0 + f2 - 2 * f1) / (2 * m**2), (f2 - f0) / (2 * m)
    root = mp.sqrt(b**2 - 4 * a * f1)
    low, high = sorted(((-b - root) / (2 * a), (-b + root) / (2 * a)))
    made = {"moment": moment / flux, "vector": vector / flux, "weak_73_23": weak / flux}
    return made | {"T_min": low, "T_max": high}


TABLES = (Table("recoil/sections.json", ("points",), ("T", "E", "m_N", "M"), row, 40, 18, rows=2),)
