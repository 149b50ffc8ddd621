"""A run directory of known content, written without any of the code that is tested with it.

Parameters are AR(1) series in the coordinate their prior is flat in; chains of one ensemble
share nothing, so every figure of merit has a known size.
"""

import json
import math
import pathlib

import h5py
import numpy as np
from scipy.signal import lfilter

RESOLVED = """
[physics.model]
name = "toy"
[physics.model.settings]
rge = false
[physics.priors]
y_psi = { log_uniform = [1e-6, 1.0] }
m_psi = { log_uniform = [300.0, 1e5] }
lambda_hs = { signed_log = [1e-4, 10.0] }
phase = { angle = true }
lambda_s = 0.1
[physics.constraints.xenonnt_2022]
shape = "UpperLimit"
requires = ["mu_eff_solar"]
value = 6.4e-12
cl = 0.9
[physics.constraints.m_nu_target]
shape = "Measurement"
requires = ["m_nu"]
value = 0.05
sigma_plus = 0.005
sigma_minus = 0.005
theory_sigma = 0.0
power = 1
[physics.constraints.typeIII_atlas]
shape = "LowerLimit"
requires = ["m_triplet"]
value = 910.0
cl = 0.95
[physics.constraints.theta_sq_triplet]
shape = "UpperLimit"
requires = ["theta_sq"]
value = 1e-3
cl = 0.95
[physics.prefer.prefer_mu_nu]
shape = "Prefer"
requires = ["mu_nu"]
above = 1e-12
width_dex = 0.25
[physics.chart]
kind = "auto"
[sampling]
seed = 7
burn_in = 10
[sampling.engine]
name = "ensemble"
[stop]
draws = 500
[stop.until]
ess = 2000.0
"""
_WISH = "[physics.prefer.prefer_mu_nu]"


def with_curve(name):
    """Return RESOLVED with a limit on y_psi of its own that grows with m_psi."""
    curve = f"""[physics.constraints.{name}]
shape = "LimitCurve"
requires = ["y_psi", "m_psi"]
mass = [100.0, 1e4, 1e6]
limit = [1e-4, 1e-3, 1e-2]
cl = 0.9
{_WISH}"""
    return RESOLVED.replace(_WISH, curve)


ABOUT = {
    "y_psi": ("parameter", "", r"y_\Psi"),
    "m_psi": ("parameter", "GeV", r"m_\Psi"),
    "lambda_hs": ("parameter", "", r"\lambda_{HS}"),
    "phase": ("parameter", "rad", r"\phi"),
    "lambda_s": ("fixed", "", r"\lambda_S"),
    "m_nu": ("observable", "eV", r"m_\nu"),
    "m_nu_total": ("observable", "eV", r"m_\nu^{\mathrm{signed}}"),
    "m_nu_rge": ("observable", "eV", r"m_\nu^{\mathrm{RGE}}"),
    "rge_log": ("observable", "", r"\ln(M/v)"),
    "mu_nu": ("observable", "mu_B", r"\mu_\nu"),
    "mu_eff_solar": ("observable", "mu_B", r"\mu_{\mathrm{eff}}^{\odot}"),
    "mu_eff_pp": ("observable", "mu_B", r"\mu_{\mathrm{eff}}^{pp}"),
    "m_triplet": ("observable", "GeV", r"m_\Psi"),
    "theta_sq": ("observable", "", r"|\Theta|^2"),
    "rho0": ("observable", "", r"\rho_0"),
    "tuning_bg": ("derived", "", r"\Delta_{\mathrm{BG}}"),
    "tuning_cancel": ("derived", "", r"\Delta_{\mathrm{cancel}}"),
}


def ar1(rng, chains, draws, memory):
    """Stationary AR(1) series of unit variance, (chains, draws)."""
    noise = rng.normal(size=(chains, draws)) * math.sqrt(1.0 - memory**2)
    noise[:, 0] /= math.sqrt(1.0 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise, axis=1)


