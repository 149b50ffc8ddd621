"""The library as a user meets it: sets, alternatives, own files, the page that explains them."""

import re
import tomllib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import places
from nmmjax.catalogue import CATALOGUE
from nmmjax.constraints import words
from nmmjax.constraints.curves import LimitCurve
from nmmjax.constraints.entries import build
from nmmjax.constraints.library import card, catalogue, listing, load, sets
from nmmjax.constraints.limits import UpperLimit
from nmmjax.constraints.wishes import Window
from nmmjax.errors import InputError

PAGE = places.ROOT / "docs" / "constraints.md"
EVERYTHING = {*CATALOGUE, *(f"eta_{a}{b}" for a in ("e", "mu", "tau") for b in ("e", "mu", "tau"))}
OWN = """
[mine]
observable = "mu_eff_reactor"
type = "upper_limit"
value = 1e-11
power = 2
cl = 0.9
units = "mu_B"
year = 2027
reference = "arXiv:0000.00000"
verified = "lookup"
"""
CURVE = """
[curve]
observable = ["eps", "m_aprime"]
type = "limit_curve"
file = "curve.csv"
columns = ["m", "eps"]
cl = 0.9
units = "1"
year = 2027
reference = "arXiv:0000.00000"
verified = "data"
"""


def names(*given, **options):
    return [c.name for c in load(given, **{"observables": EVERYTHING} | options)]


# Sets


def test_default_holds_what_the_model_answers():
    offered = {
        "mu_eff_pp",
        "mu_eff_be7",
        "mu_eff_reactor",
        "m_nu",
        "rho0",
        "max_yukawa",
        "m_triplet",
    }
    found = names("@default", observables=offered)
    limits = ["gemma_2012", "borexino_2017", "xenonnt_2022", "rho0", "typeIII_atlas"]
    assert found == ["perturbative", *limits]
    assert all(catalogue()[name]["use"] == "default" for name in names("@default"))


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_default_takes_the_oscillations_of_the_ordering(ordering):
    found = [n for n in names("@default", ordering=ordering) if n.startswith("nufit")]
    assert found == [n for n in names(f"@nufit61_sk_{ordering}")]
    assert len(found) == 6
    (splitting,) = load([f"nufit61_sk_{ordering}_dm3l"])
    assert (splitting.value > 0.0) == (ordering == "NO")


def test_nufit_sets_are_complete():
    for data in ("sk", "nosk"):
        for ordering in ("NO", "IO"):
            found = names(f"@nufit61_{data}_{ordering}")
            assert found == [n for n in catalogue() if n.startswith(f"nufit61_{data}_{ordering}_")]


def test_astrophysics_is_off_by_default():
    astro = names("@astro")
    assert astro == ["trgb_ngc4258", "wd_lf", "sn1987a_dirac"]
    assert not {*astro} & {*names("@default")}
    assert {catalogue()[name]["use"] for name in astro} == {"optional"}


def test_future_holds_projections():
    assert all(name.startswith("future_") for name in names("@future"))
    assert "future_mu_e_conv_Al_mu2e" in names("@future")


def test_the_paper_s_own_numbers():
    found = load(["@2603.25704"], observables=EVERYTHING)
    values = {c.name: getattr(c, "value", None) for c in found}
    assert values["mu_e_gamma_meg2_2023"] == 3.1e-13
    assert "na64_quoted_2603_25704" in values
    assert "na64e_2023" not in values


def test_massive_mediators_take_the_recasts():
    massless = {"mu_eff_pp", "mu_eff_be7", "mu_eff_reactor"}
    vector = {"g_nu_e_solar", "g_nu_e_neutral", "g_nu_e_charged"}
    massive = {*massless, *vector, "m_aprime", "mu_eff_dark_pp", "mu_eff_dark_be7"}
    assert "xenonnt_2022" in names("@default", observables=massless)
    found = names("@default", observables=massive)
    assert {"xenonnt_2022_recoils_dark", "borexino_2017_massive"} <= {*found}
    assert not {"xenonnt_2022", "borexino_2017", "gemma_2012"} & {*found}
    assert names("borexino_2017", observables=massive) == ["borexino_2017"]  # when written out


