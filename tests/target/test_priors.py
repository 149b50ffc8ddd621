"""Priors against scipy.stats, by integration, and by round trips."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from nmmjax.target.priors import Angle, LogUniform, Normal, SignedLog, Uniform

LINES = [
    Uniform(-1.0, 3.0),
    Uniform(-1.0, 3.0, edge=0.2),
    LogUniform(1e-3, 1e2),
    LogUniform(1e-3, 1e2, edge=0.1),
    SignedLog(4.0, scale=1e-2),
    SignedLog(4.0, scale=1e-2, edge=0.1),
    Normal(0.5, 0.2),
]


@pytest.mark.parametrize("prior", LINES, ids=repr)
def test_density_in_the_coordinate_integrates_to_one(prior):
    low, high = (float(prior.from_unit(jnp.array([u]))[0]) for u in (1e-12, 1 - 1e-12))
    c = np.linspace(low, high, 400_001)
    density = np.exp(jax.vmap(prior.log_density)(c[:, None]))
    assert integrate.simpson(density, x=c) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("prior", LINES, ids=repr)
def test_from_unit_is_the_inverse_of_the_cumulative_density(prior):
    u = np.linspace(0.002, 0.998, 997)
    c = np.asarray(jax.vmap(prior.from_unit)(jnp.asarray(u)[:, None]))[:, 0]
    slope = np.gradient(c, u, edge_order=2)
    density = np.exp(np.asarray(jax.vmap(prior.log_density)(jnp.asarray(c)[:, None])))
    smooth = np.abs(np.gradient(slope)) < 0.05 * slope  # finite differences: not across edges
    assert smooth.sum() > 800
    np.testing.assert_allclose((density * slope)[smooth], 1.0, rtol=5e-3)


@pytest.mark.parametrize("prior", LINES, ids=repr)
def test_coordinate_and_value_are_inverse_and_carry_the_jacobian(prior):
    for u in (0.01, 0.3, 0.5, 0.77, 0.99):
        c = prior.from_unit(jnp.array([u]))
        x = prior.value(c)
        np.testing.assert_allclose(prior.coordinate(x), c, rtol=1e-13, atol=1e-13)
        slope = jax.grad(lambda c: prior.value(c))(c)[0]
        expected = prior.log_density(c) - jnp.log(jnp.abs(slope))
        np.testing.assert_allclose(prior.log_prior(x), expected, rtol=1e-12, atol=1e-12)


def test_hard_bounds_against_scipy():
    u, lu, n = Uniform(-1.0, 3.0), LogUniform(1e-3, 1e2), Normal(0.5, 0.2)
    for x in (0.5, 2.9):
        assert float(u.log_prior(x)) == pytest.approx(stats.uniform(-1, 4).logpdf(x), rel=1e-13)
        assert float(lu.log_prior(x)) == pytest.approx(stats.loguniform(1e-3, 1e2).logpdf(x))
        assert float(n.log_prior(x)) == pytest.approx(stats.norm(0.5, 0.2).logpdf(x), rel=1e-13)
    assert float(u.log_prior(3.1)) == -np.inf
    assert float(lu.log_prior(1e-4)) == -np.inf
    assert float(u.log_density(jnp.array([np.nan]))) == -np.inf


def test_angle_is_uniform_on_the_circle():
    prior = Angle()
    u = stats.qmc.Sobol(2, seed=1).random(2**12)
    angle = np.asarray(jax.vmap(lambda u: prior.value(prior.from_unit(u)))(u))
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).statistic < 0.005
    np.testing.assert_allclose(prior.value(prior.coordinate(2.0)), 2.0, rtol=1e-14)
    assert float(prior.log_prior(1.0)) == pytest.approx(-np.log(2 * np.pi))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: LogUniform(0.0, 1.0), "log_uniform bounds must be > 0"),
        (lambda: LogUniform(-1.0, 1.0), "log_uniform bounds must be > 0"),
        (lambda: Uniform(2.0, 1.0), "low must be below high"),
        (lambda: Uniform(1.0, float("inf")), "finite"),
        (lambda: Uniform(0.0, 1.0, edge=-1.0), "edge must be"),
        (lambda: Normal(0.0, 0.0), "sd > 0"),
        (lambda: SignedLog(1.0, scale=2.0), "0 < scale < high"),
    ],
)
def test_bad_bounds_say_what_would_be_right(make, text):
    with pytest.raises(ValueError, match=text):
        make()
