"""One generation of Model-I: exact lepton mixing, one-loop masses and moment, numbers in GeV."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.models._weak_triplet import NeutralScalars
from nmmjax.physics.constants import Constants
from nmmjax.physics.matrices import svd2
from nmmjax.physics.numbers import SIXTEEN_PI2, SQRT2
from nmmjax.physics.one_loop import Fsplit, G, Gm, L, dL
from nmmjax.target.model import Observables, Theta

type Scalar = Float[Array, ""]


class NeutralLeptons(NamedTuple):
    light: Array  # GeV, signed
    heavy: Array  # GeV
    sin_l: Array
    cos_l: Array
    sin_r: Array


def _neutral_leptons(m_d, m_h, m_s, m_psi):
    """Singular values and mixing of M_N = [[m_D, m_H], [m_S, m_psi]].

    The lower right elements of M M^T and M^T M give the cosines, the off-diagonal ones the
    sines: no inverse trigonometric function, and no cancellation while |m_light| << m_psi.
    """
    values = svd2(m_d, m_h, m_s, m_psi)
    gap = (values.heavy - values.light) * (values.heavy + values.light)
    triplet = (m_psi - values.light) * (m_psi + values.light)
    left, right = triplet + m_s**2, triplet + m_h**2
    return NeutralLeptons(
        light=values.light,
        heavy=values.heavy,
        sin_l=(m_d * m_s + m_h * m_psi) / jnp.sqrt(left * gap),
        cos_l=jnp.sqrt(left / gap),
        sin_r=(m_d * m_h + m_s * m_psi) / jnp.sqrt(right * gap),
    )


class ChargedLeptons(NamedTuple):
    light: Array  # GeV
    heavy: Array  # GeV
    kappa: Array  # m_heavy^2/m_psi^2 - 1
    rho: Array  # m_light^2/m_psi^2
    sin_l: Array
    w_light: Array  # (E_R)_2i M_i (E_L)_2i/m_psi for the light and the heavy state; their sum is 1
    w_heavy: Array


def _charged_leptons(light, m_h, m_psi):
    """Mixing of M_E = [[m_E, sqrt2 m_H], [0, m_psi]] from its light singular value.

    m_l m_heavy = m_E m_psi and the trace of M_E^T M_E give, with no difference of near numbers,
        m_heavy^2 = m_psi^2 (1 + kappa),    kappa = 2 m_H^2/(m_psi^2 - m_l^2),
        sin^2 theta_L = kappa/(1 + kappa - rho),    sin theta_R = sin theta_L m_l/m_psi.
    """
    gap = (m_psi - light) * (m_psi + light)
    kappa = 2.0 * m_h**2 / gap
    rho = (light / m_psi) ** 2
    sin_l = SQRT2 * m_h / jnp.sqrt(gap * (1.0 + kappa - rho))
    w_light = rho * sin_l**2
    heavy = m_psi * jnp.sqrt(1.0 + kappa)
    return ChargedLeptons(light, heavy, kappa, rho, sin_l, w_light, 1.0 - w_light)


class Point(NamedTuple):
    """Intermediate results that several loops use, at one point."""

    theta: Theta
    neutrino: NeutralLeptons
    lepton: ChargedLeptons
    scalars: NeutralScalars
    t: Array  # m_psi^2/m_phi^2
    x: Array  # sqrt2 v_s/v_H = -tan xi
    m_h: Array  # y_psi v_H/sqrt2, GeV


def point(
    theta: Theta, scalars: NeutralScalars, sm: Constants, m_lepton: float, y_lepton: float | None
) -> Point:
    """Collect what the loops share; the charged Yukawa, if given, replaces the lepton's mass."""
    m_psi, v_h = theta["m_psi"], sm.v_h
    m_h = theta["y_psi"] * v_h / SQRT2
    m_s = theta["y_delta"] * theta["v_s"]
    light = jnp.asarray(m_lepton)
    if y_lepton is not None:
        light = _light_lepton(y_lepton * v_h, m_h, m_psi)
    return Point(
        theta=theta,
        neutrino=_neutral_leptons(theta["y_d"] * v_h, m_h, m_s, m_psi),
        lepton=_charged_leptons(light, m_h, m_psi),
        scalars=scalars,
        t=(m_psi / theta["m_phi"]) ** 2,
        x=SQRT2 * theta["v_s"] / v_h,
        m_h=m_h,
    )


def _light_lepton(bare, m_h, m_psi):
    """Light singular value of M_E = [[bare, sqrt2 m_H], [0, m_psi]], GeV."""
    mixing = SQRT2 * m_h
    heavy = 0.5 * (jnp.hypot(bare + m_psi, mixing) + jnp.hypot(bare - m_psi, mixing))
    return bare * m_psi / heavy


def tree_terms(p: Point, v_h: float) -> dict[str, Scalar]:
    """Tree-level mass and the two terms that it consists of, GeV; it is not their rounded sum."""
    m_psi, heavy = p.theta["m_psi"], p.neutrino.heavy
    return {
        "m_nu_dirac": p.theta["y_d"] * v_h * m_psi / heavy,
        "m_nu_seesaw": -p.m_h * p.theta["y_delta"] * p.theta["v_s"] / heavy,
        "m_nu_tree": p.neutrino.light,
    }


def leading_dipole(p: Point) -> Scalar:
    """y_psi y_T y_delta v_H/(16 pi^2 m_phi^2), GeV^-1: times G(t), the moment to first order."""
    couplings = p.theta["y_t"] * p.theta["y_delta"]
    return SQRT2 * p.m_h * couplings / (SIXTEEN_PI2 * p.theta["m_phi"] ** 2)


