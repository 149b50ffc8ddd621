"""Figures of arXiv:2007.04291 and arXiv:2104.03291, whose formulas are those of a talk on them."""

import math

import numpy as np

from nmmjax.models.bfz import Bfz
from nmmjax.models.su2_horizontal import SU2Horizontal
from nmmjax.models.zee import Zee
from nmmjax.reproduce.points import predicted

type Columns = dict[str, np.ndarray]
type Fixed = dict[str, float]

_FAR = 1e9  # GeV, a scalar that decouples


def moment(fixed: Fixed, varied: Columns) -> Columns:
    """Return mu_emu over m_h for products f f' sin 2alpha, the talk's formula times e, and ours."""
    columns = {"m_h": varied["m_h"]}
    for product in varied["product"]:
        for convention in ("as_printed", "derived"):
            mu = _moment(SU2Horizontal(convention=convention), fixed, varied["m_h"], product)
            columns[f"{convention}_{product:g}"] = mu
    return columns


def anomaly(fixed: Fixed, varied: Columns) -> Columns:
    """Return mu_emu against Delta a_mu as f' grows, for f sin 2alpha; one neutral mass for both."""
    f_prime = varied["f_prime"]
    neutral = {"m_h0": fixed["m_neutral"], "m_a0": fixed["m_neutral"], "delta_c": 0.0}
    charged = {"m_h_plus": fixed["m_h_plus"], "m_heavy_plus": fixed["m_heavy_plus"]}
    at = {"alpha": 0.25 * math.pi, "f_prime": f_prime} | neutral | charged
    columns = {"f_prime": f_prime}
    for f in varied["f"]:
        for convention in ("as_printed", "derived"):
            model = SU2Horizontal(convention=convention)
            names = ("mu_nu", "delta_a_mu")
            mu, delta = predicted(model, names, f=f, **at)
            columns[f"{convention}_{f:g}"] = mu
        columns[f"delta_a_mu_{f:g}"] = delta
    return columns


def two_loop(fixed: Fixed, varied: Columns) -> Columns:
    """Return the two-loop moment over m_h: quarks (Zee), and scalars of Barr, Freire and Zee.

    One antisymmetric coupling F = 2 f_emu, maximal mixing.
    """
    m_h = varied["m_h"]
    zero = {"f_etau": 0.0, "f_mutau": 0.0}
    at = {"phi": 0.25 * math.pi, "m_h_plus": m_h, "m_heavy_plus": fixed["m_heavy"]} | zero
    quarks = {"f_emu": 0.5 * fixed["f_quarks"], "y_top": 1.0, "y_bottom": 1.0}
    none = {"f_emu": 0.5 * fixed["f_scalars"], "y_top": 0.0, "y_bottom": 0.0}
    columns = {"m_h": m_h}
    (columns["zee"],) = predicted(Zee(), ("mu_nu_2loop",), **at, **quarks)
    for name, (plus, neutral) in {"bfz": (150.0, 300.0), "bfz_light": (100.0, 100.0)}.items():
        scalars = {"kappa": fixed["kappa"], "m_s_plus": plus, "m_s_r": neutral, "m_s_i": _FAR}
        (columns[name],) = predicted(Bfz(), ("mu_nu_2loop",), **at, **none, **scalars)
    return columns


def _moment(model: SU2Horizontal, fixed: Fixed, m_h: np.ndarray, product: float) -> np.ndarray:
    at = {"alpha": 0.25 * math.pi, "f": product / fixed["f_prime"], "delta_c": 0.0}
    charged = {"m_h_plus": m_h, "m_heavy_plus": fixed["m_heavy"]}
    return predicted(model, ("mu_nu",), f_prime=fixed["f_prime"], **at, **charged)[0]
