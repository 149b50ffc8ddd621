"""Masses by running: loops of W and Z in unitary gauge, and the published running of operators."""

import itertools
import math

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from nmmjax.physics import rge
from nmmjax.physics.constants import SM

K = 16.0 * math.pi**2
S_W, C_W, V = math.sqrt(SM.s2w), math.sqrt(1.0 - SM.s2w), SM.v_ew
E = math.sqrt(4.0 * math.pi / SM.alpha_inv_mz)
G = E / S_W
MU = 1e-12 * E / (2.0 * SM.m_e)  # 1e-12 mu_B in GeV^-1
SCALE = 1e4
MASSES = (SM.m_e, SM.m_mu, SM.m_tau)
PAIRS = tuple(itertools.combinations(range(3), 2))


def spin():
    """n in sigma^{mu nu} k_mu kslash gamma_nu = -i n k^2, from explicit matrices."""
    pauli = [np.array(s) for s in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
    zero, one = np.zeros((2, 2)), np.eye(2)
    gamma = [np.block([[zero, one], [one, zero]])]
    gamma += [np.block([[zero, s], [-s, zero]]) for s in pauli]
    metric = np.array([1.0, -1.0, -1.0, -1.0])
    k = np.array([1.3, 0.2, -0.7, 0.4])
    slash = sum(x * s * m for x, s, m in zip(k, metric, gamma, strict=True))
    total = np.zeros((4, 4), complex)
    for m, n in itertools.product(range(4), range(4)):
        sigma = 0.5j * (gamma[m] @ gamma[n] - gamma[n] @ gamma[m])
        total += metric[m] * k[m] * metric[n] * sigma @ slash @ gamma[n]
    found = 1j * total / np.sum(metric * k**2)
    np.testing.assert_allclose(found, found[0, 0] * np.eye(4), atol=1e-13)
    return found[0, 0].real


def logarithm(lepton, boson):
    r"""Return c of -c ln(cut^2)/K in the loop k^2/[(k^2 - lepton^2)(k^2 - boson^2)], cut off."""
    with mp.workdps(80):
        t = mp.mpf(10) ** 40
        weight = t**2 / ((t + mp.mpf(lepton) ** 2) * (t + mp.mpf(boson) ** 2))
        return float(t * (1 - weight))


def loop(operator, gauge, lepton, boson):
    """Mass per ln(cut/boson) of an operator `operator` sigma B_{mu nu}, B_{mu nu} = 2 d_mu B_nu."""
    return 2.0 * operator * gauge * spin() * logarithm(lepton, boson) * 2.0 / K


def majorana(c, a, b, boson=SM.m_w):
    """Mass m_ab for c_ab = c and c_ba = -c: the W from nu_a e_b W and from nu_b e_a W."""
    ways = [loop(V**2 / math.sqrt(2.0), G / math.sqrt(2.0), MASSES[i], boson) for i in (b, a)]
    return c * (ways[0] - ways[1])


def published(c, masses=MASSES):
    """Mass matrix per ln(M/m_W) for coefficients c of O_LHW (arXiv:1901.10302, 2306.03008)."""
    yukawa = np.diag([2.0 * (m / V) ** 2 for m in masses])
    running = 6.0 * G * (c @ yukawa + (c @ yukawa).T) + 3.0 * G**3 * (c + c.T)
    return V**4 / 2.0 * running / K


def one_loop(moments):
    """majorana_mass less its term of two loops, in GeV per ln(M/m_W)."""
    both = rge.majorana_mass(moments, SCALE, SM, "SU(2)")
    two = rge.majorana_mass(moments, SCALE, SM, "hypercharge") * (C_W / S_W) ** 2
    return 1e-9 * float(both - two) / math.log(SCALE / SM.m_w)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_majorana_logarithm_is_the_w_loop_and_the_published_running(a, b):
    """<= 1e-12 (1e-9 against the loop, whose masses differ by the electron's)."""
    c = np.zeros((3, 3))
    c[a, b] = MU / (2.0 * V**2 * S_W)
    c -= c.T
    moments = jnp.zeros((3, 3)).at[a, b].set(1e-12).at[b, a].set(-1e-12)
    found = one_loop(moments)
    assert found == pytest.approx(abs(published(c)[a, b]), rel=1e-12)
    assert found == pytest.approx(abs(majorana(c[a, b], a, b)), rel=1e-9)


def test_published_running_has_the_symmetric_part_of_the_w_loop():
    """3 g^3 without charged masses: the normalisation of the operators is understood."""
    way = loop(V**2 / math.sqrt(2.0), G / math.sqrt(2.0), 0.0, G * V / 2.0)
    symmetric = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    massless = published(symmetric, (0.0, 0.0, 0.0))[0, 1]
    assert massless == pytest.approx(2.0 * way, rel=1e-12)


def test_dirac_logarithm_is_the_loop_of_w_and_z():
    c = MU / (math.sqrt(2.0) * V * S_W)
    w = loop(c * V, G / math.sqrt(2.0), 0.0, G * V / 2.0)
    z = loop(c * V * C_W / math.sqrt(2.0), G / (2.0 * C_W), 0.0, G * V / (2.0 * C_W))
    found = float(rge.dirac_mass(1e-12, SCALE, SM)) / math.log(SCALE / V)
    assert found == pytest.approx(w + z, rel=1e-12)


def test_power_counting():
    """g_i C (y_a^2 - y_b^2) M^2/K^2 in front of LLHH, with no factor."""
    moments = jnp.zeros((3, 3)).at[1, 2].set(1e-12).at[2, 1].set(-1e-12)
    coupling, c = E / C_W, MU / (2.0 * V**2 * C_W)
    yukawas = 2.0 * (SM.m_tau**2 - SM.m_mu**2) / V**2
    expected = V**2 * coupling * c * yukawas * (SCALE / K) ** 2
    found = 1e-9 * float(rge.majorana_mass(moments, SCALE, SM, "hypercharge"))
    assert found == pytest.approx(expected, rel=1e-12)
