"""The catalogue of observables: names, units and LaTeX that every reader can use."""

import re

import pytest
from matplotlib.mathtext import MathTextParser

from nmmjax.catalogue import CATALOGUE, quantity
from nmmjax.errors import InputError

FAMILIES = {
    "mu_nu_12": ("mu_B", r"\mu_{12}"),
    "mu_nu_emu": ("mu_B", r"\mu_{e\mu}"),
    "mu_nu_mutau": ("mu_B", r"\mu_{\mu\tau}"),
    "re_mu_nu_23": ("mu_B", r"\mathrm{Re}\,\mu_{23}"),
    "im_mu_nu_etau": ("mu_B", r"\mathrm{Im}\,\mu_{e\tau}"),
    "m_nu_1": ("eV", "m_1"),
    "m_nu_ee": ("eV", "m_{ee}"),
    "re_m_nu_12": ("eV", r"\mathrm{Re}\,m_{12}"),
    "eta_ee": ("", r"\eta_{ee}"),
    "eta_mutau": ("", r"\eta_{\mu\tau}"),
}
UNITS = {"", "eV", "eV^2", "GeV", "GeV^-1", "GeV^2", "GeV^4", "MeV", "mu_B", "rad", "s"}


@pytest.mark.parametrize("name", [*CATALOGUE, *FAMILIES])
def test_latex_parses_and_text_is_one_line(name):
    q = quantity(name)
    assert "$" not in q.latex
    MathTextParser("agg").parse(f"${q.latex}$")
    assert q.text
    assert "\n" not in q.text


def test_mathtext_rejects_broken_latex():
    with pytest.raises(ValueError, match="Unknown symbol"):
        MathTextParser("agg").parse(r"$\nosuchsymbol$")


@pytest.mark.parametrize(("name", "expected"), FAMILIES.items())
def test_families(name, expected):
    q = quantity(name)
    assert (q.unit, q.latex) == expected


@pytest.mark.parametrize("name", [*CATALOGUE, *FAMILIES])
def test_units_follow_the_name(name):
    unit = quantity(name).unit
    assert unit in UNITS
    if re.match(r"(re_|im_)?mu_(nu|eff)", name):
        assert unit == "mu_B"
    if re.match(r"(re_|im_)?(m_nu|sum_m_nu|m_beta|m_ee|m_lightest)", name):
        assert unit == "eV"
    elif name.startswith("m_"):
        assert unit == "GeV"
    if re.match(r"br_|cr_|sin|tuning|eta_|lambda|theta_sq|delta_a", name):
        assert unit == ""


def test_latex_is_unambiguous():
    labels = [q.latex for q in CATALOGUE.values()]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("mu_eff_sollar", "did you mean 'mu_eff_solar'"), ("zzz", "there is: br_")],
)
def test_unknown_name(name, hint):
    with pytest.raises(InputError, match=f"'{name}' is not in the catalogue.*{hint}"):
        quantity(name)


@pytest.mark.parametrize(
    "name", ["mu_nu_14", "mu_nu_1e", "m_nu_4", "eta_12", "re_mu_nu", "xmu_nu_12"]
)
def test_near_misses_of_families_are_refused(name):
    with pytest.raises(InputError, match="catalogue"):
        quantity(name)
