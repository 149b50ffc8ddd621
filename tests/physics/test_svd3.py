"""Singular values of 3 x 3 matrices: generic, graded, rank one, degenerate, empty."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from nmmjax.physics.svd3 import svd3


def unitary(rng, n):
    z = rng.normal(size=(n, 3, 3)) + 1j * rng.normal(size=(n, 3, 3))
    return np.linalg.qr(z)[0]


@pytest.fixture(scope="module")
def matrices():
    """Generic, graded, rank-one, degenerate and empty matrices."""
    rng = np.random.default_rng(1)
    m = rng.normal(size=(600, 3, 3)) + 1j * rng.normal(size=(600, 3, 3))
    m[:200] *= 10.0 ** rng.uniform(-9, 0, size=(200, 1, 3))
    m[200:300] = m[200:300, :, :1] * m[200:300, :1, :]
    m[300:310] = unitary(rng, 10)
    m[310] = 0.0
    m[311:320, :, 1] = 0.0
    return m


def test_svd3_reproduces_the_matrix(matrices):
    values, u, v = (np.asarray(x) for x in jax.jit(jax.vmap(svd3))(jnp.asarray(matrices)))
    scale = np.maximum(np.abs(matrices).max(axis=(1, 2)), 1e-300)
    back = u * values[:, None, :] @ v.conj().swapaxes(1, 2)
    assert np.max(np.abs(back - matrices).max(axis=(1, 2)) / scale) < 4e-15
    for w in (u, v):
        assert np.max(np.abs(w.conj().swapaxes(1, 2) @ w - np.eye(3))) < 4e-15
    with mp.workdps(40):
        for i in range(0, 20):
            exact = mp.svd_c(mp.matrix(matrices[i].tolist()), compute_uv=False)
            exact = sorted(float(x) for x in exact)
            assert values[i] == pytest.approx(exact, rel=1e-14)


def test_svd3_derivatives():
    rng = np.random.default_rng(2)
    m, dm, q = rng.normal(size=(3, 3, 3)) + 1j * rng.normal(size=(3, 3, 3))

    def invariants(m):
        values, u, v = svd3(m)
        return jnp.concatenate(
            [values, jnp.abs(u.conj().T @ q @ v).ravel(), jnp.abs(q @ v @ u.conj().T).ravel()]
        )

    _, slope = jax.jvp(invariants, (jnp.asarray(m),), (jnp.asarray(dm),))
    step = 1e-3  # fourth-order difference: error step^4
    ahead = [invariants(jnp.asarray(m + k * step * dm)) for k in (-2, -1, 1, 2)]
    expected = (ahead[0] - 8.0 * ahead[1] + 8.0 * ahead[2] - ahead[3]) / (12.0 * step)
    assert np.max(np.abs(slope - expected)) < 1e-9
