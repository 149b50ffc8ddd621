"""Weak currents of mixed leptons against brute force: every mass matrix diagonalised in 40 digits.

The matrices of e, mu, tau and Psi^- and of three nu and Psi^0 are those of the Lagrangian; the
light charged block is chosen such that its masses are the measured ones, in the flavour basis of
the light states to order (m_l/m_psi)^2.
"""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from nmmjax.constraints import library
from nmmjax.physics import z_pole
from nmmjax.physics.constants import SM

FLAVOURS = ("e", "mu", "tau")
LEPTONS = (SM.m_e, SM.m_mu, SM.m_tau)
FLAT = ("ckm_row_1", "g_tau_over_g_mu", "g_tau_over_g_e", "g_mu_over_g_e")


@functools.cache
def compiled(n):
    del n
    return jax.jit(lambda theta, m_psi: z_pole.triplet_observables(theta, m_psi, SM))


def found(theta, m_psi):
    values = compiled(len(m_psi))(jnp.asarray(theta, complex), jnp.asarray(m_psi))
    return {name: float(x) for name, x in values.items()}


def light_states(matrix):
    """(left, right) vectors of the three smallest singular values, as rows."""
    u, s, v = mp.svd_c(matrix)
    order = sorted(range(matrix.rows), key=lambda k: s[k])[:3]
    return [u[:, k] for k in order], [v[k, :].H for k in order]


def mass_matrix(light, theta, m_psi, factor):
    n = len(m_psi)
    full = mp.matrix(3 + n, 3 + n)
    for a in range(3):
        for b in range(3):
            full[a, b] = light[a, b]
        for i in range(n):
            full[a, 3 + i] = factor * theta[a, i] * mp.mpf(float(m_psi[i]))
    for i in range(n):
        full[3 + i, 3 + i] = mp.mpf(float(m_psi[i]))
    return full


def brute(theta, m_psi):
    """Observables from the couplings T3 - Q sin^2 of all components of the light states."""
    n = len(m_psi)
    th = mp.matrix([[mp.mpc(complex(x)) for x in row] for row in theta])
    stretch = mp.sqrtm(mp.eye(3) + 2 * th * th.H) * mp.diag([mp.mpf(m) for m in LEPTONS])
    e_l, e_r = light_states(mass_matrix(stretch, th, m_psi, mp.sqrt(2)))
    nu, _ = light_states(mass_matrix(mp.zeros(3), th, m_psi, mp.mpf(1)))
    current = mp.diag([1] * 3 + [mp.sqrt(2)] * n)
    rows = [sum(abs((e.H * current * x)[0]) ** 2 for x in nu) for e in e_l]
    k, s2, m_z = mp.sqrt(rows[0] * rows[1]), mp.mpf(z_pole.SIN2_EFF), mp.mpf(SM.m_z)

    def angle(start):
        return (1 - mp.sqrt(1 - 4 * start * (1 - start) * k)) / 2

    def rate(left, right, x):
        return (left**2 + right**2) * (1 - x) + 6 * x * left * right

    t3_left, t3_right = ([-0.5] * 3 + [-1] * n, [0] * 3 + [-1] * n)
    values = {"sin2_eff": angle(s2), "delta_g_mu": k - 1, "ckm_row_1": rows[0] / k**2}
    for a, (name, width) in enumerate(z_pole.GAMMA_Z.items()):
        left = (e_l[a].H * mp.diag(t3_left) * e_l[a])[0].real + angle(s2)
        right = (e_r[a].H * mp.diag(t3_right) * e_r[a])[0].real + angle(s2)
        x = (mp.mpf(LEPTONS[a]) / m_z) ** 2
        plain = rate(s2 - mp.mpf(0.5), s2, x)
        values[f"gamma_z_{name}"] = width * rate(left, right, x) / plain / k
    t3_nu = mp.diag([1] * 3 + [0] * n)  # twice T3
    invisible = sum(abs((x.H * t3_nu * y)[0]) ** 2 for x in nu for y in nu)
    values["gamma_z_inv"] = mp.mpf(z_pole.GAMMA_Z_NU) / 1000 * invisible / k
    values["m_w"] = m_z * mp.sqrt(1 - angle(1 - (mp.mpf(z_pole.M_W) / m_z) ** 2))
    g = dict(zip(FLAVOURS, map(mp.sqrt, rows), strict=True))
    for a, b in (("tau", "mu"), ("tau", "e"), ("mu", "e")):
        values[f"g_{a}_over_g_{b}"] = g[a] / g[b]
    return values


