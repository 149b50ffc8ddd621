"""Words from models and files on figures: what matplotlib cannot set is shown as it stands."""

import pytest
from matplotlib.figure import Figure

from nmmjax.figures.axes import legible


@pytest.mark.parametrize(
    ("words", "math"),
    [
        (r"$\mu_\nu$ [$\mu_B$]", True),
        (r"$\foo{$", False),
        (r"a $\frac{1}$ b", False),
        ("$$$", False),
        ("costs 5$", True),
        (r"\$5 and \$6", True),
        ("$" + 300 * "{" + 300 * "}" + "$", False),
    ],
)
def test_mathtext_that_cannot_be_set_is_shown_as_words(words, math):
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xlabel(words)
    axes.plot([1, 2], label=words)
    axes.legend()
    figure.suptitle(words)
    legible(figure).draw_without_rendering()
    assert axes.xaxis.label.get_parse_math() is math


def test_signs_that_do_not_print_are_escaped():
    figure = Figure()
    figure.suptitle("a\x1b[31m\nb")
    assert legible(figure).get_suptitle() == "a\\x1b[31m\nb"
