"""Takagi factorisation against mpmath: degenerate matrices, derivatives, mixing angles."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.accuracy.linear import random_symmetric
from nmmjax.models import _oscillation
from nmmjax.physics import neutrinos

ANGLES = ("sin2_th12", "sin2_th23", "sin2_th13", "delta_cp", "alpha_21", "alpha_31")
takagi = jax.jit(neutrinos.takagi, static_argnames="ordering")
mixing = jax.jit(neutrinos.mixing)
_pmns = jax.jit(neutrinos.pmns)


def close(value, rel):
    """Within rel of value, with no absolute slack."""
    return pytest.approx(value, rel=rel, abs=0.0)


def pmns(theta):
    return _pmns(*(theta[p] for p in ANGLES))


def mp_matrix(m):
    return mp.matrix([[mp.mpc(complex(x).real, complex(x).imag) for x in row] for row in m])


def mp_takagi(m):
    """Masses (ascending) and u of u^T m u = D at the working precision, phases by the masses."""
    squares, v = mp.eighe(m.H * m)
    for i in range(3):
        column = v[:, i]
        diagonal = (column.T * m * column)[0]
        v[:, i] = column * mp.expj(-mp.arg(diagonal) / 2)
    return [mp.sqrt(abs(x)) for x in squares], v


def reconstruct(masses, u):
    return np.conj(u) @ np.diag(masses) @ np.conj(u).T


entry = st.floats(-1.0, 1.0)


@given(st.lists(entry, min_size=12, max_size=12), st.floats(-20, 20))
@settings(max_examples=60, deadline=None)
def test_takagi_reconstructs(numbers, exponent):
    upper = np.array(numbers[:6]) + 1j * np.array(numbers[6:])
    m = np.empty((3, 3), complex)
    m[np.triu_indices(3)] = upper
    m.T[np.triu_indices(3)] = upper
    m *= 10.0**exponent
    masses, u = (np.asarray(x) for x in takagi(jnp.asarray(m)))
    largest = np.abs(m).max()
    assert (np.diff(masses) >= 0.0).all()
    assert masses[0] >= 0.0
    smallest = np.finfo(float).tiny  # what lies below counts as zero in a kernel
    assert np.abs(reconstruct(masses, u) - m).max() <= 4e-15 * largest + smallest
    assert np.abs(u.conj().T @ u - np.eye(3)).max() <= 4e-15


SPECIAL = {
    "zero": np.zeros((3, 3)),
    "democratic, two massless": np.ones((3, 3)),
    "all equal": [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
    "opposite parities": [[1, 0, 0], [0, -1, 0], [0, 0, 0]],
    "nilpotent": [[1, 1j, 0], [1j, -1, 0], [0, 0, 2]],
    "two equal, one twice": [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
    "pseudo-Dirac": [[0, 1, 0], [1, 1e-14, 0], [0, 0, 3]],
    "underflow": [[1, 1e-200, 1e-310], [1e-200, 0, 1e-320], [1e-310, 1e-320, 1]],
}


def disturbed(x, m):
    out = takagi(m + x[0] * (1 + 2j) + x[1] * jnp.diag(jnp.array([1.0, 2.0, 4j])))
    return jnp.concatenate([out.masses, out.u.real.ravel(), out.u.imag.ravel()])


DISTURBED = jax.jit(jax.jacfwd(disturbed)), jax.jit(jax.jacrev(disturbed))


@pytest.mark.parametrize("name", SPECIAL)
def test_takagi_of_degenerate_matrices_is_unitary_with_finite_gradients(name):
    m = jnp.asarray(SPECIAL[name], complex)
    masses, u = (np.asarray(x) for x in takagi(m))
    assert np.abs(reconstruct(masses, u) - m).max() <= 2e-15 * max(np.abs(m).max(), 1)
    assert np.abs(u.conj().T @ u - np.eye(3)).max() <= 4e-15

    for jacobian in DISTURBED:
        assert jnp.isfinite(jacobian(jnp.zeros(2), m)).all()


def test_takagi_recovers_pmns_and_the_ordering():
    for ordering in neutrinos.ORDERINGS:
        theta = _oscillation.reference(ordering)
        u = pmns(theta)
        masses = neutrinos.light_masses(0.003, theta["dm2_21"], theta["dm2_3l"], ordering)
        m = jnp.asarray(reconstruct(np.asarray(masses), np.asarray(u)))
        found = takagi(m, ordering)
        np.testing.assert_allclose(found.masses, masses, rtol=1e-14)
        # equal up to the signs of columns: the phases are the Majorana phases
        signs = np.sum(np.conj(u) * found.u, axis=0)
        np.testing.assert_allclose(np.abs(signs.real), 1.0, rtol=1e-13)
        np.testing.assert_allclose(signs.imag, 0.0, atol=1e-13)
        for name, value in mixing(found.u).items():
            assert float(value) == close(theta[name], 1e-13)


def test_takagi_derivatives_against_mpmath():
    rng = np.random.default_rng(7)
    m, direction = random_symmetric(rng, 2)

    def values(x):
        out = takagi(jnp.asarray(m) + x * jnp.asarray(direction))
        u = out.u
        quartet = (u[0, 0] * jnp.conj(u[0, 1])) ** 2
        return jnp.stack([*out.masses, *(jnp.abs(u) ** 2).ravel(), quartet.imag])

    def exact(x):
        masses, u = mp_takagi(mp_matrix(m) + x * mp_matrix(direction))
        quartet = (u[0, 0] * mp.conj(u[0, 1])) ** 2
        squares = [abs(u[a, i]) ** 2 for a in range(3) for i in range(3)]
        return [*masses, *squares, quartet.imag]

    with mp.workdps(60):
        h = mp.mpf(10) ** -15
        up, mid, down = exact(h), exact(mp.mpf(0)), exact(-h)
        first = np.array([float((a - b) / (2 * h)) for a, b in zip(up, down, strict=True)])
        second = np.array(
            [float((a - 2 * b + c) / h**2) for a, b, c in zip(up, mid, down, strict=True)]
        )
    np.testing.assert_allclose(values(0.0), np.array(mid, dtype=float), rtol=2e-14)
    forward, reverse = jax.jit(jax.jacfwd(values))(0.0), jax.jit(jax.jacrev(values))(0.0)
    np.testing.assert_allclose(forward, first, rtol=1e-12)
    np.testing.assert_allclose(reverse, first, rtol=1e-12)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(jax.jacfwd(values)))(0.0), second, rtol=1e-11)


def test_mixing_of_a_massless_neutrino_has_the_right_gradient():
    """Rank two: the phase of the massless column is free and must not leak into gradients."""
    theta = _oscillation.reference("NO")
    masses = np.array([0.0, theta["dm2_21"] ** 0.5, theta["dm2_3l"] ** 0.5])

    def rebuilt(s13):
        u = pmns(theta | {"sin2_th13": s13})
        m = jnp.conj(u) @ jnp.diag(jnp.asarray(masses, complex)) @ jnp.conj(u).T
        return mixing(takagi(m).u)

    gradient = jax.jacfwd(rebuilt)(theta["sin2_th13"])
    expected = {"sin2_th12": 0.0, "sin2_th23": 0.0, "sin2_th13": 1.0, "delta_cp": 0.0}
    for name, value in expected.items():
        assert float(gradient[name]) == pytest.approx(value, abs=1e-10)


def test_takagi_vmaps():
    m = jnp.asarray(random_symmetric(np.random.default_rng(3), 5))
    together = jax.vmap(takagi)(m)
    for i in range(5):
        np.testing.assert_allclose(takagi(m[i]).u, together.u[i], atol=1e-14)
