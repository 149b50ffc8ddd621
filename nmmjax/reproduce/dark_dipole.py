"""Figures and equations of arXiv:2603.25704, as printed and as derived."""

import math

import jax.numpy as jnp
import numpy as np

from nmmjax.constraints import library
from nmmjax.constraints.curves import LimitCurve, PoissonZeroCurve
from nmmjax.physics.constants import SM
from nmmjax.physics.dark_loops import delta_J, delta_J_printed, f_split, mediator_factor
from nmmjax.physics.dark_scalars import scalars_from_matrices
from nmmjax.physics.dark_sector import lepton_loop
from nmmjax.physics.decays import br_radiative

type Columns = dict[str, np.ndarray]
type Fixed = dict[str, float]

TO_MU_B = 2.0 * SM.m_e / SM.e  # GeV
_NODES = 192


def borexino(fixed: Fixed, varied: Columns) -> Columns:
    """Return the limit of Borexino on mu_eff over m_A', Eqs. (33), (34), for two thresholds."""
    mass = varied["m_aprime"]
    (recast,) = library.load(["borexino_2017_massive"])
    assert isinstance(recast, LimitCurve)
    return {
        "m_aprime": mass,
        "limit_as_printed": _borexino(fixed, mass),
        "limit_190_kev": np.asarray(recast.limit_at(jnp.asarray(mass))),
    }


def theory(fixed: Fixed, varied: Columns) -> Columns:
    """Return the largest mu_eff = eps mu over m_A' against Borexino's limit, Fig. 7.

    eps is NA64's limit as the paper quotes it, and as published; |Lambda| is the limit of MEG on
    the product of couplings (printed: 0.086^2; derived: `_coupling`), or 1, which MEG allows.
    raw: in GeV^-1, read as mu_B.
    """
    mass = varied["m_aprime"]
    quoted = fixed["eps_at_10_mev"] * (mass / 0.01) ** (
        math.log10(fixed["eps_at_100_mev"] / fixed["eps_at_10_mev"])
    )
    (na64,) = library.load(["na64e_2023"])
    assert isinstance(na64, PoissonZeroCurve)
    eps = np.asarray(na64.limit_at(jnp.asarray(mass)))
    printed = fixed["y"] ** 2 * _full(fixed, delta_J_printed, 64.0)
    derived = TO_MU_B * _full(fixed, delta_J, 128.0)
    meg = _coupling(_meg_2025(), fixed["m_e"], printed=False) ** 2
    return {
        "m_aprime": mass,
        "borexino": _borexino(fixed, mass),
        "raw": fixed["g_d"] * quoted * printed,
        "printed": fixed["g_d"] * quoted * printed * TO_MU_B,
        "derived": fixed["g_d"] * eps * meg * derived,
        "derived_lambda_1": fixed["g_d"] * eps * derived,
    }


def coupling_limit(fixed: Fixed, varied: Columns) -> Columns:
    """Return the limit on sqrt|sum y y*| over M_E: Eq. (31), what Eqs. (29), (30) give, derived."""
    m_e, br = varied["m_e"], fixed["br"]
    return {
        "m_e": m_e,
        "quoted": fixed["quoted_at_2_tev"] * m_e / 2e3,
        "as_printed": _scaled(m_e, br, True),
        "derived": _scaled(m_e, br, False),
        "derived_2025": _scaled(m_e, _meg_2025(), False),
    }


def largest_moment(fixed: Fixed, varied: Columns) -> Columns:
    """Return mu_eff/g_D over the splitting delta M, Eqs. (35), (36), for eps Lambda = 1e-6.

    raw        Eq. (35) with delta M^2 = 2 M_S delta M, in GeV^-1, read as mu_B
    printed    the same times 2 m_e/e; expansion: derived; full: derived, no expansion
    """
    split, m_s, m_n = varied["delta_m"], fixed["m_s"], fixed["m_n"]
    expansion = fixed["eps_lambda"] * m_n / (math.pi**2 * m_s**2) * (2.0 * split / m_s) ** 2
    x = jnp.asarray((m_n / m_s) ** 2)
    low, high = jnp.full(split.shape, m_s), jnp.asarray(m_s + split)
    whole = delta_J(jnp.full(split.shape, m_n), low, high, low, high)
    return {
        "delta_m": split,
        "raw": expansion / 64.0 * _printed_split(m_n, m_s),
        "printed": TO_MU_B * expansion / 64.0 * _printed_split(m_n, m_s),
        "expansion": TO_MU_B * expansion / 128.0 * float(f_split(x)),
        "full": TO_MU_B * fixed["eps_lambda"] * m_n / (128.0 * math.pi**2) * np.asarray(whole),
    }


def _coupling(br: float, m_e: float, printed: bool) -> float:
    """Limit on sqrt|sum y y*| from BR(mu -> e gamma) < br, scalars far below M_E in GeV.

    Printed: dipole of Eqs. (25), (26), (28) and half the decay rate.
    """
    light = scalars_from_matrices(*(jnp.asarray(x) for x in (0.09, 0.16, 0.0, 0.0, 0.0)))
    dipole = float(lepton_loop(light, jnp.asarray(m_e), _NODES, printed)[0, 0])
    dipole *= (math.sqrt(0.5) if printed else 1.0) / (64.0 * math.pi**2)
    unit = jnp.zeros((3, 3), complex).at[0, 1].set(dipole)
    return (br / float(br_radiative(unit, 1, 0))) ** 0.25


def _meg_2025() -> float:
    return float(library.catalogue()["mu_e_gamma_meg2_2025"]["value"])


def _scaled(m_e: np.ndarray, br: float, printed: bool) -> np.ndarray:
    """`_coupling` over masses: proportional to M_E for light scalars."""
    return _coupling(br, 2e3, printed) * m_e / 2e3


def _borexino(fixed: Fixed, mass: np.ndarray) -> np.ndarray:
    factor = mediator_factor(jnp.asarray(mass), SM.m_e, fixed["e_nu"], fixed["t_min"])
    return fixed["mu_massless"] * np.asarray(factor)


def _full(fixed: Fixed, loop, prefactor: float) -> float:
    """M_N Delta J/(prefactor pi^2) for M_H1 = M_A1 = m_s and M_H2 = M_A2 = m_s + delta_m."""
    m = [jnp.asarray(fixed["m_s"]), jnp.asarray(fixed["m_s"] + fixed["delta_m"])]
    value = loop(jnp.asarray(fixed["m_n"]), m[0], m[1], m[0], m[1])
    return fixed["m_n"] * float(value) / (prefactor * math.pi**2)


def _printed_split(m_n: float, m_s: float) -> float:
    """f of Eq. (35) with the printed loop: its mixed second difference at a splitting of 1e-5."""
    h = 1e-5
    masses = (jnp.asarray(m_s * (1.0 + sign * h)) for sign in (1, -1, 1, -1))
    return float(delta_J_printed(jnp.asarray(m_n), *masses)) * m_s**2 / (16.0 * h**2)
