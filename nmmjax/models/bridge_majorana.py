r"""Majorana completion of the bridge of arXiv:2506.15777: transition moments of three neutrinos."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics import flavour_violation as lfv
from nmmjax.physics import neutrinos, rge, z_pole
from nmmjax.physics.bridge_loops import fW
from nmmjax.physics.numbers import EV, PERTURBATIVE, SIXTEEN_PI2, SQRT2
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
from nmmjax.target.priors import LogUniform, SignedLog
from nmmjax.target.settings import NonNegative, setting

_TEX = {"e": "e", "mu": r"\mu", "tau": r"\tau"}


def _yukawas(name, high, tex, text):
    return tuple(
        Parameter(
            f"{name}_{a}",
            SignedLog(high, scale=1e-5),
            "",
            rf"y_{tex}^{{{_TEX[a]}}}",
            f"Yukawa of L_{a}, {text}",
        )
        for a in neutrinos.FLAVOURS
    )


_PARAMETERS = (
    *_yukawas("y_psi", 1.0, r"\psi", "H and psi"),
    *_yukawas("y_n", 1.0, "N", "H2 and N"),
    Parameter("y_t", LogUniform(1e-3, PERTURBATIVE), "", "y_T", "Yukawa of psi, S and psi"),
    Parameter("y_delta", LogUniform(1e-3, PERTURBATIVE), "", r"y_\delta", "Yukawa of psi, S, N"),
    Parameter("m_psi", LogUniform(10**2.96, 1e5), "GeV", r"m_\psi", "Mass of the fermion triplet"),
    Parameter("m_s", LogUniform(10**2.3, 1e5), "GeV", "m_S", "Mass of the scalar triplet"),
    Parameter("m_n", LogUniform(1e2, 1e5), "GeV", "m_N", "Mass of the Dirac singlet N"),
    Parameter("sin_beta", LogUniform(1e-4, 0.5), "", r"\sin\beta", "v_2/v of the second doublet"),
)


class BridgeMajorana(Model):
    r"""Three Majorana neutrinos: nu_R of case (c) becomes a Dirac singlet N, with a doublet H2.

    Couplings of `weak_triplet` in the normalisation of `bridge`, nu_R -> N (lepton number 1), H2
    with Y = 1/2 and lepton number -2, broken softly by m_12^2 H^dag H2: v_1 = v cos beta,
    v_2 = v sin beta; added y_N^b Nbar_L (H2t^T L_b^c). With
        k = y_t y_delta v_1 v_2 fW(m_S^2/m_psi^2)/(16 pi^2 m_N m_psi^2)
        mu_ab = -2 m_e k (y_psi_a y_N_b - y_psi_b y_N_a)                       in mu_B
        M_ab  = k (|y_psi|^2 v_1^2/2) r (y_psi_a y_N_b + y_psi_b y_N_a)
        r     = 1 (split: the loop), + 4 ln(lambda_uv^2/m_psi^2)/G(m_psi^2/m_S^2) if lambda_uv > 0
                (cubic coupling H H S induced by running below lambda_uv, at tree level)
    for L = -(1/4) mu_ab nubar_a sigma nu^c_b F - (1/2) M_ab nubar_a nu^c_b + h.c. M has rank 2:
    the lightest neutrino is massless, the others |y_psi||y_N| +- y_psi.y_N. mu is antisymmetric
    and vanishes where y_psi and y_N are parallel; where they are orthogonal the two masses agree.

    Real couplings: CP phases are 0 or pi. Not included: y_D Lbar Ht N_R and psibar_L H2t L^c, which
    the symmetries allow and which must be small: tree masses y_D y_N v_1 v_2/(2 m_N) and
    y_psi y_psi' v_1 v_2/(2 m_psi). theta_sq = sum_a |y_psi_a|^2 v_1^2/(2 m_psi^2), eta_ab half of
    its entries: of the triplet alone. Flavour violation and weak currents of charged leptons are
    those of the triplet of `weak_triplet3`; loops of H2^+ and N are left out.
    Estimates: m_nu_naive = max(m_psi, m_S)^2 mu/(2 m_e mu_B), and, not part of m_nu, m_nu_rge:
    `rge.majorana_mass` at max(m_psi, m_S). First order in v^2/m^2.
    Domain: 0 < sin_beta < 1. Derivatives of m_nu_i and mixing exist where masses differ.

    Settings in full, conventions, accuracy, chart: docs/models/bridge_majorana.md.
    Source: arXiv:2506.15777, Eqs. (15)-(19), derived on a Lagrangian rebuilt from the text:
    docs/errata/bridge.md.
    """

    ordering: Literal["NO", "IO"] = setting("NO", "columns to which the masses are assigned")
    lambda_uv: NonNegative = setting(
        0.0, "GeV; scale at which the cubic coupling vanishes, 0: no such term"
    )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        psi = {"y_psi_e": 1e-3, "y_psi_mu": 3e-3, "y_psi_tau": 2e-3}
        singlet = {"y_n_e": 0.2, "y_n_mu": 0.1, "y_n_tau": -0.3}
        heavy = {"y_t": 1.0, "y_delta": 1.0, "m_psi": 1.5e3, "m_s": 1e3, "m_n": 2e3}
        return psi | singlet | heavy | {"sin_beta": 0.1}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_psi", "m_s", "mu_nu"),)

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", (("y_delta", 1.0),), 1.0)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive masses, 0 < sin beta < 1."""
        angle = {"sin_beta": theta["sin_beta"], "cos_beta": 1.0 - theta["sin_beta"]}
        return positive(theta, "m_psi", "m_s", "m_n") | angle

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        psi = jnp.stack([theta[f"y_psi_{a}"] for a in neutrinos.FLAVOURS])
        chain = psi[:, None] * jnp.stack([theta[f"y_n_{a}"] for a in neutrinos.FLAVOURS])[None, :]
        sin_b = theta["sin_beta"]
        v_1 = self.sm.v_ew * jnp.sqrt((1.0 - sin_b) * (1.0 + sin_b))
        k = self._strength(theta, v_1)
        mu = -2.0 * self.sm.m_e * k * (chain - chain.T)
        split = EV * k * 0.5 * v_1**2 * jnp.sum(psi**2) * (chain + chain.T)
        cubic = self._cubic_ratio(theta) * split
        masses, u = neutrinos.takagi(split + cubic + 0j, self.ordering)
        return merged(
            neutrinos.mass_observables(masses, u, majorana=True),
            neutrinos.mixing(u),
            neutrinos.splittings(masses, self.ordering),
            self._moments(mu, masses, u),
            neutrinos.flavour_entries(split + cubic, mu),
            self._estimates(theta, mu),
            self._charged_leptons(theta, psi * v_1 / (SQRT2 * theta["m_psi"])),
            _spectrum(theta),
        )

    def _strength(self, theta, v_1):
        """k, GeV^-1."""
        v_2, m_psi = self.sm.v_ew * theta["sin_beta"], theta["m_psi"]
        loop = fW((theta["m_s"] / m_psi) ** 2) / (SIXTEEN_PI2 * theta["m_n"] * m_psi**2)
        return theta["y_t"] * theta["y_delta"] * v_1 * v_2 * loop

    def _cubic_ratio(self, theta):
        """Tree mass from the induced cubic coupling over the loop mass."""
        if self.lambda_uv == 0.0:
            return jnp.zeros_like(theta["m_psi"])
        run = jnp.maximum(2.0 * jnp.log(self.lambda_uv / theta["m_psi"]), 0.0)
        return 4.0 * run / G((theta["m_psi"] / theta["m_s"]) ** 2)

    def _moments(self, mu, masses, u):
        dm2_21 = neutrinos.splittings(masses, self.ordering)["dm2_21"]
        u = neutrinos.apart(u, dm2_21)
        in_mass_basis = neutrinos.to_mass_basis(mu + 0j, u)
        solar = neutrinos.solar_mixtures(u, dm2_21, self.sm)
        seen = neutrinos.effective_moments(in_mass_basis, u, solar, majorana=True)
        entries = neutrinos.moment_entries(in_mass_basis, basis="mass", majorana=True)
        size = neutrinos.transition_size(mu)
        # Of the flavour basis: smooth also where masses agree.
        seen.update(mu_nu=size, mu_eff_plasmon=size)
        return merged(seen, entries)

    def _charged_leptons(self, theta, mixing):
        """Mixing with the triplet, weak currents and lepton-flavour violation.

        y_T of `weak_triplet`, in which S couples with 1/sqrt2, is sqrt2 y_t.
        """
        row, m_psi = mixing[:, None] + 0j, theta["m_psi"][None]
        y_t = SQRT2 * theta["y_t"][None, None]
        z = lfv.z_couplings(row)
        return merged(
            {"theta_sq": jnp.sum(mixing**2)},
            lfv.etas(z),
            z_pole.triplet_observables(row, m_psi, self.sm),
            lfv.observables(lfv.dipoles(row, m_psi, y_t, theta["m_s"], self.sm), z, self.sm),
        )

    def _estimates(self, theta, mu):
        heaviest = jnp.maximum(theta["m_psi"], theta["m_s"])
        naive = heaviest**2 * neutrinos.transition_size(mu) / (2.0 * self.sm.m_e)
        return {
            "m_nu_naive": EV * naive,
            "m_nu_rge": rge.majorana_mass(mu, heaviest, self.sm, "SU(2)"),
            "rge_log": rge.logarithm(heaviest, self.sm.m_w),
        }


def _spectrum(theta):
    yukawas = [theta[f"{y}_{a}"] for y in ("y_psi", "y_n") for a in neutrinos.FLAVOURS]
    return {
        "m_triplet": theta["m_psi"],
        "m_charged_scalar": theta["m_s"],
        "max_yukawa": jnp.max(jnp.abs(jnp.stack([*yukawas, theta["y_t"], theta["y_delta"]]))),
    }
