r"""Mixing and loops of `weak_triplet3`, as 3 x 3 matrices in GeV.

Rows are lepton flavours, columns nu_R, inner indices the n triplets. Left light states are the
columns of [w_l; -Theta^dag w_l], Theta = m_H m_psi^-1, w_l = (1 + Theta Theta^dag)^(-1/2): loops
and tree share one basis. Every loop ends in y_delta: functions return what stands before it, 3 x n.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from nmmjax.models._weak_triplet import NeutralScalars
from nmmjax.physics.constants import Constants
from nmmjax.physics.matrices import dagger, normed, product, shrink
from nmmjax.physics.numbers import SIXTEEN_PI2, SQRT2
from nmmjax.physics.one_loop import Fsplit, G, L, dL
from nmmjax.target.model import Theta

# ln(k^2/m_phi^2) of the trapezoidal rule; error e^(-2 pi^2/step) while masses lie within 6 decades
_STEP = 0.55
_LOG_K2 = _STEP * np.arange(-53, 83)

type Real = Float[Array, ""]
type Matrix = Complex[Array, "3 3"]
type Left = Complex[Array, "3 n"]


class Point(NamedTuple):
    """Intermediate results of all loops; masses in GeV, matrices as in the module's docstring."""

    m_psi: Float[Array, " n"]
    m_phi: Real
    y_psi: Left
    y_t: Inexact[Array, "n n"]
    y_delta: Complex[Array, "n 3"]
    theta: Left  # m_H m_psi^-1
    left: Left  # w_l Theta
    m_s: Complex[Array, "n 3"]
    x: Real  # sqrt2 v_s/v_H = -tan xi
    kernels: "Kernels"


class Kernels(NamedTuple):
    """n x n matrices between y_T and y_delta, in GeV and GeV^-1: `split`, `dipole`."""

    split: Complex[Array, "n n"]
    dipole: Complex[Array, "n n"]


def point(
    theta: Theta,
    y_psi: Left,
    y_t: Inexact[Array, "n n"],
    y_delta: Complex[Array, "n 3"],
    m_psi: Float[Array, " n"],
    sm: Constants,
) -> Point:
    """Collect what the loops share; `theta` gives the scalars."""
    mixing = y_psi * (sm.v_h / (SQRT2 * m_psi))[None, :]
    charged = charged_leptons(mixing, m_psi, sm)
    return Point(
        m_psi=m_psi,
        m_phi=theta["m_phi"],
        y_psi=y_psi,
        y_t=y_t,
        y_delta=y_delta,
        theta=mixing,
        left=normed(mixing),
        m_s=y_delta * theta["v_s"],
        x=SQRT2 * theta["v_s"] / sm.v_h,
        kernels=kernels(charged, m_psi, theta["m_phi"]),
    )


def heaviest(p: Point) -> Float[Array, " n"]:
    """Find the heaviest mass in the loop of each triplet, GeV."""
    return jnp.maximum(p.m_psi, p.m_phi)


def charged_current(theta: Complex[Array, "3 n"]) -> Matrix:
    """N of U_CC = N U: (1 + 2 Theta Theta^dag)^(1/2) (1 + Theta Theta^dag)^(-1/2).

    Hermitian, 1 + Theta Theta^dag/2 to second order; U is the unitary PMNS matrix, by the choice
    of the basis of charged leptons. To relative order (m_tau/m_psi)^2 Theta^2.
    Source: weak-triplet current nubar gamma l + sqrt2 Psi0bar gamma Psi-, arXiv:2605.19544, Eq. 7.
    """
    stretch = jnp.eye(3) + 2.0 * product(theta, dagger(theta))
    return product(stretch, shrink(SQRT2 * theta), shrink(theta))


class Charged(NamedTuple):
    """Charged leptons inside the loop: heavy mass matrix and the light states' share."""

    delta: Complex[Array, "n n"]  # M^2_heavy - m_psi^2, GeV^2
    light: Complex[Array, "3 n n"]  # u_a u_a^dagger, of the right-handed Psi-
    masses: Float[Array, "3"]  # GeV


