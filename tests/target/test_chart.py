"""Charts: constant Jacobian by autodiff, round trips, and log m_nu as a coordinate."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers.toy_model import Toy
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.target import chart
from nmmjax.target.model import Ratio, guarded_predict
from nmmjax.target.naturalness import tuning_cancel

CASES = [
    pytest.param(Toy(), "ratios", id="toy-ratios"),
    pytest.param(Toy(), "shear", id="toy-shear"),
    pytest.param(Toy(), "box", id="toy-box"),
    pytest.param(WeakTriplet(rge=False), "shear", id="weak_triplet-shear", marks=pytest.mark.slow),
    pytest.param(
        WeakTriplet(rge=True, lambda_uv=1e6),
        "ratios",
        id="weak_triplet-rge-ratios",
        marks=pytest.mark.slow,
    ),
]


def defaults(model):
    return {p.name: p.prior for p in model.parameters}


def draws(made, count, seed=0):
    """Coordinates of `count` prior draws inside the model's domain, (count, dim)."""
    u = jr.uniform(jr.key(seed), (8 * count, made.dim), minval=1e-9)
    slots = made.slots

    @jax.jit
    @jax.vmap
    def point(u):
        c = jnp.concatenate([prior.from_unit(u[slots[p]]) for p, prior in made.priors])
        return c, guarded_predict(made.model, made.values(c))[1]

    c, inside = point(u)
    return c[inside][:count]


@pytest.mark.parametrize(("model", "kind"), CASES)
def test_log_det_is_the_constant_it_claims(model, kind):
    made = chart.build(model, defaults(model), {}, kind)
    c = draws(made, 40)
    claimed = jax.jit(jax.vmap(made.forward))(c)[1]
    assert np.ptp(claimed) == 0.0
    jacobian = jax.jit(jax.vmap(jax.jacfwd(made.position)))(c)
    _, log_det = np.linalg.slogdet(np.asarray(jacobian))
    np.testing.assert_allclose(log_det, claimed, atol=1e-10)


@pytest.mark.parametrize(("model", "kind"), CASES)
def test_position_and_coordinates_are_inverse(model, kind):
    made = chart.build(model, defaults(model), {}, kind)
    c = draws(made, 2000)
    there_and_back = jax.jit(jax.vmap(lambda c: made.coordinates(made.position(c))))(c)
    np.testing.assert_allclose(there_and_back, c, atol=1e-10)


@pytest.mark.parametrize(("model", "kind"), CASES)
def test_walls_are_the_bounds_of_coordinates_that_the_chart_leaves_alone(model, kind):
    made = chart.build(model, defaults(model), {}, kind)
    c = draws(made, 40)
    z = jax.jit(jax.vmap(made.position))(c)
    own = [prior.walls for _, prior in made.priors for _ in range(prior.dims)]
    left_alone = np.all(z == c, axis=0)
    for i, walls in enumerate(made.walls):
        assert walls == (own[i] if left_alone[i] else (-np.inf, np.inf)), made.labels[i]
    assert kind != "box" or np.isfinite(made.walls).any()


@pytest.mark.parametrize(("model", "kind"), [c for c in CASES if c.values[1] != "box"])
def test_first_coordinate_of_the_rescaling_is_log_m_nu(model, kind):
    """Up to the homogeneity defect of the terms, which cancellation among them magnifies."""
    made = chart.build(model, defaults(model), {}, kind)

    @jax.jit
    @jax.vmap
    def at(c):
        z = made.position(c)
        out = model.predict(made.theta(z))
        return z, jnp.log(out["m_nu"]), tuning_cancel(out, model.mass_terms)

    z, log_m, cancel = at(draws(made, 1000))
    defect = np.abs(z[:, made.slots[model.rescaling.weights[0][0]].start] - log_m)
    assert np.median(defect) < 1e-6
    assert (defect / cancel).max() < 2e-3  # (m_S/m_psi)^2 at the corner of the default priors


def test_ratio_coordinate_is_the_log_of_the_ratio():
    made = chart.build(Toy(), defaults(Toy()), {}, "auto")
    c = draws(made, 200)
    z = jax.vmap(made.position)(c)
    out = jax.vmap(lambda c: Toy().predict(made.values(c)))(c)
    ratio = np.log(np.abs(out["m_nu_dirac"] / out["m_nu_seesaw"]))
    # numerator and denominator are exactly homogeneous in a and in (b, a)
    np.testing.assert_allclose(z[:, made.slots["a"].start], ratio, atol=1e-9)
    assert np.ptp(ratio) > 10.0


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


def test_a_parameter_that_is_zero_has_any_scale():
    priors = defaults(Toy())
    del priors["a"]
    made = chart.build(Toy(), priors, {"a": 0.0})
    assert made.rescaling is not None
    c = draws(made, 100)
    z, log_det = jax.vmap(made.forward)(c)
    np.testing.assert_allclose(jax.vmap(made.coordinates)(z), c, atol=1e-10)
    jacobian = jax.vmap(jax.jacfwd(made.position))(c[:20])
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], log_det[:20], atol=1e-10)
    mass = jax.vmap(lambda c: made.model.predict(made.values(c))["m_nu"])(c)
    pivot = made.index(made.rescaling.weights[0][0])
    np.testing.assert_allclose(z[:, pivot], np.log(mass), atol=1e-6)


class DegreeTwo(Toy):
    @property
    def ratios(self):
        return (Ratio("a", ("m_nu_dirac",), ("m_nu_seesaw",), degree=2.0),)


@pytest.mark.slow
def test_a_wrong_degree_changes_the_chart_but_never_its_constant_jacobian():
    made = chart.build(DegreeTwo(), defaults(Toy()), {}, "auto")
    jacobian = jax.vmap(jax.jacfwd(made.position))(draws(made, 10))
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], np.log(2.0), atol=1e-10)
