"""The two dark scalars of arXiv:2603.25704: squared-mass matrices, without eigenvectors."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics.numbers import gap

type Scalar = Float[Array, ""] | float
type Symmetric = tuple[Scalar, Scalar, Scalar]  # (11, 12, 22)


class Scalars(NamedTuple):
    """The scalar sector: M_R^2 = N + A, M_I^2 = N - A (2 x 2, real, symmetric), GeV^2.

    `twist` = sin 2(theta_I - theta_R) dH dA and `align` the
    same with cos, dH = M_H1^2 - M_H2^2, dA likewise: no angle is ever needed.
    """

    real: Symmetric
    imag: Symmetric
    breaking: Symmetric
    h: tuple[Scalar, Scalar]
    a: tuple[Scalar, Scalar]
    det_real: Scalar
    det_imag: Scalar
    twist: Scalar
    align: Scalar


def scalars_from_matrices(n1: Scalar, n2: Scalar, a11: Scalar, a12: Scalar, a22: Scalar) -> Scalars:
    """N = diag(n1, n2) conserves U(1)_D, A = [[a11, a12], [a12, a22]] breaks it; GeV^2.

    Defined where N + A and N - A are positive definite. Eigenvalues h, a (large, small) have no
    derivative where two are equal; everything else has.
    """
    real, imag = (n1 + a11, a12, n2 + a22), (n1 - a11, -a12, n2 - a22)
    det_real, det_imag = (m[0] * m[2] - a12**2 for m in (real, imag))
    gaps = (real[0] - real[2], imag[0] - imag[2])
    return Scalars(
        real=real,
        imag=imag,
        breaking=(a11, a12, a22),
        h=_eigenvalues(real, gaps[0], det_real),
        a=_eigenvalues(imag, gaps[1], det_imag),
        det_real=det_real,
        det_imag=det_imag,
        twist=4.0 * (n1 - n2) * a12,
        align=gaps[0] * gaps[1] - 4.0 * a12**2,
    )


def _eigenvalues(m, gap, det):
    large = 0.5 * (m[0] + m[2] + jnp.hypot(gap, 2.0 * m[1]))
    return large, det / large


def scalars_from_masses(
    m_h1: Scalar, m_h2: Scalar, m_a1: Scalar, m_a2: Scalar, theta_r: Scalar, theta_i: Scalar
) -> Scalars:
    """Masses (GeV) and the mixing angles of S_a = (R_a + i I_a)/sqrt2, R_a = sum_k R_ak H_k.

    R = [[c, s], [-s, c]](theta_R), I alike. Differences are taken of the masses as given:
    splittings lose what the rounding of the masses has lost.
    """
    h, a = (m_h1**2, m_h2**2), (m_a1**2, m_a2**2)
    across = gap(m_h1, m_h2), gap(m_a1, m_a2)
    return _scalars(h, a, across, (gap(m_h1, m_a1), gap(m_h2, m_a2)), theta_r, theta_i)


def scalars_from_pairs(
    m_1: Scalar, m_2: Scalar, split_1: Scalar, split_2: Scalar, theta_r: Scalar, theta_i: Scalar
) -> Scalars:
    """M_Hk, M_Ak = m_k exp(-+ split_k/2): pairs of equal masses at splits of 0, and mixing angles.

    Splittings of any size keep all their digits.
    """
    pairs = (m_1, split_1), (m_2, split_2)
    h = tuple(m**2 * jnp.exp(-x) for m, x in pairs)
    a = tuple(m**2 * jnp.exp(x) for m, x in pairs)
    over = tuple(-2.0 * m**2 * jnp.sinh(x) for m, x in pairs)
    apart = gap(m_1, m_2)
    raised = tuple(m**2 * jnp.expm1(x) for m, x in pairs)
    lowered = tuple(m**2 * jnp.expm1(-x) for m, x in pairs)
    across = (apart + lowered[0] - lowered[1], apart + raised[0] - raised[1])
    return _scalars(h, a, across, over, theta_r, theta_i)


def _scalars(h, a, across, over, theta_r, theta_i):
    """The sector of squared masses; across = (H_1 - H_2, A_1 - A_2), over_k = H_k - A_k."""
    (d_h, d_a), (d_1, d_2) = across, over
    plus, minus = theta_r + theta_i, theta_r - theta_i
    # (d_h Q(theta_r) - d_a Q(theta_i))/2 with Q = ((cos, -sin), (-sin, -cos))(2 theta)
    common, turn = d_1 - d_2, -jnp.sin(minus) * (d_h + d_a)
    even, odd = jnp.cos(minus) * common, turn
    q_1 = 0.5 * (even * jnp.cos(plus) + odd * jnp.sin(plus))
    q_2 = -0.5 * (even * jnp.sin(plus) - odd * jnp.cos(plus))
    mean = 0.5 * (d_1 + d_2)
    return Scalars(
        real=_rotated(h, d_h, theta_r),
        imag=_rotated(a, d_a, theta_i),
        breaking=(0.5 * (mean + q_1), 0.5 * q_2, 0.5 * (mean - q_1)),
        h=h,
        a=a,
        det_real=h[0] * h[1],
        det_imag=a[0] * a[1],
        twist=-jnp.sin(2.0 * minus) * d_h * d_a,
        align=jnp.cos(2.0 * minus) * d_h * d_a,
    )


def _rotated(squares, gap, theta):
    mean, half = 0.5 * (squares[0] + squares[1]), 0.5 * gap
    cos, sin = jnp.cos(2.0 * theta), jnp.sin(2.0 * theta)
    return mean + half * cos, -half * sin, mean - half * cos
