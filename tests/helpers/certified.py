"""The rule of trust asked about arrays, without a run directory."""

import numpy as np

from nmmjax.results import trust, verdict
from nmmjax.samplers import convergence


def certified(draws, groups, rhat=trust.RHAT, ess=trust.ESS, lp=None):
    """Whether (chain, draw, dim) draws, and their log density if given, pass every threshold."""
    by_name = {f"z{i}": draws[..., i] for i in range(draws.shape[-1])}
    by_name |= {} if lp is None else {"ln density": np.asarray(lp)}
    found = convergence.convergence(by_name, np.asarray(groups))
    return passes(found, rhat, ess)


def passes(found, rhat=trust.RHAT, ess=trust.ESS):
    """Whether the figures of quantities that are all sampled pass every threshold."""
    return all(c.sound for c in verdict.findings(found, len(found.names), ess, rhat))
