"""Run files damaged at random: each is accepted, or refused in one line that names the file."""

import tomllib

import pytest
from hypothesis import strategies as st

from helpers import damage
from helpers.places import TOY
from nmmjax.cli.engines import build_engine, check_engine
from nmmjax.errors import InputError
from nmmjax.runfile.build import build_posterior, read

GOOD = f"""
[model]
name = "{TOY}:Toy"
settings = {{ scale = 2.0 }}
sm = {{ v_h = 174.0 }}

[priors]
m_psi = {{ log_uniform = [800, 1e5], edge = 0.1 }}
lambda_hs = {{ signed_log = [1e-4, 10.0] }}
x = {{ uniform = [0.1, 0.2] }}
a = {{ normal = [1e-6, 1e-7] }}
phase = 0.3

[target]
constraints = ["m_nu_target", "theta_sq_triplet"]
tail_sigma = 5.0
prefer = {{ mu_nu = {{ above = 1e-12, below = 1e-9, width_dex = 0.5 }} }}

[chart]
kind = "shear"

[engine]
name = "ensemble"
options = {{ ensembles = 4, walkers = 32, thin = 5, block = 10, jump = 0.2 }}

[run]
title = "a"
seed = 7
draws = 40
burn_in = 10
until = {{ rhat = 1.02, ess = 100.0, max_minutes = 1.0 }}
"""
TREE = tomllib.loads(GOOD)
# real models, whose settings have rules of their own
MODELS = (
    {"name": "weak_triplet", "settings": {"generations": 1, "lepton": "e", "rge": False}},
    {"name": "dark_dipole", "settings": {"yukawas": "casas_ibarra", "ordering": "NO"}},
    {"name": "zee", "settings": {}},
    {"name": "su2_horizontal", "settings": {}},
)
ENGINES = ({"name": "ensemble", "options": {"jump": 0.1, "stretch": 0.1}}, {"name": "emcee_"}) * 2
REAL = [
    {"model": model, "target": {"constraints": ["@default"]}, "engine": engine}
    for model, engine in zip(MODELS, ENGINES, strict=True)
]
KEYS = sorted({part for path in [*TREE] for part in (path, *TREE[path])})


def check(path):
    """As `nmmjax check`, short of compiling: None, or the one line of the refusal."""
    try:
        run, _ = read(path)
        posterior = build_posterior(run, str(path))
        check_engine(build_engine(run.engine, str(path)), posterior, str(path))
    except InputError as error:
        return str(error)
    return None


def one_line_naming(path, line):
    assert line.startswith((f"{path}: ", f"cannot read run file '{path}': ")), line
    damage.one_line(line)


trees = st.sampled_from([*REAL, *[TREE] * 76])  # tracing real models takes longer
damaged = st.one_of(
    trees.flatmap(lambda tree: damage.trees(tree, KEYS)).map(damage.toml), damage.texts(GOOD)
)


def refused_or_good(folder, data):
    path = folder / "damaged.toml"
    path.write_bytes(data)
    line = check(path)
    if line is not None:
        one_line_naming(path, line)
    assert list(folder.iterdir()) == [path]


@damage.examples(50, damaged)
def test_damaged_run_files_are_refused_in_one_line(tmp_path_factory, data):
    refused_or_good(_folder(tmp_path_factory), data)


@pytest.mark.slow
@pytest.mark.long
@damage.examples(10_000, damaged)
def test_ten_thousand_damaged_run_files(tmp_path_factory, data):
    refused_or_good(_folder(tmp_path_factory), data)


def _folder(factory):
    folder = factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("[run]", "[run]\nkind = 'box'", "unknown key 'kind' in [run]; it belongs in [chart]"),
        ("kind =", "kindd =", "unknown key 'kindd' in [chart]; did you mean 'kind'?"),
        ("x = {", "x = [1]\ny = {", "'priors.x': a number (fixed) or a table such as {"),
        ("title = \"a\"", f"title = [{'9, ' * 900}]", "'run.title': a text is needed, got [9, 9,"),
        ("walkers = 32", "walkers = 2147483648", r"chains need .* GB .*: \d+ chains fit"),
        (f"{TOY}:Toy", ".:Toy", "'.' is neither the name of a module nor of a .py file"),
        ("title", f"t = {'[' * 10**5}", "not valid TOML: brackets are nested too deeply"),
        ('title = "a"', '"\\u202e" = 1', "unknown key '\\u202e' in [run]"),
        ("[model]", "[modell]", "unknown key 'modell' at the top level; did you mean 'model'?"),
    ],
)  # fmt: skip
def test_particular_damages(tmp_path, old, new, text):
    path = tmp_path / "a.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    line = check(path)
    one_line_naming(path, line)
    assert text in line


def test_the_undamaged_files_are_accepted(tmp_path):
    for tree in (TREE, *REAL):
        path = tmp_path / "a.toml"
        path.write_bytes(damage.toml(tree))
        assert check(path) is None
