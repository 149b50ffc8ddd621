"""Yukawa couplings of two heavy states from light masses and mixing (Casas and Ibarra).

M_nu = conj(y) K y^dagger with a loop function K, 2 x 2 and symmetric: rank two, so the lightest
neutrino is massless. One complex angle is what the light neutrinos leave open.
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.neutrinos import check_ordering
from nmmjax.physics.numbers import square_root, squared

type Scalar = Float[Array, ""] | float
type Masses = Float[Array, "3"]
type Matrix = Complex[Array, "3 3"]


def inverse_root(k: Float[Array, "2 2"]) -> Complex[Array, "2 2"]:
    """X with X K X^T = 1 for a real symmetric, invertible K: diag(k_i^{-1/2}) O^T.

    O rotates by half the angle of (K_11 - K_22, 2 K_12), so the eigenvalue k_1 is the larger, and
    k_i^{-1/2} is -i |k_i|^{-1/2} for a negative one: O diag(1 or i) is the Takagi matrix of K.
    The smaller eigenvalue of a definite K comes from the determinant. Not differentiable where
    the eigenvalues are equal; crossing 2theta = pi changes the sign of X.
    """
    mean = 0.5 * (k[0, 0] + k[1, 1])
    diff, off = 0.5 * (k[0, 0] - k[1, 1]), k[0, 1]
    far = mean + jnp.where(mean < 0.0, -1.0, 1.0) * jnp.hypot(diff, off)
    near = (k[0, 0] * k[1, 1] - off**2) / far
    values = jnp.where(mean < 0.0, jnp.stack([near, far]), jnp.stack([far, near]))
    angle = 0.5 * jnp.arctan2(off, diff)
    c, s = jnp.cos(angle), jnp.sin(angle)
    roots = jnp.where(values < 0.0, -1j, 1.0) / jnp.sqrt(jnp.abs(values))
    return roots[:, None] * jnp.stack([jnp.stack([c, s]), jnp.stack([-s, c])])


def complex_rotation(re_z: Scalar, im_z: Scalar, zeta: int, ordering: str) -> Complex[Array, "3 2"]:
    """R with R R^T = diag(0, 1, 1) (NO) or diag(1, 1, 0) (IO): two heavy states, one massless nu.

    Rows (cos z, -sin z) and zeta (sin z, cos z), z = re_z + i im_z, zeta = +1 or -1.
    Raises InputError for an unknown ordering.
    """
    check_ordering(ordering)
    z = re_z + 1j * im_z
    c, s = jnp.cos(z), jnp.sin(z)
    rows = [jnp.stack([c, -s]), zeta * jnp.stack([s, c])]
    massless = [jnp.zeros_like(rows[0])]
    return jnp.stack(massless + rows if ordering == "NO" else rows + massless)


def casas_ibarra(
    u: Matrix, masses: Masses, rotation: Complex[Array, "3 n"], root: Complex[Array, "n n"]
) -> Complex[Array, "3 n"]:
    """Yukawas y with conj(y) K y^dagger = conj(U) diag(masses) U^dagger for given masses and U.

        conj(y) = conj(U) diag(masses)^{1/2} R X,   X K X^T = 1 (`root`),  R from `rotation`

    masses and K in the same unit. Exact to rounding times the condition of K and cosh^2(im z).
    Source: J. A. Casas and A. Ibarra, hep-ph/0103065, for a loop-induced K.
    """
    return product(u, jnp.conj(square_root(masses)[:, None] * product(rotation, root)))


def rank_two_masses(y: Complex[Array, "3 2"], k: Array) -> tuple[Array, Array]:
    """Return the two non-zero masses (small, large) of conj(y) K y^dagger, K symmetric 2x2.

    small * large = |det K| sum_{a<b} |y_a1 y_b2 - y_a2 y_b1|^2 and the squares add to the
    Frobenius norm: both keep their relative accuracy however far apart they are, but lose half
    the digits, and their derivatives, where they are equal. 0 for y = 0 or K = 0. Unit of K.
    """
    wedge = jnp.cross(y[:, 0], y[:, 1])
    det = k[0, 0] * k[1, 1] - k[0, 1] * k[1, 0]
    both = jnp.abs(det) * jnp.sum(squared(wedge))
    norm = jnp.sum(squared(product(jnp.conj(y), k, dagger(y))))
    gap = jnp.maximum(norm - 2.0 * both, 0.0) * (norm + 2.0 * both)  # >= 0 but for rounding
    large = square_root(0.5 * (norm + square_root(gap)))
    return both / jnp.where(large == 0.0, 1.0, large), large
