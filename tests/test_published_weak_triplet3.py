"""Every number recalled from the flavour papers: as printed and as derived."""

import math
import pathlib
import runpy

import pytest

TABLE = pathlib.Path(__file__).parent / "published" / "weak_triplet3.py"


@pytest.mark.parametrize("row", runpy.run_path(str(TABLE))["PUBLISHED"], ids=lambda row: row.claim)
def test_claim(row):
    printed, derived = row.as_printed(), row.derived()
    assert math.isfinite(printed)
    assert math.isfinite(derived)
    if row.tolerance is None:
        assert row.reason
        assert printed != pytest.approx(row.paper, rel=0.5)
    else:
        assert printed == pytest.approx(row.paper, rel=row.tolerance)
        if not row.reason:
            assert derived == pytest.approx(row.paper, rel=row.tolerance)
