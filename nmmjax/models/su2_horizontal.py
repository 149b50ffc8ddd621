r"""SU(2)_H horizontal symmetry of e and mu: a large transition moment with a suppressed mass."""

import math
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.models import _medium, _oscillation
from nmmjax.physics import rge
from nmmjax.physics.doublets import doublet_s, doublet_t
from nmmjax.physics.moment_loops import N_F, mass_step, moment_step
from nmmjax.physics.numbers import EV, SIXTEEN_PI2, gap
from nmmjax.physics.one_loop import G
from nmmjax.target.model import (
    Model,
    Observables,
    Parameter,
    Plane,
    Rescaling,
    Theta,
    merged,
    positive,
)
from nmmjax.target.priors import LogUniform, Uniform
from nmmjax.target.settings import setting

_LAMBDA = 1e4  # GeV, cut-off in the estimate of the loop-induced splitting
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_MAX_SPLITTING = 0.1  # delta_c over |m_H^2 - m_h^2|: the quadrature's error is 1e-14 there

_PARAMETERS = (
    Parameter("f", LogUniform(1e-4, 0.1), "", "f", "Yukawa of eta with two lepton doublets"),
    Parameter("f_prime", LogUniform(1e-2, 1.5), "", "f'", "Yukawa of phi with tau_R"),
    Parameter("alpha", Uniform(0.0, 0.5 * math.pi), "", r"\alpha", "Mixing of phi^+ and eta^+"),
    Parameter("m_h_plus", LogUniform(80.0, 1e3), "GeV", "m_{h^+}", "Lighter charged scalar"),
    Parameter("m_heavy_plus", LogUniform(80.0, 5e3), "GeV", "m_{H^+}", "Heavier charged scalar"),
    Parameter("m_h0", LogUniform(80.0, 5e3), "GeV", "m_{H^0}", "CP-even neutral scalar of phi"),
    Parameter("m_a0", LogUniform(80.0, 5e3), "GeV", "m_{A^0}", "CP-odd neutral scalar of phi"),
    Parameter(
        "delta_c", LogUniform(1e-9, 1.0), "GeV^2", r"\delta_c", "m^2(eta_1) - m^2(eta_2), breaking"
    ),
)


