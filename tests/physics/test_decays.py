"""Charged-lepton decays: widths by traces, integrals by mpmath, numbers from papers."""

import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.physics import decays
from nmmjax.physics.constants import SM

MADE = made_with("dark_dipole/points.json")

E, MU, TAU = 0, 1, 2


def close(value, rel):
    """Within rel of value, with no absolute slack: rates here are far below 1e-12."""
    return pytest.approx(value, rel=rel, abs=0.0)


def dipoles(entries):
    matrix = jnp.zeros((3, 3), complex)
    for (a, b), value in entries.items():
        matrix = matrix.at[a, b].set(value)
    return matrix


# Width from the Lagrangian


def gamma_matrices():
    """gamma^mu (chiral) and the metric."""
    paulis = [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]
    zero, one = np.zeros((2, 2)), np.eye(2)
    gammas = [np.block([[zero, one], [one, zero]])]
    gammas += [np.block([[zero, np.array(s)], [-np.array(s), zero]]) for s in paulis]
    return gammas, np.diag([1.0, -1.0, -1.0, -1.0])


def radiative_width(a_right, a_left, mass, mass_out):
    """Gamma(l -> l' gamma) of L = -(e m/2) l'bar sigma^{mn}(A_R P_R + A_L P_L) l F_mn.

    Spin sums as numerical traces, exact two-body kinematics.
    """
    gammas, metric = gamma_matrices()
    gamma5 = 1j * gammas[0] @ gammas[1] @ gammas[2] @ gammas[3]
    chiral = a_right * (np.eye(4) + gamma5) / 2 + a_left * (np.eye(4) - gamma5) / 2
    omega = (mass**2 - mass_out**2) / (2.0 * mass)
    q = np.array([omega, 0.0, 0.0, omega])
    p = np.array([mass, 0.0, 0.0, 0.0])

    def slash(k):
        return sum(metric[i, i] * k[i] * gammas[i] for i in range(4))

    q_low = metric @ q
    vertices = []
    for nu in range(4):
        sigma_q = sum(
            0.5j * (gammas[m] @ gammas[nu] - gammas[nu] @ gammas[m]) * q_low[m] for m in range(4)
        )
        vertices.append(SM.e * mass * sigma_q @ chiral)
    total = 0.0
    for nu in range(4):
        bar = gammas[0] @ vertices[nu].conj().T @ gammas[0]
        trace = np.trace(
            (slash(p - q) + mass_out * np.eye(4))
            @ vertices[nu]
            @ (slash(p) + mass * np.eye(4))
            @ bar
        )
        total -= metric[nu, nu] * trace.real
    return 0.5 * total * omega / (8.0 * math.pi * mass**2)


def test_width_of_the_dipole_by_traces():
    a_right, a_left = 3e-9 - 1e-9j, 2e-9j
    found = decays.br_radiative(
        dipoles({(E, MU): a_right, (MU, E): np.conj(a_left) * SM.m_mu / SM.m_e}), MU, E
    )
    tree = SM.g_f**2 * SM.m_mu**5 / (192.0 * math.pi**3)
    massless = radiative_width(a_right, a_left, SM.m_mu, 0.0) / tree
    assert float(found) == close(massless, 1e-12)
    # the neglected electron mass: chirality-flip interference and phase space, ~ m_e/m_mu
    massive = radiative_width(a_right, 0.0, SM.m_mu, SM.m_e) / tree
    alone = float(decays.br_radiative(dipoles({(E, MU): a_right}), MU, E))
    assert alone == close(massive, 1e-4)


def test_width_over_the_measured_lifetime():
    """flavio divides by the measured muon lifetime: 1.0043 less than over the tree width."""
    tree = SM.g_f**2 * SM.m_mu**5 / (192.0 * math.pi**3)
    assert tree * SM.tau_mu / SM.hbar == pytest.approx(1.0043, abs=2e-4)


def test_left_amplitude_of_a_hermitian_dipole():
    """A = y y^dagger has A_L = (m_l'/m_l) A_R: a factor 1 + m_l'^2/m_l^2."""
    y = np.array([0.3 + 0.1j, -0.2j, 0.5])
    matrix = jnp.asarray(1e-9 * np.outer(y, y.conj()))
    for a, b, mass in ((MU, E, SM.m_e), (TAU, MU, SM.m_mu)):
        ratio = mass / (SM.m_mu if a == MU else SM.m_tau)
        one_sided = decays.br_radiative(dipoles({(b, a): matrix[b, a]}), a, b)
        both = decays.br_radiative(matrix, a, b)
        assert float(both / one_sided) == close(1.0 + ratio**2, 1e-14)


