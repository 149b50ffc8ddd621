"""Signed excess over limits against `allowed`, for every entry of the library."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.toy_model import Toy
from nmmjax.constraints.base import over
from nmmjax.constraints.gaussians import GaussianND, Measurement
from nmmjax.constraints.library import catalogue, load, prefer
from nmmjax.constraints.limits import LowerLimit
from nmmjax.constraints.recoils import RecoilSpectrum
from nmmjax.constraints.regions import ExcludedRegion
from nmmjax.constraints.wishes import Window
from nmmjax.target import excess
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import Angle, LogUniform, Normal, SignedLog, Uniform

COUNT = 4000
RNG = np.random.default_rng(11)


def centre(constraint):
    """A value near the edge of what each shape allows: (value, half the width to look at)."""
    if isinstance(constraint, Measurement):
        if constraint.limit is not None:
            return 0.0, 3.0 * constraint.limit
        sigma = max(constraint.sigma_plus, constraint.sigma_minus)
        y = np.linspace(constraint.value - 8.0 * sigma, constraint.value + 8.0 * sigma, 2)
        low, high = np.sign(y) * np.abs(y) ** (1.0 / constraint.power)
        return 0.5 * (low + high), 0.5 * (high - low)
    if isinstance(constraint, Window):
        low, high = constraint.value
        return 0.5 * (low + high), high - low + 4.0 * constraint.sigma
    if isinstance(constraint, LowerLimit):
        return constraint.value, 2.0 * constraint.value
    if isinstance(constraint, ExcludedRegion):
        return None, (min(constraint.coupling), max(constraint.coupling))
    if hasattr(constraint, "mass"):
        some = np.asarray(constraint.mass)[1:]
        limits = np.asarray(constraint.limit_at(jnp.asarray(some)))
        return None, (limits.min(), limits.max())
    value = np.max(constraint.value)
    return 0.0, 3.0 * value


def recoils(constraint, moment, mass, coupling):
    """Observables of a spectrum of recoils: a moment, and a vector boson that couples so."""
    values = {"moment": moment, "mass": mass, "vector": coupling}
    values |= {"neutral": 0.5 * coupling, "charged": 0.5 * coupling}
    roles = zip(constraint.signals.split(), constraint.requires, strict=True)
    return {name: values[role] for role, name in roles}


def points(constraint):
    """Observables at random points on both sides of the limit."""
    if isinstance(constraint, RecoilSpectrum):
        (alone,) = load(["xenonnt_2022_recoils"])
        moment = RNG.uniform(-3.0, 3.0, COUNT) * alone.interval().high
        light = 10.0 ** RNG.uniform(-8.0, -6.0, COUNT)  # GeV: no suppression
        return recoils(constraint, moment, light, 10.0 ** RNG.uniform(-16.0, -13.0, COUNT))
    if isinstance(constraint, GaussianND):
        sigma = np.asarray(constraint.sigma)
        pulls = 1.5 * RNG.normal(size=(COUNT, len(sigma)))
        return dict(zip(constraint.requires, (constraint.value + pulls * sigma).T, strict=True))
    middle, width = centre(constraint)
    first, *others = constraint.requires
    if middle is None:
        low, high = np.log(width[0]) - 2.0, np.log(width[1]) + 2.0
        found = {first: np.exp(RNG.uniform(low, high, COUNT)) * RNG.choice([-1, 1], COUNT)}
        masses = max(min(constraint.mass), 1e-4 * max(constraint.mass)), max(constraint.mass)
        span = np.log(masses) + np.array([-1.0, 1.0])
        found[others[0]] = np.exp(RNG.uniform(*span, COUNT))
        return found | {name: RNG.uniform(0.0, 1.0, COUNT) for name in others[1:]}
    found = {first: RNG.uniform(middle - width, middle + width, COUNT)}
    return found | {name: 10.0 ** RNG.uniform(1.0, 5.0, COUNT) for name in others}


def far(constraint):
    """Zero, tiny and enormous values; the mass of a curve at zero."""
    first, *others = constraint.requires
    if isinstance(constraint, RecoilSpectrum):
        return recoils(constraint, np.array([0.0, 1e-30, 1e30]), np.full(3, 1e-7), np.zeros(3))
    found = {first: np.array([0.0, 1e-30, 1e30])}
    return found | {key: np.full(3, 0.0 if i == 0 else 1.0) for i, key in enumerate(others)}


@pytest.mark.parametrize("name", catalogue())
def test_sign_of_the_excess_is_what_is_allowed(name):
    (constraint,) = load([name])
    near, edge = points(constraint), far(constraint)
    observed = {key: jnp.asarray(np.concatenate([near[key], edge[key]])) for key in near}
    both = jax.vmap(lambda x: (*jax.value_and_grad(constraint.excess)(x), constraint.allowed(x)))
    value, slopes, allowed = jax.tree.map(np.asarray, jax.jit(both)(observed))
    assert 0.005 < allowed[:COUNT].mean() < 0.995
    np.testing.assert_array_equal(value <= 0.0, allowed)
    assert np.all(np.isfinite(value))
    assert all(np.all(np.isfinite(slope)) for slope in slopes.values())
    steep = sum(np.abs(slopes[key] * observed[key]) for key in observed)
    outside = ~allowed[:COUNT]
    assert np.all(steep[:COUNT][outside] > 0.0)  # everywhere outside it says where to go


def test_a_wish_has_an_excess_too():
    (wish,) = prefer({"mu_nu": {"above": 1e-12, "below": 1e-11, "width_dex": 0.25}})
    x = jnp.asarray(10.0 ** RNG.uniform(-14.0, -9.0, COUNT))
    value = jax.vmap(wish.excess)({"mu_nu": x})
    np.testing.assert_array_equal(value <= 0.0, jax.vmap(wish.allowed)({"mu_nu": x}))
    assert np.isfinite(jax.grad(lambda v: wish.excess({"mu_nu": v}))(0.0))


def test_over_is_smooth_at_one():
    r = jnp.array([0.0, 0.25, 1.0, math.e, 1e8])
    np.testing.assert_allclose(over(r), [-1.0, -0.75, 0.0, 1.0, math.log(1e8)], rtol=1e-15)
    slope = jax.vmap(jax.grad(over))(1.0 + jnp.array([-1e-12, 0.0, 1e-12]))
    np.testing.assert_allclose(slope, 1.0, rtol=1e-11)


def test_bounds_are_those_of_the_priors_and_shoulders_are_outside():
    priors = {
        "a": LogUniform(1e-6, 1e-2, edge=0.1),
        "b": Uniform(-1.0, 3.0),
        "x": Normal(0.0, 1.0),
        "lambda_hs": SignedLog(1.0, scale=1e-3),
        "phase": Angle(),
        "m_psi": 1e3,
    }
    chart = Posterior(Toy(), priors).chart
    assert excess.box(chart) == {"a": (1e-6, 1e-2), "b": (-1.0, 3.0), "lambda_hs": (-1.0, 1.0)}
    for name, edges in excess.box(chart).items():
        for edge, inwards in zip(edges, (1.0, -1.0), strict=True):
            for step in (1e-6, -1e-6):
                prior = dict(chart.priors)[name]
                c = jnp.zeros(chart.dim)
                for other, (low, high) in excess.box(chart).items():
                    at = chart.slots[other].start
                    c = c.at[at].set(dict(chart.priors)[other].coordinate(0.5 * (low + high))[0])
                c = c.at[chart.slots[name].start].set(prior.coordinate(edge)[0] + inwards * step)
                found = excess.of_bounds(chart, c)
                assert set(found) == {"prior_a", "prior_b", "prior_lambda_hs"}
                assert (found[f"prior_{name}"] < 0.0) == (step > 0.0)
                assert all(x < 0.0 for key, x in found.items() if key != f"prior_{name}")


def test_the_margin_of_the_domain_changes_sign_where_it_ends():
    toy = Toy()
    theta = {name: jnp.asarray(x) for name, x in toy.reference.items()}
    inside = excess.of_domain(toy, theta)
    assert set(inside) == {"domain_stability"}
    assert inside["domain_stability"] < 0.0
    outside = excess.of_domain(toy, theta | {"lambda_hs": jnp.asarray(0.6)})
    assert outside["domain_stability"] > 0.0
