"""Run files: what a good one builds and what a bad one is told."""

import pytest

from helpers.places import ROOT
from nmmjax import textfile
from nmmjax.errors import InputError
from nmmjax.runfile import build as runfile
from nmmjax.target.priors import LogUniform

GOOD = """
[model]
name = "weak_triplet"
settings = { lepton = "mu" }
sm = { v_h = 174.0 }

[priors]
m_psi = { log_uniform = [800, 1e5], edge = 0.1 }
lambda_s = 0.1

[target]
constraints = ["m_nu_target", "xenonnt_2022"]
prefer = { mu_nu = { above = 1e-12 } }

[engine]
options = { walkers = 32 }

[run]
seed = 7
until = { rhat = 1.02 }
"""


def written(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text)
    return path


def build(path):
    run, _ = runfile.read(path)
    return runfile.build_posterior(run, str(path))


def test_a_good_file_builds_what_it_says(tmp_path):
    path = written(tmp_path, GOOD)
    run, text = runfile.read(path, ["run.draws=10", "priors.lambda_s=0.2"])
    assert text == GOOD
    assert (run.run.seed, run.run.draws, run.run.burn_in, run.run.until.rhat) == (7, 10, None, 1.02)
    target = runfile.build_posterior(run, str(path))
    assert target.model.sm.v_h == 174.0
    assert target.model.lepton == "mu"
    priors = dict(target.chart.priors)
    assert priors["m_psi"] == LogUniform(800.0, 1e5, edge=0.1)
    assert dict(target.chart.fixed) == {"lambda_s": 0.2}
    assert [c.name for c in target.constraints] == ["m_nu_target", "xenonnt_2022"]
    assert [w.name for w in target.prefer] == ["prefer_mu_nu"]


def test_resolved_tree_names_every_default_and_shows_differences(tmp_path):
    path = written(tmp_path, GOOD)
    trees = []
    for override in ([], ["model.sm.v_h=174.5", "run.draws=9"]):
        run, _ = runfile.read(path, override)
        target = runfile.build_posterior(run, str(path))
        trees.append(runfile.resolved(run, target, {"name": "ensemble", "walkers": 32}, 75))
    physics = trees[0]["physics"]
    assert physics["model"]["settings"]["generations"] == 1
    assert set(physics["priors"]) == {p.name for p in target.model.parameters}
    assert textfile.differences(trees[0]["physics"], trees[1]["physics"]) == [
        "constants.v_h: 174.0 -> 174.5"
    ]
    assert textfile.differences(trees[0]["stop"], trees[1]["stop"]) == ["draws: 500 -> 9"]


@pytest.mark.parametrize("path", sorted((ROOT / "runs").glob("*.toml")), ids=lambda p: p.stem)
def test_every_run_file_of_the_project_builds(path):
    run, _ = runfile.read(path)
    assert runfile.build_posterior(run, str(path)).dim > 0


