"""The domain of the oscillation inputs, and fixed values of the other sign convention."""

import jax.numpy as jnp
import numpy as np
import pytest

from nmmjax.constraints import library
from nmmjax.errors import InputError
from nmmjax.models import _oscillation
from nmmjax.models.dark_dipole.model import DarkDipole
from nmmjax.models.sm_dirac import SmDirac
from nmmjax.models.sm_majorana import SmMajorana
from nmmjax.models.weak_triplet3.model import WeakTriplet3
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import Uniform

MODELS = {
    "sm_dirac": lambda o: SmDirac(ordering=o),
    "sm_majorana": lambda o: SmMajorana(ordering=o),
    "dark_dipole": lambda o: DarkDipole(ordering=o, yukawas="casas_ibarra"),
    "weak_triplet3": lambda o: WeakTriplet3(ordering=o, yukawas="oscillation"),
}
SIZE = 2.483e-3


def inside(model, **changed):
    """Names of the margins that are not positive at the reference point, changed."""
    theta = {p: jnp.asarray(x) for p, x in (dict(model.reference) | changed).items()}
    return {name for name, margin in model.domain(theta).items() if not margin > 0.0}


@pytest.mark.parametrize("ordering", ["NO", "IO"])
@pytest.mark.parametrize("name", MODELS)
def test_the_domain_asks_for_the_sign_and_the_size_of_the_ordering(name, ordering):
    model, sign = MODELS[name](ordering), 1.0 if ordering == "NO" else -1.0
    assert inside(model) == set()
    assert inside(model, dm2_3l=sign * SIZE) == set()
    assert inside(model, dm2_3l=-sign * SIZE) == {"dm2_3l"}
    assert inside(model, dm2_3l=sign * 5e-5) == {"dm2_3l"}  # smaller than dm2_21
    assert inside(model, dm2_21=-7.5e-5) == {"dm2_21"}
    assert inside(model, sin2_th13=-0.01) == {"sin2_th13"}
    if "m_lightest" in model.reference:
        assert inside(model, m_lightest=0.0) == set()
        assert inside(model, m_lightest=-1e-3) == {"m_lightest"}


@pytest.mark.parametrize("name", MODELS)
def test_a_fixed_value_of_the_wrong_sign_is_one_line_about_the_convention(name):
    for ordering, wrong, right in (("IO", SIZE, "-0.002483"), ("NO", -SIZE, "0.002483")):
        with pytest.raises(InputError) as caught:
            Posterior(MODELS[name](ordering), {"dm2_3l": wrong})
        line = str(caught.value)
        assert "\n" not in line
        assert f"dm2_3l = {wrong:g} has the wrong sign" in line
        assert "NuFIT" in line
        assert f"give {right}, or ordering = " in line


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"dm2_3l": Uniform(2e-3, 3e-3)},
            r"\[0.002, 0.003\] has the wrong sign.*\[-0.003, -0.002\]",
        ),
        ({"dm2_3l": -5e-5}, "not larger in size than dm2_21"),
        ({"dm2_21": -7.5e-5}, "not positive"),
        ({"sin2_th13": 1.2}, "sin2_th13 = 1.2 is not between 0 and 1"),
        ({"m_lightest": -0.1}, "negative mass"),
    ],
)
def test_priors_that_leave_no_domain_are_refused(given, text):
    with pytest.raises(InputError, match=text):
        Posterior(SmDirac(ordering="IO"), given)


def test_a_wide_prior_keeps_its_right_half():
    target = Posterior(
        SmMajorana(ordering="IO"),
        {"dm2_3l": Uniform(-3e-3, 3e-3)},
        library.load(["katrin_2025"]),
    )
    good = {p: jnp.asarray(x) for p, x in _oscillation.reference("IO").items()}
    assert np.isfinite(float(target(target.z(good))))
    wrong = good | {"dm2_3l": jnp.asarray(SIZE)}
    assert float(target(target.z(wrong))) == -np.inf
    assert not bool(target.allowed(wrong))
