"""What a sampler has found, and the figures of it: the same functions for every sampler.

R-hat takes coupled chains as one (`nmmjax.samplers.diagnostics`); the effective draws of weights
are Kish's. Markov chains count their second half, whatever they call warm-up. The worst coordinate
counts.
"""

from typing import Any, NamedTuple

import numpy as np

from nmmjax.samplers import diagnostics

_MOST = 200_000  # draws of all chains together that are looked at, evenly spaced
RHAT = 1.01
FEW, MANY = 400, 10_000  # effective draws to be reached
LOG_Z_ERROR = 0.1


class Found(NamedTuple):
    """The draws of a sampler so far.

    draws        (chain, draw, dim) of the target, or of the unit cube where `cube`
    groups       (chain,) labels: chains with the same one are coupled
    evaluations  densities; `gradients` of those that came with a gradient
    log_weight   (draw,) of one chain of independent weighted draws; None: equal weights
    markov       draws are chains that had to find the target
    """

    draws: np.ndarray
    groups: np.ndarray
    evaluations: int
    gradients: int = 0
    log_weight: np.ndarray | None = None
    log_z: float | None = None
    log_z_error: float | None = None
    cube: bool = False
    markov: bool = True
    most_ess: float = np.inf


def settled(found: Found) -> np.ndarray:
    """The draws that count, (chain, draw, dim): the second half of chains, thinned."""
    draws = found.draws[:, found.draws.shape[1] // 2 :] if found.markov else found.draws
    stride = max(1, draws.shape[0] * draws.shape[1] // _MOST) if found.log_weight is None else 1
    return draws[:, ::stride]


def figures(found: Found, values: np.ndarray) -> dict[str, Any]:
    """R-hat, effective draws and moments of (chain, draw, quantity) values of `settled` draws."""
    columns = [values[..., i] for i in range(values.shape[-1])]
    if found.log_weight is None:
        rhat = max(diagnostics.rhat(x, found.groups) for x in columns)
        each = [min(diagnostics.ess_bulk(x), found.most_ess) for x in columns]
        errors = [mean_error(x, found.groups) for x in columns]
        weights = np.full(values.shape[:2], 1.0 / values[..., 0].size)
    else:
        weights = np.exp(found.log_weight - found.log_weight.max())[None]
        weights /= weights.sum()
        errors, rhat = [], np.nan
        each = [1.0 / float(np.sum(weights**2))] * len(columns)
    told = moments(values, weights)
    if found.log_weight is not None:
        errors = [sd / np.sqrt(ess) for sd, ess in zip(told["sd"], each, strict=True)]
    return {
        "rhat": _number(rhat),
        "ess": [_number(x) for x in each],
        "mean_error": [_number(x) for x in errors],
        **told,
        "log_z": found.log_z,
        "log_z_error": found.log_z_error,
        "evaluations": int(found.evaluations),
        "gradients": int(found.gradients),
    }


def mean_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of the mean of (chain, draw) values, from the means over coupled chains.

    Walkers that move together know the mean less well than their effective draws, counted singly.
    """
    series = diagnostics.split(diagnostics.means_of(values, groups))
    if diagnostics.undefined(series):
        return np.nan
    return float(np.std(series) / np.sqrt(diagnostics.ess(series)))


def moments(values: np.ndarray, weights: np.ndarray) -> dict[str, list[float]]:
    """Weighted means, standard deviations and kurtoses of every quantity."""
    mean = np.einsum("cd,cdq->q", weights, values)
    off = values - mean
    square = np.einsum("cd,cdq->q", weights, off**2)
    fourth = np.einsum("cd,cdq->q", weights, off**4)
    kurtosis = fourth / np.where(square > 0.0, square, np.inf) ** 2
    return {"mean": mean.tolist(), "sd": np.sqrt(square).tolist(), "kurtosis": kurtosis.tolist()}


def reached(found: dict[str, Any], ess: float) -> bool:
    """Tell whether figures are converged with so many effective draws of every quantity."""
    least = least_ess(found)
    error = found["log_z_error"]
    sound = found["rhat"] is None if error is not None else False  # weights have no R-hat
    sound = sound or (found["rhat"] is not None and found["rhat"] < RHAT)
    return sound and (error is None or error <= LOG_Z_ERROR) and least > ess


def least_ess(found: dict[str, Any]) -> float:
    """The smallest number of effective draws of a quantity; 0 where it is undefined."""
    return min(0.0 if x is None else x for x in found["ess"])


def _number(x: float) -> float | None:
    """A JSON number, or None for what is none."""
    return float(x) if np.isfinite(x) else None
