"""Every kernel against mpmath: no error above three times the table, words as in the table."""

import importlib
import re

import pytest

from helpers.accuracy.errors import ERRORS, HOMES, MARGIN, claim, page
from helpers.accuracy.measure import CASES
from helpers.places import ROOT

pytestmark = pytest.mark.defined

LONG = {"light_block"}  # twelve seconds of compilation and mpmath


def test_every_kernel_has_an_entry():
    assert set(CASES) == set(ERRORS) == set(HOMES)


@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=pytest.mark.slow) if x in LONG else x for x in ERRORS]
)
def test_error_of_value_and_slope(name):
    for found, stated in zip(CASES[name](), ERRORS[name], strict=True):
        assert (found is None) == (stated is None)
        assert stated is None or found <= MARGIN * stated


@pytest.mark.parametrize("name", ERRORS)
def test_docstring_states_the_error_of_the_table(name):
    module, function = HOMES[name]
    docstring = getattr(importlib.import_module(f"nmmjax.physics.{module}"), function).__doc__
    assert claim(name) in re.sub(r"\s+", " ", docstring)


def test_page_on_accuracy():
    assert (ROOT / "docs" / "accuracy.md").read_text() == page()
