r"""Electron recoil by solar neutrinos: sections on electrons at rest, rates, limits on couplings.

Energies in GeV; d sigma/dT in GeV^-3 per squared coupling, 0 outside the kinematic range. Recoils t
and neutrino energies e broadcast. Rates are those of free electrons: in xenon an electron counts
where the recoil exceeds its binding energy.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.constants as si
from jaxtyping import Array, Float
from scipy.special import ndtr

from nmmjax.physics.constants import SM, Constants

type Real = Float[Array, "..."] | np.ndarray | float

_PP_END = 4.2022e-4  # end point of p + p -> d + e+ + nu
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_PP_FLUX, _BE7_FLUX = 5.98e10, 4.93e9  # cm^-2 s^-1, B16-GS98 of arXiv:1611.09867
_CELLS, _POINTS = 128, 8
# events per (tonne year keV) of a flux-weighted section in GeV^-3 per electron of an atom
_ATOMS = 1e6 / 131.293 * si.N_A * si.Julian_year * 3.893793721e-28 * 1e-6
_BE7 = ((8.613e-4, 0.8956), (3.843e-4, 0.1044))  # lines and their shares
_XENON = (  # binding energies in eV and electrons: XrayDB 4.5.8, edges of Xe
    *((34561.0, 2), (5453.0, 2), (5107.0, 2), (4786.0, 4), (1148.7, 2), (1002.1, 2), (940.6, 4)),
    *((689.0, 4), (676.4, 6), (213.2, 2), (146.7, 2), (145.5, 4), (69.5, 4), (67.5, 6)),
    *((23.3, 2), (13.4, 2), (12.1, 4)),
)


type Section = Callable[[Array, np.ndarray], Array]


class Neutrinos(NamedTuple):
    """Energies in GeV and their fluxes, cm^-2 s^-1, to be summed over."""

    energy: np.ndarray
    flux: np.ndarray


def solar(*sources: str) -> Neutrinos:
    """Neutrinos of "pp" (64 Gauss-Legendre energies) and "7Be" (two lines), B16-GS98 fluxes.

    pp has the allowed shape with the Coulomb factor of a positron, no screening.
    """
    parts = {"pp": _pp(), "7Be": Neutrinos(*np.array(_BE7).T * np.array([[1.0], [_BE7_FLUX]]))}
    chosen = [parts[name] for name in sources]
    return Neutrinos(*(np.concatenate(x) for x in zip(*chosen, strict=True)))


def _pp():
    e = 0.5 * _PP_END * (1.0 + _NODES)
    total = _PP_END - e + SM.m_e
    momentum = np.sqrt((_PP_END - e) * (_PP_END - e + 2.0 * SM.m_e))
    eta = 2.0 * math.pi * SM.alpha_0 * total / momentum
    shape = _WEIGHTS * e**2 * total * momentum * eta / np.expm1(eta)
    return Neutrinos(e, _PP_FLUX * shape / np.sum(shape))


def end_points(e: Real, m_n: Real, sm: Constants = SM) -> tuple[Array, Array]:
    """Least and largest recoil of nu e -> N e, N of mass m_n; NaN for 2 m_e E < m_n (m_n + 2 m_e).

    Error 1e-15. For m_n = 0 they are 0 and 2 E^2/(m_e + 2 E).
    """
    m, e, m_n = sm.m_e, jnp.asarray(e), jnp.asarray(m_n)
    s = m * (m + 2.0 * e)  # both solve s T^2 - 2 half s T + m_N^4/4 = 0
    half = (2.0 * m * e**2 - m_n**2 * (e + m)) / (2.0 * s)
    high = half + jnp.sqrt(half**2 - m_n**4 / (4.0 * s))
    return m_n**4 / (4.0 * s * high), high


def moment(t: Real, e: Real, m_n: Real = 0.0, sm: Constants = SM) -> Float[Array, "..."]:
    r"""Return d sigma/dT of nu e -> N e by a transition moment, per (mu/mu_B)^2.

        (pi alpha^2/m_e^2) {1/T - 1/E - m_N^2/(2 m_e E T) [1 - T/(2E) + m_e/(2E)]
                            - m_N^4/(8 m_e E^2 T^2) (1 - T/m_e)}

    Source: arXiv:1312.6858 for massive states; checked against explicit traces.
    """
    m, t, e = sm.m_e, jnp.asarray(t), jnp.asarray(e)
    x = jnp.asarray(m_n) ** 2
    shape = 1.0 / t - 1.0 / e - x / (2.0 * m * e * t) * (1.0 + 0.5 * (m - t) / e)
    shape -= x**2 / (8.0 * m * e**2 * t**2) * (1.0 - t / m)
    low, high = end_points(e, m_n, sm)
    return math.pi * (sm.alpha_0 / m) ** 2 * jnp.where((t > low) & (t < high), shape, 0.0)


def vector(t: Real, e: Real, mass: Real = 0.0, sm: Constants = SM) -> Float[Array, "..."]:
    """Return d sigma/dT by a vector boson, g_nu nubar gamma P_L nu and g_e e gamma e, over g^2 g^2.

        m_e/[4 pi (2 m_e T + M^2)^2] [1 + (1 - T/E)^2 - m_e T/E^2]

    Without the interference with W and Z. A millicharge q is g_nu g_e = 4 pi alpha q, M = 0.
    """
    m, t, e = sm.m_e, jnp.asarray(t), jnp.asarray(e)
    shape = 1.0 + (1.0 - t / e) ** 2 - m * t / e**2
    _, high = end_points(e, 0.0, sm)
    return m / (4.0 * math.pi * (2.0 * m * t + mass**2) ** 2) * jnp.where(t < high, shape, 0.0)


def weak(t: Real, e: Real, left: Real, right: Real, sm: Constants = SM) -> Float[Array, "..."]:
    """Return d sigma/dT by W and Z, chiral couplings of the electron `left` and `right`.

        (2 G_F^2 m_e/pi) [g_L^2 + g_R^2 (1 - T/E)^2 - g_L g_R m_e T/E^2]

    g_R = s_W^2, g_L = s_W^2 + 1/2 (nu_e) or s_W^2 - 1/2. Both gain g_nu g_e/[2 sqrt2 G_F (2 m_e T +
    M^2)] from a vector boson and pi alpha <r^2>/(3 sqrt2 G_F) from a charge radius, interference
    included. Source: hep-ph/0506021.
    """
    m, t, e = sm.m_e, jnp.asarray(t), jnp.asarray(e)
    shape = left**2 + right**2 * (1.0 - t / e) ** 2 - left * right * m * t / e**2
    _, high = end_points(e, 0.0, sm)
    return 2.0 * sm.g_f**2 * m / math.pi * jnp.where(t < high, shape, 0.0)


def interference(
    t: Real, e: Real, left: Real, right: Real, sm: Constants = SM
) -> Float[Array, "..."]:
    """Return the part of d sigma/dT linear in g_nu g_e of a massless vector boson, per g_nu g_e.

    Of W and Z with the chiral couplings `left` and `right` of `weak`, and the boson; for a mass M
    times 2 m_e T/(2 m_e T + M^2).
    """
    both = weak(t, e, left + 1.0, right + 1.0, sm) - weak(t, e, left, right, sm)
    propagator = 2.0 * math.sqrt(2.0) * sm.g_f * 2.0 * sm.m_e * jnp.asarray(t)
    return (both - weak(t, e, 1.0, 1.0, sm)) / propagator


def rate(section: Section, t: Real, nu: Neutrinos) -> Float[Array, "..."]:
    """Return sum over `nu` of flux times section(t, e): cm^-2 s^-1 GeV^-3 per electron."""
    column = jnp.asarray(t)[..., None]
    energy, flux = (x.reshape((1,) * (column.ndim - 1) + (-1,)) for x in nu)
    return jnp.sum(flux * section(column, energy), axis=-1)


def xenon_electrons(t: np.ndarray) -> np.ndarray:
    """Number of electrons of a xenon atom that a recoil t can free."""
    found = np.zeros_like(t)
    for energy, n in _XENON:
        found += n * (t > 1e-9 * energy)
    return found


class Detector(NamedTuple):
    """Bins of a xenon detector in keV, their efficiency, tonne years, and its resolution.

    sigma = resolution[0] T^(1/2) + resolution[1] T, T in keV.
    """

    low: np.ndarray
    high: np.ndarray
    efficiency: np.ndarray
    exposure: float
    resolution: tuple[float, float]


class Templates(NamedTuple):
    """Events by bin and recoil cell, per mu^2 (mu_B), g^2 and g, a massless boson; recoils in GeV.

    A boson of mass M multiplies the first two by D^2, the others by D = 2 m_e T/(2 m_e T + M^2).
    neutral: interference with Z per sum over flavours, charged: with W per nu_e.
    """

    recoil: np.ndarray
    moment: np.ndarray
    vector: np.ndarray
    neutral: np.ndarray
    charged: np.ndarray


def templates(detector: Detector, nu: Neutrinos, sm: Constants = SM) -> Templates:
    """Integrate rates over cells of the recoil and smear them into the detector's bins.

    128 cells, 8 points each, from a third of the first bin to 5 sigma above the last: 1e-3.
    """
    last = detector.high[-1]
    top = last + 5.0 * (detector.resolution[0] * math.sqrt(last) + detector.resolution[1] * last)
    edges = np.geomspace(detector.low[0] / 3.0, top, _CELLS + 1)
    inner = np.linspace(0.0, 1.0, _POINTS, endpoint=False) + 0.5 / _POINTS
    t = (edges[:-1, None] + np.diff(edges)[:, None] * inner).ravel()  # keV
    weight = np.repeat(np.diff(edges) / _POINTS, _POINTS) * xenon_electrons(1e-6 * t)
    seen = _smeared(t, detector) * weight * detector.exposure * _ATOMS
    s2w = sm.s2w
    sections: tuple[Section, ...] = (
        lambda t, e: moment(t, e, 0.0, sm),
        lambda t, e: vector(t, e, 0.0, sm),
        lambda t, e: interference(t, e, s2w - 0.5, s2w, sm),
        lambda t, e: interference(t, e, 1.0, 0.0, sm),
    )
    cells = (len(detector.low), _CELLS, _POINTS)
    rates = [(seen * np.asarray(rate(f, 1e-6 * t, nu))).reshape(cells).sum(-1) for f in sections]
    return Templates(1e-6 * 0.5 * (edges[1:] + edges[:-1]), *rates)


def line(energy: float, detector: Detector) -> np.ndarray:
    """Share of a monoenergetic line, energy in keV, that each bin sees."""
    return _smeared(np.asarray([energy]), detector)[:, 0]


def _smeared(t, detector):
    """Probability that a recoil t is seen in each bin."""
    sigma = detector.resolution[0] * np.sqrt(t) + detector.resolution[1] * t
    above, below = ((x[:, None] - t) / sigma for x in (detector.high, detector.low))
    return (ndtr(above) - ndtr(below)) * detector.efficiency[:, None]


def flat_background_limit(
    signal: Float[Array, " bin"], t: np.ndarray, background: float, exposure: float
) -> Float[Array, ""]:
    r"""Return the median 90% limit on a signal's strength x over a flat, known background.

        x = 1.2816 (exposure \int S^2/B dT)^(-1/2)

    S per unit of x and B per exposure and energy, one-sided profile likelihood, many events.
    """
    return 1.2815515655446004 / jnp.sqrt(exposure * jnp.trapezoid(signal**2 / background, t))
