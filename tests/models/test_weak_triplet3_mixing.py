"""Heavy mixing of `weak_triplet3` and its l -> l' gamma, against exact rotations of 60 digits."""

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.accuracy.flavour import FILE, dipoles
from helpers.accuracy.flavour import SM as FLAVOUR_SM
from nmmjax.models.weak_triplet3 import loops
from nmmjax.physics import decays
from nmmjax.physics import flavour_violation as lfv
from nmmjax.physics.constants import SM
from nmmjax.physics.moment_loops import N_F, N_S
from nmmjax.physics.one_loop import I_F, I_S

# --- exact diagonalisation ------------------------------------------------------------------------


def mass_matrices(m_d, m_h, m_s, m_psi, m_e):
    """M_N and M_E, 3 + n, at working precision."""
    n = m_psi.rows
    neutral, charged = mp.matrix(3 + n), mp.matrix(3 + n)
    for i in range(3):
        for j in range(3):
            neutral[i, j], charged[i, j] = m_d[i, j], m_e[i, j]
        for j in range(n):
            neutral[i, 3 + j], charged[i, 3 + j] = m_h[i, j], mp.sqrt(2) * m_h[i, j]
            neutral[3 + j, i] = m_s[j, i]
    for i in range(n):
        for j in range(n):
            neutral[3 + i, 3 + j] = charged[3 + i, 3 + j] = m_psi[i, j]
    return neutral, charged


def rotations(m):
    """(values ascending, U, V) of M = U diag V^dagger."""
    u, values, v_dag = mp.svd_c(m)
    order = sorted(range(m.rows), key=lambda i: values[i])
    left = mp.matrix(m.rows)
    right = mp.matrix(m.rows)
    for new, old in enumerate(order):
        left[:, new] = u[:, old]
        right[:, new] = v_dag.H[:, old]
    return [values[i] for i in order], left, right


def root(m):
    """Hermitian square root by eigenvectors."""
    values, vectors = mp.eighe(m)
    return vectors * mp.diag([mp.sqrt(x) for x in values]) * vectors.H


def charged_lepton_block(m_h, m_psi, masses):
    """m_E whose light charged leptons are e, mu, tau in the flavour basis, to m_l^2/m_psi^2."""
    theta = m_h * m_psi**-1
    wide = root(mp.eye(3) + 2 * theta * theta.H)
    return wide * mp.diag(masses)


@pytest.fixture(scope="module")
def heavy_mixing():
    """A point with large Theta, two triplets, and its exact rotations at 60 digits."""
    rng = np.random.default_rng(7)
    theta = 0.15 * (rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)))
    m_psi = np.array([800.0, 1900.0])
    with mp.workdps(60):
        heavy = mp.diag([mp.mpf(x) for x in m_psi])
        m_h = mp.matrix(theta.tolist()) * heavy
        m_s = mp.matrix((1e-9 * rng.normal(size=(2, 3))).tolist())
        m_d = mp.matrix((1e-10 * rng.normal(size=(3, 3))).tolist())
        leptons = [mp.mpf(SM.m_e) / 1e6, mp.mpf(SM.m_mu) / 1e6, mp.mpf(SM.m_tau) / 1e6]
        neutral, charged = mass_matrices(
            m_d, m_h, m_s, heavy, charged_lepton_block(m_h, heavy, leptons)
        )
        nu, e = rotations(neutral), rotations(charged)
    return {"theta": theta, "m_psi": m_psi, "m_d": m_d, "m_s": m_s, "nu": nu, "e": e}


