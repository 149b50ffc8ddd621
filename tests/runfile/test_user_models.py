"""Models and engines of a user's own: each fault is told in one line with its file and line."""

import textwrap

import h5py
import pytest

from nmmjax.cli import run_command
from nmmjax.cli.engines import build_engine, check_engine
from nmmjax.errors import InputError
from nmmjax.runfile.build import build_posterior, read

HEAD = """\
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from nmmjax.target.model import Model, Parameter, Ratio, Rescaling
from nmmjax.target.priors import LogUniform, Uniform


class Toy(Model):
    @property
    def parameters(self):
        return (
            Parameter("x", Uniform(0.0, 1.0), "", "x", "x"),
            Parameter("y", Uniform(-1.0, 1.0), "", "y", "y"),
        )

    @property
    def reference(self):
        return {"x": 0.3, "y": 0.1}

    def predict(self, theta):
        x, y = theta["x"], theta["y"]
        return {"obs": x + y, "one": 1.0}
"""
LIMITS = """
[obs_gauss]
observable = "obs"
type = "gaussian"
value = 0.5
sigma = 0.05
units = "1"
year = 2024
reference = "toy"
verified = "toy"
"""
RUN = """
[model]
name = "toy.py:Toy"

[target]
constraint_files = ["limits.toml"]
constraints = ["obs_gauss"]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "limits.toml").write_text(LIMITS)
    (tmp_path / "a.toml").write_text(RUN)
    (tmp_path / "toy.py").write_text(HEAD)
    return tmp_path


def built(folder, *overrides):
    path = folder / "a.toml"
    run, _ = read(path, overrides)
    posterior = build_posterior(run, str(path))
    check_engine(build_engine(run.engine, str(path)), posterior, str(path))
    return posterior


def refusal(folder, *overrides):
    with pytest.raises(InputError) as caught:
        built(folder, *overrides)
    line = str(caught.value)
    assert line.startswith(f"{folder / 'a.toml'}: ")
    assert line.isprintable()
    return line


def test_a_model_without_a_mass_is_sampled_without_its_tuning(folder, monkeypatch):
    monkeypatch.chdir("/")  # the plug-in lies beside the run file
    posterior = built(folder)
    assert set(posterior.variables()) == {"x", "y", "obs", "one"}
    assert built(folder, "model.name=toy.py").dim == posterior.dim == 2


# (old text, new text, line of the fault, what is said of it)
FAULTS = [
    ('Parameter("y"', 'Parameter("x"', 10, "two parameters have the name 'x'"),
    ('Parameter("y"', 'Parameter("y z"', 10, "'y z' is not a name of letters"),
    ('Parameter("y"', 'Parameter("chain"', 10, "the name 'chain' is taken by nmmjax"),
    ("Uniform(-1.0, 1.0)", "Uniform(1.0, -1.0)", 13, "low must be below high"),
    ("    @property\n    def parameters",
     "    @property\n    def planes(self): return 1,\n\n    @property\n    def parameters", 10,
     "planes must be a tuple of Plane"),
    ("    @property\n    def parameters", "    def parameters", 9, "must be a property"),
    ("        return (\n", "        1 / 0\n        return (\n", 11, "ZeroDivisionError: division"),
    ('{"x": 0.3, "y": 0.1}', '{"x": 0.3}', 17, "reference lacks y"),
    ('{"x": 0.3, "y": 0.1}', '{"x": 0.3, "y": 0.1, "z": 1}', 17, "'z', which is no parameter"),
    ('{"x": 0.3, "y": 0.1}', '{"x": 3.0, "y": 0.1}', 17, "outside the prior of 'x' (3)"),
    ('{"x": 0.3, "y": 0.1}', '{"x": "a", "y": 0.1}', 17, "'x' must be a finite number"),
    ('{"x": 0.3, "y": 0.1}', "[0.3, 0.1]", 17, "must be a dict of parameters, got a list"),
    ('theta["y"]\n', 'theta["y"]\n        if x > 0: y = x\n', 22, "jnp.where(condition, a, b)"),
    ('theta["y"]\n', 'theta["y"]\n        y = np.sin(x)\n', 22, "use jnp in place of math and np"),
    ('theta["y"]\n', 'theta["y"]\n        x = float(y)\n', 22, "use jnp in place of math and np"),
    ('theta["y"]\n', 'theta["z"]\n', 21, "there is no parameter 'z'"),
    ('theta["y"]\n', 'theta["y"]\n        raise OSError("a\\nb")\n', 22, "OSError: a"),
    ("        return {\"obs\"", "        {\"obs\"", 20, "got None: a `return` is missing"),
    ("        return {\"obs\"", "        return 3, {\"obs\"", 20, "got a tuple"),
    ('"one": 1.0', '"one": None', 20, "observable 'one' must be a number or an array, got None"),
    ('"one": 1.0', '"one": "a"', 20, "observable 'one' must be a number or an array, got a str"),
    ('"one": 1.0', '"one": {}', 20, "observable 'one' must be a number or an array, got a dict"),
    ('"one": 1.0', '"one": x + 1j * y', 20, "observable 'one' is complex"),
    ('"one": 1.0', '"y": x', 20, "observable 'y' has the name of a parameter"),
    ('"one": 1.0', '"a-b": x', 20, "observable 'a-b' is not a name"),
    ('"one": 1.0', '"tuning_bg": x', 20, "the name 'tuning_bg' is taken"),
    ('"one": 1.0', "1: x", 20, "observable 1 is not a name"),
    ('"one": 1.0', '"one": jnp.log(-x)', 17, "values that are not finite: one"),
    ('"obs": x + y', '"obs": jnp.stack([x, y])', 20, "'obs' is an array of shape (2,), but"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "text"), FAULTS, ids=[f[3] for f in FAULTS])
def test_a_fault_is_told_with_its_line(folder, old, new, line, text):
    assert HEAD.count(old) == 1
    (folder / "toy.py").write_text(HEAD.replace(old, new))
    said = refusal(folder)
    assert f"{folder / 'toy.py'}, line {line}: " in said
    assert text in said


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ("name=3", "parameter 3 is not a name"),
        ("prior=0.5", "the prior of 'y' must be one of nmmjax.target.priors"),
        ("latex=None", "the latex of 'y' must be a text"),
    ],
)
def test_parameters_of_wrong_types(folder, changes, text):
    # as they are made where no type is checked
    made = f"p = object.__new__(Parameter)\n        p.__dict__.update(GOOD, {changes})\n"
    good = "dict(name='y', prior=Uniform(-1.0, 1.0), unit='', latex='y', description='')"
    source = HEAD.replace("        return (\n", f"        {made}        return (\n            p,\n")
    source = source.replace('            Parameter("y", Uniform(-1.0, 1.0), "", "y", "y"),\n', "")
    (folder / "toy.py").write_text(source.replace("GOOD", good))
    said = refusal(folder)
    assert f"{folder / 'toy.py'}, line 10: {text}" in said


MEMBERS = [
    ("def domain(self, theta):\n    return {'a': theta['x'] - 0.9}", 17, "outside the domain"),
    ("def domain(self, theta):\n    theta['x']", 24, "domain must return a dict"),
    ("def domain(self, theta):\n    return {'a': jnp.ones(2)}", 24, "margin 'a' has shape (2,)"),
    ("def domain(self, theta):\n    return {'a': theta['q']}", 25, "no parameter 'q'"),
    ("@property\ndef mass_terms(self):\n    return ('m',)", 25, "mass_terms has 'm'"),
    (
        "@property\ndef rescaling(self):\n    return Rescaling('obs', (('z', 1.0),))",
        25,
        "rescaling has 'z'",
    ),
    ("@property\ndef ratios(self):\n    return (Ratio('x', ('a',), ()),)", 25, "ratios has 'a'"),
]


@pytest.mark.parametrize(("member", "line", "text"), MEMBERS, ids=[m[2] for m in MEMBERS])
def test_optional_members_are_checked_as_well(folder, member, line, text):
    (folder / "toy.py").write_text(HEAD + "\n" + textwrap.indent(member, "    ") + "\n")
    said = refusal(folder)
    assert f"{folder / 'toy.py'}, line {line}: " in said
    assert text in said


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import not_there\n", "toy.py, line 1: there is no module 'not_there'"),
        ("import limits2\n", r"there is no module 'limits2'; .*beside it set PYTHONPATH=/"),
        ("from nmmjax.model import Model\n", "line 1: .*it is nmmjax.target.model"),
        ("import nmmjax.likelihoods\n", "line 1: .*it is nmmjax.constraints.base"),
        ("from nmmjax.constraints import load\n", "'load'.*it is in nmmjax.constraints.library"),
        ("def f(:\n", "toy.py, line 1: this is no Python: "),
        ("\nimport sys\nsys.exit(0)\n", "toy.py, line 3: it ends the program"),
        ("x = 1\nraise ValueError('a')\n", "toy.py, line 2: ValueError: a"),
        ("", "has no model 'Toy'; there is: none"),
        ("Toy = 3\n", "has no model 'Toy'"),
        ("class Toy:\n    pass\n", "toy.py, line 1: 'Toy' is no model: it is no Model"),
        (HEAD.replace("def predict", "def predicts"),
         "toy.py, line 8: Toy is abstract: it does not define predict"),
        (HEAD + "\n    def __init__(self, sm):\n        raise RuntimeError\n", "line 25: R"),
        ("x = '\xe9'\n".encode("latin-1"), "cannot read plug-in '.*': line 1 is not UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_gives_no_model(folder, source, text):
    data = source if isinstance(source, bytes) else source.encode()
    (folder / "toy.py").write_bytes(data)
    (folder / "limits2.py").write_text("")
    with pytest.raises(InputError, match=text):
        built(folder)


def test_a_file_without_a_class_must_hold_one_model(folder):
    (folder / "toy.py").write_text(HEAD + "\n\nclass Other(Toy):\n    pass\n")
    said = refusal(folder, "model.name=toy.py")
    assert "holds more than one model: write 'toy.py:Other' or 'toy.py:Toy'" in said
    (folder / "toy.py").write_text("")
    assert "'toy.py' holds no model" in refusal(folder, "model.name=toy.py")
    assert "write module:Class" in refusal(folder, "model.name=some.module")


ENGINE = """\
import jax
from nmmjax.samplers.base import AbstractEngine, Block


