"""Singular values and vectors of complex 3 x 3 matrices by one-sided Jacobi rotations."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.physics import jacobi
from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.numbers import squared
from nmmjax.physics.staging import repeated


class Svd3(NamedTuple):
    """M = u diag(values) v^dagger with unitary u, v and values ascending, >= 0."""

    values: Float[Array, "3"]
    u: Complex[Array, "3 3"]
    v: Complex[Array, "3 3"]


def svd3(m: Complex[Array, "3 3"]) -> Svd3:
    """M = u diag(values) v^dagger of any complex 3 x 3 matrix; the unit of `values` is that of M.

    The phases of the pairs (u_i, v_i) are free. u and v are unitary and reproduce M, and
    the values are right relative to the largest: error 2e-15, whatever the degeneracy.

    Derivatives are exact where values differ and none is 0. At equal values only quantities
    symmetric in the pair have one: the rotation inside the pair is held fixed, and so are the
    phases that belong to a value 0 (< 4 ulp of the largest).
    """
    return Svd3(*_svd3(m))


@jax.custom_jvp
def _svd3(m):
    scale = jnp.max(jnp.abs(m))
    scale = jnp.where(scale == 0.0, 1.0, scale)
    one, zero = jnp.ones_like(m[0, 0]), jnp.zeros_like(m[0, 0])
    a = [[m[k, i] / scale for k in range(3)] for i in range(3)]
    v = [[one if i == k else zero for k in range(3)] for i in range(3)]
    a, v = repeated(jacobi.SWEEPS, _sweep, (a, v))
    pairs = [(_squares(a[i]), a[i], v[i]) for i in range(3)]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        pairs[i], pairs[j] = jacobi.ascending(pairs[i], pairs[j])
    u = _orthonormal(pairs[1][1], pairs[2][1])
    columns = [_paired(u_i, a_i, v_i) for u_i, (_, a_i, v_i) in zip(u, pairs, strict=True)]
    values, v = zip(*columns, strict=True)
    return scale * jnp.stack(values), _columns(u), _columns(v)


@_svd3.defjvp
def _svd3_jvp(primals, tangents):
    """Differentiate: p = u^dag dM v, dD = Re p_ii, du = u x, dv = v y, x and y anti-Hermitian."""
    d, u, v = _svd3(*primals)
    p = product(dagger(u), tangents[0], v)
    p_dag = dagger(p)
    row, column = d[:, None], d[None, :]
    gap = jacobi.inverse(column - row, d[-1]) * jacobi.inverse(column + row, d[-1])
    phase = 0.5j * jnp.diag(jnp.diagonal(p).imag * jacobi.inverse(d, d[-1]))
    x = gap * (p * column + row * p_dag) + phase
    y = gap * (row * p + p_dag * column) - phase
    return (d, u, v), (jnp.diagonal(p).real, product(u, x), product(v, y))


def _columns(vectors):
    return jnp.stack([jnp.stack(vector) for vector in vectors], axis=1)


def _squares(a):
    x, y, z = (squared(entry) for entry in a)
    return x + y + z


def _dot(a, b):
    return sum(jnp.conj(x) * y for x, y in zip(a, b, strict=True))


def _plus(a, factor, b):
    return [x + factor * y for x, y in zip(a, b, strict=True)]


def _sweep(_, state):
    a, v = (list(columns) for columns in state)
    for p, q in ((0, 1), (0, 2), (1, 2)):
        c, s, turn = _rotation(a[p], a[q])
        for columns in (a, v):
            both = list(zip(columns[p], columns[q], strict=True))
            columns[p] = [c * x - s * turn * y for x, y in both]
            columns[q] = [s * x + c * turn * y for x, y in both]
    return a, v


def _rotation(a, b):
    """c, s and the phase of b that make the columns c a - s b and s a + c b orthogonal."""
    overlap = _dot(a, b)
    size = jnp.abs(overlap)
    empty = size < jacobi.TINY
    turn = jnp.where(empty, 1.0, jnp.conj(overlap) / jnp.where(empty, 1.0, size))
    c, t = jacobi.rotation(_squares(b) - _squares(a), size)
    return c, t * c, turn


def _orthonormal(middle, large):
    """u_1, u_2, u_3 from the two larger columns of M v; any unitary matrix where one is empty."""
    one, zero = jnp.ones_like(large[0]), jnp.zeros_like(large[0])
    axes = [[one if i == k else zero for k in range(3)] for i in range(3)]
    size = _squares(large)
    u_3 = _unit(_chosen(size <= jacobi.TINY, axes[2], large))
    # The axis least along u_3 stands in for a middle column that is empty.
    least = [squared(x) for x in u_3]
    first = (least[0] <= least[1]) & (least[0] <= least[2])
    spare = _chosen(first, axes[0], _chosen(least[1] <= least[2], axes[1], axes[2]))
    rest = _plus(middle, -_dot(u_3, middle), u_3)
    resolved = _squares(rest) > jacobi.RESOLUTION**2 * size
    u_2 = _unit(_chosen(resolved, rest, spare))
    u_2 = _unit(_plus(u_2, -_dot(u_3, u_2), u_3))
    (a, b, c), (d, e, f) = u_2, u_3
    return [[jnp.conj(x) for x in (b * f - c * e, c * d - a * f, a * e - b * d)], u_2, u_3]


def _chosen(condition, a, b):
    return [jnp.where(condition, x, y) for x, y in zip(a, b, strict=True)]


def _unit(a):
    size = jnp.sqrt(_squares(a))
    return [x / size for x in a]


def _paired(u, a, v):
    """(value, v with the phase that makes u^dag a real and >= 0), a = M v."""
    z = _dot(u, a)
    size = jnp.abs(z)
    empty = size < jacobi.TINY
    phase = jnp.where(empty, 1.0, jnp.conj(z) / jnp.where(empty, 1.0, size))
    return size, [x * phase for x in v]
