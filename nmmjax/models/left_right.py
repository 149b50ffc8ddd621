r"""Left-right symmetric model with Dirac neutrinos: moment from W_L-W_R mixing."""

import math
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics import early_universe
from nmmjax.physics.moment_loops import K_LR
from nmmjax.physics.neutrinos import SOLAR_MOMENTS
from nmmjax.physics.numbers import EV, SIXTEEN_PI2
from nmmjax.target.model import Model, Observables, Parameter, Plane, Theta, merged, positive
from nmmjax.target.priors import LogUniform
from nmmjax.target.settings import setting

_BEAMS = {"e": "mu_eff_reactor", "mu": "mu_eff_numu", "tau": "mu_eff_nutau"}

_PARAMETERS = (
    Parameter("xi", LogUniform(1e-8, 3e-2), "rad", r"\xi", "Mixing angle of W_L and W_R"),
    Parameter("m_w2", LogUniform(1e3, 3e4), "GeV", "m_{W_2}", "Mass of the heavy W"),
    Parameter(
        "m_nu_dirac", LogUniform(1e-3, 1.0), "eV", r"m_\nu^{\mathrm{Dirac}}", "Dirac mass of nu"
    ),
)


class LeftRight(Model):
    r"""One Dirac neutrino nu_l with W_1 = cos xi W_L - sin xi W_R, equal gauge couplings.

    With t_i = m_l^2/M_i^2 and r = M_1^2/M_2^2:
        mu = (e G_F/(2 sqrt2 pi^2)) {m_l sin 2xi [K_LR(t_1) - r K_LR(t_2)]/4
                 /(cos^2 xi + r sin^2 xi) + (3/4) m_nu (1+r)}
    exact in t_1, t_2; G_F is that of muon decay. The first term is mu_nu_flip, the second
    mu_nu_mass, both signed. m_nu = m_nu_dirac, which the moment hardly feels; but the mixing
    renormalises it, m_nu_mixing = (g^2/K) m_l sin 2xi ln(M_2^2/M_1^2), g^2 = 8 G_F m_W^2/sqrt2,
    K = 16 pi^2: an order-of-magnitude estimate, some 40 eV at mu_nu = 1e-15 mu_B. m_nu_naive =
    m_W^2 mu/(2 m_e mu_B) is another.

    Bounds: -0.020 < xi < 0.017 (decay of polarised muons, light nu_R), |xi| below about r in the
    minimal model: mu_nu is 1e-16 (e), 2e-14 (mu), 4e-13 mu_B (tau) there.

    Settings in full, conventions, accuracy, chart: docs/models/left_right.md.
    Source: derived in Feynman gauge; the sign of the mixed W-Goldstone diagram by the leading term
    of arXiv:1403.6344 and by a second derivation (docs/errata/baselines.md).
    """

    lepton: Literal["e", "mu", "tau"] = setting(
        "e", "flavour of the neutrino, which decides the mu_eff_* of a beam that is returned"
    )
    convention: Literal["derived", "as_printed"] = setting(
        "derived", "exact in the masses, or the talk's leading term"
    )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        return {"xi": 1e-4, "m_w2": 5e3, "m_nu_dirac": 0.05}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("xi", "mu_nu", "m_w2"),)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: a positive mass of W_2, and one of the neutrino that is not negative."""
        mass = jnp.asarray(theta["m_nu_dirac"], float)
        return positive(theta, "m_w2") | {"m_nu_dirac": jnp.where(mass >= 0.0, 1.0, mass)}

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        sm, m_l = self.sm, getattr(self.sm, f"m_{self.lepton}")
        r = (sm.m_w / theta["m_w2"]) ** 2
        flip, mass = self._terms(theta, r, m_l)
        moment = jnp.abs(flip + mass)
        g_sq = 8.0 * sm.g_f * sm.m_w**2 / math.sqrt(2.0)
        estimate = g_sq / SIXTEEN_PI2 * m_l * jnp.sin(2.0 * theta["xi"]) * jnp.log(r)
        solar = (f"mu_eff_{name}" for name in SOLAR_MOMENTS)
        seen = ("mu_nu", *solar, "mu_eff_plasmon", "mu_eff_dirac", _BEAMS[self.lepton])
        return merged(
            dict.fromkeys(seen, moment),
            {
                "mu_nu_flip": flip,
                "mu_nu_mass": mass,
                "m_nu": jnp.asarray(theta["m_nu_dirac"]),
                "m_nu_mixing": EV * jnp.abs(estimate),
                "m_nu_naive": EV * sm.m_w**2 * moment / (2.0 * sm.m_e),
                "n_eff": early_universe.STANDARD + early_universe.delta_n_eff(moment),
                "w_mixing": jnp.asarray(theta["xi"]),
                "m_w_heavy": jnp.asarray(theta["m_w2"]),
            },
        )

    def _terms(self, theta, r, m_l):
        """Signed moments in mu_B: chirality flip on the charged lepton, and on the neutrino."""
        sm, xi = self.sm, theta["xi"]
        unit = 2.0 * sm.m_e * sm.g_f / (2.0 * math.sqrt(2.0) * math.pi**2)
        leading = unit * m_l * jnp.sin(2.0 * xi)
        if self.convention == "as_printed":
            return leading, jnp.zeros_like(leading)
        t_1, t_2 = (m_l / jnp.asarray(sm.m_w)) ** 2, (m_l / theta["m_w2"]) ** 2
        loops = 0.25 * (K_LR(t_1) - r * K_LR(t_2))
        rate = jnp.cos(xi) ** 2 + r * jnp.sin(xi) ** 2
        return leading * loops / rate, 0.75 * unit * theta["m_nu_dirac"] / EV * (1.0 + r)
