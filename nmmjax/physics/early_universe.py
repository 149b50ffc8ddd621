r"""Right-handed neutrinos that Dirac moments make in the early Universe, and their part of N_eff.

A moment turns nu_L to nu_R in collisions with charged particles by t-channel photons. The rate at
which this moves energy, over that of one nu_L, with Fermi-Dirac statistics and Pauli blocking, is

    Gamma = alpha mu^2 T^3 sum Q^2 [ln(T^2/m_D^2)/3 + 0.7384],   m_D^2 = (4 pi alpha/3) T^2 sum Q^2

for massless fermions, 1/(-t) -> 1/(m_D^2 - t): a neutrino on the light cone feels the transverse
Lorentz force alone, and its correlator in the hot plasma, both polarisations resummed, is that of
this replacement (a sum rule). The energy density x of one nu_R species, in units of one nu_L at
late times, follows

    dx/dln a = (Gamma/H) (x_eq - x),   x_eq = (10.75/g_s)^(4/3),   x = 0 at `hottest`.

Gamma/H grows with T: moments beyond about 2e-12 mu_B thermalise nu_R while it is hot, and x
remembers g_s where the contact is lost. Not in Gamma: W bosons, hadrons, terms of relative order
m_D/T; masses enter by the number of particles. Where nu_R is not thermalised `hottest` matters.
At 2.7e-12 mu_B of three neutrinos, which arXiv:2211.04669 excludes, Delta N_eff is 0.19.
Degrees of freedom: arXiv:1606.07494, table S2.
"""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.physics.constants import SM, Constants

STANDARD = 3.044  # arXiv:2012.02726
_PLANCK = 1.220890e19  # GeV
_CONFINED = 0.1565  # GeV; quarks are free above
_HARD = 0.7384  # +- 0.0005, Monte Carlo of the collisions
_ZETA_3 = 1.2020569031595942
_QUARKS = (("m_t", 4), ("m_b", 1), ("m_c", 4), ("m_s", 1), ("m_d", 1), ("m_u", 4))  # 9 Q^2
_LEPTONS = ("m_e", "m_mu", "m_tau")
_G = np.array(  # log10(T/MeV), g_rho, g_rho/g_s
    [
        *((0.00, 10.71, 1.00228), (0.50, 10.74, 1.00029), (1.00, 10.76, 1.00048)),
        *((1.25, 11.09, 1.00505), (1.60, 13.68, 1.02159), (2.00, 17.61, 1.02324)),
        *((2.15, 24.07, 1.05423), (2.20, 29.84, 1.07578), (2.40, 47.83, 1.06118)),
        *((2.50, 53.04, 1.04690), (3.00, 73.48, 1.01778), (4.00, 83.10, 1.00123)),
        *((4.30, 85.56, 1.00389), (4.60, 91.97, 1.00887), (5.00, 102.17, 1.00750)),
        (5.45, 104.98, 1.00023),
    ]
).T
_STEPS = 600
_NODES, _WEIGHTS = np.polynomial.laguerre.laggauss(64)


def delta_n_eff(mu: Float[Array, "*b"], hottest: float = 100.0) -> Float[Array, "*b"]:
    """Return the part of N_eff of one nu_R species with moment mu = (sum_a |mu_a|^2)^(1/2), mu_B.

    a runs over the neutrinos that flip to it; `hottest` in GeV, at most 280. Species add up: 0.06
    for each that lost contact at 30 GeV, 1 for contact below 10 MeV. Error of 600 steps in ln T:
    1e-3.
    """
    rates, after, equilibrium = _history(hottest, SM)
    square = (jnp.asarray(mu)[..., None] * SM.e / (2.0 * SM.m_e)) ** 2
    made = -jnp.expm1(-square * rates) * jnp.exp(-square * after)
    return jnp.sum(equilibrium * made, axis=-1)


@functools.cache
def _history(hottest: float, sm: Constants):
    """Gamma/H over one step per mu^2, its sum over later steps, and x_eq, from hot to cold."""
    t = np.geomspace(hottest, 2e-3, _STEPS + 1)
    g_rho, g_s = degrees(t)
    scale = -np.log(t) - np.log(g_s) / 3.0
    middle = np.sqrt(t[1:] * t[:-1])
    g_rho, g_s = degrees(middle)
    hubble = math.sqrt(8.0 * math.pi**3 / 90.0) * np.sqrt(g_rho) * middle**2 / _PLANCK
    rates = flip_rate(middle, sm) * middle**3 / hubble * np.diff(scale)
    after = np.cumsum(rates[::-1])[::-1] - rates
    return rates, after, (10.75 / g_s) ** (4.0 / 3.0)


def degrees(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """g_rho and g_s at temperatures t in GeV, linear in ln T between the table's."""
    log = np.log10(1e3 * t)
    g_rho = np.interp(log, _G[0], _G[1])
    return g_rho, g_rho / np.interp(log, _G[0], _G[2])


def flip_rate(t: np.ndarray, sm: Constants = SM) -> np.ndarray:
    """Gamma/(mu^2 T^3) of one neutrino at temperatures t in GeV, alpha(0)."""
    charges = sum(_present(getattr(sm, m) / t) for m in _LEPTONS)
    quarks = sum(n / 3.0 * _present(getattr(sm, m) / t) for m, n in _QUARKS)
    charges = charges + np.where(t > _CONFINED, quarks, 0.0)
    debye = 4.0 * math.pi * sm.alpha_0 / 3.0 * charges
    return sm.alpha_0 * charges * (_HARD - np.log(debye) / 3.0)


def _present(x):
    """Number density of a fermion of mass x T over that of a massless one."""
    x = np.asarray(x)[..., None]
    energy = np.sqrt(_NODES**2 + x**2)
    weight = _WEIGHTS * _NODES**2 * np.exp(_NODES - energy) / (1.0 + np.exp(-energy))
    return np.sum(weight, axis=-1) / (1.5 * _ZETA_3)
