"""Parameters of `weak_triplet` with three generations: names, priors, reference, arrays."""

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float

from nmmjax.models import _oscillation
from nmmjax.physics.constants import Constants
from nmmjax.target.model import Parameter, Theta
from nmmjax.target.priors import LogUniform, Prior, SignedLog

FLAVOURS = ("e", "mu", "tau")
ANGLES = ("sin2_th12", "sin2_th23", "sin2_th13", "delta_cp")
_NUS = ("1", "2", "3")
_LATEX = {"e": "e", "mu": r"\mu", "tau": r"\tau"}
_PARTS = (("re_", r"\mathrm{Re}\,"), ("im_", r"\mathrm{Im}\,"))
_PERTURBATIVE = math.sqrt(4.0 * math.pi)
_COUPLING = SignedLog(_PERTURBATIVE, scale=1e-3)
_HEAVY = LogUniform(10**2.5, 1e5)
_SCALARS = ("m_phi", "v_s", "lambda_hs", "lambda_s")


@runtime_checkable
class Settings(Protocol):
    """What the three-generation physics reads of the model."""

    sm: Constants
    n_psi: int
    yukawas: str
    ordering: str
    rge: bool
    lambda_uv: float


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


def _triplets(model: Settings) -> tuple[str, ...]:
    return ("",) if model.n_psi == 1 else ("1", "2")


def _matrices(model: Settings) -> dict[str, _Matrix]:
    triplets = _triplets(model)
    psi = SignedLog(_PERTURBATIVE, scale=1e-5)
    found = {
        "y_psi": _Matrix(FLAVOURS, triplets, psi, 1e-3, r"\Psi", "Yukawa of L, H and Psi"),
        "y_delta": _Matrix(triplets, _NUS, _COUPLING, 0.6, r"\delta", "Yukawa of Psi, S, nu_R"),
    }
    if model.yukawas == "free":
        dirac = SignedLog(1e-11, scale=1e-15)
        found["y_d"] = _Matrix(_NUS, _NUS, dirac, 2e-13, "D", "Dirac Yukawa of L, H, nu_R")
    return found


def parameters(model: Settings, shared: dict[str, Parameter]) -> tuple[Parameter, ...]:
    """The parameters in chart order; `shared` are those of one generation, by name."""
    found = []
    for name, m in _matrices(model).items():
        for a in m.rows:
            for b in m.columns:
                label = f"{m.symbol} {_LATEX.get(a, a)}{b}"
                found += [
                    Parameter(f"{part}{name}_{a}{b}", m.prior, "", f"{of}y_{{{label}}}", m.text)
                    for part, of in _PARTS
                ]
    if model.yukawas == "oscillation":
        found += _oscillation.parameters(model.ordering)
    if model.n_psi == 1:
        found += [shared["y_t"], shared["m_psi"]]
    else:
        found += [
            Parameter(f"y_t_{i}{j}", _COUPLING, "", f"y_{{T {i}{j}}}", "Yukawa of Psi_i, S, Psi_j")
            for i in _triplets(model)
            for j in _triplets(model)
        ]
        found += [
            Parameter(f"m_psi_{i}", _HEAVY, "GeV", rf"m_{{\Psi {i}}}", "Mass of a fermion triplet")
            for i in _triplets(model)
        ]
    return (*found, *(shared[p] for p in _SCALARS))


def reference(model: Settings) -> dict[str, float]:
    """Generic phases, sub-keV masses, |mu_nu| near 1e-12 mu_B."""
    point: dict[str, float] = {}
    for name, m in _matrices(model).items():
        for k, entry in enumerate(m.entries):
            phase = 1.0 + 0.7 * (k + 1) ** 2
            size = m.size / (1.0 + 0.3 * (k % 3))
            point[f"re_{name}_{entry}"] = size * math.cos(phase)
            point[f"im_{name}_{entry}"] = size * math.sin(phase)
    if model.yukawas == "oscillation":
        central = _oscillation.reference(model.ordering)
        point |= {p.name: central[p.name] for p in _oscillation.parameters(model.ordering)}
    if model.n_psi == 1:
        point |= {"y_t": 1.0, "m_psi": 1e3}
    else:
        point |= {"y_t_11": 1.0, "y_t_12": 0.3, "y_t_21": -0.2, "y_t_22": 0.8}
        point |= {"m_psi_1": 1e3, "m_psi_2": 2e3}
    return point | {"m_phi": 1.5e3, "v_s": 4e-10, "lambda_hs": 0.1, "lambda_s": 0.1}


class Couplings(NamedTuple):
    """Rows and columns: leptons, triplets or nu_R; masses of the n triplets in GeV."""

    y_psi: Complex[Array, "3 n"]
    y_t: Float[Array, "n n"]
    y_delta: Complex[Array, "n 3"]
    m_psi: Float[Array, " n"]
    y_d: Complex[Array, "3 3"] | None  # None: to be solved


def _stacked(rows, columns, entry):
    return jnp.stack([jnp.stack([entry(f"{a}{b}") for b in columns]) for a in rows])


def couplings(model: Settings, theta: Theta) -> Couplings:
    """The parameters as arrays."""

    def complex_matrix(name):
        m = _matrices(model)[name]
        re, im = (
            _stacked(m.rows, m.columns, lambda k, p=p: theta[f"{p}_{name}_{k}"])
            for p in ("re", "im")
        )
        return lax.complex(re, im)

    triplets = _triplets(model)
    if model.n_psi == 1:
        y_t, m_psi = theta["y_t"][None, None], theta["m_psi"][None]
    else:
        y_t = _stacked(triplets, triplets, lambda k: theta[f"y_t_{k}"])
        m_psi = jnp.stack([theta[f"m_psi_{i}"] for i in triplets])
    y_d = complex_matrix("y_d") if model.yukawas == "free" else None
    return Couplings(complex_matrix("y_psi"), y_t, complex_matrix("y_delta"), m_psi, y_d)


def domain(model: Settings, theta: Theta) -> dict[str, Float[Array, ""]]:
    """Margins besides those of the scalars: heavy triplets, oscillation parameters in range."""
    masses = [theta["m_psi"]] if model.n_psi == 1 else [theta["m_psi_1"], theta["m_psi_2"]]
    margins = {"m_psi": jnp.min(jnp.stack(masses)) / model.sm.m_tau - 1.0}
    if model.yukawas == "free":
        return margins
    return margins | _oscillation.domain(theta, model.ordering)


def check_priors(model: Settings, priors: Mapping[str, Prior | float]) -> None:
    """Raise InputError for oscillation parameters that leave no domain."""
    _oscillation.check(priors, model.ordering)
