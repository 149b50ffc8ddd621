r"""Bridge of a triplet and a fourplet: Majorana transition moments without a loop mass."""

import functools
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.models import _oscillation
from nmmjax.physics import flavour_violation as lfv
from nmmjax.physics import lepton_contacts, neutrinos, rge, z_pole
from nmmjax.physics.bridge_loops import bridge_mass, bridge_moment
from nmmjax.physics.moment_loops import N_F, N_S
from nmmjax.physics.numbers import EV, PERTURBATIVE, SIXTEEN_PI2
from nmmjax.target.model import Model, Observables, Parameter, Plane, Theta, merged, positive
from nmmjax.target.priors import LogUniform, SignedLog
from nmmjax.target.settings import setting

_TEX = {"e": "e", "mu": r"\mu", "tau": r"\tau"}
_INSERTION = (2.0 / 3.0) ** 0.5  # <1 0; 1/2 -1/2|3/2 -1/2> of psi3, H and psi4
_BELOW, _ABOVE = -0.5, 0.5  # T3 of nu and of the charged lepton in L^c


def _yukawas(name, tex, text):
    return tuple(
        Parameter(
            f"{name}_{a}",
            SignedLog(1.0, scale=1e-5),
            "",
            rf"{tex}^{{{_TEX[a]}}}",
            f"Yukawa of L_{a}, {text}",
        )
        for a in neutrinos.FLAVOURS
    )


_PARAMETERS = (
    *_yukawas("y_psi", r"y_\psi", "H and psi3"),
    *_yukawas("y_l", "y_L", "F and phi"),
    Parameter("y_34", LogUniform(1e-3, PERTURBATIVE), "", "y_{34}", "Yukawa of psi3, H and psi4"),
    Parameter("y_t", LogUniform(1e-3, PERTURBATIVE), "", "y_T", "Yukawa of psi4, F and phi"),
    Parameter("m_psi", LogUniform(10**2.96, 1e5), "GeV", r"m_{\psi_3}", "Mass of the triplet psi3"),
    Parameter("m_psi4", LogUniform(10**2.96, 1e5), "GeV", r"m_{\psi_4}", "Mass of the fourplet"),
    Parameter("m_f", LogUniform(10**2.3, 1e5), "GeV", "m_F", "Mass of the fermions in the loop"),
    Parameter("m_s", LogUniform(10**2.3, 1e5), "GeV", r"m_\phi", "Mass of the scalars in the loop"),
    Parameter(
        "split_s", SignedLog(1e-1, scale=1e-12), "", r"\delta_\phi", "Splitting of phi per unit T3"
    ),
)


