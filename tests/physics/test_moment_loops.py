"""One-loop functions of the baseline models against 30-digit values and 50-digit arithmetic."""

import itertools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.accuracy.errors import ERRORS, MARGIN
from nmmjax.physics import moment_loops as ml
from nmmjax.physics.one_loop import G, L

pytestmark = pytest.mark.defined

FUNCTIONS = {
    "N_F": ml.N_F,
    "N_S": ml.N_S,
    "f_SM": ml.f_SM,
    "df_SM": ml.df_SM,
    "K_LR": ml.K_LR,
}


@pytest.fixture(scope="module")
def rows(reference):
    return reference("baselines/loop_functions.json")


def column(rows, key):
    return np.array([float(row[key]) for row in rows])


@pytest.mark.parametrize("name", ["N_F", "N_S", "f_SM", "df_SM", "K_LR"])
def test_reference_rows(rows, name):
    """Inputs are decimals: their rounding adds an ulp."""
    t, value, slope = (column(rows[name], key) for key in ("t", "value", "dvalue_dt"))
    of_value, of_slope = (MARGIN * error + 2.0**-52 for error in ERRORS[name])
    got, forward = jax.jit(jax.vmap(jax.value_and_grad(FUNCTIONS[name])))(t)
    np.testing.assert_allclose(got, value, rtol=of_value)
    np.testing.assert_allclose(forward, slope, rtol=of_slope)


@pytest.mark.parametrize("name", ["N_F", "N_S"])
def test_seams_and_asymptotes(name):
    exact = {
        "N_F": lambda t: mp.quad(lambda x: x**2 * (1 - x) / (1 - x + t * x), [0, 0.1, 0.9, 1]),
        "N_S": lambda t: mp.quad(lambda x: x * (1 - x) ** 2 / (1 - x + t * x), [0, 0.1, 0.9, 1]),
    }[name]
    with mp.workdps(30):
        t = np.array([1.0 / 3.0, 1.0 / 3.0 + 1e-9, 3.0 - 1e-9, 3.0 + 1e-9, 0.03, 60.0])
        expected = [float(exact(mp.mpf(x))) for x in t]
    np.testing.assert_allclose(FUNCTIONS[name](jnp.asarray(t)), expected, rtol=1e-14)
    t = jnp.array([1e-30, 1e-12, 1.0, 3.0, 1e12, 1e30])
    for derivative in (FUNCTIONS[name], jax.grad(FUNCTIONS[name])):
        assert np.isfinite(jax.vmap(derivative)(t)).all()
    assert np.isfinite(jax.grad(jax.grad(FUNCTIONS[name]))(1.0))


def test_electron_needs_df_SM(rows):
    """Negative control: f_SM - 3/2 keeps no digit of the electron's part."""
    t, value = 4.0425e-11, column(rows["df_SM"], "value")[1]
    assert ml.df_SM(jnp.asarray(t)) == pytest.approx(value, rel=1e-14)
    assert abs((ml.f_SM(jnp.asarray(t)) - 1.5) / value - 1.0) > 1e-7


def test_r_is_L_of_the_inverse(rows):
    z, value = column(rows["r_fun"], "z"), column(rows["r_fun"], "value")
    np.testing.assert_allclose(L(jnp.asarray(1.0 / z)), value, rtol=1e-14)


def test_F_T(rows):
    """Rows at 100 and 100.0001 GeV ask for 1e-6 of a splitting rounded at 1e-12 of it."""
    x, y, value = (column(rows["F_T"], key) for key in ("x", "y", "value"))
    got = np.asarray(jax.jit(ml.F_T)(x, y))
    blurred = np.abs(x / y - 1.0) < 1e-4
    np.testing.assert_allclose(got[~blurred], value[~blurred], rtol=1e-13)
    np.testing.assert_allclose(got[blurred], value[blurred], rtol=1e-9)
    with mp.workdps(50):
        for a, b in itertools.pairwise([100.0**2, 100.0001**2, 100.1**2, 300.0**2]):
            m, n = mp.mpf(a), mp.mpf(b)
            exact = float((m + n) / 2 - m * n / (m - n) * mp.log(m / n))
            assert ml.F_T(jnp.asarray(a), jnp.asarray(b)) == pytest.approx(exact, rel=1e-14)


def k(m2, z):
    return (m2 / z - 1 - mp.log(m2 / z)) / (1 - m2 / z) ** 2 / z


def test_differences_of_values_lose_what_steps_keep():
    """Negative control of the test above."""
    m2, z, dz = 3.2, 1e4, 1e-4
    with mp.workdps(60):
        exact = float(k(mp.mpf(m2), mp.mpf(z) + mp.mpf(dz)) - k(mp.mpf(m2), mp.mpf(z)))
    naive = G(jnp.asarray(m2 / (z + dz))) / (z + dz) - G(jnp.asarray(m2 / z)) / z
    assert abs(float(naive) / exact - 1.0) > 1e-9
