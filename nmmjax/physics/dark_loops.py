r"""Loop integrals of a dark sector with two complex scalars and a Majorana pair, arXiv:2603.25704.

Each is a Stieltjes integral with positive poles,

    \int_0^\infty t^p dt / \prod_i (t + u_i)^{m_i}

done by the trapezoidal rule in ln t with a fixed number of nodes on an array axis. The poles lie
at Im ln t = pi, so the error is exp(-2 pi^2/h), h the step, for any masses whatever: equal,
almost equal or many decades apart. Differences of loop functions are integrals of their own (the
prefactor is the difference of squared masses), so nothing cancels.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

from nmmjax.physics.numbers import SIXTEEN_PI2, gap

type Real = Float[Array, "*b"]
type Scalar = Float[Array, ""] | float
type Yukawas = Complex[Array, "3 2"]

KERNEL_NODES = 256  # step 0.43 for masses within 1e-6 .. 1e6
TAIL = 37.5  # ln of the fraction cut off at either end
_GAUSS, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(48)


def log_grid(low, high, count):
    """Nodes t on a leading axis, ln t from `low` to `high`, and the step in ln t.

    The sum does not depend on where the grid lies: its limits are constants under `grad`.
    """
    low, high = (lax.stop_gradient(jnp.asarray(end)) for end in (low, high))
    step = (high - low) / (count - 1)
    k = jnp.arange(count, dtype=float).reshape((-1,) + (1,) * low.ndim)
    return jnp.exp(low[None] + step[None] * k), step


def grid_sums(f: Callable, low: Scalar, high: Scalar, count: int) -> tuple[Array, ...]:
    """Integrate the numbers that f(t) gives at one node over ln t, on the nodes of `log_grid`.

    On a CPU one node after the other: a batch of points stays in the cache, which arrays of all
    their nodes leave (5 times slower), and the backward pass evaluates f again, storing nothing.
    """
    low, high = lax.stop_gradient(low), lax.stop_gradient(high)
    step = (high - low) / (count - 1)

    @jax.checkpoint
    def at(k):
        return f(jnp.exp(low + step * k))

    def add(total, k):
        return tuple(x + y for x, y in zip(total, at(k), strict=True)), None

    def one_by_one(k):
        return lax.scan(add, tuple(jnp.zeros_like(x) for x in jax.eval_shape(at, low)), k)[0]

    def at_once(k):
        return tuple(jnp.sum(x, axis=0) for x in jax.vmap(at)(k))

    k = jnp.arange(count, dtype=float)
    sums = lax.platform_dependent(k, cpu=one_by_one, default=at_once)
    return tuple(step * x for x in sums)


def stieltjes(p, nodes, powers, count=KERNEL_NODES):
    """Return the integral at the head of this file; nodes u_i > 0 broadcast, m_i are integers."""
    nodes = jnp.broadcast_arrays(*nodes)
    logs = jnp.log(jnp.stack(nodes))
    low = jnp.min(logs, axis=0) - TAIL / (p + 1)
    high = jnp.max(logs, axis=0) + TAIL / (sum(powers) - p - 1)
    t, step = log_grid(low, high, count)
    f = t ** (p + 1)
    for u, m in zip(nodes, powers, strict=True):
        f = f / (t + u[None]) ** m
    return step * jnp.sum(f, axis=0)


def J(m_f: Real, m_1: Real, m_2: Real) -> Real:
    r"""Photon on the scalar line, chirality flip on the fermion, GeV^-2.

        J = (1/2) \int t^2 dt/[(t + m_f^2)^2 (t + m_1^2)(t + m_2^2)]

    m_f  fermion mass; m_1, m_2 scalar masses before and after the vertex; GeV, > 0, within 1e12.
    Symmetric in the scalars; J(m, m, m) = 1/(6 m^2). Error 2e-15 / 3e-15.
    Source: derived; arXiv:2603.25704, Eq. (21) has x + y in place of 1 - x - y.
    """
    return 0.5 * stieltjes(2, (m_f**2, m_1**2, m_2**2), (2, 1, 1))


def J_printed(m_f: Real, m_1: Real, m_2: Real) -> Real:
    """Eq. (21) of arXiv:2603.25704 as printed, GeV^-2; arguments as `J`. Error 2e-15 / 2e-15."""
    u = (m_f**2, m_1**2, m_2**2)
    return 0.5 * (stieltjes(2, u, (1, 2, 1)) + stieltjes(2, u, (1, 1, 2)))


def delta_J(m_f: Real, h_1: Real, h_2: Real, a_1: Real, a_2: Real) -> Real:
    r"""J(h_1, a_1) + J(h_2, a_2) - J(h_1, a_2) - J(h_2, a_1) without cancellation, GeV^-2.

        (h_1^2 - h_2^2)(a_1^2 - a_2^2) (1/2) \int t^2 dt/[(t + m_f^2)^2 \prod_4 (t + m^2)]

    Masses in GeV, > 0, within 1e12. Error 6e-15 / 7e-16, the slope relative
    to the larger of slope and value/mass; the rounding of two masses in a splitting comes on top.
    Source: arXiv:2603.25704, Eq. (23) with the derived `J`.
    """
    u = tuple(m**2 for m in (m_f, h_1, h_2, a_1, a_2))
    return gap(h_1, h_2) * gap(a_1, a_2) * 0.5 * stieltjes(2, u, (2, 1, 1, 1, 1))


def delta_J_printed(m_f: Real, h_1: Real, h_2: Real, a_1: Real, a_2: Real) -> Real:
    """`delta_J` with `J_printed`; arguments as there. Error 6e-15 / 6e-16."""
    u = tuple(m**2 for m in (m_f, h_1, h_2, a_1, a_2))
    powers = (tuple(1 + (i == k) for i in range(5)) for k in range(1, 5))
    total = sum(stieltjes(2, u, power) for power in powers)
    return gap(h_1, h_2) * gap(a_1, a_2) * 0.5 * total


def delta_B(m_h: Real, m_a: Real, m_f: Real) -> Real:
    r"""B(m_h) - B(m_a), B = m^2/(m^2 - m_f^2) ln(m^2/m_f^2): the mass loop of h against a.

        (m_h^2 - m_a^2) \int t dt/[(t + m_h^2)(t + m_a^2)(t + m_f^2)]

    Masses in GeV, > 0, within 1e12. Error 1e-16. Source: derived.
    """
    return gap(m_h, m_a) * stieltjes(1, (m_h**2, m_a**2, m_f**2), (1, 1, 1))


def F_lepton(x: Real) -> Real:
    r"""Dipole of a charged lepton, photon on the fermion, x = m_E^2/m_S^2.

        F = \int_0^1 s^2 (1-s)/(1-s+xs) ds = (1/3) \int t^3 dt/[(t+x)^3 (t+1)^2]

    F(0) = 1/3, F(1) = 1/12, x F -> 1/6. Error 8e-16 / 2e-15 on 1e-12 <= x <= 1e12.
    Source: arXiv:2603.25704, Eq. (26), where its argument is 1/x.
    """
    return stieltjes(3, (x, jnp.ones_like(x)), (3, 2)) / 3.0


def G_lepton(x: Real) -> Real:
    """F(1/x)/x, x = m_S^2/m_E^2: the same loop in units of m_E. G(0) = 1/6.

    Error 8e-16 / 4e-16.
    """
    return stieltjes(3, (jnp.ones_like(x), x), (3, 2)) / 3.0


def J_equal(x: Real) -> Real:
    """m_S^2 J(m_f, m_S, m_S), x = m_f^2/m_S^2; 1/2 at 0, 1/6 at 1. Error 6e-16 / 2e-16."""
    return 0.5 * stieltjes(2, (x, jnp.ones_like(x)), (2, 2))


def f_split(x: Real) -> Real:
    r"""Small-splitting limit of `delta_J`: delta_J = dM_H^2 dM_A^2 f(m_f^2/m_S^2)/m_S^6.

        f = (1/2) \int t^2 dt/[(t+x)^2 (t+1)^4]

    f(0) = 1/6, f(1) = 1/60. Error 2e-15 / 2e-15. Source: derived, for arXiv:2603.25704, Eq. (35).
    """
    return 0.5 * stieltjes(2, (x, jnp.ones_like(x)), (2, 4))


def mediator_factor(
    m_aprime: Real, m_e: float, e_nu: float, t_min: float, t_max: float | None = None
) -> Real:
    r"""Return the factor kappa >= 1 by which a mediator mass weakens a limit on the moment.

        kappa^2 = \int w dT / \int w F^2 dT,   w = 1/T - 1/e_nu,   F = 2 m_e T/(2 m_e T + m^2)

    m_aprime  mediator mass; e_nu one neutrino line; t_min, t_max recoil window (None: kinematic
              end point 2 e_nu^2/(2 e_nu + m_e)); GeV.
    48-point Gauss-Legendre in ln T. Error 9e-16 for m_aprime <= 10. One line only: an
    experiment's own fit uses the whole spectrum.
    Source: arXiv:2603.25704, Eqs. (33), (34).
    """
    end = 2.0 * e_nu**2 / (2.0 * e_nu + m_e) if t_max is None else t_max
    recoil = t_min * np.exp(0.5 * (_GAUSS + 1.0) * math.log(end / t_min))
    weight = _GAUSS_WEIGHTS * (1.0 - recoil / e_nu)
    x = 2.0 * m_e * recoil.reshape((-1,) + (1,) * jnp.ndim(m_aprime))
    column = weight.reshape(x.shape)
    propagator = x / (x + jnp.asarray(m_aprime)[None] ** 2)
    return jnp.sqrt(np.sum(weight) / jnp.sum(column * propagator**2, axis=0))


def wedge(y: Yukawas) -> Complex[Array, "3 3"]:
    """Lambda_ij = y*_i1 y*_j2 - y*_i2 y*_j1: antisymmetric, its size the same in any basis."""
    outer = jnp.conj(y[:, :1]) * jnp.conj(y[None, :, 1])
    return outer - outer.T


def moment_closed(
    y: Yukawas, g_d: Scalar, m: Scalar, m_dirac: Scalar, masses: tuple, theta_r, theta_i
) -> Complex[Array, "3 3"]:
    """mu_ij in GeV^-1 by the mixing angles and `delta_J`, for masses = (m_h1, m_h2, m_a1, m_a2).

        mu = g_D/(128 pi^2) sin 2(theta_I - theta_R) Lambda sum_alpha M_alpha delta_J(|M_alpha|)

    M_alpha are signed. Source: arXiv:2603.25704, Eq. (22), corrected (1/128, complex Lambda).
    """
    heavy = (m - m_dirac, m + m_dirac)
    total = sum(signed * delta_J(jnp.abs(signed), *masses) for signed in heavy)
    return g_d / (128.0 * math.pi**2) * jnp.sin(2.0 * (theta_i - theta_r)) * total * wedge(y)


def moment_paths(
    y: Yukawas, g_d: Scalar, m: Scalar, m_dirac: Scalar, masses: tuple, theta_r, theta_i
) -> Complex[Array, "3 3"]:
    """mu_ij in GeV^-1 as the sum over 8 ordered scalar pairs and 2 heavy states; an oracle.

        mu_ij = -i g_D/(16 pi^2) sum M_alpha c_in c_jm G_nm J(|M_alpha|, m_n, m_m)

    with c_in = y*_ia Z*_an/2, Z = (R | i I), G = Im Z^dag Z. Antisymmetric without being made so.
    Its terms cancel like the splittings: use `dark_sector.dark_loops`.
    Source: arXiv:2603.25704, Eqs. (18)-(20), corrected.
    """
    z = jnp.concatenate([_rotation(theta_r) + 0j, 1j * _rotation(theta_i)], axis=1)
    coupling = 0.5 * jnp.conj(y @ z)
    gauge = jnp.imag(jnp.conj(z).T @ z)
    scalar = jnp.stack(list(masses))
    total = jnp.zeros((3, 3), complex)
    for signed in (m - m_dirac, m + m_dirac):
        fermion = jnp.full((4, 4), jnp.abs(signed))
        first, second = jnp.repeat(scalar[:, None], 4, 1), jnp.repeat(scalar[None, :], 4, 0)
        loops = gauge * J(fermion, first, second)
        total = total + signed * coupling @ loops @ coupling.T
    return -1j * g_d / (SIXTEEN_PI2) * total


def _rotation(theta):
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    return jnp.array([[cos, sin], [-sin, cos]])
