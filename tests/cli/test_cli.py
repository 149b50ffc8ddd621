"""The command as a user meets it: one small run end to end, and every refusal."""

import contextlib
import errno
import json
import os
import platform
import shutil
import subprocess
import sys

import arviz
import h5py
import numpy as np
import pytest

from helpers.places import TOY
from nmmjax.cli import run_command
from nmmjax.cli.finish import UNFINISHED
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


def _committed(directory):
    with contextlib.suppress(OSError, KeyError), h5py.File(directory / "chains.h5") as file:
        return int(file.attrs["committed_draws"])
    return 0
