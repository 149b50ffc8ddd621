r"""Model-I of arXiv:2605.19544: a vector-like SU(2) triplet and a real scalar triplet."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.errors import InputError
from nmmjax.models import _weak_triplet as shared
from nmmjax.models.weak_triplet import formulas
from nmmjax.physics import rge, z_pole
from nmmjax.physics.bridge_loops import mass_observables, moment_observables
from nmmjax.physics.numbers import PERTURBATIVE
from nmmjax.physics.one_loop import G
from nmmjax.target.model import (
    Cancellation,
    Model,
    Observables,
    Parameter,
    Plane,
    Ratio,
    Rescaling,
    Theta,
    merged,
)
from nmmjax.target.priors import LogUniform
from nmmjax.target.settings import NonNegative, Positive, setting

_TREE_TERMS = ("m_nu_dirac", "m_nu_seesaw")
_PARAMETERS = (
    Parameter("y_d", LogUniform(1e-15, 1e-11), "", "y_D", "Dirac Yukawa of nu"),
    Parameter("y_psi", LogUniform(1e-5, PERTURBATIVE), "", r"y_\Psi", "Yukawa of L, H and Psi"),
    shared.Y_T,
    Parameter(
        "y_delta",
        LogUniform(1e-3, PERTURBATIVE),
        "",
        r"y_\delta",
        "Yukawa of Psi, S, nu_R",
    ),
    shared.M_PSI,
    *shared.SCALARS,
)


class WeakTriplet(Model):
    r"""Dirac neutrino moment from an SU(2) triplet fermion Psi and a real scalar triplet S.

    Couplings y_d (L, H, nu_R), y_psi (L, H, Psi), y_t (Psi, S, Psi), y_delta (Psi, S, nu_R); the
    potential is sampled by m_phi and v_s in place of its cubic coupling,
        mu_cubic = sqrt2 v_s m_phi^2/(v_H^2 + 2 v_s^2).

    Masses, K = 16 pi^2, t = m_psi^2/m_phi^2, M_N = [[m_D, m_H], [m_S, m_psi]] with m_D = y_d v_H,
    m_H = y_psi v_H/sqrt2, m_S = y_delta v_s, and M_E = [[m_E, sqrt2 m_H], [0, m_psi]]:
        tree     m_nu_dirac + m_nu_seesaw = (m_D m_psi - m_H m_S)/m_heavy, exact
        neutral  y_psi y_delta sin2zeta m_psi [L(m_psi^2/m_1^2) - L(m_psi^2/m_2^2)]/(4K)
        charged  y_psi y_delta m_psi cos theta_L sin xi cos xi L(t)/K
        split    sin theta_L y_t y_delta cos^2 xi {m_psi F(m_psi) - w_l F(m_l) - w_h F(m_h)}
                     /(sqrt2 K),  F(m) = -B0(0; m, m_phi), m_l < m_h of M_E, w_l + w_h = m_psi
        rge      running of the SU(2) dipole, `rge.dirac_mass`, from max(m_psi, m_phi) to v
        cubic    - y_psi^3 y_t y_delta v_H^3 ln(lambda_uv^2/m_psi^2)/(8 pi^2 m_phi^2)
        moment   sin theta_L y_t y_delta cos^2 xi {m_psi G(m_psi) + w_l G(m_l) + w_h G(m_h)}
                     /(sqrt2 K m_phi^2),  G at the squared mass over m_phi^2
    m_nu = |sum of the terms in `mass_terms`|: `rge` and `cubic` are always reported and are part
    of the sum only with `rge = true` and `lambda_uv > 0`; `cubic` is 0 for lambda_uv < m_psi. One
    generation: every mu_eff_* is mu_nu. Three generations are the model `weak_triplet3`.

    Valid for v_s << v_H, m_l << m_psi, energies below the heavy masses; one loop. Domain: heavy
    scalars, potential bounded from below. "as_printed" evaluates the paper's formulas.

    Lagrangian, differences of the two conventions, accuracy: docs/models/weak_triplet.md.
    Source: arXiv:2605.19544, Eqs. 15-45.
    """

    generations: Literal[1] = setting(1, "three generations are the model weak_triplet3")
    lepton: Literal["e", "mu", "tau"] = setting(
        "e", "whose light mass fixes the charged Yukawa, solved exactly"
    )
    y_lepton: Positive | None = setting(
        None, "charged Yukawa coupling itself, in place of the lepton's mass"
    )
    convention: Literal["derived", "as_printed"] = setting(
        "derived", "formulas as derived and verified, or those of the paper"
    )
    rge: bool = setting(True, "count m_nu_rge as part of m_nu; false: without it, as the papers do")
    lambda_uv: NonNegative = setting(
        0.0, "GeV; scale at which v_s is the VEV of the given cubic coupling, 0: at every scale"
    )
    complex_y_t: bool = setting(False, "y_t has a phase, the parameter arg_y_t")

    def check(self) -> None:
        """Raise InputError for a phase in the paper's formulas, which have none."""
        if self.complex_y_t and self.convention == "as_printed":
            raise InputError("complex_y_t = true given; the formulas as printed have no phase")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*_PARAMETERS, shared.ARG_Y_T) if self.complex_y_t else _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        couplings = {"y_d": 3e-13, "y_psi": 1e-3, "y_t": 1.0, "y_delta": 1.0}
        phase = {"arg_y_t": 1.0} if self.complex_y_t else {}
        return couplings | {"m_psi": 1e3} | shared.REFERENCE | phase

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_psi", "m_phi", "mu_nu"),)

    @property
    def mass_terms(self) -> tuple[str, ...]:
        return (*self._v_s_terms, "m_nu_dirac", *self._v_s_free_terms)

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", (("y_delta", 1.0), ("y_d", 1.0)), 1.0)

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Terms with one power of v_s against those with none, then m_nu_dirac against all."""
        if self.complex_y_t:
            return ()  # projections on the sum of all terms are no powers of one handle
        others = (*self._v_s_terms, *self._v_s_free_terms)
        dirac = Ratio("y_d", ("m_nu_dirac",), others)
        if not self._v_s_free_terms:
            return (dirac,)
        return Ratio("v_s", self._v_s_terms, self._v_s_free_terms), dirac

    @property
    def cancellation(self) -> Cancellation | None:
        """m_nu_rge against m_nu_split ~ y_psi^3, the terms with one power of v_s, m_nu_dirac."""
        if not self.rge or self.complex_y_t or self.convention == "as_printed":
            return None
        linear = (("y_psi", 1.0), ("v_s", 1.0))
        terms = (
            ("m_nu_rge", (("y_psi", 1.0),)),
            ("m_nu_split", (("y_psi", 3.0),)),
            *((name, linear) for name in self._v_s_terms),
            ("m_nu_dirac", (("y_d", 1.0),)),
        )
        return Cancellation(terms, depth=2e-4)

    @property
    def _v_s_terms(self) -> tuple[str, ...]:
        charged = () if self.convention == "as_printed" else ("m_nu_charged",)
        return ("m_nu_seesaw", "m_nu_neutral", *charged)

    @property
    def _v_s_free_terms(self) -> tuple[str, ...]:
        switched = {
            "m_nu_split": self.convention == "derived",
            "m_nu_rge": self.rge,
            "m_nu_cubic": self.lambda_uv > 0.0,
        }
        return tuple(name for name, on in switched.items() if on)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins of the scalars, `_weak_triplet.domain`."""
        return shared.domain(theta, self.sm)

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        neutral = shared.neutral_scalars(theta, self.sm)
        sign = -1.0 if self.convention == "as_printed" else 1.0
        m_lepton = getattr(self.sm, f"m_{self.lepton}")
        p = formulas.point(theta, neutral, self.sm, m_lepton, self.y_lepton)
        moment = 2.0 * self.sm.m_e * formulas.dipole(p)
        terms, turn = self._mass_terms(p, moment)
        masses, mixing = self._masses(p, terms, moment * turn.real), formulas.mixing(p)
        return merged(
            masses,
            {"m_beta": masses["m_nu"]} if self.lepton == "e" else {},
            self._moments(p, moment, turn),
            mixing,
            {f"eta_{self.lepton}{self.lepton}": 0.5 * mixing["theta_sq"]},
            self._currents(p),
            formulas.spectrum(p),
            shared.observables(theta, neutral, self.sm, sign),
        )

    def _currents(self, p):
        """Z pole, muon decay and universality of the mixed lepton."""
        theta = z_pole.one_flavour(p.m_h / p.theta["m_psi"], self.lepton)
        return z_pole.triplet_observables(theta, p.theta["m_psi"][None], self.sm)

    def _mass_terms(self, p, moment):
        """Signed terms in GeV, and the phase of the moment against the mass (1 for a real y_t)."""
        loops = self._loops(p)
        terms = merged(
            loops,
            formulas.tree_terms(p, self.sm.v_h),
            {
                "m_nu_cubic": formulas.cubic(p, self.lambda_uv),
                "m_nu_rge": rge.dirac_mass(moment, _heaviest(p), self.sm),
            },
        )
        turn = jnp.ones_like(moment)
        if self.complex_y_t:
            terms, turn = formulas.turned(terms, self._summed, p.theta["arg_y_t"])
        loop = sum(terms[name] for name in loops)
        return terms | {"m_nu_loop": loop}, turn

    def _masses(self, p, terms, moment):
        """Mass observables in eV; the tree mass is not summed from its two terms."""
        return mass_observables(terms, self._summed, moment, _heaviest(p), self.sm)

    @property
    def _summed(self):
        added = (name for name in self.mass_terms if name not in _TREE_TERMS)
        return ("m_nu_tree", *added)

    def _loops(self, p):
        """One-loop mass terms, GeV."""
        neutral = formulas.neutral_loop(p)
        if self.convention == "as_printed":
            none = jnp.zeros_like(neutral)
            return {"m_nu_neutral": -neutral, "m_nu_charged": none, "m_nu_split": none}
        return {
            "m_nu_neutral": neutral,
            "m_nu_charged": formulas.charged_loop(p),
            "m_nu_split": formulas.split_loop(p),
        }

    def _moments(self, p, moment, turn):
        """Moment observables in mu_B: one generation, so every effective moment is its size.

        With a phase mu_nu and d_nu are the parts of L = -(1/2) nubar sigma (mu - i d gamma5) nu F
        for a real, positive mass.
        """
        unit = 2.0 * self.sm.m_e
        if self.convention == "as_printed":
            moment = unit * formulas.printed_dipole(p)
        seen = moment_observables(moment, _heaviest(p), self.sm)
        seen["mu_nu_leading"] = jnp.abs(unit * formulas.leading_dipole(p) * G(p.t))
        if self.complex_y_t:
            seen |= {"mu_nu": jnp.abs(moment * turn.real), "d_nu": -moment * turn.imag}
        return seen


def _heaviest(p):
    return jnp.maximum(p.theta["m_psi"], p.theta["m_phi"])
