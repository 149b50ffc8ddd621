"""Zee's charged scalars, shared by `zee` and `bfz`: masses, moments, charged leptons."""

import itertools
import math
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.models import _medium
from nmmjax.physics import decays, neutral_scalars, neutrinos, rge, z_pole
from nmmjax.physics.matrices import product
from nmmjax.physics.moment_loops import mass_step, moment_step
from nmmjax.physics.numbers import EV, SIXTEEN_PI2, gap
from nmmjax.physics.two_loop import J_down, J_up
from nmmjax.target.model import Model, Observables, Parameter, Rescaling, Theta, merged
from nmmjax.target.priors import LogUniform, SignedLog, Uniform
from nmmjax.target.settings import setting

_N_C = 3.0
_NAMES = neutrinos.FLAVOURS
_PAIRS = neutrinos.PAIRS
_TEX = {"e": "e", "mu": r"\mu", "tau": r"\tau"}

_PARAMETERS = (
    *(
        Parameter(
            f"f_{a}{b}",
            LogUniform(1e-5, 0.05),
            "",
            rf"f_{{{_TEX[a]}{_TEX[b]}}}",
            f"Antisymmetric coupling of eta to L_{a}, L_{b}",
        )
        for a, b in itertools.combinations(_NAMES, 2)
    ),
    *(
        Parameter(
            f"y_{a}{b}",
            SignedLog(1e-2, scale=1e-8),
            "",
            rf"Y_{{{_TEX[a]}{_TEX[b]}}}",
            f"Coupling nubar_{a} P_R {b} phi^+",
        )
        for a, b in itertools.product(_NAMES, _NAMES)
    ),
    Parameter("y_top", LogUniform(1e-3, 1.0), "", "y_t", "Coupling tbar P_L b phi^+"),
    Parameter("y_bottom", LogUniform(1e-3, 1.0), "", "y_b", "Coupling tbar P_R b phi^+"),
    Parameter("phi", Uniform(0.0, 0.5 * math.pi), "", r"\varphi", "Mixing of phi^+ and eta^+"),
    Parameter("m_h_plus", LogUniform(80.0, 5e3), "GeV", "m_{h^+}", "Lighter charged scalar"),
    Parameter("m_heavy_plus", LogUniform(80.0, 5e3), "GeV", "m_{H^+}", "Heavier charged scalar"),
)
NEUTRAL = (
    Parameter("m_h0", LogUniform(80.0, 5e3), "GeV", "m_{H^0}", "CP-even partner of phi^+"),
    Parameter("m_a0", LogUniform(80.0, 5e3), "GeV", "m_{A^0}", "CP-odd partner of phi^+"),
)


