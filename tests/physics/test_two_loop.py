"""Two-loop integrals against 30-digit values and against quadratures of another kind."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.accuracy.errors import ERRORS, MARGIN
from helpers.oracles import made_with
from nmmjax.physics import two_loop

SM = made_with("baselines/loop_functions.json")
TRACES = "baselines/two_loop_traces.json"
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


@pytest.mark.parametrize("flip", ["top", "bottom"])
@pytest.mark.parametrize("photon", ["top", "bottom"])
def test_integrals_of_the_dirac_traces(reference, flip, photon):
    """Traces of gamma matrices and a double integral over Feynman parameter and loop momentum."""
    rows = reference(TRACES)["integrals"]
    sm = made_with(TRACES)
    name, integral = {"top": ("J_up", two_loop.J_up), "bottom": ("J_down", two_loop.J_down)}[flip]
    charges = (1.0, 0.0) if photon == "top" else (0.0, 1.0)
    found = integral(jnp.asarray(column(rows, "Mh")), sm.m_w, sm.m_t, sm.m_b, *charges)
    value = column(rows, f"J_{flip}_photon_on_{photon}")
    np.testing.assert_allclose(found, value, rtol=MARGIN * ERRORS[name][0])
    other = integral(jnp.asarray(column(rows, "Mh")), sm.m_w, sm.m_t, sm.m_b, *charges[::-1])
    assert np.min(np.abs(other / value - 1.0)) > 0.05  # negative control


def test_traces_of_the_muon_are_the_printed_ones(reference):
    """x (1+x) for top, x (1-x) for bottom times Q_t x + Q_b (1-x), arXiv:1502.04199, eq. (22).

    The relative sign is that of its Yukawa couplings. A neutrino has other weights.
    """
    x = np.array([0.1, 0.4, 0.8])
    for row in reference(TRACES)["weights"]:
        sign, printed = {"top": (-1.0, x * (1 + x)), "bottom": (1.0, x * (1 - x))}[row["flip"]]
        for photon, share in (("top", x), ("bottom", 1 - x)):
            weight = np.polynomial.Polynomial([float(c) for c in row[f"photon_on_{photon}"]])(x)
            same = np.allclose(weight, sign * printed * share, rtol=1e-14, atol=0.0)
            assert same == (row["lepton"] == "muon")


def test_D3_is_symmetric():
    a, b, c = 6458.0, 1e4, 3e5
    values = [two_loop.D3(*x) for x in ((a, b, c), (b, a, c), (c, a, b), (b, c, a))]
    np.testing.assert_allclose(values, values[0], rtol=1e-14)


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
