"""Parameters of three neutrinos: names, default priors, central values of the data."""

import functools
import importlib.resources
import math
import tomllib

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics import neutrinos
from nmmjax.physics.constants import SM, Constants
from nmmjax.physics.neutrinos import check_ordering
from nmmjax.target.model import Parameter
from nmmjax.target.priors import Angle, LogUniform, Prior, Uniform

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
    """The six oscillation parameters with flat priors, far wider than the data, and m_lightest.

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
    """The Majorana phases alpha_21, alpha_31, flat on the circle."""
    return (
        Parameter("alpha_21", Angle(), "rad", r"\alpha_{21}", "Majorana phase of column 2"),
        Parameter("alpha_31", Angle(), "rad", r"\alpha_{31}", "Majorana phase of column 3"),
    )


@functools.cache
def _central(ordering: str) -> tuple[tuple[str, float], ...]:
    data = importlib.resources.files("nmmjax.constraints") / "data" / "measurements.toml"
    entries = tomllib.loads(data.read_text(encoding="utf-8"))
    values = {p: entries[f"nufit61_sk_{ordering}_{key}"]["value"] for p, key in _ENTRIES.items()}
    values["delta_cp"] = math.remainder(math.radians(values["delta_cp"]), 2.0 * math.pi)
    return tuple(values.items())


def reference(ordering: str) -> dict[str, float]:
    """Central values of NuFIT 6.1 (with SK) with m_lightest = 0.01 eV and generic phases.

    delta_cp lies in (-pi, pi]. Raises InputError for an unknown ordering.
    """
    check_ordering(ordering)
    return dict(_central(ordering)) | {"m_lightest": 0.01, "alpha_21": 1.0, "alpha_31": 2.0}


def unit_moments(a: int, b: int, sm: Constants = SM) -> dict[str, Float[Array, ""]]:
    """Effective moments of a Majorana moment mu_ab = 1 of two flavours (0: e, 1: mu, 2: tau).

    With the mixing of NuFIT 6.1, normal ordering: those of any mu_ab are |mu_ab| times as large.
    """
    values = dict(_central("NO"))
    u = neutrinos.pmns(*(values[p] for p in ("sin2_th12", "sin2_th23", "sin2_th13", "delta_cp")))
    mu = jnp.zeros((3, 3), complex).at[a, b].set(1.0).at[b, a].set(-1.0)
    fractions = neutrinos.solar_fractions(u, values["dm2_21"], sm=sm)
    return neutrinos.effective_moments(neutrinos.to_mass_basis(mu, u), u, fractions, majorana=True)