class Mine(AbstractEngine):
    size: int = 4

    @property
    def chains(self):
        return self.size

    @property
    def groups(self):
        return 0 * super().groups

    def init(self, key, target, starts):
        return starts

    def advance(self, key, target, state):
        return state, Block(state[:, None], {"lp": jax.vmap(target)(state)[:, None]})
"""


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("def advance", "def advances", "line 5: 'Mine' is no engine: it does not define advance"),
        ("def chains", "def chain", "line 5: 'Mine' is no engine: it does not define chains"),
        ("0 * super().groups", "[0]", "mine.py, line 13: groups must be 4 whole numbers"),
        ("return self.size", "return 'a'", "mine.py, line 9: chains must be a whole number >= 1"),
        ("return starts", "return starts[7]['a']", "mine.py, line 17: "),
        ("(AbstractEngine)", "", "line 5: 'Mine' is no engine: it is no subclass of nmmjax.sampl"),
    ],
)
def test_an_engine_of_ones_own(folder, old, new, text):
    (folder / "mine.py").write_text(ENGINE)
    built(folder, "engine.name=mine.py:Mine")
    assert ENGINE.count(old) == 1
    (folder / "mine.py").write_text(ENGINE.replace(old, new))
    assert text in refusal(folder, "engine.name=mine.py:Mine")


@pytest.mark.slow
@pytest.mark.usefixtures("without_figures")
def test_a_run_with_an_engine_of_ones_own(folder, capsys):
    """Chains that stand still: stored as they are, continued, and never certified."""
    (folder / "mine.py").write_text(ENGINE)
    command = ["run", str(folder / "a.toml"), "--set", "engine.name=mine.py:Mine"]
    for draws in (6, 9):
        assert run_command([*command, "--set", f"run.draws={draws}", "--set", "run.burn_in=0"]) == 0
        with h5py.File(folder / "chains" / "a" / "chains.h5") as file:
            assert file.attrs["committed_draws"] == draws
            x, starts = file["posterior/x"][:, :draws], file["starts/x"][...]
            assert x.shape == (4, draws)
            assert (x == starts[:, None]).all()
    assert "Verdict: not converged" in capsys.readouterr().out
