"""N_eff of Dirac moments: the rate against quadratures, the history against an ODE solver."""

import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from nmmjax.physics import early_universe
from nmmjax.physics.constants import SM

MU_B = SM.e / (2.0 * SM.m_e)
PLANCK = 1.220890e19


def density(x):
    """n(m = x T)/T^3 of one fermionic degree of freedom, times 2 pi^2."""
    return mp.quad(lambda p: p**2 / (mp.exp(mp.sqrt(p**2 + x**2)) + 1), [0, 1, 5, 20, 60])


@pytest.mark.parametrize("t", [2e-3, 0.05, 0.3, 2.0, 80.0])
def test_rate_against_quadratures(t):
    """Charges by the densities of massive fermions, screened at the Debye mass."""
    massless, charges = density(0), mp.mpf(0)
    table = {"m_e": 9, "m_mu": 9, "m_tau": 9}
    if t > 0.1565:
        table |= {"m_u": 12, "m_c": 12, "m_t": 12, "m_d": 3, "m_s": 3, "m_b": 3}
    for name, ninths in table.items():
        charges += mp.mpf(ninths) / 9 * density(getattr(SM, name) / t) / massless
    debye = 4 * mp.pi * SM.alpha_0 / 3 * charges
    rate = SM.alpha_0 * charges * (mp.mpf("0.7384") - mp.log(debye) / 3)
    assert float(early_universe.flip_rate(np.array([t]))[0]) == pytest.approx(float(rate), rel=1e-6)


@pytest.mark.parametrize(("across", "debye"), [("1", "1"), ("0.3", "2"), ("5", "0.2")])
def test_screening_is_a_sum_rule(across, debye):
    """Transverse force on the light cone, thermal photons resummed: m^2/(q^2 (q^2 + m^2))."""
    q, m = mp.mpf(across), mp.mpf(debye)

    def force(along):
        square = q + along**2
        x = along / mp.sqrt(square)
        log = mp.log((1 + x) ** 2 * square / q) - 1j * mp.pi
        longitudinal = 1 / (square + m * (1 - x / 2 * log))
        transverse = 1 / (q + m / 2 * (x**2 + x * q / square / 2 * log))
        return mp.im(q / square * transverse - longitudinal) / along

    found = 2 / mp.pi * mp.quad(force, [0, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e4])
    assert float(found) == pytest.approx(float(m / (q * (q + m))), rel=1e-12)


def collisions(debye, n=1_000_000):
    """Energy moved per alpha mu^2 T^3 sum Q^2, and its error: 2 -> 2 with Pauli blocking."""
    rng = np.random.default_rng(3)
    k, p = rng.gamma(3.0, size=(2, n))
    cosine = rng.uniform(-1.0, 1.0, n)
    s = 2.0 * k * p * (1.0 - cosine)
    log = np.log((s + debye) / debye)
    t = debye * np.exp(log * rng.uniform(size=n)) - debye  # -t, flat in ln(m_D^2 - t)
    total = k + p
    moving = np.sqrt(np.maximum(total**2 - s, 0.0))
    before, turn = (2.0 * k - total) / moving, 1.0 - 2.0 * t / s
    side = np.sqrt(np.maximum((1.0 - before**2) * (1.0 - turn**2), 0.0))
    after = before * turn + side * np.cos(rng.uniform(0.0, np.pi, n))
    made = 0.5 * (total + moving * after)
    kept = 1.0 / ((1.0 + np.exp(-k)) * (1.0 + np.exp(-p)) * (1.0 + np.exp(-(total - made))))
    weight = kept * (1.0 - cosine) * (1.0 - t / s) * log * made
    scale = 4.0 / math.pi**2 / np.mean(k / (1.0 + np.exp(-k)))
    return scale * np.mean(weight), scale * np.std(weight) / math.sqrt(n)


@pytest.mark.parametrize("debye", [1e-3, 1e-2])
def test_constant_of_the_rate(debye):
    found, error = collisions(debye)
    expected = math.log(1.0 / debye) / 3.0 + 0.7384
    assert found == pytest.approx(expected, abs=4.0 * error)
    assert error < 2e-3 * expected


@pytest.mark.parametrize("mu", [1e-13, 2.7e-12, 2e-11, 3e-10])
def test_history_against_an_ode_solver(mu):
    def slope(n, x):
        t = float(np.exp(np.interp(n, scale, np.log(temperature))))
        g_rho, g_s = (float(g[0]) for g in early_universe.degrees(np.array([t])))
        hubble = math.sqrt(8.0 * math.pi**3 / 90.0 * g_rho) * t**2 / PLANCK
        rate = float(early_universe.flip_rate(np.array([t]))[0]) * (mu * MU_B) ** 2 * t**3
        return rate / hubble * ((10.75 / g_s) ** (4.0 / 3.0) - x)

    temperature = np.geomspace(100.0, 2e-3, 4000)
    scale = -np.log(temperature) - np.log(early_universe.degrees(temperature)[1]) / 3.0
    done = solve_ivp(slope, (scale[0], scale[-1]), [0.0], method="LSODA", rtol=1e-8, atol=1e-12)
    value = float(early_universe.delta_n_eff(jnp.asarray(mu)))
    assert value == pytest.approx(done.y[0, -1], rel=3e-3)


def test_limits():
    """Quadratic in mu where nu_R never meets the plasma, one neutrino where it always does."""
    small = [float(early_universe.delta_n_eff(jnp.asarray(x))) for x in (1e-15, 1e-14)]
    assert small[1] / small[0] == pytest.approx(100.0, rel=1e-3)
    assert float(early_universe.delta_n_eff(jnp.asarray(1e-8))) == pytest.approx(1.0, abs=0.02)


def test_published_limits_lie_where_data_bound_n_eff():
    """Three equal moments of 2.7e-12 (arXiv:2211.04669) and 1.6e-11 mu_B (arXiv:2211.10432).

    Neither abstract states the Delta N_eff that it excludes.
    """
    three = [3.0 * float(early_universe.delta_n_eff(jnp.asarray(x))) for x in (2.7e-12, 1.6e-11)]
    assert three[0] == pytest.approx(0.19, abs=0.005)
    assert 0.30 < three[1] < 0.70


def test_slope_is_finite():
    slopes = jax.vmap(jax.grad(early_universe.delta_n_eff))(jnp.geomspace(1e-20, 1e-7, 50))
    assert bool(jnp.all(jnp.isfinite(slopes) & (slopes >= 0.0)))
