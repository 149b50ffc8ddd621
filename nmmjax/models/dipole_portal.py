r"""Dipole portal: transition moments of active neutrinos to a heavy neutral lepton N."""

import math
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.models import _oscillation
from nmmjax.physics.numbers import EV, square_root
from nmmjax.target.model import Model, Observables, Parameter, Plane, Theta, positive
from nmmjax.target.priors import LogUniform
from nmmjax.target.settings import setting

_DIPOLES = ("d_e", "d_mu", "d_tau")
_TEX = {"d_e": "d_e", "d_mu": r"d_\mu", "d_tau": r"d_\tau"}
_NEUTRINO = {"d_e": "nu_e", "d_mu": "nu_mu", "d_tau": "nu_tau"}

_PARAMETERS = (
    *(
        Parameter(d, LogUniform(1e-13, 1e-4), "GeV^-1", _TEX[d], f"Dipole of {_NEUTRINO[d]} and N")
        for d in _DIPOLES
    ),
    Parameter("m_n", LogUniform(1e-6, 10.0), "GeV", "m_N", "Heavy neutral lepton"),
    Parameter(
        "lambda_uv", LogUniform(1e2, 1e5), "GeV", r"\Lambda", "Mass of the particles in the loop"
    ),
)


class DipolePortal(Model):
    r"""A heavy neutral lepton N that meets active neutrinos through a photon.

        L = d_a nubar_a sigma^{mn} N_R F_mn + h.c.,   moment mu_a = 2 d_a (2 m_e/e) in mu_B

    as arXiv:1803.03262 has d (GeV^-1); real, one N. The dimension-five operator is what is left of
    loops at lambda_uv, which without their photon give a Dirac mass between nu and N.

    mu_nu = (sum_a mu_a^2)^(1/2); mu_portal_solar and d_solar = (sum_a P_a d_a^2)^(1/2) with the
    flavours of solar neutrinos at the Earth, pp for the one (a moment), 8B for the other (a
    dipole); d_any = (sum_a d_a^2)^(1/2). tau_n, the lifetime:
        1/tau = sum_a d_a^2 m_N^3/(4 pi), Dirac N; twice that for Majorana N (two helicities of nu).

    Estimates, from the moment's loop without the photon:
        m_nu_naive = lambda_uv^2 mu_nu/(2 m_e mu_B), the Dirac mass m_D that must be tuned away if
        theta_sq = sin^2 theta and m_nu, the light mass of [[0, m_D], [m_D, m_N]], are too large.
    With Dirac N lepton number holds and the neutrino is massless (no m_nu): tan theta = m_D/m_N.

    Not here: Z and W dipoles of the same operators, mixing other than theta, decays N -> nu l l.
    Settings in full, conventions, accuracy, limits: docs/models/dipole_portal.md.
    Source: arXiv:1803.03262; arXiv:2007.15563.
    """

    nature: Literal["dirac", "majorana"] = setting("dirac", "of N, a lepton number or none")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        return {"d_e": 1e-9, "d_mu": 2e-9, "d_tau": 5e-9, "m_n": 0.05, "lambda_uv": 1e3}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_n", "mu_portal_solar"),)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: a positive mass of N and a positive scale."""
        return positive(theta, "m_n", "lambda_uv")

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        sm = self.sm
        squares = jnp.stack([theta[d] ** 2 for d in _DIPOLES])
        to_mu_b = 4.0 * sm.m_e / sm.e
        total = square_root(jnp.sum(squares))
        mu = to_mu_b * total
        width = (2.0 if self.nature == "majorana" else 1.0) * total**2 * theta["m_n"] ** 3
        dirac_mass = theta["lambda_uv"] ** 2 * mu / (2.0 * sm.m_e)
        return self._light(theta["m_n"], dirac_mass) | {
            "mu_nu": mu,
            "mu_portal_solar": to_mu_b * self._solar(squares, "pp"),
            "d_solar": self._solar(squares, "8B"),
            "d_any": total,
            "tau_n": sm.hbar * 4.0 * math.pi / width,
            "m_nu_naive": EV * dirac_mass,
        }

    def _solar(self, squares, source):
        shares = _oscillation.solar_flavours("NO", source, self.sm)
        return square_root(jnp.sum(shares * squares))

    def _light(self, m_n, dirac_mass):
        """Light mass in eV, if any, and sin^2 of the mixing; no digit is lost for small m_D/m_N."""
        if self.nature == "dirac":
            total = dirac_mass**2 + m_n**2
            return {"theta_sq": dirac_mass**2 / total}
        half = 0.5 * m_n
        light = dirac_mass**2 / (half + jnp.hypot(half, dirac_mass))
        return {"m_nu": EV * light, "theta_sq": light / (2.0 * light + m_n)}
