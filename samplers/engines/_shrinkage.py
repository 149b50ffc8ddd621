"""Log Z of nested sampling from its dead points: value, error, weights and a test of the ranks.

Death i of a run shrinks the prior volume by a factor distributed as the largest of n_i uniform
numbers, n_i being the points alive. Skilling, Bayesian Anal. 1 (2006) 833.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from scipy.special import logsumexp
from scipy.stats import kstest

from ..base import Doubt
from . import _evidence

_SIMULATED = 200  # sequences of volumes, of which log Z takes mean and standard deviation

_RANKS = (
    "new points of {} do not stand among the live ones as independent draws would: the slices are "
    "too few or too short to forget where they began (more inner_steps)"
)
DOUBTS = (
    Doubt("evidence/insertion_rank_p", "p_value", _RANKS.format("a repeat")),
    Doubt("evidence/window_p", "p_value", _RANKS.format("one stretch of a repeat")),
    Doubt("evidence/pooled_rank_p", "p_value", _RANKS.format("all repeats together")),
    Doubt(
        "evidence/cut_off",
        "flag",
        "the option efolds ended it before the remaining volume became unimportant, and what is "
        "higher inside is missing",
    ),
    Doubt(
        "evidence/n_stuck",
        "share",
        "new points are copies of live ones, since none of their slices found a way",
        "evidence/n_deaths",
    ),
)


def summarise(
    key: PRNGKeyArray, state: Mapping[str, Array], delete: int
) -> tuple[Array, dict[str, Array]]:
    """Equally weighted draws of finished runs, and the table `evidence`, one row per run.

    log_z_error       the larger of log_z_within and the spread over runs
    log_z_within      of the simulated shrinkage of the volumes
    insertion_rank_p  Kolmogorov-Smirnov: are ranks at birth uniform, as for independent draws?
    window_p          the same for the worst stretch of `live` births, corrected for their number
    pooled_rank_p     the same for the births of all runs together
    repeats_p         chi-square: do the runs agree within log_z_within?
    cut_off           1 where `efolds` ended the run, not the rest becoming small
    """
    host = {name: np.asarray(x) for name, x in state.items() if name != "step"}
    keys = jr.split(key, (len(host["deaths"]), 2))
    found = [
        _one_run(keys[i, 0], {name: x[i] for name, x in host.items()}, delete)
        for i in range(len(keys))
    ]
    rows = {name: np.stack([row[name] for _, _, row in found]) for name in found[0][2]}
    count = int(min(rows["ess"]))
    draws = [
        position[_evidence.resampled(keys[i, 1], weights, count)]
        for i, (position, weights, _) in enumerate(found)
    ]
    log_z, within = rows["log_z"], rows["log_z_within"]
    p = _evidence.agreement(log_z, within)
    ranks = np.concatenate([r[:n] for r, n in zip(host["rank"], host["deaths"], strict=True)])
    rows["pooled_rank_p"] = np.full(len(found), _uniform_p(ranks))
    rows["log_z_error"] = _evidence.with_spread(log_z, within)
    rows["repeats_p"] = np.full(len(found), p)
    full = host["deaths"] + delete > host["rank"].shape[1]
    rows["cut_off"] = full.astype(np.int8)
    return jnp.asarray(np.stack(draws)), {name: jnp.asarray(x) for name, x in rows.items()}


def points(state: Mapping[str, Array], delete: int) -> dict[str, Array]:
    """Return the weighted points of all runs, one row each, run by run.

    repeat                of which run
    position              (row, dim)
    log_likelihood        and log_likelihood_birth, above which the point was drawn: -inf where
                          from the prior cut to finite likelihood
    log_weight            of sum 1 over a run
    """
    host = {name: np.asarray(x) for name, x in state.items() if name != "step"}
    rows = []
    for i in range(len(host["deaths"])):
        position, value, birth, alive = _ordered({n: x[i] for n, x in host.items()}, delete)
        log_weight = _log_weights(value, -1.0 / alive)
        rows.append(
            {
                "repeat": np.full(len(value), i),
                "position": position,
                "log_likelihood": value,
                "log_likelihood_birth": birth,
                "log_weight": log_weight - logsumexp(log_weight),
            }
        )
    return {name: jnp.asarray(np.concatenate([r[name] for r in rows])) for name in rows[0]}


def _ordered(
    run: Mapping[str, Any], delete: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions, ln L, ln L at birth of dead and live points in order, and how many were alive."""
    live, deaths = run["log_likelihood"], int(run["deaths"])
    order = np.argsort(live)

    def joined(dead: str, alive: str) -> np.ndarray:
        return np.concatenate([run[dead][:deaths], run[alive][order]])

    batches = np.tile(np.arange(len(live), len(live) - delete, -1), deaths // delete)
    return (
        joined("dead_position", "position"),
        joined("dead_log_likelihood", "log_likelihood"),
        joined("dead_birth", "birth"),
        np.concatenate([batches, np.arange(len(live), 0, -1)]),
    )


def _one_run(
    key: PRNGKeyArray, run: Mapping[str, Any], delete: int
) -> tuple[np.ndarray, np.ndarray, dict[str, float | np.generic]]:
    """Dead and live points of a run, their weights (sum 1), and its row of the table."""
    live, deaths = len(run["log_likelihood"]), int(run["deaths"])
    position, value, _, alive = _ordered(run, delete)
    u = np.asarray(jr.uniform(key, (_SIMULATED, len(alive)), minval=np.finfo(float).tiny))
    log_z = np.asarray(logsumexp(_log_weights(value, np.log(u) / alive), axis=1))
    log_weights = _log_weights(value, -1.0 / alive)
    weights = np.exp(log_weights - logsumexp(log_weights))
    rank = run["rank"][:deaths]
    windows = np.array_split(rank, max(deaths // live, 1))
    worst = min(_uniform_p(window) for window in windows)
    row = {
        "log_z": np.mean(log_z) + run["log_share"],
        "log_z_within": np.sqrt(np.var(log_z, ddof=1) + run["share_variance"]),
        "ess": 1.0 / np.sum(weights**2),
        "insertion_rank_p": _uniform_p(rank),
        "window_p": min(1.0, len(windows) * worst),
        "log_share": run["log_share"],
        "log_volume": run["volume"],
        "n_deaths": run["deaths"],
        "n_evaluations": run["evaluations"],
        "n_stuck": run["stuck"],
        "n_proposals": run["proposals"],
        "n_nonfinite": run["nonfinite"],
        "n_nan": run["undefined"],
    }
    return position, weights, row


def _uniform_p(ranks: np.ndarray) -> float:
    """p value of a Kolmogorov-Smirnov test against a uniform law; 1 without any rank."""
    return float(kstest(ranks, "uniform").pvalue) if ranks.size else 1.0


def _log_weights(log_likelihood: np.ndarray, log_shrinkage: np.ndarray) -> np.ndarray:
    """ln of L_i (X_{i-1} - X_i) for ln(X_i / X_{i-1}) along the last axis."""
    log_volume = np.cumsum(log_shrinkage, axis=-1) - log_shrinkage
    return log_likelihood + log_volume + np.log(-np.expm1(log_shrinkage))
