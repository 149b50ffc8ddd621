"""One-loop functions of moments and masses beyond those of `physics.one_loop`.

Three groups: chirality-preserving charged-lepton loops (N_F, N_S), W loops of the neutrino
(f_SM, df_SM, K_LR), and exact differences between two mixed charged scalars. Most reduce to
I_S and Gm of `physics.one_loop`; N_F and N_S need the next kernel of the same family, C = K_2:

    C(t) = (artanh z - z - z^3/3)/z^5,   z = (t-1)/(t+1),   C(1) = 1/5,   C(1/t) = C(t).

Elementwise and smooth for 0 < t < inf. Errors are the largest relative ones found against
50-digit arithmetic for the value and, after the slash, its first derivatives on
2e-17 < t < 1e8 (test_errors.py).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics.kernels import forward, kernel
from nmmjax.physics.one_loop import I_S, G, Gm, dL

type Real = Float[Array, "..."] | float


def _kernel(t):
    """q = 1/(1+t), z and E = 1/3 - (1 - z^2) C: between 2/15 (t = 1) and 1/3 (t = 0, inf)."""
    q = 1.0 / (1.0 + t)
    return q, (t - 1.0) * q, 1.0 / 3.0 - 4.0 * (t * q) * q * kernel(2, t)


def N_F(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""Photon on the fermion, no chirality flip, t = m_F^2/M_S^2.

        N_F = \int_0^1 x^2 (1-x)/(1-x+tx) dx
            = (2+3t-6t^2+t^3+6t ln t)/(6(1-t)^4) = q/6 - q^2 z E/2

    N_F(0) = 1/3, N_F(1) = 1/12. Error 2e-15 / 9e-15. Source: Lavoura, hep-ph/0302221.
    """
    return forward(_n_f, t)


def _n_f(t):
    q, z, e = _kernel(t)
    return q * (1.0 / 6.0 - 0.5 * q * z * e)


def N_S(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""Photon on the scalar, no chirality flip, t = m_F^2/M_S^2.

        N_S = \int_0^1 x (1-x)^2/(1-x+tx) dx
            = (1-6t+3t^2+2t^3-6t^2 ln t)/(6(1-t)^4) = q/6 + t q^2 z E/2

    N_S(0) = 1/6, N_S(1) = 1/12, N_S + t N_F = 1/6. Error 8e-16 / 8e-15.
    Source: Lavoura, hep-ph/0302221.
    """
    return forward(_n_s, t)


def _n_s(t):
    q, z, e = _kernel(t)
    return q * (1.0 / 6.0 + 0.5 * (t * q) * z * e)


def df_SM(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Flavour-dependent part of the W loop of a neutrino's moment, t = m_l^2/m_W^2.

        df_SM = f_SM - 3/2 = (3t/4) [1/(1-t) - 2/(1-t)^2 - 2t ln t/(1-t)^3] = -(3/2) t I_S(t)

    The constant 3/2 drops out of transition moments by unitarity: take f_SM there and electrons
    keep no digit. df_SM -> -3t/4 at small t, df_SM(1) = -1/4. Error 7e-16 / 3e-15.
    Source: closed form equal to the integral of the vector-loop kernels (arXiv:1610.06587).
    """
    return forward(_df_sm, t)


def _df_sm(t):
    """-(3/4) (1-q) (1 - 2 t Gm): the product rule on t I_S would cancel where it levels off."""
    q = 1.0 / (1.0 + t)
    p = jnp.where(t < 1.0, t * q, 1.0 - q)
    return -0.75 * p * (1.0 - 2.0 * t * Gm(t))


def f_SM(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """W loop of a neutrino's diagonal moment, 3/2 + df_SM(t), t = m_l^2/m_W^2.

    f_SM(0) = 3/2, f_SM(1) = 5/4, f_SM(inf) = 3/4. Error 4e-16 / 3e-15. Source: as `df_SM`.
    """
    return 1.5 + df_SM(t)


def K_LR(t: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""W loop with a chirality flip on the charged lepton, t = m_l^2/M_W^2.

        K_LR = \int_0^1 (4(1-x)+tx)/(1-x+tx) dx = 1 + 3 [1/(1-t) + t ln t/(1-t)^2]
             = 1 + 3 [q + t z Gm(t)]

    K_LR(0) = 4, K_LR(1) = 5/2, K_LR(inf) = 1. Error 3e-16 / 2e-15.
    Source: derived; the sign of the mixed W-Goldstone piece rests on K_LR(0) = 4 of
    Giunti and Studenikin, arXiv:1403.6344.
    """
    q = 1.0 / (1.0 + t)
    return 1.0 + 3.0 * (q + (t - 1.0) * q * t * Gm(t))


def F_T(x: Float[Array, "*b"], y: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Scalar loop of the T parameter; squared masses x, y > 0 in, the same unit out.

        F_T = (x+y)/2 - xy/(x-y) ln(x/y) = (x-y)^2 I_S(x/y)/y

    Symmetric, 0 at x = y. Error 3e-16, small splittings included.
    Source: Veltman's function, e.g. arXiv:0711.4022.
    """
    return (x - y) ** 2 * I_S(x / y) / y


def mass_step(m2: Real, z: Real, dz: Real) -> Float[Array, "..."]:
    """g(z+dz) - g(z) for the mass loop g(z) = z ln(z/m^2)/(z-m^2) of a scalar of mass^2 z.

    m2 = m_F^2 > 0, z > 0, dz > -z/2, GeV^2. Full relative accuracy for any step dz, which is
    never rounded into z. Error 3e-16 / 4e-16, slopes times
    1 + dz/(100 z). Source: g(z) = L(m^2/z) of `physics.one_loop`.
    """
    return dL(jnp.log(m2 / z), -jnp.log1p(dz / z))


def moment_step(m2: Real, z: Real, dz: Real) -> Float[Array, "..."]:
    """k(z+dz) - k(z) for the moment loop k(z) = G(m^2/z)/z, in GeV^-2; arguments as `mass_step`.

    k(z) = (g(z)-1)/(z-m^2), hence  k(z+dz) - k(z) = [g(z+dz) - g(z) - dz k(z)]/(z+dz-m^2):
    no digit is lost at small dz. For z > 4 m^2. Error 9e-16 / 3e-14,
    slopes as there. Source: derived.
    """
    return (mass_step(m2, z, dz) - dz * G(jnp.asarray(m2 / z)) / z) / (z + dz - m2)
