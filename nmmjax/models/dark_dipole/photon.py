"""Decays of the dark photon, and of the Z, in `dark_dipole`: widths in GeV."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from nmmjax.physics.constants import Constants
from nmmjax.physics.dark_scalars import Scalars
from nmmjax.physics.numbers import square_root
from nmmjax.physics.z_pole import GAMMA_Z_NU
from nmmjax.target.model import Theta

_SAME = np.array([[1.0, -1.0], [-1.0, 1.0]])


def _momentum(x, y):
    """lambda(1, x^2, y^2)^(1/2) of a decay to masses |x|, |y| in units of the parent, or 0."""
    x, y = jnp.abs(x), jnp.abs(y)
    square = (1.0 - (x + y) ** 2) * (1.0 - (x - y) ** 2)
    return square_root(jnp.where(x + y >= 1.0, 0.0, square))


def _majorana_pair(x, y):
    """Vector boson to two Majorana fermions of signed masses x, y; 1 for massless ones."""
    squares = x**2 + y**2
    return _momentum(x, y) * (1.0 - 0.5 * squares - 0.5 * (x**2 - y**2) ** 2 - 3.0 * x * y)


def visible(theta: Theta, sm: Constants) -> Array:
    """Width of A' to charged leptons, GeV."""
    m, eps = theta["m_aprime"], theta["eps"]
    r = jnp.array([sm.m_e, sm.m_mu, sm.m_tau]) / m
    phase = jnp.sum(_momentum(r, r) * (1.0 + 2.0 * r**2))
    return sm.alpha_0 * eps**2 * m * phase / 3.0


def invisible(theta: Theta, m_dirac: Array, s: Scalars, vector_squared: Array, mu: Array) -> Array:
    """Width of A' to N_1 N_2, H_k A_l and light neutrinos (vector and dipole), GeV."""
    m, g_d = theta["m_aprime"], theta["g_d"]
    lnv = theta["m_lnv"]
    fermions = 4.0 * _majorana_pair((lnv - m_dirac) / m, (lnv + m_dirac) / m)
    h, a = (jnp.sqrt(jnp.stack(squares)) / m for squares in (s.h, s.a))
    gaps = (s.h[0] - s.h[1]) * (s.a[0] - s.a[1])
    mixed = gaps != 0.0
    cosine = jnp.where(mixed, s.align / jnp.where(mixed, gaps, 1.0), 0.0)
    squares = 0.5 * (1.0 + cosine * _SAME)  # cos^2 and sin^2(theta_I - theta_R)
    scalars = jnp.sum(squares * _momentum(h[:, None], a[None, :]) ** 3)
    dark = g_d**2 * m / (48.0 * math.pi) * (fermions + scalars)
    return dark + m / (24.0 * math.pi) * (vector_squared + (mu * m) ** 2)


def z_invisible(theta: Theta, m_dirac: Array, sm: Constants) -> Array:
    """Z to three neutrinos and, where open, N_1 N_2 with vector coupling, each as a neutrino's."""
    one = 1e-3 * GAMMA_Z_NU
    pair = _majorana_pair((theta["m_lnv"] - m_dirac) / sm.m_z, (theta["m_lnv"] + m_dirac) / sm.m_z)
    return one * (3.0 + 2.0 * pair)
