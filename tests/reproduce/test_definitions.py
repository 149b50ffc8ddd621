"""Definitions of reproduced figures: what is listed, found, and refused."""

import pytest

from helpers.places import ROOT
from nmmjax.cli import run_command
from nmmjax.errors import InputError
from nmmjax.reproduce import definition

REQUIRED = {
    "arXiv:2605.19544": {"Fig. 3", "Fig. 5", "Fig. 8", "Fig. 9"},
    "arXiv:2603.25704": {"Fig. 6", "Fig. 7", "Eq. (31)", "Eqs. (35), (36)"},
}


def test_every_definition_says_what_is_printed_and_whether_it_matches():
    found: dict[str, set[str]] = {}
    for name in definition.names():
        about = definition.read(name)
        assert about.prints
        assert about.why
        assert about.matches in ("yes", "partly", "no", "ours")
        found.setdefault(about.paper, set()).add(about.item)
    for paper, items in REQUIRED.items():
        assert found[paper] == items
    assert {"arXiv:2506.15777", "arXiv:2007.04291", "arXiv:2104.03291"} < set(found)


def test_the_checkout_shows_the_definitions_that_the_package_ships():
    assert (ROOT / "runs" / "reproduce").resolve() == definition.FOLDER.resolve()


def test_list_prints_a_line_for_each(capsys):
    assert run_command(["reproduce", "LIST"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == definition.names()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("weak_triplet_fig4", "did you mean 'weak_triplet_fig"),
        ("fig7", "did you mean 'dark_dipole_fig7'"),
        ("nothing_like_it", "there is: bridge_dynkin"),
    ],
)
def test_an_unknown_name_gets_suggestions(given, words, capsys):
    assert run_command(["reproduce", given]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('item = "Fig. 6"', 'item = "Fig. 6"\nitme = 1', "unknown key 'itme'"),
        ("t_min = 5e-5", "t_min = 'low'", "'fixed.t_min'"),
        ('matches = "yes"', 'matches = "nearly"', "'matches'"),
        ('prints = "2.8e-11', 'printed = "2.8e-11', "'prints'"),
    ],
)
def test_a_wrong_definition_is_refused_in_one_line(old, new, words, tmp_path):
    text = (definition.FOLDER / "dark_dipole_fig6.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=r"mine\.toml") as error:
        definition.read(str(path))
    assert words in str(error.value)


def test_recompute_needs_the_run_files(tmp_path, capsys):
    where = ["--runs", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run_command(["reproduce", "models", "--recompute", "zee", *where]) == 2
    assert "say where they are" in capsys.readouterr().err
    assert run_command(["reproduce", "models", "--recompute", "zea", *where]) == 2
    assert "did you mean 'zee'" in capsys.readouterr().err
    assert run_command(["reproduce", "history", "--recompute", "zee", *where]) == 2
    assert "is for 'models'" in capsys.readouterr().err


def test_a_definition_of_ones_own_is_drawn_or_refused_in_one_line(tmp_path, capsys):
    text = (definition.FOLDER / "dark_dipole_eq31.toml").read_text()
    path = tmp_path / "mine.toml"
    for old, new, words in (
        ("quoted_at_2_tev = 0.086", "", "'quoted_at_2_tev' is missing from [fixed]"),
        ('column = "quoted"', 'column = "qoted"', "did you mean 'quoted'?"),
        ("dark_dipole.coupling_limit", "dark_dipole.coupling", "did you mean 'dark_dipole."),
        ("stated = [", 'limits = [{ constraint = "xenonnt_2023" }]\nstated = [', "xenonnt_2022'?"),
        ("to = 1e4", "to = 5e3", ""),
    ):
        path.write_text(text.replace(old, new))
        code = run_command(["reproduce", str(path), "--out", str(tmp_path), "--format", "svg"])
        error = capsys.readouterr().err
        assert code == (2 if words else 0)
        assert words in error
        assert len(error.splitlines()) == bool(words)
    assert (tmp_path / "mine.csv").read_text().splitlines()[-1].startswith("5000,")


def test_the_gallery_has_a_small_picture_of_each():
    pictures = {path.stem: path for path in (ROOT / "docs" / "images" / "gallery").glob("*.png")}
    assert sorted(pictures) == definition.names()
    assert all(path.stat().st_size < 60_000 for path in pictures.values())
