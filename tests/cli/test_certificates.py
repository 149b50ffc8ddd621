"""Runs through the command line that must not be certified, or only with the right answer."""

import json

import numpy as np
import pytest
from scipy.special import logsumexp

from nmmjax.cli import run_command

pytestmark = pytest.mark.slow

# ln L = -chi^2 / 2 with chi about 4.4 on a gentle slope, and 0 in a needle 0.02 decades wide.
NEEDLE = """
import jax.numpy as jnp
from nmmjax.target.model import Model, Parameter
from nmmjax.target.priors import LogUniform

class Needle(Model):
    @property
    def parameters(self):
        wide = LogUniform(1e-5, 1e5)
        return (Parameter("a", wide, "", "a", "x"), Parameter("b", wide, "", "b", "y"))

    @property
    def reference(self):
        return {"a": 1.0, "b": 1.0}

    def predict(self, theta):
        x, y = jnp.log10(theta["a"]), jnp.log10(theta["b"])
        slope = 0.022 + 0.0005 * jnp.hypot(x + 3.0, y + 3.0)
        inside = jnp.exp(-0.5 * ((x - 2.0) ** 2 + (y - 2.0) ** 2) / 0.02**2)
        return {"m_nu": 0.05 + slope * (1.0 - inside), "mu_nu": 1e-12 + 0.0 * theta["a"]}
"""
RUN = """
[model]
name = "needle.py:Needle"
[target]
constraints = ["m_nu_target"]
[engine]
name = "NAME"
options = { OPTIONS }
[run]
draws = 200
"""


def summary_of(folder, capsys, name, options):
    (folder / "needle.py").write_text(NEEDLE)
    (folder / "run.toml").write_text(RUN.replace("NAME", name).replace("OPTIONS", options))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_command(["run", "run.toml", "--out", "made"]) == 0
        capsys.readouterr()
        assert run_command(["summary", "made", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def exact_log_z():
    """By quadrature, the square round the needle on a grid of its own; and its share of Z."""

    def integral(low, high, n):
        x = low + (high - low) * (np.arange(n) + 0.5) / n
        x, y = np.meshgrid(x, x)
        slope = 0.022 + 0.0005 * np.hypot(x + 3.0, y + 3.0)
        inside = np.exp(-0.5 * ((x - 2.0) ** 2 + (y - 2.0) ** 2) / 0.02**2)
        pull = slope * (1.0 - inside) / 0.005
        return logsumexp(-0.5 * pull**2) + 2.0 * np.log((high - low) / n / 10.0)

    plain = integral(-5.0, 5.0, 2000)
    box, coarse = integral(1.8, 2.2, 1000), integral(1.8, 2.2, 80)
    total = np.logaddexp(plain + np.log1p(-np.exp(coarse - plain)), box)
    return total, np.exp(box - total)


def test_a_needle_that_some_walkers_found_is_refused(tmp_path, capsys):
    """It holds more than a third of the posterior; the parameters alone look converged."""
    found = summary_of(tmp_path, capsys, "ensemble", "walkers = 64, thin = 10, block = 25")
    assert exact_log_z()[1] > 0.35
    assert not found["converged"]
    assert "ln density" in found["verdict"]


def test_an_evidence_that_was_cut_off_is_refused(tmp_path, capsys):
    options = "repeats = 4, live = 300, delete = 30, inner_steps = 20, efolds = 4"
    found = summary_of(tmp_path, capsys, "nested", options)
    assert abs(found["evidence"]["log_z"] - exact_log_z()[0]) > 5.0 * found["evidence"]["error"]
    assert not found["converged"]
    assert "the option efolds ended it" in found["verdict"]
