"""The Zee model with two charged scalars: masses, one- and two-loop moments, in the flavour basis.

    L = 2 f_ab nu_a l_b eta^+ + Y_ab nubar_a P_R l_b phi^+ + phi^+ tbar (y P_L + y' P_R) b + h.c.
    h = cos(phi) phi + sin(phi) eta

Zee, Phys. Lett. B 93, 389; two loops: top and bottom in the inner loop, Barr, Freire and Zee.
"""

import mpmath as mp
from baselines import mass_kernel, moment_kernel
from oracle import Table
from two_loop import J_down, J_up


def couplings(given):
    """f_ab, antisymmetric, and Y_ab."""
    emu, etau, mutau = (mp.mpf(given[f"f_{pair}"]) for pair in ("emu", "etau", "mutau"))
    f = [[0, emu, etau], [-emu, 0, mutau], [-etau, -mutau, 0]]
    return f, [[mp.mpf(x) for x in row] for row in given["Y"]]


def one_loop(f, y, c, kernel, squares, sign):
    """sum_c 2 f_ac m_c Y_bc [kernel(h) - kernel(H)], plus `sign` times a and b exchanged."""
    masses = (c.m_e, c.m_mu, c.m_tau)
    loops = [kernel(m)(squares[0]) - kernel(m)(squares[1]) for m in masses]
    half = [
        [sum(2 * f[a][k] * m * y[b][k] * loops[k] for k, m in enumerate(masses)) for b in range(3)]
        for a in range(3)
    ]
    return [[half[a][b] + sign * half[b][a] for b in range(3)] for a in range(3)]


def row(given, c):
    f, y = couplings(given)
    top, bottom, phi, light, heavy = (
        mp.mpf(given[k]) for k in ("y", "yp", "phi", "mh", "mH")
    )  # fmt: skip
    squares, loop, sine = (light**2, heavy**2), 16 * mp.pi**2, mp.sin(2 * phi) / 2
    mass = one_loop(f, y, c, mass_kernel, squares, 1)
    moment = one_loop(f, y, c, moment_kernel, squares, -1)
    g2 = 8 * c.g_f * c.m_w**2 / mp.sqrt(2)
    inner = top * c.m_t * (J_up(light, c) - J_up(heavy, c))
    inner += bottom * c.m_b * (J_down(light, c) - J_down(heavy, c))
    two = 2 * c.m_e * g2 * 3 / loop**2 * sine * inner
    return {
        "M_nu_GeV": [[sine / loop * x for x in line] for line in mass],
        "mu_1loop_muB": [[2 * c.m_e * sine / loop * x for x in line] for line in moment],
        "mu_2loop_muB": [[2 * two * x for x in line] for line in f],
    }


GIVEN = ("f_emu", "f_etau", "f_mutau", "Y", "y", "yp", "phi", "mh", "mH")
TABLES = (Table("baselines/models.json", ("Zee_BFZ",), GIVEN, row, dps=40),)
