"""Neutrinos heavy inside stars: the mass, and a run file that names the limits which need it."""

import jax.numpy as jnp
import pytest

from helpers.places import ROOT
from nmmjax.constraints import library
from nmmjax.models import _medium
from nmmjax.models.bfz import Bfz
from nmmjax.models.su2_horizontal import SU2Horizontal
from nmmjax.models.zee import Zee
from nmmjax.runfile.build import build_posterior, read

ON = ["model.settings.medium='nucleons'", "target.constraints=['trgb_omegaCen_trapped']"]
RUN = ROOT / "runs" / "su2_horizontal.toml"


@pytest.mark.parametrize(("medium", "target"), [("nucleons", "N"), ("electrons", "e")])
def test_mass_in_the_core(medium, target, reference):
    """A short-ranged scalar: y_nu y_f n/m_phi^2 with 30-digit densities at 1e6 g/cm^3."""
    rows = reference("constraints/trapping.json")["rows"]
    (density,) = {
        float(row["n_source_eV3"])
        for row in rows
        if row["target"] == target and float(row["rho_gcc"]) == 1e6
    }
    theta = {"y_medium": jnp.asarray(1e-32), "m_medium": jnp.asarray(1e-10)}
    found = float(_medium.observables(theta, medium)["m_nu_medium"])
    assert found == pytest.approx(1e-32 * density / 1e-20, rel=1e-8)
    assert _medium.observables(theta, "none") == {}


@pytest.mark.parametrize("model", [SU2Horizontal, Zee, Bfz])
def test_the_setting_adds_parameters(model):
    plain, heavy = model(), model(medium="electrons")
    names = {p.name for p in heavy.parameters} - {p.name for p in plain.parameters}
    assert names == {"y_medium", "m_medium"} == {*heavy.reference} - {*plain.reference}


def test_a_run_file_may_name_the_limit():
    runfile, _ = read(RUN, ON)
    posterior = build_posterior(runfile, RUN.name)
    assert [c.name for c in posterior.constraints] == ["trgb_omegaCen_trapped"]
    theta = {p: jnp.asarray(x) for p, x in posterior.model.reference.items()}
    (limit,) = posterior.constraints
    seen = [
        float(limit.log_likelihood({"mu_eff_plasmon": jnp.asarray(1e-11), "m_nu_medium": m}))
        for m in (
            jnp.asarray(0.0),
            _medium.observables(theta | {"y_medium": jnp.asarray(1e-28)}, "nucleons")[
                "m_nu_medium"
            ],
        )
    ]
    assert seen[0] < -100.0
    assert seen[1] == 0.0


def test_without_it_a_set_leaves_the_limit_out():
    names = {p.name for p in SU2Horizontal().parameters} | {"mu_eff_plasmon"}
    assert not any("trapped" in c.name for c in library.load(["@astro"], observables=names))
