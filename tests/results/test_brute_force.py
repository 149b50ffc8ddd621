"""The quickstart target without running against brute force, which shares nothing with an engine.

1.57e8 prior draws in the box, weighted by their likelihood (7878 effective ones): no chart, no
walkers, no start. Constraints are those that the numbers were computed with, rho_0 as of 2024.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from nmmjax.runfile import build
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.engines.importance import Importance
from nmmjax.target import start

RUN = pathlib.Path(__file__).parents[2] / "runs" / "quickstart.toml"
LOG_Z, LOG_Z_ERROR = -11.931, 0.011
LN_Y_D, LN_Y_D_ERROR = -30.166, 0.027
LIMITS = ("m_nu_target xenonnt_2022 theta_sq_triplet rho0_2024 typeIII_atlas perturbative").split()
RHO0 = """
[rho0_2024]
observable = "rho0"
type = "gaussian"
value = 1.00031
sigma = 0.00019
units = "1"
year = 2024
reference = "PDG 2024, electroweak review"
verified = "the numbers of the brute force; the library holds those of 2025"
"""


@pytest.fixture
def posterior(tmp_path):
    file = tmp_path / "rho0.toml"
    file.write_text(RHO0)
    changes = ["model.settings.rge=false", f"target.constraints={json.dumps(LIMITS)}"]
    changes += [f'target.constraint_files=["{file}"]']
    return build.build_posterior(build.read(RUN, changes)[0], str(RUN))


def prior_coordinates(posterior, z):
    flat = jax.jit(jax.vmap(posterior.chart.coordinates))(jnp.asarray(z.reshape(-1, z.shape[-1])))
    return np.asarray(flat).reshape(z.shape)


@pytest.mark.slow
def test_the_ensemble_has_the_mean_of_brute_force(posterior):
    engine = Ensemble(ensembles=4, walkers=64, thin=50, block=100)
    points = start.screened(posterior, jr.key(1), engine.chains).positions
    state = engine.init(jr.key(2), posterior, points)
    state, _ = engine.advance(jr.key(3), posterior, state)
    state, block = engine.advance(jr.key(3), posterior, state)
    y_d = prior_coordinates(posterior, np.asarray(block.draws))[..., posterior.chart.index("y_d")]
    assert diagnostics.rhat(y_d, engine.groups) < 1.01
    error = np.hypot(LN_Y_D_ERROR, diagnostics.mcse_mean(y_d))
    assert error < 0.04
    assert abs(y_d.mean() - LN_Y_D) < 4.0 * error


@pytest.mark.slow
def test_importance_has_the_evidence_of_brute_force(posterior):
    engine = Importance()
    points = start.screened(posterior, jr.key(1), engine.chains).positions
    state, table = engine.init(jr.key(2), posterior, points), {}
    for _ in range(1000):
        state, block = engine.advance(jr.key(3), posterior, state)
        table = block.tables.get("evidence", table)
        if block.done:
            break
    log_z = np.asarray(table["log_z"])  # one per repeat
    error = np.hypot(LOG_Z_ERROR, np.std(log_z, ddof=1) / np.sqrt(len(log_z)))
    assert error < 0.05
    assert abs(log_z.mean() - LOG_Z) < 4.0 * error
