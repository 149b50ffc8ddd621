r"""Model-III of arXiv:2605.19544: a fermion triplet bridge, a loop of coloured triplets."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.models import _psi_bridge as bridge
from nmmjax.physics.bridge_loops import Gh, rho_loop
from nmmjax.physics.numbers import PERTURBATIVE, SIXTEEN_PI2, SQRT2
from nmmjax.physics.one_loop import Gm, dL
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
from nmmjax.target.priors import LogUniform, SignedLog

_COLORS = 3.0
_CHARGES = bridge.Charges(upper=4.0 / 3.0, lower=-2.0 / 3.0, hypercharge=1.0 / 3.0)

_PARAMETERS = (
    Parameter("y_d", LogUniform(1e-15, 1e-11), "", "y_D", "Dirac Yukawa of nu"),
    Parameter("y_psi", LogUniform(1e-5, PERTURBATIVE), "", r"y_\Psi", "Yukawa of L, H and Psi"),
    Parameter("y_t", LogUniform(1e-3, PERTURBATIVE), "", "y_T", "Yukawa of Psi, S and F"),
    Parameter("y_delta", LogUniform(1e-3, PERTURBATIVE), "", r"y_\delta", "Yukawa of F, S, nu_R"),
    Parameter("m_psi", LogUniform(10**2.5, 1e5), "GeV", r"m_\Psi", "Mass of the fermion triplet"),
    Parameter("m_f", LogUniform(1e3, 1e7), "GeV", "m_F", "Mass of the coloured fermions"),
    Parameter("m_s", LogUniform(1e3, 1e7), "GeV", "m_S", "Mass of the coloured scalars"),
    Parameter(
        "lambda_prime", SignedLog(0.1, scale=1e-12), "", r"\lambda'", "Quartic that splits S"
    ),
)


class ColoredTriplet(bridge.PsiBridge):
    r"""Dirac neutrino moment from (3, 3, 1/3) coloured triplets F (fermion) and S (scalar).

    Lagrangian (charges as superscripts; L contains +m fermion masses; K = 16 pi^2, N_c = 3):
        y_psi, y_d   as in `weak_triplet`
        y_t      [mbar (S^{-4/3} F^{1/3} - S^{-1/3} F^{-2/3}) + pbar (S^{-1/3} F^{4/3}
                  - S^{2/3} F^{1/3}) + nbar (S^{2/3} F^{-2/3} - S^{-4/3} F^{4/3})]/sqrt2
        y_delta  sum_i Fbar_i S_i nu_R
        V        m_S^2 and lambda_prime: m_S(4/3, -2/3)^2 = m_S^2 +- lambda_prime v_H^2
    theta_L: exact mixing of nu and n, M_N = [[y_d v_H, y_psi v_H/sqrt2], [0, m_psi]]. With
    F(m, M) = -B0(0; m, M) in MSbar at m_F and p = N_c sin theta_L y_t y_delta/(sqrt2 K):
        m_nu_dirac    y_d v_H m_psi/m_heavy (the exact tree mass)
        m_nu_quartic  p m_F [F(m_F, m_S4/3) - F(m_F, m_S2/3)], exactly 0 for lambda_prime = 0
        m_nu_ew       p [m_F4/3 F(m_F4/3, m_S4/3) - m_F F(m_F, m_S4/3)]: on-shell electroweak
                      shifts of the charge 4/3 masses; 0 with ew_splitting = "none"
        m_nu_rge      running of the SU(2) dipole from the heaviest mass in the loop to v
        moment        p [(4/3) m_F4/3 G/m_S4/3^2 + (2/3) m_F2/3 G/m_S2/3^2], G at m_F^2/m_S^2
    m_nu = |sum of the terms in `mass_terms`|. One generation: every mu_eff_* is mu_nu.

    t_param and s_param: scalars alone, one loop, alpha at m_Z; S for small splittings. Not
    included: mixing of psi in S, T; two-loop masses. Domain: m_S^2 > |lambda_prime| v_H^2.
    Settings in full, conventions, accuracy, chart: docs/models/colored_triplet.md.
    Source: arXiv:2605.19544, Eqs. (50)-(59).
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        couplings = {"y_d": 3e-13, "y_psi": 1e-2, "y_t": 0.3, "y_delta": 0.3}
        masses = {"m_psi": 2e3, "m_f": 3e3, "m_s": 4e3}
        return couplings | masses | {"lambda_prime": 1e-8}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("lambda_prime", "mu_nu", "m_nu"),)

    @property
    def mass_terms(self) -> tuple[str, ...]:
        return ("m_nu_dirac", *bridge.loop_terms(self))

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", (("y_delta", 1.0), ("y_d", 1.0)), 1.0)

    @property
    def signed_cancellation(self) -> SignedCancellation | None:
        """lambda_prime against m_nu_rge and m_nu_dirac."""
        if not (self.rge):
            return None
        return SignedCancellation((("lambda_prime", 4e-3),), depth=2e-4)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive masses; squared mass of the lighter split scalar over m_S^2."""
        x = theta["lambda_prime"] * (self.sm.v_h / theta["m_s"]) ** 2
        return positive(theta, "m_psi", "m_f", "m_s") | {"scalars": 1.0 - jnp.abs(x)}

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        p = self._point(theta)
        derived, printed = self._moments(p)
        moment = derived if self.convention == "derived" else printed
        loops = {
            "m_nu_quartic": p.vertex * _quartic_loop(p),
            "m_nu_ew": -p.vertex * bridge.ew_loop(self, p.m_f, p.dm_f, p.m_up, p.dm_s),
        }
        heaviest = jnp.maximum(p.m_f, p.m_s)
        return merged(
            bridge.masses_and_moments(self, p.nu, loops, (derived, moment), heaviest),
            bridge.mixing(self, p.nu, theta, ("y_d", "y_psi", "y_t", "y_delta")),
            self._oblique(p),
            {
                "m_colored_scalar": jnp.minimum(p.m_up, p.m_down),
                "m_colored_fermion": p.m_f,
                "min_eig": p.m_s**2 * (1.0 - jnp.abs(p.x)),
            },
        )

    def _point(self, theta):
        nu = bridge.neutrino(self, theta)
        x = theta["lambda_prime"] * (self.sm.v_h / theta["m_s"]) ** 2
        m_up = theta["m_s"] * jnp.sqrt(1.0 + x)
        return _Point(
            nu=nu,
            vertex=_COLORS * nu.sin_l * theta["y_t"] * theta["y_delta"] / SQRT2,
            m_f=theta["m_f"],
            m_s=theta["m_s"],
            x=x,
            m_up=m_up,
            m_down=theta["m_s"] * jnp.sqrt(1.0 - x),
            dm_f=self._shift("fermion", theta["m_f"], theta["m_f"]),
            dm_s=self._shift("scalar", theta["m_s"], m_up),
        )

    def _shift(self, kind, m, m_up):
        """Return the gauge-loop mass shift of the charge 4/3 member, whose mass is m_up; GeV."""
        shift = bridge.on_shell_shift(self, kind, m, _CHARGES)
        if self.convention == "derived":
            return shift
        return m_up * jnp.expm1(0.5 * jnp.log1p(shift / m_up**2))

    def _moments(self, p):
        """Derived and printed moment in mu_B, both from the shifted masses."""
        m_f, m_s = p.m_f + p.dm_f, p.m_up + p.dm_s
        unit = 2.0 * self.sm.m_e * p.vertex / SIXTEEN_PI2
        up, down = m_f * Gh(m_f**2, m_s**2), p.m_f * Gh(p.m_f**2, p.m_down**2)
        derived = unit * (_CHARGES.upper * up - _CHARGES.lower * down)
        up = m_f * Gm((m_f / m_s) ** 2) / m_s**2
        down = p.m_f * Gm((p.m_f / p.m_down) ** 2) / p.m_down**2
        return derived, -2.0 * _CHARGES.upper * unit * (up + down)

    def _oblique(self, p):
        """T = N_c sum_I [J(J+1) - I(I-1)] F2(m_I, m_{I-1})/(8 pi^2 alpha v^2), J = 1,
        S = -(N_c Y/3pi) sum_I I ln m_I^2.
        """
        breaking = 2.0 * p.m_s**2 * (rho_loop(p.x) + rho_loop(-p.x))
        t = _COLORS * breaking * self.sm.alpha_inv_mz / (0.5 * SIXTEEN_PI2 * self.sm.v_ew**2)
        s = -_COLORS * _CHARGES.hypercharge * 2.0 * jnp.arctanh(p.x) / (3.0 * math.pi)
        return {"s_param": s, "t_param": t}


class _Point(NamedTuple):
    """Intermediate results that several observables use, at one point."""

    nu: bridge.Neutrino
    vertex: Array  # N_c sin theta_L y_T y_delta/sqrt2
    m_f: Array  # masses in GeV
    m_s: Array
    x: Array  # lambda' v_H^2/m_S^2
    m_up: Array  # tree-level masses of the scalars of charge 4/3 and -2/3
    m_down: Array
    dm_f: Array  # electroweak shifts of charge 4/3
    dm_s: Array


def _quartic_loop(p):
    """m_F [F(m_F, m_S4/3) - F(m_F, m_S2/3)]/(16 pi^2): the logarithms drop out."""
    u = 2.0 * jnp.log(p.m_f / p.m_down)
    return p.m_f * dL(u, -2.0 * jnp.arctanh(p.x)) / SIXTEEN_PI2
