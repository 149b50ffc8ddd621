"""H and A of a second doublet: loops in 30 digits, tree rates from explicit spinors."""

import itertools
import math

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.spinors import LEFT, RIGHT, dalitz, dipole, scalar
from nmmjax.physics import decays, neutral_scalars
from nmmjax.physics.constants import SM

MASSES = (SM.m_e, SM.m_mu, SM.m_tau)
Y = np.array([[1e-3, 2e-2, -3e-3], [5e-3, 4e-2, 7e-3], [-1e-2, 6e-3, 3e-2]])
M_H, M_A = 180.0, 310.0


def loops(x):
    """N_F and I_F: int (1-u)^2 {u, 1} du/(u + x (1-u))."""
    same = (2 + 3 * x - 6 * x**2 + x**3 + 6 * x * mp.log(x)) / (6 * (1 - x) ** 4)
    return same, (mp.log(x) / (x - 1) - 1) / (x - 1) ** 2 + 1 / (2 * (x - 1))


def exact(out, into):
    """A_l'l by mpmath: scalar couplings N P_R + N^dag P_L, N = Y/sqrt2 of H and iY/sqrt2 of A."""
    y, m = mp.matrix(Y.tolist()), [mp.mpf(x) for x in MASSES]
    total = mp.mpf(0)
    for mass, sign in ((M_H, 1), (M_A, -1)):
        for c in range(3):
            same, flip = loops((m[c] / mp.mpf(mass)) ** 2)
            chiral = y[out, c] * y[into, c] + m[out] / m[into] * y[c, out] * y[c, into]
            odd = m[c] / m[into] * y[out, c] * y[c, into]
            total += (chiral * same / 2 + sign * odd * flip) / mp.mpf(mass) ** 2
    return total / (32 * mp.pi**2)


def test_loops_of_the_oracle():
    with mp.workdps(30):
        x = mp.mpf("1e-3")
        for power, value in zip((1, 0), loops(x), strict=True):
            found = mp.quad(lambda u, k=power: (1 - u) ** 2 * u**k / (u + x * (1 - u)), [0, x, 1])
            assert abs(found / value - 1) < mp.mpf("1e-20")


def test_dipoles_against_integrals():
    """<= 1e-12, every chirality and lepton in the loop."""
    found = neutral_scalars.dipoles(jnp.asarray(Y), jnp.asarray(M_H), jnp.asarray(M_A), SM)
    with mp.workdps(60):
        for out, into in itertools.product(range(3), repeat=2):
            value = float(exact(out, into))
            assert float(found[out, into]) == pytest.approx(value, rel=1e-12), (out, into)


@pytest.mark.parametrize(("sign", "constant"), [(1.0, 7.0 / 6.0), (-1.0, 11.0 / 6.0)])
def test_g_minus_2_of_a_scalar_and_of_a_pseudoscalar(sign, constant):
    """y^2 m^2/(8 pi^2 M^2) [+-ln(M^2/m^2) -+ constant], the textbook limits."""
    y, heavy, mass = 1e-2, 1e9, 200.0
    masses = (mass, heavy) if sign > 0.0 else (heavy, mass)
    couplings = jnp.zeros((3, 3)).at[1, 1].set(math.sqrt(2.0) * y)
    dipoles = neutral_scalars.dipoles(couplings, *map(jnp.asarray, masses), SM)
    log = 2.0 * math.log(mass / SM.m_mu)
    expected = sign * y**2 * SM.m_mu**2 / (8.0 * math.pi**2 * mass**2) * (log - constant)
    assert float(decays.delta_a(dipoles + 0j, 1)) == pytest.approx(expected, rel=1e-5)


def test_scalar_operators_against_explicit_spinors():
    """c^2/4 and -2 a c for (P_L)(P_R), c^2/8 for equal chiralities; no other interference."""
    found = dalitz((scalar(LEFT, RIGHT), scalar(RIGHT, RIGHT), scalar(LEFT, LEFT), dipole))
    expected = {(0, 0): 0.25, (1, 1): 0.125, (2, 2): 0.125, (0, 3): -1.0}
    for i, j in itertools.combinations_with_replacement(range(4), 2):
        if (i, j) != (3, 3):
            assert found[i, j] == pytest.approx(expected.get((i, j), 0.0), rel=1e-6, abs=1e-9)


def tree(a, b, dipoles):
    """BR(l_b -> 3 l_a) over the leptonic one from the operators of H and A, in mpmath."""
    y, unit = mp.matrix(Y.tolist()), 2 * mp.sqrt(2) * mp.mpf(SM.g_f)
    h, pseudo = 1 / mp.mpf(M_H) ** 2, 1 / mp.mpf(M_A) ** 2
    photon = 4 * mp.pi / mp.mpf(SM.alpha_inv_0) / unit
    log = 16 * (mp.log(mp.mpf(MASSES[b]) / MASSES[a]) - mp.mpf(11) / 8)
    total = mp.mpf(0)
    for coupling, dip in (
        (y[b, a], dipoles[a, b]),
        (y[a, b], MASSES[a] / MASSES[b] * dipoles[b, a]),
    ):
        c = y[a, a] * coupling * (h + pseudo) / 2 / unit
        s = y[a, a] * coupling * (h - pseudo) / 2 / unit
        total += c**2 / 4 - 2 * c * photon * dip + s**2 / 8 + log * (photon * dip) ** 2
    return total


def test_three_leptons():
    """<= 1e-12; without neutral scalars the dipole alone, as `decays` has it."""
    dipoles = np.array([[0.0, 2e-12, 3e-11], [-1e-12, 0.0, -4e-11], [2e-11, 3e-11, 0.0]])
    masses = (jnp.asarray(M_H), jnp.asarray(M_A))
    found = neutral_scalars.three_leptons(jnp.asarray(dipoles) + 0j, jnp.asarray(Y), *masses, SM)
    shares = {"br_mu_3e": (0, 1, 1.0), "br_tau_3e": (0, 2, SM.br_tau_enunu)}
    shares["br_tau_3mu"] = (1, 2, SM.br_tau_mununu)
    assert {*found} == {*shares}
    alone = neutral_scalars.three_leptons(jnp.asarray(dipoles) + 0j, jnp.zeros((3, 3)), *masses, SM)
    photons = decays.observables(jnp.asarray(dipoles) + 0j, SM)
    with mp.workdps(30):
        for name, (a, b, share) in shares.items():
            expected = float(share * tree(a, b, dipoles))
            assert float(found[name]) == pytest.approx(expected, rel=1e-12), name
            assert float(alone[name]) == pytest.approx(float(photons[name]), rel=1e-12), name
