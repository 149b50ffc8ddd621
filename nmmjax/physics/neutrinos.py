"""Three neutrinos: oscillation inputs, PMNS matrix, Takagi factorisation, effective moments.

Light masses are in eV where they come from oscillation data and in the unit of the matrix
elsewhere. `ordering` is "NO" (m_1 < m_2 < m_3) or "IO" (m_3 < m_1 < m_2).
"""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from nmmjax.errors import InputError, suggest
from nmmjax.physics.constants import SM, Constants
from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.numbers import square_root, squared
from nmmjax.physics.takagi import Takagi, factorise

type Scalar = Float[Array, ""] | float
type Masses = Float[Array, "3"]
type Matrix = Complex[Array, "3 3"]

ORDERINGS = ("NO", "IO")
_AVOGADRO = 6.02214076e23  # 1/mol, exact
_LIGHT_SPEED = 2.99792458e10  # cm/s, exact
_GEV2_PER_EV2 = 1e-18
FLAVOURS = ("e", "mu", "tau")
ANGLES = ("sin2_th12", "sin2_th23", "sin2_th13", "delta_cp")  # arguments of `pmns`
PHASES = ("alpha_21", "alpha_31")
PAIRS = {"emu": (0, 1), "etau": (0, 2), "mutau": (1, 2)}
_LABELS = {"mass": ("1", "2", "3"), "flavour": FLAVOURS}


def check_ordering(ordering: str) -> None:
    """Raise InputError unless `ordering` is "NO" or "IO"."""
    if ordering not in ORDERINGS:
        raise InputError(f"ordering '{ordering}' given{suggest(str(ordering), ORDERINGS)}")


def pmns(
    sin2_th12: Scalar,
    sin2_th23: Scalar,
    sin2_th13: Scalar,
    delta_cp: Scalar,
    alpha_21: Scalar = 0.0,
    alpha_31: Scalar = 0.0,
) -> Matrix:
    """PMNS matrix R23 U13(delta) R12 diag(1, e^{i alpha_21/2}, e^{i alpha_31/2}).

    Rows e, mu, tau; columns 1, 2, 3: nu_flavour = U nu_mass. 0 <= sin2 <= 1, phases in radians;
    gradients need 0 < sin2 < 1. Source: PDG convention.
    """
    s12, s23, s13 = (jnp.sqrt(x) for x in (sin2_th12, sin2_th23, sin2_th13))
    c12, c23, c13 = (jnp.sqrt(1.0 - x) for x in (sin2_th12, sin2_th23, sin2_th13))
    phase = jnp.exp(1j * delta_cp)
    dirac = jnp.array(
        [
            [c12 * c13, s12 * c13, s13 * jnp.conj(phase)],
            [-s12 * c23 - c12 * s23 * s13 * phase, c12 * c23 - s12 * s23 * s13 * phase, s23 * c13],
            [s12 * s23 - c12 * c23 * s13 * phase, -c12 * s23 - s12 * c23 * s13 * phase, c23 * c13],
        ]
    )
    one = jnp.ones_like(phase)
    majorana = jnp.stack([one, jnp.exp(0.5j * alpha_21), jnp.exp(0.5j * alpha_31)])
    return dirac * majorana[None, :]


def light_masses(m_lightest: Scalar, dm2_21: Scalar, dm2_3l: Scalar, ordering: str) -> Masses:
    """(m_1, m_2, m_3) from the lightest mass and the splittings.

    NO: dm2_3l = m_3^2 - m_1^2 > 0. IO: dm2_3l = m_3^2 - m_2^2 < 0 with |dm2_3l| > dm2_21.
    Masses in the unit of m_lightest >= 0. Raises InputError for an unknown ordering.
    """
    check_ordering(ordering)
    light = m_lightest**2
    if ordering == "NO":
        squares = (light, light + dm2_21, light + dm2_3l)
        return jnp.stack([jnp.asarray(m_lightest), *(jnp.sqrt(x) for x in squares[1:])])
    squares = (light - dm2_3l - dm2_21, light - dm2_3l)
    return jnp.stack([*(jnp.sqrt(x) for x in squares), jnp.asarray(m_lightest)])


