"""Every number that the text of a paper states: one table per paper in tests/published.

    uv run pytest -q tests/models/test_published.py -k weak_triplet

A row says what the paper states, what its printed formula gives, what ours gives, and which of the
two reproduces the number; `reason` says why where ours does not. Tables behind these numbers,
figures and formulas without numbers are in tests/test_published_<table>.py.
"""

import re
import runpy

import pytest

from helpers.places import TESTS as HERE

TABLES = {
    path.stem: runpy.run_path(str(path))["PUBLISHED"]
    for path in sorted((HERE / "published").glob("*.py"))
}
ROWS = [
    pytest.param(row, id=f"{table}: {row.claim}") for table, rows in TABLES.items() for row in rows
]
HOLDS = {
    "value": lambda x, row: abs(x / row.paper - 1.0) <= row.tolerance,
    "exact": lambda x, row: x == row.paper,
    "bound": lambda x, row: x <= row.paper,
    "order": lambda x, row: 1.0 / row.tolerance < x / row.paper < row.tolerance,
}


@pytest.mark.parametrize("row", ROWS)
def test_claim(row):
    """What is named as reproducing the number does, and what is not named does not.

    `as_printed` is nan where the paper prints no formula.
    """
    holds = HOLDS[row.kind]
    assert set(row.reproduced_by) <= {"as_printed", "derived"}
    assert holds(row.as_printed(), row) == ("as_printed" in row.reproduced_by), row.as_printed()
    assert holds(row.derived(), row) == ("derived" in row.reproduced_by), row.derived()
    assert "derived" in row.reproduced_by or row.reason
    assert row.where


@pytest.mark.parametrize("table", TABLES)
def test_claims_of_a_table_are_distinct(table):
    claims = [row.claim for row in TABLES[table]]
    assert len(set(claims)) == len(claims) > 0


DOCS = HERE.parent / "docs"
ERRATA = [DOCS / "errata.md", *sorted((DOCS / "errata").glob("*.md"))]


def test_one_page_leads_to_every_table():
    index = ERRATA[0].read_text()
    for path in ERRATA[1:]:
        assert f"(errata/{path.name})" in index, path.name
    assert {path.stem for path in ERRATA[1:]} == set(TABLES)


@pytest.mark.parametrize("page", ERRATA[1:], ids=lambda page: page.stem)
def test_errata_say_how_it_was_shown_and_how_sure(page):
    """Every row of what differs has all its cells."""
    part = page.read_text().split("## What differs")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    header, body = [cell.strip() for cell in rows[0]], rows[2:]
    assert header[0] == "#"
    assert header[-1] == "sure"
    assert "shown by" in header
    for row in body:
        assert len(row) == len(header), row
        assert row[-1].strip(), row


def test_commands_of_the_errata_name_tests_that_exist():
    sources = {str(path.relative_to(HERE)): path.read_text() for path in HERE.rglob("*.py")}
    everything = "\n".join(sources.values())
    for page in ERRATA:
        text = page.read_text()
        assert "uv run pytest -q tests/models/test_published" in text, page.name
        for file in re.findall(r"tests/([\w/]+\.py)", text):
            assert file in sources, (page.name, file)
        for prefix in re.findall(r"`(test_\w+?)(?:\.\.\.)?`", text):
            assert f"def {prefix}" in everything, (page.name, prefix)
        for word in re.findall(r"-k (\w+)", text):
            assert word in everything or word in TABLES, (page.name, word)
