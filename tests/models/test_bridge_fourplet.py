"""Bridge with a fourplet: group sums, loops in 30 digits, no mass without a splitting."""

import itertools
import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers import model_points
from helpers.model_points import prior_draws
from nmmjax.models.bridge_fourplet import BridgeFourplet, _weights
from nmmjax.physics.constants import SM

LOOPS = ("2-3", "3-2", "3-4", "4-3", "4-5", "5-4")
EV = 10**9


def clebsch_gordan(j_1, m_1, j_2, m_2, j, m):
    """Racah's sum, all arguments halves."""
    if max(abs(m_1) - j_1, abs(m_2) - j_2, abs(m) - j) > 0 or not abs(j_1 - j_2) <= j <= j_1 + j_2:
        return mp.mpf(0)
    f = mp.factorial
    size = (2 * j + 1) * f(j + j_1 - j_2) * f(j - j_1 + j_2) * f(j_1 + j_2 - j)
    size *= f(j + m) * f(j - m) * f(j_1 - m_1) * f(j_1 + m_1) * f(j_2 - m_2) * f(j_2 + m_2)
    size /= f(j_1 + j_2 + j + 1)
    total = mp.mpf(0)
    for k in range(20):
        below = (k, j_1 + j_2 - j - k, j_1 - m_1 - k, j_2 + m_2 - k, j - j_2 + m_1 + k)
        below = (*below, j - j_1 - m_2 + k)
        if min(below) >= 0:
            total += (-1) ** k / mp.fprod(f(x) for x in below)
    return mp.sqrt(size) * total


def members(loop):
    """(T3 of F, of phi, coefficient in the fourplet, in the doublet) of the neutral pairs."""
    j_1, j_2 = (mp.mpf(int(n) - 1) / 2 for n in loop.split("-"))
    below = mp.mpf(-1) / 2
    found = []
    for k in range(int(2 * j_1 + 1)):
        m = j_1 - k
        both = [clebsch_gordan(j_1, m, j_2, below - m, j, below) for j in (mp.mpf(3) / 2, -below)]
        found.append((m, below - m, *both))
    return found


def loop_sums(theta, model):
    """Sums of w Q m_F Gh and of w m_F B0 over the members, with explicit integrals."""
    t = {p: mp.mpf(float(x)) for p, x in theta.items()}
    moment = mass = mp.mpf(0)
    for m, below, four, two in members(model.loop):
        a, b = t["m_f"] ** 2, (t["m_s"] * (1 + t["split_s"] * below)) ** 2
        gh = mp.quad(lambda x, a=a, b=b: x / (a * x + b * (1 - x)), [0, 1])
        b_0 = 1 - (a * mp.log(a / t["m_f"] ** 2) - b * mp.log(b / t["m_f"] ** 2)) / (a - b)
        moment += four * two * (m + model.hypercharge) * t["m_f"] * gh
        mass += four * two * t["m_f"] * b_0
    return moment, mass