class ZeeScalars(Model):
    """Predictions of `zee`, whose docstring has the formulas; a model adds to the inner loops."""

    two_loop: bool = setting(True, "add the two-loop moment; false: mu_nu_2loop = 0")
    ordering: Literal["NO", "IO"] = setting("NO", "columns to which the masses of M are assigned")
    medium: Literal["none", "nucleons", "electrons"] = setting("none", _medium.WORDS)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*_PARAMETERS, *_medium.parameters(self.medium))

    @property
    def reference(self) -> dict[str, float]:
        f = {"f_emu": 1e-2, "f_etau": 2e-3, "f_mutau": 3e-3}
        y = {
            f"y_{a}{b}": x
            for (a, b), x in zip(
                itertools.product(_NAMES, _NAMES),
                (1e-6, 2e-6, 1e-5, 3e-6, 1e-5, -2e-5, 1e-6, 4e-5, 5e-5),
                strict=True,
            )
        }
        heavy = {"y_top": 0.5, "y_bottom": 0.1, "phi": 0.3}
        masses = {"m_h_plus": 150.0, "m_heavy_plus": 300.0}
        return f | y | heavy | masses | _medium.reference(self.medium)

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", tuple((f"f_{pair}", 1.0) for pair in _PAIRS), 1.0)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: m_H > m_h, and m_h > 2 m_tau for the differences of loops."""
        return {
            "heavy_above_light": theta["m_heavy_plus"] / theta["m_h_plus"] - 1.0,
            "above_tau": theta["m_h_plus"] / (2.0 * self.sm.m_tau) - 1.0,
        }

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        mass = EV * self._one_loop(theta, mass_step, 1.0)
        one = 2.0 * self.sm.m_e * self._one_loop(theta, moment_step, -1.0)
        two = self._two_loop(theta) if self.two_loop else jnp.zeros_like(one)
        masses, u = neutrinos.takagi(mass + 0j, self.ordering)
        return merged(
            neutrinos.mass_observables(masses, u, majorana=True),
            neutrinos.mixing(u),
            neutrinos.splittings(masses, self.ordering),
            self._moments(one, two, masses, u),
            neutrinos.flavour_entries(mass, one + two),
            self._estimates(theta, one + two),
            self._charged_leptons(theta),
            self._spectrum(theta),
            _medium.observables(theta, self.medium),
        )

    def _one_loop(self, theta, step, sign):
        """(s/K) sum_c (F_ac Y_bc +- F_bc Y_ac) m_c [k(m_h^2) - k(m_H^2)], k that of `step`."""
        m_l = self._lepton_masses
        h, heavy = theta["m_h_plus"], theta["m_heavy_plus"]
        loops = -step(m_l**2, h**2, gap(heavy, h))
        chain = 2.0 * product(_antisymmetric(theta), (m_l * loops)[:, None] * _yukawas(theta).T)
        return 0.5 * jnp.sin(2.0 * theta["phi"]) / SIXTEEN_PI2 * (chain + sign * chain.T)

    def _two_loop(self, theta):
        """mu_ab(2) in mu_B."""
        g_sq = 8.0 * self.sm.g_f * self.sm.m_w**2 / math.sqrt(2.0)
        scale = 2.0 * self.sm.m_e * g_sq * 0.5 * jnp.sin(2.0 * theta["phi"]) / SIXTEEN_PI2**2
        return scale * self._inner_loops(theta) * 2.0 * _antisymmetric(theta)

    def _inner_loops(self, theta):
        """Return what joins photon, W and phi^+, for h^+ minus H^+, GeV^-1."""
        sm = self.sm
        m = jnp.stack([theta["m_h_plus"], theta["m_heavy_plus"]])
        up, down = J_up(m, sm.m_w, sm.m_t, sm.m_b), J_down(m, sm.m_w, sm.m_t, sm.m_b)
        inner = theta["y_top"] * sm.m_t * (up[0] - up[1])
        return _N_C * (inner + theta["y_bottom"] * sm.m_b * (down[0] - down[1]))

    def _moments(self, one, two, masses, u):
        dm2_21 = neutrinos.splittings(masses, self.ordering)["dm2_21"]
        u = neutrinos.apart(u, dm2_21)
        mu = neutrinos.to_mass_basis((one + two) + 0j, u)
        solar = neutrinos.solar_mixtures(u, dm2_21, self.sm)
        seen = neutrinos.effective_moments(mu, u, solar, majorana=True)
        size = neutrinos.transition_size
        parts = {"mu_nu_1loop": size(one), "mu_nu_2loop": size(two)}
        entries = neutrinos.moment_entries(mu, basis="mass", majorana=True)
        seen.update(mu_nu=size(one + two))  # smooth also where masses agree
        return merged(seen, parts, entries)

    def _estimates(self, theta, mu):
        m_h = theta["m_h_plus"]
        return {
            "m_nu_naive": EV * m_h**2 * neutrinos.transition_size(mu) / (2.0 * self.sm.m_e),
            "m_nu_rge": rge.majorana_mass(mu, m_h, self.sm, "hypercharge"),
        }

    def _charged_leptons(self, theta):
        f, y, m_l = 2.0 * _antisymmetric(theta), _yukawas(theta), self._lepton_masses
        c_sq, s_sq = jnp.cos(theta["phi"]) ** 2, jnp.sin(theta["phi"]) ** 2
        h, heavy = theta["m_h_plus"] ** -2, theta["m_heavy_plus"] ** -2
        s_eta, s_phi = s_sq * h + c_sq * heavy, c_sq * h + s_sq * heavy
        right = m_l[:, None] / m_l[None, :] * product(y.T, y)
        charged = -(product(f.T, f) * s_eta + right * s_phi) / (12.0 * SIXTEEN_PI2) + 0j
        rate = s_eta / (4.0 * math.sqrt(2.0) * self.sm.g_f)
        eps = {pair: f[a, b] ** 2 * rate for pair, (a, b) in _PAIRS.items()}
        return merged(
            self._flavour(theta, charged, y),
            {f"eps_{pair}": x for pair, x in eps.items()},
            z_pole.observables(z_pole.unmixed(), eps["emu"], self.sm),
            {
                "g_tau_over_g_mu": (1.0 + eps["etau"]) / (1.0 + eps["emu"]),
                "g_tau_over_g_e": (1.0 + eps["mutau"]) / (1.0 + eps["emu"]),
            },
        )

    def _flavour(self, theta, charged, y):
        """Observables of dipoles, with H and A where these have masses."""
        if "m_h0" not in theta:
            return decays.observables(charged, self.sm)
        masses = theta["m_h0"], theta["m_a0"]
        dipoles = charged + neutral_scalars.dipoles(y, *masses, self.sm)
        tree = neutral_scalars.three_leptons(dipoles, y, *masses, self.sm)
        return decays.observables(dipoles, self.sm) | tree

    def _spectrum(self, theta):
        couplings = [theta[p.name] for p in _PARAMETERS if p.name.startswith(("f_", "y_"))]
        return {
            "m_charged_scalar": jnp.minimum(theta["m_h_plus"], theta["m_heavy_plus"]),
            "max_yukawa": jnp.max(jnp.abs(jnp.stack(couplings))),
        }

    @property
    def _lepton_masses(self):
        return jnp.array([self.sm.m_e, self.sm.m_mu, self.sm.m_tau])


def _antisymmetric(theta):
    """The 3 x 3 matrix f_ab."""
    emu, etau, mutau = (theta[f"f_{pair}"] for pair in _PAIRS)
    none = jnp.zeros_like(emu)
    return jnp.array([[none, emu, etau], [-emu, none, mutau], [-etau, -mutau, none]])


def _yukawas(theta):
    """The 3 x 3 matrix Y_ab."""
    return jnp.array([[theta[f"y_{a}{b}"] for b in _NAMES] for a in _NAMES])
