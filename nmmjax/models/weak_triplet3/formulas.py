"""Three generations of `weak_triplet`: masses, moments and mixing of three Dirac neutrinos."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

from nmmjax.models import _triplet_lfv as lfv
from nmmjax.models._triplet_scalars import NeutralScalars
from nmmjax.models.weak_triplet3 import loops
from nmmjax.models.weak_triplet3 import parameters as inputs
from nmmjax.physics import neutrinos
from nmmjax.physics.bridge_loops import moment_observables, rge_mass
from nmmjax.physics.kernels import square_root
from nmmjax.physics.matrices import (
    dagger,
    inverse,
    light_block,
    narrowed,
    normed,
    product,
    root,
    widened,
)
from nmmjax.physics.svd3 import svd3
from nmmjax.target.model import Observables, Theta

_EV = 1e9  # eV per GeV
_SQRT2 = math.sqrt(2.0)
_MASS_SCALE = 0.05  # eV, where tuning_rge is 1
_NO_SPLITTING = 1e-30  # eV^2: below it matter rules the Sun altogether, P_e1 < 1e-40

type Matrix = Complex[Array, "3 3"]


class _Light(NamedTuple):
    """Light neutrinos: m_i in eV, left and right rotations, Dirac mass matrix, tree terms."""

    masses: Float[Array, "3"]
    u: Matrix
    v: Matrix
    m_d: Matrix  # GeV
    tree: dict[str, Matrix]  # GeV


def _free(model, p, m_d, others):
    """Masses and mixing from the Yukawas: the tree by its exact Schur form, plus `others`."""
    block = light_block(m_d, p.theta * p.m_psi, p.m_s, jnp.diag(p.m_psi) + 0.0j)
    values, u, v = svd3(_EV * (block.a + others))
    order = np.array([0, 1, 2] if model.ordering == "NO" else [1, 2, 0])
    tree = {
        "m_nu_dirac": narrowed(product(block.w_l, m_d), block.y),
        "m_nu_seesaw": _seesaw(p, block.y),
        "m_nu_tree": block.a,
    }
    return _Light(values[order], u[:, order], v[:, order], m_d, tree)


def _seesaw(p, y):
    return -product(p.left, narrowed(p.m_s, y))


def _oscillation(model, p, theta, others):
    """y_d that gives the wanted masses and mixing: m_D = Theta m_S + w_l^-1 a (1 + y^dag y)^(1/2).

    a = U diag(m) - others is the tree part; nu_R are the right-handed partners of the mass states.
    y = m_psi^-1 [m_S + Theta^dag w_l a (1 + y^dag y)^(1/2)].
    """
    masses = neutrinos.light_masses(
        theta["m_lightest"], theta["dm2_21"], theta["dm2_3l"], model.ordering
    )
    u = neutrinos.pmns(*(theta[angle] for angle in inputs.ANGLES))
    a = lax.optimization_barrier(u * (masses / _EV) - others)
    small = product(dagger(p.left), a)
    y = _right_mixing(p.m_psi, small, p.m_s + small)
    r = root(product(dagger(p.theta), p.theta))
    raised = a + product(p.theta, inverse(jnp.eye(len(r)) + r), r, small)  # w_l^-1 a
    m_d = product(p.theta, p.m_s) + widened(raised, y)
    seesaw = _seesaw(p, y)
    tree = {"m_nu_dirac": a - seesaw, "m_nu_seesaw": seesaw, "m_nu_tree": a}
    return _Light(masses, u, jnp.eye(3, dtype=complex), m_d, tree)


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


def _norm(*terms):
    """Sum of the Frobenius norms of matrices, with slope 0 where one is 0."""
    squares = jnp.stack([jnp.sum(m.real**2 + m.imag**2) for m in terms])
    return jnp.sum(square_root(squares))


def _mass_terms(model, light, terms):
    """Signed terms of the heaviest neutrino, Re (u^dag T v)_hh: they add to its mass, in eV."""
    heaviest = 2 if model.ordering == "NO" else 1
    weights = jnp.conj(light.u[:, heaviest])[:, None] * light.v[:, heaviest]

    def part(term):
        return _EV * jnp.sum(weights * term).real

    loop = terms["m_nu_neutral"] + terms["m_nu_charged"] + terms["m_nu_split"]
    found = {name: part(term) for name, term in terms.items()} | {"m_nu_loop": part(loop)}
    found["m_nu_total"] = light.masses[heaviest]
    summed = [t for name, t in terms.items() if name != "m_nu_tree" and _counts(model, name)]
    size = jnp.sqrt(jnp.sum(light.masses**2))
    found["tuning_cancel"] = _EV * _norm(*summed) / size
    found["tuning_rge"] = _EV * _norm(terms["m_nu_rge"]) / _MASS_SCALE
    return found


def _counts(model, name):
    """Whether a term is part of the mass under these settings."""
    switch = {"m_nu_rge": model.rge, "m_nu_cubic": model.lambda_uv > 0.0}
    return switch.get(name, True)


class Solution(NamedTuple):
    """What the observables are made of: point, moment in mu_B, mass terms in GeV, light states."""

    point: loops.Point
    moment: Matrix
    terms: dict[str, Matrix]
    light: _Light


def _point(model, theta, y):
    mixing = y.y_psi * (model.sm.v_h / (_SQRT2 * y.m_psi))
    charged = loops.charged_leptons(mixing, y.m_psi, model.sm)
    return loops.Point(
        m_psi=y.m_psi,
        m_phi=theta["m_phi"],
        y_psi=y.y_psi,
        y_t=y.y_t,
        y_delta=y.y_delta,
        theta=mixing,
        left=normed(mixing),
        m_s=y.y_delta * theta["v_s"],
        x=_SQRT2 * theta["v_s"] / model.sm.v_h,
        kernels=loops.kernels(charged, y.m_psi, theta["m_phi"]),
    )


def solve(model: inputs.Settings, theta: Theta, scalars: NeutralScalars) -> Solution:
    """Mass terms, moment and light neutrinos at one point."""
    y = lax.optimization_barrier(inputs.couplings(model, theta))
    p = lax.optimization_barrier(_point(model, theta, y))
    moment = 2.0 * model.sm.m_e * loops.vertex(p, p.kernels.dipole)
    lefts = {
        "m_nu_neutral": loops.neutral_loop(p, scalars),
        "m_nu_charged": loops.charged_loop(p, model.sm.v_h),
        "m_nu_split": loops.vertex(p, p.kernels.split),
        "m_nu_rge": rge_mass(1.0, jnp.minimum(jnp.min(p.m_psi), p.m_phi), model.sm) * moment,
        "m_nu_cubic": loops.cubic(p, model),
    }
    counted = jnp.asarray(sum(left for name, left in lefts.items() if _counts(model, name)))
    others = product(counted, p.y_delta)
    terms = {name: product(left, p.y_delta) for name, left in lefts.items()}
    if y.y_d is None:
        light = _oscillation(model, p, theta, others)
    else:
        light = _free(model, p, y.y_d * model.sm.v_h, others)
    return Solution(p, product(moment, p.y_delta), light.tree | terms, light)


def predict(model: inputs.Settings, theta: Theta, scalars: NeutralScalars) -> Observables:
    """Observables of three generations besides those of the scalars; see `WeakTriplet`."""
    p, moment, terms, light = solve(model, theta, scalars)
    return (
        _mass_terms(model, light, terms)
        | neutrinos.mass_observables(light.masses, light.u, majorana=False)
        | _moments(model, light, moment)
        | _sizes(p, moment, model.sm)
        | _flavour_observables(model, light)
        | _heavy_observables(p, light, model.sm)
    )


def _sizes(p, moment, sm):
    """Moment to first order in Theta, in mu_B, and the mass expected of it, in eV."""
    heaviest = jnp.maximum(jnp.max(p.m_psi), p.m_phi)
    return {
        "mu_nu_leading": 2.0 * sm.m_e * _norm(product(loops.leading_moment(p), p.y_delta)),
        "m_nu_naive": moment_observables(_norm(moment), heaviest, sm)["m_nu_naive"],
    }


def _moments(model, light, moment):
    """Entries and effective moments; right-handed flavours make the mass matrix Hermitian."""
    u, v = light.u, light.v
    dm2_21 = neutrinos.splittings(light.masses, model.ordering)["dm2_21"]
    if model.yukawas == "free":
        dm2_21 = jnp.maximum(dm2_21, _NO_SPLITTING)
    fractions = neutrinos.solar_fractions(u, dm2_21, sm=model.sm)
    found = neutrinos.moment_entries(product(dagger(u), moment, v), basis="mass", majorana=False)
    flavoured = product(moment, v, dagger(u))
    found |= neutrinos.moment_entries(flavoured, basis="flavour", majorana=False)
    return found | neutrinos.effective_moments(
        product(dagger(moment), u), u, fractions, majorana=False
    )


def _flavour_observables(model, light):
    """The oscillation parameters where they are not inputs."""
    if model.yukawas == "oscillation":
        return {}
    return neutrinos.mixing(light.u) | neutrinos.splittings(light.masses, model.ordering)


def _heavy_observables(p, light, sm):
    """Mixing, lepton-flavour violation, sizes of couplings."""
    z = lfv.z_couplings(p.theta)
    pairs = [(a, b) for a in range(3) for b in range(a, 3)]
    names = {f"eta_{inputs.FLAVOURS[a]}{inputs.FLAVOURS[b]}": (a, b) for a, b in pairs}
    found = {name: 0.5 * jnp.abs(z[pair]) for name, pair in names.items()}
    dipole = lfv.dipoles(p.theta, p.m_psi, p.y_t, p.m_phi, sm)
    found |= lfv.observables(dipole, z, sm)
    y_d = light.m_d * (1.0 / sm.v_h)
    return found | {
        "theta_sq": jnp.sum(p.theta.real**2 + p.theta.imag**2),
        "m_triplet": jnp.min(p.m_psi),
        "y_d_max": _largest(y_d),
        "max_yukawa": _largest(p.y_psi, p.y_t, p.y_delta, y_d),
    }


def _largest(*couplings):
    """The largest modulus of all entries."""
    entries = jnp.concatenate([y.ravel() for y in couplings])
    return jnp.sqrt(jnp.max(entries.real**2 + entries.imag**2))
