"""Excluded volumes against Gaussian integrals, and k-hat where draws cannot tell."""

import math

import numpy as np
import pytest

from helpers.cases import one_quick
from nmmjax.errors import InputError
from nmmjax.results.ranking import never_active, rank
from nmmjax.results.trust import PARETO_K

CHAINS, DRAWS = 8, 5000


def draws_and_terms(*widths, seed=0):
    """Prior N(0, 1) times ln L = -(x/s)^2/2 for each width s, sampled exactly."""
    precision = 1.0 + sum(s**-2.0 for s in widths)
    x = np.random.default_rng(seed).normal(0.0, precision**-0.5, (CHAINS, DRAWS))
    return {f"s{s:g}": -0.5 * (x / s) ** 2 for s in widths}


def excluded_by(width, others=()):
    """1 - E[L] under prior times the others: 1 - s/sqrt(s^2 + v), v their variance."""
    v = 1.0 / (1.0 + sum(s**-2.0 for s in others))
    return 1.0 - width / math.sqrt(width**2 + v)


@pytest.mark.parametrize("width", one_quick([1.5, 2.0, 4.0]))
def test_excluded_volume_of_one_gaussian(width):
    (row,) = rank(draws_and_terms(width))
    assert row.excluded == pytest.approx(excluded_by(width), abs=0.01)
    assert row.reliable
    # the weights' tail: P(w > t) ~ t^(-1/k), k = 1/(1 + s^2)
    assert row.khat == pytest.approx(1.0 / (1.0 + width**2), abs=0.15)


def test_leave_one_out_keeps_the_others():
    rows = rank(draws_and_terms(1.5, 3.0))
    assert [row.name for row in rows] == ["s1.5", "s3"]
    assert rows[0].excluded == pytest.approx(excluded_by(1.5, [3.0]), abs=0.01)
    assert rows[1].excluded == pytest.approx(excluded_by(3.0, [1.5]), abs=0.003)
    assert abs(rows[1].excluded - excluded_by(3.0)) > 0.01  # alone it would exclude more


def test_unreliable_reweighting_is_said_to_be_so():
    narrow, wide = rank(draws_and_terms(0.2, 3.0))
    assert narrow.name == "s0.2"
    assert not narrow.reliable
    assert narrow.khat > PARETO_K
    assert wide.reliable


def test_a_plain_average_would_miss_the_excluded_volume():
    (log_l,) = draws_and_terms(1.5).values()
    assert abs(1.0 - np.exp(log_l).mean() - excluded_by(1.5)) > 0.02


def test_never_active():
    terms = draws_and_terms(2.0) | {
        "flag": np.zeros((CHAINS, DRAWS)),
        "far": np.full((CHAINS, DRAWS), -1e-4) * np.random.default_rng(1).random((CHAINS, DRAWS)),
    }
    rows = rank(terms)
    assert set(never_active(rows)) == {"far", "flag"}
    by_name = {row.name: row for row in rows}
    far, flag = by_name["far"], by_name["flag"]
    assert far.excluded < 1e-4
    assert flag.excluded == 0.0
    assert math.isnan(flag.khat)
    assert flag.reliable


@pytest.mark.parametrize(
    ("log_l", "message"),
    [
        (np.zeros((2, 20)), "at least 100 stored draws, there are 40"),
        (np.full((2, 200), np.nan), "ln L of constraint 'a' is not finite"),
    ],
)
def test_errors(log_l, message):
    with pytest.raises(InputError, match=message):
        rank({"a": log_l})


def test_a_constraint_that_hardly_varies_is_ranked_without_a_tail_fit():
    """ln L = -1.33 give or take rounding, as rho0 has it where the VEV is negligible."""
    rng = np.random.default_rng(5)
    log_l = -1.33 + 1e-13 * rng.integers(-2, 3, (4, 5000))
    (row,) = rank({"rho0": log_l})
    assert row.reliable
    assert row.active
    assert np.isnan(row.khat)
    assert row.excluded == 0.0  # a factor common to all draws excludes none of them


def test_a_plateau_of_largest_weights_needs_no_tail_fit():
    """ln L = -1.33 at most draws and better at a few, as rho0 where the VEV spans decades."""
    log_l = np.full((4, 5000), -1.33)
    log_l[:, :500] = -0.2
    (row,) = rank({"rho0": log_l})
    assert row.reliable
    assert np.isnan(row.khat)
    weights = np.exp(-log_l)
    assert abs(row.excluded - (1.0 - np.sum(weights * np.exp(log_l)) / np.sum(weights))) < 1e-12
