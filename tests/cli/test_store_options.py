"""`[store]`: which observables chains.h5 holds, in how many digits, compressed or not."""

import importlib

import h5py
import numpy as np
import pytest

from helpers import tiny_model
from nmmjax.cli import run_command

WHOLE = "\n[store]\n"
SMALL = WHOLE + 'observables = ["mu_nu"]\ndtype = "float32"\ncompression = 4\n'


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    monkeypatch.setattr(importlib.import_module("nmmjax.cli.run"), "finish", lambda store: 0)


def written(folder, text):
    """A run file with this [store], and where its chains are."""
    folder.mkdir()
    path = tiny_model.write(folder)
    path.write_text(path.read_text() + text)
    return path, folder / "chains" / "tiny" / "chains.h5"


@pytest.mark.slow
def test_less_is_stored_of_the_same_draws(tmp_path, capsys):
    whole, chains = written(tmp_path / "whole", WHOLE)
    small, few = written(tmp_path / "small", SMALL)
    for path in (whole, small):
        assert run_command(["run", str(path)]) == 0
    assert run_command(["run", str(small), "--extend", "10"]) == 0
    with h5py.File(chains) as one, h5py.File(few) as other:
        assert {"a", "b", "m_nu", "mu_nu"} <= one["posterior"].keys()
        assert {"a", "b", "mu_nu"} <= other["posterior"].keys()
        assert "m_nu" not in other["posterior"]
        assert other["posterior/b"].dtype == np.float32
        assert other["posterior/b"].compression == "gzip"
        assert other["sample_stats/n_nan"].dtype == one["sample_stats/n_nan"].dtype
        assert one["posterior/b"].dtype == np.float64
        assert one["posterior/b"].compression is None
        assert other["posterior/b"].shape[1] == 20
        for name in ("posterior/b", "log_likelihood/m_nu_target", "sample_stats/lp"):
            rounded = one[name][()].astype(np.float32)
            np.testing.assert_array_equal(other[name][:, :10], rounded)
    small.write_text(small.read_text().replace("compression = 4", "compression = 0"))
    capsys.readouterr()
    assert run_command(["run", str(small), "--extend", "10"]) == 2
    assert "store.compression" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('observables = ["mu_mu"]', "[store] observables: the model returns no 'mu_mu'; did you"),
        ('observables = ["a"]', "[store] observables: the model returns no 'a'"),
        ('dtype = "float16"', "'store.dtype': 'float64' or 'float32' is needed, got 'float16'"),
        ("compression = 10", "'store.compression'"),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path, capsys, given, words):
    path, _ = written(tmp_path / "a", WHOLE + given + "\n")
    assert run_command(["run", str(path)]) == 2
    assert words in capsys.readouterr().err
