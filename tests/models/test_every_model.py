"""What the contract asks of every model, parametrised over the files in nmmjax/models and runs."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import pytest

from helpers.places import ROOT
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.physics.constants import SM
from nmmjax.runfile import plugins
from nmmjax.runfile.build import read
from nmmjax.target.model import Model, check_priors
from nmmjax.target.priors import Uniform

MODELS = plugins.names("nmmjax.models")
EV = 1e9
NO_SCALE = ("sm_dirac", "sm_majorana")  # nothing heavy beyond the Standard Model
MASSLESS = ("dipole_portal",)  # lepton number forbids the mass
# the scale Lambda of m_nu_naive = Lambda^2 mu/(2 m_e mu_B) at the reference point, GeV
SCALES = {
    "bfz": lambda t: t["m_h_plus"],
    "bridge": lambda t: max(t["m_f"], t["m_s"]),
    "bridge_fourplet": lambda t: max(t["m_f"], t["m_s"]),
    "bridge_majorana": lambda t: max(t["m_psi"], t["m_s"]),
    "colored_triplet": lambda t: max(t["m_f"], t["m_s"]),
    "dipole_portal": lambda t: t["lambda_uv"],
    "inert_doublet": lambda t: max(t["m_f"], (t["mu2_eta"] + t["lambda_3"] * SM.v_h**2) ** 0.5),
    "left_right": lambda t: SM.m_w,
    "su2_horizontal": lambda t: t["m_h_plus"],
    "weak_triplet": lambda t: max(t["m_psi"], t["m_phi"]),
    "zee": lambda t: t["m_h_plus"],
}


def model_of(name):
    return plugins.find(
        name, "nmmjax.models", lambda c: "" if issubclass(c, Model) else "no", "model"
    )()


@pytest.fixture(scope="module", params=MODELS)
def named(request):
    """(file name, model, observables at the reference point)."""
    model = model_of(request.param)
    theta = {p: jnp.asarray(x) for p, x in model.reference.items()}
    return request.param, model, jax.jit(model.predict)(theta)


def test_reference_point_is_inside_the_domain_and_finite(named):
    name, model, found = named
    theta = {p: jnp.asarray(x) for p, x in model.reference.items()}
    assert all(float(margin) > 0.0 for margin in model.domain(theta).values())
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in found.values())
    assert all(quantity(name) for name in found)
    assert "mu_nu" in found
    assert ("m_nu" in found) == (name not in MASSLESS)


@pytest.mark.parametrize("name", MODELS)
def test_masses_that_are_not_positive_are_refused(name):
    """Outside the domain at a point, and one line for a run file."""
    model = model_of(name)
    for mass in model.masses:
        for value in (0.0, -abs(model.reference[mass])):
            theta = {p: jnp.asarray(x) for p, x in (model.reference | {mass: value}).items()}
            assert not all(float(margin) > 0.0 for margin in model.domain(theta).values()), mass
            with pytest.raises(InputError, match=f"{mass} = .* is not a positive mass"):
                check_priors(model, model.reference | {mass: value})
    if model.masses:
        wrong = model.reference | {model.masses[0]: Uniform(-2.0, -1.0)}
        with pytest.raises(InputError, match="at most -1 is not a positive mass"):
            check_priors(model, wrong)
    check_priors(model, model.reference)


def test_every_model_with_a_scale_says_what_mass_its_moment_suggests(named):
    name, model, found = named
    if name in NO_SCALE:
        assert "m_nu_naive" not in found
        return
    assert float(found["m_nu_naive"]) > 0.0
    if name in SCALES:
        naive = EV * SCALES[name](model.reference) ** 2 * float(found["mu_nu"]) / (2.0 * SM.m_e)
        assert float(found["m_nu_naive"]) == pytest.approx(naive, rel=1e-12)


def test_every_model_beyond_the_standard_one_names_planes_of_what_it_has(named):
    name, model, found = named
    asked = {x for plane in model.planes for x in dataclasses.astuple(plane)}
    assert asked <= {*model.reference, *found, ""}
    assert bool(asked) == (name not in NO_SCALE)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_run_file(name):
    paths = sorted((ROOT / "runs").glob("*.toml"))
    assert name in {read(path)[0].model.name for path in paths}


@pytest.mark.parametrize("name", MODELS)
def test_docstring_is_short_and_the_rest_is_a_page(name):
    text = inspect.getdoc(type(model_of(name))) or ""
    assert text.count("\n") < 40
    assert f"docs/models/{name}.md" in text
    assert (ROOT / "docs" / "models" / f"{name}.md").is_file()


def test_the_table_of_largest_moments_has_every_model():
    lines = (ROOT / "docs" / "frontier.md").read_text().splitlines()
    named = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    files = [name for name in named if (ROOT / "runs" / f"{name}.toml").is_file()]
    assert {read(ROOT / "runs" / f"{name}.toml")[0].model.name for name in files} == {*MODELS}