class SU2Horizontal(Model):
    r"""Majorana moment mu_emu from phi (bidoublet) and eta (SU(2)_H doublet), a = 1, 2.

    Lagrangian, nu and charged leptons in the flavour basis:
        f' (nubar_e phi_1^+ + nubar_mu phi_2^+) tau_R + f' (ebar phi_1^0 + mubar phi_2^0) tau_R
        f  [(eta_2^+ nu_e - eta_1^+ nu_mu)^T C tau_L - (eta_2^+ e - eta_1^+ mu)^T C nu_tau]
        h^+ = cos alpha phi^+ + sin alpha eta^+ (mass m_h_plus), H^+ orthogonal (m_heavy_plus)

    The diagrams with (phi_1, eta_1) and (phi_2, eta_2) add up in the moment and cancel in the
    mass while SU(2)_H holds; delta_c splits the diagonal elements C of the two eta by +-1/2.
    With k_m(z) = G(m^2/z)/z, g_m(z) = z ln(z/m^2)/(z-m^2), m = m_tau, B the off-diagonal element
    of the mass matrix and K = 16 pi^2:
        mu_emu = (e/K) f f' m_tau B {k[spec(C+delta_c/2)] + k[spec(C-delta_c/2)]}
               = (e/K) f f' m_tau sin 2alpha [k(m_h^2) - k(m_H^2)]  at delta_c = 0
        m_emu  = (1/K) f f' m_tau B {g[spec(C+delta_c/2)] - g[spec(C-delta_c/2)]}
    where k[z1, z2] is a divided difference. A contribution to the mass matrix, to which others
    may be added: m_nu = |m_emu|, to be kept below 0.1 eV or so.
        delta_a_mu = + f'^2 m_mu^2/(32 pi^2) sum_{H0, A0} N_F(m_tau^2/m^2)/m^2
                     - f^2 m_mu^2/(96 pi^2) (sin^2 alpha/m_h^2 + cos^2 alpha/m_H^2)
        eps_tau    = f^2/(4 sqrt2 G_F) (sin^2 alpha/m_h^2 + cos^2 alpha/m_H^2)
        s_param, t_param   two doublet copies at alignment, `physics.doublets`
        g_tau/g_mu = g_tau/g_e = 1 + eps_tau
    Correlation: delta_a_mu/f'^2 is fixed by the neutral masses, mu_nu/(f f' sin 2alpha) by the
    charged ones, so delta_a_mu bounds f' and eps_tau bounds f.

    Estimates (order of magnitude): delta_c_loop = f^2 (m_mu^2-m_e^2) ln(Lambda^2/C)/(8 pi^2) at
    Lambda = 10 TeV; m_nu_unsuppressed, the mass of one diagram alone times two; m_nu_naive =
    m_h^2 mu/(2 m_e mu_B); m_nu_rge, `rge.majorana_mass` at m_h.
    Solar moments take the mixing of NuFIT 6.1, normal ordering.

    Domain: m_heavy_plus > m_h_plus (a convention: the formulas hold either way), delta_c below a
    tenth of m_H^2 - m_h^2 (one mixing angle for both copies). No h_3 couplings, no CP violation,
    external masses neglected (m_tau is kept), mu -> e gamma is forbidden by L_e - L_mu.
    Settings in full, conventions, accuracy, chart: docs/models/su2_horizontal.md.
    Source: derived; setup of arXiv:2007.04291 and the 2021 talk on it, whose text was not used.
    """

    convention: Literal["derived", "as_printed"] = setting(
        "derived", "moment as derived and verified, or the talk's leading logarithms"
    )
    medium: Literal["none", "nucleons", "electrons"] = setting("none", _medium.WORDS)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*_PARAMETERS, *_medium.parameters(self.medium))

    @property
    def reference(self) -> dict[str, float]:
        masses = {"m_h_plus": 110.0, "m_heavy_plus": 500.0, "m_h0": 120.0, "m_a0": 120.0}
        couplings = {"f": 0.02, "f_prime": 0.3, "alpha": 0.3, "delta_c": 1e-6}
        return couplings | masses | _medium.reference(self.medium)

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_h_plus", "mu_nu"),)

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", (("delta_c", 1.0),), 1.0)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive masses, m_H > m_h > 2 m_tau, delta_c a small part of m_H^2 - m_h^2."""
        ratio = theta["m_heavy_plus"] / theta["m_h_plus"]
        room = _MAX_SPLITTING * gap(theta["m_heavy_plus"], theta["m_h_plus"])
        return positive(theta, "m_h0", "m_a0") | {
            "above_tau": theta["m_h_plus"] / (2.0 * self.sm.m_tau) - 1.0,
            "heavy_above_light": ratio - 1.0,
            "soft_breaking": 1.0 - theta["delta_c"] / room,
        }

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        sm = self.sm
        couplings = theta["f"] * theta["f_prime"] * sm.m_tau / SIXTEEN_PI2
        leading = 2.0 * sm.m_e * couplings * jnp.sin(2.0 * theta["alpha"]) * self._leading(theta)
        if self.convention == "derived":
            moment = 2.0 * sm.m_e * couplings * self._moment(theta)
        else:
            moment = 2.0 * leading
        mass = EV * jnp.abs(couplings * self._mass(theta))
        return merged(
            {"m_nu": mass, "m_nu_emu": mass, "mu_nu_leading": jnp.abs(leading)},
            self._moments(moment),
            self._estimates(theta, couplings, jnp.abs(moment)),
            self._charged_leptons(theta),
            _oblique(theta, sm),
            _medium.observables(theta, self.medium),
            {
                "m_charged_scalar": jnp.minimum(theta["m_h_plus"], theta["m_heavy_plus"]),
                "max_yukawa": jnp.maximum(jnp.abs(theta["f"]), jnp.abs(theta["f_prime"])),
            },
        )

    def _moment(self, theta):
        """Sum over both copies of B k[spec], GeV^-2."""
        pair = _spectrum(theta, 0.5 * theta["delta_c"] * np.array([1.0, -1.0]))
        steps = moment_step(self.sm.m_tau**2, pair.small, pair.gap)
        return jnp.sum(pair.off / pair.gap * steps)

    def _mass(self, theta):
        """B g[spec] of one copy minus the other: its slope in C integrated over delta_c.

        With gap' = d gap/dC and small' = (1-gap')/2, big' = (1+gap')/2,
            d g[spec]/dC = [g'(big) big' - g'(small) small']/gap - gap' [g(big) - g(small)]/gap^2
        """
        m_sq, half = self.sm.m_tau**2, 0.5 * theta["delta_c"]
        pair = _spectrum(theta, half * _NODES)
        inner = 0.5 * (1.0 + pair.slope) * _mass_slope(m_sq, pair.small + pair.gap)
        inner -= 0.5 * (1.0 - pair.slope) * _mass_slope(m_sq, pair.small)
        inner -= pair.slope / pair.gap * mass_step(m_sq, pair.small, pair.gap)
        return half * jnp.sum(_WEIGHTS * pair.off / pair.gap * inner)

    def _leading(self, theta):
        """Leading logarithm of k(m_h^2) - k(m_H^2), GeV^-2."""
        h_sq, heavy_sq = theta["m_h_plus"] ** 2, theta["m_heavy_plus"] ** 2
        m_sq = self.sm.m_tau**2
        return (jnp.log(h_sq / m_sq) - 1.0) / h_sq - (jnp.log(heavy_sq / m_sq) - 1.0) / heavy_sq

    def _moments(self, moment):
        size = jnp.abs(moment)
        seen = {p: share * size for p, share in _oscillation.unit_moments(0, 1, self.sm).items()}
        seen.update(mu_nu=size)
        return merged(seen, {"mu_nu_emu": size})

    def _estimates(self, theta, couplings, moment):
        sm, z = self.sm, theta["m_h_plus"] ** 2
        dz = gap(theta["m_heavy_plus"], theta["m_h_plus"])
        alone = couplings * jnp.sin(2.0 * theta["alpha"]) * mass_step(sm.m_tau**2, z, dz)
        gap_sq = gap(sm.m_mu, sm.m_e)
        c_eta = z + jnp.cos(theta["alpha"]) ** 2 * dz
        log = jnp.log(_LAMBDA**2 / c_eta)
        one_entry = jnp.zeros((3, 3)).at[0, 1].set(moment)
        return {
            "delta_c_loop": theta["f"] ** 2 * gap_sq * log / (8.0 * math.pi**2),
            "m_nu_unsuppressed": EV * jnp.abs(alone),
            "m_nu_naive": EV * z * moment / (2.0 * sm.m_e),
            "m_nu_rge": rge.majorana_mass(one_entry, theta["m_h_plus"], sm, "hypercharge"),
        }

    def _charged_leptons(self, theta):
        sm = self.sm
        neutral = sum(N_F((sm.m_tau / theta[m]) ** 2) / theta[m] ** 2 for m in ("m_h0", "m_a0")) * (
            theta["f_prime"] ** 2 * sm.m_mu**2 / (2.0 * SIXTEEN_PI2)
        )
        exchange = theta["f"] ** 2 * (
            (jnp.sin(theta["alpha"]) / theta["m_h_plus"]) ** 2
            + (jnp.cos(theta["alpha"]) / theta["m_heavy_plus"]) ** 2
        )
        charged = -exchange * sm.m_mu**2 / (6.0 * SIXTEEN_PI2)
        eps_tau = exchange / (4.0 * math.sqrt(2.0) * sm.g_f)
        return {
            "delta_a_mu": neutral + charged,
            "delta_a_mu_neutral": neutral,
            "delta_a_mu_charged": charged,
            "eps_tau": eps_tau,
            "g_tau_over_g_mu": 1.0 + eps_tau,
            "g_tau_over_g_e": 1.0 + eps_tau,
        }


