"""Words from models and files on figures: what matplotlib cannot set is shown as it stands."""

import pytest
from matplotlib.figure import Figure

from nmmjax.figures.axes import Scale, legible


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


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (-4.0, 8.0), (-9.0, 9.0)])
def test_ticks_of_a_signed_axis_are_distinct(low, high):
    """Of a narrow range too, where the middle decade is the last one."""
    found = Scale("asinh", 1e-3).ticks(low, high, 3)
    assert 0.0 in found
    assert len(set(found)) == len(found)