def charged_leptons(theta, m_psi, sm):
    """Psi- mixed with e, mu, tau: kernels to relative order (m_tau/m_psi)^4 for one triplet.

    For two to (m_tau/m_psi)^2 Theta^2: the light states' share is taken to first order.
    """
    masses = jnp.array([sm.m_e, sm.m_mu, sm.m_tau])
    ratio = masses[:, None] / m_psi[None, :]
    apart = 1.0 - ratio**2
    rooted = theta * (m_psi[None, :] * jnp.sqrt(2.0 / apart))
    # u_a^* = m_a m_psi^-1 times (1 + 2 strong strong^dag)^(-1/2) sqrt2 strong, strong = theta/apart
    right = normed(theta * (SQRT2 / apart)) * ratio
    light = jnp.conj(right)[:, :, None] * right[:, None, :]
    return Charged(product(dagger(rooted), rooted), light, masses)


def kernels(charged, m_psi, m_phi):
    """Psi+ against Psi- mixed with the leptons, both over sqrt2 16 pi^2 (without y_T, y_delta).

    split  m_psi F(m_psi) - [F(M^dag M)]_PsiPsi m_psi,  F(m) = -B0(0; m, m_phi)
    dipole m_psi G(t)/m_phi^2 + [G(M^dag M/m_phi^2)]_PsiPsi m_psi/m_phi^2
    """
    compute = _kernels_of_one if len(m_psi) == 1 else _kernels_of_two
    split, dipole = compute(charged, m_psi, m_phi)
    own = jnp.diag(G((m_psi / m_phi) ** 2)) / m_phi**2
    return Kernels(split * m_psi[None, :], (own + dipole) * m_psi[None, :])


def _kernels_of_one(charged, m_psi, m_phi):
    """Compute the kernels of one triplet.

    The difference is taken in two steps from m_psi: to the heavy state, and to the light states,
    whose share of the triplet is small.
    """
    t, t_light = (m_psi / m_phi) ** 2, (charged.masses / m_phi) ** 2
    kappa, w = charged.delta[0, 0].real / m_psi**2, charged.light[:, 0, 0].real
    up = Fsplit(2.0 * jnp.log(m_psi), 2.0 * jnp.log(m_phi), jnp.log1p(kappa), 0.0)
    down = t * L(t) - t_light * L(t_light)
    w_heavy = 1.0 - jnp.sum(w)
    split = jnp.sum(w * down) - w_heavy * up
    dipole = (w_heavy * G(t * (1.0 + kappa)) + jnp.sum(w * G(t_light))) / m_phi**2
    return split[:, None] + 0.0j, dipole[:, None] + 0.0j


def _kernels_of_two(charged, m_psi, m_phi):
    r"""Compute the kernels of two triplets by resolvents in the loop momentum.

    No eigenvectors are needed, so that the result is smooth for any masses.

    F(A) - F(P) = -\int dk^2 k^2/(k^2 + m_phi^2) (k^2 + A)^-1 (P - A)(k^2 + P)^-1
    G(P/m_phi^2)/m_phi^2 = \int dk^2 k^2/(k^2 + m_phi^2) (k^2 + P)^-2
    """
    k2 = m_phi**2 * jnp.exp(_LOG_K2)
    weight = _STEP * k2 * k2 / (k2 + m_phi**2)
    heavy = _Resolvent(k2, m_psi, charged.delta)
    rows = [heavy.mean(weight / (k2 + m**2)) for m in m_psi]
    split = -jnp.concatenate([product(charged.delta[i : i + 1], rows[i]) for i in range(2)])
    dipole = heavy.mean_square(weight)
    average = heavy.mean(weight)
    for w, m_a in zip(charged.light, charged.masses, strict=True):
        split += jnp.sum(weight / (k2 + m_a**2)) * w - _symmetrised(w, average)
        dipole += G((m_a / m_phi) ** 2) / m_phi**2 * w - _symmetrised(w, dipole)
    return split, dipole


