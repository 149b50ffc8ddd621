r"""Standard Model with three Majorana neutrinos: transition moments, no diagonal ones."""

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

_ANGLES = (*neutrinos.ANGLES, *neutrinos.PHASES)


class SmMajorana(Model):
    r"""Transition moments of light Majorana neutrinos, in the mass basis.

    With X_ij = sum_l df_SM(m_l^2/m_W^2) U*_li U_lj (off-diagonal, GIM) the direct amplitude minus
    the transposed one (sigma and sigma gamma5 are odd under C) gives
        mu_ij =  2i (e G_F/(8 sqrt2 pi^2)) (m_i+m_j) Im X_ij,
        d_ij  = -2i (e G_F/(8 sqrt2 pi^2)) (m_i-m_j) Re X_ij   (sign a convention),
    antisymmetric: the diagonal is 0 exactly. L = -(1/2) sum_{i<j} nu_i^T C sigma mu_ij nu_j F.
    For small m_l/m_W: 7.829e-23 ((m_i+m_j)/eV) |Im sum_l U*U m_l^2/m_tau^2| mu_B, and (m_i-m_j)
    for the real part: at most about 1e-23 mu_B altogether. mu_nu_ij and d_nu_ij are moduli,
    `moments` has the signs. mu_nu = (sum_{i<j} |mu_ij|^2)^(1/2); mu_eff_* include both moments.

    Parameters: `_oscillation.parameters` and the two Majorana phases.

    Domain: the signs and sizes of the splittings that the ordering asks for, sin2 in (0, 1).
    Settings in full, conventions, accuracy, chart: docs/models/sm_majorana.md.
    Source: C parity of the bilinears applied to `sm_dirac`; the factor 2 agrees with
    arXiv:1403.6344.
    """

    ordering: Literal["NO", "IO"] = setting("NO", "order of the masses")
    convention: Literal["derived", "as_printed"] = setting(
        "derived", "formulas as derived and verified, or with the Dirac coefficient, half as large"
    )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _oscillation.parameters(self.ordering) + _oscillation.majorana_parameters()

    @property
    def reference(self) -> dict[str, float]:
        return _oscillation.reference(self.ordering)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins of the oscillation parameters, `_oscillation.domain`."""
        return _oscillation.domain(theta, self.ordering)

    def check_priors(self, priors: Mapping[str, Prior | float]) -> None:
        _oscillation.check(priors, self.ordering)

    def moments(self, theta: Theta) -> tuple[Complex[Array, "3 3"], Complex[Array, "3 3"]]:
        """(mu_ij, d_ij) in mu_B, purely imaginary and antisymmetric."""
        sm, u = self.sm, neutrinos.pmns(*(theta[p] for p in _ANGLES))
        masses = self._masses(theta)
        a = (jnp.array([sm.m_e, sm.m_mu, sm.m_tau]) / sm.m_w) ** 2
        loop = 2.0 * df_SM(a) if self.convention == "derived" else -0.75 * a
        off = jnp.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
        x = off * product(dagger(u), loop[:, None] * u)
        unit = 2.0 * sm.m_e * sm.g_f / (8.0 * math.sqrt(2.0) * math.pi**2) / EV
        mu = 1j * unit * (masses[:, None] + masses[None, :]) * x.imag
        return mu, -1j * unit * (masses[:, None] - masses[None, :]) * x.real

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        u = neutrinos.pmns(*(theta[p] for p in _ANGLES))
        mu, d = self.moments(theta)
        solar = neutrinos.solar_mixtures(u, theta["dm2_21"], self.sm)
        seen = neutrinos.effective_moments(mu - 1j * d, u, solar, majorana=True)
        pairs = ((0, 1), (0, 2), (1, 2))
        entries = {f"mu_nu_{i + 1}{j + 1}": jnp.abs(mu[i, j].imag) for i, j in pairs}
        entries |= {f"d_nu_{i + 1}{j + 1}": jnp.abs(d[i, j].imag) for i, j in pairs}
        size = sum(entries[f"mu_nu_{i + 1}{j + 1}"] ** 2 for i, j in pairs)
        masses = neutrinos.mass_observables(self._masses(theta), u, majorana=True)
        seen.update(mu_nu=jnp.sqrt(size))  # of the magnetic moments alone
        return merged(masses, seen, entries)

    def _masses(self, theta):
        return neutrinos.light_masses(
            theta["m_lightest"], theta["dm2_21"], theta["dm2_3l"], self.ordering
        )
