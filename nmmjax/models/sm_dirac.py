r"""Standard Model with three Dirac neutrinos: the moments that the known masses imply."""

import math
from collections.abc import Mapping
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.models import _oscillation
from nmmjax.physics import neutrinos
from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.moment_loops import df_SM
from nmmjax.physics.numbers import EV
from nmmjax.target.model import Model, Observables, Parameter, Theta, merged
from nmmjax.target.priors import Prior
from nmmjax.target.settings import setting


class SmDirac(Model):
    r"""Magnetic and electric moments of nu_R + Yukawa couplings, in the mass basis.

        L = -(1/2) nubar_i sigma (mu_ij - i d_ij gamma5) nu_j F
        mu_ij = (e G_F/(8 sqrt2 pi^2)) (m_i+m_j) X_ij,    X_ij = sum_l f_SM(a_l) U*_li U_lj
        d_ij  = i (e G_F/(8 sqrt2 pi^2)) (m_i-m_j) X_ij,  a_l = m_l^2/m_W^2

    X = 3/2 + sum_l df_SM(a_l) U*_li U_lj by unitarity: transitions keep their digits (GIM).
    Diagonal 3.2026e-19 (m/eV) mu_B; transitions about 4e-23 (m_i+m_j)/eV. Three numbers of every
    pair: mu_nu_ij and d_nu_ij are moduli, `moments` has the phases. mu_nu = (sum |mu_ij|^2)^(1/2);
    mu_eff_* include both moments, mu_eff_dirac = mu_eff_plasmon.

    Parameters: `_oscillation.parameters`, those of `sm_majorana` without alpha_21 and alpha_31:
    the real masses fix the phases of nu_R,i by those of nu_L,i, so U diag(1, e^{i a}, e^{i b}) only
    rephases nu_i, mu and d become P^* mu P, and every observable is a modulus.

    Domain: the signs and sizes of the splittings that the ordering asks for, sin2 in (0, 1).
    Settings in full, conventions, accuracy, chart: docs/models/sm_dirac.md.
    Source: f_SM equals the integral of the recalled vector-loop kernels (arXiv:1610.06587);
    diagonal: Fujikawa and Shrock, Phys. Rev. Lett. 45 (1980) 963.
    """

    ordering: Literal["NO", "IO"] = setting("NO", "order of the masses")
    convention: Literal["derived", "as_printed"] = setting(
        "derived", "formulas as derived and verified, or diagonal moments without the factor 3"
    )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _oscillation.parameters(self.ordering)

    @property
    def reference(self) -> dict[str, float]:
        central = _oscillation.reference(self.ordering)
        return {p.name: central[p.name] for p in self.parameters}

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins of the oscillation parameters, `_oscillation.domain`."""
        return _oscillation.domain(theta, self.ordering)

    def check_priors(self, priors: Mapping[str, Prior | float]) -> None:
        _oscillation.check(priors, self.ordering)

    def moments(self, theta: Theta) -> tuple[Complex[Array, "3 3"], Complex[Array, "3 3"]]:
        """(mu_ij, d_ij) in mu_B, complex and Hermitian."""
        sm, u = self.sm, neutrinos.pmns(*(theta[p] for p in neutrinos.ANGLES))
        masses = self._masses(theta)
        a = (jnp.array([sm.m_e, sm.m_mu, sm.m_tau]) / sm.m_w) ** 2
        constant = 1.5 if self.convention == "derived" else 0.5
        x = product(dagger(u), df_SM(a)[:, None] * u) + constant * jnp.eye(3)
        unit = 2.0 * sm.m_e * sm.g_f / (8.0 * math.sqrt(2.0) * math.pi**2) / EV
        mu = unit * (masses[:, None] + masses[None, :]) * x
        return mu, 1j * unit * (masses[:, None] - masses[None, :]) * x

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        u = neutrinos.pmns(*(theta[p] for p in neutrinos.ANGLES))
        mu, d = self.moments(theta)
        solar = neutrinos.solar_mixtures(u, theta["dm2_21"], self.sm)
        seen = neutrinos.effective_moments(mu - 1j * d, u, solar, majorana=False)
        size = jnp.sqrt(jnp.sum(jnp.abs(mu) ** 2))  # of the magnetic moments alone
        seen.update(mu_nu=size, mu_eff_dirac=seen["mu_eff_plasmon"])
        pairs = [(i, j) for i in range(3) for j in range(i, 3)]
        entries = {f"mu_nu_{i + 1}{j + 1}": jnp.abs(mu[i, j]) for i, j in pairs}
        entries |= {f"d_nu_{i + 1}{j + 1}": jnp.abs(d[i, j]) for i, j in pairs if i < j}
        masses = neutrinos.mass_observables(self._masses(theta), u, majorana=False)
        return merged(masses, seen, entries)

    def _masses(self, theta):
        return neutrinos.light_masses(
            theta["m_lightest"], theta["dm2_21"], theta["dm2_3l"], self.ordering
        )
