r"""The dark-photon model of arXiv:2603.25704: two dark scalars and a vector-like lepton doublet."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import Field

from nmmjax.errors import InputError
from nmmjax.models import _oscillation
from nmmjax.models.dark_dipole import parameters as inputs
from nmmjax.models.dark_dipole import photon as widths
from nmmjax.models.dark_dipole import sector
from nmmjax.physics import decays, neutrinos
from nmmjax.physics.casas_ibarra import complex_rotation
from nmmjax.physics.dark_loops import Yukawas, wedge
from nmmjax.physics.dark_sector import (
    Light,
    dark_loops,
    lepton_loop,
    light_from_oscillations,
    light_from_yukawas,
    seen_vector,
    solar_share,
    vector_coupling,
)
from nmmjax.physics.matrices import dagger, product
from nmmjax.physics.numbers import EV, square_root, squared
from nmmjax.physics.staging import kept
from nmmjax.target.model import Model, Observables, Parameter, Plane, Rescaling, Theta, merged
from nmmjax.target.priors import Prior
from nmmjax.target.settings import setting

_SEEN = ("g_nu_e_solar", "g_nu_e_neutral", "g_nu_e_charged")
_SCATTERING = 2e-4  # GeV, electron recoil at which vector and dipole scattering are compared
_PMNS = (*neutrinos.ANGLES, *neutrinos.PHASES)


class DarkDipole(Model):
    r"""Majorana transition moments to a dark photon A', seen through kinetic mixing.

    Doublet Psi = (N, E) and scalars S_1, S_2 of opposite U(1)_D charge:
        L = - y_la Lbar_l P_R Psi S_a - m_D Nbar N - M_E Ebar E
            - (m/2)(N_L^c N_L + N_R^c N_R) + (eps/2) F F' + h.c.,   M_R^2 = N + A, M_I^2 = N - A
    of S_a = (R_a + i I_a)/sqrt2; heavy neutrals with signed masses M_1,2 = m -+ m_D. With the
    loops C, K, T of `dark_sector.dark_loops` and Lambda_ij = y*_i1 y*_j2 - y*_i2 y*_j1:
        moment    mu_ij = (2 m_e/e) g_D C Lambda_ij/(128 pi^2)            in mu_B
        mass      M_nu = y* K y^dag: finite, rank 2 (the lightest neutrino is massless), K ~ m
                  K = sum of m_nu_lnv_r and m_nu_lnv_l, by which mass (N_R, N_L) violates L
        vector    V_ij = g_D/(16 pi^2) (y* T y^T)_ij of nubar_j gamma P_L nu_i A'
        leptons   A_R(l -> l') = y_l'a X_ab y*_lb/(64 pi^2), see `decays` for the rates
    In the mass basis only the entry between the two massive states is non-zero, so that
        |mu| = |mu_23| (NO) or |mu_12| (IO) = (2 m_e/e) g_D/(128 pi^2) |C| (m_2 m_3/|det K|)^(1/2).

    mu_eff_dark = eps mu, and _solar and _reactor with their mixture of states, have no factor for
    the mediator's mass: it belongs to each experiment's recoil window, and constraints on them
    take m_aprime as well (`dark_loops.mediator_factor` is the paper's own version for Borexino).
    Limits on moments seen through the photon do not apply. No moment in stars is given: the
    plasmon loop of a massive A' was not computed.
    v_nunu_aprime is the largest |eigenvalue| of V. Where vector_dominates = 1 (V^2 > 2 m_e T mu^2
    at T = 0.2 MeV) limits on mu_eff are not the limits on the model: vector exchange is faster, and
    g_nu_e_solar = eps e (sum_ab P_a |V_ab|^2)^(1/2) of solar flavours a is what recoils limit.
    br_inv_aprime counts N_1 N_2, H_k A_l and nu nu as invisible against e, mu, tau pairs; hadrons
    are left out, so above 0.28 GeV it is an upper limit. invisible_dominates = 1 where it exceeds
    1/2: missing-energy limits (NA64, BaBar) apply there, elsewhere those on visible decays.
    gamma_z_inv adds Z -> N_1 N_2 to three neutrinos, in units of a neutrino's width.
    Estimates: eps_loop, e g_D/(12 pi^2) per unit of ln(Lambda^2/M_E^2), and m_nu_naive,
    mu Lambda^2/g_D at the heaviest mass in the loop. Not included: boxes, Z and A' penguins in
    mu -> 3e and conversion, two-loop masses, mu -> e A'. With m_dirac != m_e_vll SU(2) is broken
    by hand (as in the paper) and T is not finite: no t_param.

    Settings in full, conventions, accuracy, chart: docs/models/dark_dipole.md.
    Source: arXiv:2603.25704; docs/errata/dark_dipole.md.
    """

    scalars: Literal["mass_matrix", "eigenstates", "mass_zero"] = setting(
        "mass_matrix", "n1, n2, a11, a12, a22; masses and angles; or these near massless neutrinos"
    )
    yukawas: Literal["free", "casas_ibarra"] = setting(
        "free", "re_y_e1 ... im_y_tau2; or oscillation parameters and a complex angle"
    )
    ci_sign: Literal[1, -1] = setting(1, "branch of the Casas-Ibarra rotation")
    ordering: Literal["NO", "IO"] = setting("NO", "which state is massless: the first or the third")
    su2_consistent: bool = setting(False, "tie m_dirac = m_e_vll; m_dirac is no parameter then")
    convention: Literal["derived", "as_printed"] = setting(
        "derived", "formulas as derived and verified, or those of the paper"
    )
    source: Literal["pp", "7Be", "8B"] = setting(
        "7Be", "solar neutrinos whose mixture of states enters mu_eff_dark_solar"
    )
    nodes: Annotated[int, Field(ge=32)] = setting(160, "nodes of the loop integrals in ln t")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        masses = sector.declared(self.scalars)
        fermions = sector.fermions(self.scalars, self.su2_consistent)
        return (*masses, *fermions, *inputs.GAUGE, *self._flavour_parameters)

    @property
    def _flavour_parameters(self) -> tuple[Parameter, ...]:
        if self.yukawas == "free":
            return inputs.yukawas()
        oscillation = (p for p in _oscillation.parameters(self.ordering) if p.name != "m_lightest")
        return (*oscillation, *_oscillation.majorana_parameters(), *inputs.ANGLE)

    @property
    def reference(self) -> dict[str, float]:
        point = {"n1": 0.04, "n2": 0.16, "a11": 2e-6, "a12": 3e-5, "a22": -1e-6}
        point |= {"m_h1": 0.2, "m_h2": 0.4, "m_a1": 0.21, "m_a2": 0.43}
        point |= {"m_s1": 0.2, "m_s2": 0.4, "split_1": 1e-6, "split_2": 2e-6, "tilt": -1e-6}
        point |= {"theta_r": 0.3, "theta_i": 0.8, "ci_re": 0.5, "ci_im": 0.2}
        point |= {"m_lnv": 1e-2, "m_dirac": 1.5e3, "m_e_vll": 1.5e3}
        point |= {"g_d": 0.3, "eps": 1e-5, "m_aprime": 0.05}
        point |= {p.name: 1e-2 * (1 + i % 5) for i, p in enumerate(inputs.yukawas())}
        point |= _oscillation.reference(self.ordering)
        return {p.name: point[p.name] for p in self.parameters}

    @property
    def planes(self) -> tuple[Plane, ...]:
        return inputs.PLANES

    @property
    def mass_terms(self) -> tuple[str, ...]:
        return ("m_nu_lnv_r", "m_nu_lnv_l")

    @property
    def rescaling(self) -> Rescaling | None:
        if self.yukawas == "casas_ibarra":
            return None
        return Rescaling("m_nu", (("m_lnv", 1.0),), 1.0)

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins of the dark sector, and of oscillation parameters in the chosen ordering."""
        margins = sector.margins(theta, self.scalars)
        if self.yukawas == "casas_ibarra":
            margins |= _oscillation.domain(theta, self.ordering)
        return margins

    def check(self) -> None:
        if self.su2_consistent and self.scalars == "mass_zero":
            raise InputError(
                "scalars = 'mass_zero' sets m_dirac from the scalars, su2_consistent = true from "
                "m_e_vll: give one of the two"
            )

    def check_priors(self, priors: Mapping[str, Prior | float]) -> None:
        if self.yukawas == "casas_ibarra":
            _oscillation.check(priors, self.ordering)

    def yukawa_matrix(self, theta: Theta) -> Yukawas:
        """y_la, rows e, mu, tau, columns a = 1, 2, in either parametrisation."""
        theta = self._completed(theta)
        return self._light(theta, self._loops(theta, sector.scalars(theta, self.scalars))).y

    def predict(self, theta: Theta) -> Observables:
        """Observables at one point; names and units as in `nmmjax.catalogue`."""
        # Computed once, and so is what the gradient asks of them.
        theta = kept(self._completed(theta))
        s = kept(sector.scalars(theta, self.scalars))
        loops = self._loops(theta, s)
        light = self._light(theta, loops)
        moments = self._moments(theta, loops, light)
        vector, vector_squared = vector_coupling(light, loops, theta["g_d"])
        heaviest = jnp.max(jnp.stack([*s.h, *s.a, (theta["m_lnv"] + theta["m_dirac"]) ** 2]))
        to_mu_b = 2.0 * self.sm.m_e / self.sm.e
        mu = moments["mu_nu"] / to_mu_b
        invisible = widths.invisible(theta, theta["m_dirac"], s, vector_squared, mu)
        branching = invisible / (invisible + widths.visible(theta, self.sm))
        return merged(
            self._masses(light, loops),
            moments,
            self._charged(theta, s, light.y),
            self._solar_vector(theta, loops, light),
            {
                "m_nu_naive": EV * heaviest * mu / theta["g_d"],
                "v_nunu_aprime": vector,
                "vector_dominates": _flag(vector**2, 2.0 * self.sm.m_e * _SCATTERING * mu**2),
                "br_inv_aprime": branching,
                "invisible_dominates": _flag(branching, 0.5),
                "eps_loop": self.sm.e * theta["g_d"] / (12.0 * math.pi**2),
                "gamma_z_inv": widths.z_invisible(theta, theta["m_dirac"], self.sm),
                "m_vll": theta["m_e_vll"],
                "m_dark_fermion": jnp.abs(theta["m_lnv"] - theta["m_dirac"]),
                "min_eig": jnp.minimum(jnp.min(jnp.stack(s.h)), jnp.min(jnp.stack(s.a))),
                "max_yukawa": jnp.sqrt(jnp.max(squared(light.y))),
            },
        )

    def _completed(self, theta):
        return sector.completed(theta, self.scalars, self.su2_consistent, self.nodes)

    def _loops(self, theta, s):
        printed = self.convention == "as_printed"
        return dark_loops(s, theta["m_lnv"], theta["m_dirac"], self.nodes, printed)

    def _light(self, theta, loops) -> Light:
        if self.yukawas == "casas_ibarra":
            light = neutrinos.light_masses(0.0, theta["dm2_21"], theta["dm2_3l"], self.ordering)
            angle = (theta["ci_re"], theta["ci_im"])
            rotation = complex_rotation(*angle, self.ci_sign, self.ordering)
            u = neutrinos.pmns(*(theta[p] for p in _PMNS))
            return light_from_oscillations(u, light / EV, rotation, loops, self.ordering)
        rows = [
            jnp.stack([theta[f"re_y_{x}{a}"] + 1j * theta[f"im_y_{x}{a}"] for a in (1, 2)])
            for x in inputs.LEPTONS
        ]
        return light_from_yukawas(jnp.stack(rows), loops, self.ordering)

    def _masses(self, light, loops):
        m_nu = product(jnp.conj(light.y), loops.mass, dagger(light.y))
        found = {f"m_nu_{i + 1}": light.masses[i] for i in range(3)}
        found |= {
            "m_nu": jnp.max(light.masses),
            "sum_m_nu": jnp.sum(light.masses),
            "m_beta": self._m_beta(light, m_nu),
            "m_ee": jnp.abs(m_nu[0, 0]),
            "m_nu_lnv_r": light.parts[0],
            "m_nu_lnv_l": light.parts[1],
        }
        return merged({p: EV * x for p, x in found.items()}, self._mixing(light))

    def _m_beta(self, light, m_nu):
        """(M M^dag)_ee^(1/2), which needs no mixing; that of the input where mixing is given."""
        if self.yukawas == "casas_ibarra":
            return jnp.sqrt(jnp.sum(light.u_squared[0] * light.masses**2))
        return square_root(jnp.sum(squared(m_nu[0])))

    def _mixing(self, light):
        """Oscillation parameters where they are not parameters of the model."""
        if self.yukawas == "casas_ibarra":
            return {}
        u = light.u_squared
        angles = {
            "sin2_th12": u[0, 1] / (1.0 - u[0, 2]),
            "sin2_th13": u[0, 2],
            "sin2_th23": u[1, 2] / (1.0 - u[0, 2]),
        }
        return merged(neutrinos.splittings(EV * light.masses, self.ordering), angles)

    def _moments(self, theta, loops, light):
        """Moments in mu_B."""
        to_mu_b = 2.0 * self.sm.m_e / self.sm.e
        unit = to_mu_b * theta["g_d"] * jnp.abs(loops.moment) / (128.0 * math.pi**2)
        entries, size = wedge(light.y), unit * light.wedge
        if self.convention == "as_printed":
            entries = 2.0 * entries.imag + 0j
            size = unit * jnp.sqrt(0.5 * jnp.sum(squared(entries)))
        found = {
            f"mu_nu_{x}{z}": unit * jnp.abs(entries[i, j])
            for i, x in enumerate(inputs.LEPTONS)
            for j, z in enumerate(inputs.LEPTONS)
            if i < j
        }
        if self.convention == "derived":
            massive = "23" if self.ordering == "NO" else "12"
            found |= {f"mu_nu_{ij}": jnp.zeros_like(size) for ij in ("12", "13", "23")}
            found[f"mu_nu_{massive}"] = size
        reactor = unit * jnp.sqrt(jnp.sum(squared(entries[0])))
        shares = {
            "mu_nu": size,
            "mu_eff_dark": theta["eps"] * size,
            **self._solar(theta["eps"] * size, light),
            "mu_eff_dark_reactor": theta["eps"] * reactor,
        }
        return merged(found, shares)

    def _solar(self, size, light):
        """Moments that solar neutrinos see, by the source that an experiment looks at."""
        named = {"solar": self.source, "pp": "pp", "be7": "7Be"}
        shares = {
            source: solar_share(light, self.ordering, source, self.sm)
            for source in {*named.values()}
        }
        return {f"mu_eff_dark_{name}": size * shares[source] for name, source in named.items()}

    def _solar_vector(self, theta, loops, light):
        """Coupling of solar neutrinos to A' times eps e, and what interferes with Z and W."""
        shares = _oscillation.solar_flavours(self.ordering, self.source, self.sm)
        seen = seen_vector(light, loops, theta["g_d"], shares)
        return {p: theta["eps"] * self.sm.e * x for p, x in zip(_SEEN, seen, strict=True)}

    def _charged(self, theta, s, y):
        """Charged-lepton dipoles and their rates."""
        printed = self.convention == "as_printed"
        loop = lepton_loop(s, theta["m_e_vll"], self.nodes, printed)
        dipoles = product(y, loop, dagger(y)) / (64.0 * math.pi**2)
        if printed:
            # A_R of muon and tau alone with 24 pi^3, and Delta a of a heavy E
            diagonal = jnp.sum(squared(y), axis=1)
            diagonal = diagonal / (48.0 * math.pi**2 * theta["m_e_vll"] ** 2)
            dipoles = jnp.triu(dipoles, 1) / math.sqrt(2.0) + jnp.diag(diagonal)
        return decays.observables(dipoles, self.sm)


def _flag(x, threshold):
    """1 where x > threshold, else 0; NaN for NaN."""
    unknown = jnp.isnan(x) | jnp.isnan(threshold)
    return jnp.where(unknown, jnp.nan, (x > threshold).astype(float))
