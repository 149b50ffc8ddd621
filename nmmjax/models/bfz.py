r"""Zee model with the scalars of Barr, Freire and Zee: a two-loop moment with a suppressed mass."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.models._zee import NEUTRAL, ZeeScalars
from nmmjax.physics.doublets import doublet_s, doublet_t
from nmmjax.physics.numbers import EV, SIXTEEN_PI2, gap
from nmmjax.physics.two_loop import J_scalar
from nmmjax.target.model import Observables, Parameter, Plane, Theta, merged, positive
from nmmjax.target.priors import LogUniform

_N_C = 3.0
_LIGHTEST = 80.0  # GeV, below it LEP has seen any charged scalar

_SCALARS = (
    Parameter("kappa", LogUniform(1.0, 1e3), "GeV", r"\kappa", "Cubic coupling phi^- S^+ s"),
    Parameter("m_s_plus", LogUniform(_LIGHTEST, 2e3), "GeV", "m_{S^+}", "Charged scalar S^+"),
    Parameter("m_s_r", LogUniform(_LIGHTEST, 2e3), "GeV", "m_{s_R}", "CP-even partner of S^+"),
    Parameter("m_s_i", LogUniform(_LIGHTEST, 2e3), "GeV", "m_{s_I}", "CP-odd partner of S^+"),
    *NEUTRAL,
)


class Bfz(ZeeScalars):
    r"""The model `zee` and an inert doublet (S^+, (s_R + i s_I)/sqrt2) in the inner loop.

        L = ... - kappa phi^- S^+ (s_R - i s_I) + h.c.,   kappa = lambda v/2 of the quartic
        coupling lambda (Phi^dag S)(S^dag H),   v = 246 GeV

    The loop of S^+ and s joins phi^+, W^+ and the photon, as top and bottom do in `zee`; with
    F_ab = 2 f_ab, s = sin(2 phi)/2, K = 16 pi^2:
        mu_ab(S) = F_ab e g^2 kappa s/(sqrt2 K^2) sum_{s_R, s_I} [J_S(m_h) - J_S(m_H)],
        J_S = J_scalar(m, m_W, m_{S^+}, m_s) of `physics.two_loop`,
    a part of mu_nu_2loop. It is antisymmetric as f is, and the same graphs without the photon
    leave a longitudinal W: the spin of the two bosons forbids the mass but for m_l^2/m_W^2.
        m_nu_2loop = max_ab |F_ab (m_a^2 - m_b^2)|/m_W^2 g^2 |s|/K^2 ln(m_H^2/m_h^2) [3 y_top m_t
                     + 3 y_bottom m_b + (kappa/sqrt2) sum_s |m_{S^+}^2-m_s^2|/(m_{S^+}^2+m_s^2)]
    (estimate; the current of degenerate S^+, s is conserved) is no part of m_nu, Zee's matrix.

    s_param, t_param: both doublets, phi^+ with its singlet admixture, at alignment. The quartic
    coupling behind kappa is quartic_kappa = 2 kappa/v. Every other observable is that of `zee` with
    neutral_scalars = true: H and A of phi's doublet are in the charged leptons' dipoles, and make
    l -> 3 l' at tree level.

    Domain: that of `zee`. S is odd under a parity, so that it has no vacuum expectation value.
    Settings in full, conventions, accuracy, chart: docs/models/bfz.md.
    Source: Barr, Freire, Zee PRL 65 (1990) 2626; Babu, Jana, Lindner arXiv:2007.04291 for the
    suppression of the mass; integral and prefactor derived twice (docs/errata/baselines.md).
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*super().parameters, *_SCALARS)

    @property
    def reference(self) -> dict[str, float]:
        scalars = {"kappa": 100.0, "m_s_plus": 150.0, "m_s_r": 140.0, "m_s_i": 160.0}
        return super().reference | scalars | {"m_h0": 220.0, "m_a0": 240.0}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_h_plus", "kappa", "mu_nu"),)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: those of `zee`, and positive masses."""
        return positive(theta, *(p.name for p in _SCALARS[1:])) | super().domain(theta)

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        found = super().predict(theta)
        found["m_charged_scalar"] = jnp.minimum(found["m_charged_scalar"], theta["m_s_plus"])
        return merged(
            found,
            self._oblique(theta),
            {
                "m_nu_2loop": self._two_loop_mass(theta),
                "quartic_kappa": 2.0 * theta["kappa"] / self.sm.v_ew,
            },
        )

    def _inner_loops(self, theta):
        """Return what joins photon, W and phi^+: quarks and scalars, GeV^-1."""
        outer = jnp.stack([theta["m_h_plus"], theta["m_heavy_plus"]])
        masses = (self.sm.m_w, theta["m_s_plus"])
        even, odd = (J_scalar(outer, *masses, theta[p]) for p in ("m_s_r", "m_s_i"))
        cubic = theta["kappa"] / math.sqrt(2.0)
        return super()._inner_loops(theta) + cubic * (even[0] - even[1] + odd[0] - odd[1])

    def _two_loop_mass(self, theta):
        """Return the estimate of the two-loop mass, eV."""
        sm, plus = self.sm, theta["m_s_plus"]
        if not self.two_loop:
            return jnp.zeros_like(plus)
        apart = sum(jnp.abs(_asymmetry(plus, theta[p])) for p in ("m_s_r", "m_s_i"))
        inner = _N_C * (theta["y_top"] * sm.m_t + theta["y_bottom"] * sm.m_b)
        inner += theta["kappa"] * apart / math.sqrt(2.0)
        m_sq = {"emu": gap(sm.m_mu, sm.m_e), "etau": gap(sm.m_tau, sm.m_e)}
        m_sq["mutau"] = gap(sm.m_tau, sm.m_mu)
        flip = jnp.max(jnp.stack([2.0 * jnp.abs(theta[f"f_{p}"]) * x for p, x in m_sq.items()]))
        g_sq_over_m_w_sq = 8.0 * sm.g_f / math.sqrt(2.0)
        mixing = 0.5 * jnp.abs(jnp.sin(2.0 * theta["phi"]))
        log = 2.0 * jnp.log(theta["m_heavy_plus"] / theta["m_h_plus"])
        return EV * flip * g_sq_over_m_w_sq * mixing * log * inner / SIXTEEN_PI2**2

    def _oblique(self, theta):
        squares = {p: theta[p] ** 2 for p in theta if p.startswith("m_")}
        phi = (
            jnp.cos(theta["phi"]) ** 2,
            (squares["m_h_plus"], squares["m_heavy_plus"]),
            (squares["m_h0"], squares["m_a0"]),
        )
        plus = squares["m_s_plus"]
        inert = (jnp.ones(()), (plus, plus), (squares["m_s_r"], squares["m_s_i"]))
        return {
            "s_param": doublet_s(*phi) + doublet_s(*inert),
            "t_param": doublet_t(*phi, self.sm) + doublet_t(*inert, self.sm),
        }


def _asymmetry(x, y):
    """(x^2 - y^2)/(x^2 + y^2)."""
    return gap(x, y) / (x**2 + y**2)
