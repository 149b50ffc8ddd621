"""Casas-Ibarra Yukawas: masses and mixing given back, two-state blocks, slopes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmmjax.models import _oscillation
from nmmjax.physics import casas_ibarra, neutrinos

angle = st.floats(-math.pi, math.pi)


def close(value, rel):
    """Within rel of value, with no absolute slack."""
    return pytest.approx(value, rel=rel, abs=0.0)


def reconstruct(masses, u):
    return np.conj(u) @ np.diag(masses) @ np.conj(u).T


def test_casas_ibarra_reproduces_masses_and_mixing(reference):
    points = reference("dark_dipole/points.json")["points"]
    points = [p for p in points if p["label"].startswith("casas_ibarra")]
    assert len(points) == 8
    for point in points:
        given_ = point["casas_ibarra"]
        ordering = given_["ordering"]
        angles = {k: float(v) for k, v in point["pmns"].items()}
        sines = [math.sin(angles[k]) ** 2 for k in ("t12", "t23", "t13")]
        u = neutrinos.pmns(*sines, angles["delta"], angles["a21"], angles["a31"])
        masses = jnp.asarray([float(x) * 1e-9 for x in given_["target_mnu_eV"]])
        k = jnp.asarray([[float(x[0]) for x in row] for row in point["outputs"]["K_GeV"]])
        root = casas_ibarra.inverse_root(k)
        np.testing.assert_allclose(root @ k @ root.T, np.eye(2), atol=1e-13)
        z = [float(x) for x in given_["z"]]
        rotation = casas_ibarra.complex_rotation(*z, given_["zeta"], ordering)
        y = casas_ibarra.casas_ibarra(u, masses, rotation, root)
        target = reconstruct(np.asarray(masses), np.asarray(u))
        m = np.conj(y) @ k @ np.conj(y).T
        assert np.abs(m - target).max() < 1e-13 * np.abs(target).max()
        np.testing.assert_allclose(
            casas_ibarra.rank_two_masses(y, k), np.sort(masses)[1:], rtol=1e-12
        )
        # The table takes the eigenvalues of K in ascending order: z -> -z - pi/2, zeta -> -zeta,
        # and leaves the signs of the eigenvectors open.
        stored = np.array(
            [[complex(float(x[0]), float(x[1])) for x in row] for row in point["y_real_imag"]]
        )
        candidates = [
            casas_ibarra.casas_ibarra(u, masses, flip * shifted, root)
            for shifted in [
                casas_ibarra.complex_rotation(-z[0] - math.pi / 2, -z[1], -given_["zeta"], ordering)
            ]
            for flip in (np.array([[1, 1]]), np.array([[1, -1]]))
        ]
        errors = [min(np.abs(c - stored).max(), np.abs(c + stored).max()) for c in candidates]
        assert min(errors) < 1e-12 * np.abs(stored).max()


@given(st.lists(st.floats(-1, 1), min_size=12, max_size=12), angle, st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_two_state_blocks(numbers, re_z, im_z):
    y = jnp.asarray(np.array(numbers[:6]) + 1j * np.array(numbers[6:])).reshape(3, 2)
    k = jnp.array([[1.0, 0.3], [0.3, -2.0]])
    y = y + 0.1 * jnp.eye(3, 2)
    singular = np.linalg.svd(np.conj(y) @ k @ np.conj(y).T, compute_uv=False)
    small, large = casas_ibarra.rank_two_masses(y, k)
    assert float(large) == close(singular[0], 1e-7)
    assert float(small) == pytest.approx(singular[1], rel=1e-7, abs=1e-14)
    for ordering, diagonal in (("NO", [0, 1, 1]), ("IO", [1, 1, 0])):
        for zeta in (1, -1):
            r = casas_ibarra.complex_rotation(re_z, im_z, zeta, ordering)
            scale = math.cosh(im_z) ** 2
            np.testing.assert_allclose(r @ r.T, np.diag(diagonal), atol=4e-15 * scale)


def test_inversion_has_finite_gradients_with_a_massless_neutrino():
    theta = _oscillation.reference("NO")
    u = neutrinos.pmns(*(theta[p] for p in neutrinos.ANGLES))

    def norm(dm2_21, k12):
        masses = neutrinos.light_masses(0.0, dm2_21, theta["dm2_3l"], "NO")
        k = jnp.array([[1.0, k12], [k12, -0.5]])
        rotation = casas_ibarra.complex_rotation(0.4, 0.7, 1, "NO")
        y = casas_ibarra.casas_ibarra(u, masses, rotation, casas_ibarra.inverse_root(k))
        return jnp.sum(jnp.abs(y) ** 2)

    for jacobian in (jax.jacfwd, jax.jacrev):
        slopes = jax.jit(jacobian(norm, argnums=(0, 1)))(theta["dm2_21"], 0.2)
        assert all(jnp.isfinite(x) and x != 0.0 for x in slopes)