def columns(ordering: str) -> np.ndarray:
    """Return the places of the states 1, 2, 3 among states sorted by ascending mass."""
    return np.array([0, 1, 2] if ordering == "NO" else [1, 2, 0])


def takagi(m: Matrix, ordering: str = "NO") -> Takagi:
    """Masses and PMNS matrix of a Majorana mass matrix in the flavour basis, any unit.

    M = conj(U) diag(m_1, m_2, m_3) U^dagger; columns ascend ("NO") or start with the middle mass
    ("IO"). Phases of rows are free (unphysical), phases of columns are the Majorana phases.
    Accuracy, signs and derivatives as in `takagi.factorise`. Raises InputError for an unknown
    ordering.
    """
    check_ordering(ordering)
    order = columns(ordering)
    masses, u = factorise(m)
    return Takagi(masses[order], u[:, order])


def mixing(u: Matrix) -> dict[str, Float[Array, ""]]:
    """sin2_th12, sin2_th23, sin2_th13 and delta_cp in (-pi, pi] of a unitary matrix.

    Invariant under phases of rows and columns:
        delta = -arg(U_e1* U_e3 U_tau1 U_tau3* + |U_e1 U_e3 U_tau3|^2/(1 - |U_e3|^2))
    whose argument is e^{-i delta} c12 s12 c13^2 c23 s23 s13. Gradients need 0 < sin2 < 1.
    """
    p = squared(u)
    c13_sq = p[0, 0] + p[0, 1]
    quartet = jnp.conj(u[0, 0]) * u[0, 2] * u[2, 0] * jnp.conj(u[2, 2])
    z = quartet + p[0, 0] * p[0, 2] * p[2, 2] / c13_sq
    return {
        "sin2_th12": p[0, 1] / c13_sq,
        "sin2_th23": p[1, 2] / c13_sq,
        "sin2_th13": p[0, 2],
        "delta_cp": -jnp.arctan2(z.imag, z.real),
    }


def splittings(masses: Masses, ordering: str) -> dict[str, Float[Array, ""]]:
    """dm2_21 and dm2_3l (m_3^2 - m_1^2 in NO, m_3^2 - m_2^2 in IO) of (m_1, m_2, m_3).

    Raises InputError for an unknown ordering.
    """
    check_ordering(ordering)
    m_1, m_2, m_3 = masses
    m_l = m_1 if ordering == "NO" else m_2
    return {"dm2_21": (m_2 - m_1) * (m_2 + m_1), "dm2_3l": (m_3 - m_l) * (m_3 + m_l)}


def mass_observables(masses: Masses, u: Matrix, *, majorana: bool) -> dict[str, Float[Array, ""]]:
    """m_nu (largest), m_nu_1..3, sum_m_nu, m_beta and, for Majorana neutrinos, m_ee; all in eV.

    m_beta^2 = sum |U_ei|^2 m_i^2,  m_ee = |sum U_ei^2 m_i|.
    """
    values = {f"m_nu_{i + 1}": masses[i] for i in range(3)}
    values |= {
        "m_nu": jnp.max(masses),
        "sum_m_nu": jnp.sum(masses),
        "m_beta": square_root(jnp.sum(squared(u[0]) * masses**2)),
    }
    return values | ({"m_ee": jnp.abs(jnp.sum(u[0] ** 2 * masses))} if majorana else {})


class SolarSource(NamedTuple):
    """A line or spectrum of solar neutrinos, by its mean energy and place of birth."""

    energy: float  # GeV
    electrons: float  # flux-averaged electron density at production, mol/cm^3


# Means over the production regions of BS05(AGS,OP), astro-ph/0412440, good to 3 mol/cm^3.
SOLAR = {
    "pp": SolarSource(0.267e-3, 63.0),  # what low-threshold xenon detectors see most
    "7Be": SolarSource(0.862e-3, 81.0),
    "8B": SolarSource(8.0e-3, 90.0),  # mean energy above the water-Cherenkov thresholds
    "vacuum": SolarSource(0.0, 0.0),
}


