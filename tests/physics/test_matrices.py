"""Light singular values against exact rational and 60-digit arithmetic."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.accuracy.errors import ERRORS, MARGIN
from helpers.accuracy.linear import (
    full_matrix,
    largest_error,
    light_values,
    tuned_blocks,
    tuned_entries,
)
from helpers.cases import one_quick
from nmmjax.physics import matrices
from nmmjax.physics.matrices import det2, light_block, svd2, two_prod

DEVICES = list({d.platform: d for d in [*jax.devices(), *jax.devices("cpu")]}.values())
on_each_device = pytest.mark.parametrize("device", DEVICES, ids=lambda d: d.platform)


def exact_det(a, b, c, d):
    rows = zip(a.tolist(), b.tolist(), c.tolist(), d.tolist(), strict=True)
    return [Fraction(p) * Fraction(s) - Fraction(q) * Fraction(r) for p, q, r, s in rows]


def ulps(got, exact):
    """Largest distance from the exact rationals, in units of the last place of `got`."""
    pairs = zip(np.asarray(got).tolist(), exact, strict=True)
    return max(float(abs(Fraction(g) - x) / Fraction(np.spacing(abs(g)).item())) for g, x in pairs)


def relative(got, exact):
    """Largest relative error against mpmath numbers; exact zeros must be met exactly."""
    pairs = zip(np.asarray(got).tolist(), exact, strict=True)
    return max(float(abs(g - x) / abs(x)) if x else float(g != 0.0) for g, x in pairs)


# Products


@on_each_device
def test_two_prod_is_exact(device):
    a, b, _, _ = (jax.device_put(x, device) for x in tuned_entries())
    p, e = jax.jit(two_prod)(a, b)
    for x, y, high, low in zip(*(np.asarray(v).tolist() for v in (a, b, p, e)), strict=True):
        assert Fraction(high) + Fraction(low) == Fraction(x) * Fraction(y)
        assert high == x * y


class Contracted:
    """A number as a greedy compiler sees it: a product is rounded only when it must be.

    Adding or subtracting a pending product is one fused operation; when both sides are
    pending, `keep` says which one stays unrounded.
    """

    keep = "left"

    def __init__(self, exact, pending=False):
        self.exact, self.pending = Fraction(exact), pending

    @property
    def rounded(self):
        return Fraction(float(self.exact))

    def __mul__(self, other):
        return Contracted(self.rounded * other.rounded, pending=True)

    def _sum(self, other, sign):
        left, right = self.exact, other.exact
        if self.pending and other.pending:
            left = left if self.keep == "left" else self.rounded
            right = right if self.keep == "right" else other.rounded
        return Contracted(Fraction(float(left + sign * right)))

    def __add__(self, other):
        return self._sum(other, 1)

    def __sub__(self, other):
        return self._sum(other, -1)


def dekker(a_high, a_low, b_high, b_low):
    """The textbook product: right without contraction only."""
    p = (a_high + a_low) * (b_high + b_low)
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def broken_by_contraction(product, number):
    """How many of 100 determinants of nearly equal products are off by more than 2 ulp."""
    broken = 0
    for a, b, c, d in zip(*(x[:100].tolist() for x in tuned_entries()), strict=True):
        halves = {x: [number(float(h)) for h in matrices._halves(x)] for x in (a, b, c, d)}
        (p, e), (q, f) = product(*halves[a], *halves[d]), product(*halves[b], *halves[c])
        got = float(((p - q) + (e - f)).exact)
        exact = Fraction(a) * Fraction(d) - Fraction(b) * Fraction(c)
        broken += abs(Fraction(got) - exact) > 2 * Fraction(np.spacing(abs(got)).item())
    return broken


@pytest.mark.parametrize("keep", ["left", "right"])
def test_contraction_changes_nothing(keep, monkeypatch):
    monkeypatch.setattr(Contracted, "keep", keep)
    assert broken_by_contraction(matrices._product, Contracted) == 0
    assert broken_by_contraction(dekker, Contracted) > 20


# The 2 x 2 determinant


@on_each_device
def test_determinant_under_every_transformation(device):
    entries = tuned_entries()
    exact = exact_det(*entries)
    columns = [jax.device_put(x, device) for x in entries]

    def scanned(*x):
        return jax.lax.scan(lambda carry, row: (carry, det2(*row)), 0.0, x)[1]

    ways = {
        "jit": jax.jit(det2),
        "vmap": jax.jit(jax.vmap(det2)),
        "scan": jax.jit(scanned),
        "grad": lambda *x: jax.jit(jax.vmap(jax.value_and_grad(det2)))(*x)[0],
    }
    for way, f in ways.items():
        assert ulps(f(*columns), exact) <= 2.0, way
    a, b, c, d = entries
    naive = zip((a * d - b * c).tolist(), exact, strict=True)
    assert max(abs(Fraction(g) - x) / abs(x) for g, x in naive if x) > 1e-3  # what this guards


def test_determinant_derivatives():
    entries = [jnp.array(x[:50]) for x in tuned_entries()]
    a, b, c, d = entries
    for mode in (jax.grad, jax.jacfwd):
        slopes = jax.vmap(mode(det2, (0, 1, 2, 3)))(*entries)
        for got, expected in zip(slopes, (d, -c, -b, a), strict=True):
            np.testing.assert_array_equal(got, expected)
    hessian = jax.hessian(det2, (0, 1, 2, 3))(1.0, 2.0, 3.0, 4.0)
    np.testing.assert_array_equal(hessian, np.fliplr(np.diag([1.0, -1.0, -1.0, 1.0])))


def test_determinant_broadcasts_and_takes_numbers():
    assert float(det2(3.0, 1.0, 2.0, 4.0)) == 10.0
    assert det2(jnp.ones((3, 1)), 1.0, jnp.zeros(2)[None, :], 1.0).shape == (3, 2)


# The 2 x 2 singular values


@pytest.fixture(scope="module")
def rows_2x2(reference):
    return reference("weak_triplet/svd_2x2.json")["rows"]


def columns_2x2(rows):
    return [jnp.array([float(row[key]) for row in rows]) for key in "abcd"]


def test_svd2_reference_rows(rows_2x2):
    got = jax.jit(svd2)(*columns_2x2(rows_2x2))
    with mp.workdps(30):
        exact = {key: [mp.mpf(row[key]) for row in rows_2x2] for key in rows_2x2[0]}
        bound = MARGIN * ERRORS["svd2"][0]
        assert relative(got.light, exact["light_signed"]) < bound
        assert relative(got.heavy, exact["heavy"]) < bound
        assert relative(got.theta_l, [mp.asin(x) for x in exact["sinL"]]) < bound
        assert relative(got.theta_r, [mp.asin(x) for x in exact["sinR"]]) < bound


def test_lapack_misses_the_light_value(rows_2x2):
    tuned = [row for row in rows_2x2 if float(row["cond"]) > 1e11]
    matrix = np.transpose(columns_2x2(tuned)).reshape(-1, 2, 2)
    light = np.linalg.svd(matrix, compute_uv=False)[:, 1]
    exact = np.array([abs(float(row["light_signed"])) for row in tuned])
    assert len(tuned) > 3
    assert np.min(np.abs(light / exact - 1.0)) > 1e-3


def test_svd2_rebuilds_the_matrix():
    rng = np.random.default_rng(3)
    for matrix in rng.normal(size=(50, 2, 2)):
        got = svd2(*matrix.ravel())
        left, right = (
            np.array([[np.cos(x), np.sin(x)], [-np.sin(x), np.cos(x)]])
            for x in (got.theta_l, got.theta_r)
        )
        rebuilt = left @ np.diag([got.light, got.heavy]) @ right.T
        np.testing.assert_allclose(np.abs(rebuilt), np.abs(matrix), atol=1e-14)


STACKED = jax.jit(jax.jacrev(lambda *x: jnp.stack(svd2(*x)), (0, 1, 2, 3)))


@pytest.mark.parametrize(
    "entries",
    [(0.0, 12.0, 0.0, 800.0), (0.0, 0.0, 0.0, 800.0), (0.0, 12.0, 1e-9, 800.0), (1e-11, 0, 0, 8e2)],
)
def test_svd2_gradients_at_zeros(entries):
    assert np.isfinite(np.asarray(STACKED(*map(float, entries)))).all()


# The 3 + n light block


def complex_matrix(rows):
    return np.array([[complex(float(re), float(im)) for re, im in row] for row in rows])


def lapack_values(blocks):
    return np.sort(np.linalg.svd(full_matrix(*blocks), compute_uv=False))[:3]


def test_light_block_reference_rows(reference):
    missed = []
    for row in reference("weak_triplet/svd_3plusn.json")["rows"]:
        blocks = [complex_matrix(row[key]) for key in ("mD", "mH", "mS", "mPsi")]
        exact = [mp.mpf(x) for x in row["singular_values"][:3]]
        assert largest_error(light_values(blocks), exact) < MARGIN * ERRORS["light_block"][0]
        missed.append(largest_error(lapack_values(blocks), exact))
    assert np.median(missed) > 1e-3  # what LAPACK makes of the same matrices


@pytest.mark.parametrize("n", one_quick([1, 2, 3], 1))
def test_light_columns_are_orthonormal_and_light(n):
    blocks = tuned_blocks(n, 0.3, 9)
    a, w_l, x, _ = map(np.asarray, light_block(*map(jnp.array, blocks)))
    columns = np.concatenate([w_l, -x.conj().T @ w_l])
    np.testing.assert_allclose(columns.conj().T @ columns, np.eye(3), atol=4e-15)  # 16 ulp
    u, values, _ = np.linalg.svd(a)
    rotated = (columns @ u).conj().T @ full_matrix(*blocks)
    heaviest = np.abs(full_matrix(*blocks)).max()
    assert np.abs(np.linalg.norm(rotated, axis=1) - values).max() < 4e-15 * heaviest


@pytest.mark.parametrize("n", one_quick([1, 2, 3], 1))
def test_light_block_is_smooth_where_eigenvalues_coincide(n):
    _, _, m_s, m_psi = map(jnp.array, tuned_blocks(n, 0.3, 7))
    m_d = 1e-11 * jnp.eye(3, dtype=complex)

    def square(m_d, m_h, m_s):
        return 1e22 * jnp.sum(jnp.abs(light_block(m_d, m_h, m_s, m_psi).a) ** 2)

    for m_h in (jnp.zeros((3, n), complex), 50.0 * jnp.eye(3, n, dtype=complex)):
        for gradient in jax.grad(square, (0, 1, 2))(m_d, m_h, m_s):
            assert np.isfinite(np.asarray(gradient)).all()


def test_light_block_vmap_equals_loop():
    points = [tuned_blocks(2, 0.3, seed) for seed in range(4)]
    batched = jax.vmap(light_block)(*[jnp.array(np.stack(m)) for m in zip(*points, strict=True)])
    for k, blocks in enumerate(points):
        single = light_block(*map(jnp.array, blocks))
        np.testing.assert_allclose(batched.a[k], single.a, rtol=1e-13)
        np.testing.assert_allclose(batched.w_l[k], single.w_l, rtol=1e-13, atol=1e-16)
