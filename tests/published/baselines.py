"""Numbers stated in the 2021 talk on neutrino magnetic moments (S. Jana), and what we find.

One row per claim: the number as stated, the formula printed beside it, and our own. `kind` says
how the claim reads:

    "value"  reproduced to the relative `tolerance` by what `reproduced_by` names
    "bound"  an upper bound, which `reproduced_by` respects
    "order"  an order of magnitude, met within the factor `tolerance`

Where nothing reproduces a number, `reason` says why. The talk's formulas without numbers, and
its figures, are compared in docs/errata/baselines.md; its list of experimental limits is data.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nmmjax.models.bfz import Bfz
from nmmjax.models.left_right import LeftRight
from nmmjax.models.sm_dirac import SmDirac
from nmmjax.models.sm_majorana import SmMajorana
from nmmjax.models.su2_horizontal import SU2Horizontal
from nmmjax.models.zee import Zee
from nmmjax.physics.constants import SM


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


def at(model, name, **changes):
    theta = {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}
    return float(jax.jit(lambda point: model.predict(point)[name])(theta))


def dirac(convention):
    return at(SmDirac(convention=convention), "mu_nu_11", m_lightest=0.1)


def majorana(convention):
    """Largest entry over orderings and three choices of phases at m_lightest = 0.1 eV."""
    phases = ((0.0, 0.0), (math.pi, 0.0), (0.5 * math.pi, 1.5 * math.pi))
    largest = 0.0
    for ordering in ("NO", "IO"):
        model = SmMajorana(ordering=ordering, convention=convention)
        moments = jax.jit(lambda theta, model=model: model.moments(theta)[0])
        for a_21, a_31 in phases:
            changes = {"m_lightest": 0.1, "alpha_21": a_21, "alpha_31": a_31}
            theta = {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}
            largest = max(largest, float(jnp.max(jnp.abs(moments(theta)))))
    return largest


def left_right(lepton, convention):
    """At the geometric mixing xi = m_W^2/M_2^2 for M_2 = 5 TeV."""
    xi = (SM.m_w / 5e3) ** 2
    return at(LeftRight(lepton=lepton, convention=convention), "mu_nu", xi=xi, m_w2=5e3)


def naive_mass():
    """M^2 mu/(2 m_e mu_B) at M = 100 GeV, mu = 1e-11 mu_B."""
    model = SU2Horizontal()
    return at(model, "m_nu_naive", m_h_plus=100.0) / at(model, "mu_nu", m_h_plus=100.0) * 1e-11


def zee():
    """Two-loop moment at F = 0.05 for one pair, y_top = y_bottom = 1, maximal mixing."""
    couplings = {"f_emu": 0.025, "f_etau": 0.0, "f_mutau": 0.0, "y_top": 1.0, "y_bottom": 1.0}
    masses = {"phi": 0.25 * math.pi, "m_h_plus": 100.0, "m_heavy_plus": 1e3}
    return at(Zee(), "mu_nu_2loop", **couplings, **masses)


def bfz(m_plus, m_neutral, m_other=1e9):
    """The same with kappa = 0.5 TeV, F = 0.1 and one neutral scalar in place of quarks."""
    couplings = {"f_emu": 0.05, "f_etau": 0.0, "f_mutau": 0.0, "y_top": 0.0, "y_bottom": 0.0}
    masses = {"phi": 0.25 * math.pi, "m_h_plus": 100.0, "m_heavy_plus": 1e3}
    scalars = {"kappa": 500.0, "m_s_plus": m_plus, "m_s_r": m_neutral, "m_s_i": m_other}
    return at(Bfz(), "mu_nu_2loop", **couplings, **masses, **scalars)


PUBLISHED = (
    Claim(
        "Dirac moment 3e-20 (m/0.1 eV) mu_B",
        "SM + nu_R, mu = e G_F m/(8 sqrt2 pi^2)",
        3e-20,
        lambda: dirac("as_printed"),
        lambda: dirac("derived"),
        "value",
        ("derived",),
        0.07,
        "the number contains the factor 3 that the printed formula lacks (1.07e-20)",
    ),
    Claim(
        "Majorana transition moments at most about 1e-23 mu_B",
        "SM, Majorana: mu_ij with the prefactor 3 e G_F/(32 sqrt2 pi^2)",
        1e-23,
        lambda: majorana("as_printed"),
        lambda: majorana("derived"),
        "bound",
        ("as_printed", "derived"),
        0.0,
        "at m_lightest = 0.1 eV; 3e-23 at 0.5 eV, which cosmology excludes",
    ),
    Claim(
        "left-right symmetric models: mu < 1e-15 mu_B, nu_e",
        "left-right, mu = G_F m_l sin 2xi/(2 sqrt2 pi^2)",
        1e-15,
        lambda: left_right("e", "as_printed"),
        lambda: left_right("e", "derived"),
        "bound",
        ("as_printed", "derived"),
        0.0,
        "xi = m_W^2/M_2^2, M_2 = 5 TeV",
    ),
    Claim(
        "left-right symmetric models: mu < 1e-15 mu_B, nu_mu",
        "left-right, mu = G_F m_l sin 2xi/(2 sqrt2 pi^2)",
        1e-15,
        lambda: left_right("mu", "as_printed"),
        lambda: left_right("mu", "derived"),
        "bound",
        (),
        0.0,
        "the moment grows with the charged lepton's mass: 2.3e-14 at the same mixing",
    ),
    Claim(
        "left-right symmetric models: mu < 1e-15 mu_B, nu_tau",
        "left-right, mu = G_F m_l sin 2xi/(2 sqrt2 pi^2)",
        1e-15,
        lambda: left_right("tau", "as_printed"),
        lambda: left_right("tau", "derived"),
        "bound",
        (),
        0.0,
        "the moment grows with the charged lepton's mass: 3.9e-13 at the same mixing",
    ),
    Claim(
        "mass 0.1 MeV without suppression, mu = 1e-11 mu_B, M = 100 GeV",
        "naturalness, m_nu = M^2 mu/(2 m_e mu_B)",
        1e5,
        naive_mass,
        naive_mass,
        "value",
        ("as_printed", "derived"),
        0.03,
        "97.8 keV",
    ),
    Claim(
        "Zee model with the Barr-Freire-Zee loop: mu up to about 1e-12 mu_B",
        "two-loop moment, no formula printed",
        1e-12,
        lambda: math.nan,
        zee,
        "order",
        ("derived",),
        3.0,
        "maximal mixing and F = 0.05, the largest that universality allows; no second source",
    ),
    Claim(
        "with the scalars of Barr, Freire and Zee, kappa = 0.5 TeV, F = 0.1: up to 3.3e-12 mu_B",
        "second derivation of the two-loop moment, done for this library; no paper's number",
        3.3e-12,
        lambda: math.nan,
        lambda: bfz(100.0, 100.0),
        "value",
        ("derived",),
        0.01,
        "both inner scalars at 100 GeV, one neutral scalar",
    ),
    Claim(
        "the same, kappa = 0.5 TeV and F = 0.1: 1.2e-12 mu_B for heavier scalars",
        "second derivation of the two-loop moment, done for this library; no paper's number",
        1.2e-12,
        lambda: math.nan,
        lambda: bfz(150.0, 300.0),
        "value",
        ("derived",),
        0.03,
        "150 and 300 GeV",
    ),
    Claim(
        "with the scalars of Barr, Freire and Zee: mu about 1e-12 mu_B",
        "the talk of 2021, two-loop moment, no formula printed",
        1e-12,
        lambda: math.nan,
        lambda: bfz(150.0, 300.0),
        "order",
        ("derived",),
        1.5,
        "kappa = 0.5 TeV, F = 0.1, m = 150 and 300 GeV: 1.2e-12; 3.3e-12 at 100 GeV for both",
    ),
    Claim(
        "Zee's model and its extensions stay below the 1.65e-11 mu_B of XENON1T's excess",
        "arXiv:2007.04291, abstract",
        1.65e-11,
        lambda: math.nan,
        lambda: bfz(100.0, 100.0, 100.0),
        "bound",
        ("derived",),
        0.0,
        "6.6e-12: kappa = 0.5 TeV, F = 0.1, all inner scalars at 100 GeV, maximal mixing",
    ),
)