def deviation(got, exact):
    assert got.keys() == exact.keys()
    return max(abs(float((mp.mpf(got[p]) - x) / x)) if x else abs(got[p]) for p, x in exact.items())


@pytest.mark.parametrize(("n", "size"), [(1, 1e-3), (1, 1e-2), (2, 1e-5), (2, 1e-2)])
def test_every_flavour_mixed(n, size):
    rng = np.random.default_rng(n)
    theta = size * (rng.normal(size=(3, n)) + 1j * rng.normal(size=(3, n)))
    m_psi = 10 ** rng.uniform(2.9, 4.0, n)
    with mp.workdps(40):
        assert deviation(found(theta, m_psi), brute(theta, m_psi)) < 2e-11


@pytest.mark.parametrize("lepton", FLAVOURS)
def test_one_flavour_is_exact(lepton):
    """A third of the muon's weight in the triplet: nothing is expanded in the mixing."""
    theta = np.asarray(z_pole.one_flavour(jnp.asarray(0.5), lepton))
    with mp.workdps(40):
        # m_tau^4/m_psi^4 is what the rows of the charged current leave out
        assert deviation(found(theta, [500.0]), brute(theta, [500.0])) < 1e-10


def test_expansion_to_first_order():
    """The coefficients 4.28, -0.60, 0.165 and -8.1 GeV of the literature's effective couplings."""
    eps = np.array([1e-7, 2e-7, 3e-7])
    theta = np.diag(np.sqrt(eps))[:, :3]
    got = found(theta, [1e6, 1e6, 1e6])
    both = eps[0] + eps[1]
    for x, (name, width) in zip(eps, z_pole.GAMMA_Z.items(), strict=True):
        shift = got[f"gamma_z_{name}"] / width - 1.0
        assert shift == pytest.approx(4.28 * x - 0.60 * both, abs=0.02 * both)
    assert got["sin2_eff"] - z_pole.SIN2_EFF == pytest.approx(0.165 * both, rel=5e-3)
    assert got["m_w"] - z_pole.M_W == pytest.approx(-8.1 * both, rel=0.01)
    assert got["ckm_row_1"] - 1.0 == pytest.approx(-eps[1], rel=1e-5)
    assert got["g_tau_over_g_mu"] - 1.0 == pytest.approx(0.5 * (eps[2] - eps[1]), rel=1e-5)
    assert got["delta_g_mu"] == pytest.approx(0.5 * both, rel=1e-5)


def test_no_mixing_is_the_standard_model_with_finite_gradients():
    theta, m_psi = jnp.zeros((3, 1), complex), jnp.array([1e3])
    got = found(theta, m_psi)
    assert got["gamma_z_ee"] == z_pole.GAMMA_Z["ee"]
    assert got["delta_g_mu"] == 0.0
    assert all(got[p] == 1.0 for p in FLAT)
    slopes = jax.jit(jax.jacfwd(lambda x: z_pole.triplet_observables(x * theta, m_psi, SM)))(1.0)
    assert all(slope == 0.0 for slope in slopes.values())


def test_one_generation_outcome():
    """eps_ee < 8e-4 at two sigma of the width to electrons: y_psi < 0.23 m_psi/TeV."""
    (width,) = library.load(["gamma_z_ee"])
    eps = np.linspace(0.0, 2e-3, 4001)
    theta = np.sqrt(eps)

    def of(x):
        row = z_pole.one_flavour(x, "e")
        return width.log_likelihood(z_pole.triplet_observables(row, jnp.array([1e3]), SM))

    log_l = np.asarray(jax.jit(jax.vmap(of))(jnp.asarray(theta)))
    density = np.exp(log_l)
    inside = np.cumsum(density) / np.sum(density)
    limit = eps[np.searchsorted(inside, 0.9545)]
    assert limit == pytest.approx(7.0e-4, abs=1.0e-4)
    y_psi = np.sqrt(limit) * np.sqrt(2.0) * 1e3 / SM.v_h
    assert y_psi == pytest.approx(0.22, abs=0.015)
    # the benchmark y_psi = 1 at 1 TeV, five per cent in the width
    assert float(of(jnp.asarray(SM.v_h / np.sqrt(2.0) / 1e3))) < -0.5 * 30.0**2


def test_weak_angle_ends_where_the_relation_does():
    assert float(z_pole.weak_angle(0.23, jnp.asarray(0.6))) == pytest.approx(0.5, abs=1e-12)
    slope = jax.grad(lambda x: z_pole.weak_angle(0.23, x))(0.6)
    assert slope == 0.0
