"""Takagi factorisation of complex symmetric 3 x 3 matrices by Jacobi rotations."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from nmmjax.physics import jacobi
from nmmjax.physics.matrices import product
from nmmjax.physics.staging import repeated

_SIGN_WEIGHTS = np.sqrt([1.0, 2.0, 3.0])  # no symmetric pattern of a column is orthogonal to them


class Takagi(NamedTuple):
    """M = conj(u) diag(masses) u^dagger with unitary u and masses >= 0."""

    masses: Float[Array, "3"]
    u: Complex[Array, "3 3"]


def factorise(m: Complex[Array, "3 3"]) -> Takagi:
    """u^T M u = diag(m_1, m_2, m_3), ascending, of a complex symmetric matrix.

    Signs of the columns: Re s + Im s >= 0 with s = u_1 + sqrt2 u_2 + sqrt3 u_3. Only
    (M + M^T)/2 enters. u is unitary and u* D u^dagger = M with error 2e-15 (of the largest
    entry) whatever the degeneracy, and the light masses of a graded matrix (M_ij ~ sqrt(m_i m_j),
    over seven decades) have relative error 4e-15; 2 us per matrix in batches on one core.

    Derivatives: exact where masses differ (1e-12 for the second ones). At equal masses only
    quantities symmetric in the pair have one: the rotation inside the pair is held fixed. Likewise
    the phase of a column whose mass is zero (< 4 ulp of the largest).
    """
    masses, u = _factorise(0.5 * (m + m.T))
    return Takagi(masses, u)


@jax.custom_jvp
def _factorise(m):
    scale = jnp.max(jnp.abs(m))
    scale = jnp.where(scale == 0.0, 1.0, scale)
    m = m * (1.0 / scale)  # dividing complex numbers costs far more
    a = [[m[i, j] for j in range(3)] for i in range(3)]
    one, zero = jnp.ones_like(a[0][0]), jnp.zeros_like(a[0][0])
    u = [[one if i == j else zero for j in range(3)] for i in range(3)]
    a, u = repeated(jacobi.SWEEPS, _sweep, (a, u))
    diagonal = jnp.stack([a[i][i] for i in range(3)])
    masses, u = _oriented(diagonal, jnp.stack([jnp.stack(row) for row in u]))
    columns = [(masses[i], u[:, i]) for i in range(3)]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        columns[i], columns[j] = jacobi.ascending(columns[i], columns[j])
    masses, vectors = zip(*columns, strict=True)
    return scale * jnp.stack(masses), jnp.stack(vectors, axis=1)


@_factorise.defjvp
def _factorise_jvp(primals, tangents):
    """dM_i = Re n_ii, du = u x with n = u^T dM u and anti-Hermitian x."""
    masses, u = _factorise(*primals)
    n = product(u.T, tangents[0], u)
    difference, total = masses[:, None] - masses[None, :], masses[:, None] + masses[None, :]
    x = -(
        jacobi.inverse(difference, masses[-1]) * n.real
        + 1j * jacobi.inverse(total, masses[-1]) * n.imag
    )
    return (masses, u), (jnp.diagonal(n).real, product(u, x))


def _sweep(_, state):
    a, u = state
    for p, q in ((0, 1), (0, 2), (1, 2)):
        a, u = _rotated(a, u, p, q)
    return a, u


def _rotated(a, u, p, q):
    """One Jacobi rotation w = [[c, s e], [-s conj(e), c]] that zeroes a_pq of w^T a w, |s| <= c.

    The phase e makes a_pp conj(b) e - a_qq conj(b e) real, with b = a_pq/|a_pq|; then
    tan 2theta is minus 2|a_pq| over it.
    """
    size = _modulus(a[p][q])
    empty = size < jacobi.TINY
    b = jnp.where(empty, 1.0, a[p][q] * (1.0 / jnp.where(empty, 1.0, size)))
    top, bottom = jnp.conj(b) * a[p][p], jnp.conj(b) * a[q][q]
    mixed = jnp.conj(top) + bottom
    length = _modulus(mixed)
    aligned = length < jacobi.TINY
    e = jnp.where(aligned, 1.0, mixed * (1.0 / jnp.where(aligned, 1.0, length)))
    gap = (top * e - bottom * jnp.conj(e)).real
    c, minus_t = jacobi.rotation(gap, size)
    t = -minus_t
    se = t * c * e

    def mix(x, y):
        return c * x - jnp.conj(se) * y, se * x + c * y

    r = 3 - p - q
    a = [list(row) for row in a]
    u = [list(row) for row in u]
    a[p][p], a[q][q] = a[p][p] - t * jnp.conj(e) * a[p][q], a[q][q] + t * e * a[p][q]
    a[p][q] = a[q][p] = jnp.zeros_like(a[p][q])
    a[r][p], a[r][q] = mix(a[r][p], a[r][q])
    a[p][r], a[q][r] = a[r][p], a[r][q]
    for row in u:
        row[p], row[q] = mix(row[p], row[q])
    return a, u


def _modulus(z):
    """|z| where squares do not overflow; 0 below `jacobi.TINY`."""
    return jnp.sqrt(z.real * z.real + z.imag * z.imag)


def _oriented(d, u):
    """(|d|, u with the phases of d removed from its columns and their signs fixed)."""
    masses = _modulus(d)
    zero = masses < jacobi.TINY
    phase = jnp.where(zero, 1.0, jnp.conj(d) * (1.0 / jnp.where(zero, 1.0, masses)))
    u = u * jnp.sqrt(phase)[None, :]
    s = jnp.sum(_SIGN_WEIGHTS[:, None] * u, axis=0)
    return masses, jnp.where((s.real + s.imag < 0.0)[None, :], -u, u)
