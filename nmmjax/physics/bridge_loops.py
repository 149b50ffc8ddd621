r"""Loops of a heavy SU(2) multiplet that reach the neutrino over a fermion triplet, the bridge.

nu_L mixes with the neutral member of the triplet psi, which couples to fermions F_a and scalars
S_a of one multiplet in proportion to T3_a. The photon sees T3_a Q_a, the mass only T3_a: it is a
sum of differences between partners, written with the splittings as arguments so that degenerate
masses give 0.0 exactly. Masses in GeV; errors quoted against 30-digit values in
test_bridge.py.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.physics import early_universe, rge
from nmmjax.physics.constants import Constants
from nmmjax.physics.neutrinos import SOLAR_MOMENTS
from nmmjax.physics.numbers import EV, MASS_SCALE, SIXTEEN_PI2
from nmmjax.physics.one_loop import F, Fsplit, G, Gm, L, mass_split

type Real = Float[Array, "..."] | float


def Gh(a: Real, b: Real) -> Float[Array, "..."]:
    r"""Dipole integral \int_0^1 x/(a x + b (1-x)) dx = G(a/b)/b = -dB0/da, GeV^-2.

    a, b     squared masses of fermion and scalar, GeV^2, > 0
    Gh(m^2, m^2) = 1/(2 m^2). Error 5e-16. Source: derived, for arXiv:2506.15777.
    """
    return G(jnp.asarray(a / b)) / b


def fW(x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Moment of case (c), fW = (1-x+x ln x)/(1-x)^2 = G(1/x)/x, x = m_S^2/m_psi^2 > 0.

    fW(0) = 1, fW(1) = 1/2. Written 1/(1+x) + x z Gm(x), z = (x-1)/(x+1): the slope keeps its digits
    at small x. Error 4e-16 / 2e-15. Source: derived, arXiv:2506.15777, eq. (13).
    """
    return 1.0 / (1.0 + x) + x * (x - 1.0) / (x + 1.0) * Gm(x)


def L0(a: Real, b: Real) -> Float[Array, "..."]:
    """Massless third line, ln(a/b)/(a-b) = L(a/b)/b in GeV^-2; a, b > 0 squared masses.

    L0(a, a) = 1/a. Error 5e-16. Source: derived.
    """
    return L(jnp.asarray(a / b)) / b


def B0(a: Real, b: Real, mu2: Real) -> Float[Array, "..."]:
    """Finite part of B0(0; a, b) in the MSbar scheme at scale mu2, all > 0 in GeV^2.

    1 - (a ln(a/mu2) - b ln(b/mu2))/(a-b), B0(a, a) = -ln(a/mu2). Error 2e-14 / 5e-16; the value is
    smaller than the logarithms in it.
    """
    return _b0(*(jnp.asarray(x, float) for x in (a, b, mu2)))


@jax.custom_jvp
def _b0(a, b, mu2):
    return -F(jnp.sqrt(a), jnp.sqrt(b), jnp.sqrt(mu2))


@_b0.defjvp
def _b0_jvp(values, tangents):
    # Derivatives of the logarithms in F would cancel where a and b are far apart.
    (a, b, mu2), (da, db, dmu2) = values, tangents
    return _b0(a, b, mu2), dmu2 / mu2 - Gh(a, b) * da - Gh(b, a) * db


def dB0(a: Real, delta: Real, b: Real) -> Float[Array, "..."]:
    """B0(a, b) - B0(a + delta, b), any delta > -a; GeV^2. Error 9e-16."""
    return Fsplit(jnp.log(jnp.asarray(a / b)), 0.0, jnp.log1p(jnp.asarray(delta / a)), 0.0)


def bridge_moment(
    t3: Float[Array, " n"], charge: Float[Array, " n"], m_f: Float[Array, " n"], m_s: Real
) -> Float[Array, ""]:
    """sum_a T3_a Q_a m_Fa Gh(m_Fa^2, m_Sa^2)/(16 pi^2), GeV^-1, over all components.

    T(R) m_F Gh/(16 pi^2) where the masses are degenerate, whatever the hypercharge.
    Source: derived, arXiv:2506.15777, eqs. (10), (12).
    """
    return jnp.sum(t3 * charge * m_f * Gh(m_f**2, m_s**2)) / SIXTEEN_PI2


