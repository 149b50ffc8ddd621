"""Numbers behind the claims of arXiv:2605.19544: those of its errata, and independent checks."""

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from nmmjax.physics.one_loop import G, Gm
from published import weak_triplet as TABLE


@pytest.mark.parametrize("row", TABLE.NUMBERS, ids=lambda row: row[0])
def test_number_of_the_errata(row):
    _, stated, value = row
    assert value() == pytest.approx(stated, rel=1e-3)


def test_derived_over_printed_moment():
    """E1, E2: G/(2 Gm) is 3/2 at t = 1, 1/2 for small t and t/(2 ln t) for large t."""
    t = jnp.array([1e-30, 1.0, 1e12])
    ratio = np.asarray(G(t) / (2.0 * Gm(t)))
    assert ratio[0] == pytest.approx(0.5, rel=0.02)  # corrections of relative order 1/ln t
    assert ratio[1] == pytest.approx(1.5, rel=1e-14)
    assert ratio[2] == pytest.approx(1e12 / (2.0 * np.log(1e12)), rel=0.1)


def test_photon_graphs_add_up():
    """E1: one loop of two fields of one charge is gauge invariant in the sum only.

    Off shell, with spacelike p and q, q.Gamma of the chirality-flip part (in units of m_F) is
    the integral over two Feynman parameters of 2 K_F.q/D_F plus (2 K_S - p - p').q/D_S.
    """
    m_f, m_s = 1.0, 0.8
    p, q = np.array([0.3, -0.2, 0.5]), np.array([-0.4, 0.35, 0.1])  # space components, time 0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    y, z = np.meshgrid(0.5 * (nodes + 1.0), 0.5 * (nodes + 1.0), indexing="ij")
    w = np.outer(weights, weights) / 4.0 * y
    first, second, third = y * z, y * (1.0 - z), 1.0 - y

    def dot(a, b):
        return -np.einsum("...i,...i->...", np.broadcast_to(a, (*y.shape, 3)), b)

    k = -first[..., None] * q + third[..., None] * p
    gap = (first + second) * m_f**2 + third * m_s**2
    gap -= first * dot(q, q) + third * dot(p, p) - dot(k, k)
    fermion = np.sum(w / gap * dot(2.0 * k + q, q))
    k = first[..., None] * p + second[..., None] * (p + q)
    gap = (first + second) * m_s**2 + third * m_f**2
    gap -= first * dot(p, p) + second * dot(p + q, p + q) - dot(k, k)
    scalar = np.sum(w / gap * dot(2.0 * k - 2.0 * p - q, q))
    assert abs(fermion + scalar) < 1e-12 * abs(fermion)
    assert abs(fermion - scalar) > abs(fermion)  # negative control: the printed difference


def test_printed_scalar_mixing_does_not_diagonalise():
    """E7: with h = c phi1 - s phi2, S = s phi1 + c phi2 the angle needs the minus sign."""
    m = mp.matrix([[1, "0.3"], ["0.3", 4]])
    for sign, diagonal in ((-1, True), (1, False)):
        zeta = sign * mp.atan(2 * m[0, 1] / (m[1, 1] - m[0, 0])) / 2
        c, s = mp.cos(zeta), mp.sin(zeta)
        rotation = mp.matrix([[c, -s], [s, c]])  # (h, S) = rotation (phi1, phi2)
        off = (rotation.T * m * rotation)[0, 1]
        assert (abs(off) < 1e-14) == diagonal
