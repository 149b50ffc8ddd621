"""Three neutrinos: oscillation inputs, PMNS matrix, Takagi factorisation, effective moments.

Light masses are in eV where they come from oscillation data and in the unit of the matrix
elsewhere. `ordering` is "NO" (m_1 < m_2 < m_3) or "IO" (m_3 < m_1 < m_2).
"""

import functools
import importlib.resources
import math
import tomllib

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.errors import InputError, suggest
from nmmjax.model import Parameter
from nmmjax.priors import Angle, LogUniform, Prior, Uniform

type Scalar = Float[Array, ""] | float
type Masses = Float[Array, "3"]
type Matrix = Complex[Array, "3 3"]

ORDERINGS = ("NO", "IO")
_DM2_3L = {"NO": Uniform(2.2e-3, 2.8e-3), "IO": Uniform(-2.8e-3, -2.2e-3)}
_ENTRIES = {
    "sin2_th12": "s12",
    "sin2_th23": "s23",
    "sin2_th13": "s13",
    "delta_cp": "dcp",
    "dm2_21": "dm21",
    "dm2_3l": "dm3l",
}


def check_ordering(ordering: str) -> None:
    """Raise InputError unless `ordering` is "NO" or "IO"."""
    if ordering not in ORDERINGS:
        raise InputError(f"ordering '{ordering}' given{suggest(str(ordering), ORDERINGS)}")


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
    data = importlib.resources.files("nmmjax") / "data" / "measurements.toml"
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
    return dirac * jnp.stack([one, jnp.exp(0.5j * alpha_21), jnp.exp(0.5j * alpha_31)])


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
