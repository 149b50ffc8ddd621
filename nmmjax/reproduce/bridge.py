"""Figures of arXiv:2506.15777: reach of its cases, and the moment against the Dynkin index.

Its display equations were not available as text: "as printed" is what the prose fixes, evaluated
here by hand, "derived" what the models give.
"""

import math

import jax.numpy as jnp
import numpy as np

from nmmjax.constraints import library
from nmmjax.models.bridge import Bridge
from nmmjax.models.bridge_majorana import BridgeMajorana
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.physics import rge
from nmmjax.physics.constants import SM
from nmmjax.reproduce.points import crossing, predicted

type Columns = dict[str, np.ndarray]
type Fixed = dict[str, float]

_EV = 1e9
_SMALL = 1e-4  # y_psi at which mass and moment are powers of it
_ON_SHELL = {"ew_splitting": "on_shell", "rge": False}


def reach(fixed: Fixed, varied: Columns) -> Columns:
    """Return mu_nu where the mass that goes with it is m_nu, over the common heavy mass m, GeV.

    by_hand     case (c), Eqs. (13), (14): m_nu ~ y_psi^3
    c, c_cubic  derived; with the induced cubic coupling from lambda_uv
    d, e        triplets of Y = 1 and doublets, split electroweakly on shell (arXiv:2605.19544)
    mixing      doublets without a mass at one loop: as large as Z -> e e allows
    majorana    mu_emu of the Majorana completion, y_N = 1; majorana_3 for y_T = y_delta = 3
    running     every Dirac case, if the running mass is m_nu
    """
    m, target = varied["m"], fixed["m_nu"]
    return {
        "m": m,
        "by_hand": _by_hand(m, target),
        "c": _triplet(m, target, 0.0),
        "c_cubic": _triplet(m, target, fixed["lambda_uv"]),
        "d": _split(Bridge(case="d", hypercharge=1.0, **_ON_SHELL), m, target),
        "e": _split(Bridge(case="e", **_ON_SHELL), m, target),
        "mixing": _mixing(m),
        "majorana": _majorana(m, target, fixed, 1.0),
        "majorana_3": _majorana(m, target, fixed, 3.0),
        "running": target / (_EV * np.asarray(rge.dirac_mass(1.0, jnp.asarray(m), SM))),
    }


def dynkin(fixed: Fixed, varied: Columns) -> Columns:
    """Return mu_nu over that of doublets against the multiplet, for two hypercharges."""
    n = varied["multiplet"]
    columns = {"multiplet": n, "as_printed": n * (n**2 - 1.0) / 6.0}
    couplings = {"split_f": 0.0, "split_s": 0.0} | fixed
    for hypercharge in (0.0, 1.0):
        mu = np.array([_moment(int(k), hypercharge, couplings) for k in n])
        columns[f"derived_{hypercharge:g}"] = mu / mu[0]
    return columns


def _moment(n: int, hypercharge: float, theta: Fixed) -> float:
    model = Bridge(multiplet=n, hypercharge=hypercharge, rge=False)  # pyright: ignore[reportArgumentType]
    return float(predicted(model, ("mu_nu",), **theta)[0])


def _by_hand(m: np.ndarray, target: float) -> np.ndarray:
    """mu_B where Eq. (14) is the target in eV, y_T = y_delta = 1, fW(1) = 1/2."""
    loop = math.sqrt(2.0) * math.pi**2 * m**2
    y_psi = np.cbrt(target / _EV * 32.0 * loop / SM.v_ew**3)
    return 2.0 * SM.m_e * y_psi * SM.v_ew / (16.0 * loop)


def _triplet(m: np.ndarray, target: float, lambda_uv: float) -> np.ndarray:
    """Case (c) in the paper's normalisation, y_D = kappa = 0: the mass goes as y_psi^3."""
    root = math.sqrt(2.0)
    theta = {"y_d": 0.0, "y_t": root, "y_delta": 1.0, "m_psi": m, "m_phi": m, "v_s": 0.0}
    model = WeakTriplet(lambda_uv=lambda_uv, rge=False)
    found = ("m_nu_total", "mu_nu")
    at = {"lambda_hs": 0.0, "lambda_s": 0.1} | theta
    mass, _ = predicted(model, found, y_psi=root * _SMALL, **at)
    y_psi = _SMALL * np.cbrt(target / np.abs(mass))
    return predicted(model, found, y_psi=root * y_psi, **at)[1]


def _split(model: Bridge, m: np.ndarray, target: float) -> np.ndarray:
    """Mass and moment are proportional: both to y_psi y_T y_delta."""
    heavy = {"m_psi": m, "m_f": m, "m_s": m, "y_psi": _SMALL, "y_t": 1.0, "y_delta": 1.0}
    mass, mu = predicted(model, ("m_nu_ew", "mu_nu"), split_f=0.0, split_s=0.0, **heavy)
    return target * mu / np.abs(mass)


def _mixing(m: np.ndarray) -> np.ndarray:
    """mu_B of doublets, y_T = y_delta = 1, y_psi at the limit of Z -> e e, two sigma."""
    (z,) = library.load(["gamma_z_ee"])
    interval = z.interval()
    assert interval is not None
    y = np.geomspace(1e-3, 3.0, 61)
    heavy = {"m_psi": m[:, None], "m_f": m[:, None], "m_s": m[:, None]}
    loop = {"y_t": 1.0, "y_delta": 1.0, "split_f": 0.0, "split_s": 0.0}
    model = Bridge(case="e", rge=False)
    width, mu = predicted(model, ("gamma_z_ee", "mu_nu"), y_psi=y[None, :], **heavy, **loop)
    highest = [
        np.nanmin([crossing(y, row, interval[0]), crossing(y, row, interval[1])]) for row in width
    ]
    return np.array(
        [np.interp(np.log(h), np.log(y), row) for h, row in zip(highest, mu, strict=True)]
    )


def _majorana(m: np.ndarray, target: float, fixed: Fixed, y: float) -> np.ndarray:
    """The mass goes as y_psi^3: y_psi of e and y_N of mu alone."""
    zero = dict.fromkeys(("y_psi_mu", "y_psi_tau", "y_n_e", "y_n_tau"), 0.0)
    at = zero | {"y_n_mu": 1.0, "y_t": y, "y_delta": y, "sin_beta": fixed["sin_beta"]}
    heavy = {"m_psi": m, "m_s": m, "m_n": m}
    found = ("re_m_nu_emu", "mu_nu_emu")
    mass, _ = predicted(BridgeMajorana(), found, y_psi_e=_SMALL, **at, **heavy)
    y_psi = _SMALL * np.cbrt(target / np.abs(mass))
    return predicted(BridgeMajorana(), found, y_psi_e=y_psi, **at, **heavy)[1]
