"""Every entry of the data file: its source, its numbers, and what is refused in one line."""

import math

import jax
import pytest

from helpers.curves import one, upper_limit
from nmmjax.catalogue import quantity
from nmmjax.constraints.entries import build
from nmmjax.constraints.gaussians import Measurement
from nmmjax.constraints.library import catalogue, load, prefer
from nmmjax.constraints.limits import LowerLimit, UpperLimit
from nmmjax.errors import InputError

ENTRIES = catalogue()
DEGREE = math.pi / 180.0


# The data file
def test_every_entry_loads_and_names_its_source():
    for constraint in map(one, ENTRIES):
        source = constraint.source
        assert source.reference
        assert 1980 <= source.year <= 2030
        assert source.verified.split(":")[0].split()[0].strip(";") in (
            "data", "lookup", "derived", "convention", "memory",
        )  # fmt: skip
        assert source.use in ("default", "optional", "projection", "flag")
        assert constraint.flag == (source.use == "flag")
        assert source.group
        assert "\n" not in constraint.describe()
        unit = source.units.removesuffix("^2") if constraint.name == "katrin_2025" else source.units
        assert quantity(constraint.requires[0]).unit == unit
        if ENTRIES[constraint.name]["type"] == "gaussian_nd":
            assert {quantity(key).unit for key in constraint.requires} == {unit}
        assert all(quantity(key) for key in constraint.requires)


def test_no_default_rests_on_memory():
    for entry in ENTRIES.values():
        assert not (entry["use"] == "default" and entry["verified"].startswith("memory"))
    assert any(entry["verified"].startswith("memory") for entry in ENTRIES.values())


def test_curves_name_their_licence():
    for name, entry in ENTRIES.items():
        assert ("file" in entry) == ("licence" in entry), name


def test_projections_are_called_future():
    for name, entry in ENTRIES.items():
        assert name.startswith("future_") == (entry["use"] == "projection")


@pytest.mark.parametrize(
    ("name", "numbers", "text"),
    [
        # XENONnT, PRL 129 (2022) 161805, arXiv:2207.11330: mu_nu < 6.4e-12 mu_B (90%)
        ("xenonnt_2022", {"value": 6.4e-12}, "mu_eff_pp < 6.4e-12 mu_B (90% CL)"),
        # Beda et al. (GEMMA), PPNL 10 (2013) 139: mu_nu < 2.9e-11 mu_B (90%)
        ("gemma_2012", {"value": 2.9e-11}, "mu_eff_reactor < 2.9e-11 mu_B (90% CL)"),
        # Borexino, PRD 96 (2017) 091103, arXiv:1707.09355: mu_eff < 2.8e-11 mu_B (90%)
        ("borexino_2017", {"value": 2.8e-11}, "mu_eff_be7 < 2.8e-11 mu_B (90% CL)"),
        # KATRIN, Science 388 (2025) 180, arXiv:2406.13516: m_beta^2 = -0.14 +0.13 -0.15 eV^2
        (
            "katrin_2025",
            {"value": -0.14, "sigma_plus": 0.13, "sigma_minus": 0.15},
            "m_beta^2 = -0.14 +0.13 -0.15 eV^2; m_beta < 0.45 eV (90% CL)",
        ),
        # PDG 2025, T alone -0.032 to 0.084 at 95%: rho_0 = 1 + alpha(m_Z) T
        ("rho0", {"value": 1.0002, "sigma_plus": 0.00023}, "rho0 = 1.0002 +- 0.00023"),
        # ATLAS, EPJC 82 (2022) 988, arXiv:2202.02039: type-III leptons above 910 GeV (95%)
        ("typeIII_atlas", {"value": 910.0}, "m_triplet > 910 GeV (95% CL)"),
        # MEG II, EPJC 85 (2025) 1177, arXiv:2504.15711: BR(mu -> e gamma) < 1.5e-13 (90%)
        ("mu_e_gamma_meg2_2025", {"value": 1.5e-13}, "br_mu_e_gamma < 1.5e-13 (90% CL)"),
        # NuFIT 6.1 with SK, normal ordering: delta_CP = 212 +26 -36 degrees
        (
            "nufit61_sk_NO_dcp",
            {"value": 212 * DEGREE, "sigma_plus": 26 * DEGREE, "sigma_minus": 36 * DEGREE},
            "delta_cp = 3.7",
        ),
        # PDG 2026, S044W6: Gamma(Z -> inv) = 499.3 +- 1.5 MeV
        ("Gamma_Z_inv", {"value": 0.4993, "sigma_minus": 0.0015}, "gamma_z_inv = 0.4993 +- 0.0015"),
    ],
)
def test_published_numbers(name, numbers, text):
    constraint = one(name)
    assert constraint.describe().startswith(text)
    for key, x in numbers.items():
        assert getattr(constraint, key) == pytest.approx(x, rel=1e-15)


