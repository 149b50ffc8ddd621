"""N_eff of Dirac moments: the rate against quadratures, the history against an ODE solver."""

import functools
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


@functools.cache
def mean_log():
    """<ln s/T^2> of s = 2 E E' (1 - cos), Fermi-Dirac energies, weight 1 - cos."""
    norm = mp.quad(lambda p: p**2 / (mp.exp(p) + 1), [0, 1, 5, 20, 60])
    one = mp.quad(lambda p: mp.log(p) * p**2 / (mp.exp(p) + 1), [0, 1, 5, 20, 60]) / norm
    angle = mp.quad(lambda u: u * mp.log(u) / 2, [0, 2])
    return 2 * one + mp.log(2) + angle


@pytest.mark.parametrize("t", [2e-3, 0.05, 0.3, 2.0, 80.0])
def test_rate_against_quadratures(t):
    """sum over fermions of n <(1 - cos) sigma>, screened at the Debye mass."""
    massless, charges = density(0), mp.mpf(0)
    table = {"m_e": 9, "m_mu": 9, "m_tau": 9}
    if t > 0.1565:
        table |= {"m_u": 12, "m_c": 12, "m_t": 12, "m_d": 3, "m_s": 3, "m_b": 3}
    for name, ninths in table.items():
        charges += mp.mpf(ninths) / 9 * density(getattr(SM, name) / t) / massless
    debye = 4 * mp.pi * SM.alpha_0 / 3 * charges
    number = 4 * massless / (2 * mp.pi**2)  # particles and antiparticles of two spins
    rate = SM.alpha_0 * number * charges * (mean_log() - mp.log(debye) - 1)
    assert float(early_universe.flip_rate(np.array([t]))[0]) == pytest.approx(float(rate), rel=1e-6)


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
    """Three equal moments of 2.7e-12 (arXiv:2211.04669) and 1.6e-11 mu_B (arXiv:2211.10432)."""
    three = [3.0 * float(early_universe.delta_n_eff(jnp.asarray(x))) for x in (2.7e-12, 1.6e-11)]
    assert 0.13 < three[0] < 0.30
    assert 0.30 < three[1] < 0.70


def test_slope_is_finite():
    slopes = jax.vmap(jax.grad(early_universe.delta_n_eff))(jnp.geomspace(1e-20, 1e-7, 50))
    assert bool(jnp.all(jnp.isfinite(slopes) & (slopes >= 0.0)))
