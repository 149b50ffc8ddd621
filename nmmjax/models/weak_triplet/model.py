r"""Model-I of arXiv:2605.19544: a vector-like SU(2) triplet and a real scalar triplet."""

import math

import equinox as eqx
from jaxtyping import Array, Complex, Float

from nmmjax.errors import InputError, suggest
from nmmjax.models import _triplet_scalars as scalars
from nmmjax.models.weak_triplet import formulas as one
from nmmjax.models.weak_triplet3 import formulas as three
from nmmjax.models.weak_triplet3 import parameters as three_inputs
from nmmjax.physics.neutrinos import check_ordering
from nmmjax.target.model import Cancellation, Model, Observables, Parameter, Ratio, Rescaling, Theta
from nmmjax.target.priors import LogUniform, SignedLog

_LEPTONS = ("e", "mu", "tau")
_CONVENTIONS = ("derived", "as_printed")
_YUKAWAS = ("free", "oscillation")
_ONE_GENERATION = {"lepton": "e", "y_lepton": None, "convention": "derived"}
_THREE_GENERATIONS = {"n_psi": 1, "yukawas": "free", "ordering": "NO"}
_PERTURBATIVE = math.sqrt(4.0 * math.pi)

_PARAMETERS = (
    Parameter("y_d", LogUniform(1e-15, 1e-11), "", "y_D", "Dirac Yukawa of nu"),
    Parameter("y_psi", LogUniform(1e-5, _PERTURBATIVE), "", r"y_\Psi", "Yukawa of L, H and Psi"),
    Parameter("y_t", LogUniform(1e-3, _PERTURBATIVE), "", "y_T", "Yukawa of Psi, S and Psi"),
    Parameter(
        "y_delta", LogUniform(1e-3, _PERTURBATIVE), "", r"y_\delta", "Yukawa of Psi, S, nu_R"
    ),
    Parameter("m_psi", LogUniform(10**2.5, 1e5), "GeV", r"m_\Psi", "Mass of the fermion triplet"),
    Parameter("m_phi", LogUniform(10**2.5, 1e5), "GeV", r"m_{\phi^\pm}", "Charged scalar mass"),
    Parameter("v_s", LogUniform(1e-14, 3.0), "GeV", "v_S", "VEV of the scalar triplet"),
    Parameter(
        "lambda_hs", SignedLog(4.0 * math.pi, scale=1e-4), "", r"\lambda_{HS}", "Portal quartic"
    ),
    Parameter("lambda_s", LogUniform(1e-3, 4.0 * math.pi), "", r"\lambda_S", "Triplet quartic"),
)