def test_entries_are_static_and_hashable():
    first, again, other = one("xenonnt_2022"), one("xenonnt_2022"), one("gemma_2012")
    assert jax.tree.leaves(first) == []
    assert hash(first) == hash(again)
    assert first == again
    assert first != other


# Errors
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["xenonnt_2021"], "'xenonnt_2021' is not a known constraint; did you mean 'xenonnt_2022'"),
        (["rho0", "rho0"], "constraint 'rho0' is given twice"),
    ],
)
def test_load_errors(names, message):
    with pytest.raises(InputError, match=message):
        load(names)


def test_load_checks_observables():
    assert len(load(["rho0"], observables=["rho0", "m_nu"])) == 1
    with pytest.raises(InputError, match=r"'rho0' needs observable 'rho0'.*there is: m_nu"):
        load(["rho0"], observables=["m_nu"])


ND = {"observable": ["s_param", "t_param"], "type": "gaussian_nd", "units": "1", "cl": None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": -1e-12}, "value must be a number > 0, got -1e-12"),
        ({"value": "6.4e-12"}, "value must be a number, got '6.4e-12'"),
        ({"value": math.nan}, "value must be a number"),
        ({"value": None}, "value is missing"),
        ({"cl": 1.2}, "cl must lie between 0 and 1, got 1.2"),
        ({"cl": 0.4, "convention": "profile"}, "cl must lie between 0.5 and 1, got 0.4"),
        ({"cl": None}, "cl is missing"),
        ({"reference": None}, "reference is missing"),
        ({"reference": " "}, "reference must be a text"),
        ({"year": "2022"}, "year must be a whole number, got '2022'"),
        ({"type": None}, "type is missing"),
        ({"type": "uper_limit"}, "type 'uper_limit' cannot.*did you mean 'upper_limit'"),
        ({"type": "curve_poisson0"}, "type 'curve_poisson0' cannot be evaluated"),
        ({"use": "todo", "note": "NUMBER NOT FOUND"}, "no number to evaluate yet: NUMBER NOT"),
        ({"limt": 1.0}, "unknown key 'limt'"),
        ({"convension": "profile"}, "unknown key 'convension'; did you mean 'convention'"),
        ({"convention": "bayes"}, "convention must be 'credible' or 'profile', got 'bayes'"),
        ({"power": 0}, "power must be a whole number >= 1, got 0"),
        ({"power": 2.5}, "power must be a whole number, got 2.5"),
        ({"units": "eV"}, "units 'eV' of mu_eff_solar should be 'mu_B'"),
        ({"observable": ["mu_nu"]}, "observable must be a name"),
        ({"type": "lower_limit", "power": 2}, "unknown key 'power'"),
        ({"type": "upper_limit_band", "value": [2.0, 1.0]}, "0 < low < high"),
        ({"type": "gaussian", "cl": None}, "sigma_plus is missing"),
        ({"type": "gaussian", "cl": None, "sigma": -1.0}, "sigma_plus must be a number > 0"),
        ({"type": "gaussian", "sigma": 1.0, "sigma_plus": 1.0}, "sigma_plus and sigma_minus, not"),
        (
            {"type": "gaussian", "cl": None, "sigma": 1.0, "period": 2.0, "physical_min": 0.0},
            "physical_min has no meaning",
        ),
        (ND | {"value": [0.0, 0.0], "sigma": [1.0, 1.0], "correlation": [1.0]}, "not positive"),
        (ND | {"value": [0.0, 0.0], "sigma": [1.0], "correlation": [0.5]}, "need 2 values, 2 sig"),
        (ND | {"value": 0.0, "sigma": [1.0], "correlation": [0.5]}, "value must be a list"),
    ],
)  # fmt: skip
def test_entry_errors(changes, message):
    with pytest.raises(InputError, match=f"constraint 'mine': .*{message}"):
        build("mine", upper_limit(**changes))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"width_dex": 0.25}, "needs above, below or both"),
        ({"above": 1e-12}, "width_dex must be a number, got None"),
        ({"above": -1.0, "width_dex": 0.25}, "above must be a number > 0"),
        ({"above": 1.0, "width_dex": 0.0}, "width_dex must be a number > 0"),
        ({"above": 2.0, "below": 1.0, "width_dex": 0.2}, "above must not exceed below"),
        ({"abov": 1.0, "width_dex": 0.2}, "unknown key 'abov'; did you mean 'above'"),
    ],
)
def test_prefer_errors(wish, message):
    with pytest.raises(InputError, match=f"prefer 'mu_nu': .*{message}"):
        prefer({"mu_nu": wish})


def test_build_makes_what_the_type_says():
    assert isinstance(build("a", upper_limit()), UpperLimit)
    assert isinstance(build("b", upper_limit(type="lower_limit")), LowerLimit)
    own = build(
        "c", upper_limit(type="gaussian", cl=None, sigma=1.0, observable="my_own", units="m")
    )
    assert isinstance(own, Measurement)
    assert own.describe() == "my_own = 6.4e-12 +- 1 m"
