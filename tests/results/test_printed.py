"""Numbers as papers print them: the Particle Data Group's own examples, and tables of them."""

import csv
import io

import numpy as np
import pytest

from helpers.synthetic_run import draw_groups, write_run
from nmmjax.cli.table import table
from nmmjax.errors import InputError
from nmmjax.results.printed import Printed, bare, measured
from nmmjax.results.rundir import open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_run(write_run(tmp_path_factory.mktemp("runs") / "good", draw_groups()))


@pytest.mark.parametrize(
    ("middle", "plus", "minus", "text"),
    [
        (0.827, 0.119, 0.119, "0.83 +- 0.12"),  # Review of Particle Physics, introduction, 5.3
        (0.827, 0.367, 0.367, "0.8 +- 0.4"),
        (14.674, 0.964, 0.964, "14.7 +- 1.0"),
        (7.224e-13, 6.71e-13, 3.09e-13, "(7.2 +6.7 -3.1)e-13"),
        (1505.0, 1280.0, 489.0, "1500 +1300 -500"),
        (-2.69, 0.56, 0.51, "-2.7 +0.6 -0.5"),
        (3.0, 0.0, 0.0, "3.00"),  # the same at every draw
        (1.0, 1.5e-13, 1e-16, "1.00"),  # to rounding
        (1.06e-8, 4.77e-5, 1.0598e-8, "1.06e-8 (2.00e-12 to 4.77e-5)"),  # over decades
    ],
)
def test_errors_keep_the_digits_that_the_particle_data_group_keeps(middle, plus, minus, text):
    assert measured(middle, middle - minus, middle + plus).text("markdown") == text


def test_a_value_alone_has_three_digits():
    texts = [bare(x).text("csv") for x in (0.0, 0.049952, 1037.6, -6.2893e-12, 2.5e7)]
    assert texts == ["0", "0.0500", "1040", "-6.29e-12", "2.50e7"]
    assert bare(6.2893e-12).text("latex") == r"$6.29\times 10^{-12}$"
    assert Printed("1.0", "0.2", "0.1", -3).text("latex") == (
        r"$(1.0^{+0.2}_{-0.1}) \times 10^{-3}$"
    )


def test_the_numbers_of_a_table_are_those_of_the_draws(run):
    (row,) = csv.DictReader(io.StringIO(table(run, ["m_psi"], "csv", 0.9)))
    low, middle, high = np.quantile(run.read("m_psi"), (0.05, 0.5, 0.95))
    assert row["unit"] == "GeV"
    assert float(row["median"]) == pytest.approx(middle, abs=0.5 * (middle - low) / 3.5)
    assert float(row["plus"]) == pytest.approx(high - middle, rel=0.15)
    assert float(row["minus"]) == pytest.approx(middle - low, rel=0.15)


def test_an_interval_over_decades_is_given_by_its_ends():
    found = measured(1.06e-8, 2e-12, 4.771e-5)
    assert found.text("latex") == (
        r"$1.06\times 10^{-8}\ [2.00\times 10^{-12},\,4.77\times 10^{-5}]$"
    )
    assert (found.plus, found.minus) == ("4.77e-5", "1.06e-8")  # of a table as CSV


def test_tables_of_every_form_have_a_cell_for_each_quantity(run):
    latex = table(run, ["mu_nu", "phase"], "latex", 0.68)
    assert latex.startswith("\\begin{tabular}{lcc}\n\\toprule\n")
    assert r"$\mu_\nu$ [$\mu_B$] & $\phi$ [rad] \\" in latex
    assert r"68\% &" in latex
    lines = table(run, [], "markdown", 0.68, transpose=True).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 2 + 5 + 4  # m_nu, m_nu_rge, mu_nu, both tunings and the sampled parameters
    with pytest.raises(InputError, match="has no 'mu_mu'; did you mean"):
        table(run, ["mu_mu"], "csv", 0.68)
