"""Two-loop integrals against 30-digit values and against quadratures of another kind."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.physics import two_loop

SM = made_with("baselines/loop_functions.json")
MASSES = (SM.m_w, SM.m_t, SM.m_b)
TABLES = {
    "J_up_tb": (lambda m: two_loop.J_up(m, *MASSES), 1e-15),
    "J_down_tb": (lambda m: two_loop.J_down(m, *MASSES), 1e-15),
    "J_S_150_300": (lambda m: two_loop.J_scalar(m, SM.m_w, 150.0, 300.0), 1e-13),
}


@pytest.fixture(scope="module")
def rows(reference):
    return reference("baselines/loop_functions.json")


def column(rows, key):
    return np.array([float(row[key]) for row in rows])


def D3(a, b, c):
    a, b, c = mp.mpf(a), mp.mpf(b), mp.mpf(c)
    h = {x: x * mp.log(x) for x in (a, b, c)}
    return h[a] / ((a - b) * (a - c)) + h[b] / ((b - a) * (b - c)) + h[c] / ((c - a) * (c - b))


def test_D3_rows(rows):
    a, b, c, value = (column(rows["D3"], key) for key in ("a", "b", "c", "value"))
    np.testing.assert_allclose(jax.jit(two_loop.D3)(a, b, c), value, rtol=1e-14)


@pytest.mark.parametrize("gap", [1e-15, 1e-12, 1e-8, -1e-8, 1e-3, 0.3])
@pytest.mark.parametrize("c", [17.5, 6458.2, 3e4])
def test_D3_at_nearly_equal_masses(gap, c):
    """The derivative in a loses a/|a-b| ulps, and only it."""
    a = SM.m_w**2
    b = a * (1.0 + gap)
    (value, slopes) = jax.value_and_grad(two_loop.D3, argnums=(0, 2))(a, b, c)
    with mp.workdps(60):
        assert value == pytest.approx(float(D3(a, b, c)), rel=1e-14)
        exact = [
            float(mp.diff(D3, (a, b, c), order, h=mp.mpf("1e-22")))
            for order in ((1, 0, 0), (0, 0, 1))
        ]
    assert slopes[0] == pytest.approx(exact[0], rel=2e-15 / abs(gap) + 1e-14)
    assert slopes[1] == pytest.approx(exact[1], rel=2e-14)


def test_D3_at_equal_masses():
    """The limit D3(a, a, c) with first derivatives shared between the equal arguments."""
    a, c = jnp.asarray(SM.m_w**2), jnp.asarray(1e3)
    value, slopes = jax.value_and_grad(two_loop.D3, argnums=(0, 1, 2))(a, a, c)
    with mp.workdps(60):
        b = mp.mpf(float(a)) * (1 + mp.mpf("1e-25"))
        assert float(value) == pytest.approx(float(D3(float(a), b, 1e3)), rel=1e-14)
    assert slopes[0] == slopes[1]
    euler = a * (slopes[0] + slopes[1]) + c * slopes[2]  # homogeneous of degree -1
    assert float(euler) == pytest.approx(-float(value), rel=1e-14)


def test_D3_is_symmetric():
    a, b, c = 6458.0, 1e4, 3e5
    values = [two_loop.D3(*x) for x in ((a, b, c), (b, a, c), (c, a, b), (b, c, a))]
    np.testing.assert_allclose(values, values[0], rtol=1e-14)


@pytest.mark.parametrize("name", TABLES)
def test_integrals(rows, name):
    integral, tolerance = TABLES[name]
    m, value = column(rows[name], "Mh"), column(rows[name], "value")
    np.testing.assert_allclose(jax.jit(integral)(jnp.asarray(m)), value, rtol=tolerance)


@pytest.mark.parametrize(
    ("name", "m"), [("J_up_tb", 120.0), ("J_down_tb", 80.5), ("J_S_150_300", 900.0)]
)
def test_derivatives(name, m):
    """Against differentiation of an adaptive quadrature in x itself, another variable."""
    integral, _ = TABLES[name]
    up, down, weight = {
        "J_up_tb": (SM.m_t, SM.m_b, lambda x: x - mp.mpf(1) / 3),
        "J_down_tb": (SM.m_t, SM.m_b, lambda x: -(x - mp.mpf(1) / 3) * (2 - x) / x),
        "J_S_150_300": (150.0, 300.0, lambda x: x),
    }[name]

    def exact(mass):
        def integrand(x):
            c = up**2 / (1 - x) + down**2 / x
            return weight(x) * D3(SM.m_w**2, mass**2, c)

        return mp.quad(integrand, [0, 1e-9, 1e-6, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.99, 1])

    with mp.workdps(25):
        up_m, down_m = (exact(mp.mpf(m) * (1 + s * mp.mpf("1e-6"))) for s in (1, -1))
    value, slope = jax.jit(jax.value_and_grad(integral))(m)
    assert value == pytest.approx(float(0.5 * (up_m + down_m)), rel=1e-11)
    assert slope == pytest.approx(float((up_m - down_m) / (2e-6 * m)), rel=1e-9)


def test_decoupling_of_the_scalar():
    """J falls like ln(m_s)/m_s^2: the exponent is near -2 and approaches it."""
    for integral, _ in TABLES.values():
        near, far = integral(jnp.array([1e5, 1e6]))
        assert -2.0 < np.log10(far / near) < -1.75


def test_fewer_nodes_fail(rows, monkeypatch):
    """Negative control: every second node misses the tolerance by orders of magnitude."""
    for node in ("_X", "_X_BAR"):
        monkeypatch.setattr(two_loop, node, getattr(two_loop, node)[::2])
    monkeypatch.setattr(two_loop, "_DX", 2.0 * two_loop._DX[::2])
    m, value = column(rows["J_up_tb"], "Mh"), column(rows["J_up_tb"], "value")
    assert np.max(np.abs(two_loop.J_up(jnp.asarray(m), *MASSES) / value - 1.0)) > 1e-9


def test_fewer_momenta_fail(rows, monkeypatch):
    """The same for the outer integral."""
    monkeypatch.setattr(two_loop, "_K", two_loop._K[::2])
    monkeypatch.setattr(two_loop, "_K_STEP", 2.0 * two_loop._K_STEP)
    m, value = column(rows["J_up_tb"], "Mh"), column(rows["J_up_tb"], "value")
    assert np.max(np.abs(two_loop.J_up(jnp.asarray(m), *MASSES) / value - 1.0)) > 1e-10


def test_gradients_are_finite_everywhere():
    m = jnp.concatenate([jnp.geomspace(1.0, 1e6, 200), jnp.array([SM.m_w, SM.m_t])])
    for integral, _ in TABLES.values():
        assert np.isfinite(jax.jit(jax.vmap(jax.value_and_grad(integral)))(m)).all()
