"""The site: `uv run --group docs sphinx-build -W --keep-going docs site` makes it in `site/`.

Pages that are made from the code or borrowed from elsewhere in the repository are written to
`docs/made/` by `pages.py` before anything is read. Docstrings are laid out by hand, so they are
shown as they stand. `$$...$$` on lines of their own is an equation; browsers draw MathML without
a script, so nothing is fetched from elsewhere.
"""

import pathlib
import re
import sys

from latex2mathml.converter import convert

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402

project = "nmmjax"
copyright = "the nmmjax authors"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["models", "gallery.md"]  # they are parts of pages in made/
html_theme = "furo"
html_title = "nmmjax"
html_copy_source = False
myst_heading_anchors = 3
nb_execution_mode = "off"  # a test executes the notebook
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True

_EQUATION = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.DOTALL | re.MULTILINE)


def _as_it_stands(app, what, name, thing, options, lines):
    """Show a docstring with its own lines and columns."""
    del app, what, name, thing, options
    lines[:] = ["::", "", *(f"    {line}" for line in lines), ""] if any(lines) else []


def _equations(app, name, source):
    del app, name
    source[0] = _EQUATION.sub(
        lambda found: "\n" + convert(found[1].replace("\n", " "), display="block") + "\n", source[0]
    )


def setup(app):
    """Write the made pages, then listen for docstrings and equations."""
    pages.write(HERE / "made")
    app.connect("autodoc-process-docstring", _as_it_stands)
    app.connect("source-read", _equations)
