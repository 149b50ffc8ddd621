"""Parameters of three neutrinos: names, default priors, central values of the data."""

import functools
import math
from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.constraints import library
from nmmjax.errors import InputError
from nmmjax.physics import neutrinos
from nmmjax.physics.constants import SM, Constants
from nmmjax.physics.neutrinos import check_ordering
from nmmjax.physics.numbers import squared
from nmmjax.target.model import Parameter, Theta
from nmmjax.target.priors import Angle, LogUniform, Prior, Uniform

_SINES = neutrinos.ANGLES[:3]
_DM2_3L = {"NO": Uniform(2.2e-3, 2.8e-3), "IO": Uniform(-2.8e-3, -2.2e-3)}
_ENTRIES = {
    "sin2_th12": "s12",
    "sin2_th23": "s23",
    "sin2_th13": "s13",
    "delta_cp": "dcp",
    "dm2_21": "dm21",
    "dm2_3l": "dm3l",
}


def parameters(ordering: str) -> tuple[Parameter, ...]:
    """Declare six oscillation parameters with flat priors far wider than the data, and m_lightest.

    With massless lightest neutrino fix `m_lightest = 0`; Majorana neutrinos have the phases of
    `majorana_parameters` besides. Raises InputError for an unknown ordering.
    """
    check_ordering(ordering)
    table: tuple[tuple[str, Prior, str, str, str], ...] = (
        ("sin2_th12", Uniform(0.2, 0.45), "", r"\sin^2\theta_{12}", "Solar mixing"),
        ("sin2_th23", Uniform(0.3, 0.7), "", r"\sin^2\theta_{23}", "Atmospheric mixing"),
        ("sin2_th13", Uniform(0.015, 0.03), "", r"\sin^2\theta_{13}", "Reactor mixing"),
        ("delta_cp", Angle(), "rad", r"\delta_{\mathrm{CP}}", "Dirac phase of the PMNS matrix"),
        ("dm2_21", Uniform(6e-5, 9e-5), "eV^2", r"\Delta m^2_{21}", "Solar mass splitting"),
        (
            "dm2_3l",
            _DM2_3L[ordering],
            "eV^2",
            r"\Delta m^2_{3\ell}",
            "m_3^2 - m_1^2 (NO) or m_3^2 - m_2^2 (IO)",
        ),
        (
            "m_lightest",
            LogUniform(1e-5, 0.5),
            "eV",
            r"m_{\mathrm{lightest}}",
            "Mass of the lightest neutrino",
        ),
    )
    return tuple(Parameter(*row) for row in table)


def majorana_parameters() -> tuple[Parameter, Parameter]:
    """Declare the Majorana phases alpha_21, alpha_31, flat on the circle."""
    return (
        Parameter("alpha_21", Angle(), "rad", r"\alpha_{21}", "Majorana phase of column 2"),
        Parameter("alpha_31", Angle(), "rad", r"\alpha_{31}", "Majorana phase of column 3"),
    )


@functools.cache
def _central(ordering: str) -> tuple[tuple[str, float], ...]:
    entries = library.catalogue()
    values = {p: entries[f"nufit61_sk_{ordering}_{key}"]["value"] for p, key in _ENTRIES.items()}
    values["delta_cp"] = math.remainder(math.radians(values["delta_cp"]), 2.0 * math.pi)
    return tuple(values.items())


def reference(ordering: str) -> dict[str, float]:
    """Central values of NuFIT 6.1 (with SK) with m_lightest = 0.01 eV and generic phases.

    delta_cp lies in (-pi, pi]. Raises InputError for an unknown ordering.
    """
    check_ordering(ordering)
    return dict(_central(ordering)) | {"m_lightest": 0.01, "alpha_21": 1.0, "alpha_31": 2.0}


def domain(theta: Theta, ordering: str) -> dict[str, Float[Array, ""]]:
    """Margins of the oscillation parameters in `theta`: 0 < sin2 < 1, m_1 < m_2, m_lightest >= 0,
    and the sign of dm2_3l, whose size exceeds dm2_21: m_2 < m_3 (NO) or m_3 < m_1 (IO). Each over
    its usual value.
    """
    usual = dict(_central(ordering))
    margins = {
        p: jnp.minimum(theta[p] / usual[p], (1.0 - theta[p]) / (1.0 - usual[p])) for p in _SINES
    }
    far = theta["dm2_3l"] if ordering == "NO" else -theta["dm2_3l"]
    margins["dm2_21"] = theta["dm2_21"] / usual["dm2_21"]
    margins["dm2_3l"] = (far - theta["dm2_21"]) / abs(usual["dm2_3l"])
    if "m_lightest" in theta:
        margins["m_lightest"] = jnp.where(theta["m_lightest"] >= 0.0, 1.0, theta["m_lightest"])
    return margins


