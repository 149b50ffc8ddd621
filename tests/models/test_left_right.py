"""left_right: 30-digit values, limits of the mixing and of the heavy W."""

import jax.numpy as jnp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.models.left_right import LeftRight
from nmmjax.physics.constants import SM


def point(xi=1e-4, m_w2=5e3, m_nu=0.05):
    return {"xi": jnp.asarray(xi), "m_w2": jnp.asarray(m_w2), "m_nu_dirac": jnp.asarray(m_nu)}


def test_every_reference_row(reference):
    sm = made_with("baselines/models.json")
    for row in reference("baselines/models.json")["LR"]:
        theta = point(float(row["xi"]), float(row["MW2"]), 1e9 * float(row["mnu_GeV"]))
        derived = LeftRight(lepton=row["ml"], sm=sm).predict(theta)
        printed = LeftRight(lepton=row["ml"], convention="as_printed", sm=sm).predict(theta)
        assert float(derived["mu_nu_flip"]) == pytest.approx(float(row["mu_flip_exact"]), rel=1e-14)
        assert float(derived["mu_nu_mass"]) == pytest.approx(float(row["mu_mass_term"]), rel=1e-14)
        assert float(printed["mu_nu"]) == pytest.approx(float(row["slide"]), rel=1e-14)
        r = (sm.m_w / float(row["MW2"])) ** 2
        leading = float(printed["mu_nu"]) * (1.0 - r)
        assert leading == pytest.approx(float(row["mu_flip_leading"]), rel=1e-13)
        assert float(derived["mu_nu_flip"]) == pytest.approx(leading, rel=2e-3)


def test_no_mixing_leaves_the_moment_of_the_mass():
    """xi -> 0: the flip falls linearly, 3 e G_F m/(8 sqrt2 pi^2) (1+r) stays."""
    small, smaller = (LeftRight().predict(point(xi=x))["mu_nu_flip"] for x in (1e-6, 1e-7))
    assert float(small / smaller) == pytest.approx(10.0, rel=1e-9)
    sm_like = LeftRight().predict(point(xi=1e-300, m_w2=1e9))["mu_nu"]
    assert float(sm_like) == pytest.approx(0.05 * 3.20262541578e-19, rel=1e-10)


def test_heavy_w2_decouples():
    flips = [
        float(LeftRight(lepton="tau").predict(point(m_w2=m))["mu_nu_flip"])
        for m in (1e3, 1e4, 1e12)
    ]
    defects = [abs(flip / flips[2] - 1.0) for flip in flips[:2]]
    assert np.log10(defects[0] / defects[1]) == pytest.approx(2.0, abs=0.01)


def test_moment_grows_with_the_lepton_mass():
    per_mass = [
        float(LeftRight(lepton=name).predict(point())["mu_nu_flip"]) / mass
        for name, mass in (("e", SM.m_e), ("mu", SM.m_mu), ("tau", SM.m_tau))
    ]
    assert per_mass[0] == pytest.approx(per_mass[1], rel=1e-5)
    assert per_mass[0] == pytest.approx(per_mass[2], rel=3e-3)
    beams = [set(LeftRight(lepton=name).predict(point())) for name in ("e", "mu", "tau")]
    assert "mu_eff_reactor" in beams[0] - beams[1]
    assert "mu_eff_numu" in beams[1] - beams[2]


def test_a_negative_mass_of_the_neutrino_is_outside_the_domain():
    for mass, inside in ((-0.05, False), (0.0, True), (0.05, True)):
        margins = LeftRight().domain(point(m_nu=mass))
        assert all(float(x) > 0.0 for x in margins.values()) == inside