@pytest.mark.parametrize("name", sets())
def test_every_set_loads_and_has_words(name):
    assert sets()[name]
    assert names(name)


# Alternatives


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["oblique_ST_U0", "rho0"],
            "keep one of oblique_STU, oblique_ST_U0, t_param_alone, rho0, m_W",
        ),
        (["m_W", "oblique_STU"], "'m_W' and 'oblique_STU' exclude each other"),
        (["mu_e_gamma_meg2_2023", "mu_e_gamma_meg2_2025"], "searches for mu -> e gamma"),
        (["delta_a_e_Rb", "delta_a_e_Cs"], "electron g-2"),
        (["sum_mnu_planck", "sum_mnu_desi_dr2"], "cosmological sum of masses"),
        (["xenonnt_2022", "xenonnt_2022_massive"], "exclude each other"),
        (["borexino_2017_massive", "borexino_2017_massive_50keV"], "exclude each other"),
        (["nufit61_sk_NO_s12", "nufit61_nosk_NO_s12"], "global fits of sin2_th12"),
        (["trgb_ngc4258", "trgb_ngc4258_trapped"], "tip of the red-giant branch"),
    ],
)
def test_alternatives_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        load(given)


def test_no_set_holds_alternatives():
    for request in sets():
        tags = [t for n in names(request) if (t := catalogue()[n].get("one_of"))]
        assert len(tags) == len(set(tags)), request


def test_a_name_replaces_its_alternative_in_a_set():
    found = names("@default", "mu_e_gamma_meg2_2023")
    assert "mu_e_gamma_meg2_2023" in found
    assert "mu_e_gamma_meg2_2025" not in found
    assert names("@default", "xenonnt_2022_recoils_dark") == names("@default")


def test_a_later_set_wins():
    assert "future_mu_e_gamma_meg2" in names("@default", "@future")
    assert "mu_e_gamma_meg2_2025" in names("@future", "@default")
    assert "nufit61_nosk_NO_s12" in names("@default", "@nufit61_nosk_NO")
    assert "nufit61_sk_NO_s12" not in names("@default", "@nufit61_nosk_NO")


# Refusals


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (["@defalt"], {}, "'@defalt' is not a known set; did you mean '@default'"),
        (["@default"], {"observables": None}, "the set '@default' can be resolved for a model"),
        (["@astro"], {"observables": {"m_nu"}}, "holds nothing that this model can answer"),
        (["@default"], {"ordering": "normal"}, "ordering must be 'NO' or 'IO', got 'normal'"),
        (["mbb_kamlandzen"], {"observables": {"m_nu"}}, "needs observable 'm_ee'.*Majorana"),
        (["sn1987a_dirac"], {"observables": {"m_nu"}}, "needs observable 'mu_eff_dirac'.*Dirac"),
        (["trgb_omegaCen_trapped"], {"observables": {"mu_eff_plasmon"}}, "setting medium = 'nu"),
        (["na64e_2023"], {"observables": {"eps", "m_aprime"}}, "needs.*'br_inv_aprime'"),
        (["na64_2023"], {}, "not a known constraint; did you mean 'na64e_2023'"),
    ],
)
def test_refusals(given, options, message):
    with pytest.raises(InputError, match=message):
        names(*given, **options)


def test_a_dirac_model_has_no_m_ee_in_its_defaults():
    assert "mbb_kamlandzen" not in names("@default", observables=EVERYTHING - {"m_ee"})
    assert "mbb_kamlandzen" in names("@default")


# What the command line shows


def test_groups():
    assert set(listing("dark_photon")) >= {"na64e_2023", "babar_2017", "sn1987a_visible"}
    assert len(listing()) == len(catalogue()) > 110
    with pytest.raises(InputError, match=r"'darkphoton' is not a group.*mean 'dark_photon'"):
        listing("darkphoton")