def _vertex(p):
    """sin theta_L y_T y_delta cos^2 xi m_psi/(sqrt2 16 pi^2), GeV: moment and split term."""
    couplings = p.neutrino.sin_l * p.theta["y_t"] * p.theta["y_delta"]
    return couplings * p.theta["m_psi"] / (SQRT2 * SIXTEEN_PI2 * (1.0 + p.x**2))


def dipole(p: Point) -> Scalar:
    """Signed moment with exact lepton mixing, in GeV^-1 without the charge."""
    light, heavy = G(p.t * p.lepton.rho), G(p.t * (1.0 + p.lepton.kappa))
    loops = G(p.t) + p.lepton.w_light * light + p.lepton.w_heavy * heavy
    return _vertex(p) * loops / p.theta["m_phi"] ** 2


def printed_dipole(p: Point) -> Scalar:
    """Return the moment of arXiv:2605.19544, Eq. (42), in GeV^-1 without the charge."""
    return -2.0 * leading_dipole(p) * Gm(p.t) / jnp.sqrt(1.0 + p.x**2)


def neutral_loop(p: Point) -> Scalar:
    """Eq. (45) with the sign of zeta that Eqs. (29), (30) imply, GeV.

    sin 2zeta [L_1 - L_2] keeps its form when the two scalars change places.
    """
    u = 2.0 * jnp.log(p.theta["m_psi"]) - jnp.log(p.scalars.big)
    change = dL(u, jnp.log1p(p.scalars.gap / p.scalars.small))
    couplings = p.theta["y_psi"] * p.theta["y_delta"] * p.theta["m_psi"]
    return -couplings * (p.scalars.m12 / p.scalars.gap) * change / (2.0 * SIXTEEN_PI2)


def charged_loop(p: Point) -> Scalar:
    """y_psi y_delta m_psi cos theta_L sin xi cos xi L(t)/(16 pi^2) of Goldstone and S^+-, GeV."""
    couplings = p.theta["y_psi"] * p.theta["y_delta"] * p.theta["m_psi"]
    return -couplings * p.neutrino.cos_l * p.x / (1.0 + p.x**2) * L(p.t) / SIXTEEN_PI2


def split_loop(p: Point) -> Scalar:
    """Psi^+ against Psi^- mixed with the lepton, GeV.

    F(m_psi) - w_l F(m_l) - w_h F(m_h) as two steps away from m_psi. The step to the light lepton,
    a difference of t L(t), is suppressed by m_l^2/m_psi^2.
    """
    t_light = p.t * p.lepton.rho
    down = p.t * L(p.t) - t_light * L(t_light)
    ln_m2, ln_phi2 = 2.0 * jnp.log(p.theta["m_psi"]), 2.0 * jnp.log(p.theta["m_phi"])
    up = Fsplit(ln_m2, ln_phi2, jnp.log1p(p.lepton.kappa), 0.0)
    return _vertex(p) * (p.lepton.w_light * down - p.lepton.w_heavy * up)


def cubic(p: Point, lambda_uv: float) -> Scalar:
    """Tree mass from the cubic coupling that runs between lambda_uv and m_psi, GeV."""
    if lambda_uv == 0.0:
        return jnp.zeros_like(p.m_h)
    run = jnp.maximum(2.0 * jnp.log(lambda_uv / p.theta["m_psi"]), 0.0)
    return -4.0 * p.m_h**2 * leading_dipole(p) * run


def turned(
    terms: dict[str, Scalar], summed: tuple[str, ...], phase: Scalar
) -> tuple[dict[str, Scalar], Complex[Array, ""]]:
    """Terms for y_T e^{i phase} along the sum of those named, and the moment's phase against it.

    terms   for a real y_T, GeV. m_nu_split and m_nu_rge turn with y_T as the moment does; the
    induced cubic coupling is real, of Re y_T: it vanishes for an imaginary y_T. Projections on
    the phase of the sum add up to its size.
    """
    turn = jnp.exp(1j * phase)
    factors = {"m_nu_split": turn, "m_nu_rge": turn, "m_nu_cubic": turn.real}
    full = {name: x * factors.get(name, 1.0) + 0j for name, x in terms.items()}
    total = sum(full[name] for name in summed)
    size = jnp.abs(total)
    back = jnp.where(size == 0.0, 1.0, jnp.conj(total) / jnp.where(size == 0.0, 1.0, size))
    return {name: (x * back).real for name, x in full.items()}, turn * back


def mixing(p: Point) -> Observables:
    """Mixing of the light leptons with the triplet; |Theta|^2 to leading order."""
    return {
        "sin_theta_l": p.neutrino.sin_l,
        "sin_theta_r": p.neutrino.sin_r,
        "sin_theta_l_e": p.lepton.sin_l,
        "sin_theta_r_e": p.lepton.sin_l * p.lepton.light / p.theta["m_psi"],
        "theta_sq": (p.m_h / p.theta["m_psi"]) ** 2,
    }


def spectrum(p: Point) -> Observables:
    """Masses of the leptons in GeV, the largest Yukawa coupling."""
    yukawas = jnp.stack([p.theta[y] for y in ("y_d", "y_psi", "y_t", "y_delta")])
    return {
        "m_n_heavy": p.neutrino.heavy,
        "m_e_light": p.lepton.light,
        "m_e_heavy": p.lepton.heavy,
        "m_triplet": p.theta["m_psi"],
        "max_yukawa": jnp.max(jnp.abs(yukawas)),
    }