def _oblique(theta, sm):
    """S and T of two doublet copies at alignment, charged members mixed with singlets."""
    h, heavy, h0, a0 = (theta[m] ** 2 for m in ("m_h_plus", "m_heavy_plus", "m_h0", "m_a0"))
    copy = jnp.cos(theta["alpha"]) ** 2, (h, heavy), (h0, a0)
    return {"s_param": 2.0 * doublet_s(*copy), "t_param": 2.0 * doublet_t(*copy, sm)}


class _Spectrum(NamedTuple):
    """Spectrum of [[A, B], [B, C+d]] for every shift d, GeV^2."""

    off: Array  # B
    small: Array  # lower eigenvalue
    gap: Array  # difference of the eigenvalues
    slope: Array  # d gap/dC


def _spectrum(theta, d):
    """Eigenvalues of [[A, B], [B, C+d]], which are m_h^2 and m_H^2 at d = 0.

    gap = hypot(A-C-d, 2B) and the lower one from the determinant.
    """
    h, heavy = theta["m_h_plus"], theta["m_heavy_plus"]
    split = gap(h, heavy)
    off = 0.5 * jnp.sin(2.0 * theta["alpha"]) * split
    difference = jnp.cos(2.0 * theta["alpha"]) * split - d
    apart = jnp.hypot(difference, 2.0 * off)
    big = 0.5 * (h**2 + heavy**2 + d + apart)
    phi = (jnp.cos(theta["alpha"]) * h) ** 2 + (jnp.sin(theta["alpha"]) * heavy) ** 2
    return _Spectrum(off, ((h * heavy) ** 2 + phi * d) / big, apart, -difference / apart)


def _mass_slope(m_sq, z):
    """g'(z) = [1 - t G(t)]/z, t = m^2/z."""
    t = m_sq / z
    return (1.0 - t * G(t)) / z
