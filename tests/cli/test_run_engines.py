"""Every engine by one line of a run file: run, summary in both forms, figures, starts."""

import json

import h5py
import numpy as np
import pytest

from helpers.places import TOY
from nmmjax.cli import run_command
from nmmjax.cli.engines import engine_names, find_engine

RUN = f"""
[model]
name = "{TOY}:Toy"

[priors]
b = {{ log_uniform = [1e-6, 1.0], edge = 0.1 }}
a = {{ log_uniform = [1e-12, 1e-2], edge = 0.1 }}
x = {{ log_uniform = [1e-6, 1.0], edge = 0.1 }}
m_psi = {{ log_uniform = [1e2, 1e4], edge = 0.1 }}
lambda_hs = 0.1

[target]
constraints = ["m_nu_target", "theta_sq_triplet"]
prefer = {{ mu_nu = {{ above = 1e-12 }} }}

[engine]
name = "NAME"
OPTIONS

[run]
draws = 20
"""
QUICK = {
    "ensemble": "options = { walkers = 16, thin = 5, block = 10 }",
    "emcee_": "options = { walkers = 16, thin = 2, block = 10 }",
    "nuts": "options = { chains = 4, warmup = 40, block = 10 }",
    "meads": "",
    "chees": "",
    "mclmc": "",
    "smc": "options = { repeats = 2, particles = 128 }",
    "nested": "options = { repeats = 2, live = 100, delete = 10 }",
    "importance": "options = { repeats = 2 }",
    "search": "options = { starts = 64, steps = 100 }",
    "frontier": """options = { x = "m_psi", x_range = [1e2, 1e4], x_cells = 3, y = "b",
    y_range = [1e-6, 1.0], y_cells = 2, rounds = 2, pool = 256, starts = 6 }""".replace("\n", ""),
}


def run_file(folder, name, options):
    path = folder / f"{name}.toml"
    path.write_text(RUN.replace("NAME", name).replace("OPTIONS", options))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", engine_names())
