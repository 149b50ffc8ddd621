"""What `inert_doublet` and `colored_triplet` share: a neutrino that reaches the loop through Psi.

nu mixes with the neutral member of the triplet Psi, nu_R couples to the loop alone:
M_N = [[y_d v_H, y_psi v_H/sqrt2], [0, m_psi]]. Masses in GeV, K = 16 pi^2.
"""

import math
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.errors import InputError, suggest
from nmmjax.physics.bridge_loops import (
    LightHeavy,
    bridge_mass,
    light_heavy,
    mass_observables,
    moment_observables,
    rge_mass,
)
from nmmjax.physics.constants import Constants
from nmmjax.physics.electroweak import mass_split_ew
from nmmjax.target.model import Observables, Theta

type Scalar = Float[Array, ""]

_SQRT2 = math.sqrt(2.0)
_CHOICES = {
    "convention": ("derived", "as_printed"),
    "scheme": ("msbar", "as_printed"),
    "ew_splitting": ("none", "on_shell"),
}


@runtime_checkable
class Settings(Protocol):
    """The settings that both models have."""

    sm: Constants
    convention: str
    scheme: str | None
    ew_splitting: str
    rge: bool

    @property
    def mass_terms(self) -> tuple[str, ...]: ...


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


def check(model: Settings) -> None:
    """Raises InputError for a setting that is not allowed."""
    for name, allowed in _CHOICES.items():
        given = getattr(model, name)
        if given not in allowed and not (name == "scheme" and given is None):
            raise InputError(f"{name} '{given}' given{suggest(str(given), allowed)}")
    if not isinstance(model.rge, bool):
        raise InputError(f"rge = {model.rge!r} given; it is true or false")


def loop_terms(model: Settings) -> tuple[str, ...]:
    """Names of the mass terms besides the Dirac mass that the settings switch on."""
    switched = {"m_nu_ew": model.ew_splitting == "on_shell", "m_nu_rge": model.rge}
    return ("m_nu_quartic", *(name for name, on in switched.items() if on))


def neutrino(model: Settings, theta: Theta) -> Neutrino:
    """Mixing of nu with Psi^0."""
    m_h = theta["y_psi"] * model.sm.v_h / _SQRT2
    leptons = light_heavy(theta["y_d"] * model.sm.v_h, m_h, theta["m_psi"])
    leading = m_h / theta["m_psi"]
    sin_l = leptons.sin_l if model.convention == "derived" else leading
    return Neutrino(leptons, sin_l, leading**2)


def on_shell_shift(model: Settings, kind: str, m: Scalar, charges: Charges) -> Scalar:
    """Electroweak splitting of a multiplet of mass m in GeV; 0 unless ew_splitting asks for it."""
    if model.ew_splitting == "none":
        return jnp.zeros_like(m)
    sm = model.sm
    return mass_split_ew(kind, m, *charges, sm.m_z, sm.m_w, 1.0 / sm.alpha_inv_mz, sm.s2w)


def ew_loop(model: Settings, m_f: Scalar, dm_f: Scalar, m_s: Scalar, dm_s: Scalar) -> Scalar:
    """Loop mass per vertex of the electroweak shifts dm, in the scheme of the settings."""
    scheme = model.scheme
    if scheme is None:
        scheme = "msbar" if model.convention == "derived" else "as_printed"
    return bridge_mass(1.0, m_f, dm_f, m_s, dm_s, m_f if scheme == "msbar" else None)


def masses_and_moments(
    model: Settings,
    nu: Neutrino,
    loops: dict[str, Scalar],
    moments: tuple[Scalar, Scalar],
    scales: tuple[Scalar, Scalar],
) -> Observables:
    """Mass observables in eV, moment observables in mu_B.

    loops    m_nu_quartic and m_nu_ew in GeV
    moments  the derived one, which runs into m_nu_rge, and that of the convention
    scales   lightest heavy mass (m_nu_rge) and heaviest in the loop (m_nu_naive)
    """
    (derived, shown), (lightest, heaviest) = moments, scales
    terms = {"m_nu_dirac": nu.leptons.light, "m_nu_rge": rge_mass(derived, lightest, model.sm)}
    masses = mass_observables(terms | loops, model.mass_terms)
    named = {
        "m_nu_tree": masses["m_nu_dirac"],
        "m_nu_loop": masses["m_nu_quartic"] + masses["m_nu_ew"],
        "m_beta": masses["m_nu"],
    }
    return masses | named | moment_observables(shown, heaviest, model.sm)


def mixing(nu: Neutrino, theta: Theta, couplings: tuple[str, ...]) -> Observables:
    """Mixing angles, masses of the leptons and the largest of the Yukawa couplings named."""
    return {
        "sin_theta_l": nu.leptons.sin_l,
        "sin_theta_r": nu.leptons.sin_r,
        "theta_sq": nu.theta_sq,
        "m_n_heavy": nu.leptons.heavy,
        "m_triplet": theta["m_psi"],
        "max_yukawa": jnp.max(jnp.abs(jnp.stack([theta[name] for name in couplings]))),
    }
