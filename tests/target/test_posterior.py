"""The target density against sums done by hand, and its behaviour outside its domain."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from helpers.toy_model import Toy
from nmmjax.constraints import library
from nmmjax.errors import InputError
from nmmjax.target import causes
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import LogUniform, Uniform

LIMITS = library.load(["m_nu_target", "theta_sq_triplet"])
WISH = library.prefer({"mu_nu": {"above": 1e-12, "below": None, "width_dex": 0.25}})


def posterior(chart="auto", **priors):
    return Posterior(Toy(), priors, LIMITS, WISH, chart)


def draws(target, count, seed=0):
    u = jr.uniform(jr.key(seed), (count, target.dim), minval=1e-9)
    return jax.vmap(target.from_unit)(u)


def by_hand(theta):
    """ln(prior x likelihood x wish) in the parameters, with scipy and NumPy only."""
    b, a, x, m, lam = (theta[k] for k in ("b", "a", "x", "m_psi", "lambda_hs"))
    total = stats.loguniform(1e-6, 1.0).logpdf(b) + stats.loguniform(1e-12, 1e-2).logpdf(a)
    total += stats.loguniform(1e-6, 1.0).logpdf(x) + stats.loguniform(1e2, 1e4).logpdf(m)
    total += -np.log(2 * np.arcsinh(1e3)) - 0.5 * np.log(lam**2 + 1e-6) - np.log(2 * np.pi)
    m_nu = abs(a - b * x * (1 + x / m)) * 1e9
    total += -0.5 * ((m_nu - 0.05) / 0.005) ** 2
    theta_sq = (x * np.cos(theta["phase"])) ** 2
    total += -0.5 * (theta_sq / (1e-3 / stats.norm.ppf(0.975))) ** 2
    short = max(np.log10(1e-12 / (b / m**2 * 1e-3)), 0.0)
    return total - 0.5 * (short / 0.25) ** 2


@pytest.mark.parametrize("chart", ["auto", "shear", "box"])
def test_log_density_is_the_density_by_hand_times_the_jacobian(chart):
    target = posterior(chart)
    plane = target.chart.slots["phase"]

    def parameters(z):  # the phase's plane as (angle, radius)
        values = target.theta(z)
        rest = [values[p] for p, _ in target.chart.priors]
        return jnp.stack([*rest, jnp.hypot(*z[plane])])

    @jax.jit
    @jax.vmap
    def at(z):
        return target.log_density(z), target.theta(z), parameters(z), jax.jacfwd(parameters)(z)

    values, theta, rows, jacobians = jax.tree.map(np.asarray, at(draws(target, 60)))
    _, log_det = np.linalg.slogdet(jacobians)
    outside = theta["lambda_hs"] >= 0.5
    assert 0 < outside.sum() < 40
    assert (values[outside] == -np.inf).all()
    for i in np.flatnonzero(~outside):
        radial = np.log(rows[i, -1]) - 0.5 * rows[i, -1] ** 2
        expected = by_hand({p: x[i] for p, x in theta.items()}) + radial + log_det[i]
        assert values[i] == pytest.approx(expected, rel=1e-9, abs=1e-8)


@pytest.mark.slow
def test_box_and_chart_weigh_regions_alike():
    """Importance sampling from the prior: the same moments whichever chart carries the draws."""
    answers = {}
    for kind in ("auto", "shear", "box"):
        target = posterior(kind)
        theta = jax.vmap(target.theta)(draws(target, 4000))
        terms = jax.vmap(target.terms)(theta)
        answers[kind] = sum(np.asarray(v).sum() for v in terms.values())
    assert answers["auto"] == pytest.approx(answers["box"], rel=1e-6)
    assert answers["shear"] == pytest.approx(answers["box"], rel=1e-6)


def test_finite_or_minus_infinity_and_every_cause_is_named():
    target = posterior()
    z = draws(target, 3000) + 3.0 * jr.normal(jr.key(9), (3000, target.dim))
    values = np.asarray(jax.vmap(target.log_density)(z))
    assert not np.isnan(values).any()
    assert (values < np.inf).all()
    found = jax.jit(jax.vmap(lambda z: causes.causes(target, z)))(z)
    counted = {k: np.asarray(v) for k, v in found.items()}
    np.testing.assert_array_equal(sum(counted.values()), np.isinf(values))
    assert counted["domain: stability"].sum() > 0
    assert counted["prior bounds of m_psi"].sum() > 0


@pytest.mark.slow
def test_gradients_are_finite_wherever_the_density_is():
    target = posterior()
    z = draws(target, 2000, seed=3)
    values, gradients = jax.vmap(jax.value_and_grad(target.log_density))(z)
    inside = np.isfinite(np.asarray(values))
    assert inside.sum() > 500
    assert np.isfinite(np.asarray(gradients)[inside]).all()


def test_record_holds_parameters_observables_terms_and_target():
    target = posterior(x=0.01)
    z = np.asarray(draws(target, 12)).reshape(3, 4, target.dim)
    groups = target.record(z)
    stored = groups["posterior"]
    assert stored["m_nu"].shape == (3, 4)
    np.testing.assert_array_equal(stored["x"], 0.01)
    assert set(groups["log_likelihood"]) == {"m_nu_target", "theta_sq_triplet"}
    assert groups["target"]["allowed"].dtype == bool
    total = sum(groups["log_likelihood"].values()) + groups["target"]["prefer_mu_nu"]
    box = Posterior(Toy(), {"x": 0.01}, chart="box")

    @jax.jit
    @jax.vmap
    def both(p):
        return target.log_density(p), box.log_density(box.z(target.theta(p)))

    flat, prior = (np.asarray(v).reshape(3, 4) for v in both(z.reshape(-1, target.dim)))
    finite = np.isfinite(flat)
    plane = np.hypot(*np.moveaxis(z, -1, 0)[target.chart.slots["phase"]])
    prior = prior + 0.5 - 0.5 * plane**2  # coordinate(phase) has radius 1
    np.testing.assert_allclose(flat[finite], (prior + total)[finite], rtol=1e-10)
    roles = {name: about["role"] for name, about in target.variables().items()}
    assert roles["x"] == "fixed"
    assert roles["b"] == "parameter"
    assert roles["m_nu"] == "observable"
    assert roles["tuning_bg"] == "derived"
    assert set(roles) == set(stored)


def test_allowed_means_inside_every_quoted_limit():
    target = posterior()
    good = {"b": 1e-3, "a": 1.0005e-10, "x": 1e-6, "m_psi": 1e3, "lambda_hs": 0.0, "phase": 0.0}
    theta = {p: jnp.asarray(v) for p, v in good.items()}
    mass = float(target.observables(theta)["m_nu"])
    allowed = jax.jit(target.allowed)
    for shift, expected in ((0.0, True), (0.0111, False)):
        a = (0.05 + shift) * 1e-9 + 1e-9 * (1 + 1e-9)
        point = theta | {"a": jnp.asarray(a)}
        assert bool(allowed(point)) is expected, (mass, shift)
    assert not bool(allowed(theta | {"lambda_hs": jnp.asarray(0.7)}))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: posterior(bb=1.0), "'bb' is not a parameter of Toy; did you mean 'b'"),
        (
            lambda: Posterior(Toy(), constraints=library.load(["rho0"])),
            "constraint 'rho0' needs observable 'rho0', which Toy does not return",
        ),
        (
            lambda: Posterior(Toy(), dict.fromkeys(Toy().reference, 0.1)),
            "every parameter is fixed",
        ),
    ],
)
def test_refusals_say_what_would_be_right(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_single_precision_is_refused():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(InputError, match="double precision"):
            posterior()
    finally:
        jax.config.update("jax_enable_x64", True)


def test_priors_given_replace_defaults():
    target = posterior(m_psi=Uniform(500.0, 600.0), b=LogUniform(1e-3, 1e-2, edge=0.1))
    assert "m_psi" in target.hard_edges
    assert "b" not in target.hard_edges
    theta = jax.vmap(target.theta)(draws(target, 200))
    assert 500.0 <= float(theta["m_psi"].min()) <= float(theta["m_psi"].max()) <= 600.0