def check(priors: Mapping[str, Prior | float], ordering: str) -> None:
    """Raise InputError where a fixed value or prior of an oscillation parameter leaves no domain.

    Above all a dm2_3l of the other sign, as tables print it that give |dm2_3l| for both orderings.
    """
    sign, meaning, other = (
        (1.0, "m_3^2 - m_1^2 > 0", "IO") if ordering == "NO" else (-1.0, "m_3^2 - m_2^2 < 0", "NO")
    )
    bounds = {p: _bounds(priors[p]) for p in (*_ENTRIES, "m_lightest") if p in priors}
    low, high = bounds["dm2_3l"]
    best, least = max(sign * low, sign * high), bounds["dm2_21"][0]
    given = _shown(priors["dm2_3l"])
    if best <= 0.0:
        flipped = _shown(priors["dm2_3l"], -1.0)
        raise InputError(
            f"dm2_3l = {given} has the wrong sign: with ordering = '{ordering}' dm2_3l is "
            f"{meaning}, in the convention of NuFIT; give {flipped}, or ordering = '{other}'"
        )
    if bounds["dm2_21"][1] <= 0.0:
        raise InputError(
            f"dm2_21 = {_shown(priors['dm2_21'])} is not positive; dm2_21 is "
            "m_2^2 - m_1^2 > 0, about 7.5e-5 eV^2"
        )
    if best <= least:
        raise InputError(
            f"dm2_3l = {given} is not larger in size than dm2_21, at least {least:g}; "
            "about 2.5e-3 eV^2"
        )
    for p in _SINES:
        if bounds[p][1] <= 0.0 or bounds[p][0] >= 1.0:
            raise InputError(f"{p} = {_shown(priors[p])} is not between 0 and 1")
    if bounds.get("m_lightest", (0.0, 0.0))[1] < 0.0:
        raise InputError(f"m_lightest = {_shown(priors['m_lightest'])} is a negative mass")


def _bounds(prior: Prior | float) -> tuple[float, float]:
    """(low, high) of what a prior allows; shoulders and tails count."""
    if not isinstance(prior, Prior):
        return float(prior), float(prior)
    low, high = getattr(prior, "low", -math.inf), getattr(prior, "high", math.inf)
    return (low, high) if prior.hard else (-math.inf, math.inf)


def _shown(prior: Prior | float, sign: float = 1.0) -> str:
    if isinstance(prior, Prior):
        ends = sorted(sign * x for x in _bounds(prior))
        return f"[{ends[0]:g}, {ends[1]:g}]"
    return f"{sign * prior:g}"


def solar_flavours(ordering: str, source: str, sm: Constants = SM) -> Float[Array, "3"]:
    """Shares of nu_e, nu_mu, nu_tau in solar neutrinos of "pp", "7Be" or "8B" at the Earth.

    sum_i P_ei |U_ai|^2 with the mixing of NuFIT 6.1. Raises InputError for another source.
    """
    values = dict(_central(ordering))
    u = neutrinos.pmns(*(values[p] for p in neutrinos.ANGLES))
    return squared(u) @ neutrinos.solar_fractions(u, values["dm2_21"], source, sm)


def unit_moments(a: int, b: int, sm: Constants = SM) -> dict[str, Float[Array, ""]]:
    """Effective moments of a Majorana moment mu_ab = 1 of two flavours (0: e, 1: mu, 2: tau).

    With the mixing of NuFIT 6.1, normal ordering: those of any mu_ab are |mu_ab| times as large.
    """
    return seen_moments(jnp.zeros((3, 3)).at[a, b].set(1.0).at[b, a].set(-1.0), sm)


def seen_moments(mu: Float[Array, "3 3"], sm: Constants = SM) -> dict[str, Float[Array, ""]]:
    """Effective moments of Majorana moments mu_ab in flavours, mixing of NuFIT 6.1, NO."""
    values = dict(_central("NO"))
    u = neutrinos.pmns(*(values[p] for p in neutrinos.ANGLES))
    solar = neutrinos.solar_mixtures(u, values["dm2_21"], sm)
    mu = neutrinos.to_mass_basis(mu + 0j, u)
    return neutrinos.effective_moments(mu, u, solar, majorana=True)