class BridgeFourplet(Model):
    r"""Topology L - H - psi3 - H - psi4 - loop - L of arXiv:2506.15777 (Fig. 4c).

        L = - y_psi_a Lbar_a sigma^I Ht psi3^I - y_34 psi4bar (psi3 H)_4 - y_T psi4bar (F phi)_4
            - y_L_a Fbar phi^dag L_a^c - masses + h.c.,   psi3 (3, 0), psi4 (4, 1/2)
    (..)_n coupled to the n-plet with Clebsch-Gordan coefficients, (phi F)_2 with L^c as well. F and
    phi are odd under a parity, psi3, psi4 and F Dirac fermions. Without a W the loop joins a
    fourplet and a doublet: zero. With one it does not vanish. With m = T3 of F, Q = m + Y_F,
    w_m = <j_F m; j_phi -1/2-m|3/2 -1/2> <j_F m; j_phi -1/2-m|1/2 -1/2>, sum w = 0, K = 16 pi^2:
        theta_a = (2/3)^(1/2) y_psi_a y_34 v_H^2/(m_psi3 m_psi4)     psi4 in nu_a
        mu_ab   = 2 m_e N_c y_T sum_m w Q m_F Gh(m_F^2, m_phi^2)/K (theta_a y_L_b - theta_b y_L_a)
        M_ab    = -N_c y_T sum_m w m_F B0(m_F^2, m_phi^2)/K (theta_a y_L_b + theta_b y_L_a)
    for L = -(1/4) mu_ab nubar_a sigma nu^c_b F - (1/2) M_ab nubar_a nu^c_b + h.c. The hypercharge
    drops out of mu while masses are degenerate, and M is 0.0 then; phi_m has m_s (1 + split_s T3).
    M is a contribution to the mass matrix, to which others may be added: m_nu, its largest mass.
    Effective moments take the mixing of NuFIT 6.1, normal ordering.

    Charged leptons: mixing with psi3 (weak currents, l -> l' gamma, l -> 3 l', conversion, those of
    `weak_triplet3`) and the loop of F and phi: dipole, off-shell photon and box
    (`lepton_contacts`). Not included: mixing with psi4 (of order v^4), Z penguins, electroweak
    splittings. First order in v^2/m^2, real couplings.
    Estimates, no part of m_nu: m_nu_naive = M^2 mu/(2 m_e mu_B), M the heaviest mass in the loop,
    m_nu_rge, `rge.majorana_mass` at M.
    Settings in full, conventions, accuracy: docs/models/bridge_fourplet.md.
    Source: topology of arXiv:2506.15777; Lagrangian and loop derived.
    """

    loop: Literal["2-3", "3-2", "3-4", "4-3", "4-5", "5-4"] = setting(
        "3-2", "dimensions of F and phi"
    )
    hypercharge: float = setting(0.0, "of F; phi has 1/2 minus that")
    colors: Literal[1, 3] = setting(1, "of F and phi")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        psi = {"y_psi_e": 1e-4, "y_psi_mu": 3e-4, "y_psi_tau": 2e-2}
        loop = {"y_l_e": 2e-3, "y_l_mu": 1e-1, "y_l_tau": -3e-2, "y_34": 1.0, "y_t": 1.0}
        masses = {"m_psi": 1.5e3, "m_psi4": 2e3, "m_f": 1e3, "m_s": 1.2e3, "split_s": 1e-8}
        return psi | loop | masses

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_psi", "m_s", "mu_nu"),)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive masses; mass of the lightest scalar over the mean."""
        lightest = 1.0 - jnp.max(jnp.abs(theta["split_s"] * self._t3_scalar))
        return positive(theta, "m_psi", "m_psi4", "m_f", "m_s") | {"scalars": lightest}

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        sm = self.sm
        psi, lepton = (
            jnp.stack([theta[f"{y}_{a}"] for a in neutrinos.FLAVOURS]) for y in ("y_psi", "y_l")
        )
        mixing = _INSERTION * theta["y_34"] * sm.v_h**2 / (theta["m_psi"] * theta["m_psi4"]) * psi
        moment, mass = self._loops(theta)
        chain = mixing[:, None] * lepton[None, :]
        mu = 2.0 * sm.m_e * moment * (chain - chain.T)
        split = -EV * mass * (chain + chain.T)
        size = neutrinos.transition_size(mu)
        length = jnp.sqrt(jnp.sum(mixing**2) * jnp.sum(lepton**2))
        heaviest = jnp.maximum(theta["m_f"], theta["m_s"])
        return merged(
            {"m_nu": EV * jnp.abs(mass) * (length + jnp.abs(jnp.sum(mixing * lepton)))},
            _oscillation.seen_moments(mu, sm) | {"mu_nu": size, "mu_eff_plasmon": size},
            neutrinos.flavour_entries(split, mu),
            {
                "m_nu_naive": EV * heaviest**2 * size / (2.0 * sm.m_e),
                "m_nu_rge": rge.majorana_mass(mu, heaviest, sm, "SU(2)"),
                "rge_log": rge.logarithm(heaviest, sm.m_w),
            },
            self._charged_leptons(theta, psi * sm.v_h / theta["m_psi"], lepton),
            self._spectrum(theta, (psi, lepton)),
        )

    def _loops(self, theta):
        """Moment in GeV^-1 and mass in GeV of psi4 and nu^c, per y_L."""
        t3, weight = jnp.asarray(self._t3), jnp.asarray(_weights(self.loop))
        strength = self.colors * theta["y_t"]
        m_f, m_s = theta["m_f"] * jnp.ones(len(t3)), theta["m_s"]
        shift = m_s * theta["split_s"] * jnp.asarray(self._t3_scalar)
        moment = bridge_moment(weight, t3 + self.hypercharge, m_f, m_s + shift)
        mass = bridge_mass(weight, theta["m_f"], 0.0, m_s, shift, theta["m_f"])
        return strength * moment, strength * mass

    def _charged_leptons(self, theta, mixing, lepton):
        """Weak currents and lepton-flavour violation."""
        row, m_psi = mixing[:, None] + 0j, theta["m_psi"][None]
        none = jnp.zeros((1, 1))
        z = lfv.z_couplings(row)
        dipoles = lfv.dipoles(row, m_psi, none, theta["m_s"], self.sm)
        dipoles += self._scalar_loop(theta) * lepton[:, None] * lepton[None, :]
        return merged(
            {"theta_sq": jnp.sum(mixing**2)},
            lfv.etas(z),
            z_pole.triplet_observables(row, m_psi, self.sm),
            lfv.observables(dipoles, z, self.sm) | self._contact_rates(theta, dipoles, z, lepton),
        )

    def _contact_rates(self, theta, dipoles, z, lepton):
        """l -> 3 l' and conversion with box and off-shell photon of F and phi."""
        charges = jnp.asarray(self._t3) + self.hypercharge
        masses = theta["m_f"], theta["m_s"]
        shares = jnp.asarray(self._shares)
        found = lepton_contacts.contacts(lepton, shares, charges, *masses, self.colors)
        return lepton_contacts.rates(dipoles, z, found, self.sm)

    def _scalar_loop(self, theta):
        """Dipole of l^- -> anti-F anti-phi, sum of c^2 [(Q-1) N_S + Q N_F]/(2 K m_phi^2)."""
        t = (theta["m_f"] / theta["m_s"]) ** 2
        charge = float(self._shares @ self._t3) + self.hypercharge
        loop = (charge - 1.0) * N_S(t) + charge * N_F(t)
        return self.colors * loop / (2.0 * SIXTEEN_PI2 * theta["m_s"] ** 2)

    def _spectrum(self, theta, yukawas):
        t3 = _ABOVE - self._t3
        every = np.concatenate([self._t3_scalar, t3])
        lightest = theta["m_s"] * (1.0 + jnp.min(theta["split_s"] * every))
        scalar = "m_charged_scalar" if self.colors == 1 else "m_colored_scalar"
        rest = {} if self.colors == 1 else {"m_colored_fermion": theta["m_f"]}
        couplings = [*yukawas[0], *yukawas[1], theta["y_34"], theta["y_t"]]
        return rest | {
            scalar: lightest,
            "m_triplet": theta["m_psi"],
            "max_yukawa": jnp.max(jnp.abs(jnp.stack(couplings))),
        }

    @property
    def _shares(self) -> np.ndarray:
        """Squared coefficients of the members of F in the charged lepton's coupling."""
        return _coupled(*_spins(self.loop), 0.5, _ABOVE) ** 2

    @property
    def _t3(self) -> np.ndarray:
        """Isospins of the members of F."""
        j = _spins(self.loop)[0]
        return j - np.arange(round(2 * j + 1))

    @property
    def _t3_scalar(self) -> np.ndarray:
        """Isospins of phi beside each member of F, in the neutral combination."""
        return _BELOW - self._t3


