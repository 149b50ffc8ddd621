"""Targets that brute force reaches, against it: it shares nothing with an engine or a chart.

Of quickstart without running 1.57e8 prior draws in the box, weighted by their likelihood (7878
effective ones); constraints are those that the numbers were computed with, rho_0 as of 2024.
Of dark_dipole 1.26e7 (12 187 effective ones), a cell of the scoreboard, which is to be made anew
where the model or its limits change.
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

ROOT = pathlib.Path(__file__).parents[2]
RUN = ROOT / "runs" / "quickstart.toml"
DARK = ROOT / "runs" / "dark_dipole.toml"
CELLS = ROOT / "benchmarks" / "results" / "evidences.jsonl"
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


def evidence_of(posterior):
    """ln Z of every repeat of `importance`."""
    engine = Importance()
    points = start.screened(posterior, jr.key(1), engine.chains).positions
    state, table = engine.init(jr.key(2), posterior, points), {}
    for _ in range(1000):
        state, block = engine.advance(jr.key(3), posterior, state)
        table = block.tables.get("evidence", table)
        if block.done:
            break
    return np.asarray(table["log_z"])


@pytest.mark.slow
def test_importance_has_the_evidence_of_brute_force(posterior):
    log_z = evidence_of(posterior)
    error = np.hypot(LOG_Z_ERROR, np.std(log_z, ddof=1) / np.sqrt(len(log_z)))
    assert error < 0.05
    assert abs(log_z.mean() - LOG_Z) < 4.0 * error


@pytest.fixture(scope="module")
def of_dark_dipole():
    """Figures of the brute force, and the labels of what they are of."""
    cells = [json.loads(line) for line in CELLS.read_text().splitlines()[1:]]
    wanted = ("dark_dipole", "brute force")
    (cell,) = [c for c in cells if (c["target"], c["sampler"]) == wanted]
    return cell["figures"] | {"labels": cell["labels"]}


@pytest.fixture(scope="module")
def dark_dipole():
    return build.build_posterior(build.read(DARK)[0], str(DARK))


@pytest.mark.slow
def test_the_ensemble_has_every_mean_of_brute_force_on_dark_dipole(dark_dipole, of_dark_dipole):
    engine = Ensemble(ensembles=4, walkers=64, thin=40, block=200)
    points = start.screened(dark_dipole, jr.key(1), engine.chains).positions
    state = engine.init(jr.key(2), dark_dipole, points)
    state, _ = engine.advance(jr.key(3), dark_dipole, state)
    state, block = engine.advance(jr.key(3), dark_dipole, state)
    values = prior_coordinates(dark_dipole, np.asarray(block.draws))
    assert tuple(of_dark_dipole["labels"]) == dark_dipole.chart.labels
    for i, name in enumerate(dark_dipole.chart.labels):
        x = values[..., i]
        assert diagnostics.rhat(x, engine.groups) < 1.01
        error = np.hypot(of_dark_dipole["mean_error"][i], diagnostics.mcse_mean(x))
        assert error < 0.05 * of_dark_dipole["sd"][i]
        assert abs(x.mean() - of_dark_dipole["mean"][i]) < 4.0 * error, name


@pytest.mark.slow
@pytest.mark.long
def test_importance_has_the_evidence_of_brute_force_on_dark_dipole(dark_dipole, of_dark_dipole):
    log_z = evidence_of(dark_dipole)
    spread = np.std(log_z, ddof=1) / np.sqrt(len(log_z))
    error = np.hypot(of_dark_dipole["log_z_error"], spread)
    assert error < 0.05
    assert abs(log_z.mean() - of_dark_dipole["log_z"]) < 4.0 * error