class WeakTriplet(Model):
    r"""Dirac neutrino moment from an SU(2) triplet fermion Psi and a real scalar triplet S.

    Lagrangian (Psi^{0,+,-} = n, p, m; <H0> = v_H, <S0> = v_S; L contains +m psibar psi):
        y_d      (nubar H0* - lbar H-) nu_R
        y_psi    H0* (nubar n_R/sqrt2 + lbar m_R) + H- (lbar n_R/sqrt2 - nubar p_R)
        y_t      [(mbar S- - pbar S+) n_R + nbar (S+ m_R - S- p_R) + S0 (pbar p_R - mbar m_R)]/sqrt2
        y_delta  (nbar S0 + pbar S+ + mbar S-) nu_R
        m_psi    (nbar n + pbar p + mbar m)
        V        lambda_H |H|^4 + lambda_S S^4 + lambda_HS |H|^2 S^2 + mu_cubic H^dag S H
    sampled by the charged-scalar mass m_phi and v_s instead of mu_cubic, which follows:
        mu_cubic = sqrt2 v_s m_phi^2/(v_H^2 + 2 v_s^2)

    Masses, K = 16 pi^2, t = m_psi^2/m_phi^2, M_N = [[m_D, m_H], [m_S, m_psi]] with m_D = y_d v_H,
    m_H = y_psi v_H/sqrt2, m_S = y_delta v_s, and M_E = [[m_E, sqrt2 m_H], [0, m_psi]]:
        tree     m_nu_dirac + m_nu_seesaw = (m_D m_psi - m_H m_S)/m_heavy, exact
        neutral  y_psi y_delta sin2zeta m_psi [L(m_psi^2/m_1^2) - L(m_psi^2/m_2^2)]/(4K)
        charged  y_psi y_delta m_psi cos theta_L sin xi cos xi L(t)/K
        split    sin theta_L y_t y_delta cos^2 xi {m_psi F(m_psi) - w_l F(m_l) - w_h F(m_h)}
                     /(sqrt2 K),  F(m) = -B0(0; m, m_phi), m_l < m_h of M_E, w_l + w_h = m_psi
        rge      + 9 g^4 v^2 (2 + 2/3 tan^2 theta_W) ln(min(m_psi, m_phi)/v) mu/(256 pi^2 m_e mu_B)
        cubic    - y_psi^3 y_t y_delta v_H^3 ln(lambda_uv^2/m_psi^2)/(8 pi^2 m_phi^2)
        moment   sin theta_L y_t y_delta cos^2 xi {m_psi G(m_psi) + w_l G(m_l) + w_h G(m_h)}
                     /(sqrt2 K m_phi^2),  G at the squared mass over m_phi^2
    m_nu = |sum of the terms in `mass_terms`|: `rge` and `cubic` are always reported and are part
    of the sum only with `rge = true` and `lambda_uv > 0`. Logarithms that would run backwards
    (heavy masses below v, lambda_uv below m_psi) are 0. One generation: every mu_eff_* is mu_nu.
    m_nu_naive = Lambda^2 mu_nu/(2 m_e mu_B), Lambda the heavier of m_psi and m_phi: the mass that
    goes with the moment where nothing protects it, an estimate and no part of m_nu.

    Settings
        generations  1 or 3
        lepton       "e", "mu", "tau": whose light mass fixes the charged Yukawa, solved exactly
        y_lepton     that Yukawa itself (> 0), in place of the lepton's mass
        convention   "derived", or "as_printed" for the formulas of the paper, see below
        n_psi        3 generations: number of fermion triplets, 1 or 2
        yukawas      3 generations: "free" (y_d given), or "oscillation": light masses and PMNS
                     angles are inputs, y_d is solved (`dirac_yukawas`)
        ordering     3 generations: "NO" or "IO"
        rge          add m_nu_rge to the total
        lambda_uv    GeV; scale at which v_s is the VEV of the given cubic coupling; 0: everywhere

    Differences of "derived" from "as_printed" (errata of arXiv:2605.19544):
        E1, E2  moment: G/(16 pi^2), printed as Gm/(8 pi^2) (Eq. 42): photon on fermion and on
                scalar add up; sin theta_L exact, printed to leading order
        E8      moment: cos^2 xi, printed cos xi
        E7      signs of zeta and xi (Eqs. 31, 35), hence of the neutral loop; printed total is
                tree + (45) with the printed zeta
        E9      S0 coupling to Psi^+-, of relative order y_t v_s/m_psi, dropped in both
        E10     split term: Psi^- mixes with the lepton, Psi^+ does not; printed 0 (Eq. 44)
        E11     charged (H^+-, S^+-) loop, printed absent: m_nu_charged is exactly 0 there
        E12     induced cubic coupling, printed absent; here a term with lambda_uv > 0
        E15     exact tree mass in both (Eq. 16 is its expansion)
        (E3-E6, E13, E14, E16, E17 concern other models or notation.) In "as_printed"
        m_nu_split = m_nu_charged = 0.0 exactly, the moment entering m_nu_rge stays the derived one.

    Three generations (convention "derived"): couplings become matrices, rows leptons e, mu, tau or
    triplets, columns triplets or nu_R; parameters re_y_psi_e, im_y_psi_e (n_psi = 2: re_y_psi_e1,
    triplet last), re_y_delta_1 (re_y_delta_12: triplet, nu_R), re_y_d_11 (lepton, nu_R), y_t real
    (n_psi = 2: y_t_11, ..., with m_psi_1, m_psi_2 in place of m_psi). Every term above is then a
    3 x 3 matrix, the tree its exact Schur form a = w_l (m_D - Theta m_S)(1 + y^dag y)^(-1/2) with
    Theta = m_H m_psi^-1, and M = U diag(m_1, m_2, m_3) V^dag their sum.
        oscillation  a = U diag(m) - loops is solved for y_d, exactly: the sum of all terms that the
                     settings switch on has the given masses and mixing. nu_R basis: V = 1. m_nu is
                     an input there, so tuning_bg says little: y_d_max and tuning_cancel do.
        m_nu_*       signed terms of the heaviest neutrino h, Re (U^dag term V)_hh; they add to m_nu
        tuning_cancel  sum of the Frobenius norms of the terms over that of M
        mu_nu_jk     mass basis U^dag mu V; mu_nu_emu ... rows and columns in the flavour basis, of
                     nu_R such that M is Hermitian and positive; mu_nu = (sum |mu|^2)^(1/2)
        theta_sq     sum over flavours and triplets; eta_ab = |Theta Theta^dag|_ab/2 with
                     U_CC = (1 + eta) U, the sign opposite to that of heavy singlets
        br_*, cr_*   l -> 3l' and conversion by the Z at tree level, l -> l' gamma to order Theta^2,
                     see `_triplet_lfv`
    One triplet with y_d = 0 has masses and moments of rank one. One non-zero flavour reproduces
    one generation to 1e-12. The chart uses prior coordinates.

    Valid for v_s << v_H, m_l << m_psi, energies below the heavy masses; one loop, without W and Z
    loops (relative alpha/4pi to the tree) and with a massless Goldstone (m_W^2/m_psi^2). The
    potential must be bounded from below and its neutral mass matrix positive: see `domain`. The
    scalar mixing has no value at the one point v_s = 0, m_phi = m_h.

    Measured against 50-digit arithmetic at 28 points (test_weak_triplet.py), relative: all
    outputs <= 7e-15, but sin_zeta and sin_2zeta 1.5e-13 where m_phi - m_h = -0.03 GeV (rounding
    of the inputs); elasticities of m_nu and mu_nu <= 5e-15 max(1, largest elasticity). With
    |terms| >> |sum| the inputs' rounding remains in m_nu: relative 1e-16 times the tuning.

    Chart, one generation: the rescaling of (y_delta, y_d) gives 8.5 times the box's ESS per
    evaluation on runs/quickstart.toml, with the ratio of mass terms 7.8 (`benchmarks charts`).

    Raises InputError for settings outside the above.
    Source: arXiv:2605.19544, Eqs. 15-45; rge mass: hep-ph/0504134 with the SU(2) dipole alone,
    arXiv:2506.15777.
    """

    generations: int = eqx.field(static=True, default=1)
    n_psi: int = eqx.field(static=True, default=1)
    yukawas: str = eqx.field(static=True, default="free")
    ordering: str = eqx.field(static=True, default="NO")
    lepton: str = eqx.field(static=True, default="e")
    y_lepton: float | None = eqx.field(static=True, default=None)
    convention: str = eqx.field(static=True, default="derived")
    rge: bool = eqx.field(static=True, default=False)
    lambda_uv: float = eqx.field(static=True, default=0.0)

    def __check_init__(self) -> None:
        self._check_generations()
        if self.lepton not in _LEPTONS:
            raise InputError(f"lepton '{self.lepton}' given{suggest(str(self.lepton), _LEPTONS)}")
        if self.convention not in _CONVENTIONS:
            raise InputError(
                f"convention '{self.convention}' given{suggest(str(self.convention), _CONVENTIONS)}"
            )
        if not isinstance(self.rge, bool):
            raise InputError(f"rge = {self.rge!r} given; it is true or false")
        if self.y_lepton is not None and not (_is_finite(self.y_lepton) and self.y_lepton > 0.0):
            raise InputError(
                f"y_lepton = {self.y_lepton!r} given; it is a Yukawa coupling > 0, or left out"
            )
        if not (_is_finite(self.lambda_uv) and self.lambda_uv >= 0.0):
            raise InputError(f"lambda_uv = {self.lambda_uv!r} given; it is a scale >= 0 in GeV")

    def _check_generations(self) -> None:
        if self.generations not in (1, 3) or isinstance(self.generations, bool):
            raise InputError(f"generations = {self.generations!r} given; it is 1 or 3")
        if self.n_psi not in (1, 2) or isinstance(self.n_psi, bool):
            raise InputError(f"n_psi = {self.n_psi!r} given; it is 1 or 2")
        if self.yukawas not in _YUKAWAS:
            raise InputError(
                f"yukawas '{self.yukawas}' given{suggest(str(self.yukawas), _YUKAWAS)}"
            )
        check_ordering(self.ordering)
        other = _ONE_GENERATION if self.generations == 3 else _THREE_GENERATIONS
        for name, default in other.items():
            if getattr(self, name) != default:
                raise InputError(
                    f"{name} = {getattr(self, name)!r} given with generations = "
                    f"{self.generations}; it is a setting of generations = {4 - self.generations}"
                )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if self.generations == 3:
            return three_inputs.parameters(self, {p.name: p for p in _PARAMETERS})
        return _PARAMETERS

    @property
    def reference(self) -> dict[str, float]:
        if self.generations == 3:
            return three_inputs.reference(self)
        couplings = {"y_d": 3e-13, "y_psi": 1e-3, "y_t": 1.0, "y_delta": 1.0}
        scalars = {"m_phi": 1.5e3, "v_s": 4e-10, "lambda_hs": 0.1, "lambda_s": 0.1}
        return couplings | {"m_psi": 1e3} | scalars

    @property
    def mass_terms(self) -> tuple[str, ...]:
        if self.generations == 3:
            return ()
        return (*self._v_s_terms, "m_nu_dirac", *self._v_s_free_terms)

    @property
    def rescaling(self) -> Rescaling | None:
        if self.generations == 3:
            return None
        return Rescaling("m_nu", (("y_delta", 1.0), ("y_d", 1.0)), 1.0)

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Terms with one power of v_s against those with none, then m_nu_dirac against all."""
        if self.generations == 3:
            return ()
        others = (*self._v_s_terms, *self._v_s_free_terms)
        dirac = Ratio("y_d", ("m_nu_dirac",), others)
        if not self._v_s_free_terms:
            return (dirac,)
        return Ratio("v_s", self._v_s_terms, self._v_s_free_terms), dirac

    @property
    def cancellation(self) -> Cancellation | None:
        """m_nu_rge against m_nu_split ~ y_psi^3 and the terms with one power of v_s."""
        if self.generations == 3 or not self.rge or self.convention == "as_printed":
            return None
        linear = (("y_psi", 1.0), ("v_s", 1.0))
        terms = (
            ("m_nu_rge", (("y_psi", 1.0),)),
            ("m_nu_split", (("y_psi", 3.0),)),
            *((name, linear) for name in self._v_s_terms),
        )
        return Cancellation(terms, depth=2e-4)

    @property
    def _v_s_terms(self) -> tuple[str, ...]:
        charged = () if self.convention == "as_printed" else ("m_nu_charged",)
        return ("m_nu_seesaw", "m_nu_neutral", *charged)

    @property
    def _v_s_free_terms(self) -> tuple[str, ...]:
        switched = {
            "m_nu_split": self.convention == "derived",
            "m_nu_rge": self.rge,
            "m_nu_cubic": self.lambda_uv > 0.0,
        }
        return tuple(name for name, on in switched.items() if on)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins of `_triplet_scalars.domain`; three generations: heavy triplets, and oscillation
        parameters in range.
        """
        heavy = three_inputs.domain(self, theta) if self.generations == 3 else {}
        return heavy | scalars.domain(theta, self.sm)

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.observables`."""
        neutral = scalars.neutral_scalars(theta, self.sm)
        sign = -1.0 if self.convention == "as_printed" else 1.0
        leptons = (one if self.generations == 1 else three).predict(self, theta, neutral)
        return leptons | scalars.observables(theta, neutral, self.sm, sign)

    def dirac_yukawas(self, theta: Theta) -> Complex[Array, "3 3"]:
        """y_D of three generations, rows e, mu, tau, columns nu_R: given or, with
        yukawas = "oscillation", solved. Raises InputError for one generation."""
        if self.generations != 3:
            raise InputError("dirac_yukawas is for generations = 3; with one, y_d is a parameter")
        neutral = scalars.neutral_scalars(theta, self.sm)
        return three.solve(self, theta, neutral).light.m_d / self.sm.v_h


def _is_finite(x) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
