"""Draws of several estimates of the same ln Z as one sample: each counts in proportion to its Z."""

import numpy as np


def shares(log_z: np.ndarray) -> np.ndarray:
    """(ensemble,) Z_e / sum Z of each ensemble."""
    z = np.exp(log_z - np.max(log_z))
    return z / z.sum()


def kept(share: np.ndarray, ensemble: np.ndarray, draws: int) -> np.ndarray:
    """(chain * draw,) numbers of the draws that count, as many as there are in all.

    share     (ensemble,) of sum 1
    ensemble  (chain,) labels 0, 1, ...

    Each ensemble gets its share, rounded by systematic allocation; within it draws are taken at
    equal distances, all of them before any is taken twice.
    """
    total = len(ensemble) * draws
    ends = np.floor(np.cumsum(share) * total + 0.5).astype(int)
    ends[-1] = total
    found = []
    for e, count in enumerate(np.diff(ends, prepend=0)):
        pool = (np.flatnonzero(ensemble == e)[:, None] * draws + np.arange(draws)).ravel()
        found.append(pool[((np.arange(count) + 0.5) * len(pool) / max(count, 1)).astype(int)])
    return np.concatenate(found)


def with_agreement(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows `evidence` of several shards: what was said about the rows of each is said of all.

    log_z_error  the larger of log_z_within and the spread over all rows
    repeats_p    chi-square: do all rows agree within log_z_within?
    ess          times (sum Z)^2 / (n sum Z^2), for draws that count by evidence
    """
    if not {"log_z", "log_z_within"} <= table.keys():
        return table
    log_z, within = table["log_z"], table["log_z_within"]
    spread = np.std(log_z, ddof=1) if len(log_z) > 1 else 0.0
    found = table | {"log_z_error": np.maximum(within, spread)}
    if len(log_z) > 1 and np.all(within > 0.0):
        weight = within**-2.0
        mean = np.sum(weight * log_z) / np.sum(weight)
        from scipy.special import chdtrc  # heavy: where it is needed

        p = chdtrc(len(log_z) - 1, np.sum(weight * (log_z - mean) ** 2))
        found["repeats_p"] = np.full(len(log_z), p)
    if "ess" in table:
        share = shares(log_z)
        found["ess"] = table["ess"] / (len(share) * np.sum(share**2))
    return found
