"""The report of a run: one file that asks for nothing else, and shows what it is given as text."""

import html.parser
import re
import shutil
import subprocess

import pytest

from helpers import sharded
from helpers.synthetic_run import RESOLVED, draw_groups, write_run
from nmmjax.cli import run_command

VOID = {"meta", "link", "br", "img", "hr", "input"}
BROWSER = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
EVIL = "toy<script>alert(1)</script>"


class Page(html.parser.HTMLParser):
    """Tags opened and closed, attributes, and the text of each cell."""

    def __init__(self, text):
        super().__init__()
        self.open, self.odd, self.attributes, self.ids, self.scripts = [], [], [], set(), 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        self.ids |= {value for key, value in attrs if key == "id"}
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open = self.open[:-1] if tag not in VOID else self.open

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.odd.append(tag)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    resolved = RESOLVED.replace('name = "toy"', f'name = "{EVIL}"')
    made = write_run(folder / "run", draw_groups(draws=100), resolved=resolved)
    assert run_command(["report", str(made)]) == 0
    return made / "report.html"


@pytest.fixture(scope="module")
def page(path):
    return Page(path.read_text())


def test_every_tag_is_closed_and_every_link_leads_somewhere(page):
    assert page.odd == []
    assert page.open == []
    links = [value for tag, key, value in page.attributes if tag == "a" and key == "href"]
    assert len(links) >= 6
    assert {link.removeprefix("#") for link in links} <= page.ids


def test_nothing_is_asked_of_the_network(path, page):
    asked = {"src", "href", "xlink:href", "action", "srcset", "data", "poster"}
    for _, key, value in page.attributes:
        if key in asked:
            assert value.startswith(("#", "data:")), (key, value)
    text = path.read_text()
    assert all(x.startswith("#") for x in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert path.stat().st_size < 10e6


def test_what_a_run_says_of_itself_is_text(path, page):
    assert page.scripts == 1
    assert EVIL not in path.read_text()
    assert "toy&lt;script&gt;" in path.read_text()


def test_answers_tables_and_figures_are_there(path, page):
    text = path.read_text()
    for piece in ("held back by XENONnT 2022 itself", r"\begin{tabular}", "@misc{nmmjax,",
                  "Sampled parameters", "By reweighting", "Resolved run"):  # fmt: skip
        assert piece in text
    assert {"figure-region_map", "figure-corner", "figure-rank", "figure-growth"} <= page.ids
    assert text.count("<svg") >= 4


@pytest.mark.skipif(BROWSER is None, reason="no headless Chromium here")
def test_a_browser_shows_it_without_complaint(path, tmp_path):
    """The page's script has run when the DOM is dumped; its console is on stderr."""
    assert "CONSOLE" in shown(tmp_path, bad(tmp_path)).stderr
    done = shown(tmp_path, path)
    assert "CONSOLE" not in done.stderr
    assert '<h2 id="answers">' in done.stdout


def bad(folder):
    page = folder / "bad.html"
    page.write_text("<script>nothing.there()</script>")
    return page


def shown(folder, path):
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
               f"--user-data-dir={folder / 'profile'}", "--dump-dom", path.as_uri()]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_place_that_cannot_be_written_is_refused(path, tmp_path, capsys):
    target = tmp_path / "nowhere" / "report.html"
    assert run_command(["report", str(path.parent), "--out", str(target)]) == 2
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.slow
def test_the_report_of_shards_is_of_all_of_them(tmp_path):
    made = sharded.write_shards(tmp_path, 3)
    assert run_command(["report", str(made)]) == 0
    text = (made / "report.html").read_text()
    assert Page(text).open == []
    assert f"{3 * sharded.CHAINS} chains, {sharded.DRAWS} draws of each" in text