def test_card():
    about = card("babar_2017")
    assert about["value"].startswith("eps < curve against m_aprime")
    assert "arXiv:1702.03327" in about["reference"]
    assert "GAMBIT" in about["licence"]
    assert about["alternatives"] == "babar_quoted_2603_25704"
    assert all(isinstance(text, str) for text in about.values())


def test_data_in_words_are_those_of_the_shape():
    """Without building anything: names, numbers and level, in the units of the paper."""
    told = 0
    for name, entry in catalogue().items():
        (built,) = load([name])
        said = words.of(entry)
        assert all(key in said for key in built.requires[:1]), name
        if entry["units"] not in ("deg", "MeV") and isinstance(entry.get("value"), float):
            assert f"{entry['value']:.10g}" in said
            assert said.partition(" (")[0] in built.describe(), name
            told += 1
    assert told > 70


def test_notices_of_every_licence():
    notice = (PAGE.parent.parent / "nmmjax" / "constraints" / "data" / "NOTICE").read_text(
        encoding="utf-8"
    )
    for entry in catalogue().values():
        if "file" in entry:
            assert entry["file"] in notice


# Tails and windows


def test_power_tail():
    (plain,) = load(["sum_mnu_planck"])
    (tailed,) = load(["sum_mnu_planck"], tail_sigma=5.0)

    def value(constraint, pull):
        x = jnp.asarray(pull * 0.12 / 1.959963984540054)
        return float(constraint.log_likelihood({"sum_m_nu": x}))

    for pull in (0.0, 1.0, 4.999):
        assert value(tailed, pull) == value(plain, pull) == pytest.approx(-0.5 * pull**2)
    assert value(tailed, 5.0) == pytest.approx(-12.5, rel=1e-9)
    # -r0^2/2 - r0^2 ln(r/r0): in ln x the slope is -25 everywhere beyond
    slope = jax.grad(lambda log_x: tailed.log_likelihood({"sum_m_nu": jnp.exp(log_x)}))
    for x in (0.31, 1.0, 1e3, 1e30):
        assert float(slope(jnp.log(jnp.asarray(x)))) == pytest.approx(-25.0, rel=1e-9)
    bare = jax.grad(lambda log_x: plain.log_likelihood({"sum_m_nu": jnp.exp(log_x)}))
    assert float(bare(jnp.asarray(0.0))) < -200.0
    assert value(tailed, 50.0) > value(plain, 50.0)
    assert tailed.tail_sigma == 5.0


def test_window():
    entry = tomllib.loads(OWN)["mine"] | {"type": "window", "value": [2.0, 3.0], "sigma": 0.5}
    entry = {k: x for k, x in entry.items() if k not in ("power", "cl")}
    window = build("mine", entry)
    assert isinstance(window, Window)
    x = np.array([0.9, 1.5, 2.0, 2.5, 3.0, 4.5])
    found = [float(window.log_likelihood({"mu_eff_reactor": jnp.asarray(v)})) for v in x]
    assert found == pytest.approx([-2.42, -0.5, 0.0, 0.0, 0.0, -4.5])
    allowed = [bool(window.allowed({"mu_eff_reactor": jnp.asarray(v)})) for v in x]
    assert allowed == [False, True, True, True, True, False]


def test_flags_weigh_nothing():
    (flag,) = load(["bbn_mev"])
    light = {"m_aprime": jnp.asarray(1e-3)}
    assert float(flag.log_likelihood(light)) == 0.0
    assert not flag.allowed(light)
    assert flag.allowed({"m_aprime": jnp.asarray(5e-3)})


def test_katrin_is_allowed_up_to_its_quoted_limit():
    (katrin,) = load(["katrin_2025"])
    assert katrin.allowed({"m_beta": jnp.asarray(0.449)})
    assert not katrin.allowed({"m_beta": jnp.asarray(0.451)})


