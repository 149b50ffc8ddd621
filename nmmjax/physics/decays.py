"""Charged-lepton dipoles: radiative decays, three-lepton decays, mu-e conversion, Delta a.

One 3 x 3 complex matrix holds every dipole, rows and columns e, mu, tau, in GeV^-2:

    L = -(e/2) sum_{l' l} m_l A_{l' l}  lbar' sigma^{mu nu} P_R l F_{mu nu} + h.c.

so that l -> l' gamma has A_R = A_{l' l} and A_L = (m_l'/m_l) A*_{l l'}. Where the dipole is
chirally enhanced, A contains the ratio of the heavy mass to m_l. Photons on other particles,
boxes and Z penguins are not included: three-lepton decays and conversion are those of the dipole.
"""

import csv
import functools
import importlib.resources
import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.errors import InputError, suggest
from nmmjax.physics.constants import SM, Constants
from nmmjax.physics.neutrinos import FLAVOURS
from nmmjax.physics.numbers import squared

type Real = Float[Array, ""]
type Dipoles = Complex[Array, "3 3"]

_MASSES = ("m_e", "m_mu", "m_tau")


class Nucleus(NamedTuple):
    """Overlap integrals of a nucleus in units of m_mu^{5/2}, and its capture of muons."""

    dipole: float  # D
    proton: float  # V^(p)
    neutron: float  # V^(n)
    capture: float  # 1/s


@functools.cache
def nuclei() -> dict[str, Nucleus]:
    """Read the shipped table by name, "Al", "Ti", "Au": hep-ph/0203110 (method 1), Suzuki et al."""
    path = importlib.resources.files("nmmjax.physics") / "mu_e_conversion_nuclei.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    columns = ("D", "Vp", "Vn", "capture_per_s")
    return {
        row["nucleus"]: Nucleus(*(float(row[c]) for c in columns)) for row in csv.DictReader(lines)
    }


def br_radiative(dipoles: Dipoles, mother: int, daughter: int, sm: Constants = SM) -> Real:
    """BR(l -> l' gamma), leptons by index (0: e, 1: mu, 2: tau), daughter < mother.

        BR = 48 pi^3 alpha/G_F^2 (|A_R|^2 + |A_L|^2) BR(l -> l' nu nubar),  alpha = alpha(0)

    that is Gamma = alpha m_l^5 (|A_R|^2 + |A_L|^2)/4 over the tree width G_F^2 m_l^5/(192 pi^3)
    (0.4% from the measured muon lifetime: radiative and phase-space corrections). The leptonic
    branching ratio is 1 for the muon and the measured one for the tau. m_l'^2/m_l^2 is neglected
    in phase space. Source: hep-ph/9909265 in the normalisation above; width checked by traces.
    """
    ratio = getattr(sm, _MASSES[daughter]) / getattr(sm, _MASSES[mother])
    right, left = dipoles[daughter, mother], ratio * dipoles[mother, daughter]
    leptonic = {(1, 0): 1.0, (2, 0): sm.br_tau_enunu, (2, 1): sm.br_tau_mununu}[mother, daughter]
    rate = squared(right) + squared(left)
    return 48.0 * math.pi**3 * sm.alpha_0 / sm.g_f**2 * leptonic * rate


def br_three_leptons(
    br_gamma: Real, mother: int, daughter: int, pair: int, sm: Constants = SM
) -> Real:
    """BR(l -> l' f+ f-) by a photon off the dipole, from BR(l -> l' gamma); indices as above.

        BR = alpha/(3 pi) [ln(m_l^2/m_f^2) - 11/4] BR(l -> l' gamma)   for f = l',
        BR = alpha/(3 pi) [ln(m_l^2/m_f^2) - 3] BR(l -> l' gamma)      otherwise,

    to relative order m_f^2/m_l^2: the second falls short of the integral over virtual photons by
    6e-8 (tau -> mu e e) and 1.2% (tau -> e mu mu). alpha = alpha(0); flavio's is alpha(1 GeV), 2%
    larger. Source: hep-ph/9909265, eq. (117); hep-ph/0404211, eqs. (22), (23).
    """
    log = 2.0 * math.log(getattr(sm, _MASSES[mother]) / getattr(sm, _MASSES[pair]))
    constant = 11.0 / 4.0 if pair == daughter else 3.0
    return sm.alpha_0 / (3.0 * math.pi) * (log - constant) * br_gamma


def cr_conversion(br_mu_e_gamma: Real, nucleus: str, sm: Constants = SM) -> Real:
    """CR(mu -> e, N) by the dipole, from BR(mu -> e gamma); nucleus "Al", "Ti" or "Au".

        CR = pi D^2 Gamma_mu/Gamma_capture BR(mu -> e gamma),  Gamma_mu = G_F^2 m_mu^5/(192 pi^3)

    Raises InputError for another nucleus. Source: hep-ph/0203110, the dipole alone, method 1.
    """
    width = sm.g_f**2 * sm.m_mu**5 / (192.0 * math.pi**3)
    table = nuclei()
    if nucleus not in table:
        raise InputError(f"nucleus '{nucleus}' given{suggest(nucleus, table)}")
    target = table[nucleus]
    return math.pi * target.dipole**2 * width / (target.capture * sm.hbar) * br_mu_e_gamma


def delta_a(dipoles: Dipoles, lepton: int, sm: Constants = SM) -> Real:
    """Contribution 2 m_l^2 Re A_ll to a = (g - 2)/2 of lepton 0, 1 or 2."""
    return 2.0 * getattr(sm, _MASSES[lepton]) ** 2 * jnp.real(dipoles[lepton, lepton])


def observables(dipoles: Dipoles, sm: Constants = SM) -> dict[str, Real]:
    """Every charged-lepton observable of the catalogue that follows from the dipoles."""
    radiative = {(a, b): br_radiative(dipoles, a, b, sm) for a in (1, 2) for b in range(a)}
    values = {f"br_{FLAVOURS[a]}_{FLAVOURS[b]}_gamma": br for (a, b), br in radiative.items()}
    values |= {
        f"br_{FLAVOURS[a]}_3{FLAVOURS[b]}": br_three_leptons(br, a, b, b, sm)
        for (a, b), br in radiative.items()
    }
    values |= {f"cr_mu_e_{n.lower()}": cr_conversion(radiative[1, 0], n, sm) for n in nuclei()}
    return values | {f"delta_a_{FLAVOURS[i]}": delta_a(dipoles, i, sm) for i in (0, 1)}