BAD = [
    ("name = \"weak_triplet\"", "name = \"weak_triplett\"",
     r"a.toml: \[model\] name: 'weak_triplett' is not a known model; did you mean 'weak_triplet'"),
    ('lepton = "mu"', 'leptn = "mu"',
     r"\[model\] settings.leptn: not a setting of weak_triplet; did you mean 'lepton'"),
    ('lepton = "mu"', 'lepton = "muon"',
     r"\[model\] settings: lepton = 'muon' given; it is 'e', 'mu' or 'tau'"),
    ('lepton = "mu"', 'n_psi = 2, generations = 3',
     r"generations = 3 given; it is 1 \(three generations are the model weak_triplet3\)"),
    ('lepton = "mu"', "rge = 1", r"\[model\] settings: rge = 1 given; it is true or false"),
    ("v_h = 174.0", "v_hh = 174.0", r"\[model\] sm: 'v_hh' is not a constant; did you mean 'v_h'"),
    ("v_h = 174.0", 'v_h = "x"', r"'model.sm.v_h': a number is needed, got 'x'"),
    ("[engine]", "[engin]", r"unknown key 'engin' at the top level; did you mean 'engine'"),
    ("seed = 7", "sed = 7", r"unknown key 'sed' in \[run\]; did you mean 'seed'"),
    ("seed = 7", 'seed = "x"', r"'run.seed': a whole number is needed, got 'x'"),
    ("seed = 7", "seed = -1", r"'run.seed': a number >= 0 is needed, got -1"),
    ("rhat = 1.02", "rhat = 0.9", r"'run.until.rhat': a number > 1 is needed, got 0.9"),
    ("rhat = 1.02", "r_hat = 1.1", r"unknown key 'r_hat' in \[run.until\]; did you mean 'rhat'"),
    ("m_psi =", "m_pis =", r"\[priors\] m_pis: not a parameter of weak_triplet; did you mean"),
    ("[800, 1e5]", "[0, 1e5]", r"\[priors\] m_psi: log_uniform bounds must be > 0, got \[0, 1"),
    ("[800, 1e5]", "[1e5, 800]", r"\[priors\] m_psi: low must be below high"),
    ("[800, 1e5]", "[800]",
     r"'priors.m_psi.log_uniform': a list of 2 numbers is needed, got \[800\]"),
    ("[800, 1e5]", '"wide"', r"'priors.m_psi.log_uniform': a list is needed, got 'wide'"),
    ("edge = 0.1", "edg = 0.1", r"unknown key 'edg' in \[priors.m_psi\]; did you mean 'edge'"),
    ("edge = 0.1", "uniform = [1, 2]", r"\[priors\] m_psi: .*exactly one of"),
    ("lambda_s = 0.1", "lambda_s = true",
     r"'priors.lambda_s': a number \(fixed\) or a table .*got true"),
    ("xenonnt_2022", "xenonnt_2202",
     r"\[target\] constraints: .*'xenonnt_2202'.*did you mean 'xenonnt_2022'"),
    ("xenonnt_2022", "mu_e_gamma_meg2_2025", r"\[target\] constraints: constraint "
     "'mu_e_gamma_meg2_2025' needs observable 'br_mu_e_gamma', which the model does not return"),
    ("above = 1e-12", "abov = 1e-12",
     r"unknown key 'abov' in \[target.prefer.mu_nu\]; did you mean 'above'"),
    ("prefer = { mu_nu", "prefer = { mu_nuu", r"mu_nuu"),
    ("[model]", "model = ", r"a.toml: not valid TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "text"), BAD, ids=[new for _, new, _ in BAD])
def test_bad_input_is_refused_in_one_line_that_names_file_and_key(tmp_path, old, new, text):
    assert GOOD.count(old) == 1
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(InputError, match=text) as caught:
        build(path)
    assert str(path) in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("run.sed=1", "unknown key 'sed'"),
        ("run", "--set takes path.in.runfile=value"),
        ("run.seed.x=1", "'seed' is a value in the run file, not a table"),
    ],
)
def test_bad_overrides(tmp_path, override, text):
    with pytest.raises(InputError, match=text):
        runfile.read(written(tmp_path, GOOD), [override])


def test_missing_file_and_foreign_bytes(tmp_path):
    with pytest.raises(InputError, match=r"cannot read run file .*No such file"):
        runfile.read(tmp_path / "none.toml")
    path = tmp_path / "b.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        runfile.read(path)
    with pytest.raises(InputError, match="Is a directory"):
        runfile.read(tmp_path)


def test_plugin_model_from_a_file_outside_the_package(tmp_path):
    toy = ROOT / "tests" / "helpers" / "toy_model.py"
    path = written(tmp_path, f'[model]\nname = "{toy}:Toy"\n[priors]\nx = 0.1\n')
    run, _ = runfile.read(path)
    assert runfile.build_posterior(run, str(path)).dim == 6
    bad = written(tmp_path, f'[model]\nname = "{toy}:Toyy"\n')
    run, _ = runfile.read(bad)
    with pytest.raises(InputError, match="has no model 'Toyy'; did you mean 'Toy'"):
        runfile.build_posterior(run, str(bad))
