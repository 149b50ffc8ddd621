"""Electroweak on-shell mass splittings inside multiplets, and their loop functions.

Errors quoted are the largest relative ones found against 50-digit arithmetic, for the value
and, after the slash, its first derivatives; see test_one_loop.py.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.errors import InputError, suggest
from nmmjax.physics.kernels import horner

_ATAN_RADIUS = 1.0 / 3.0
_ATAN_SERIES = (-1.0) ** np.arange(32) / (2.0 * np.arange(32) + 1.0)
_LOG_SERIES = np.array(  # ((1+y)^3 ln(1+y) - y - y^2)/y^2
    [3 / 2, 11 / 6] + [6 * (-1) ** k / (k * (k - 1) * (k - 2) * (k - 3)) for k in range(4, 20)]
)


def _arc(r):
    """arccos(r/2)/sqrt(4-r^2) = 2 atan(sqrt y)/sqrt y/(2+r), y = (2-r)/(2+r); 0 < r < 4."""
    y = (2.0 - r) / (2.0 + r)
    near = y < _ATAN_RADIUS
    series = horner(_ATAN_SERIES, jnp.where(near, y, 0.0))
    root = jnp.sqrt(jnp.where(near, 1.0, y))
    return 2.0 / (2.0 + r) * jnp.where(near, series, jnp.arctan(root) / root)


def _heavy(r):
    """p, theta, K with r = p + 1/p, theta = -ln p, K the sum of `_LOG_SERIES` at p^2; r > 3."""
    p = 2.0 / (r + jnp.sqrt(r * r - 4.0))
    return p, -jnp.log(p), horner(_LOG_SERIES, p * p)


def B_F(r: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Bracket of the on-shell splitting of a fermion by a boson, r = m_V/m > 0.

        B_F = -2r + 2r^3 ln r + 2(4-r^2)(2+r^2) arccos(r/2)/sqrt(4-r^2)
            = 4 p theta (3+p^2) + 2 p K,   r = 2 cosh theta = p + 1/p   (used for r > 3)

    B_F(0) = 4 pi, 12 ln(r)/r at large r. Error 4e-15 / 5e-14, 1e-12 < r < 1e4.
    Source: arXiv:2605.19544, eq. (58), real form.
    """
    far = r > 3.0
    x = jnp.where(far, 1.0, r)
    near = 2.0 * x * (x * x * jnp.log(x) - 1.0) + 2.0 * (2.0 - x) * (2.0 + x) * (
        2.0 + x * x
    ) * _arc(x)
    p, theta, k = _heavy(jnp.where(far, r, 4.0))
    return jnp.where(far, 4.0 * p * theta * (3.0 + p * p) + 2.0 * p * k, near)


def B_S(r: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Bracket of the on-shell splitting of a scalar by a boson, r = m_V/m > 0, k = 0 scheme.

        B_S = -2r^3 ln r + 2(4-r^2)^2 arccos(r/2)/sqrt(4-r^2)
            = -4 theta (3/p + p^3) - (2/p)(1 + p^2 + p^2 K)   (used for r > 3)

    B_S(0) = 4 pi, zero near r = 1.5, where errors are relative to max(|.|, 1).
    Error 2e-15 / 1e-15, 1e-12 < r < 1e4.
    Source: arXiv:2605.19544, eq. (59), real form.
    """
    far = r > 3.0
    x = jnp.where(far, 1.0, r)
    near = 2.0 * ((2.0 - x) * (2.0 + x)) ** 2 * _arc(x) - 2.0 * x * x * x * jnp.log(x)
    p, theta, k = _heavy(jnp.where(far, r, 4.0))
    tail = -4.0 * theta * (3.0 / p + p * p * p) - 2.0 / p * (1.0 + p * p * (1.0 + k))
    return jnp.where(far, tail, near)


def f_F(r: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """(r/2) B_F(r): 2 pi r at small r, 6 ln r at large r. Error as `B_F`."""
    return 0.5 * r * B_F(r)


def f_S(r: Float[Array, "*b"], k: float = 0.0) -> Float[Array, "*b"]:
    """(r/4) B_S(r) + k r^2/4: 2 pi r at small r; k is the scheme. Error as `B_S`."""
    return 0.25 * r * B_S(r) + 0.25 * k * r * r


def mass_split_ew(
    kind: str,
    m: Float[Array, "*b"],
    q: float,
    q_prime: float,
    y: float,
    m_z: float,
    m_w: float,
    alpha_mz: float,
    s2w: float,
) -> Float[Array, "*b"]:
    """On-shell m_Q - m_Q' (GeV) inside a multiplet of mass m, hypercharge y, from W, Z, photon.

        alpha m/(4 pi s2w) {(Q^2-Q'^2) s2w f(m_z/m) + (Q-Q')(Q+Q'-2y) [f(m_w/m) - f(m_z/m)]}

    kind is "fermion" or "scalar" (f = f_F, f_S). Error 6e-16 of its terms.
    Source: arXiv:2605.19544, eqs. (58), (59) and hep-ph/0512090. An infrared effect: inserted
    in a neutrino-mass loop it overestimates. Raises InputError for another kind.
    """
    brackets = {"fermion": f_F, "scalar": f_S}
    if kind not in brackets:
        raise InputError(f"mass_split_ew has no kind '{kind}'{suggest(kind, brackets)}")
    f_z, f_w = brackets[kind](m_z / m), brackets[kind](m_w / m)
    neutral = (q - q_prime) * (q + q_prime) * s2w * f_z
    charged = (q - q_prime) * (q + q_prime - 2.0 * y) * (f_w - f_z)
    return alpha_mz / s2w * m / (4.0 * np.pi) * (neutral + charged)
