"""The command as a user meets it: one small run end to end, and every refusal."""

import contextlib
import errno
import inspect
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import arviz
import h5py
import jax
import numpy as np
import pytest

from helpers.places import TOY
from nmmjax.cli import run_command, session
from nmmjax.cli.engines import find_engine
from nmmjax.cli.finish import UNFINISHED
from nmmjax.runfile.build import ModelSection, build_model
from nmmjax.samplers.store import manifest

pytestmark = pytest.mark.usefixtures("without_figures")  # the first run draws them

SMALL = f"""
[model]
name = "{TOY}:Toy"

[target]
constraints = ["m_nu_target", "theta_sq_triplet"]
prefer = {{ mu_nu = {{ above = 1e-12 }} }}

[engine]
options = {{ ensembles = 4, walkers = 16, thin = 5, block = 10 }}

[run]
draws = 40
burn_in = 10
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run file and its finished run."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "small.toml").write_text(SMALL)
    assert run_command(["run", str(folder / "small.toml")]) == 0
    return folder


@pytest.fixture
def refuse(capsys):
    """Run a command that must be refused in one line on stderr; returns the line."""

    def run(*arguments, code=2):
        assert run_command([str(a) for a in arguments]) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("nmmjax: ")
        assert err.count("\n") == 1
        return err

    return run


def test_a_run_leaves_chains_summary_and_figures(folder):
    made = folder / "chains" / "small"
    names = {p.name for p in made.iterdir()}
    assert {"run.toml", "resolved.toml", "chains.h5", "status.json", "summary.txt"} <= names
    assert (made / "run.toml").read_text() == SMALL
    figures = {p.name for p in (made / "figures").iterdir()}
    assert {
        f"{f}.{e}" for f in ("corner", "region_map", "trace") for e in ("png", "pdf")
    } == figures
    with h5py.File(made / "chains.h5") as file:
        assert file.attrs["committed_draws"] == 40
        assert file.attrs["run_file"] == SMALL
        assert "version_jax" in file.attrs
        assert file["posterior/m_nu"].attrs["units"] == "eV"
        assert "not for LOO" in file["log_likelihood"].attrs["note"]
    tree = arviz.from_netcdf(made / "chains.h5")
    table = arviz.summary(tree, var_names=["b", "m_nu"])
    tree.close()  # HDF5 refuses a second opening without locks in the same process
    assert set(table.index) == {"b", "m_nu"}


def test_the_same_command_again_adds_nothing_and_more_draws_continue(folder, capsys):
    run_file, made = folder / "small.toml", folder / "chains" / "small" / "chains.h5"
    with h5py.File(made) as file:
        before = file["posterior/b"][...]
    assert run_command(["run", str(run_file), "--set", "run.draws=60"]) == 0
    assert "continuing" in capsys.readouterr().err
    with h5py.File(made) as file:
        np.testing.assert_array_equal(file["posterior/b"][:, :40], before)
        assert file["posterior/b"].shape == (64, 60)
    assert run_command(["run", str(run_file), "--set", "run.draws=60"]) == 0
    with h5py.File(made) as file:
        assert file.attrs["committed_draws"] == 60


def test_extend_adds_draws_to_a_stored_run_only(folder, tmp_path, refuse):
    out = tmp_path / "run"
    common = ["run", str(folder / "small.toml"), "--out", str(out)]
    assert "there is no run" in refuse(*common, "--extend", "10")
    assert run_command([*common, "--set", "run.draws=20"]) == 0
    assert run_command([*common, "--extend", "10"]) == 0
    assert _committed(out) == 30


def test_resumed_draws_equal_those_of_an_unbroken_run(folder, tmp_path):
    whole = tmp_path / "whole"
    common = ["run", str(folder / "small.toml"), "--out"]
    assert run_command([*common, str(whole), "--set", "run.draws=60"]) == 0
    assert run_command([*common, str(tmp_path / "parts"), "--set", "run.draws=20"]) == 0
    assert run_command([*common, str(tmp_path / "parts"), "--set", "run.draws=60"]) == 0
    with h5py.File(whole / "chains.h5") as a, h5py.File(tmp_path / "parts" / "chains.h5") as b:
        for name in ("b", "mu_nu", "tuning_bg"):
            np.testing.assert_array_equal(a["posterior"][name], b["posterior"][name])


def test_seed_changes_the_draws(folder, tmp_path):
    out = tmp_path / "other"
    assert run_command(["run", str(folder / "small.toml"), "--seed", "2", "--out", str(out)]) == 0
    with h5py.File(folder / "chains/small/chains.h5") as a, h5py.File(out / "chains.h5") as b:
        assert not np.array_equal(a["posterior/b"][:, :40], b["posterior/b"][:, :40])


def test_summary_as_text_and_as_strict_json(folder, capsys):
    made = str(folder / "chains" / "small")
    assert run_command(["summary", made]) == 0
    text = capsys.readouterr().out
    assert "Verdict" in text
    assert "wish" in text
    assert run_command(["summary", made, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert tree["allowed_fraction"] > 0.0


def test_check_prints_priors_sources_terms_and_rates(folder, capsys):
    assert run_command(["check", str(folder / "small.toml")]) == 0
    text = capsys.readouterr().out
    for piece in (
        "log_uniform [1e-06, 1]",
        "m_nu = 0.05 +- 0.005 eV",
        "ln L m_nu_target",
        "log densities per second",
        "prior draws inside every limit",
        "rejected by domain: stability",
        "estimated sampling time",
        "a wish, not a likelihood",
        "ready to run",
    ):
        assert piece in text


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


def test_a_part_of_a_name_and_a_model_without_a_point(refuse, capsys):
    line = refuse("constraint", "xenon")
    assert "did you mean 'xenonnt_2022', 'xenonnt_2022_massive'" in line
    assert run_command(["evaluate", f"{TOY}:Toy", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "at the reference point of the model" in err
    (row,) = json.loads(out)
    assert row["mu_nu"] == pytest.approx(0.1 / 1e3**2 * 1e-3)


def test_chains_and_short_help_are_understood(folder, capsys):
    chains = folder / "chains" / "small" / "chains.h5"
    assert run_command(["summary", str(chains)]) == 0
    assert "Verdict: " in capsys.readouterr().out
    assert run_command(["summary", "-h"]) == 0
    assert "--full" in capsys.readouterr().out


def test_other_physics_in_the_same_directory_is_refused(folder, refuse):
    made = folder / "chains" / "small"
    before = {p: p.stat().st_mtime_ns for p in made.rglob("*")}
    line = refuse("run", folder / "small.toml", "--set", "priors.x=0.1")
    assert "was made by another run: physics.priors.x" in line
    line = refuse("run", folder / "small.toml", "--seed", "5")
    assert "sampling.seed: 1 -> 5" in line
    assert before == {p: p.stat().st_mtime_ns for p in made.rglob("*")}


def test_bad_command_lines_and_files(folder, refuse, tmp_path):
    good = folder / "small.toml"
    assert "No such command" in refuse("rum")
    assert "cannot read run file" in refuse("run", tmp_path / "none.toml")
    line = refuse("run", good, "--out", tmp_path / "x", "--set", "engine.options.walkers=7")
    assert "small.toml: [engine] options: ensemble needs an even number of walkers" in line
    line = refuse("run", good, "--out", tmp_path / "x", "--set", "engine.options.walkers=8")
    assert "walkers >= 2*dim = 14, got 8" in line
    line = refuse("run", good, "--out", tmp_path / "x", "--set", "engine.options.walker=8")
    assert "not an option of ensemble; did you mean 'walkers'" in line
    line = refuse("run", good, "--out", tmp_path / "x", "--set", "engine.name=ensembel")
    assert "'ensembel' is not a known engine; did you mean 'ensemble'" in line
    assert "'xy' is not among the models" in refuse("list", "models", "xy")
    assert "cannot list 'modells'; did you mean 'models'" in refuse("list", "modells")
    assert "missing parameters: a, x, m_psi" in refuse("evaluate", f"{TOY}:Toy", "--set", "b=1")
    assert "--set takes name=number" in refuse("evaluate", f"{TOY}:Toy", "--set", "b=one")
    assert not (tmp_path / "x").exists()


def test_without_arguments_the_help_is_all(capsys):
    assert run_command([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: nmmjax" in out
    assert err == ""


def test_foreign_and_unwritable_directories(folder, refuse, tmp_path):
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter1.tex").write_text("precious")
    line = refuse("run", folder / "small.toml", "--out", foreign)
    assert "is not empty and not a run directory" in line
    assert [p.name for p in foreign.iterdir()] == ["chapter1.tex"]
    file = tmp_path / "file"
    file.write_text("")
    assert "is a file; give a directory" in refuse("run", folder / "small.toml", "--out", file)
    assert "nmmjax: " in refuse("run", folder / "small.toml", "--out", file / "below")
    assert "nmmjax: " in refuse("run", folder / "small.toml", "--out", "/proc/nmmjax")
    assert "not a run directory" in refuse("summary", foreign)


def environment(**more):
    return {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"} | more


def test_single_precision_is_refused_from_the_environment(folder):
    command = [sys.executable, "-m", "nmmjax", "check", str(folder / "small.toml")]
    done = subprocess.run(
        command, env=environment(JAX_ENABLE_X64="0"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "JAX_ENABLE_X64 asks for single precision" in done.stderr
    assert done.stderr.count("\n") == 1


def reworded(made, old, new):
    """Replace words in all that a run directory says it was made with."""
    texts = ("run_file", "resolved")
    for name in ("run.toml", "resolved.toml"):
        (made / name).write_text((made / name).read_text().replace(old, new))
    with h5py.File(made / "chains.h5", "r+") as file:
        for key in texts:
            file.attrs[key] = file.attrs[key].replace(old, new)
    about = json.loads((made / "manifest.json").read_text())
    del about["sha256"]
    root = about["attributes"]["/"]
    root |= {key: root[key].replace(old, new) for key in texts}
    signed = about | {"sha256": manifest.digest(about)}
    (made / "manifest.json").write_text(json.dumps(signed))


@pytest.fixture
def mailed(folder, tmp_path):
    """A copy of the run that names a plug-in which leaves a mark when it is imported."""
    plugin = tmp_path / "plugin.py"
    plugin.write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'mark')!r}).touch()\n")
    run_file = tmp_path / "mailed.toml"
    run_file.write_text(SMALL.replace(str(TOY), str(plugin)))
    made = shutil.copytree(folder / "chains" / "small", tmp_path / "run")
    reworded(made, str(TOY), str(plugin))
    return tmp_path


def test_what_only_reads_a_run_never_imports_its_plugin(mailed):
    for command in (["summary"], ["summary", "--json"], ["status"], ["plot", "--what", "trace"]):
        assert run_command([command[0], str(mailed / "run"), *command[1:]]) == 0
    assert not (mailed / "mark").exists()


def test_no_plugins_refuses_files_and_modules(mailed, refuse):
    run_file = mailed / "mailed.toml"
    for command in ("run", "check"):
        assert "--no-plugins refuses it" in refuse(command, run_file, "--no-plugins")
        module = ["--set", "model.name=plugin:Toy", "--no-plugins"]
        assert "'plugin:Toy' is code" in refuse(command, run_file, *module)
    engine = ["--set", "model.name=zee", "--set", "engine.name=plugin.py:Engine", "--no-plugins"]
    assert "'plugin.py:Engine' is code" in refuse("run", run_file, *engine)
    assert "--no-plugins" in refuse("evaluate", f"{mailed / 'plugin.py'}:Toy", "--no-plugins")
    assert not (mailed / "mark").exists()


def test_signs_that_steer_a_terminal_are_shown_escaped(mailed, capsys):
    reworded(mailed / "run", ':Toy"', ':Toy\\u001b]0;title\\u0007\\u009b31m"')
    lock = mailed / "run" / "run.lock"
    lock.write_text(f"process {os.getpid()} on \x1b[31m{platform.node()} since now\n")
    for command in ("summary", "status"):
        assert run_command([command, str(mailed / "run")]) == 0
        text = capsys.readouterr().out
        assert "\\x1b]0;title\\x07\\x9b31m" in text
        assert text.replace("\n", "").isprintable()


def test_limits_of_the_machine_leave_the_draws_and_one_line(folder, tmp_path, monkeypatch, capsys):
    """Memory is short in the summary, there are no more file descriptors for the figures."""

    def short(*_):
        raise MemoryError

    def full(*_):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("nmmjax.results.summary.summarise", short)
    monkeypatch.setattr("nmmjax.figures.draw.save_all", full)
    made = shutil.copytree(folder / "chains" / "small", tmp_path / "run")
    run = ["run", str(folder / "small.toml"), "--out", str(made)]
    assert run_command([*run, "--set", "run.draws=40"]) == UNFINISHED
    found = [x for x in capsys.readouterr().err.splitlines() if x.startswith("nmmjax: ")]
    assert found == [
        "nmmjax: no summary: not enough memory. All draws are saved; to make it later: "
        f"nmmjax summary {made}",
        "nmmjax: no figures: Too many open files. All draws are saved; to make it later: "
        f"nmmjax plot {made}",
    ]


@pytest.mark.parametrize("where", ["HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"])
@pytest.mark.parametrize("closed", [True, False])
def test_a_cache_that_cannot_be_written_is_one_line(where, closed, tmp_path, monkeypatch, capsys):
    """A file stands where a folder belongs: root, too, cannot write there."""
    (tmp_path / "file").write_text("")
    for name in ("XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(where, str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("file" if closed else "")))
    before = jax.config.jax_compilation_cache_dir
    try:
        session.start_jax()
        found = jax.config.jax_compilation_cache_dir
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line
    if closed:
        assert found is None
        assert "compiled programs are not kept for the next start" in line
    else:
        assert f"compiled programs go to '{found}'" in line
        assert pathlib.Path(found).parent.stat().st_mode & 0o777 == 0o700


def test_a_temporary_cache_that_others_may_write_is_not_used(tmp_path, monkeypatch):
    """What is read from it is run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = session.temporary_cache()
    assert folder is not None
    folder.parent.chmod(0o777)
    assert session.temporary_cache() is None
    shutil.rmtree(folder.parent)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.parent.symlink_to(tmp_path / "elsewhere")
    assert session.temporary_cache() is None


def _committed(directory):
    with contextlib.suppress(OSError, KeyError), h5py.File(directory / "chains.h5") as file:
        return int(file.attrs["committed_draws"])
    return 0
