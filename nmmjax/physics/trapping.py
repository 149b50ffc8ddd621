"""Neutrinos in stars that carry a mass from a light scalar, and how that shuts plasmon decay.

The mass comes from a scalar phi that couples to neutrinos (y_nu) and to matter (y_f); plasmons
cannot decay into two neutrinos heavier than half the plasma frequency (Babu, Jana, Lindner,
arXiv:2007.04291; medium mass as in arXiv:1912.13488). eV inside, except where said.
"""

import math

import jax.numpy as jnp
import scipy.constants as si
from jax.scipy.special import gammainc
from jaxtyping import Array, Float

from nmmjax.physics.constants import SM, Constants
from nmmjax.physics.numbers import EV, square_root

_HBAR_C = si.hbar * si.c / si.eV  # eV m
_PER_GRAM = 1e-3 / si.atomic_mass  # nucleons per gram


def nucleon_density(rho: float) -> float:
    """Nucleons per volume, in eV^3, at a mass density rho in g/cm^3."""
    return rho * _PER_GRAM * 1e6 * _HBAR_C**3


def electron_scalar_density(rho: float, y_e: float = 0.5, sm: Constants = SM) -> float:
    r"""<ebar e> of a cold degenerate electron gas, in eV^3.

        n^s = m_e/(2 pi^2) [p_F E_F - m_e^2 asinh(p_F/m_e)],  p_F = (3 pi^2 y_e n)^(1/3)

    rho in g/cm^3, y_e electrons per nucleon. Relative error 1e-16 (m_e/p_F)^2: < 3e-12 for
    rho > 1 g/cm^3.
    """
    m = sm.m_e * EV
    p = _fermi_momentum(rho, y_e)
    return m / (2.0 * math.pi**2) * (p * math.hypot(p, m) - m**2 * math.asinh(p / m))


def plasma_frequency(rho: float, y_e: float = 0.5, sm: Constants = SM) -> float:
    """omega_p = (4 pi alpha n_e / E_F)^(1/2) of a degenerate gas, in eV: 18.0 keV at 1e6 g/cm^3."""
    n_e = y_e * nucleon_density(rho)
    energy = math.hypot(_fermi_momentum(rho, y_e), sm.m_e * EV)
    return math.sqrt(4.0 * math.pi * sm.alpha_0 * n_e / energy)


def medium_mass(
    couplings: Float[Array, "*b"], m_phi: Float[Array, "*b"], density: float, radius: float
) -> Float[Array, "*b"]:
    r"""Neutrino mass at the centre of a uniform sphere of matter, in eV.

        m = y_nu y_f n^s / m_phi^2 [1 - (1 + x) exp(-x)],  x = m_phi R

    couplings  y_nu y_f, of either sign: the modulus counts
    m_phi      mass of the scalar in eV, > 0
    density    scalar density n^s in eV^3 (nucleons: `nucleon_density`)
    radius     R in km
    """
    x = m_phi * (radius * 1e3 / _HBAR_C)
    return jnp.abs(couplings) * density / m_phi**2 * gammainc(2.0, x)


def plasmon_factor(
    r: Float[Array, "*b"], coupling: str = "magnetic", squared: bool = False
) -> Float[Array, "*b"]:
    r"""Phi, the rate of plasmon decay over that for massless neutrinos, or Phi^2.

        magnetic  (1 + 8r) (1 - 4r)^(1/2),   electric  (1 - 4r)^(3/2),   0 from r = 1/4 on

    r = (medium mass / plasma frequency)^2 >= 0. Phi has an infinite slope at r = 1/4, Phi^2 has
    a finite one; both are continuous.
    """
    open_ = jnp.where(r >= 0.25, 0.0, 1.0 - 4.0 * r)
    square = open_**3 if coupling == "electric" else (1.0 + 8.0 * jnp.minimum(r, 0.25)) ** 2 * open_
    return square if squared else square_root(square)


def _fermi_momentum(rho: float, y_e: float) -> float:
    return (3.0 * math.pi**2 * y_e * nucleon_density(rho)) ** (1.0 / 3.0)
