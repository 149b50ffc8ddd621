"""Runs that nothing constrains: the prior, what it implies for m_nu and mu_nu, and ln Z."""

import json
import math

import h5py
import numpy as np
import pytest
from scipy import stats

from helpers.places import TOY
from nmmjax.cli import run_command
from nmmjax.samplers import diagnostics

pytestmark = pytest.mark.usefixtures("without_figures")

RUN = f"""
[model]
name = "{TOY}:Toy"
[target]
constraints = []
[engine]
name = "NAME"
options = OPTIONS
[run]
draws = 200
"""
OPTIONS = {
    "ensemble": "{ walkers = 16, thin = 20 }",
    "emcee_": "{ walkers = 16, thin = 10 }",
    "smc": "{ repeats = 4, particles = 2000 }",
    "nested": "{ repeats = 4, live = 1000, delete = 100 }",
    "importance": "{ repeats = 4, samples = 20000 }",
}
INSIDE = 0.5 + 0.5 * math.asinh(500.0) / math.asinh(1000.0)  # share of the prior in the domain


def ran(folder, capsys, name, *more):
    path = folder / f"{name}.toml"
    path.write_text(RUN.replace("NAME", name).replace("OPTIONS", OPTIONS[name]))
    assert run_command(["run", str(path), *more]) == 0
    words = " ".join((folder / "chains" / name / "summary.txt").read_text().split())
    capsys.readouterr()
    assert run_command(["summary", str(folder / "chains" / name), "--json"]) == 0
    return words, json.loads(capsys.readouterr().out), folder / "chains" / name / "chains.h5"


def moment_law():
    """ln mu_nu = ln b - 2 ln M + const: the sum of two uniform numbers has a trapezoid law."""
    low = math.log(1e-6) - 2.0 * math.log(1e4) + math.log(1e-3)
    short, long = sorted((math.log(1e6), 2.0 * math.log(1e2)))
    width = short + long
    return stats.trapezoid(short / width, long / width, loc=low, scale=width)


LAWS = {
    "b": stats.loguniform(1e-6, 1.0).cdf,
    "a": stats.loguniform(1e-12, 1e-2).cdf,
    "m_psi": stats.loguniform(1e2, 1e4).cdf,
    "phase": stats.uniform(-math.pi, 2.0 * math.pi).cdf,
    "mu_nu": lambda x: moment_law().cdf(np.log(x)),
}


def p_value(values, law):
    """Kolmogorov-Smirnov, the draws counted by their effective number."""
    worth = min(diagnostics.ess_bulk(values), values.size)
    distance = stats.kstest(values.ravel(), law).statistic
    return stats.kstwobign.sf(distance * math.sqrt(worth))


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_draws_follow_the_prior_and_what_it_implies(name, tmp_path, capsys):
    words, found, chains = ran(tmp_path, capsys, name)
    assert "prior only: no constraint, no wish" in words
    with h5py.File(chains) as file:
        for quantity, law in LAWS.items():
            assert p_value(file[f"posterior/{quantity}"][...], law) > 1e-3, quantity
        shifted = file["posterior/b"][...] ** 1.3  # negative control
        assert p_value(shifted, LAWS["b"]) < 1e-3
        assert "log_likelihood" not in file
        assert np.all(file["target/allowed"][...] == 1)
    if name in ("smc", "nested", "importance"):
        evidence = found["evidence"]
        assert abs(evidence["log_z"] - math.log(INSIDE)) < 5.0 * max(evidence["error"], 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("more", [["run.draws=1"], ["target.constraints=['m_nu_target']"]])
def test_one_draw_and_one_constraint_work(more, tmp_path, capsys):
    arguments = [part for text in more for part in ("--set", text)]
    words, found, _ = ran(tmp_path, capsys, "ensemble", *arguments)
    assert "Verdict:" in words
    assert found["draws"] >= 1


@pytest.mark.slow
def test_one_parameter_works(tmp_path, capsys):
    fixed = {"a": 1e-6, "x": 1e-3, "lambda_hs": 0.1, "phase": 0.3, "m_psi": 1e3}
    arguments = [part for p, x in fixed.items() for part in ("--set", f"priors.{p}={x}")]
    for name in ("ensemble", "smc"):
        _, found, chains = ran(tmp_path, capsys, name, *arguments)
        assert [row["name"] for row in found["parameters"]] == ["b"]
        with h5py.File(chains) as file:
            assert p_value(file["posterior/b"][...], LAWS["b"]) > 1e-3
