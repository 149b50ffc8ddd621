"""Run files damaged at random: each is accepted, or refused in one line that names the file."""

import copy
import tomllib

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
ENGINES = ({"name": "ensemble", "options": {"jump": 0.1, "stretch": 0.1}}, {"name": "emcee_"})
REAL = [
    {"model": model, "target": {"constraints": ["@default"]}, "engine": engine}
    for model in MODELS
    for engine in ENGINES
]
KEYS = sorted({part for path in [*TREE] for part in (path, *TREE[path])})
NAMES = (
    "weak_triplet", "dark_dipole", "sm_dirac", "nuts", "ensemble", "emcee_", "base", "driver",
    "@default", "@astro", "xenonnt_2022", "katrin_2025", "mu_e_gamma_meg2_2025", "rho0", "m_W",
    "numpy:ndarray", "nmmjax.model:Model", "no.such:Thing", ":", "x:", ":x", ".x:Y", "..:Y",
    "a.py:B",
    f"{TOY}:", f"{TOY}:Path", f"{TOY.parent}:Toy", "auto", "box", "inf", "nan", "true", "", " ",
    "\0", "\0:x", "a\nb", "é", "\N{GREEK SMALL LETTER MU}", "x" * 5000, "../" * 50, "%s{0}",
)  # fmt: skip

scalars = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**6, 2**31, 2**63 - 1, -(2**63), 10**30]),
    st.floats(),
    st.sampled_from([0.0, -1.0, 1e-320, 1e308, 1e-12, 0.5]),
    st.text(max_size=8),
    st.sampled_from(NAMES),
    st.dates(),
)
words = st.one_of(st.sampled_from(KEYS), st.sampled_from(NAMES), st.text(max_size=6))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


def places(tree, path=()):
    """Every key of a tree, as a path."""
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


@st.composite
def trees(draw):
    """A good file with one to three keys removed, renamed, replaced, added or moved."""
    real = draw(st.integers(0, 19)) == 0  # tracing them takes longer
    tree = copy.deepcopy(draw(st.sampled_from(REAL)) if real else TREE)
    for _ in range(draw(st.integers(1, 3))):
        paths = sorted(places(tree), key=repr)
        if not paths:
            break
        *above, key = draw(st.sampled_from(paths))
        node = tree
        for part in above:
            node = node[part]
        match draw(st.sampled_from(["remove", "rename", "replace", "add", "item", "move"])):
            case "remove":
                del node[key]
            case "rename":
                at = draw(st.integers(0, len(key)))
                node[draw(st.one_of(words, st.just(key[:at] + "x" + key[at:])))] = node.pop(key)
            case "replace":
                node[key] = draw(values)
            case "add":
                node[draw(words)] = draw(values)
            case "item":
                old = node[key] if isinstance(node[key], list) else [node[key]]
                node[key] = [*old, draw(values)]
            case "move":
                tree[key] = node.pop(key)
    return tree


@st.composite
def texts(draw):
    """The good text cut, spliced, repeated or in another encoding, as bytes."""
    text = GOOD
    data = text.encode()
    at = draw(st.integers(0, len(data)))
    match draw(st.sampled_from(["cut", "splice", "encode", "repeat", "flip", "nest", "line"])):
        case "cut":
            return data[:at]
        case "splice":
            return data[:at] + draw(st.binary(min_size=1, max_size=6)) + data[at:]
        case "encode":
            return text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "cp500"])))
        case "repeat":
            return data * draw(st.sampled_from([2, 100]))
        case "flip":
            return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        case "nest":
            depth = draw(st.sampled_from([10, 2000, 50_000]))
            return data + f"x = {'[' * depth}{']' * depth}\n".encode()
        case _:
            lines = text.splitlines()
            i = draw(st.integers(0, len(lines) - 1))
            return "\n".join([*lines[:i], draw(st.text(max_size=20)), *lines[i:]]).encode(
                "utf-8", "surrogatepass"
            )


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
    assert len(line.splitlines()) == 1, line
    assert len(line) < 1000, line
    assert line.isprintable(), line


def bytes_of(tree):
    try:
        return tomli_w.dumps(tree).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError):
        return b"[model]\n"


damaged = st.one_of(trees().map(bytes_of), texts())
QUIET = list(HealthCheck)


def examples(count):
    def decorate(test):
        return settings(max_examples=count, deadline=None, suppress_health_check=QUIET)(
            given(data=damaged)(test)
        )

    return decorate


def refused_or_good(folder, data):
    path = folder / "damaged.toml"
    path.write_bytes(data)
    line = check(path)
    if line is not None:
        one_line_naming(path, line)
    assert list(folder.iterdir()) == [path]


@examples(300)
def test_damaged_run_files_are_refused_in_one_line(tmp_path_factory, data):
    refused_or_good(_folder(tmp_path_factory), data)


@pytest.mark.slow
@examples(10_000)
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
        ("walkers = 32", "walkers = 2147483648", "chains need"),
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
        path.write_bytes(bytes_of(tree))
        assert check(path) is None