def _symmetrised(a, b):
    return 0.5 * (product(a, b) + product(b, a))


class _Resolvent:
    """(k^2 + m_psi^2 + delta)^-1, 2 x 2, summed over k^2; real sums, element by element."""

    def __init__(self, k2, m_psi, delta):
        self.off = delta[0, 1]
        self.first = k2 + m_psi[0] ** 2 + delta[0, 0].real
        self.second = k2 + m_psi[1] ** 2 + delta[1, 1].real
        self.det = self.first * self.second - (self.off * jnp.conj(self.off)).real

    def mean(self, weight):
        """sum_k weight (k^2 + P)^-1."""
        w = weight / self.det
        return self._hermitian(
            jnp.sum(w * self.second), -self.off * jnp.sum(w), jnp.sum(w * self.first)
        )

    def mean_square(self, weight):
        """sum_k weight (k^2 + P)^-2."""
        w, off_sq = weight / self.det**2, (self.off * jnp.conj(self.off)).real
        mixed = -self.off * jnp.sum(w * (self.first + self.second))
        diagonal = [jnp.sum(w * (x * x + off_sq)) for x in (self.second, self.first)]
        return self._hermitian(diagonal[0], mixed, diagonal[1])

    @staticmethod
    def _hermitian(a, b, d):
        return jnp.stack([jnp.stack([a + 0.0j, b]), jnp.stack([jnp.conj(b), d + 0.0j])])


def vertex(p: Point, kernel: Complex[Array, "n n"]) -> Left:
    """w_l Theta y_T kernel cos^2 xi/(sqrt2 16 pi^2): split term and moment."""
    size = 1.0 / (SQRT2 * SIXTEEN_PI2 * (1.0 + p.x**2))
    return product(p.left, size * p.y_t, kernel)


def neutral_loop(p: Point, scalars: NeutralScalars) -> Left:
    change = dL(
        2.0 * jnp.log(p.m_psi) - jnp.log(scalars.big), jnp.log1p(scalars.gap / scalars.small)
    )
    loop = -p.m_psi * (scalars.m12 / scalars.gap) * change / (2.0 * SIXTEEN_PI2)
    return p.y_psi * loop[None, :]


def charged_loop(p: Point, v_h: float) -> Left:
    """Return the charged loop, using w_l y_psi = sqrt2 w_l Theta m_psi/v_H."""
    loop = p.m_psi**2 * L((p.m_psi / p.m_phi) ** 2)
    return p.left * (-SQRT2 / v_h * loop * p.x / ((1.0 + p.x**2) * SIXTEEN_PI2))[None, :]


def cubic(p: Point, lambda_uv: float, v_h: float) -> Left:
    """Seesaw mass of the vacuum value that the running of the cubic coupling adds to v_s."""
    if lambda_uv == 0.0:
        return jnp.zeros_like(p.theta)
    larger = jnp.maximum(p.m_psi[:, None], p.m_psi[None, :])
    run = jnp.maximum(2.0 * jnp.log(lambda_uv / larger), 0.0)
    loop = (p.m_psi[:, None] * p.y_t * run) * product(dagger(p.y_psi), p.y_psi).T
    delta_v_s = SQRT2 * v_h**2 * jnp.sum(loop).real / (0.5 * SIXTEEN_PI2 * p.m_phi**2)
    return -delta_v_s * p.theta


def leading_moment(p: Point) -> Left:
    """y_psi m_psi^-1 y_T m_psi G(t) v_H/(16 pi^2 m_phi^2), GeV^-1."""
    inner = p.m_psi * G((p.m_psi / p.m_phi) ** 2) / (SIXTEEN_PI2 * p.m_phi**2)
    return product(p.theta, SQRT2 * p.y_t * inner[None, :])
