"""Neutrino that reaches the loop through Psi, shared by `inert_doublet` and `colored_triplet`.

nu mixes with the neutral member of the triplet Psi, nu_R couples to the loop alone:
M_N = [[y_d v_H, y_psi v_H/sqrt2], [0, m_psi]]. Masses in GeV, K = 16 pi^2.
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics import z_pole
from nmmjax.physics.bridge_loops import (
    LightHeavy,
    bridge_mass,
    light_heavy,
    mass_observables,
    moment_observables,
)
from nmmjax.physics.electroweak import mass_split_ew
from nmmjax.physics.numbers import SQRT2
from nmmjax.target.model import Model, Observables, Theta, merged
from nmmjax.target.settings import setting

type Scalar = Float[Array, ""]


class PsiBridge(Model):
    """Abstract model of both: their settings."""

    convention: Literal["derived", "as_printed"] = setting(
        "derived", "formulas as derived and verified, or those of the paper"
    )
    scheme: Literal["msbar", "as_printed"] | None = setting(
        None,
        "of m_nu_ew: MSbar at m_f, or L in place of F, the divergent part dropped; "
        "that of `convention` where left out",
    )
    ew_splitting: Literal["none", "on_shell"] = setting(
        "none", "no m_nu_ew, or the paper's constant: an overestimate by 20 to 30 at 1 TeV"
    )
    rge: bool = setting(True, "count m_nu_rge as part of m_nu; false: without it, as the papers do")
    lepton: Literal["e", "mu", "tau"] = setting("e", "flavour that mixes with the triplet")


class Neutrino(NamedTuple):
    """Exact mixing, the sin theta_L of the convention, and |Theta|^2 to leading order."""

    leptons: LightHeavy
    sin_l: Scalar
    theta_sq: Scalar


class Charges(NamedTuple):
    """The two members of a multiplet that an electroweak splitting sets apart."""

    upper: float
    lower: float
    hypercharge: float


def loop_terms(model: PsiBridge) -> tuple[str, ...]:
    """Names of the mass terms besides the Dirac mass that the settings switch on."""
    switched = {"m_nu_ew": model.ew_splitting == "on_shell", "m_nu_rge": model.rge}
    return ("m_nu_quartic", *(name for name, on in switched.items() if on))


def neutrino(model: PsiBridge, theta: Theta) -> Neutrino:
    """Mixing of nu with Psi^0."""
    m_h = theta["y_psi"] * model.sm.v_h / SQRT2
    leptons = light_heavy(theta["y_d"] * model.sm.v_h, m_h, theta["m_psi"])
    leading = m_h / theta["m_psi"]
    sin_l = leptons.sin_l if model.convention == "derived" else leading
    return Neutrino(leptons, sin_l, leading**2)


def on_shell_shift(model: PsiBridge, kind: str, m: Scalar, charges: Charges) -> Scalar:
    """Electroweak splitting of a multiplet of mass m in GeV; 0 unless ew_splitting asks for it."""
    if model.ew_splitting == "none":
        return jnp.zeros_like(m)
    sm = model.sm
    return mass_split_ew(kind, m, *charges, sm.m_z, sm.m_w, 1.0 / sm.alpha_inv_mz, sm.s2w)


def ew_loop(model: PsiBridge, m_f: Scalar, dm_f: Scalar, m_s: Scalar, dm_s: Scalar) -> Scalar:
    """Loop mass per vertex of the electroweak shifts dm, in the scheme of the settings."""
    scheme = model.scheme
    if scheme is None:
        scheme = "msbar" if model.convention == "derived" else "as_printed"
    return bridge_mass(1.0, m_f, dm_f, m_s, dm_s, m_f if scheme == "msbar" else None)


def masses_and_moments(
    model: PsiBridge,
    nu: Neutrino,
    loops: dict[str, Scalar],
    moments: tuple[Scalar, Scalar],
    heaviest: Scalar,
) -> Observables:
    """Mass observables in eV, moment observables in mu_B.

    loops     m_nu_quartic and m_nu_ew in GeV
    moments   the derived one, which runs into m_nu_rge, and that of the convention
    heaviest  mass in the loop, GeV
    """
    derived, shown = moments
    terms = merged({"m_nu_dirac": nu.leptons.light}, loops)
    masses = mass_observables(terms, model.mass_terms, derived, heaviest, model.sm)
    named = {
        "m_nu_tree": masses["m_nu_dirac"],
        "m_nu_loop": masses["m_nu_quartic"] + masses["m_nu_ew"],
    }
    named |= {"m_beta": masses["m_nu"]} if model.lepton == "e" else {}
    return merged(masses, named, moment_observables(shown, heaviest, model.sm))


def mixing(model: PsiBridge, nu: Neutrino, theta: Theta, couplings: tuple[str, ...]) -> Observables:
    """Mixing angles and weak currents, masses of the leptons, largest of the couplings named."""
    row = z_pole.one_flavour(jnp.sqrt(nu.theta_sq), model.lepton)
    currents = z_pole.triplet_observables(row, theta["m_psi"][None], model.sm)
    return currents | {
        "sin_theta_l": nu.leptons.sin_l,
        "sin_theta_r": nu.leptons.sin_r,
        "theta_sq": nu.theta_sq,
        "m_n_heavy": nu.leptons.heavy,
        "m_triplet": theta["m_psi"],
        "max_yukawa": jnp.max(jnp.abs(jnp.stack([theta[name] for name in couplings]))),
    }