def solar_fractions(
    u: Matrix, dm2_21: Scalar, source: str = "pp", sm: Constants = SM
) -> Float[Array, "3"]:
    """Mass-state fractions P_e1, P_e2, P_e3 of solar neutrinos at Earth, adiabatic MSW.

        P_e3 = |U_e3|^2,  P_e1 = c13^2 (1 + cos 2theta_m)/2,  P_e2 = c13^2 - P_e1,
        cos 2theta_m = (cos 2theta_12 - A)/sqrt((cos 2theta_12 - A)^2 + sin^2 2theta_12),
        A = 2 sqrt2 G_F N_e c13^2 E/dm2_21,    dm2_21 > 0 in eV^2

    At dm2_21 = 0, for u of `apart`: (c13^2, 0, s13^2), nu_e as it was made.
    source  "pp", "7Be", "8B" or "vacuum" (A = 0); raises InputError otherwise.
    Two-flavour propagation inside the Sun (corrections ~ A dm2_21/dm2_3l < 1%), no regeneration
    in the Earth.
    """
    if source not in SOLAR:
        raise InputError(f"source '{source}' given{suggest(str(source), SOLAR)}")
    energy, electrons = SOLAR[source]
    p = squared(u[0])
    c13_sq = p[0] + p[1]
    one_mass, none = dm2_21 == 0.0, c13_sq == 0.0
    dm2_21, over = jnp.where(one_mass, 1.0, dm2_21), jnp.where(none, 1.0, c13_sq)
    density = electrons * _AVOGADRO * (sm.hbar * _LIGHT_SPEED) ** 3  # GeV^3
    potential = 2.0 * math.sqrt(2.0) * sm.g_f * density * energy / (dm2_21 * _GEV2_PER_EV2)
    cosine = jnp.where(none, 1.0, (p[0] - p[1]) / over - potential * c13_sq)
    sine_sq = 4.0 * p[0] * p[1] / over**2
    p_e1 = 0.5 * c13_sq * (1.0 + cosine / jnp.sqrt(cosine**2 + sine_sq))
    p_e1 = jnp.where(one_mass, c13_sq, p_e1)
    return jnp.stack([p_e1, c13_sq - p_e1, p[2]])


def apart(u: Matrix, dm2_21: Scalar) -> Matrix:
    """Return u; where dm2_21 = 0, with columns 1, 2 turned so that U_e2 = 0.

    Two states of one mass are any two mixtures of them. nu_e stays the one that it was made as,
    and so mixtures of other states would have to be added up with their phases.
    """
    size = square_root(squared(u[0, 0]) + squared(u[0, 1]))
    turn = (dm2_21 == 0.0) & (size > 0.0)
    over = jnp.where(turn, size, 1.0)
    a, b = jnp.where(turn, u[0, 0] / over, 1.0), jnp.where(turn, u[0, 1] / over, 0.0)
    first = jnp.conj(a) * u[:, 0] + jnp.conj(b) * u[:, 1]
    return jnp.stack([first, a * u[:, 1] - b * u[:, 0], u[:, 2]], axis=1)


SOLAR_MOMENTS = {"solar": "pp", "pp": "pp", "be7": "7Be", "b8": "8B"}  # mu_eff_NAME by source


def solar_mixtures(u: Matrix, dm2_21: Scalar, sm: Constants = SM) -> dict[str, Float[Array, "3"]]:
    """`solar_fractions` of pp, 7Be and 8B neutrinos, for `effective_moments`; "solar" is pp."""
    found = {source: solar_fractions(u, dm2_21, source, sm) for source in ("pp", "7Be", "8B")}
    return {name: found[source] for name, source in SOLAR_MOMENTS.items()}