def test_heavy_lepton_limits_at_2_tev():
    """A = sum y y*/(192 pi^2 M^2): limits on sqrt(sum y_e y_mu*) for two MEG II results."""
    for limit, coupling in ((3.1e-13, 0.1222), (1.5e-13, 0.1019)):
        amplitude = coupling**2 / (192.0 * math.pi**2 * 2000.0**2)
        br = decays.br_radiative(dipoles({(E, MU): amplitude}), MU, E)
        assert float(br) == close(limit, 3e-3)
        closed = SM.alpha_0 / (768.0 * math.pi * SM.g_f**2 * 2000.0**4) * coupling**4
        assert float(br) == close(closed, 1e-13)


def test_tabulated_points(reference):
    """mu -> e from the stored A_R; with the table's constants."""
    for point in reference("dark_dipole/points.json")["points"]:
        out = point["outputs"]
        amplitude = complex(*(float(x) for x in out["A_R_mue_derived"]))
        matrix = dipoles({(E, MU): amplitude, (MU, E): np.conj(amplitude)})
        found = decays.observables(matrix, sm=MADE)
        table = {k: float(v) for k, v in out["BR_derived"].items()}
        if table["mu_e_gamma"] < 1e-60:  # zero by symmetry
            assert found["br_mu_e_gamma"] < 1e-40
            continue
        assert float(found["br_mu_e_gamma"]) == close(table["mu_e_gamma"], 1e-13)
        assert float(found["br_mu_3e"]) == close(table["mu_3e_dipole"], 1e-13)
        for nucleus in ("Al", "Ti", "Au"):
            rate = float(found[f"cr_mu_e_{nucleus.lower()}"])
            assert rate == close(table[f"mu_e_conv_{nucleus}_dipole"], 1e-13)


# Three leptons


def virtual_photon(mother, pair):
    """3 pi/alpha BR(l -> l' f f)/BR(l -> l' gamma), f != l', massless l'."""

    def integrand(log_s):
        s = mp.e**log_s
        loop = (1 + 2 * pair**2 / s) * mp.sqrt(1 - 4 * pair**2 / s)
        return loop * (1 - s / mother**2) ** 2 * (1 + s / (2 * mother**2))

    ends = mp.linspace(mp.log(4 * mp.mpf(pair) ** 2), mp.log(mp.mpf(mother) ** 2), 12)
    return float(mp.quad(integrand, ends))


@pytest.mark.parametrize(
    ("mother", "daughter", "pair", "error"), [(TAU, MU, E, 6e-8), (TAU, E, MU, 0.012)]
)
def test_three_leptons_against_the_virtual_photon(mother, daughter, pair, error):
    masses = (SM.m_e, SM.m_mu, SM.m_tau)
    br = decays.br_three_leptons(jnp.asarray(1.0), mother, daughter, pair)
    exact = SM.alpha_0 / (3.0 * math.pi) * virtual_photon(masses[mother], masses[pair])
    assert abs(exact / float(br) - 1.0) < error


def test_three_electrons():
    """hep-ph/9909265: BR(mu -> 3e) is 0.006 of BR(mu -> e gamma)."""
    ratio = float(decays.br_three_leptons(jnp.asarray(1.0), MU, E, E))
    assert ratio == close(6.127e-3, 1e-4)
    # identical electrons: interference adds 1/4 to the logarithm of distinguishable ones
    distinct = float(decays.br_three_leptons(jnp.asarray(1.0), MU, MU, E))
    assert (ratio - distinct) * 3.0 * math.pi / SM.alpha_0 == close(0.25, 1e-12)


def test_running_coupling_of_flavio():
    """flavio 2.7 takes alpha(1 GeV), one loop with four quarks below m_b: 1.0209 times ours."""
    charges = {"above": 3.0 * (2 * 4 / 9 + 3 / 9) + 3.0, "below": 3.0 * (2 * 4 / 9 + 2 / 9) + 3.0}
    inverse = SM.alpha_inv_mz + 2.0 / (3.0 * math.pi) * (
        charges["above"] * math.log(SM.m_z / SM.m_b) + charges["below"] * math.log(SM.m_b)
    )
    assert SM.alpha_inv_0 / inverse == close(1.0209, 3e-4)


