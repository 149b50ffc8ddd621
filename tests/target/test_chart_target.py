"""The chart moves draws faster and never the target: box and chart give the same marginals."""

import jax
import numpy as np
import pytest

from helpers.toy_model import Toy
from nmmjax.constraints import library
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

pytestmark = pytest.mark.slow

NAMES = ("b", "a", "x", "m_psi")


def marginals(kind):
    """Logs of the parameters at draws of the toy posterior, name -> (chain, draw)."""
    limits = library.load(["m_nu_target", "theta_sq_triplet"])
    target = Posterior(Toy(), {"phase": 0.3}, limits, chart=kind)
    engine = Ensemble(ensembles=4, walkers=32, thin=60, block=50)
    starts = start.screened(target, jax.random.key(1), engine.chains).positions
    state = engine.init(jax.random.key(2), target.log_density, starts)
    blocks = []
    for _ in range(9):
        state, block = engine.advance(jax.random.key(3), target.log_density, state)
        blocks.append(np.asarray(block.draws))
    stored = target.record(np.concatenate(blocks[1:], axis=1))["posterior"]
    return {name: np.log(stored[name]) for name in NAMES}


@pytest.fixture(scope="module")
def box():
    return marginals("box")


def pulls(one, other):
    """Differences of means and of mean squares over their Monte-Carlo errors."""
    found = []
    for name in NAMES:
        for power in (1, 2):
            a, b = one[name] ** power, other[name] ** power
            error = np.hypot(diagnostics.mcse_mean(a), diagnostics.mcse_mean(b))
            found.append(abs(a.mean() - b.mean()) / error)
    return np.array(found)


@pytest.mark.parametrize("kind", ["auto", "shear"])
def test_box_and_chart_give_the_same_marginals(box, kind):
    assert pulls(marginals(kind), box).max() < 5.0


def test_a_wrong_jacobian_would_be_seen(box):
    """Negative control: draws weighted by one power of the mass scale too many."""
    rng = np.random.default_rng(0)
    weight = np.exp(0.5 * (box["b"] - box["b"].max()))
    flat = rng.choice(box["b"].size, size=box["b"].size, p=(weight / weight.sum()).ravel())
    wrong = {name: values.ravel()[flat].reshape(values.shape) for name, values in box.items()}
    assert pulls(wrong, box).max() > 5.0
