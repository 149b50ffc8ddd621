"""Hundreds of shards, tiny but real files, through status, merge and summary."""

import json
import time

import h5py
import numpy as np
import pytest

from helpers import sharded
from helpers.synthetic_run import draw_groups
from nmmjax.cli import run_command


@pytest.mark.slow
@pytest.mark.long
def test_512_shards_in_two_minutes(tmp_path, capsys):
    """CPU time of all three together; what is merged is what was written."""
    count = 512
    sharded.write_shards(tmp_path, count)
    begun = time.process_time()
    assert run_command(["status", str(tmp_path), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert run_command(["merge", str(tmp_path), "-o", str(tmp_path / "all.nc")]) == 0
    assert run_command(["summary", str(tmp_path)]) == 0
    assert time.process_time() - begun < 120.0
    assert [row["state"] for row in status["rows"]] == ["finished"] * count
    assert status["converged"]
    with h5py.File(tmp_path / "all.nc") as file:
        merged = file["posterior/m_psi"][:]
    for number in (0, count // 2, count - 1):
        groups = draw_groups(sharded.CHAINS, sharded.DRAWS, seed=1000 + number)
        rows = slice(sharded.CHAINS * number, sharded.CHAINS * (number + 1))
        np.testing.assert_array_equal(merged[rows], groups["posterior"]["m_psi"])
