"""Published limits, and what our own likelihoods and formulas return for them.

One row per limit, as in `weak_triplet.py`. "as_printed" is nan: there is no formula to evaluate.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nmmjax.constraints import library
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.physics.constants import SM

MU_B = SM.e / (2.0 * SM.m_e)  # GeV^-1


class Claim(NamedTuple):
    claim: str
    where: str
    paper: float
    as_printed: Callable[[], float]
    derived: Callable[[], float]
    kind: str
    reproduced_by: tuple[str, ...]
    tolerance: float
    reason: str = ""


def nothing():
    return math.nan


def recoils(name):
    (limit,) = library.load([name])
    found = limit.interval()
    assert found is not None
    return found.high


def portal(name, mass):
    """Limit on the moment in mu_B for N of this mass in GeV; curves of d give mu = 2 d."""
    (curve,) = library.load([name])
    unit = 1.0 if curve.requires[0].startswith("mu") else MU_B / 2.0
    return float(curve.limit_at(jnp.asarray(mass))) / unit


def width(y_psi):
    """Gamma(Z -> e e) over that without mixing, m_psi = 1 TeV."""
    model = WeakTriplet()
    theta = model.reference | {"y_psi": y_psi, "m_psi": 1e3}
    found = jax.jit(lambda t: model.predict(t)["gamma_z_ee"])
    return float(found({p: jnp.asarray(x) for p, x in theta.items()}))


def triplet_yukawa():
    """y_psi at which eps, flat and >= 0, is at its two-sigma limit, m_psi = 1 TeV."""
    none, some = width(1e-6), width(0.1)
    slope, error = (some - none) / 0.1**2, math.hypot(0.12, 0.012)
    start = (83.91 - none) / error
    normal = NormalDist()
    end = normal.inv_cdf(1.0 - (1.0 - 0.9545) * normal.cdf(start))
    return math.sqrt((end + start) * error / slope)


PUBLISHED = (
    Claim(
        "mu_nu < 6.4e-12 mu_B (90% CL), solar neutrinos in XENONnT",
        "arXiv:2207.11330, abstract",
        6.4e-12,
        nothing,
        lambda: recoils("xenonnt_2022_recoils"),
        "value",
        ("derived",),
        0.15,
        "7.1e-12: own likelihood of the 433 recoils, two-sided profile",
    ),
    Claim(
        "mu_nu < 1.36e-11 mu_B (90% CL), solar neutrinos in the first run of LZ",
        "arXiv:2307.15753, by PDG 2026 (S066MGM)",
        1.36e-11,
        nothing,
        lambda: recoils("lz_2022_recoils"),
        "value",
        ("derived",),
        0.15,
        "1.33e-11: own likelihood of 471 recoils, two-sided profile, line of 37Ar free",
    ),
    Claim(
        "the same for a moment to a massless sterile neutrino",
        "arXiv:2207.11330, abstract",
        6.4e-12,
        nothing,
        lambda: portal("portal_xenonnt_light", 1e-6),
        "value",
        ("derived",),
        1e-3,
    ),
    Claim(
        "mu_nutau < 3.9e-7 mu_B (90% CL), DONUT, for a light N",
        "hep-ex/0102026, abstract",
        3.9e-7,
        nothing,
        lambda: portal("portal_donut", 1.1e-3),
        "value",
        ("derived",),
        0.02,
    ),
    Claim(
        "mu_nu < 2.8e-11 mu_B (90% CL), Borexino, for a light N",
        "arXiv:1707.09355, abstract",
        2.8e-11,
        nothing,
        lambda: portal("portal_borexino_light", 1e-6),
        "value",
        ("derived",),
        1e-3,
    ),
    Claim(
        "y_psi < 0.23 m_psi/TeV from Gamma(Z -> ee) = 83.91(12) MeV",
        "first-order estimate, d Gamma/Gamma = 3.68 eps_ee",
        0.23,
        nothing,
        triplet_yukawa,
        "bound",
        ("derived",),
        0.0,
        "0.21 with exact mixing and the Standard Model's 83.961 MeV above the measured width",
    ),
)
