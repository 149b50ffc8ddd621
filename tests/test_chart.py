"""Charts: constant Jacobian by autodiff, round trips, and log m_nu as a coordinate."""

import pathlib

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from nmmjax import chart, plugins
from nmmjax.model import Model, Ratio
from nmmjax.models.weak_triplet import WeakTriplet

TOY = f"{pathlib.Path(__file__).parent / 'toy_model.py'}:Toy"
Toy = plugins.find(TOY, "nmmjax.models", lambda c: issubclass(c, Model), "model")

MODELS = [Toy(), WeakTriplet(), WeakTriplet(rge=True, lambda_uv=1e6)]
IDS = ["toy", "weak_triplet", "weak_triplet with rge"]


def defaults(model):
    return {p.name: p.prior for p in model.parameters}


def draws(made, count, seed=0):
    """Coordinates of prior draws, (count, dim)."""
    u = jr.uniform(jr.key(seed), (count, made.dim), minval=1e-9)
    slots = made.slots
    return jax.vmap(
        lambda u: jnp.concatenate([prior.from_unit(u[slots[p]]) for p, prior in made.priors])
    )(u)


@pytest.mark.parametrize("kind", ["auto", "shear", "box"])
@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_log_det_is_the_constant_it_claims(model, kind):
    made = chart.build(model, defaults(model), {}, kind)
    jacobian = jax.vmap(jax.jacfwd(made.position))(draws(made, 40))
    _, log_det = np.linalg.slogdet(np.asarray(jacobian))
    np.testing.assert_allclose(log_det, made.log_det, atol=1e-10)


@pytest.mark.parametrize("kind", ["auto", "shear", "box"])
@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_position_and_coordinates_are_inverse(model, kind):
    made = chart.build(model, defaults(model), {}, kind)
    c = draws(made, 2000)
    there_and_back = jax.vmap(lambda c: made.coordinates(made.position(c)))(c)
    np.testing.assert_allclose(there_and_back, c, atol=1e-10)


@pytest.mark.parametrize("kind", ["auto", "shear"])
@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_first_coordinate_of_the_rescaling_is_log_m_nu(model, kind):
    made = chart.build(model, defaults(model), {}, kind)
    z = jax.vmap(made.position)(draws(made, 500))
    log_m = jax.vmap(lambda z: jnp.log(model.predict(made.theta(z))["m_nu"]))(z)
    pivot = made.slots[model.rescaling.weights[0][0]].start
    assert np.abs(z[:, pivot] - log_m).max() < 5e-3  # the homogeneity defect, not rounding
    assert np.median(np.abs(z[:, pivot] - log_m)) < 1e-6


def test_ratio_coordinate_is_the_log_of_the_ratio():
    made = chart.build(Toy(), defaults(Toy()), {}, "auto")
    c = draws(made, 200)
    z = jax.vmap(made.position)(c)
    out = jax.vmap(lambda c: Toy().predict(made.values(c)))(c)
    handle = made.slots["a"].start
    middle = 0.5 * (np.log(1e-12) + np.log(1e-2))
    ratio = np.log(np.abs(out["m_nu_dirac"] / out["m_nu_seesaw"]))
    # z_h = (c_h - h_ref) + ln|ratio at the reference handle and scale|, ratio proportional to a
    np.testing.assert_allclose(z[:, handle], ratio, atol=2e-3)
    assert np.ptp(ratio) > abs(middle) / 10.0


def test_theta_round_trip_with_fixed_and_circular_parameters():
    priors = defaults(Toy())
    del priors["x"]
    made = chart.build(Toy(), priors, {"x": 0.01}, "auto")
    theta = {"b": 0.2, "a": 1e-5, "m_psi": 900.0, "lambda_hs": -0.3, "phase": 2.5}
    back = made.theta(made.z({p: jnp.asarray(x) for p, x in theta.items()}))
    for p, x in theta.items():
        np.testing.assert_allclose(back[p], x, rtol=1e-12)
    assert float(back["x"]) == 0.01


def test_a_shear_is_left_out_where_its_parameters_are_not_sampled_in_logs():
    priors = defaults(Toy())
    del priors["a"]
    assert chart.build(Toy(), priors, {"a": 1e-6}, "auto").rescaling is None


class DegreeTwo(Toy):
    @property
    def ratios(self):
        return (Ratio("a", ("m_nu_dirac",), ("m_nu_seesaw",), degree=2.0),)


def test_a_wrong_degree_changes_the_chart_but_never_its_constant_jacobian():
    made = chart.build(DegreeTwo(), defaults(Toy()), {}, "auto")
    jacobian = jax.vmap(jax.jacfwd(made.position))(draws(made, 10))
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], np.log(2.0), atol=1e-10)