def to_mass_basis(mu: Matrix, u: Matrix) -> Matrix:
    """Majorana moments U^T mu U from the flavour basis to the mass basis."""
    return product(u.T, mu, u)


def to_flavour_basis(mu: Matrix, u: Matrix) -> Matrix:
    """Majorana moments U* mu U^dagger from the mass basis to the flavour basis."""
    return product(jnp.conj(u), mu, dagger(u))


def moment_entries(mu: Matrix, *, basis: str, majorana: bool) -> dict[str, Float[Array, ""]]:
    """|mu_ab| under public names: mu_nu_12 ... (basis "mass") or mu_nu_emu ... ("flavour").

    Majorana moments have three entries, Dirac moments nine. Raises InputError otherwise.
    """
    if basis not in _LABELS:
        raise InputError(f"basis '{basis}' given{suggest(str(basis), _LABELS)}")
    labels = _LABELS[basis]
    pairs = [(a, b) for a in range(3) for b in range(3) if a < b or not majorana]
    return {f"mu_nu_{labels[a]}{labels[b]}": jnp.abs(mu[a, b]) for a, b in pairs}


def transition_size(mu: Float[Array, "3 3"]) -> Float[Array, ""]:
    """(sum_{a<b} mu_ab^2)^(1/2) of real transition moments, with slope 0 where all vanish."""
    return square_root(jnp.sum(jnp.triu(mu, 1) ** 2))


def flavour_entries(
    mass: Float[Array, "3 3"], mu: Float[Array, "3 3"]
) -> dict[str, Float[Array, ""]]:
    """Entries of a real Majorana mass matrix and of real transition moments by flavours.

    re_m_nu_ee ... for a <= b, re_mu_nu_emu ... and their sizes mu_nu_emu ... for a < b.
    """
    entries = {}
    for (i, a), (j, b) in itertools.combinations_with_replacement(enumerate(FLAVOURS), 2):
        entries[f"re_m_nu_{a}{b}"] = mass[i, j]
    for pair, (i, j) in PAIRS.items():
        entries |= {f"re_mu_nu_{pair}": mu[i, j], f"mu_nu_{pair}": jnp.abs(mu[i, j])}
    return entries


def effective_moments(
    mu: Matrix,
    u: Matrix,
    solar: Mapping[str, Float[Array, "3"]],
    *,
    majorana: bool,
) -> dict[str, Float[Array, ""]]:
    """Moments that experiments see: mu_nu and mu_eff_reactor, _numu, _nutau, _plasmon, solar ones.

    mu[j, k] is the amplitude of the flip nu_k -> nu_j in the mass basis, any unit, normalised to
    d sigma/dT = pi alpha^2/m_e^2 |mu_jk/mu_B|^2 (1/T - 1/E); an electric moment enters as
    mu - i d. Majorana: antisymmetric. Dirac with L = -(1/2) nubar_a sigma mu_aj nu_Rj F, rows in
    the flavour basis: pass mu^dagger u.
        short baseline  mu_a^2 = sum_j |sum_k mu_jk U_ak*|^2, the row sum in the flavour basis
        solar           sum_k P_ek sum_j |mu_jk|^2, mu_eff_NAME of solar[NAME] = (P_e1, P_e2, P_e3)
        plasmon         sum_jk |mu_jk|^2, for Majorana neutrinos sum_{j<k}; mu_nu likewise
    Antineutrinos have the same short-baseline moments. A moment that vanishes has slope 0.
    """
    squares = squared(mu)
    size = square_root(jnp.sum(squares) * (0.5 if majorana else 1.0))
    beams = square_root(jnp.sum(squared(product(mu, dagger(u))), axis=0))
    columns = jnp.sum(squares, axis=0)
    seen = {f"mu_eff_{name}": square_root(jnp.sum(p * columns)) for name, p in solar.items()}
    return seen | {
        "mu_nu": size,
        "mu_eff_reactor": beams[0],
        "mu_eff_numu": beams[1],
        "mu_eff_nutau": beams[2],
        "mu_eff_plasmon": size,
    }
