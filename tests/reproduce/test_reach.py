"""Search for the largest moment: how searches in several boxes are joined, and the stored table."""

import math
import pathlib

import numpy as np
import pytest

from helpers.places import ROOT
from nmmjax.reproduce import reach, reaches
from nmmjax.runfile.build import read

NAN = math.nan


@pytest.mark.parametrize(
    ("found", "joined"),
    [
        ([(8e-10, 2e5, 2e-15), (3e-10, 10.0, 5e-13)], (8e-10, 2e5, 5e-13)),  # below half of it
        ([(8e-10, 2e5, 2e-15), (5e-10, 10.0, 5e-13)], (8e-10, 10.0, 5e-13)),
        ([(NAN, NAN, NAN), (5e-10, 10.0, NAN)], (5e-10, 10.0, NAN)),
        ([(NAN, NAN, NAN)], (NAN, NAN, NAN)),
    ],
)
def test_of_two_searches_the_larger_wins(found, joined):
    np.testing.assert_equal(reach._larger(found), joined)


def test_the_other_box_has_the_limits_of_the_first():
    path = ROOT / "runs" / "dark_dipole_frontier.toml"
    plain, _ = read(path)
    ((other, changes),) = reach._other(path, plain, ["target.prefer={}"])
    assert other.stem == "dark_dipole_frontier_any_mass"
    found, _ = read(other, changes)
    assert found.target.constraints == plain.target.constraints
    assert "m_nu_target" in found.target.constraints
    assert list(reach._other(pathlib.Path("zee.toml"), plain, [])) == []


def test_stored_numbers_are_in_order():
    """No natural moment above the largest; light dark scalars reach 5e-13 without tuning."""
    table = reaches.stored()
    assert np.all(table["natural"] <= table["largest"])
    assert np.all(table["least_tuning"] >= 1.0)
    (row,) = np.flatnonzero(table["runfile"] == "dark_dipole_frontier")
    assert table["natural"][row] > 4e-13