def test_full_mixing_is_unitary_and_the_charged_current_is_not(heavy_mixing):
    """U_CC = E^dag N + sqrt2 E_Psi^dag N_Psi of the exact rotations against N (PMNS)."""
    with mp.workdps(60):
        (_, n_l, n_r), (_, e_l, _) = heavy_mixing["nu"], heavy_mixing["e"]
        for rotation in (n_l, n_r, e_l):
            assert mp.norm(rotation.H * rotation - mp.eye(5)) < mp.mpf(10) ** -50
        u_cc = e_l[:3, :3].H * n_l[:3, :3] + mp.sqrt(2) * e_l[3:, :3].H * n_l[3:, :3]
        gram = np.array((u_cc * u_cc.H).tolist(), dtype=complex)
    # Phases of the mass states drop out of the product of |entries| and of U U^dag in modulus.
    expected = np.asarray(loops.charged_current(jnp.asarray(heavy_mixing["theta"])))
    found = expected @ expected
    assert np.max(np.abs(np.abs(gram) - np.abs(found))) < 1e-11
    assert np.max(np.abs(expected - expected.conj().T)) < 1e-15
    square = heavy_mixing["theta"] @ heavy_mixing["theta"].conj().T
    assert np.linalg.norm(found - np.eye(3) - square) < np.linalg.norm(square) ** 2
    assert np.linalg.norm(found - np.eye(3)) > 0.5 * np.linalg.norm(square)  # not unitary


def test_enhancement_of_the_charged_current_in_one_flavour():
    """U_CC = 1 + |Theta|^2/2: opposite to the mixing with a singlet."""
    for size in (1e-2, 1e-3):
        theta = jnp.array([[0.0], [size], [0.0]], dtype=complex)
        excess = np.asarray(loops.charged_current(theta)) - np.eye(3)
        assert excess[1, 1].real / (0.5 * size**2) == pytest.approx(1.0, abs=3.0 * size**2)
        assert np.abs(excess[[0, 2]]).max() == 0.0


def test_kernels_of_two_triplets_by_the_undiagonalised_charged_mass_matrix():
    """Momentum integrals of the 5 x 5 matrix M_E itself, on a finer and wider grid."""
    rng = np.random.default_rng(11)
    theta = 0.2 * (rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)))
    m_psi, m_phi = np.array([600.0, 1700.0]), 1100.0
    values, vectors = np.linalg.eigh(np.eye(3) + 2.0 * theta @ theta.conj().T)
    wide = (vectors * np.sqrt(values)) @ vectors.conj().T
    leptons = np.diag([SM.m_e, SM.m_mu, SM.m_tau])
    m_e = np.zeros((5, 5), dtype=complex)
    m_e[:3, :3], m_e[:3, 3:], m_e[3:, 3:] = (
        wide @ leptons,
        np.sqrt(2) * theta * m_psi,
        np.diag(m_psi),
    )
    step = 0.2
    k2 = m_phi**2 * np.exp(np.arange(-60.0, 60.0, step))[:, None, None]
    weight = step * k2 * k2 / (k2 + m_phi**2)
    mixed = np.linalg.inv(k2 * np.eye(5) + m_e.conj().T @ m_e)
    bare = np.linalg.inv(k2 * np.eye(2) + np.diag(m_psi**2))
    split = np.sum(weight * (mixed[:, 3:, 3:] - bare), axis=0) * m_psi
    dipole = np.sum(weight * ((mixed @ mixed)[:, 3:, 3:] + bare @ bare), axis=0) * m_psi
    charged = loops.charged_leptons(jnp.asarray(theta), jnp.asarray(m_psi), SM)
    found = loops.kernels(charged, jnp.asarray(m_psi), jnp.asarray(m_phi))
    # (m_tau/m_psi)^2 = 9e-6 enters to first order in Theta^2; off the diagonal not to Theta^4
    assert np.max(np.abs(found.split / split - 1.0)) < 5e-7
    assert np.max(np.abs(found.dipole / dipole - 1.0)) < 5e-7
    massless = loops.Charged(charged.delta, 0.0 * charged.light, charged.masses)
    control = loops.kernels(massless, jnp.asarray(m_psi), jnp.asarray(m_phi))
    assert np.max(np.abs(control.split / split - 1.0)) > 2e-6


# --- lepton-flavour violation ---------------------------------------------------------------------


