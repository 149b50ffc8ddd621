"""The constants that a reference file was made with: tests of its rows compute with these."""

import dataclasses
import json

from helpers.places import REFERENCE
from nmmjax.physics.constants import Constants


def made_with(name):
    """Constants of `name` below tests/reference; those that it does not state are the default."""
    given = json.loads((REFERENCE / name).read_text())["constants"]
    fields = {field.name for field in dataclasses.fields(Constants)}
    return Constants(**{key: float(x) for key, x in given.items() if key in fields})
