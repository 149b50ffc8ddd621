r"""Oblique parameters of a scalar doublet whose charged member mixes with a singlet.

Doublet (phi^+, (r + i a)/sqrt2) without a vacuum expectation value; h_1^+ = c phi^+ + s eta^+ and
h_2^+ = -s phi^+ + c eta^+, eta^+ an SU(2) singlet. Squared masses in GeV^2.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics.constants import Constants
from nmmjax.physics.kernels import kernel
from nmmjax.physics.moment_loops import F_T
from nmmjax.physics.numbers import SIXTEEN_PI2

type Real = Float[Array, "..."]
type Pair = tuple[Real, Real]


def log_mean(a: Real, b: Real) -> Float[Array, "..."]:
    r"""Return \int_0^1 x(1-x) ln(x a + (1-x) b) dx, a and b > 0.

        = (1/6) ln m + (1/8) [(2/3) ln(1-r^2) + 2/9 + (2 r^2 - 2/3) K_1],
        m = (a+b)/2, r = (a-b)/(a+b), K_1 of `physics.kernels`

    No digit is lost at a = b. Source: derived.
    """
    t = a / b
    r_sq = ((t - 1.0) / (t + 1.0)) ** 2
    inner = 2.0 / 3.0 * jnp.log(4.0 * t / (1.0 + t) ** 2) + 2.0 / 9.0
    inner += (2.0 * r_sq - 2.0 / 3.0) * kernel(1, t)
    return jnp.log(0.5 * (a + b)) / 6.0 + inner / 8.0


def doublet_s(c_sq: Real, charged: Pair, neutral: Pair) -> Float[Array, "..."]:
    """S of one doublet; c_sq = cos^2 of the charged mixing, squared masses (h_1, h_2), (r, a).

        S = (2/pi) [sum_ij c_i^2 c_j^2 L_ij/4 + L_ra/4 - sum_i c_i^2 L_ii/2],  L of `log_mean`

    c_1^2 = c_sq, c_2^2 = 1 - c_sq. With c_sq = 1 this is the inert doublet of hep-ph/0603188.
    Source: derived, S = 16 pi [Pi'_33(0) - Pi'_3Q(0)].
    """
    (h1, h2), s_sq = charged, 1.0 - c_sq
    own = (0.25 * c_sq**2 - 0.5 * c_sq) * jnp.log(h1) / 6.0
    own += (0.25 * s_sq**2 - 0.5 * s_sq) * jnp.log(h2) / 6.0
    mixed = 0.5 * c_sq * s_sq * log_mean(h1, h2)
    return 2.0 / math.pi * (own + mixed + 0.25 * log_mean(*neutral))


def doublet_t(c_sq: Real, charged: Pair, neutral: Pair, sm: Constants) -> Float[Array, "..."]:
    """T of one doublet, arguments as `doublet_s`.

        T = [sum_i c_i^2 (F_ir + F_ia) - F_ra - 2 c_1^2 c_2^2 F_12]/(16 pi^2 alpha v^2),  F = F_T

    Source: arXiv:0802.4353, at alignment.
    """
    (h1, h2), (r, a), s_sq = charged, neutral, 1.0 - c_sq
    total = c_sq * (F_T(h1, r) + F_T(h1, a)) + s_sq * (F_T(h2, r) + F_T(h2, a))
    total -= F_T(r, a) + 2.0 * c_sq * s_sq * F_T(h1, h2)
    return total / (SIXTEEN_PI2 * sm.alpha_0 * sm.v_ew**2)
