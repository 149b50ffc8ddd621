"""Arguments and files of points: what is refused and how, and random damage of both."""

import json
import os

import numpy as np
import pytest
from hypothesis import strategies as st

from helpers import damage
from helpers.places import TOY
from nmmjax.cli import run_command
from nmmjax.cli.evaluate import _row, rows_at
from nmmjax.errors import InputError
from nmmjax.runfile.build import parse_value, read

POINT = {"xi": 0.01, "m_w2": 5000.0, "m_nu_dirac": 0.01}
KEYS = {*POINT, "mu_nu"}


def refused(capfd, *arguments):
    assert run_command(list(arguments)) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.endswith("\n")
    damage.one_line(err[:-1])
    return err


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "points.json"

    def written(data):
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return path

    return written


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[{", "not valid JSON: Expecting property name"),
        (b"", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON: brackets are nested too deeply"),
        (b'{"xi": ' + b"1" * 5000 + b"}", "not valid JSON: a number has too many digits"),
        (b'{"xi": 1, "xi": 2}', "'xi' is given twice"),
        (b'{"xi": NaN}', "point 0: 'xi' must be a finite number, got nan"),
        (b'{"xi": 1e999}', "point 0: 'xi' must be a finite number, got inf"),
        (b'{"xi": 1' + b"0" * 400 + b"}", "point 0: 'xi' must be a finite number, got a int"),
        (b'{"xi": true}', "'xi' must be a finite number, got True"),
        (b'[{"xi": [[1]]}]', "'xi' must be a finite number, got a list"),
        (b'{"\\ud800\\u001b[31m": 1}', "'\\ud800\\x1b[31m' is not a parameter"),
        (b"3", "a list of objects is needed"),
        (b"[3]", "a list of objects is needed"),
        (b'\xff\xfe{\x00}\x00', "it is UTF-16, not UTF-8 text"),
        (b" " * (2**24 + 1), "it is larger than 16 MB"),
        ([POINT, {"xi": 0.1}], "point 1: missing parameters: m_w2, m_nu_dirac"),
    ],
)  # fmt: skip
def test_files_of_points_that_are_refused(capfd, points, data, said):
    assert said in refused(capfd, "evaluate", "left_right", "--points", str(points(data)))


def test_what_is_no_file_is_refused_before_it_is_read(capfd, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "manifest.json").touch()  # as a run directory has
    places = ((tmp_path / "pipe", "pipe"), ("/dev/zero", "device"), (tmp_path, "directory"))
    for place, word in places:
        for command in (
            ["evaluate", "left_right", "--points", str(place)],
            ["check", str(place)],
            ["constraint", "rho0", "--file", str(place)],
            ["plot", str(tmp_path), "--style", str(place)],
        ):
            assert word in refused(capfd, *command)
    plugin = tmp_path / "plug.py"
    os.mkfifo(plugin)
    assert "it is a pipe" in refused(capfd, "evaluate", f"{plugin}:A")


@pytest.mark.parametrize("command", ["status", "summary", "plot", "check", "run"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("x" * 5000, "File name too long"), ("\0", "embedded null byte"), ("loop", "symbolic links")],
)
def test_names_that_no_file_can_have(capfd, tmp_path, monkeypatch, command, name, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    assert said in refused(capfd, command, name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "xi"], "--set takes name=number, got 'xi'"),
        (["--set", "xi="], "--set takes name=number"),
        (["--set", "=1"], "--set takes name=number"),
        (["--set", "xi=1=2"], "--set takes name=number"),
        (["--set", "xi=0.1+0.2j"], "got 'xi=0.1+0.2j'; parameters are real: a phase"),
        (["--set", "xi=nan"], "'xi' must be a finite number, got nan"),
        (["--set", "xi=1", "--set", " xi = 2"], "--set xi is given twice"),
        (["--set", "x\x1b[31mi=1"], "'x\\x1b[31mi' is not a parameter"),
        (["--setting", "a"], "--setting takes key=value"),
        (["--setting", "=1"], "--setting takes key=value"),
        (["--setting", "sm.=1"], "--setting takes key=value"),
        (["--setting", "sm.v_h=nan"], "--setting sm.v_h: a finite number is needed, got nan"),
        (["--setting", "sm.v_h=0x" + "f" * 300], "a whole number of at most 64 bits"),
        (["--setting", "sm.v_h=1", "--setting", "sm.v_h=1"], "--setting sm.v_h is given twice"),
        (["--setting", "a" * 9000 + "=1"], "not a setting of left_right"),
        (["--setting", "a=" + "[" * 5000], "brackets are nested too deeply"),
        (["--setting", "a={" + "b." * 5000 + "b=1}"], "a key has more than 16 parts"),
    ],
)
def test_arguments_that_are_refused(capfd, arguments, said):
    assert said in refused(capfd, "evaluate", "left_right", *arguments)


