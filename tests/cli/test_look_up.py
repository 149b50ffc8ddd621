"""Commands that need no run: values at points, lists of what there is, help."""

import inspect
import json
import os
import subprocess
import sys

import numpy as np

from helpers.places import TOY
from nmmjax.cli import run_command
from nmmjax.cli.engines import find_engine
from nmmjax.runfile.build import ModelSection, build_model


def test_evaluate_matches_the_reference_file(reference, tmp_path, capsys):
    rows = reference("weak_triplet/model1.json")["rows"][:3]
    names = {"yD": "y_d", "yPsi": "y_psi", "yT": "y_t", "yd": "y_delta", "mPsi": "m_psi"}
    names |= {"Mphi": "m_phi", "vS": "v_s", "lHS": "lambda_hs", "lS": "lambda_s"}
    points = [{ours: float(r["inputs"][theirs]) for theirs, ours in names.items()} for r in rows]
    file = tmp_path / "points.json"
    file.write_text(json.dumps(points[:2]))
    command = ["evaluate", "weak_triplet", "--points", str(file), "--json"]
    made_with = reference("weak_triplet/model1.json")["constants"]
    settings = [
        "y_lepton=2.93e-06",
        "rge=false",
        *(f"sm.{key}={x}" for key, x in made_with.items()),
    ]
    assert run_command(command + [x for pair in settings for x in ("--setting", pair)]) == 0
    found = json.loads(capsys.readouterr().out)
    for row, expected in zip(found, rows, strict=False):
        out = {name: float(value) for name, value in expected["outputs"].items()}
        np.testing.assert_allclose(row["mu_nu"], out["mu_derived_muB"], rtol=1e-12)
        np.testing.assert_allclose(row["m_nu_total"], 1e9 * out["m_nu_total"], rtol=1e-12)
        assert row["problems"] == []


def test_what_samples_nothing_leaves_an_accelerator_alone():
    """JAX would take most of the memory of a device that a run may be using."""
    done = subprocess.run(
        [sys.executable, "-m", "nmmjax", "evaluate", "sm_dirac", "--json"],
        env=os.environ | {"JAX_PLATFORMS": "cuda"},  # which is not there: JAX would refuse
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["problems"] == []


def test_evaluate_outside_the_domain_is_null_with_a_problem(tmp_path, capsys):
    point = {"b": 0.1, "a": 1e-6, "x": 1e-3, "m_psi": 1e3, "lambda_hs": 0.9, "phase": 0.0}
    file = tmp_path / "points.json"
    file.write_text(json.dumps([point, point | {"lambda_hs": 0.1}]))
    assert run_command(["evaluate", f"{TOY}:Toy", "--points", str(file)]) == 0
    outside, inside = json.loads(capsys.readouterr().out)
    assert outside["m_nu"] is None
    assert "stability" in outside["problems"][0]
    assert inside["m_nu"] > 0.0
    assert inside["problems"] == []


def test_list_and_constraint(capsys, tmp_path):
    for what, piece in (
        ("models", "weak_triplet"),
        ("constraints", "xenonnt_2022"),
        ("engines", "ensemble"),
        ("observables", "mu_nu"),
    ):
        assert run_command(["list", what]) == 0
        assert piece in capsys.readouterr().out
        assert run_command(["list", what, piece, "--json"]) == 0
        json.loads(capsys.readouterr().out)
    assert run_command(["list", "models", "weak_triplet"]) == 0
    assert "convention = 'derived'" in capsys.readouterr().out
    assert run_command(["list", "models", f"{TOY}:Toy"]) == 0
    assert "coupling of the moment" in capsys.readouterr().out
    out = tmp_path / "curve.png"
    assert run_command(["constraint", "na64e_2023", "--out", str(out)]) == 0
    assert "arXiv:2307.02404" in capsys.readouterr().out
    assert out.stat().st_size > 10_000


def test_a_line_about_each_model_and_engine_is_that_of_its_class(capsys):
    for what, find in (("models", _model), ("engines", find_engine)):
        assert run_command(["list", what]) == 0
        lines = dict(x.split(maxsplit=1) for x in capsys.readouterr().out.splitlines())
        assert len(lines) > 10
        for name, line in lines.items():
            assert line == inspect.getdoc(find(name)).partition("\n")[0]


def _model(name):
    return type(build_model(ModelSection(name=name), "list"))


def test_without_arguments_the_help_is_all(capsys):
    assert run_command([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: nmmjax" in out
    assert err == ""