def test_rates_of_exact_mass_states(reference):
    """Couplings of all mass states and their vertex integrals, nothing expanded in Theta or m_l.

    The errors of the formula itself are in test_errors.py; here its expansions are measured.
    """
    names = ("e", "mu", "tau")
    for row in reference(FILE)["points"]:
        found = dipoles(row)
        rates = decays.observables(jnp.asarray(found) * FLAVOUR_SM.g_f, FLAVOUR_SM)
        for a, b in ((0, 1), (0, 2), (1, 2)):
            ratio = getattr(FLAVOUR_SM, f"m_{names[b]}") / FLAVOUR_SM.m_w
            left_out = -4.0 * ratio**2 * np.log(ratio)
            amplitude = abs(found[a, b]) / float(row[f"A_{names[a]}{names[b]}"]) - 1.0
            assert 0.3 * left_out < amplitude < left_out  # the light leptons' loops, and no less
            name = f"br_{names[b]}_{names[a]}_gamma"
            assert abs(float(rates[name]) / float(row[name]) - 1.0) < 2.5 * left_out


def test_heavy_limit_of_the_gauge_amplitude_from_textbook_pieces():
    """10/3 - 8/3 + 14/3 - (16/3)(1 + s_W^2) without any vector-boson integral.

    Light leptons: W and Z in the muon's g-2, 10/3 and -(16/3)(g_L^2 + g_R^2) + 16 g_L g_R in units
    of G_F m^2/(8 sqrt2 pi^2), with one vertex made flavour changing. Triplets: far above the weak
    scale W, Z, h are the massless doublet, and l couples to n H^- by y/sqrt2, to m H0* by y; e_R
    couples to n and m by their mixing with nu and l, which flips the chirality by
    y_e Theta m_psi, y_e sqrt2 Theta m_psi. The same rule gives a singlet its 4/3.
    """
    t = jnp.asarray(1e12)
    even_f, even_s, flip_f, flip_s = (float(t * f(t)) for f in (N_F, N_S, I_F, I_S))

    def heavy(q_f, q_s, square, product):
        """4 b per |Theta|^2 = y^2 v_H^2/m^2: photon on the fermion and on the scalar."""
        fermion, scalar = (
            0.5 * e * square + f * product for e, f in ((even_f, flip_f), (even_s, flip_s))
        )
        return 4.0 * (q_s * scalar - q_f * fermion)

    singlet = heavy(0.0, -1.0, 1.0, -1.0)  # opposite sign of the charged member of H-tilde
    assert singlet == pytest.approx(4.0 / 3.0, rel=1e-9)
    charged, neutral = 2.0 * heavy(0.0, -1.0, 0.5, 0.5), 2.0 * heavy(-1.0, 0.0, 1.0, 1.0)
    assert (charged, neutral) == pytest.approx((-8.0 / 3.0, 14.0 / 3.0), rel=1e-9)
    g_l, g_r = SM.s2w - 0.5, SM.s2w
    z = 16.0 / 3.0 * 2.0 * g_l - 16.0 * g_r  # times -g_emu = Theta Theta^dag
    found = 4.0 * float(lfv.gauge_amplitude(jnp.array([1e7]), SM)[0])
    assert found == pytest.approx(10.0 / 3.0 + charged + neutral + z, rel=1e-6)


def test_tree_level_rates():
    """Ratios that the couplings fix, and the values flavio 2.7.1 gives without running."""
    mixing = jnp.array([[1e-3], [1e-3], [1e-3]], dtype=complex)
    args = (jnp.array([1e3]), jnp.array([[0.0]]), jnp.asarray(1e3), SM)
    found = lfv.observables(lfv.dipoles(mixing, *args), lfv.z_couplings(mixing), SM)
    g_l, g_r = SM.s2w - 0.5, SM.s2w
    assert float(found["br_mu_3e"]) == pytest.approx(4e-12 * (2 * g_l**2 + g_r**2), rel=1e-14)
    assert float(found["br_tau_3mu"] / found["br_mu_3e"]) == pytest.approx(SM.br_tau_mununu)
    assert float(found["br_tau_3e"] / found["br_mu_3e"]) == pytest.approx(SM.br_tau_enunu)
    for nucleus, rate in (("au", 3.20402522e-11), ("al", 7.9915385e-12), ("ti", 1.61462660e-11)):
        assert float(found[f"cr_mu_e_{nucleus}"]) == pytest.approx(rate, rel=1e-7)
    assert float(found["br_mu_e_gamma"] / found["br_mu_3e"]) < 0.01