@pytest.mark.parametrize(
    ("model", "settings", "name", "said"),
    [
        ("weak_triplet", [], "arg_y_t", "it is one with the setting complex_y_t = true"),
        ("zee", [], "m_h0", "it is one with the setting neutral_scalars = true"),
        ("dark_dipole", [], "m_h1", "it is one with the setting scalars = 'eigenstates'"),
        ("dark_dipole", ["scalars=mass_zero"], "n1", "the setting scalars = 'mass_matrix'"),
        ("bridge", [], "arg_y_t", "did you mean 'y_t'?"),
    ],
)
def test_parameters_of_another_setting(capfd, model, settings, name, said):
    options = [word for text in settings for word in ("--setting", text)]
    line = refused(capfd, "evaluate", model, *options, "--set", f"{name}=0.3")
    assert f"'{name}' is not a parameter of" in line
    assert said in line


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("[1, 2]", [1, 2]), ("a", "a"), ("", ""), ("1\ny = 2", "1\ny = 2"), ("1 # a", 1)],
)
def test_values_from_the_command_line(text, value):
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("a=", "unknown key 'a' at the top level"),
        ("=1", "--set takes path.in.runfile=value"),
        ("a..b=1", "--set takes path.in.runfile=value"),
        ("target.constraints.0=rho0", "'constraints' is a list: give all of it"),
        ("run.draws=", "'run.draws': a whole number is needed, got ''"),
        ("run.draws=1e3", "'run.draws': a whole number is needed, got 1000.0"),
        ("model.settings." + "a." * 1000 + "a=1", "is nested more than 16 deep"),
        ("model.settings.a=" + "9" * 5000, "a whole number has more than 64 bits"),
    ],
)
def test_overrides_that_are_refused(tmp_path, override, said):
    path = tmp_path / "a.toml"
    path.write_text('[model]\nname = "zee"\n[target]\nconstraints = ["rho0"]\n')
    with pytest.raises(InputError) as caught:
        read(path, [override])
    damage.one_line(str(caught.value))
    assert said in str(caught.value)


def test_blanks_around_an_override(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[model]\nname = "zee"\n')
    assert read(path, [" run . draws = 7 "])[0].run.draws == 7


def test_a_model_without_a_mass_is_evaluated_without_its_tuning(tmp_path):
    from nmmjax.runfile.build import ModelSection, build_model

    source = TOY.read_text()
    assert source.count('"m_nu": jnp.abs(tree + mixing),') == 1
    source = source.replace('"m_nu": jnp.abs(tree + mixing),', "")
    (tmp_path / "toy.py").write_text(source.replace('Rescaling("m_nu"', 'Rescaling("theta_sq"'))
    model = build_model(ModelSection(name=f"{tmp_path}/toy.py:Toy"), "evaluate")
    (row,) = rows_at(model, [model.reference])
    (whole,) = rows_at(build_model(ModelSection(name=f"{TOY}:Toy"), "evaluate"), [model.reference])
    assert row["problems"] == []
    assert whole.keys() - row.keys() == {"m_nu", "tuning_bg", "tuning_cancel"}
    assert row.items() <= whole.items()


# Random damage

jsons = st.one_of(
    damage.trees({"a": POINT}, KEYS).map(
        lambda tree: json.dumps([*tree.values(), POINT], default=str).encode("utf-8")
    ),
    damage.texts(json.dumps([POINT, POINT], indent=1), "{}"),
)
words = st.one_of(
    st.sampled_from(damage.NAMES),
    st.text(max_size=8),
    st.sampled_from(["xi=0.1", "m_w2=1e3", "m_nu_dirac=1e-2", "sm.v_h=170", "--points", "--json"]),
    st.tuples(st.sampled_from(sorted(POINT)), st.text(max_size=5)).map("=".join),
)
commands = st.one_of(
    st.tuples(
        st.just(["evaluate", "left_right"]),
        st.lists(st.tuples(st.sampled_from(["--set", "--setting"]), words), max_size=4).map(
            lambda pairs: [word for pair in pairs for word in pair]
        ),
    ).map(lambda parts: parts[0] + parts[1]),
    st.tuples(
        st.sampled_from(["evaluate", "list", "constraint", "status", "summary", "plot", "check"]),
        st.lists(words, max_size=4),
    ).map(lambda parts: [parts[0], *parts[1]]),
    st.lists(words, max_size=4),
)


def runs_or_is_refused(capfd, folder, arguments):
    capfd.readouterr()
    before = list(folder.iterdir())
    code = run_command(arguments)
    out, err = capfd.readouterr()
    assert code in (0, 2), (code, err)
    if code and arguments:
        damage.one_line(err[:-1])
        assert out == ""
    elif code:
        assert err == ""
        assert "Usage" in out
    assert list(folder.iterdir()) == before


def damaged_points(capfd, tmp_path, data):
    (tmp_path / "points.json").write_bytes(data)
    runs_or_is_refused(
        capfd, tmp_path, ["evaluate", "left_right", "--points", f"{tmp_path}/points.json"]
    )


@damage.examples(20, jsons)
def test_damaged_points(capfd, tmp_path, data):
    damaged_points(capfd, tmp_path, data)


@damage.examples(30, commands)
def test_damaged_arguments(capfd, tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    runs_or_is_refused(capfd, tmp_path, data)


@pytest.mark.slow
@pytest.mark.long
@damage.examples(2_000, jsons)
def test_thousands_of_damaged_points(capfd, tmp_path, data):
    damaged_points(capfd, tmp_path, data)


@pytest.mark.slow
@pytest.mark.long
@damage.examples(2_000, commands)
def test_thousands_of_damaged_arguments(capfd, tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    runs_or_is_refused(capfd, tmp_path, data)


@pytest.mark.parametrize(("mass", "problems"), [(0.0, ["mu_nu"]), (0.05, ["sin2_th12", "mu_nu"])])
def test_massless_neutrinos_have_no_angles_and_no_problem(mass, problems):
    values = {"m_nu": mass, "sin2_th12": np.nan, "mu_nu": np.nan}
    row = _row({p: np.array([x]) for p, x in values.items()}, {}, 0)
    assert row["problems"] == [f"{name} is not finite (nan)" for name in problems]
    assert row["sin2_th12"] is None
