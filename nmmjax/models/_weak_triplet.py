"""Parameters and scalars (doublet, triplet) that one and three generations of Model-I share."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from nmmjax.physics.constants import Constants
from nmmjax.physics.numbers import PERTURBATIVE, SQRT2
from nmmjax.target.model import Observables, Parameter, Theta, positive
from nmmjax.target.priors import Angle, LogUniform, SignedLog

Y_T = Parameter("y_t", LogUniform(1e-3, PERTURBATIVE), "", "y_T", "Yukawa of Psi, S and Psi")
ARG_Y_T = Parameter("arg_y_t", Angle(), "rad", r"\arg y_T", "Phase of y_t; m_psi is real")
M_PSI = Parameter(
    "m_psi", LogUniform(10**2.5, 1e5), "GeV", r"m_\Psi", "Mass of the fermion triplet"
)
SCALARS = (
    Parameter("m_phi", LogUniform(10**2.5, 1e5), "GeV", r"m_{\phi^\pm}", "Charged scalar mass"),
    Parameter("v_s", LogUniform(1e-14, 3.0), "GeV", "v_S", "VEV of the scalar triplet"),
    Parameter(
        "lambda_hs", SignedLog(4.0 * math.pi, scale=1e-4), "", r"\lambda_{HS}", "Portal quartic"
    ),
    Parameter("lambda_s", LogUniform(1e-3, 4.0 * math.pi), "", r"\lambda_S", "Triplet quartic"),
)
REFERENCE = {"m_phi": 1.5e3, "v_s": 4e-10, "lambda_hs": 0.1, "lambda_s": 0.1}


class NeutralScalars(NamedTuple):
    m12: Array  # GeV^2
    m22: Array
    diff: Array  # m22 - m11
    gap: Array  # difference of the eigenvalues
    small: Array  # eigenvalues
    big: Array
    det: Array  # GeV^4

    @property
    def sin_2zeta(self):
        return -2.0 * self.m12 / jnp.where(self.diff >= 0.0, self.gap, -self.gap)

    @property
    def sin_zeta(self):
        return self.sin_2zeta / jnp.sqrt(2.0 * (1.0 + jnp.abs(self.diff) / self.gap))


def neutral_scalars(theta: Theta, sm: Constants) -> NeutralScalars:
    """M_0^2 in the basis (H^0, S^0) and its eigenvalues; no difference of rounded masses."""
    m_phi, v_s, v_h, m_higgs = theta["m_phi"], theta["v_s"], sm.v_h, sm.m_h
    x_sq = 2.0 * (v_s / v_h) ** 2
    from_cubic = m_phi**2 / (1.0 + x_sq)
    quartic = 8.0 * v_s**2 * theta["lambda_s"]
    m11 = m_higgs**2
    m12 = SQRT2 * v_s * (2.0 * v_h * theta["lambda_hs"] - from_cubic / v_h)
    m22 = quartic + from_cubic
    diff = (m_phi - m_higgs) * (m_phi + m_higgs) + quartic - x_sq * from_cubic
    gap = jnp.hypot(diff, 2.0 * m12)
    det = m11 * m22 - m12**2
    big = 0.5 * (m11 + m22 + gap)
    return NeutralScalars(m12, m22, diff, gap, det / big, big, det)


def lambda_h(sm: Constants) -> float:
    """Quartic coupling of the Higgs doublet, V = lambda_H |H|^4."""
    return sm.m_h**2 / (4.0 * sm.v_h**2)


def domain(theta: Theta, sm: Constants) -> Observables:
    """Margins: positive masses, det M_0^2 over the product of its diagonal entries, and a potential
    bounded from below, lambda_S > 0, lambda_HS > -2 sqrt(lambda_H lambda_S).
    """
    lambda_s = theta["lambda_s"]
    floor = 2.0 * jnp.sqrt(lambda_h(sm) * jnp.maximum(lambda_s, 0.0))
    scalars = neutral_scalars(theta, sm)
    return positive(theta, "m_psi", "m_phi") | {
        "lambda_s": lambda_s,
        "bounded_below": theta["lambda_hs"] + floor,
        "det_m0": scalars.det / (sm.m_h**2 * jnp.abs(scalars.m22)),
    }


def observables(theta: Theta, scalars: NeutralScalars, sm: Constants, sign: float) -> Observables:
    """Masses in GeV, mixing and rho_0; sign = -1 turns the printed signs of zeta and xi."""
    x, m_phi = SQRT2 * theta["v_s"] / sm.v_h, theta["m_phi"]
    higgs_like = scalars.diff >= 0.0
    m1_sq = jnp.where(higgs_like, scalars.small, scalars.big)
    m2_sq = jnp.where(higgs_like, scalars.big, scalars.small)
    return {
        "lambda_h": jnp.asarray(lambda_h(sm)),
        "mu_cubic": x * m_phi**2 / (sm.v_h * (1.0 + x**2)),
        "sin_zeta": sign * scalars.sin_zeta,
        "sin_2zeta": sign * scalars.sin_2zeta,
        "sin_xi": -sign * x / jnp.sqrt(1.0 + x**2),
        "m_phi1": jnp.sqrt(m1_sq),
        "m_phi2": jnp.sqrt(m2_sq),
        "m_charged_scalar": m_phi,
        "det_m0": scalars.det,
        "rho0": 1.0 + x**2,
    }
