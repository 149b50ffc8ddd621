"""Charts of cancellations: determinants by autodiff, round trips, and exact weights of regions.

The toy's mass is s |1 - x - y| with ln s, ln x, ln y flat. Where s is large and the mass is
measured, t = 1 - x - y is held near 0, and the density of g = ln(x/y) along t = 0 is
|d(ln x, ln y)/d(t, g)| = 1/(x + y) = 1: flat between the walls x > x_0 and y > y_0, which are at
g = -ln(1/x_0 - 1) and ln(1/y_0 - 1). The region where x does the cancelling (g > 0) therefore
weighs ln(1/y_0 - 1) : ln(1/x_0 - 1).
"""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers.cancelling import Competing, coordinates, hold
from helpers.cases import one_quick
from nmmjax.constraints import library
from nmmjax.models.rpv_susy import RpvSusy
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.samplers.engines.importance import Importance
from nmmjax.target import cancellation, chart, start
from nmmjax.target.handles import Shear
from nmmjax.target.model import Cancellation
from nmmjax.target.posterior import Posterior


def target(tmp_path, model, size, kind="auto", mass=(1.0, 0.1)):
    """The posterior with m_nu = 1 +- 0.1 eV, or as given, and a unit of `size` +- 10%."""
    lines = []
    for name, value, sigma in (("m_nu", *mass), ("mu_nu", size, 0.1 * size)):
        lines += [
            f"[{name}_measured]",
            f'observable = "{name}"',
            'type = "gaussian"',
            f"value = {value!r}",
            f"sigma = {sigma!r}",
            f'units = "{"eV" if name == "m_nu" else "mu_B"}"',
            "year = 2026",
            'reference = "toy"',
            'verified = "toy"',
        ]
    file = tmp_path / "toy.toml"
    file.write_text("\n".join(lines))
    limits = library.load(["m_nu_measured", "mu_nu_measured"], files=[file])
    fixed = {} if model.both else {"y": 1e-30}
    return Posterior(model, fixed, limits, chart=kind)


def sampled(posterior, draws=400, thin=20):
    """(chain, draw) arrays by parameter, and the groups, from the default engine."""
    engine = Ensemble(ensembles=4, walkers=32, thin=thin, block=100)
    starts = start.screened(posterior, jr.key(1), engine.chains).positions
    state = engine.init(jr.key(2), posterior, starts)
    blocks = []
    for i in range(draws // 100 + 1):
        state, block = engine.advance(jr.key(3), posterior, state)
        blocks += [np.asarray(block.draws)] if i else []
    z = np.concatenate(blocks, axis=1)
    theta = jax.vmap(posterior.theta)(z.reshape(-1, z.shape[-1]))
    return {p: np.asarray(x).reshape(z.shape[:2]) for p, x in theta.items()}, engine.groups


LOW, HIGH = -np.log(1e1 - 1.0), np.log(1e10 - 1.0)  # walls of the default toy in g
FIRST = HIGH / (HIGH - LOW)  # 0.9129: share of the region g > 0

SIZES = (1e2, 1e4, 1e6)
SIGNS = [(-1.0,), (1.0,), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0, -1.0)]


@pytest.mark.parametrize("sign", SIGNS)
def test_depth_and_shares_are_a_bijection_of_unit_determinant(sign):
    sign = jnp.array(sign)
    log_p = jr.uniform(jr.key(3), (200, len(sign)), minval=-30.0, maxval=5.0)
    log_x, shares = jax.vmap(lambda x: cancellation.split(x, sign))(log_p)
    back = jax.vmap(lambda x, g: cancellation.join(x, g, sign))(log_x, shares)
    np.testing.assert_allclose(back, log_p, atol=1e-12)
    p, negative = np.exp(np.asarray(log_p)), np.asarray(sign) < 0.0
    if not negative.any():
        assert np.all(log_x == 0.0)
        assert np.all(shares == log_p)
        return
    jacobian = jax.vmap(jax.jacfwd(lambda x: slots(x, sign)))(log_p)
    np.testing.assert_allclose(np.abs(np.linalg.det(jacobian)), 1.0, rtol=1e-10)
    x = p[:, negative].sum(axis=1) / (1.0 + p[:, ~negative].sum(axis=1))
    np.testing.assert_allclose(log_x, np.log(x), rtol=1e-12, atol=1e-12)


