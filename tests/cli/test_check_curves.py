"""`nmmjax check` says which curves have no effect."""

import pytest

from nmmjax.cli.check import _idle
from nmmjax.constraints.library import load
from nmmjax.models.dark_dipole.model import DarkDipole
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import LogUniform


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (100.0, "no effect: m_aprime = 100 GeV is outside its curve"),
        (LogUniform(20.0, 50.0), "no effect: m_aprime from 20 to 50 GeV is outside its curve"),
        (0.05, ""),
        (LogUniform(1e-3, 50.0), ""),
    ],
)
def test_a_curve_outside_its_range_has_no_effect(given, words):
    limits = load(["na64e_2023"], observables={"eps", "m_aprime", "br_inv_aprime"})
    posterior = Posterior(DarkDipole(), {"m_aprime": given}, limits)
    assert " ".join(_idle(posterior, posterior.constraints[0])) == words
