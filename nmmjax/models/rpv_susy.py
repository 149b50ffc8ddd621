r"""R-parity violating supersymmetry: transition moment from a pair of trilinear couplings."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from nmmjax.errors import InputError
from nmmjax.models import _oscillation
from nmmjax.physics import neutrinos, rge
from nmmjax.physics.moment_loops import mass_step, moment_step
from nmmjax.physics.numbers import EV, SIXTEEN_PI2
from nmmjax.target.model import (
    Cancellation,
    Model,
    Observables,
    Parameter,
    Plane,
    Rescaling,
    Theta,
    merged,
    positive,
)
from nmmjax.target.priors import LogUniform
from nmmjax.target.settings import setting

_FERMIONS = {
    "lambda": {"e": "m_e", "mu": "m_mu", "tau": "m_tau"},
    "lambda_prime": {"d": "m_d", "s": "m_s", "b": "m_b"},
}
_COLOURS = {"lambda": (1.0, 1.0), "lambda_prime": (3.0, 1.0 / 3.0)}  # N_c, |Q|
_SQUARE = LogUniform(300.0**2, 5e3**2)

_PARAMETERS = (
    Parameter("l1", LogUniform(1e-8, 1e-1), "", "L_1", "lambda_ijk lambda_i'kj"),
    Parameter("l2", LogUniform(1e-8, 1e-1), "", "L_2", "lambda_i'jk lambda_ikj"),
    Parameter("a_eff", LogUniform(1e2, 1e4), "GeV", r"A_{\mathrm{eff}}", "A - mu tan beta"),
    Parameter("m2_l_j", _SQUARE, "GeV^2", r"m^2_{L_j}", "Left sfermion mass squared, flavour j"),
    Parameter("m2_r_j", _SQUARE, "GeV^2", r"m^2_{R_j}", "Right sfermion mass squared, flavour j"),
    Parameter("m2_l_k", _SQUARE, "GeV^2", r"m^2_{L_k}", "Left sfermion mass squared, flavour k"),
    Parameter("m2_r_k", _SQUARE, "GeV^2", r"m^2_{R_k}", "Right sfermion mass squared, flavour k"),
)


class RpvSusy(Model):
    r"""One entry (i, i') of the Majorana moment and mass from lambda LLE or lambda' LQD.

    W = (1/2) lambda_ijk L_i L_j E_k (+ lambda'_ijk L_i Q_j D_k), left-right sfermion mixing
    m_f A_eff for both flavours j, k; z1 < z2 the eigenvalues of [[m2_l, m_f A], [m_f A, m2_r]],
    k_m(z) = G(m^2/z)/z, g_m(z) = z ln(z/m^2)/(z-m^2), [z1, z2] a divided difference,
    K = 16 pi^2, N_c |Q| = 1 (leptons, "lambda") or 3 x 1/3 (down quarks, "lambda_prime"):
        m_ii'  = (N_c/K)       (l1 + l2) m_j m_k A {g_{m_k}[z1, z2]_j + g_{m_j}[z1, z2]_k}
        mu_ii' = (e N_c |Q|/K) (l1 - l2) m_j m_k A {k_{m_k}[z1, z2]_j - k_{m_j}[z1, z2]_k}
    The part symmetric in i, i' is a mass, the antisymmetric one a moment: terms with j = k
    cancel, and equal sfermions leave only ln(m_j^2/m_k^2). A large moment with a small mass
    needs l2 ~ -l1; m_nu = |m_nu_l1 + m_nu_l2| is a contribution to the mass matrix.

    Estimates: m_nu_naive = z1 mu/(2 m_e mu_B); m_nu_rge, `rge.majorana_mass` at the square
    root of z1. Solar moments take the mixing of NuFIT 6.1, normal ordering.

    Domain: both matrices positive, lighter eigenvalue above 4 m_f^2. Real couplings, external
    masses neglected.
    Settings in full, conventions, accuracy, chart: docs/models/rpv_susy.md.
    Source: derived; compare hep-ph/9907432, hep-ph/0606077 (normalisations there not checked).
    """

    coupling: Literal["lambda", "lambda_prime"] = setting(
        "lambda", "of the superpotential: LLE with leptons, or LQD with down quarks in the loop"
    )
    j: Literal["e", "mu", "tau", "d", "s", "b"] = setting("mu", "first fermion of the loop")
    k: Literal["e", "mu", "tau", "d", "s", "b"] = setting("tau", "second fermion of the loop")
    flavours: Literal["emu", "etau", "mutau"] = setting(
        "emu", "the pair (i, i') of neutrinos, in the order that i != j and i' != k ask for"
    )
    relative_sign: Literal[1, -1] = setting(1, "-1 reads l2 as minus its value")
    convention: Literal["derived", "as_printed"] = setting(
        "derived", "moment as derived and verified, or the talk's estimate"
    )

    def check(self) -> None:
        """Raise InputError for fermions that the coupling does not have, or twice the same."""
        *first, last = allowed = tuple(_FERMIONS[self.coupling])
        for name, given in (("j", self.j), ("k", self.k)):
            if given not in allowed:
                raise InputError(
                    f"{name} = '{given}' given; with coupling = '{self.coupling}' it is "
                    f"{', '.join(first)} or {last}"
                )
        if self.j == self.k:
            raise InputError(f"j = k = '{self.j}' given; the moment needs two different fermions")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        squares = {"m2_l_j": 5e2**2, "m2_r_j": 5.5e2**2, "m2_l_k": 5.2e2**2, "m2_r_k": 6e2**2}
        return {"l1": 1e-3, "l2": 2e-4, "a_eff": 500.0} | squares

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("l1", "l2", "mu_nu"),)

    @property
    def mass_terms(self) -> tuple[str, ...]:
        return ("m_nu_l1", "m_nu_l2")

    @property
    def rescaling(self) -> Rescaling:
        return Rescaling("m_nu", (("l1", 1.0), ("l2", 1.0)), 1.0)

    @property
    def cancellation(self) -> Cancellation | None:
        """l2 against l1 where their signs differ; m_nu, one contribution, is bounded."""
        if self.relative_sign > 0:
            return None
        terms = (("m_nu_l1", (("l1", 1.0),)), ("m_nu_l2", (("l2", 1.0),)))
        return Cancellation(terms, bound=0.1)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive m2, 1 - (m_f A)^2/(m2_l m2_r) > 0, lighter sfermion above twice the
        fermion.
        """
        margins = positive(theta, *(f"m2_{x}_{f}" for x in "lr" for f in "jk"))
        m_j, m_k = self._masses
        for f, m_own, m_other in (("j", m_j, m_k), ("k", m_k, m_j)):
            off = m_own * theta["a_eff"] / theta[f"m2_l_{f}"] * (m_own * theta["a_eff"])
            margins[f"stable_{f}"] = 1.0 - off / theta[f"m2_r_{f}"]
            harmonic = 1.0 / (1.0 / theta[f"m2_l_{f}"] + 1.0 / theta[f"m2_r_{f}"])
            margins[f"heavy_{f}"] = margins[f"stable_{f}"] * harmonic / (4.0 * m_other**2) - 1.0
        return margins

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        m_j, m_k = self._masses
        n_c, charge = _COLOURS[self.coupling]
        first, second = _sfermion(theta, "j", m_j), _sfermion(theta, "k", m_k)
        scale = n_c * m_j * m_k * theta["a_eff"] / SIXTEEN_PI2
        mass = scale * (first.divided(mass_step, m_k) + second.divided(mass_step, m_j))
        loops = first.divided(moment_step, m_k) - second.divided(moment_step, m_j)
        l1, l2 = theta["l1"], self.relative_sign * theta["l2"]
        moment = 2.0 * self.sm.m_e * charge * scale * (l1 - l2) * loops
        if self.convention == "as_printed":
            estimate = l1 * max(m_j, m_k) ** 2 * theta["a_eff"] / (SIXTEEN_PI2 * first.det_diagonal)
            moment = 2.0 * self.sm.m_e * estimate
        lightest = jnp.minimum(first.small, second.small)
        species = "charged" if self.coupling == "lambda" else "colored"
        total = EV * jnp.abs((l1 + l2) * mass)
        return merged(
            {"m_nu": total, f"m_nu_{self.flavours}": total},
            {"m_nu_l1": EV * l1 * mass, "m_nu_l2": EV * l2 * mass},
            self._moments(moment),
            self._estimates(jnp.abs(moment), lightest),
            {"min_eig": lightest, f"m_{species}_scalar": jnp.sqrt(lightest)},
        )

    @property
    def _masses(self) -> tuple[float, float]:
        names = _FERMIONS[self.coupling]
        return getattr(self.sm, names[self.j]), getattr(self.sm, names[self.k])

    def _moments(self, moment):
        size = jnp.abs(moment)
        shares = _oscillation.unit_moments(*neutrinos.PAIRS[self.flavours], self.sm)
        seen = {p: share * size for p, share in shares.items()}
        seen.update(mu_nu=size)
        return merged(seen, {f"mu_nu_{self.flavours}": size})

    def _estimates(self, moment, lightest):
        i, j = neutrinos.PAIRS[self.flavours]
        one_entry = jnp.zeros((3, 3)).at[i, j].set(moment)
        return {
            "m_nu_naive": EV * lightest * moment / (2.0 * self.sm.m_e),
            "m_nu_rge": rge.majorana_mass(one_entry, jnp.sqrt(lightest), self.sm, "hypercharge"),
        }


class _Sfermion(NamedTuple):
    small: Array  # eigenvalues' lower one and their difference, GeV^2
    gap: Array
    det_diagonal: Array  # m2_l m2_r, GeV^4

    def divided(self, step, m):
        """g_m[z1, z2] > 0 with `mass_step`, k_m[z1, z2] < 0 with `moment_step`; GeV^-2, GeV^-4."""
        return step(m**2, self.small, self.gap) / self.gap


def _sfermion(theta, f, m):
    """Eigenvalues of [[m2_l, m A], [m A, m2_r]]; the lower one from the determinant."""
    left, right, off = theta[f"m2_l_{f}"], theta[f"m2_r_{f}"], m * theta["a_eff"]
    gap = jnp.hypot(left - right, 2.0 * off)
    big = 0.5 * (left + right + gap)
    return _Sfermion((left * right - off**2) / big, gap, left * right)
