"""The dark sector of `dark_dipole` in its parametrisations: scalars, Dirac mass, their margins."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.models.dark_dipole import parameters as inputs
from nmmjax.physics.dark_scalars import (
    Scalars,
    scalars_from_masses,
    scalars_from_matrices,
    scalars_from_pairs,
)
from nmmjax.physics.mass_zero import dirac_mass
from nmmjax.target.model import Parameter, Theta, positive

_MAKERS = {
    "mass_matrix": (scalars_from_matrices, inputs.matrix),
    "eigenstates": (scalars_from_masses, inputs.eigenstates),
    "mass_zero": (scalars_from_pairs, inputs.pairs),
}


def declared(kind: str) -> tuple[Parameter, ...]:
    """Return the parameters of the scalars in a setting of `scalars`."""
    return _MAKERS[kind][1]()


def fermions(kind: str, tied: bool) -> tuple[Parameter, ...]:
    """Return the parameters of N and E; without m_dirac where it follows from others."""
    given = tuple(p for p in inputs.FERMIONS if not (tied and p.name == "m_dirac"))
    if kind == "mass_zero":
        return tuple(inputs.TILT if p.name == "m_dirac" else p for p in given)
    return given


def scalars(theta: Theta, kind: str) -> Scalars:
    """Return the squared-mass matrices of a setting of `scalars`."""
    return _MAKERS[kind][0](*(theta[p.name] for p in declared(kind)))


def completed(theta: Theta, kind: str, tied: bool, nodes: int) -> Theta:
    """Return theta with `m_dirac`: given, that of E, or `tilt` away from massless neutrinos."""
    if tied:
        return {**theta, "m_dirac": theta["m_e_vll"]}
    if kind == "mass_zero":
        at = dirac_mass(theta["m_lnv"], theta["m_s1"], theta["m_s2"], nodes)
        return {**theta, "m_dirac": at * jnp.exp(theta["tilt"])}
    return theta


def margins(theta: Theta, kind: str) -> dict[str, Float[Array, ""]]:
    """Margins: signs of masses, g_d and eps; N + A and N - A positive definite (over n1 n2)."""
    names = [p.name for p in (*inputs.FERMIONS, *inputs.GAUGE)]
    masses = [p.name for p in declared(kind) if p.name.startswith("m_")]
    found = positive(theta, *names, *masses)
    if kind == "mass_matrix":
        s = scalars(theta, kind)
        scale = jnp.abs(theta["n1"] * theta["n2"])
        found["scalars_real"] = jnp.minimum(s.real[0], s.det_real / scale)
        found["scalars_imag"] = jnp.minimum(s.imag[0], s.det_imag / scale)
    return found
