"""A likelihood shape is one class: its word, its ends, and what is written about it agree."""

import math
import re

import jax.numpy as jnp
import numpy as np
import pytest

from helpers.places import ROOT
from nmmjax.constraints import library, shapes
from nmmjax.constraints.base import Source
from nmmjax.constraints.ends import Curve
from nmmjax.constraints.wishes import Prefer
from nmmjax.runfile.build import _numbers

DATA = ROOT / "nmmjax" / "constraints" / "data" / "measurements.toml"
LOADABLE = [n for n, x in library.catalogue().items() if x.get("use") != "todo"]


def test_header_of_the_data_file_names_every_shape():
    header = re.search(r"^# type((?:.*\n)#(?:.*\n)*?)# value", DATA.read_text(), re.MULTILINE)
    assert header
    words = re.findall(r"\w+", header[1].replace("#", " "))
    assert sorted(words) == sorted(shapes.BY_WORD)


def test_page_on_constraints_names_every_shape():
    page = (ROOT / "docs" / "constraints.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert set(shapes.BY_WORD) <= named


@pytest.mark.parametrize("name", LOADABLE)
def test_a_run_directory_gives_the_shape_back(name):
    (constraint,) = library.load([name])
    table = {k: list(x) if isinstance(x, tuple) else x for k, x in _numbers(constraint).items()}
    table = {k: x for k, x in table.items() if x is not None}  # TOML has no null
    again = shapes.rebuilt(name, table)
    assert _numbers(again) == _numbers(constraint)


def test_ends_are_where_allowed_changes():
    """Just inside every finite end a value is allowed, just outside it is not."""
    wishes = [
        Prefer("w", ("x",), Source("", None, ""), above=1e-12, below=None, width_dex=0.25),
        Prefer("w", ("x",), Source("", None, ""), above=None, below=2.0, width_dex=0.25),
    ]
    tried = 0
    for term in [*(c for n in LOADABLE for c in library.load([n])), *wishes]:
        interval = term.interval()
        if interval is None:
            assert isinstance(term, Curve) or len(term.requires) > 1, term.name
            continue
        step = 1e-9 * max(abs(x) for x in interval[:2] if math.isfinite(x))
        for end, outward in ((interval.low, -step), (interval.high, step)):
            bare = getattr(term, "power", 1) > 1 and end == 0.0  # x^power has no lower end
            if math.isfinite(end) and not bare:
                inside, outside = (
                    bool(term.allowed({term.requires[0]: jnp.asarray(end + s * outward)}))
                    for s in (-1.0, 1.0)
                )
                assert (inside, outside) == (True, False), term.name
                tried += 1
    assert tried > 30


@pytest.mark.slow
def test_outline_of_a_curve_is_where_allowed_changes():
    for name in LOADABLE:
        (curve,) = library.load([name])
        if isinstance(curve, Curve) and not curve.outline().closed:
            mass, limit = (x[137] for x in curve.outline()[:2])
            seen = 0.0 if curve.visible else 1.0
            for factor, allowed in ((0.99, True), (1.01, False)):
                point = dict(zip(curve.requires, (factor * limit, mass, seen), strict=False))
                point = {k: jnp.asarray(np.float64(x)) for k, x in point.items()}
                assert bool(curve.allowed(point)) is allowed, name
