"""Masses, moments and mixing of the three Dirac neutrinos of `weak_triplet3`."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.models.weak_triplet3 import loops
from nmmjax.physics import flavour_violation as lfv
from nmmjax.physics import neutrinos, rge, z_pole
from nmmjax.physics.bridge_loops import moment_observables
from nmmjax.physics.constants import Constants
from nmmjax.physics.matrices import (
    dagger,
    frobenius,
    inverse,
    light_block,
    narrowed,
    product,
    root,
    widened,
)
from nmmjax.physics.numbers import EV, MASS_SCALE
from nmmjax.physics.staging import kept
from nmmjax.physics.svd3 import svd3
from nmmjax.target.model import Observables, Theta, merged
from nmmjax.target.naturalness import cancellation

_NO_SPLITTING = 1e-30  # eV^2: of massless states, rounding alone

type Matrix = Complex[Array, "3 3"]


class Light(NamedTuple):
    """Light neutrinos: m_i in eV, left and right rotations, Dirac mass matrix, tree terms."""

    masses: Float[Array, "3"]
    u: Matrix
    v: Matrix
    m_d: Matrix  # GeV
    tree: dict[str, Matrix]  # GeV


def free(p: loops.Point, m_d: Matrix, others: Matrix, ordering: str) -> Light:
    """Masses and mixing from the Yukawas: the tree by its exact Schur form, plus `others`."""
    block = light_block(m_d, p.theta * p.m_psi[None, :], p.m_s, jnp.diag(p.m_psi) + 0.0j)
    values, u, v = svd3(EV * (block.a + others))
    order = neutrinos.columns(ordering)
    tree = {
        "m_nu_dirac": narrowed(product(block.w_l, m_d), block.y),
        "m_nu_seesaw": _seesaw(p, block.y),
        "m_nu_tree": block.a,
    }
    return Light(values[order], u[:, order], v[:, order], m_d, tree)


def _seesaw(p, y):
    return -product(p.left, narrowed(p.m_s, y))


def solved(p: loops.Point, theta: Theta, others: Matrix, ordering: str) -> Light:
    """y_d that gives the wanted masses and mixing: m_D = Theta m_S + w_l^-1 a (1 + y^dag y)^(1/2).

    a = U diag(m) - others is the tree part; nu_R are the right-handed partners of the mass states.
    y = m_psi^-1 [m_S + Theta^dag w_l a (1 + y^dag y)^(1/2)].
    """
    masses = neutrinos.light_masses(theta["m_lightest"], theta["dm2_21"], theta["dm2_3l"], ordering)
    u = neutrinos.pmns(*(theta[angle] for angle in neutrinos.ANGLES))
    a = kept(u * (masses / EV)[None, :] - others)
    small = product(dagger(p.left), a)
    y = _right_mixing(p.m_psi, small, p.m_s + small)
    r = root(product(dagger(p.theta), p.theta))
    raised = a + product(p.theta, inverse(jnp.eye(len(r)) + r), r, small)  # w_l^-1 a
    m_d = product(p.theta, p.m_s) + widened(raised, y)
    seesaw = _seesaw(p, y)
    tree = {"m_nu_dirac": a - seesaw, "m_nu_seesaw": seesaw, "m_nu_tree": a}
    return Light(masses, u, jnp.eye(3, dtype=complex), m_d, tree)


def _right_mixing(m_psi, small, c):
    """y = m_psi^-1 [c - small + small (1 + y^dag y)^(1/2)], as y = (m_psi - k)^-1 c.

    k = small y^dag (1 + r)^-1, r = (1 + y y^dag)^(1/2), is iterated, n x n: each step gains a
    factor y |small|/m_psi.
    """
    g, h, heavy = product(small, dagger(c)), product(c, dagger(c)), jnp.diag(m_psi)
    d = jnp.diag(1.0 / m_psi)
    for _ in range(2):
        r = root(product(d, h, dagger(d)))
        k = product(g, dagger(d), inverse(jnp.eye(len(r)) + r))
        d = inverse(heavy - k)
    return product(d, c)


def mass_terms(
    light: Light, terms: dict[str, Matrix], summed: tuple[str, ...], ordering: str
) -> Observables:
    """Signed terms of the heaviest neutrino, Re (u^dag T v)_hh: they add to its mass, in eV.

    summed  names of the terms that the settings count as part of the mass
    """
    heaviest = 2 if ordering == "NO" else 1
    weights = jnp.conj(light.u[:, heaviest])[:, None] * light.v[None, :, heaviest]

    def part(term):
        return EV * jnp.sum(weights * term).real

    loop = terms["m_nu_neutral"] + terms["m_nu_charged"] + terms["m_nu_split"]
    found = {name: part(term) for name, term in terms.items()} | {"m_nu_loop": part(loop)}
    found["m_nu_total"] = light.masses[heaviest]
    size = jnp.sqrt(jnp.sum(light.masses**2))
    found["tuning_cancel"] = cancellation([EV * terms[name] for name in summed], size)
    found["tuning_rge"] = EV * frobenius(terms["m_nu_rge"]) / MASS_SCALE
    return found


def sizes(p: loops.Point, moment: Matrix, sm: Constants) -> Observables:
    """Moment to first order in Theta, in mu_B; the mass expected of it, in eV, and its running."""
    heaviest = loops.heaviest(p)
    return {
        "mu_nu_leading": 2.0 * sm.m_e * frobenius(product(loops.leading_moment(p), p.y_delta)),
        "m_nu_naive": moment_observables(frobenius(moment), jnp.max(heaviest), sm)["m_nu_naive"],
        "rge_log": rge.logarithm(jnp.min(heaviest), sm.v_ew),
    }


def moments(light: Light, moment: Matrix, dm2_21: Array, sm: Constants) -> Observables:
    """Entries and effective moments; right-handed flavours make the mass matrix Hermitian."""
    u, v = light.u, light.v
    found = neutrinos.moment_entries(product(dagger(u), moment, v), basis="mass", majorana=False)
    flavoured = product(moment, v, dagger(u))
    found |= neutrinos.moment_entries(flavoured, basis="flavour", majorana=False)
    u = neutrinos.apart(u, dm2_21)
    solar = neutrinos.solar_mixtures(u, dm2_21, sm)
    return found | neutrinos.effective_moments(product(dagger(moment), u), u, solar, majorana=False)


def resolved(dm2_21: Array) -> Array:
    """Return the solar splitting in eV^2, 0 where it is the rounding of two massless states."""
    return jnp.where(dm2_21 < _NO_SPLITTING, 0.0, dm2_21)


def flavour_violation(p: loops.Point, sm: Constants) -> Observables:
    """Non-unitarity of the mixing, weak currents and lepton-flavour violation."""
    z = lfv.z_couplings(p.theta)
    dipole = lfv.dipoles(p.theta, p.m_psi, p.y_t, p.m_phi, sm)
    currents = z_pole.triplet_observables(p.theta, p.m_psi, sm)
    return merged(lfv.etas(z), currents, lfv.observables(dipole, z, sm))


def couplings(p: loops.Point, light: Light, v_h: float) -> Observables:
    """Mixing squared, mass of the lightest triplet, largest couplings."""
    y_d = light.m_d * (1.0 / v_h)
    return {
        "theta_sq": jnp.sum(p.theta.real**2 + p.theta.imag**2),
        "m_triplet": jnp.min(p.m_psi),
        "y_d_max": _largest(y_d),
        "max_yukawa": _largest(p.y_psi, p.y_t, p.y_delta, y_d),
    }


def _largest(*couplings):
    """The largest modulus of all entries."""
    entries = jnp.concatenate([y.ravel() for y in couplings])
    return jnp.sqrt(jnp.max(entries.real**2 + entries.imag**2))
