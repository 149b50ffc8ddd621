"""Moments without a mass at one loop: the Dirac mass against closed forms, K and C there."""

import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from nmmjax.physics.constants import SM
from nmmjax.physics.dark_scalars import scalars_from_masses, scalars_from_pairs
from nmmjax.physics.dark_sector import dark_loops
from nmmjax.physics.mass_zero import dirac_mass

POINTS = [
    (1e-9, 0.1, 0.3),
    (0.05, 0.1, 0.1001),
    (0.3, 1.0, 0.1),
    (5.0, 0.1, 0.4),
    (1e-3, 700.0, 40.0),
]


def apart(m, m_1, m_2, m_dirac):
    """f(m_1^2) - f(m_2^2) by the closed form of its integral, a sum over the two fermions."""

    def over(x, signed):
        u = signed**2
        return signed * (x * mp.log(x) - u * mp.log(u)) / (x - u)

    x, y = mp.mpf(m_1) ** 2, mp.mpf(m_2) ** 2
    return mp.fsum(over(x, s) - over(y, s) for s in (m - m_dirac, m + m_dirac))


@pytest.mark.parametrize(("m", "m_1", "m_2"), POINTS)
def test_the_dirac_mass_against_a_root_of_closed_forms(m, m_1, m_2):
    found = float(jax.jit(lambda *x: dirac_mass(*x, 160))(m, m_1, m_2))
    with mp.workdps(50):
        start = mp.mpf(found)
        exact = mp.findroot(lambda x: apart(mp.mpf(m), m_1, m_2, x), (start, start * 1.01))
    assert found == pytest.approx(float(exact), rel=3e-12)
    assert found > m


def test_its_slopes_against_differences_of_roots():
    point, step = (0.05, 0.1, 0.4), mp.mpf(10) ** -15
    slopes = jax.jit(jax.grad(lambda *x: dirac_mass(*x, 160), argnums=(0, 1, 2)))(*point)
    with mp.workdps(60):
        for i, slope in enumerate(slopes):
            ends = []
            for sign in (1, -1):
                at = [mp.mpf(x) + sign * step * (i == j) for j, x in enumerate(point)]
                ends.append(mp.findroot(lambda x, at=at: apart(*at, x), (0.2, 0.25)))
            assert float(slope) == pytest.approx(float((ends[0] - ends[1]) / (2 * step)), rel=1e-9)


@pytest.mark.parametrize(("m", "m_1", "m_2"), POINTS)
def test_no_mass_and_a_moment_at_any_angles(m, m_1, m_2):
    for angles in ((0.3, 1.2), (2.0, 0.1)):
        scalars = scalars_from_pairs(m_1, m_2, 0.0, 0.0, *angles)
        m_dirac = dirac_mass(m, m_1, m_2, 160)
        loops = dark_loops(scalars, m, m_dirac, 160)
        size = np.max(np.abs(loops.mass_r))
        assert size > 0.0
        assert np.max(np.abs(loops.mass)) < 1e-11 * size
        off = dark_loops(scalars, m, m_dirac * (1.0 + 1e-6), 160)  # negative control
        assert np.max(np.abs(off.mass)) > 1e-8 * size
        assert abs(float(loops.moment)) > 0.0


def test_pairs_are_the_same_scalars_as_masses():
    """Splittings of any size; those that masses would have rounded away in closed form."""
    angles = (0.4, 1.9)
    for splits in ((0.3, -0.7), (0.1, 0.0)):
        pairs = scalars_from_pairs(0.2, 0.5, *splits, *angles)
        masses = [
            m * math.exp(sign * s / 2)
            for sign in (-1, 1)
            for m, s in zip((0.2, 0.5), splits, strict=True)
        ]
        for mine, other in zip(pairs, scalars_from_masses(*masses, *angles), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-13, atol=1e-16)
    tiny = scalars_from_pairs(0.2, 0.5, 1e-17, -3e-18, 0.4, 0.4)
    cos, sin = math.cos(0.4) ** 2, math.sin(0.4) ** 2
    exact = -(0.2**2 * 1e-17 * cos - 0.5**2 * 3e-18 * sin)
    assert float(tiny.breaking[0]) == pytest.approx(exact, rel=1e-12)


def test_the_largest_moment_of_massless_neutrinos():
    """m = 0.05, M_1 = 0.1 GeV, couplings 3.5: 1.7877e-6 mu_B g_D at M_2 = 0.3206 GeV (its page)."""
    m, m_1, couplings = 0.05, 0.1, 3.5**2

    def strength(m_2):
        scalars = scalars_from_pairs(m_1, m_2, 0.0, 0.0, 0.0, math.pi / 4.0)
        m_dirac = dirac_mass(m, m_1, m_2, 160)
        return jnp.abs(dark_loops(scalars, m, m_dirac, 160).moment), m_dirac

    grid = jnp.linspace(0.3, 0.34, 41)
    found, dirac = jax.jit(jax.vmap(strength))(grid)
    best = int(np.argmax(found))
    unit = 2.0 * SM.m_e / SM.e / (128.0 * math.pi**2) * couplings
    assert float(grid[best]) == pytest.approx(0.3206, abs=1e-3)
    assert unit * float(found[best]) == pytest.approx(1.7877e-6, rel=1e-4)
    with mp.workdps(30):
        x, y = mp.mpf(m_1) ** 2, mp.mpf(float(grid[best])) ** 2
        m_d = mp.findroot(lambda d: apart(mp.mpf(m), m_1, float(grid[best]), d), float(dirac[best]))
        low, high, q = (m - m_d) ** 2, (m + m_d) ** 2, m**2 - m_d**2

        def integrand(t):
            flip = t**2 * (t**2 + 2 * q * t + q * (m**2 + 3 * m_d**2))
            return flip / ((t + low) * (t + high) * (t + x) * (t + y)) ** 2

        ends = [0, 1e-4, 1e-2, 0.1, 0.3, 1, 10, mp.inf]
        exact = abs((x - y) ** 2 * m * mp.quad(integrand, ends))
    assert float(found[best]) == pytest.approx(float(exact), rel=1e-9)