@pytest.mark.parametrize("loop", LOOPS)
def test_group_sums(loop):
    """Racah's coefficients; no mass, no hypercharge; T3 gives ((N+1)(N-2)/2)^(1/2)/3."""
    rows = members(loop)
    w = [four * two for _, _, four, two in rows]
    assert abs(mp.fsum(w)) < 1e-14
    assert sum(four**2 for _, _, four, _ in rows) == pytest.approx(1.0, rel=1e-14)
    largest = max(int(n) for n in loop.split("-"))
    total = abs(mp.fsum(x * m for x, (m, *_) in zip(w, rows, strict=True)))
    assert float(total) == pytest.approx(math.sqrt((largest + 1) * (largest - 2) / 2) / 3)
    exact, mine = np.array([float(x) for x in w]), _weights(loop)
    sign = np.sign(exact @ mine)
    assert np.max(np.abs(mine - sign * exact)) < 1e-15


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("hypercharge", [0.0, -1.5])
def test_loop_against_integrals(loop, hypercharge):
    model = BridgeFourplet(loop=loop, hypercharge=hypercharge)
    theta = {p: jnp.asarray(x) for p, x in (model.reference | {"split_s": 1e-3}).items()}
    with mp.workdps(30):
        exact = loop_sums(theta, model)
    for found, value in zip(model._loops(theta), exact, strict=True):
        expected = abs(float(value)) / (16.0 * math.pi**2)
        assert abs(float(found)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loop", LOOPS)
def test_no_mass_and_a_moment_for_degenerate_scalars(loop):
    model = BridgeFourplet(loop=loop)
    theta = {p: jnp.asarray(x) for p, x in (model.reference | {"split_s": 0.0}).items()}
    moment, mass = model._loops(theta)
    assert float(mass) == 0.0
    assert float(moment) != 0.0
    shifted = BridgeFourplet(loop=loop, hypercharge=0.7)._loops(theta)
    assert float(shifted[0]) == pytest.approx(float(moment), rel=1e-13)


def mixing(theta):
    """psi4 in nu_a: from the null vector of the mass matrix of nu, psi3, psi4, 40 digits."""
    a = [mp.mpf(float(theta[f"y_psi_{x}"])) * SM.v_h for x in ("e", "mu", "tau")]
    b = mp.mpf(float(theta["y_34"])) * SM.v_h * mp.sqrt(mp.mpf(2) / 3)
    m_3, m_4 = (mp.mpf(float(theta[m])) for m in ("m_psi", "m_psi4"))
    return [x * b / (m_3 * m_4) for x in a]


def test_moments_and_masses_at_the_reference_point():
    model = BridgeFourplet()
    found = model_points.compiled(model)(model_points.point(model))
    theta = model_points.point(model)
    with mp.workdps(40):
        moment, mass = (x / (16 * mp.pi**2) for x in loop_sums(theta, model))
        four, y = mixing(theta), [mp.mpf(float(theta[f"y_l_{a}"])) for a in ("e", "mu", "tau")]
        mass_matrix = mp.matrix(3, 3)
        for i, j in itertools.product(range(3), repeat=2):
            mass_matrix[i, j] = -mass * EV * (four[i] * y[j] + four[j] * y[i])
        heaviest = max(abs(x) for x in mp.eigsy(mass_matrix, eigvals_only=True))
    sign = math.copysign(1.0, float(found["re_mu_nu_emu"]))
    sign *= math.copysign(1.0, float(2 * SM.m_e * moment * (four[0] * y[1] - four[1] * y[0])))
    names = ("e", "mu", "tau")
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pair = names[i] + names[j]
        mu = float(2 * SM.m_e * moment * (four[i] * y[j] - four[j] * y[i]))
        assert float(found[f"re_mu_nu_{pair}"]) == pytest.approx(sign * mu, rel=1e-12)
        value = sign * float(mass_matrix[i, j])
        assert float(found[f"re_m_nu_{pair}"]) == pytest.approx(value, rel=1e-7)  # splitting 1e-8
    assert float(found["m_nu"]) == pytest.approx(float(heaviest), rel=1e-7)


def test_charged_leptons_of_the_loop():
    """F of T3 = 0 and phi^+, F^+ and phi^0: charges and Clebsch-Gordan coefficients by hand."""
    model = BridgeFourplet()
    off = {f"y_psi_{a}": 0.0 for a in ("e", "mu", "tau")}
    theta = model_points.point(model) | {p: jnp.asarray(x) for p, x in off.items()}
    found = model_points.compiled(model)(theta)
    t = mp.mpf(1000.0) ** 2 / mp.mpf(1200.0) ** 2
    n_s = mp.quad(lambda x: x * (1 - x) ** 2 / (1 - x + t * x), [0, 1])
    n_f = mp.quad(lambda x: x**2 * (1 - x) / (1 - x + t * x), [0, 1])
    # 1/3: F^0 and phi^+, the lepton's charge on the scalar; 2/3: on the fermion
    amplitude = (2 * n_f / 3 - n_s / 3) / (32 * mp.pi**2 * 1200.0**2)
    dipole = amplitude * float(theta["y_l_e"]) * float(theta["y_l_mu"])
    rate = 48 * mp.pi**3 * SM.alpha_0 / SM.g_f**2 * dipole**2 * (1 + (SM.m_e / SM.m_mu) ** 2)
    assert float(found["br_mu_e_gamma"]) == pytest.approx(float(rate), rel=1e-12)
    assert float(found["mu_nu"]) == 0.0


def test_the_box_in_mu_to_three_electrons():
    """Equal masses, y_L_e = 3: the box is -y_e^3 y_mu (1/9 + 4/9)/(12 K m^2) of its operator."""
    model = BridgeFourplet()
    off = {f"y_psi_{a}": 0.0 for a in ("e", "mu", "tau")}
    changes = off | {"y_l_e": 3.0, "y_l_mu": 1e-2, "m_f": 1e3, "m_s": 1e3}
    theta = model_points.point(model) | {p: jnp.asarray(x) for p, x in changes.items()}
    found = model_points.compiled(model)(theta)
    unit = 3.0 * 1e-2 / (16.0 * math.pi**2 * 1e6) / (2.0 * math.sqrt(2.0) * SM.g_f)
    box = -unit * 9.0 * (5.0 / 9.0) / 12.0
    photon = SM.e**2 * unit * (2.0 / 3.0 / 8.0 + 1.0 / 3.0 / 24.0)
    dipole = SM.e**2 * unit * (2.0 / 3.0 - 1.0 / 3.0) / 24.0
    left, log = photon + box, math.log(SM.m_mu / SM.m_e) - 11.0 / 8.0
    rate = 2.0 * left**2 + photon**2 + 4.0 * dipole * (2.0 * left + photon)
    rate += 16.0 * dipole**2 * log * (1.0 + (SM.m_e / SM.m_mu) ** 2)
    assert float(found["br_mu_3e"]) == pytest.approx(rate, rel=1e-12)
    assert box**2 > 10.0 * photon**2


@pytest.mark.slow
def test_gradients_are_finite_over_the_prior():
    """2e4 draws of the default priors."""
    model = BridgeFourplet()
    seen = ("m_nu", "mu_nu", "mu_eff_pp", "br_mu_e_gamma", "br_mu_3e", "cr_mu_e_au", "m_nu_rge")
    seen += ("gamma_z_ee",)

    def total(theta):
        found = model.predict(theta)
        return sum(jnp.arcsinh(1e12 * found[name]) for name in seen)

    slopes = jax.jit(jax.vmap(jax.grad(total)))(prior_draws(model, 20_000))
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in slopes.values())