def slots(log_p, sign):
    """ln X in the slot of the first negative term, shares in the others."""
    log_x, shares = cancellation.split(log_p, sign)
    return shares.at[np.flatnonzero(np.asarray(sign) < 0.0)[0]].set(log_x)


MODELS = [
    pytest.param(Competing(), {}, id="two competitors"),
    pytest.param(Competing(), {"y": 0.3}, id="one competitor"),
    pytest.param(Competing(), {"y": 0.0}, id="one competitor, the other zero"),
    pytest.param(Competing(bound=1.0), {}, id="two competitors, bounded"),
    pytest.param(RpvSusy(relative_sign=-1), {}, id="rpv_susy", marks=pytest.mark.slow),
    pytest.param(WeakTriplet(rge=True), {}, id="weak_triplet", marks=pytest.mark.slow),
    pytest.param(
        WeakTriplet(rge=True), {"v_s": 1e-9}, id="weak_triplet, v_s fixed", marks=pytest.mark.slow
    ),
]


@pytest.mark.parametrize(("model", "fixed"), MODELS)
def test_chart_with_a_competition(model, fixed):
    """Round trip, determinant by autodiff, and ln m_nu as a coordinate."""
    priors = {p.name: p.prior for p in model.parameters if p.name not in fixed}
    made = chart.build(model, priors, fixed)
    assert isinstance(made.handles, cancellation.Competition)
    assert len(made.handles.handles) == len(made.handles.groups) - 1
    c = coordinates(made, jr.uniform(jr.key(5), (500, made.dim), minval=1e-9))
    hold(made, c, 1e-10, 1e-9)


def test_a_competition_without_handles_is_left_out():
    priors = {p.name: p.prior for p in Competing().parameters}
    fixed = {"x": 0.3, "y": 0.3}
    made = chart.build(Competing(), {"s": priors["s"]}, fixed)
    assert isinstance(made.handles, Shear)
    assert made.rescaling is not None


@pytest.mark.parametrize(("depth", "bound"), [(0.0, 0.0), (1e-2, 0.1), (-1e-2, 0.0)])
def test_a_cancellation_has_one_scale(depth, bound):
    with pytest.raises(ValueError, match="either a depth or a bound above 0"):
        Cancellation((("unit", ()), ("first", (("x", 1.0),))), depth, bound)


