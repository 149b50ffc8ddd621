"""Loop functions of the bridge models against mpmath and closed forms."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.model_points import relative
from nmmjax.physics import bridge_loops as bl
from nmmjax.physics.one_loop import I_F, I_S, G, Gm

# --- loop functions ---------------------------------------------------------------------------


def a_kernel(z):
    t = (1.0 + jnp.sqrt(z)) ** 2 / (1.0 - z)
    return 0.5 * (1.0 + t) ** 2 * Gm(t)


FUNCTIONS = {
    "A_kernel": (a_kernel, ("z",)),
    "G": (G, ("t",)),
    "fW": (bl.fW, ("x",)),
    "d_fermion": (I_F, ("t",)),
    "d_scalar": (I_S, ("t",)),
    "B0fin": (bl.B0, ("a", "b", "mu2")),
    "DB0": (bl.dB0, ("a", "delta", "b")),
    "L0": (bl.L0, ("a", "b")),
    "Mix45": (lambda a, b, c: bl.dB0(b, a - b, c), ("a", "b", "c")),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_loop_functions_match_the_reference(reference, name):
    function, inputs = FUNCTIONS[name]
    points = reference("bridge/loop_functions.json")[name]["points"]
    arguments = [jnp.array([float(p[key]) for p in points]) for key in inputs]
    expected = np.array([float(p["value"]) for p in points])
    assert len(points) > 60
    assert np.max(relative(jax.vmap(function)(*arguments), expected)) < 1e-13
    slopes = {"derivative": 0, "dB0_da": 0, "dB0_db": 1}
    for key, argument in slopes.items():
        if key in points[0]:
            slope = jax.vmap(jax.grad(function, argument))(*arguments)
            assert np.max(relative(slope, [float(p[key]) for p in points])) < 1e-13, key


def test_gh_is_minus_the_slope_of_b0(reference):
    points = reference("bridge/loop_functions.json")["B0fin"]["points"]
    a, b = (jnp.array([float(p[key]) for p in points]) for key in "ab")
    assert np.max(relative(-bl.Gh(a, b), [float(p["dB0_da"]) for p in points])) < 1e-14
    assert np.max(relative(-bl.Gh(b, a), [float(p["dB0_db"]) for p in points])) < 1e-14


def test_rho_loop_against_its_closed_form():
    d = np.concatenate([10.0 ** np.arange(-12.0, 3.0), -(10.0 ** np.arange(-12.0, 0.0)), [-0.999]])
    with mp.workdps(60):
        exact = [
            float((2 + x) / 2 - (1 + x) * mp.log1p(x) / x) for x in (mp.mpf(float(v)) for v in d)
        ]
    assert np.max(relative(bl.rho_loop(jnp.asarray(d)), exact)) < 1e-14
    slope = jax.vmap(jax.grad(bl.rho_loop))(jnp.array([0.0, 1e-3]))
    assert float(slope[0]) == 0.0
    assert float(bl.rho_loop(jnp.asarray(0.0))) == 0.0
