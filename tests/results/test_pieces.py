"""A run that does not fit in memory is summarised in pieces: what is of all draws is the same."""

import numpy as np
import pytest

from helpers import sharded
from helpers.synthetic_run import ar1, draw_groups, write_run
from nmmjax.results import summary
from nmmjax.results.shards import open_run
from nmmjax.samplers import series

DRAWS = 400


def groups():
    found = draw_groups(16, DRAWS, seed=5)
    found["posterior"]["m_nu_total"] = 1.1 * found["posterior"]["m_nu"]
    found["posterior"]["rge_log"] = np.exp(ar1(np.random.default_rng(1), 16, DRAWS, 0.2))
    found["posterior"]["tuning_bg"][1, 1] = np.inf
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    sharded.write_shards(folder / "shards", 8)
    return {"run": write_run(folder / "run", groups()), "shards": folder / "shards"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["run", "shards"])
def test_a_summary_in_pieces(written, kind, monkeypatch):
    whole = summary.summarise(open_run(written[kind]))
    monkeypatch.setattr(series, "WHOLE", 3000)
    monkeypatch.setattr("nmmjax.results.rundir.WHOLE", 3000)
    monkeypatch.setattr("nmmjax.results.notes.WHOLE", 3000)
    monkeypatch.setattr("nmmjax.results.rundir._MOST_TOGETHER", 2500)
    monkeypatch.setattr(series, "_BLOCK", 2000)
    found = summary.summarise(open_run(written[kind]))
    assert any("read in pieces" in note for note in found.notes)
    assert (found.constant, found.same, found.undefined) == (
        whole.constant,
        whole.same,
        whole.undefined,
    )
    assert (found.best, found.largest) == (whole.best, whole.largest)
    assert found.allowed_fraction == whole.allowed_fraction
    for row, known in zip(
        (*found.parameters, *found.observables),
        (*whole.parameters, *whole.observables),
        strict=True,
    ):
        for name in ("mean", "sd") if row.angle else ("mean", "sd", "q05", "q50", "q95"):
            np.testing.assert_allclose(getattr(row, name), getattr(known, name), rtol=1e-12)
        assert row.ess_bulk < 1.1 * known.ess_bulk
    for part in ("moment", "mass", "tuning"):
        assert_close(getattr(found.headline, part), getattr(whole.headline, part))


def assert_close(a, b):
    """The same words, and numbers to rounding."""
    if isinstance(a, tuple | list):
        for x, y in zip(a, b, strict=True):
            assert_close(x, y)
    elif hasattr(a, "__dict__"):
        assert_close(list(vars(a).values()), list(vars(b).values()))
    elif isinstance(a, float):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    else:
        assert a == b
