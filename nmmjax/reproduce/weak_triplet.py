"""Figures of arXiv:2605.19544: columns as its equations print them and as derived."""

import numpy as np

from nmmjax.models.colored_triplet import ColoredTriplet
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.reproduce.points import predicted

type Columns = dict[str, np.ndarray]
type Fixed = dict[str, float]

_CONVENTIONS = ("as_printed", "derived")


def moment(fixed: Fixed, varied: Columns) -> Columns:
    """Return mu_nu of Model-I over m_phi, Eq. (42) and derived, at two masses of Psi."""
    columns = {"m_phi": varied["m_phi"]}
    for m_psi in varied["m_psi"]:
        for convention in _CONVENTIONS:
            model = WeakTriplet(convention=convention, rge=False)
            theta = fixed | {"m_phi": varied["m_phi"], "m_psi": m_psi}
            (mu,) = predicted(model, ("mu_nu",), **theta)
            columns[f"mu_{convention}_{m_psi:g}"] = mu
    return columns


def mixing(fixed: Fixed, varied: Columns) -> Columns:
    """Return the loop mass that scalar mixing gives in Model-I, Eq. (45) and derived."""
    terms = ("sin_zeta", "m_nu_neutral", "m_nu_charged", "m_nu_seesaw", "m_nu_split")
    found = {}
    for convention in _CONVENTIONS:
        model = WeakTriplet(convention=convention, rge=False)
        found[convention] = predicted(model, terms, **(fixed | {"v_s": varied["v_s"]}))
    sin_zeta, neutral, charged, seesaw, split = (np.abs(x) for x in found["derived"])
    return {
        "v_s": varied["v_s"],
        "sin_zeta": sin_zeta,
        "m_as_printed": np.abs(found["as_printed"][1]),
        "m_derived": neutral + charged,  # of one sign
        "m_seesaw": seesaw,
        "m_split": split,
    }


def quartic(fixed: Fixed, varied: Columns) -> Columns:
    """Return m_nu and mu_nu of Model-III over lambda', Eqs. (54), (55) and derived."""
    columns = {"lambda_prime": varied["lambda_prime"]}
    for mass in varied["mass"]:
        for convention in _CONVENTIONS:
            model = ColoredTriplet(convention=convention, ew_splitting="none", rge=False)
            theta = fixed | {"lambda_prime": varied["lambda_prime"], "m_f": mass, "m_s": mass}
            m, mu = predicted(model, ("m_nu_quartic", "mu_nu"), **theta)
            columns[f"m_{convention}_{mass:g}"] = np.abs(m)
            columns[f"mu_{convention}_{mass:g}"] = mu
    return columns


def decoupling(fixed: Fixed, varied: Columns) -> Columns:
    """Return m_nu and mu_nu of Model-III over m_F for lambda' = 0: electroweak splittings alone.

    printed   Eqs. (58), (59) read as squared masses; masses: the same as masses, on shell
    running   m_nu_rge of the derived moment, what is left without a constant splitting
    """
    names = ("m_nu_ew", "m_nu_rge", "mu_nu")
    theta = fixed | {"m_f": varied["m_f"]}
    ways = {
        "printed": {"convention": "as_printed", "ew_splitting": "on_shell"},
        "masses": {"ew_splitting": "on_shell", "scheme": "as_printed"},
        "derived": {},
    }
    found = {
        way: predicted(ColoredTriplet(rge=False, **settings), names, **theta)
        for way, settings in ways.items()
    }
    return {
        "m_f": varied["m_f"],
        "m_printed": np.abs(found["printed"][0]),
        "m_masses": np.abs(found["masses"][0]),
        "m_running": np.abs(found["derived"][1]),
        "mu_printed": found["printed"][2],
        "mu_derived": found["derived"][2],
    }