REGIONS = [
    *[pytest.param({"depth": 1.0 / size}, size, (1.0, 0.1), id=f"{size:g}") for size in SIZES],
    pytest.param({"bound": 1.0}, 1e4, (0.0, 1.0), id="bounded"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("declared", "size", "mass"), REGIONS)
def test_regions_of_three_cancelling_terms_have_their_exact_weights(tmp_path, declared, size, mass):
    """x cancels the unit ten times as often as y does: 23.03 against 2.20."""
    posterior = target(tmp_path, Competing(**declared), size, mass=mass)
    assert posterior.chart.rescaling is None or "bound" not in declared
    draws, groups = sampled(posterior)
    share = np.log(draws["x"] / draws["y"])
    rank = (share - LOW) / (HIGH - LOW)
    assert diagnostics.rhat(rank, groups) < 1.02
    error = diagnostics.mcse_mean(rank)
    assert abs(rank.mean() - 0.5) < 4.0 * error
    assert error < 0.02
    region = (share > 0.0).astype(float)
    means = [region[groups == g].mean() for g in np.unique(groups)]
    spread = np.std(means, ddof=1) / 2.0
    assert abs(region.mean() - FIRST) < 4.0 * max(spread, 0.005)


@pytest.mark.parametrize("size", one_quick([1e2, 1e6], 1))
def test_two_cancelling_terms_are_as_deep_as_the_mass_asks(tmp_path, size):
    """t = 1 - x = m/s, both signs alike: x is 1 -+ m/s with m = 1 +- 0.1."""
    posterior = target(tmp_path, Competing(depth=1.0 / size, both=False), size)
    draws, groups = sampled(posterior)
    t = (1.0 - draws["x"]) * draws["s"]
    above = (t > 0.0).astype(float)
    means = [above[groups == g].mean() for g in np.unique(groups)]
    assert abs(above.mean() - 0.5) < 4.0 * max(np.std(means, ddof=1) / 2.0, 0.01)
    # density of |t| s = m under flat ln s at fixed size: the measured mass itself
    assert abs(np.abs(t).mean() - 1.0) < 0.02
    assert abs(np.abs(t).std() - 0.1) < 0.01


@pytest.mark.slow
def test_box_and_chart_agree_where_the_box_can_follow(tmp_path):
    """A cancellation to 10%: means and spreads of every parameter."""
    model = Competing(x_0=1e-2, y_0=1e-2, depth=0.1)
    found = {}
    for kind in ("box", "auto"):
        draws, groups = sampled(target(tmp_path, model, 10.0, kind), draws=3000)
        logs = {p: np.log(x) for p, x in draws.items()}
        assert max(diagnostics.rhat(x, groups) for x in logs.values()) < 1.02, kind
        found[kind] = {p: (x.mean(), x.std(), diagnostics.mcse_mean(x)) for p, x in logs.items()}
    for p, (mean, sd, error) in found["auto"].items():
        other, other_sd, other_error = found["box"][p]
        assert abs(mean - other) < 4.0 * np.hypot(error, other_error), p
        assert sd == pytest.approx(other_sd, rel=0.05), p


@pytest.mark.slow
def test_prior_draws_and_gradients_live_in_the_chart(tmp_path):
    posterior = target(tmp_path, Competing(depth=1e-4), 1e4)
    c = jax.vmap(posterior.coordinates_from_unit)(jr.uniform(jr.key(8), (500, 3)))
    z, log_det = jax.vmap(posterior.chart.forward)(c)
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(posterior.log_density)))(z)
    np.testing.assert_allclose(value, jax.vmap(posterior.log_density_of)(c, log_det), rtol=1e-8)
    assert np.all(np.isfinite(value))
    assert np.all(np.isfinite(slope))
    deep, there, log_det = jax.vmap(posterior.chart.deepened)(c, z, jnp.full(500, 0.3))
    again, same = jax.vmap(posterior.chart.forward)(deep)
    np.testing.assert_allclose(there, again, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(log_det, same, rtol=1e-9)
    t = jax.vmap(lambda c: 1.0 - jnp.exp(c[1]) - jnp.exp(c[2]))(deep)
    np.testing.assert_allclose(t, -np.expm1(1e-4 * np.sinh(0.3)), rtol=1e-8)


@pytest.mark.slow
def test_importance_finds_both_regions_in_the_chart(tmp_path):
    posterior, engine = target(tmp_path, Competing(depth=1e-4), 1e4), Importance()
    starts = start.screened(posterior, jr.key(1), engine.chains).positions
    state, block = engine.init(jr.key(2), posterior, starts), None
    while block is None or not block.done:
        state, block = engine.advance(jr.key(3), posterior, state)
    assert np.all(np.asarray(block.tables["evidence"]["pareto_k"]) < 0.7)
    z = np.asarray(block.draws)
    theta = jax.vmap(posterior.theta)(jnp.asarray(z.reshape(-1, 3)))
    first = np.asarray(theta["x"] > theta["y"], float)
    worth = min(len(first), float(np.sum(block.tables["evidence"]["ess"])))
    assert abs(first.mean() - FIRST) < 4.0 * np.sqrt(FIRST * (1.0 - FIRST) / worth)
