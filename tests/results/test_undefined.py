"""Undefined proposals in results: counted exactly, named from examples, refused above 1e-3."""

import h5py
import numpy as np
import pytest

from helpers.synthetic_run import draw_groups, write_run
from nmmjax.results import summary, text, undefined
from nmmjax.results.rundir import open_run


def run_with(folder, n_nan, n_nonfinite=2, n_proposals=10, flags=(True, True, False)):
    """A converged run of 16000 draws; `n_nan` undefined proposals in all, three examples."""
    groups = draw_groups(memory=0.0)
    shape = groups["sample_stats"]["lp"].shape
    counts = np.zeros(shape, dtype=int)
    counts.flat[:n_nan] = 1
    groups["sample_stats"] |= {
        "n_proposals": np.full(shape, n_proposals),
        "n_nonfinite": np.full(shape, n_nonfinite),
        "n_nan": counts,
    }
    path = write_run(folder / "run", groups)
    with h5py.File(path / "chains.h5", "r+") as file:
        group = file.create_group("undefined")
        group["m_psi"] = np.array([500.0, 600.0, 700.0])
        group["not_finite[mu_nu]"] = np.array(flags, dtype="i1")
        group["not_finite[m_nu]"] = ~np.array(flags)
    return open_run(path)


def test_counts_shares_and_an_example(tmp_path):
    found = undefined.of(run_with(tmp_path, 160))
    assert found is not None
    assert (found.count, found.inside, found.examples) == (160, 160_000 - 32_000 + 160, 3)
    assert found.causes == pytest.approx({"mu_nu": 2 / 3, "m_nu": 1 / 3})
    assert found.example == {"m_psi": 500.0}
    assert "mu_nu is not a finite number at 67% of 3 examples" in found.text
    assert "m_psi = 500" in found.text


@pytest.mark.parametrize(("n_nan", "trusted"), [(0, True), (100, True), (200, False)])
def test_more_than_one_in_a_thousand_refuses_the_verdict(n_nan, trusted, tmp_path):
    """The limit is 128.1 of 128128.1 proposals here; below it a note tells."""
    run = run_with(tmp_path, n_nan)
    found = summary.summarise(run)
    assert found.converged is trusted
    words = " ".join(text.to_text(found).split())
    assert ("the density was undefined at" in words) == (n_nan > 0)
    refusal = f"not converged: the density was undefined at {n_nan}"
    assert (refusal in words) is not trusted
    if not trusted:
        assert "mu_nu is not a finite number" in found.verdict
        assert "m_psi = 500" in found.verdict


def test_the_best_and_the_largest_point_hold_no_nan(tmp_path):
    groups = draw_groups(chains=8, draws=50)
    best = np.unravel_index(np.argmax(groups["sample_stats"]["lp"]), (8, 50))
    allowed = groups["target"]["allowed"] == 1
    moment = np.where(allowed, groups["posterior"]["mu_nu"], -1.0)
    largest = np.unravel_index(np.argmax(moment), (8, 50))
    for place in (best, largest):
        groups["posterior"]["m_nu"][place] = np.nan
    found = summary.summarise(open_run(write_run(tmp_path / "run", groups)))
    assert (found.best.chain, found.best.draw) != best
    assert found.largest is not None
    assert (found.largest.chain, found.largest.draw) != largest
    for point in (found.best, found.largest):
        assert np.all(np.isfinite(list(point.values.values())))
