"""Undefined is not zero: a model's NaN shows as NaN, names itself and allows nothing."""

from typing import Literal

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from nmmjax.constraints import library
from nmmjax.errors import InputError
from nmmjax.samplers.base import differentiable
from nmmjax.target import causes, start
from nmmjax.target.model import Model, Parameter, Rescaling
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import LogUniform

MASS = library.load(["m_nu_target"])


class Faulty(Model):
    """m_nu = 1e9 a, and what `fault` makes of it where b < 1e-3: half of the prior."""

    fault: Literal["nan", "inf", "-inf"] = "nan"
    margin: bool = False
    scaled: bool = False

    @property
    def parameters(self):
        return (
            Parameter("a", LogUniform(1e-12, 1e-8, edge=0.1), "", "a", ""),
            Parameter("b", LogUniform(1e-6, 1.0), "", "b", ""),
        )

    @property
    def reference(self):
        return {"a": 4e-11, "b": 0.1}

    @property
    def rescaling(self):
        return Rescaling("m_nu", (("a", 1.0),)) if self.scaled else None

    def domain(self, theta):
        return {"root": jnp.sqrt(theta["b"] - 1e-3)} if self.margin else {}

    def predict(self, theta):
        m = jnp.where(theta["b"] < 1e-3, float(self.fault), 1e9 * theta["a"])
        m = 1e9 * theta["a"] if self.margin else m
        return {"m_nu": m, "mu_nu": theta["b"] * 1e-10, "mu_eff_pp": theta["b"] * 1e-10}


def at(posterior, **theta):
    c = jnp.concatenate([v.coordinate(theta[p]) for p, v in posterior.chart.priors])
    return posterior.chart.position(c)


@pytest.mark.parametrize("fault", ["nan", "inf", "-inf"])
def test_a_value_that_is_no_number_makes_the_density_undefined(fault):
    target = Posterior(Faulty(fault=fault), constraints=MASS)
    good, bad = at(target, a=5e-11, b=0.1), at(target, a=5e-11, b=1e-4)
    assert np.isfinite(float(target(good)))
    assert np.isnan(float(target(bad)))
    assert np.isfinite(float(target.log_prior_at(bad)))
    assert np.isnan(float(target.log_likelihood_at(bad)))
    assert not bool(target.allowed(target.theta(bad)))
    assert float(target(at(target, a=5e-11, b=1e-7))) == -np.inf  # outside the prior: zero
    assert float(target(bad.at[0].set(jnp.inf))) == -np.inf
    (name,) = (k for k, flag in causes.causes(target, bad).items() if flag)
    assert name == "undefined: m_nu"
    found = causes.faults(target, np.stack([good, bad]))
    assert [n for n, flags in found.items() if flags.any()] == ["m_nu"]
    np.testing.assert_array_equal(found["m_nu"], [False, True])


def test_what_no_term_needs_may_be_undefined():
    solar = Posterior(Faulty(), constraints=library.load(["xenonnt_2022"]))
    bad = at(solar, a=5e-11, b=1e-4)
    assert np.isfinite(float(solar(bad)))
    assert np.isnan(float(solar.observables(solar.theta(bad))["m_nu"]))
    assert np.isfinite(float(Posterior(Faulty())(bad)))  # the prior needs nothing


@pytest.mark.parametrize(
    ("model", "name"),
    [(Faulty(margin=True), "domain: root"), (Faulty(scaled=True), "chart")],
    ids=["margin", "chart"],
)
def test_margins_and_charts_that_are_no_numbers_are_undefined(model, name):
    target = Posterior(model, constraints=MASS)
    good = at(target, a=5e-11, b=0.1)
    log_b = target.chart.slots["b"].start
    bad = good.at[log_b].set(np.log(1e-4))
    assert np.isfinite(float(target(good)))
    assert np.isnan(float(target(bad)))
    assert float(target(good.at[log_b].set(np.log(1e-8)))) == -np.inf  # outside the prior of b
    assert causes.faults(target, bad[None])[name][0]


def test_far_beyond_soft_edges_a_fault_does_not_matter():
    """The prior is exp(-200) of its peak at the first point, 0 in double precision at the other."""
    target = Posterior(Faulty(), {"b": LogUniform(1e-2, 1.0, edge=0.05)}, MASS)
    assert np.isnan(float(target(at(target, a=5e-11, b=9.9e-4))))
    assert float(target(at(target, a=5e-11, b=1e-5))) == -np.inf


def test_gradient_engines_see_a_wall_with_a_zero_gradient():
    target = Posterior(Faulty(), constraints=MASS)
    value, gradient = jax.value_and_grad(differentiable(target))(at(target, a=5e-11, b=1e-4))
    assert float(value) == -np.inf
    np.testing.assert_array_equal(gradient, 0.0)
    value, gradient = jax.value_and_grad(target)(at(target, a=5.1e-11, b=0.1))
    assert np.isfinite(float(value))
    assert np.all(np.isfinite(np.asarray(gradient)))


@pytest.mark.slow
def test_screening_counts_names_and_shows_a_point():
    target = Posterior(Faulty(), constraints=MASS)
    found = start.screened(target, jr.key(0), 16)
    draws = found.screened
    assert abs(found.undefined_fraction - 0.5) < 5.0 * np.sqrt(0.25 / draws)
    assert found.finite_fraction == pytest.approx(1.0 - found.undefined_fraction)
    assert found.undefined.startswith("m_nu at a = ")
    assert np.all(np.isfinite(jax.vmap(target)(found.positions)))


@pytest.mark.slow
def test_a_model_undefined_everywhere_is_one_line_with_the_cause():
    target = Posterior(Faulty(), {"b": LogUniform(1e-6, 1e-4)}, MASS)
    with pytest.raises(InputError, match=r"what rejects them: undefined: m_nu \(100%\)"):
        start.screened(target, jr.key(0), 64)
