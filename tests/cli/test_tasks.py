"""`nmmjax run --task i/N`: shards, their keys, and who may write them."""

import importlib
import json

import h5py
import jax
import jax.random as jr
import numpy as np
import pytest

from helpers import tiny_model
from nmmjax import signals
from nmmjax.cli import run_command, tasks
from nmmjax.errors import InputError
from nmmjax.samplers.store.store import Store


@pytest.fixture(autouse=True)
def no_results(monkeypatch):
    monkeypatch.setattr(importlib.import_module("nmmjax.cli.run"), "finish", lambda store: 0)
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)


def draws(path, name="posterior/b"):
    with h5py.File(path / "chains.h5") as file:
        return file[name][:]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5/4", "numbered from 0 to 3"),
        ("4/4", "numbered from 0 to 3"),
        ("-1/4", "numbered from 0 to 3"),
        ("0/0", "one task at least"),
        ("1", "takes i/N"),
        ("a/b", "takes i/N"),
        ("1/2/3", "takes i/N"),
    ],
)
def test_a_task_that_there_is_not(text, words):
    with pytest.raises(InputError, match=words):
        tasks.parse(text)


def test_shards_of_tasks(tmp_path, capsys, monkeypatch):
    """Keys are fold_in(root, i), whatever N is; a shard is continued by its own task alone."""
    keys = []
    module = importlib.import_module("nmmjax.cli.run")
    real = module.driver.run
    monkeypatch.setattr(
        module.driver, "run", lambda e, p, key, *a: keys.append(key) or real(e, p, key, *a)
    )
    path, out = tiny_model.write(tmp_path), tmp_path / "out"
    for text in ("0/2", "1/2"):
        assert run_command(["run", str(path), "--task", text, "--out", str(out)]) == 0
    for i, key in enumerate(keys):
        wanted = jr.split(jr.fold_in(jr.key(1), i))[1]
        np.testing.assert_array_equal(jax.random.key_data(key), jax.random.key_data(wanted))
    shards = out / "shards"
    assert not np.array_equal(draws(shards / "0"), draws(shards / "1"))
    again = ["run", str(path), "--task", "1/7", "--out", str(out), "--extend", "5"]
    assert run_command(again) == 0  # more tasks: the same shard
    assert draws(shards / "1").shape[1] == 15
    assert tasks.read(shards / "1")["sessions"] == 2
    with h5py.File(shards / "1" / "chains.h5") as file:
        assert file.attrs["task"] == 1

    def refused(*arguments):
        capsys.readouterr()
        assert run_command(["run", str(path), *map(str, arguments)]) == 2
        return [x for x in capsys.readouterr().err.splitlines() if x.startswith("nmmjax: ")][-1]

    (shards / "1").rename(shards / "3")
    assert "holds a run of task 1, not of task 3" in refused("--task", "3/4", "--out", out)
    assert "holds shards of tasks: give --task i/N" in refused("--out", out)
    assert "holds a run of one process" in refused("--task", "0/2", "--out", shards / "0")
    with Store.open(shards / "0"):
        assert "is being written by process" in refused("--task", "0/2", "--out", out)
    assert "numbered from 0 to 3" in refused("--task", "5/4", "--out", out)


def test_three_requeues_without_progress_end_the_task(tmp_path, monkeypatch, capsys):
    """Each session ends before its first checkpoint; a new job may try again."""
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    path, out = tiny_model.write(tmp_path), tmp_path / "out"
    command = ["run", str(path), "--task", "0/1", "--out", str(out)]
    module = importlib.import_module("nmmjax.cli.run")

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    monkeypatch.setattr(module, "_sample", killed)
    for _ in range(3):
        with pytest.raises(Killed):
            run_command(command)
    assert run_command(command) == tasks.STUCK
    assert "was requeued 3 times and nothing new was stored" in capsys.readouterr().err
    assert "requeued 3 times" in json.loads((out / "shards/0/task.json").read_text())["ended"]
    monkeypatch.undo()
    monkeypatch.setattr(module, "finish", lambda store: 0)
    monkeypatch.setenv("SLURM_JOB_ID", "13")
    assert run_command(command) == 0
    assert draws(out / "shards" / "0").shape[1] == 10


@pytest.mark.slow
def test_until_looks_at_all_shards(tmp_path):
    """One task alone has too few effective draws; the last of three finds enough in all."""
    path = tiny_model.write(
        tmp_path, draws="400\nuntil = { ess = 7000, rhat = 1.2, shards = true }"
    )
    ends = []
    for task in range(3):
        command = ["run", str(path), "--task", f"{task}/3", "--out", str(tmp_path / "out")]
        assert run_command(command) == 0
        ends.append(draws(tmp_path / "out" / "shards" / str(task)).shape[1])
    assert ends[0] == 400
    assert ends[2] < 400
    assert tasks.read(tmp_path / "out" / "shards" / "2")["ended"].startswith("until: converged")


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        ({}, ""),
        ({"SLURM_JOB_ID": "7"}, "7"),
        ({"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "8", "SLURM_ARRAY_TASK_ID": "0"}, "8_0"),
    ],
)
def test_the_name_of_a_job(environment, job):
    assert signals.job_of(environment) == job