def _spins(loop: str) -> tuple[float, float]:
    n_f, n_s = (int(n) for n in loop.split("-"))
    return 0.5 * (n_f - 1), 0.5 * (n_s - 1)


@functools.cache
def _weights(loop: str) -> np.ndarray:
    """w_m over the members of F from the highest T3 down; they add up to 0."""
    spins = _spins(loop)
    return _coupled(*spins, 1.5, _BELOW) * _coupled(*spins, 0.5, _BELOW)


def _coupled(j_1: float, j_2: float, j: float, m: float) -> np.ndarray:
    """<j_1 m_1; j_2 m - m_1|j m> over m_1 = j_1 ... -j_1, the first that is not 0 positive.

    Eigenvector of J^2 in the space of fixed m: 1e-15.
    """
    m_1 = j_1 - np.arange(round(2 * j_1 + 1))
    there = np.abs(m - m_1) <= j_2
    a = m_1[there]
    b = m - a
    diagonal = j_1 * (j_1 + 1) + j_2 * (j_2 + 1) + 2.0 * a * b
    low = np.sqrt((j_1 * (j_1 + 1) - a[:-1] * a[1:]) * (j_2 * (j_2 + 1) - b[:-1] * b[1:]))
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(low, 1) + np.diag(low, -1))
    found = np.zeros(len(m_1))
    vector = vectors[:, np.argmin(np.abs(values - j * (j + 1)))]
    found[there] = vector * np.sign(vector[0])
    return found
