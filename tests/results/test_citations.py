"""What a run cites: every constraint's paper, entries that BibTeX reads, DOIs by rule."""

import re

import pytest

from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli.cite import cited
from nmmjax.constraints import library
from nmmjax.results import citations
from nmmjax.results.rundir import open_run


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Of a run with a model, an engine and all constraints of the library."""
    every = "".join(
        f'[physics.constraints.{name}]\nshape = "Unknown"\n' for name in library.catalogue()
    )
    own = RESOLVED[: RESOLVED.index("[physics.constraints.")]
    rest = RESOLVED[RESOLVED.index("[physics.prefer.") :].replace('"ensemble"', '"nuts"')
    resolved = own.replace('"toy"', '"weak_triplet"') + every + rest
    path = tmp_path_factory.mktemp("runs") / "all"
    return cited(open_run(write_run(path, draw_groups(draws=10), resolved=resolved)))


def test_all_that_entered_is_cited_once(found):
    eprints = [c.fields["eprint"] for c in found if "eprint" in c.fields]
    assert len(eprints) == len(set(eprints))
    assert {"2605.19544", "1111.4246", "2402.10797", "1903.08008", "2111.00254"} <= set(eprints)
    keys = [c.key for c in found]
    assert len(keys) == len(set(keys))
    assert {"JAX", "NumPy", "SciPy", "h5py", "nmmjax"} <= set(keys)


def test_no_line_is_but_a_year_and_an_identifier(found):
    bare = [c for c in found if not c.fields.keys() & {"author", "title", "note"}]
    assert {c.why.split()[0] for c in bare} <= {"model", "engine"}  # their papers go by number
    (review,) = (c for c in found if c.why == "constraint oblique_ST_U0" and c.kind == "misc")
    assert "PDG 2025 update" in review.line()


def test_every_identifier_of_the_library_is_among_them(found):
    known = {c.fields.get("eprint") for c in found}
    for name, entry in library.catalogue().items():
        for identifier in re.findall(r"arXiv:(\d{4}\.\d{4,5})", entry["reference"]):
            assert identifier in known, name


def test_entries_are_bibtex_and_have_a_doi(found):
    for citation in found:
        text = citation.bibtex()
        assert text.count("{") == text.count("}")
        assert re.match(r"@(article|misc)\{\w+,\n", text)
        if "eprint" in citation.fields:
            assert citation.fields["doi"].startswith("10.")


@pytest.mark.parametrize(
    ("name", "doi"),
    [  # as the publishers print them
        ("xenonnt_2022", "10.1103/PhysRevLett.129.161805"),
        ("borexino_2017", "10.1103/PhysRevD.96.091103"),
        ("tau_mu_gamma", "10.1007/JHEP10(2021)019"),
        ("mu_e_gamma_meg2_2025", "10.48550/arXiv.2504.15711"),
    ],
)
def test_dois_follow_the_rules_of_their_publishers(found, name, doi):
    (entry,) = (c for c in found if c.key == name)
    assert entry.fields["doi"] == doi


def test_identifiers_are_told_from_other_numbers():
    text = "arXiv:2605.19544, Eqs. 15; hep-ph/0504134 and 161801 (2023) 1234.5678, v1.2345.67891"
    assert citations.identifiers(text) == ("2605.19544", "hep-ph/0504134", "1234.5678")
