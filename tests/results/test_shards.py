"""Shards of many tasks as one run, against what was written and against the shards themselves."""

import dataclasses
import json
import shutil

import h5py
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chi2

from helpers import sharded
from helpers.synthetic_run import RESOLVED, draw_groups
from nmmjax.cli import run_command
from nmmjax.errors import InputError
from nmmjax.results import joining, summary, verdict
from nmmjax.results import shards as reading
from nmmjax.results.merge import merge
from nmmjax.results.shards import open_run
from nmmjax.samplers import diagnostics


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return sharded.write_shards(tmp_path_factory.mktemp("four"))


@pytest.fixture
def copy(four, tmp_path):
    return shutil.copytree(four, tmp_path / "copy")


def written(name, numbers=range(4)):
    found = [draw_groups(sharded.CHAINS, sharded.DRAWS, seed=1000 + n) for n in numbers]
    return np.concatenate([groups["posterior"][name] for groups in found])


def test_every_draw_once_and_ensembles_of_their_own(four, monkeypatch):
    run = open_run(four)
    np.testing.assert_array_equal(run.read("m_psi"), written("m_psi"))
    np.testing.assert_array_equal(run.ensemble, np.repeat(np.arange(8), 4))
    some = np.array([0, 7, 8, 30, 31])
    for most in (reading._MOST_KEPT, 0):  # from memory, and from the files
        monkeypatch.setattr(reading, "_MOST_KEPT", most)
        again = open_run(four)
        np.testing.assert_array_equal(again.read("m_psi"), written("m_psi"))
        np.testing.assert_array_equal(again.read("m_psi", chains=some), written("m_psi")[some])
        assert again.point(13, 7, "posterior")["m_nu"] == written("m_nu")[13, 7]
    assert run.warnings == ()


def test_r_hat_compares_shards(four, tmp_path):
    """One shard elsewhere: its own R-hat is fine, that of all is the one of its formula."""
    found = verdict.rhat_of(open_run(four).read("m_psi"), open_run(four), np.arange(32))
    assert found == diagnostics.rhat(written("m_psi"), np.repeat(np.arange(8), 4)) < 1.05
    shutil.copytree(four / "shards" / "0", tmp_path / "shards" / "0")
    shifted = draw_groups(sharded.CHAINS, sharded.DRAWS, seed=5)
    shifted["posterior"]["m_psi"] *= 100.0
    sharded.write_shard(tmp_path, 1, groups=shifted)
    run = open_run(tmp_path)
    assert verdict.convergence(run).worst("rhat")[1] > 1.5
    assert not summary.summarise(run).converged


def test_shards_that_lack_draws_are_named(copy, capsys):
    shutil.rmtree(copy / "shards" / "0")
    (copy / "shards" / "2" / "chains.h5").write_bytes(b"not HDF5")
    sharded.write_shard(copy, 4, of=9, draws=0)
    sharded.write_shard(copy, 5, of=9, draws=10)
    run = open_run(copy)
    np.testing.assert_array_equal(run.read("m_nu"), written("m_nu", (1, 3)))
    said = " ".join(run.warnings)
    assert "shard 2 is left out: " in said
    assert "missing: shards 0, 6-8, whose tasks have not begun" in said
    assert "no draws yet: shard 4." in said
    assert "left out, with fewer than 50 draws: shard 5." in said
    assert summary.summarise(run).notes[: len(run.warnings)] == run.warnings
    assert run_command(["status", str(copy)]) == 0
    lines = capsys.readouterr().out.splitlines()
    states = {line.split()[0]: line for line in lines if line[:1].isdecimal()}
    assert len(states) == 9
    assert "not begun" in states["0"]
    assert "broken" in states["2"]
    assert "finished" in states["3"]


