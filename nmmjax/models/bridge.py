r"""The bridge of arXiv:2506.15777: a fermion triplet and a loop of any SU(2) multiplet."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nmmjax.errors import InputError
from nmmjax.physics import z_pole
from nmmjax.physics.bridge_loops import (
    L0,
    bridge_mass,
    bridge_moment,
    mass_observables,
    moment_observables,
)
from nmmjax.physics.numbers import PERTURBATIVE, SIXTEEN_PI2
from nmmjax.target.model import (
    Cancellation,
    Model,
    Observables,
    Parameter,
    Plane,
    Rescaling,
    SignedCancellation,
    Theta,
    merged,
    positive,
)
from nmmjax.target.priors import LogUniform, SignedLog
from nmmjax.target.settings import Positive, setting

# (multiplet, hypercharge, colors) that a case fixes
_FIXED = {"b": (2, 0.5, 1), "d0": (3, 0.0, 1), "e": (2, 0.5, 1)}

_SPLITTING = SignedLog(0.1, scale=1e-10)
_COUPLINGS = (
    Parameter("y_psi", LogUniform(1e-6, 10**0.5), "", r"y_\psi", "Yukawa of L, H and psi"),
    Parameter("y_t", LogUniform(1e-3, PERTURBATIVE), "", "y_T", "Yukawa of psi, phi and F"),
    Parameter("y_delta", LogUniform(1e-3, PERTURBATIVE), "", r"y_\delta", "Yukawa of F, phi, nu"),
    Parameter("m_psi", LogUniform(10**2.96, 1e5), "GeV", r"m_\psi", "Mass of the fermion triplet"),
    Parameter("m_f", LogUniform(10**2.5, 1e5), "GeV", "m_F", "Mean mass of the fermions F"),
)
_SCALAR = Parameter("m_s", LogUniform(10**2.3, 1e5), "GeV", "m_S", "Mean mass of the scalars phi")
_SPLITTINGS = (
    Parameter("split_f", _SPLITTING, "", r"\delta_F", "Relative splitting of F per unit of T3"),
    Parameter("split_s", _SPLITTING, "", r"\delta_S", "Relative splitting of phi per unit of T3"),
)


class Bridge(Model):
    r"""Dirac neutrino moment from F (fermions) and phi (scalars) in one SU(2) multiplet.

    Lagrangian (psi = (1, 3, 0), <Ht> = (v_H, 0), T^I the generators of the multiplet, K = 16 pi^2):
        - y_psi Lbar sigma^I Ht psi_R^I - y_t psibar_L^I phi^dag T^I F_R - y_delta Fbar_L phi nu_R
        - m_psi psibar psi - m_F Fbar F
    (y_psi = yPsi/sqrt2 of `weak_triplet`, y_t = sqrt2 y_1 of `inert_doublet`.) With component
    masses m_a = m (1 + split T3_a) and p = N_c sin theta_L y_t y_delta:
        moment      -p sum_a T3_a Q_a m_Fa Gh(m_Fa^2, m_Sa^2)/K,   Gh(a, b) = G(a/b)/b
        m_nu_split  p sum_{T3>0} T3 [h_a - h_-a]/K,  h = m_F B0(0; m_F, m_S) in MSbar at mu_bar:
                    0.0 exactly where split_f = split_s = 0
        m_nu_ew     the same for on-shell shifts T3_a Y alpha M_Z of all components; 0.0 for Y = 0
        m_nu_rge    running of the SU(2) dipole from the heaviest mass in the loop to v
    m_nu = |sum of the terms in `mass_terms`|. One generation: every mu_eff_* is mu_nu.

    The paper's display equations were not available: formulas follow its text and are derived
    anew, so that there is no "as_printed". Readings: representation of (d) (a guess), Higgs graph
    of (b) alone; its relative sign of tree and loop mass is derived once, by hand.
    Valid for m_F, m_S, m_psi above v; a Dirac mass y_D is not included.
    Domain: component masses > 0.
    Settings in full, conventions, accuracy, chart: docs/models/bridge.md.
    Source: arXiv:2506.15777, Eqs. (7)-(14), Table 1; docs/errata/bridge.md.
    """

    case: Literal["general", "b", "d", "d0", "e"] = setting(
        "general",
        "which case of the paper F and phi are; docs/models/bridge.md says what each fixes",
    )
    multiplet: Literal[2, 3, 4, 5] | None = setting(
        None, "dimension of the multiplet: 3 or what the case fixes where left out"
    )
    hypercharge: float | None = setting(None, "0, or what the case fixes, where left out")
    colors: Literal[1, 3, 6, 8] | None = setting(
        None, "dimension under SU(3): 1 or what the case fixes where left out"
    )
    mixing: Literal["exact", "eft"] = setting(
        "exact", "sin theta_L: t/sqrt(1+t^2) with t = y_psi v_H/m_psi, or t itself"
    )
    mu_bar: Positive | None = setting(
        None, "GeV, MSbar scale of m_nu_split; m_f where left out; it matters where split_f != 0"
    )
    ew_splitting: Literal["none", "on_shell"] = setting(
        "none", "no m_nu_ew, or 2 T3 Y alpha M_Z put into the loop: an overestimate by 20 to 30"
    )
    rge: bool = setting(True, "count m_nu_rge as part of m_nu; false: without it, as the papers do")
    lepton: Literal["e", "mu", "tau"] = setting("e", "flavour that mixes with the triplet")

    def check(self) -> None:
        """Raise InputError where a case does not go with the representation given."""
        given = (self.multiplet, self.hypercharge, self.colors)
        names = ("multiplet", "hypercharge", "colors")
        for name, x, fixed in zip(names, given, _FIXED.get(self.case, given), strict=True):
            if x is not None and x != fixed:
                raise InputError(f"{name} = {x!r} given; case '{self.case}' has {fixed}")
        n, y, _ = self.representation
        if self.case == "d" and n == 2:
            raise InputError("multiplet = 2 given; in case 'd' it is 3, 4 or 5")
        if self.case == "d" and y not in (0.0, 1.0):
            raise InputError(f"hypercharge = {y:g} given; in case 'd' it is 0 or 1")

    @property
    def representation(self) -> tuple[int, float, int]:
        """(dimension n, hypercharge, colors) of F and phi."""
        n, y, n_c = _FIXED.get(self.case, (self.multiplet, self.hypercharge, self.colors))
        return 3 if n is None else n, 0.0 if y is None else float(y), 1 if n_c is None else n_c

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        scalar = () if self.case == "b" else (_SCALAR,)
        return (*_COUPLINGS, *scalar, *(_SPLITTINGS if self._splits else ()))

    @property
    def _splits(self) -> bool:
        return self.case not in ("b", "d0")

    @property
    def reference(self) -> dict[str, float]:
        point = {"y_psi": 1e-3, "y_t": 1.0, "y_delta": 1.0, "m_psi": 2e3, "m_f": 1e3, "m_s": 1.5e3}
        point |= {"split_f": 1e-8, "split_s": 3e-8}
        return {p.name: point[p.name] for p in self.parameters}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_psi", "m_f", "mu_nu"),)

    @property
    def mass_terms(self) -> tuple[str, ...]:
        switched = {
            "m_nu_tree": self.case == "b",
            "m_nu_loop": self.case == "b",
            "m_nu_split": self._splits,
            "m_nu_ew": self.ew_splitting == "on_shell" and self.representation[1] != 0.0,
            "m_nu_rge": self.rge,
        }
        return tuple(name for name, on in switched.items() if on)

    @property
    def rescaling(self) -> Rescaling | None:
        return Rescaling("m_nu", (("y_delta", 1.0),), 1.0) if self.mass_terms else None

    @property
    def cancellation(self) -> Cancellation | None:
        """m_nu_rge against m_nu_split, which grows with a positive splitting."""
        if not (self.rge and self._splits):
            return None
        handles = (("split_f", 1.0), ("split_s", 1.0))
        return Cancellation((("m_nu_rge", ()), ("m_nu_split", handles)), depth=2e-4)

    @property
    def signed_cancellation(self) -> SignedCancellation | None:
        """Splittings of the multiplets, against one another and m_nu_rge."""
        if not (self.rge and self._splits):
            return None
        return SignedCancellation((("split_f", 1e-4), ("split_s", 1e-4)), depth=2e-4)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: positive masses; masses of the lightest fermion and scalar over the mean."""
        found = positive(theta, "m_psi", "m_f", "m_s")
        if self.case == "b":
            return found
        top, shift = self._t3[0], abs(self._ew_shift)
        return found | {
            name: 1.0 - top * (jnp.abs(theta.get(split, 0.0)) + shift / theta[m])
            for name, m, split in (("fermions", "m_f", "split_f"), ("scalars", "m_s", "split_s"))
        }

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        sm = self.sm
        t = theta["y_psi"] * sm.v_h / theta["m_psi"]
        sin_l = t if self.mixing == "eft" else t / jnp.sqrt(1.0 + t**2)
        vertex = self.representation[2] * sin_l * theta["y_t"] * theta["y_delta"]
        loop = self._higgs_loop(theta) if self.case == "b" else self._multiplet_loop(theta)
        moment = -2.0 * sm.m_e * vertex * loop.moment
        heaviest = jnp.maximum(theta["m_f"], loop.heaviest)
        terms = {name: vertex * mass for name, mass in loop.masses.items()}
        masses = mass_observables(terms, self.mass_terms, moment, heaviest, sm)
        yukawas = jnp.stack([theta[name] for name in ("y_psi", "y_t", "y_delta")])
        return merged(
            masses,
            {"m_beta": masses["m_nu"]} if self.lepton == "e" else {},
            moment_observables(moment, heaviest, sm),
            {"sin_theta_l": sin_l, "theta_sq": t**2, "m_triplet": theta["m_psi"]},
            {"max_yukawa": jnp.max(jnp.abs(yukawas))},
            z_pole.triplet_observables(
                z_pole.one_flavour(t, self.lepton), theta["m_psi"][None], sm
            ),
            loop.spectrum,
        )

    @property
    def _t3(self) -> np.ndarray:
        n = self.representation[0]
        return 0.5 * (n - 1) - np.arange(n)

    @property
    def _ew_shift(self) -> float:
        """Return the on-shell electroweak shift per unit of T3, GeV."""
        if self.ew_splitting == "none":
            return 0.0
        return self.representation[1] * self.sm.m_z / self.sm.alpha_inv_mz

    def _multiplet_loop(self, theta):
        n, y, n_c = self.representation
        t3 = jnp.asarray(self._t3)
        shift = self._ew_shift * t3
        split_f, split_s = theta.get("split_f", 0.0), theta.get("split_s", 0.0)
        m_f, m_s = theta["m_f"] * (1.0 + split_f * t3), theta["m_s"] * (1.0 + split_s * t3)
        mu_bar = theta["m_f"] if self.mu_bar is None else self.mu_bar
        up = t3[: n // 2]  # every component of the upper half has a partner at -T3
        low_f, low_s = theta["m_f"] * (1.0 - split_f * up), theta["m_s"] * (1.0 - split_s * up)
        step_f, step_s = 2.0 * up * theta["m_f"] * split_f, 2.0 * up * theta["m_s"] * split_s
        masses = {
            "m_nu_split": bridge_mass(up, low_f, step_f, low_s, step_s, mu_bar),
            "m_nu_ew": bridge_mass(t3, m_f, shift, m_s, shift, mu_bar),
        }
        seen = m_s + shift
        charged = np.flatnonzero(self._t3 + y != 0.0) if n_c == 1 else np.arange(n)
        name = "m_charged_scalar" if n_c == 1 else "m_colored_scalar"
        spectrum = {name: jnp.min(seen[charged]), "min_eig": jnp.min(seen) ** 2}
        if n_c > 1:
            spectrum["m_colored_fermion"] = jnp.min(m_f + shift)
        return _Loop(
            moment=bridge_moment(t3, t3 + y, m_f + shift, seen),
            masses=masses,
            heaviest=theta["m_s"],
            spectrum=spectrum,
        )

    def _higgs_loop(self, theta):
        m_f, m_psi = theta["m_f"], theta["m_psi"]
        return _Loop(
            moment=0.5 / (SIXTEEN_PI2 * m_f),
            masses={
                "m_nu_tree": -0.5 * self.sm.v_h**2 / m_f,
                "m_nu_loop": -1.5 * m_psi**2 * m_f * L0(m_psi**2, m_f**2) / SIXTEEN_PI2,
            },
            heaviest=m_f,
            spectrum={},
        )


class _Loop(NamedTuple):
    """Result of the loop per vertex: moment (GeV^-1) and masses (GeV), and the loop's spectrum."""

    moment: Array
    masses: dict[str, Array]
    heaviest: Array
    spectrum: dict[str, Array]
