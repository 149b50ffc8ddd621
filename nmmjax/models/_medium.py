"""A light scalar that makes neutrinos heavy inside stars, which plasmons then cannot decay to.

Shared by `su2_horizontal`, `zee` and `bfz`, which predict `m_nu_medium` with `medium` switched on:
limits `trgb_..._trapped` need it. The core is that of a red giant before the helium flash at the
density at which those entries have their plasma frequency; its radius matters for scalars below
1e-13 eV only. Source: arXiv:2007.04291, arXiv:1912.13488 for the mass.
"""

from nmmjax.physics.trapping import electron_scalar_density, medium_mass, nucleon_density
from nmmjax.target.model import Observables, Parameter, Theta
from nmmjax.target.priors import LogUniform

_DENSITY = 1e6  # g/cm^3
_RADIUS = 1e4  # km
_SOURCES = {"nucleons": nucleon_density, "electrons": electron_scalar_density}
WORDS = "matter that couples to a light scalar: neutrinos are heavy in stars, m_nu_medium"

_PARAMETERS = (
    Parameter(
        "y_medium",
        LogUniform(1e-40, 1e-20),
        "",
        r"y_\nu y_f",
        "Coupling of a light scalar to neutrinos times that to matter",
    ),
    Parameter("m_medium", LogUniform(1e-14, 1e-4), "eV", r"m_\phi", "Mass of the light scalar"),
)


def parameters(medium: str) -> tuple[Parameter, ...]:
    """Return those of the scalar; none for "none"."""
    return () if medium == "none" else _PARAMETERS


def reference(medium: str) -> dict[str, float]:
    """Return a point at which the mass is a quarter of the plasma frequency or less."""
    return {} if medium == "none" else {"y_medium": 1e-32, "m_medium": 1e-10}


def observables(theta: Theta, medium: str) -> Observables:
    """Return m_nu_medium in eV, at the centre of the core; nothing for "none"."""
    if medium == "none":
        return {}
    density = _SOURCES[medium](_DENSITY)
    return {"m_nu_medium": medium_mass(theta["y_medium"], theta["m_medium"], density, _RADIUS)}
