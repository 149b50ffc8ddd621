r"""Model-I of arXiv:2605.19544 with three generations of leptons and one or two triplets."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from nmmjax.models import _oscillation
from nmmjax.models import _weak_triplet as shared
from nmmjax.models.weak_triplet3 import formulas, loops
from nmmjax.models.weak_triplet3 import parameters as inputs
from nmmjax.physics import neutrinos, rge
from nmmjax.physics.matrices import product
from nmmjax.physics.staging import kept
from nmmjax.target.model import Model, Observables, Parameter, Plane, Theta, merged
from nmmjax.target.priors import Prior
from nmmjax.target.settings import NonNegative, setting

type Matrix = Complex[Array, "3 3"]


class Solution(NamedTuple):
    """Ingredients of the observables: point, moment in mu_B, mass terms in GeV, light states."""

    point: loops.Point
    moment: Matrix
    terms: dict[str, Matrix]
    light: formulas.Light


class WeakTriplet3(Model):
    r"""Moments of three Dirac neutrinos from SU(2) triplet fermions and a real scalar triplet.

    The Lagrangian is that of `weak_triplet`; its couplings are matrices, rows leptons e, mu, tau or
    triplets, columns triplets or nu_R: re_y_psi_e, im_y_psi_e (two triplets: re_y_psi_e1, triplet
    last), re_y_delta_1 (re_y_delta_12: triplet, nu_R), re_y_d_11 (lepton, nu_R), y_t real (two
    triplets: y_t_11, ..., with m_psi_1, m_psi_2 in place of m_psi) but for `complex_y_t`. Every
    mass term of `weak_triplet` is a 3 x 3 matrix, the tree its exact Schur form
        a = w_l (m_D - Theta m_S)(1 + y^dag y)^(-1/2),   Theta = m_H m_psi^-1,
    and M = U diag(m_1, m_2, m_3) V^dag their sum.

        m_nu_*       signed terms of the heaviest neutrino h, Re (U^dag term V)_hh; they add to m_nu
        tuning_cancel  sum of the Frobenius norms of the terms over that of M
        mu_nu_jk     mass basis U^dag mu V; mu_nu_emu ... flavour basis, rows and columns, of nu_R
                     such that M is Hermitian and positive; mu_nu = (sum |mu|^2)^(1/2)
        theta_sq     sum over flavours and triplets; eta_ab = |Theta Theta^dag|_ab/2 with
                     U_CC = (1 + eta) U, the sign opposite to that of heavy singlets
        br_*, cr_*   l -> 3l' and conversion by the Z at tree level, l -> l' gamma to order Theta^2,
                     see `physics.flavour_violation`
    With yukawas = "oscillation" a = U diag(m) - loops is solved for y_d, exactly (nu_R basis
    V = 1). m_nu is an input there, so tuning_bg says little: y_d_max and tuning_cancel do.
    One triplet with y_d = 0 has masses and moments of rank one.

    Valid where `weak_triplet` is. Domain: that of its scalars, triplets heavier than m_tau,
    oscillation parameters of the chosen ordering. The chart uses prior coordinates.
    More: docs/models/weak_triplet3.md.
    Source: arXiv:2605.19544, Eqs. 15-45, in matrix form.
    """

    generations: Literal[3] = setting(3, "one generation is the model weak_triplet")
    n_psi: Literal[1, 2] = setting(1, "number of fermion triplets")
    yukawas: Literal["free", "oscillation"] = setting(
        "free", "y_d given; or light masses and PMNS angles, for which y_d is solved"
    )
    ordering: Literal["NO", "IO"] = setting("NO", "order of the light masses")
    rge: bool = setting(True, "count m_nu_rge as part of m_nu; false: without it, as the papers do")
    lambda_uv: NonNegative = setting(
        0.0, "GeV; scale at which v_s is the VEV of the given cubic coupling, 0: at every scale"
    )

    complex_y_t: bool = setting(False, "y_t has a phase, the parameter arg_y_t (arg_y_t_11, ...)")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return inputs.parameters(self.n_psi, self.yukawas, self.ordering, self.complex_y_t)

    @property
    def reference(self) -> dict[str, float]:
        return inputs.reference(self.n_psi, self.yukawas, self.ordering, self.complex_y_t)

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_psi", "m_phi", "mu_nu"),)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: scalars, heavy triplets, oscillation parameters in range."""
        heavy = inputs.domain(theta, self.yukawas, self.ordering, self.sm)
        return merged(heavy, shared.domain(theta, self.sm))

    def check_priors(self, priors: Mapping[str, Prior | float]) -> None:
        if self.yukawas == "oscillation":
            _oscillation.check(priors, self.ordering)

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        neutral = shared.neutral_scalars(theta, self.sm)
        p, moment, terms, light = self._solve(theta, neutral)
        counted = ("m_nu_dirac", "m_nu_seesaw", *self._counted)
        splittings = neutrinos.splittings(light.masses, self.ordering)
        free, dm2_21 = self.yukawas == "free", splittings["dm2_21"]
        return merged(
            formulas.mass_terms(light, terms, counted, self.ordering),
            neutrinos.mass_observables(light.masses, light.u, majorana=False),
            formulas.moments(light, moment, formulas.resolved(dm2_21) if free else dm2_21, self.sm),
            formulas.sizes(p, moment, self.sm),
            neutrinos.mixing(light.u) | splittings if free else {},
            formulas.flavour_violation(p, self.sm),
            formulas.couplings(p, light, self.sm.v_h),
            shared.observables(theta, neutral, self.sm, 1.0),
        )

    def dirac_yukawas(self, theta: Theta) -> Matrix:
        """y_D, rows e, mu, tau, columns nu_R: given, or solved with yukawas = "oscillation"."""
        neutral = shared.neutral_scalars(theta, self.sm)
        return self._solve(theta, neutral).light.m_d / self.sm.v_h

    @property
    def _counted(self) -> tuple[str, ...]:
        """Names of the terms besides the tree that are part of the mass."""
        switched = {"m_nu_rge": self.rge, "m_nu_cubic": self.lambda_uv > 0.0}
        on = (name for name, counts in switched.items() if counts)
        return ("m_nu_neutral", "m_nu_charged", "m_nu_split", *on)

    def _solve(self, theta, neutral) -> Solution:
        """Mass terms, moment and light neutrinos at one point."""
        y = kept(inputs.couplings(theta, self.n_psi, self.yukawas))
        p = loops.point(theta, y.y_psi, y.y_t, y.y_delta, y.m_psi, self.sm)
        p = kept(p)
        moment = 2.0 * self.sm.m_e * loops.vertex(p, p.kernels.dipole)
        lefts = {
            "m_nu_neutral": loops.neutral_loop(p, neutral),
            "m_nu_charged": loops.charged_loop(p, self.sm.v_h),
            "m_nu_split": loops.vertex(p, p.kernels.split),
            "m_nu_rge": rge.dirac_mass(1.0, loops.heaviest(p), self.sm)[None, :] * moment,
            "m_nu_cubic": loops.cubic(p, self.lambda_uv, self.sm.v_h),
        }
        counted = jnp.asarray(sum(lefts[name] for name in self._counted))
        others = product(counted, p.y_delta)
        if y.y_d is None:
            light = formulas.solved(p, theta, others, self.ordering)
        else:
            light = formulas.free(p, y.y_d * self.sm.v_h, others, self.ordering)
        terms = {name: product(left, p.y_delta) for name, left in lefts.items()}
        return Solution(p, product(moment, p.y_delta), merged(light.tree, terms), light)