def draw_groups(chains=32, draws=500, memory=0.3, shift=0.0, seed=0):
    """Stored groups; `shift` moves ln m_psi of the last quarter of the chains, in sd."""
    rng = np.random.default_rng(seed)
    a, b, c, d, e = (ar1(rng, chains, draws, memory) for _ in range(5))
    b[-chains // 4 :] += shift
    y_psi, m_psi = np.exp(-7.0 + 0.8 * a), np.exp(8.0 + 0.4 * b + 0.2 * a)
    m_nu = 0.05 + 0.005 * e
    mu_nu = 1e-12 * np.exp(0.6 * a - 0.4 * b)
    posterior = {
        "y_psi": y_psi,
        "m_psi": m_psi,
        "lambda_hs": 1e-4 * np.sinh(3.0 * c),
        "phase": np.arctan2(d, c),
        "lambda_s": np.full_like(a, 0.1),
        "m_nu": m_nu,
        "m_nu_rge": 235.0 * mu_nu / 1e-12,
        "mu_nu": mu_nu,
        "mu_eff_solar": mu_nu,
        "m_triplet": m_psi,
        "theta_sq": (174.0 * y_psi / m_psi) ** 2 / 2.0,
        "rho0": np.full_like(a, 1.0),
        "tuning_bg": 10.0 * np.exp(0.5 * a + 0.3 * e),
        "tuning_cancel": 3.0 * np.exp(0.5 * a),
    }
    terms = {
        "xenonnt_2022": -0.5 * (1.645 * (mu_nu / 6.4e-12) ** 2) ** 2,
        "m_nu_target": -0.5 * e**2,
    }
    prefer = -0.5 * (np.log10(np.minimum(mu_nu / 1e-12, 1.0)) / 0.25) ** 2
    allowed = (mu_nu <= 6.4e-12) & (np.abs(e) <= 2.0) & (m_psi >= 910.0)
    lp = -0.5 * (a**2 + b**2 + c**2 + d**2 + e**2)
    return {
        "posterior": posterior,
        "sample_stats": {
            "lp": lp,
            "acceptance_rate": np.full_like(a, 0.3),
            "n_nonfinite": np.full(a.shape, 2),
            "n_nan": np.zeros(a.shape, dtype=int),
        },
        "log_likelihood": terms,
        "target": {
            "log_prior": np.full_like(a, -3.0),
            "allowed": allowed.astype("i1"),
            "prefer_mu_nu": prefer,
        },
    }


def write_run(
    directory: pathlib.Path, groups, ensembles=4, committed=None, resolved=RESOLVED, doubts=()
) -> pathlib.Path:
    """Write `groups` in the layout of a run directory; draws beyond `committed` do not count.

    doubts  what the engine declares, as it does
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "resolved.toml").write_text(resolved)
    chains, draws = groups["sample_stats"]["lp"].shape
    with h5py.File(directory / "chains.h5", "w") as file:
        file.attrs["committed_draws"] = draws if committed is None else committed
        file.attrs["doubts"] = json.dumps([doubt._asdict() for doubt in doubts])
        for name, variables in groups.items():
            group = file.create_group(name)
            scales = [("chain", np.arange(chains)), ("draw", np.arange(draws))]
            axes = [group.create_dataset(axis, data=values) for axis, values in scales]
            for (axis, _), dataset in zip(scales, axes, strict=True):
                dataset.make_scale(axis)
            for key, values in variables.items():
                dataset = group.create_dataset(key, data=values)
                for i, axis in enumerate(axes):
                    dataset.dims[i].attach_scale(axis)
                if name == "posterior":
                    role, units, latex = ABOUT[key]
                    dataset.attrs.update(role=role, units=units, latex=latex, long_name=key)
            if name == "posterior":
                label = np.repeat(np.arange(ensembles), chains // ensembles)
                ensemble = group.create_dataset("ensemble", data=label)
                ensemble.dims[0].attach_scale(axes[0])
                group.attrs["coordinates"] = "ensemble"
    return directory
