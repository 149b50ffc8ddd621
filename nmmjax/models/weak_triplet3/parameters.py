"""Parameters of `weak_triplet3`: names, priors, reference, arrays."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Inexact

from nmmjax.models import _oscillation
from nmmjax.models import _weak_triplet as shared
from nmmjax.physics import neutrinos
from nmmjax.physics.constants import Constants
from nmmjax.physics.numbers import PERTURBATIVE
from nmmjax.target.model import Parameter, Theta, merged
from nmmjax.target.priors import Angle, LogUniform, SignedLog

_NUS = ("1", "2", "3")
_LATEX = {"e": "e", "mu": r"\mu", "tau": r"\tau"}
_PARTS = (("re_", r"\mathrm{Re}\,"), ("im_", r"\mathrm{Im}\,"))
_COUPLING = SignedLog(PERTURBATIVE, scale=1e-3)
_HEAVY = LogUniform(10**2.5, 1e5)


class _Matrix(NamedTuple):
    """A complex coupling matrix: labels of rows and columns, default prior, typical size."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    prior: SignedLog
    size: float
    symbol: str
    text: str

    @property
    def entries(self) -> list[str]:
        return [f"{a}{b}" for a in self.rows for b in self.columns]


def _triplets(n_psi: int) -> tuple[str, ...]:
    return ("",) if n_psi == 1 else ("1", "2")


def _matrices(n_psi: int, yukawas: str) -> dict[str, _Matrix]:
    triplets = _triplets(n_psi)
    psi = SignedLog(PERTURBATIVE, scale=1e-5)
    found = {
        "y_psi": _Matrix(
            neutrinos.FLAVOURS, triplets, psi, 1e-3, r"\Psi", "Yukawa of L, H and Psi"
        ),
        "y_delta": _Matrix(triplets, _NUS, _COUPLING, 0.6, r"\delta", "Yukawa of Psi, S, nu_R"),
    }
    if yukawas == "free":
        dirac = SignedLog(1e-11, scale=1e-15)
        found["y_d"] = _Matrix(_NUS, _NUS, dirac, 2e-13, "D", "Dirac Yukawa of L, H, nu_R")
    return found


def parameters(n_psi: int, yukawas: str, ordering: str, complex_y_t: bool) -> tuple[Parameter, ...]:
    """Declare the parameters in chart order."""
    found = []
    for name, m in _matrices(n_psi, yukawas).items():
        for a in m.rows:
            for b in m.columns:
                label = f"{m.symbol} {_LATEX.get(a, a)}{b}"
                found += [
                    Parameter(f"{part}{name}_{a}{b}", m.prior, "", f"{of}y_{{{label}}}", m.text)
                    for part, of in _PARTS
                ]
    if yukawas == "oscillation":
        found += _oscillation.parameters(ordering)
    if n_psi == 1:
        found += [shared.Y_T, shared.M_PSI]
    else:
        found += [
            Parameter(f"y_t_{i}{j}", _COUPLING, "", f"y_{{T {i}{j}}}", "Yukawa of Psi_i, S, Psi_j")
            for i in _triplets(n_psi)
            for j in _triplets(n_psi)
        ]
        found += [
            Parameter(f"m_psi_{i}", _HEAVY, "GeV", rf"m_{{\Psi {i}}}", "Mass of a fermion triplet")
            for i in _triplets(n_psi)
        ]
    return (*found, *_phases(n_psi, complex_y_t), *shared.SCALARS)


def _phases(n_psi: int, complex_y_t: bool) -> tuple[Parameter, ...]:
    """The phases of y_T: arg_y_t, or arg_y_t_11 ... of two triplets."""
    if not complex_y_t:
        return ()
    if n_psi == 1:
        return (shared.ARG_Y_T,)
    text = "Phase of y_t_ij"
    return tuple(
        Parameter(f"arg_y_t_{i}{j}", Angle(), "rad", rf"\arg y_{{T {i}{j}}}", text)
        for i in _triplets(n_psi)
        for j in _triplets(n_psi)
    )


def reference(n_psi: int, yukawas: str, ordering: str, complex_y_t: bool) -> dict[str, float]:
    """Generic phases, sub-keV masses, |mu_nu| near 1e-12 mu_B."""
    point: dict[str, float] = {}
    for name, m in _matrices(n_psi, yukawas).items():
        for k, entry in enumerate(m.entries):
            phase = 1.0 + 0.7 * (k + 1) ** 2
            size = m.size / (1.0 + 0.3 * (k % 3))
            point[f"re_{name}_{entry}"] = size * math.cos(phase)
            point[f"im_{name}_{entry}"] = size * math.sin(phase)
    if yukawas == "oscillation":
        central = _oscillation.reference(ordering)
        point |= {p.name: central[p.name] for p in _oscillation.parameters(ordering)}
    if n_psi == 1:
        point |= {"y_t": 1.0, "m_psi": 1e3}
    else:
        point |= {"y_t_11": 1.0, "y_t_12": 0.3, "y_t_21": -0.2, "y_t_22": 0.8}
        point |= {"m_psi_1": 1e3, "m_psi_2": 2e3}
    phases = {p.name: 1.0 - 0.4 * k for k, p in enumerate(_phases(n_psi, complex_y_t))}
    return point | phases | shared.REFERENCE


class Couplings(NamedTuple):
    """Rows and columns: leptons, triplets or nu_R; masses of the n triplets in GeV."""

    y_psi: Complex[Array, "3 n"]
    y_t: Inexact[Array, "n n"]
    y_delta: Complex[Array, "n 3"]
    m_psi: Float[Array, " n"]
    y_d: Complex[Array, "3 3"] | None  # None: to be solved


def _stacked(rows, columns, entry):
    return jnp.stack([jnp.stack([entry(f"{a}{b}") for b in columns]) for a in rows])


def couplings(theta: Theta, n_psi: int, yukawas: str) -> Couplings:
    """Collect the parameters as arrays."""

    def complex_matrix(name):
        m = _matrices(n_psi, yukawas)[name]
        re, im = (
            _stacked(m.rows, m.columns, lambda k, p=p: theta[f"{p}_{name}_{k}"])
            for p in ("re", "im")
        )
        return lax.complex(re, im)

    triplets = _triplets(n_psi)
    if n_psi == 1:
        y_t, m_psi = theta["y_t"][None, None], theta["m_psi"][None]
    else:
        y_t = _stacked(triplets, triplets, lambda k: theta[f"y_t_{k}"])
        m_psi = jnp.stack([theta[f"m_psi_{i}"] for i in triplets])
    if "arg_y_t" in theta:
        y_t = y_t * jnp.exp(1j * theta["arg_y_t"])
    elif "arg_y_t_11" in theta:
        y_t = y_t * jnp.exp(1j * _stacked(triplets, triplets, lambda k: theta[f"arg_y_t_{k}"]))
    y_d = complex_matrix("y_d") if yukawas == "free" else None
    return Couplings(complex_matrix("y_psi"), y_t, complex_matrix("y_delta"), m_psi, y_d)


def domain(theta: Theta, yukawas: str, ordering: str, sm: Constants) -> dict[str, Float[Array, ""]]:
    """Margins besides those of the scalars: heavy triplets, oscillation parameters in range."""
    masses = [theta[p] for p in ("m_psi", "m_psi_1", "m_psi_2") if p in theta]
    margins = {"m_psi": jnp.min(jnp.stack(masses)) / sm.m_tau - 1.0}
    if yukawas == "free":
        return margins
    return merged(margins, _oscillation.domain(theta, ordering))