def bridge_mass(
    t3: Real, m_f: Real, dm_f: Real, m_s: Real, dm_s: Real, mu_bar: Real | None
) -> Float[Array, ""]:
    """sum_a T3_a [h(m_F + dm_F, m_S + dm_S) - h(m_F, m_S)]/(16 pi^2), h = m_F B0, in GeV.

    Over pairs (+a, -a): m is the mass of -a and dm what +a has more. Over all components: dm are
    further shifts. Exactly 0.0 where dm = 0; error 9e-16 for splittings of 1e-9 to 1e-1, with
    that of dm, where the two parts (fermion and scalar splitting) do not cancel.
    mu_bar   MSbar scale in GeV; it matters where sum T3 dm_F != 0. None leaves the divergent part
             out: h = -m_F L, as arXiv:2605.19544, eq. (55), does.
    """
    d_f, d_s = 2.0 * jnp.log1p(jnp.asarray(dm_f / m_f)), 2.0 * jnp.log1p(jnp.asarray(dm_s / m_s))
    u = 2.0 * jnp.log(jnp.asarray(m_f / m_s))
    if mu_bar is None:
        step = mass_split(m_f, u, dm_f, d_f - d_s)
    else:
        step = dm_f * F(m_f + dm_f, m_s + dm_s, mu_bar) + m_f * Fsplit(u, 0.0, d_f, d_s)
    return -jnp.sum(t3 * step) / SIXTEEN_PI2


def rho_loop(d: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Isospin breaking of two scalars, [(x+y)/2 - xy/(x-y) ln(x/y)]/x with y = x (1 + d), d > -1.

    d^2/6 for small d, to full relative accuracy. Error 5e-16. Source: the function of the
    T parameter; derived in the form (d^2/(4+2d)) (1 - (1-z^2) B), z = d/(2+d), B as in `loops`.
    """
    z = d / (2.0 + d)
    b = 0.5 * (2.0 + d) ** 2 * Gm(1.0 + d)
    return 0.5 * d * z * (1.0 - (1.0 - z) * (1.0 + z) * b)


class LightHeavy(NamedTuple):
    """Singular values and mixing of M_N = [[m_D, m_H], [0, m_psi]], GeV."""

    light: Float[Array, ""]
    heavy: Float[Array, ""]
    sin_l: Float[Array, ""]
    sin_r: Float[Array, ""]


def light_heavy(m_d: Real, m_h: Real, m_psi: Real) -> LightHeavy:
    """Exact mixing of nu and nu_R with the triplet where nu_R couples to it by no VEV.

    light = m_D m_psi/heavy, sin theta_L = m_H m_psi/sqrt((m_psi^2 - light^2)(heavy^2 - light^2));
    no difference of near numbers while light << m_psi. Error 1e-15.
    """
    heavy = 0.5 * (jnp.sqrt((m_psi + m_d) ** 2 + m_h**2) + jnp.sqrt((m_psi - m_d) ** 2 + m_h**2))
    light = m_d * m_psi / heavy
    gap = (heavy - light) * (heavy + light)
    triplet = (m_psi - light) * (m_psi + light)
    return LightHeavy(
        light,
        heavy,
        sin_l=m_h * m_psi / jnp.sqrt(triplet * gap),
        sin_r=m_d * m_h / jnp.sqrt((triplet + m_h**2) * gap),
    )


def mass_observables(
    terms: dict[str, Float[Array, ""]],
    summed: tuple[str, ...],
    moment: Float[Array, ""],
    scale: Real,
    sm: Constants,
) -> dict[str, Float[Array, ""]]:
    """Mass observables in eV of one generation from its signed terms in GeV.

    Every term, m_nu_rge of the signed `moment` (mu_B) that is matched at `scale`, the heaviest
    mass in its loop, and rge_log; m_nu_total (the sum of those named in `summed`), m_nu its
    modulus, and tuning_rge.
    """
    terms = terms | {"m_nu_rge": rge.dirac_mass(moment, scale, sm)}
    total = sum((terms[name] for name in summed), start=jnp.zeros_like(terms["m_nu_rge"]))
    masses = {name: EV * m for name, m in (terms | {"m_nu_total": total}).items()}
    return masses | {
        "m_nu": jnp.abs(masses["m_nu_total"]),
        "tuning_rge": jnp.abs(masses["m_nu_rge"]) / MASS_SCALE,
        "rge_log": rge.logarithm(scale, sm.v_ew),
    }


def moment_observables(moment: Float[Array, ""], scale: Real, sm: Constants) -> dict[str, Array]:
    """Moment observables in mu_B of one generation, where every effective moment is mu_nu.

    n_eff is 3.044 and what one Dirac moment adds (`physics.early_universe`);
    m_nu_naive = scale^2 mu_nu/(2 m_e mu_B) in eV, `scale` the heaviest mass in the loop: what the
    loop would give the neutrino if nothing protected it (arXiv:2506.15777, eq. (1)).
    """
    size = jnp.abs(moment)
    solar = tuple(f"mu_eff_{name}" for name in SOLAR_MOMENTS)
    seen = ("mu_nu", *solar, "mu_eff_reactor", "mu_eff_numu", "mu_eff_plasmon", "mu_eff_dirac")
    return dict.fromkeys(seen, size) | {
        "n_eff": early_universe.STANDARD + early_universe.delta_n_eff(size),
        "m_nu_naive": EV * scale**2 * size / (2.0 * sm.m_e),
    }