def test_by_one_line_of_the_run_file(name, tmp_path, capsys):
    path = run_file(tmp_path, name, QUICK[name])
    assert run_command(["run", str(path)]) == 0
    made = tmp_path / "chains" / name
    text = (made / "summary.txt").read_text()
    said = capsys.readouterr().out
    assert text in said or f"nmmjax summary {made} --full" in said
    bare = text.replace(str(TOY.parent), "").replace(str(tmp_path), "")  # folders do not wrap
    assert max(map(len, bare.splitlines())) <= 100
    assert run_command(["summary", str(made), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    with h5py.File(made / "chains.h5") as file:
        stored = int(file.attrs["committed_draws"])
        if stored:
            assert file["posterior/mu_nu"].shape[1] >= stored
            assert np.all(np.isfinite(file["sample_stats/lp"][:, :stored]))
            assert {row["name"] for row in summary["parameters"]} >= {"a", "b", "x", "m_psi"}
            assert "R-hat" in text
        else:
            (table,) = set(file) - {"posterior", "starts", "progress"}
            assert np.all(np.isfinite(file[f"{table}/mu_nu"][...]))
            assert summary
    before = (made / "chains.h5").read_bytes()
    assert run_command(["run", str(path)]) == 0  # done already: nothing is added
    assert (made / "chains.h5").read_bytes() == before


@pytest.mark.parametrize("name", [n for n in engine_names() if find_engine(n).ends])
def test_engines_that_end_by_themselves_refuse_a_burn_in(name, tmp_path, capsys):
    path = run_file(tmp_path, name, QUICK[name])
    arguments = ["run", str(path), "--set", "run.burn_in=10"]
    assert run_command(arguments) == 2
    line = capsys.readouterr().err
    assert f"[run] burn_in: {name} is no Markov chain" in line
    assert line.count("\n") == 1
    assert not (tmp_path / "chains").exists()


@pytest.mark.parametrize(
    ("name", "done"),
    [
        ("search", "50 of 100 steps"),
        ("frontier", "1 of 2 rounds"),
    ],
)
@pytest.mark.slow
def test_what_was_stopped_early_says_so(name, done, tmp_path, capsys):
    path = run_file(tmp_path, name, QUICK[name])
    early = ["run", str(path), "--set", "run.until.max_minutes=1e-6"]
    assert run_command(early) == 0
    made = tmp_path / "chains" / name
    text = " ".join((made / "summary.txt").read_text().split())
    assert f"Verdict: not finished: {done} are done" in text
    said = capsys.readouterr()
    assert f"  {done}  " in said.err
    assert "20 draws" not in said.err
    assert run_command(["status", str(made), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["finished"], found["rounds"]) == (False, done)
    assert run_command(["run", str(path)]) == 0
    text = " ".join((made / "summary.txt").read_text().split())
    assert "Verdict: finished" in text


def test_options_of_another_engine_are_refused_with_the_remedy(tmp_path, capsys):
    path = run_file(tmp_path, "ensemble", QUICK["ensemble"])
    assert run_command(["run", str(path), "--set", "engine.name=nuts"]) == 2
    line = capsys.readouterr().err
    assert "not an option of nuts" in line
    assert "out of the run file" in line


@pytest.mark.slow
def test_many_short_chains_are_judged_by_their_superchains(tmp_path, capsys):
    options = "superchains = 8\noptions = { chains = 256, warmup = 60, block = 5 }"
    path = run_file(tmp_path, "nuts", options)
    assert run_command(["run", str(path)]) == 0
    made = tmp_path / "chains" / "nuts"
    capsys.readouterr()
    assert run_command(["summary", str(made), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    with h5py.File(made / "chains.h5") as file:
        starts = file["starts/position"][...]
        drawn = {
            row["name"]: file[f"posterior/{row['name']}"][...] for row in summary["parameters"]
        }
    assert len(np.unique(starts, axis=0)) == 8
    labels = np.repeat(np.arange(8), 32)
    assert np.all(starts == starts[32 * labels])
    from arviz_stats.base import array_stats

    theirs = array_stats.rhat_nested
    for row in summary["parameters"]:
        values = drawn[row["name"]]
        judged = (np.cos(values), np.sin(values)) if row["angle"] else (values,)
        each = [theirs(x, labels, method="rank", chain_axis=0, draw_axis=1) for x in judged]
        assert row["rhat"] == pytest.approx(float(np.max(each)), rel=1e-10)


@pytest.mark.slow
def test_what_an_engine_finds_out_by_computing_is_one_line(tmp_path, capsys):
    """A likelihood that a prior draw hits once in 1e5: too rare for the populations of smc."""
    path = run_file(tmp_path, "smc", "options = { repeats = 2, particles = 4096 }")
    model = f"""
import jax.numpy as jnp
import runpy
Toy = runpy.run_path({str(TOY)!r})["Toy"]
class Rare(Toy):
    @property
    def reference(self):
        return super().reference | {{"b": 0.5, "x": 0.5}}

    def domain(self, theta):
        off = jnp.maximum(abs(theta["b"] - 0.5), abs(theta["x"] - 0.5))
        return {{"rare": 1.0 - off / 0.011}}
"""
    (tmp_path / "rare.py").write_text(model)
    assert run_command(["run", str(path), "--set", f"model.name={tmp_path / 'rare.py'}:Rare"]) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("nmmjax: ")]
    assert "smc needs 4096 prior draws of finite likelihood" in line


@pytest.mark.parametrize(
    ("name", "count", "reason"),
    [
        ("ensemble", 8, "has no chains that could start at the same place"),
        ("smc", 2, "has no chains that could start at the same place"),
        pytest.param(
            "nuts", 3, "4 chains do not make 3 superchains of equally many", marks=pytest.mark.slow
        ),
        ("nuts", 4, "give [engine] options chains = 8"),
        ("nuts", 1, "'engine.superchains': a number >= 2 is needed"),
    ],
)
def test_superchains_that_cannot_be_are_refused(name, count, reason, tmp_path, capsys):
    path = run_file(tmp_path, name, QUICK[name])
    for command in ("run", "check"):
        assert run_command([command, str(path), "--set", f"engine.superchains={count}"]) == 2
        line = capsys.readouterr().err
        assert reason in line
        assert line.count("\n") == 1
    assert not (tmp_path / "chains").exists()


@pytest.mark.usefixtures("without_figures")
@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "screened",
        pytest.param("prior", marks=pytest.mark.slow),
        pytest.param("importance", marks=pytest.mark.slow),
        pytest.param("search", marks=pytest.mark.slow),
    ],
)
def test_starts_are_of_the_kind_asked_for_and_recorded(kind, tmp_path):
    path = run_file(tmp_path, "ensemble", QUICK["ensemble"])
    assert run_command(["run", str(path), "--set", f"engine.start={kind}"]) == 0
    made = tmp_path / "chains" / "ensemble"
    assert f'start = "{kind}"' in (made / "resolved.toml").read_text()
    with h5py.File(made / "chains.h5") as file:
        starts = file["starts/position"][...]
        assert starts.shape == (64, 6)  # the phase takes two
        assert len(np.unique(starts, axis=0)) == 64
        mass = np.log(file["starts/m_nu"][...])
        drawn = np.log(file["posterior/m_nu"][...])
    # As wide as what they are to find, or much wider; those that know the target need not be.
    assert mass.std() > (1.0 if kind in ("screened", "prior") else 0.5) * drawn.std()