# The user's own


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_can_be_followed(tmp_path):
    own, run = blocks("toml")
    (curve,) = blocks("text")
    (tmp_path / "my_limits.toml").write_text(own, encoding="utf-8")
    (tmp_path / "my_curve.csv").write_text(curve, encoding="utf-8")
    target = tomllib.loads(run)["target"]
    files = [tmp_path / file for file in target["constraint_files"]]
    found = load(target["constraints"], observables=EVERYTHING, files=files)
    mine = {c.name: c for c in found}
    reactor, dark = mine["my_reactor_2027"], mine["my_dark_photon_2027"]
    assert isinstance(reactor, UpperLimit)
    assert reactor.source.reference == "my experiment, arXiv:0000.00000"
    assert isinstance(dark, LimitCurve)
    assert float(dark.limit_at(jnp.asarray(0.01))) == pytest.approx(1e-5, rel=1e-12)
    assert "na64e_2023" not in mine
    assert "xenonnt_2022_recoils_dark" in mine


def test_the_page_names_every_type_and_set():
    page = PAGE.read_text(encoding="utf-8")
    for entry in catalogue().values():
        assert f"`{entry['type']}`" in page
    for name in sets():
        assert f"`{name}`" in page


@pytest.mark.parametrize(
    ("toml", "csv", "message"),
    [
        (OWN.replace('reference = "arXiv:0000.00000"\n', ""), "", "'mine': reference is missing"),
        (OWN.replace("1e-11", "-1e-11"), "", "value must be a number > 0, got -1e-11"),
        (OWN.replace("[mine]", "[xenonnt_2022]"), "", "a constraint 'xenonnt_2022' already"),
        (OWN.replace("[mine]", '["my limit"]'), "", "'my limit' is not a name of letters"),
        ("mine = 3\n", "", "'mine' must be a table"),
        ("[mine\n", "", "my.toml: not valid TOML"),
        (OWN.replace("cl = 0.9", "limit = 0.9"), "", "unknown key 'limit'"),
        (OWN.replace('"lookup"', '"lookup"\nuse = "sometimes"'), "", "use 'sometimes' is unknown"),
        (CURVE, "m,eps90\n1,2\n2,3\n", "curve.csv has no column 'eps'; did you mean 'eps90'"),
        (CURVE, "m,eps\n1,2\n0.5,3\n", "curve.csv, line 3: masses must increase.* of line 2"),
        (CURVE, "m,eps\n1,2\n2,-3\n", "curve.csv, line 3: limit must be > 0"),
        (CURVE, "m,eps\n1,2\n2,\n", "curve.csv, line 3: no number in column 2"),
        (CURVE, "m,eps\n1,2\n# a comment\n2,nan\n", "curve.csv, line 4: .*it is not finite"),
        (CURVE, "m,eps\n1,2\n2\n", "curve.csv, line 3: 1 cells, but the header has 2"),
        (CURVE, "m,eps\n1,2\n", "curve.csv has one row of numbers; a curve needs two"),
        (CURVE, "m,eps\n", "curve.csv has a header and no row of numbers"),
        (CURVE, "", "curve.csv is empty"),
        (CURVE.replace("curve.csv", "none.csv"), "", "curve file '.*none.csv': No such"),
        (CURVE.replace('columns = ["m", "eps"]\n', ""), "m,eps\n1,2\n", "columns must name those"),
        (CURVE.replace('file = "curve.csv"', "mass = [1.0]"), "", "columns belong to a file"),
        (CURVE + "limit = [1.0]\n", "m,eps\n1,2\n2,3\n", "give limit or a file, not both"),
    ],
)  # fmt: skip
def test_own_files_that_are_wrong(tmp_path, toml, csv, message):
    (tmp_path / "my.toml").write_text(toml, encoding="utf-8")
    (tmp_path / "curve.csv").write_text(csv, encoding="utf-8")
    name = "curve" if "[curve]" in toml else "mine"
    with pytest.raises(InputError, match=message) as error:
        load([name], files=[tmp_path / "my.toml"])
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'my.toml'}: ")


def test_own_files_that_are_not_there(tmp_path):
    with pytest.raises(
        InputError, match=r"none.toml: cannot read file of constraints .*No such file"
    ):
        load(["mine"], files=[tmp_path / "none.toml"])
    with pytest.raises(InputError, match=r"curve.csv: a curve needs a TOML table"):
        load(["mine"], files=[tmp_path / "curve.csv"])
