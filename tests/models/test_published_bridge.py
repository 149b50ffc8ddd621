"""Numbers behind the claims of arXiv:2506.15777: those of its errata, and independent checks."""

import json
import math

import jax.numpy as jnp
import pytest

from helpers.places import TESTS as HERE
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.physics.one_loop import I_F, I_S, G, Gm
from published import bridge as TABLE

CHECKS = json.loads((HERE / "reference" / "bridge" / "checks.json").read_text())["checks"]
HEADLINE = json.loads((HERE / "reference" / "bridge" / "model_independent.json").read_text())[
    "headline"
]


@pytest.mark.parametrize("row", TABLE.NUMBERS, ids=lambda row: row[0])
def test_number_of_the_errata(row):
    _, stated, value = row
    assert value() == pytest.approx(stated, rel=1e-3)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("case_c_1TeV_mu_at_that_ypsi_muB", "moment of case (c)"),
        ("same_with_kappaRG_from_10TeV_mu_muB", "moment with cubic coupling"),
        ("RGE_bound_mu_muB_0.05eV_Lambda1TeV_r=-1", "bound by running, 0.05 eV"),
        ("majorana_1TeV_sb0.1_yN1_ypsi_for_M=0.05eV", "y_psi of the Majorana case"),
        ("majorana_mu_at_that_muB", "moment of the Majorana case"),
        ("doublet_Y=1/2_EW_split_GeV", "electroweak splitting of doublets, GeV"),
        ("ModelIII_EW_split_GeV", "electroweak splitting of Y = 1/3 triplets, GeV"),
    ],
)
def test_headline_numbers(key, name):
    """Thirty-digit headline values; those of case (c) to first order in the mixing, 1e-7."""
    (value,) = (row[2] for row in TABLE.NUMBERS if row[0] == name)
    first_order = 3e-6 if "case_c" in key or "kappaRG" in key else 1e-11
    assert value() == pytest.approx(float(HEADLINE[key]), rel=first_order)


@pytest.mark.parametrize("square", ["0.01", "0.25", "0.9999", "4", "100"])
def test_printed_over_derived_moment(square):
    """arXiv:2605.19544, Eq. (42), over Eq. (13) here: 2 Gm/G at t = (m_psi/m_phi)^2."""
    t = jnp.asarray(1.0 / float(square))
    stated = CHECKS[f"FS42/true at (mphi/mpsi)^2={square}"]
    assert float(2.0 * Gm(t) / G(t)) == pytest.approx(float(stated), rel=1e-7)


def test_known_limits_of_the_photon_graphs():
    """(g-2)_mu of a light Higgs boson, -ln t - 7/6, and of the S1 leptoquark, 7/4 + ln t."""
    t = jnp.asarray(1e-8)
    higgs = float(I_F(t)) + 1.0 / 3.0
    assert higgs == pytest.approx(-math.log(1e-8) - 7.0 / 6.0, rel=1e-7)
    leptoquark = 2.0 / 3.0 * float(I_F(t)) - 1.0 / 3.0 * float(I_S(t))
    assert leptoquark == pytest.approx(-2.0 / 3.0 * (math.log(1e-8) + 7.0 / 4.0), rel=1e-7)


def test_neutral_scalars_are_a_third_of_the_dim_4_loop():
    """arXiv:2605.19544, Eq. (45), against the whole SU(2) multiplet at 30 and 40 TeV."""
    model = WeakTriplet(y_lepton=1e-12)
    theta = model.reference | {"y_d": 0.0, "y_psi": 0.1 * math.sqrt(2.0), "lambda_hs": 0.0}
    theta |= {"m_psi": 4e4, "m_phi": 3e4, "v_s": 1e-6}
    found = model.predict({p: jnp.asarray(x) for p, x in theta.items()})
    complete = 1.5 * float(found["m_nu_charged"])  # two of three equal components
    stated = float(CHECKS["hSmix/(dim4/3) at 30-40 TeV"])
    assert float(found["m_nu_neutral"]) / (complete / 3.0) == pytest.approx(stated, rel=1e-6)
