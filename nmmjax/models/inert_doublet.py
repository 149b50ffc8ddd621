r"""Model-II of arXiv:2605.19544: a fermion triplet bridge, loop of a Z2-odd inert doublet."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.models import _psi_bridge as bridge
from nmmjax.physics.bridge_loops import Gh, rho_loop
from nmmjax.physics.numbers import PERTURBATIVE, SIXTEEN_PI2, SQRT2
from nmmjax.physics.one_loop import dL_pair
from nmmjax.target.model import (
    Observables,
    Parameter,
    Plane,
    Rescaling,
    SignedCancellation,
    Theta,
    merged,
    positive,
)
from nmmjax.target.priors import LogUniform, SignedLog, Uniform

_CHARGES = bridge.Charges(upper=1.0, lower=0.0, hypercharge=0.5)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)  # of S, to 1e-13 for |l5| v_H^2 < m_eta^2/2

_PARAMETERS = (
    Parameter("y_d", LogUniform(1e-15, 1e-11), "", "y_D", "Dirac Yukawa of nu"),
    Parameter("y_psi", LogUniform(1e-5, PERTURBATIVE), "", r"y_\Psi", "Yukawa of L, H and Psi"),
    Parameter("y_1", LogUniform(1e-3, PERTURBATIVE), "", "y_1", "Yukawa of Psi, eta and F"),
    Parameter("y_2", LogUniform(1e-3, PERTURBATIVE), "", "y_2", "Yukawa of F, eta and nu_R"),
    Parameter("m_psi", LogUniform(10**2.5, 1e5), "GeV", r"m_\Psi", "Mass of the fermion triplet"),
    Parameter("m_f", LogUniform(300.0, 1e5), "GeV", "m_F", "Mass of the fermion doublet"),
    Parameter("mu2_eta", LogUniform(9e4, 1e10), "GeV^2", r"\mu_\eta^2", "Mass term of eta"),
    Parameter("lambda_3", Uniform(-0.5, 3.0), "", r"\lambda_3", "Quartic |H|^2 |eta|^2"),
    Parameter("lambda_4", SignedLog(1.0, scale=1e-12), "", r"\lambda_4", "Quartic |H^dag eta|^2"),
    Parameter(
        "lambda_5", SignedLog(1.0, scale=1e-12), "", r"\lambda_5", "Quartic (H^dag eta)^2 + h.c."
    ),
)


class InertDoublet(bridge.PsiBridge):
    r"""Dirac neutrino moment from Z2-odd doublets F (fermion) and eta (scalar), both (1, 2, 1/2).

    Lagrangian (Psi^{0,+,-} = n, p, m; L contains +m fermion masses; K = 16 pi^2):
        y_d    (nubar H0* - lbar H-) nu_R
        y_psi  H0* (nubar n_R/sqrt2 + lbar m_R) + ...
        y_1    [(F+bar eta+ - F0bar eta0) n/sqrt2 + F+bar eta0 p + F0bar eta+ m] + h.c.
        y_2    (F+bar eta+ + F0bar eta0) nu_R
        V      mu2_eta |eta|^2 + lambda_3 |H|^2 |eta|^2 + lambda_4 |H^dag eta|^2
               + (lambda_5/2) [(H^dag eta)^2 + h.c.]
    Scalars: m_+^2 = mu2_eta + lambda_3 v_H^2, m_R,I^2 = m_+^2 + (lambda_4 +- lambda_5) v_H^2.
    theta_L: exact mixing of nu and n, M_N = [[y_d v_H, y_psi v_H/sqrt2], [0, m_psi]].
    With F(m, M) = -B0(0; m, M) in MSbar at m_F and p = sin theta_L y_1 y_2/(sqrt2 K):
        m_nu_dirac    y_d v_H m_psi/m_heavy (the exact tree mass)
        m_nu_quartic  p m_F {[F(m_F, m_R) + F(m_F, m_I)]/2 - F(m_F, m_+)}, exactly 0 where
                      lambda_4 = lambda_5 = 0; linear in lambda_4, quadratic in lambda_5
        m_nu_ew       p {m_F F(m_F, m_+) - m_F+ F(m_F+, m_eta+)} with on-shell electroweak shifts
                      of the charged masses; 0 with ew_splitting = "none"
        m_nu_rge      running of the SU(2) dipole from the heaviest mass in the loop to v
        moment        -p m_F G(m_F^2/m_+^2)/m_+^2
    m_nu = |sum of the terms in `mass_terms`|. One generation: every mu_eff_* is mu_nu.

    t_param, s_param: scalars alone, one loop, from the tree-level masses, alpha at m_Z; T vanishes
    for lambda_4 = +-lambda_5, where its relative error grows. Not included: mixing of psi
    in S, T; decays of h to eta; W, Z loops of the tree mass (relative alpha/4pi).
    Domain: all scalar masses squared > 0; bounded from below for some lambda_2 <= 4 pi.

    Settings in full, conventions, accuracy, chart: docs/models/inert_doublet.md.
    Source: arXiv:2605.19544, section on Model-II; T and S of doublets: hep-ph/0603188.
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        couplings = {"y_d": 3e-13, "y_psi": 1e-2, "y_1": 0.5, "y_2": 0.5}
        masses = {"m_psi": 2e3, "m_f": 1e3, "mu2_eta": 1e6}
        return couplings | masses | {"lambda_3": 0.1, "lambda_4": 1e-8, "lambda_5": 1e-9}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("lambda_4", "lambda_5"),)

    @property
    def mass_terms(self) -> tuple[str, ...]:
        return ("m_nu_dirac", *bridge.loop_terms(self))

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", (("y_2", 1.0), ("y_d", 1.0)), 1.0)

    @property
    def signed_cancellation(self) -> SignedCancellation | None:
        """lambda_4 against m_nu_rge, m_nu_dirac and what lambda_5 adds to m_nu_quartic."""
        if not (self.rge):
            return None
        return SignedCancellation((("lambda_4", 4e-3),), depth=2e-4)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive masses, squared masses of eta+ and of the lighter neutral scalar (over
        that of eta+), and lambda_3, lambda_3 + lambda_4 - |lambda_5| > -2 sqrt(lambda_1 lambda_2)
        for lambda_2 = 4 pi, lambda_1 = m_h^2/(4 v_H^2).
        """
        charged = theta["mu2_eta"] + theta["lambda_3"] * self.sm.v_h**2
        neutral = theta["lambda_4"] - jnp.abs(theta["lambda_5"])
        floor = self.sm.m_h / self.sm.v_h * PERTURBATIVE
        return positive(theta, "m_psi", "m_f") | {
            "eta_charged": charged,
            "eta_neutral": 1.0 + neutral * self.sm.v_h**2 / charged,
            "bounded_below": theta["lambda_3"] + jnp.minimum(neutral, 0.0) + floor,
        }

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        p = self._point(theta)
        vertex = p.nu.sin_l * theta["y_1"] * theta["y_2"] / SQRT2
        m_f, m_s = theta["m_f"] + p.dm_f, p.m_eta + p.dm_s
        moment = -2.0 * self.sm.m_e * vertex * m_f * Gh(m_f**2, m_s**2) / SIXTEEN_PI2
        loops = {
            "m_nu_quartic": vertex * _quartic_loop(theta["m_f"], p),
            "m_nu_ew": vertex * bridge.ew_loop(self, theta["m_f"], p.dm_f, p.m_eta, p.dm_s),
        }
        heaviest = jnp.maximum(theta["m_f"], p.m_eta)
        return merged(
            bridge.masses_and_moments(self, p.nu, loops, (moment, moment), heaviest),
            bridge.mixing(self, p.nu, theta, ("y_d", "y_psi", "y_1", "y_2")),
            self._oblique(p),
            {
                "m_charged_scalar": m_s,
                "min_eig": p.m_eta**2 * jnp.minimum(1.0, 1.0 + p.x_4 - jnp.abs(p.x_5)),
            },
        )

    def _point(self, theta):
        m_eta_sq = theta["mu2_eta"] + theta["lambda_3"] * self.sm.v_h**2
        m_eta = jnp.sqrt(m_eta_sq)
        return _Point(
            nu=bridge.neutrino(self, theta),
            m_eta=m_eta,
            x_4=theta["lambda_4"] * self.sm.v_h**2 / m_eta_sq,
            x_5=theta["lambda_5"] * self.sm.v_h**2 / m_eta_sq,
            dm_f=bridge.on_shell_shift(self, "fermion", theta["m_f"], _CHARGES),
            dm_s=bridge.on_shell_shift(self, "scalar", m_eta, _CHARGES),
        )

    def _oblique(self, p):
        """T = [F2(+,R) + F2(+,I) - F2(R,I)]/(16 pi^2 alpha v^2),
        S = (1/2pi) int_0^1 x(1-x) ln{[x m_R^2 + (1-x) m_I^2]/m_+^2} dx.
        """
        r, i = p.x_4 + p.x_5, p.x_4 - p.x_5
        split = (1.0 + r) * rho_loop(-2.0 * p.x_5 / (1.0 + r))
        breaking = p.m_eta**2 * (rho_loop(r) + rho_loop(i) - split)
        logs = jnp.log1p(p.x_4 + _NODES * p.x_5)
        return {
            "s_param": jnp.sum(_WEIGHTS * (1.0 - _NODES**2) * logs) / (16.0 * math.pi),
            "t_param": breaking * self.sm.alpha_inv_mz / (SIXTEEN_PI2 * self.sm.v_ew**2),
        }


class _Point(NamedTuple):
    """Intermediate results that several observables use, at one point."""

    nu: bridge.Neutrino
    m_eta: Array  # tree-level mass of eta+, GeV
    x_4: Array  # lambda_4 v_H^2/m_eta^2
    x_5: Array
    dm_f: Array  # electroweak shifts of F+ and eta+, GeV
    dm_s: Array


def _quartic_loop(m_f, p):
    """m_F {[F(m_F, m_R) + F(m_F, m_I)]/2 - F(m_F, m_+)}/(16 pi^2): the logarithms drop out."""
    mean = 0.5 * jnp.log1p(2.0 * p.x_4 + (p.x_4 - p.x_5) * (p.x_4 + p.x_5))
    half = jnp.arctanh(p.x_5 / (1.0 + p.x_4))
    return m_f * dL_pair(2.0 * jnp.log(m_f / p.m_eta), -mean, half) / SIXTEEN_PI2
