"""Numbers of arXiv:0803.0481 on lepton-flavour violation by fermion triplets, and what we find.

One row per claim, as in `weak_triplet.py`. Recalled, the text was not at hand: `as_printed`
evaluates the recalled formula, `derived` ours.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from nmmjax.physics import flavour_violation as lfv
from nmmjax.physics.constants import SM

_HEAVY = 1e7  # GeV, where only the constants of the amplitude are left


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


def _c() -> float:
    return -16.0 / 3.0 * (1.0 + SM.s2w)


def _rates() -> dict[str, float]:
    mixing = jnp.array([[1e-3], [1e-3], [0.0]], dtype=complex)
    dipole = lfv.dipoles(mixing, jnp.array([_HEAVY]), jnp.zeros((1, 1)), jnp.asarray(_HEAVY), SM)
    found = lfv.observables(dipole, lfv.z_couplings(mixing), SM)
    return {name: float(x) for name, x in found.items()}


def _printed_mu_e_gamma() -> float:
    """BR for eps = 1e-6 with the recalled amplitude."""
    return 3.0 * SM.alpha_0 / (32.0 * math.pi) * (13.0 / 3.0 + _c()) ** 2 * 1e-12


def _derived(over: str) -> float:
    found = _rates()
    return found["br_mu_e_gamma"] / found[over]


PUBLISHED = (
    Claim(
        "C of the amplitude",
        "amplitude of l -> l' gamma",
        -6.56,
        _c,
        _c,
        "value",
        ("as_printed", "derived"),
        2e-3,
    ),
    Claim(
        "constant of the amplitude",
        "amplitude of l -> l' gamma",
        13.0 / 3.0,
        lambda: 13.0 / 3.0,
        lambda: 4.0 * float(lfv.gauge_amplitude(jnp.array([_HEAVY]), SM)[0]) - _c(),
        "value",
        ("as_printed",),
        1e-12,
        "derived 16/3: exact mass states, tests/reference/make/flavour_violation.py",
    ),
    Claim(
        "BR(mu -> e gamma)/BR(mu -> 3e)",
        "ratios of rates",
        1.3e-3,
        lambda: _printed_mu_e_gamma() / _rates()["br_mu_3e"],
        lambda: _derived("br_mu_3e"),
        "value",
        ("as_printed",),
        0.06,
        "derived with 16/3",
    ),
    Claim(
        "BR(mu -> e gamma)/R(mu -> e, Ti)",
        "ratios of rates",
        3.1e-4,
        lambda: _printed_mu_e_gamma() / _rates()["cr_mu_e_ti"],
        lambda: _derived("cr_mu_e_ti"),
        "value",
        (),
        0.5,
        "the paper's nuclear approximation is not at hand; overlap integrals give a larger rate",
    ),
)
