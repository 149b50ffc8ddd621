"""Moments of the Standard Model with massive neutrinos, Dirac and Majorana (Shrock 1982).

    Dirac     mu_ij = p (m_i+m_j) X_ij,      eps_ij = i p (m_i-m_j) X_ij
    Majorana  mu_ij = 2i p (m_i+m_j) Im X,   eps_ij = -2i p (m_i-m_j) Re X
    X_ij = sum_l U*_li U_lj f_SM(m_l^2/m_W^2),   p = 2 m_e G_F/(8 sqrt2 pi^2)

Unitarity takes f_SM to f_SM - 3/2 off the diagonal, which is then exact.
"""

import mpmath as mp
from moment_loops import value
from oracle import Table


def pmns(o, a21, a31):
    """The PDG form, sines squared and degrees; diag(1, e^(i a21/2), e^(i a31/2)) on the right."""
    (s12, s13, s23), (c12, c13, c23) = (
        [mp.sqrt(x) for x in part]
        for part in zip(*((o[k], 1 - o[k]) for k in ("s12", "s13", "s23")), strict=True)
    )
    e = mp.expjpi(o["dcp"] / 180)
    u = mp.matrix(
        [
            [c12 * c13, s12 * c13, s13 * mp.conj(e)],
            [-s12 * c23 - c12 * s13 * s23 * e, c12 * c23 - s12 * s13 * s23 * e, c13 * s23],
            [s12 * s23 - c12 * s13 * c23 * e, -c12 * s23 - s12 * s13 * c23 * e, c13 * c23],
        ]
    )
    return u * mp.diag([mp.mpf(1), *(mp.expjpi(mp.mpf(a) / 360) for a in (a21, a31))])


def masses(ordering, lightest, o):
    """m_1, m_2, m_3 in eV; dm2_3l is m_3^2 - m_1^2 (NO) or m_3^2 - m_2^2 (IO, negative)."""
    if ordering == "NO":
        return [lightest, mp.sqrt(lightest**2 + o["d21"]), mp.sqrt(lightest**2 + o["d3l"])]
    second = mp.sqrt(lightest**2 - o["d3l"])
    return [mp.sqrt(second**2 - o["d21"]), second, lightest]


def moments(u, m, c, majorana):
    """Matrices mu and eps in mu_B, masses in eV."""
    factor = 2 * c.m_e * c.g_f / (8 * mp.sqrt(2) * mp.pi**2) * mp.mpf("1e-9")
    loops = [value("df_SM", (x / c.m_w) ** 2) for x in (c.m_e, c.m_mu, c.m_tau)]
    mu, eps = mp.matrix(3, 3), mp.matrix(3, 3)
    for i, j in ((i, j) for i in range(3) for j in range(3)):
        x = sum(f * mp.conj(u[k, i]) * u[k, j] for k, f in enumerate(loops))
        x += mp.mpf(3) / 2 * (i == j)
        plus, minus = factor * (m[i] + m[j]), factor * (m[i] - m[j])
        x = mp.re(x) if i == j else x  # X is Hermitian
        if majorana:
            mu[i, j] = mp.mpc(0, 2 * plus * mp.im(x))
            eps[i, j] = mp.mpc(0, -2 * minus * mp.re(x))
        else:
            mu[i, j], eps[i, j] = plus * x, mp.mpc(0, 1) * minus * x
    return mu, eps


def effective(mu, eps, u, o):
    """Moments of a nu_e beam at its source and of solar neutrinos as vacuum-averaged states."""
    seen = [[mu[k, j] - mp.mpc(0, 1) * eps[k, j] for j in range(3)] for k in range(3)]
    beam = [sum(mp.conj(u[0, j]) * line[j] for j in range(3)) for line in seen]
    shares = [(1 - o["s13"]) * (1 - o["s12"]), (1 - o["s13"]) * o["s12"], o["s13"]]
    solar = sum(shares[j] * abs(line[j]) ** 2 for line in seen for j in range(3))
    return mp.sqrt(sum(abs(x) ** 2 for x in beam)), mp.sqrt(solar)


def row_of(majorana):
    def row(given, c):
        o = c.oscillation[given["ordering"]]
        u = pmns(o, given["alpha21_deg"], given["alpha31_deg"])
        m = masses(given["ordering"], mp.mpf(given["m_lightest_eV"]), o)
        mu, eps = moments(u, m, c, majorana)
        beam, solar = effective(mu, eps, u, o)
        return {
            "m_nu_eV": m,
            "mu_ij_muB": parts(mu),
            "eps_ij_muB": parts(eps),
            "mu_nue_short_baseline": beam,
            "mu_solar_vacuum_averaged": solar,
        }

    return row


def parts(m):
    return [[{"re": mp.re(m[i, j]), "im": mp.im(m[i, j])} for j in range(3)] for i in range(3)]


GIVEN = ("ordering", "m_lightest_eV", "alpha21_deg", "alpha31_deg")
TABLES = (
    Table("baselines/models.json", ("SM_Dirac",), GIVEN, row_of(False)),
    Table("baselines/models.json", ("SM_Majorana",), GIVEN, row_of(True)),
)
