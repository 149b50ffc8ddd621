"""Where things are, seen from any test."""

import pathlib

TESTS = pathlib.Path(__file__).parent.parent
ROOT = TESTS.parent
REFERENCE = TESTS / "reference"
TOY = TESTS / "helpers" / "toy_model.py"