@pytest.mark.parametrize(
    ("draws", "kept"), [([500, 500, 480], 480), ([500, 500, 3], 500), ([7], 7), ([9, 4, 0], 9)]
)
def test_the_cut_keeps_the_most_draws(draws, kept):
    assert joining.longest_cut(draws) == kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolved": RESOLVED.replace("6.4e-12", "6.5e-12")}, "xenonnt_2022.value: 6.4e-12 -> "),
        ({"about": {"version_nmmjax": "0.2.0"}}, "versions.nmmjax: '0.1.0' -> '0.2.0'"),
        ({"resolved": RESOLVED.replace("burn_in = 10", "burn_in = 9")}, "sampling.burn_in: 10"),
    ],
)
def test_other_physics_data_or_versions_are_refused(change, words, four, tmp_path):
    shutil.copytree(four / "shards" / "0", tmp_path / "shards" / "0")
    sharded.write_shard(tmp_path, 1, **change)
    with pytest.raises(InputError, match="different runs") as refusal:
        open_run(tmp_path)
    assert words in str(refusal.value)
    run = open_run(tmp_path, allow_changes=True)
    assert words in run.changes[0]
    assert any(words in note for note in summary.summarise(run).notes)
    merge(run, tmp_path / "all.nc", virtual=False)
    with h5py.File(tmp_path / "all.nc") as file:
        assert words in json.loads(file.attrs["changes"])[0]


def test_a_copied_shard_is_refused(copy):
    shutil.copytree(copy / "shards" / "1", copy / "shards" / "7")
    with pytest.raises(InputError, match="shards 1, 7 were made with the same random numbers"):
        open_run(copy)


@pytest.mark.parametrize("made", [(), ("shards",), ("shards/0",)])
def test_a_directory_without_shards_is_refused(made, tmp_path, capsys):
    for name in made:
        (tmp_path / name).mkdir(parents=True)
    assert run_command(["merge", str(tmp_path), "-o", str(tmp_path / "all.nc")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is not a run directory" in line if not made else "no shard that can be read" in line


@pytest.mark.parametrize("virtual", [False, True])
def test_arviz_opens_what_is_merged(virtual, four, tmp_path):
    import arviz

    merge(open_run(four), tmp_path / "all.nc", virtual)
    tree = arviz.from_netcdf(tmp_path / "all.nc")
    np.testing.assert_array_equal(tree["posterior"]["m_psi"].values, written("m_psi"))
    assert tree["posterior"]["m_psi"].attrs["units"] == "GeV"
    np.testing.assert_array_equal(
        tree["posterior"].coords["shard"].values, np.repeat(np.arange(4), 8)
    )
    assert {"sample_stats", "log_likelihood"} <= set(tree.children)
    with pytest.raises(InputError, match="exists already"):
        merge(open_run(four), tmp_path / "all.nc", virtual)


LOG_Z = np.array([-3.0, -3.2, -2.5, -3.1])


def test_evidence_weighs_shards(tmp_path):
    """ln Z and the means differ by ensemble: those of all are sum Z_e f_e / sum Z_e."""
    apart = np.exp(np.repeat(np.arange(4.0), 4))[:, None]
    for number in range(2):
        rows = LOG_Z[2 * number : 2 * number + 2]
        evidence = {"log_z": rows, "log_z_within": np.full(2, 0.1), "log_z_error": np.full(2, 0.1)}
        groups = draw_groups(sharded.CHAINS, sharded.DRAWS, seed=1000 + number)
        groups["posterior"]["m_psi"] *= apart[8 * number : 8 * number + 8]
        groups["sample_stats"] = {"lp": groups["sample_stats"]["lp"]}
        evidence |= {"ess": np.full(2, 150.0), "repeats_p": np.full(2, 0.5)}
        sharded.write_shard(tmp_path, number, groups=groups, tables={"evidence": evidence})
    run = open_run(tmp_path)
    share = np.exp(LOG_Z - logsumexp(LOG_Z))
    stored = written("m_psi", range(2)) * apart
    means = np.log(stored).reshape(4, -1).mean(axis=1)
    # each ensemble is rounded to whole draws of 200, and taken at equal distances
    np.testing.assert_allclose(np.log(run.read("m_psi")).mean(), share @ means, atol=0.02)
    assert abs(share @ means - means.mean()) > 0.05  # concatenation would be noticed
    np.testing.assert_array_equal(run.independent.read("m_psi"), stored)
    found = summary.summarise(run)
    assert found.evidence is not None
    weight = np.sum(share**2)
    assert found.evidence.effective == pytest.approx(600.0 / (4 * weight))
    assert found.evidence.error == pytest.approx(np.std(LOG_Z, ddof=1) / 2.0)
    p = run.table("evidence")["repeats_p"]
    np.testing.assert_allclose(p, chi2.sf(29.0, 3))  # (-0.05, -0.25, 0.45, -0.15) / 0.1
    assert dataclasses.asdict(found)["evidence"]["each"] == tuple(LOG_Z)
    with pytest.raises(InputError, match="--virtual"):
        merge(run, tmp_path / "all.nc", virtual=True)