# Conversion


def test_nuclear_table():
    """Capture rates of Suzuki et al. in 1e6/s, overlaps of hep-ph/0203110 (method 1)."""
    published = {"Al": (0.0362, 0.7054), "Ti": (0.0864, 2.59), "Au": (0.189, 13.07)}
    assert set(decays.nuclei()) == set(published)
    for name, (overlap, rate) in published.items():
        nucleus = decays.nuclei()[name]
        assert nucleus.dipole == overlap
        assert nucleus.capture == rate * 1e6


def test_conversion_ratios():
    """BR(mu -> e gamma)/CR: 389 (Al), 238 (Ti) in hep-ph/9801218 with other wave functions."""
    for nucleus, value, published in (("Al", 2.67e-3, 389.0), ("Ti", 4.14e-3, 238.0)):
        ratio = float(decays.cr_conversion(jnp.asarray(1.0), nucleus))
        assert ratio == close(value, 3e-3)
        assert 1.0 / ratio == close(published, 0.05)
    assert float(decays.cr_conversion(jnp.asarray(1.0), "Au")) == close(3.93e-3, 3e-3)
    # hep-ph/0203110 writes omega = 2 G_F^2 |A D|^2 and BR(mu -> e gamma) = 384 pi^2 |A|^2
    aluminium = decays.nuclei()["Al"]
    omega = 2.0 * SM.g_f**2 * SM.m_mu**5 * aluminium.dipole**2 / (384.0 * math.pi**2)
    found = float(decays.cr_conversion(jnp.asarray(1.0), "Al"))
    assert found == close(omega / (aluminium.capture * SM.hbar), 1e-14)


def test_unknown_nucleus():
    with pytest.raises(InputError, match="nucleus 'Pb' given; there is: Al, Au, Ti"):
        decays.cr_conversion(jnp.asarray(1.0), "Pb")


# Everything


def test_anomalous_moment():
    """L = -(e a/4m) lbar sigma l F against -(e m A/2) lbar sigma l F, Re A only."""
    amplitude = 2e-9 + 5e-9j
    found = decays.observables(dipoles({(MU, MU): amplitude, (E, E): -amplitude}))
    assert float(found["delta_a_mu"]) == close(2.0 * SM.m_mu**2 * 2e-9, 1e-15)
    assert float(found["delta_a_e"]) == close(-2.0 * SM.m_e**2 * 2e-9, 1e-15)


def test_names_are_in_the_catalogue():
    found = decays.observables(jnp.ones((3, 3), complex))
    assert len(found) == 11
    for name in found:
        assert quantity(name).unit == ""


def test_invariance_under_lepton_phases():
    rng = np.random.default_rng(11)
    matrix = 1e-9 * (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    phase = np.exp(1j * rng.uniform(0, 6, 3))
    first = decays.observables(jnp.asarray(matrix))
    second = decays.observables(jnp.asarray(phase[:, None] * matrix * phase.conj()))
    for name, value in first.items():
        assert float(second[name]) == close(float(value), 1e-13), name
    # negative control: phases of one chirality alone change Delta a
    third = decays.observables(jnp.asarray(phase[:, None] * matrix))
    assert abs(float(third["delta_a_mu"] / first["delta_a_mu"]) - 1.0) > 1e-2


def test_no_dipole_no_decay_and_no_nan():
    def values(x):
        return decays.observables(x * jnp.ones((3, 3), complex))

    assert all(v == 0.0 for v in values(0.0).values())
    for jacobian in (jax.jit(jax.jacfwd(values))(0.0), jax.jit(jax.jacrev(values))(0.0)):
        assert all(jnp.isfinite(v) for v in jacobian.values())


def test_decoupling():
    """A ~ 1/M^2: rates fall as M^-4, Delta a as M^-2."""
    light = decays.observables(jnp.full((3, 3), 1e-8 + 0j))
    heavy = decays.observables(jnp.full((3, 3), 1e-10 + 0j))
    for name, value in light.items():
        power = 1 if name.startswith("delta") else 2
        assert float(value / heavy[name]) == close(100.0**power, 1e-12)
