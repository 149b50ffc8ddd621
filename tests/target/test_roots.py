"""Charts of cancellations by signed handles: determinants, round trips, weights of regions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers.cancelling import HIGH, SCALE, Signed, coordinates, hold
from nmmjax.models.bridge import Bridge
from nmmjax.models.inert_doublet import InertDoublet
from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import chart
from nmmjax.target.model import guarded_predict
from nmmjax.target.posterior import Posterior
from nmmjax.target.roots import Roots

MODELS = [
    pytest.param(Signed(), {}, id="two handles"),
    pytest.param(Signed(), {"y": 0.1}, id="one handle"),
    pytest.param(InertDoublet(), {}, id="inert_doublet", marks=pytest.mark.slow),
    pytest.param(Bridge(multiplet=3), {}, id="bridge", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("model", "fixed"), MODELS)
def test_round_trip_and_determinant(model, fixed):
    priors = {p.name: p.prior for p in model.parameters if p.name not in fixed}
    made = chart.build(model, priors, fixed)
    assert isinstance(made.handles, Roots)
    c = coordinates(made, jr.uniform(jr.key(5), (800, made.dim), minval=1e-9))
    hold(made, c[jax.vmap(lambda c: guarded_predict(model, made.values(c))[1])(c)], 1e-9, 1e-8)


@pytest.mark.slow
def test_a_deep_point_has_the_mass_that_its_coordinate_says():
    """ln m is a coordinate to the second order of the distance from the root."""
    model = InertDoublet()
    made = chart.build(model, {p.name: p.prior for p in model.parameters}, {})
    c = jnp.array([v.coordinate(model.reference[p])[0] for p, v in made.priors])
    deep, *_ = made.deepened(c, made.position(c), jnp.asarray(0.5))
    found = model.predict(made.values(deep))
    pivot = made.index("y_2")
    assert float(found["tuning_rge"]) > 30.0 * float(found["m_nu"]) / 0.05
    assert float(made.position(deep)[pivot]) == pytest.approx(np.log(found["m_nu"]), abs=1e-4)


class _Measured(eqx.Module):
    """Density of ln m and ln s around 0 and ln size, over a chart, and what starts ask for."""

    posterior: Posterior
    size: float = eqx.field(static=True)

    def __call__(self, z):
        c, log_det = self.posterior.chart.inverse(z)
        theta = self.posterior.chart.values(c)
        found = self.posterior.model.predict(theta)
        pull = jnp.log(found["m_nu"]) / 0.1, (jnp.log(theta["s"]) - np.log(self.size)) / 0.1
        inside = self.posterior._log_prior_coordinates(c)
        return inside - log_det - 0.5 * (pull[0] ** 2 + pull[1] ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e2, 1e4])
def test_regions_of_two_signed_handles_have_their_exact_weights(size):
    """Along t = 0 the density of c_y is 1/|dt/dc_x|, that of c_x is 1/|dt/dc_y|."""
    model = Signed(bend=0.0, depth=1.0 / size)
    posterior = Posterior(model)
    engine = Ensemble(ensembles=4, walkers=32, thin=20, block=400)
    key = jr.key(1)
    c = jax.vmap(posterior.coordinates_from_unit)(jr.uniform(key, (engine.chains, 3)))
    c = c.at[:, 0].set(jnp.log(size) + 0.1 * jr.normal(key, (engine.chains,)))
    z = jax.vmap(posterior.chart.position)(c)
    u = jr.normal(jr.key(2), (engine.chains,))
    deep, *_ = jax.vmap(posterior.chart.deepened)(c, z, u)
    within = jnp.abs(jnp.sinh(deep[:, 1:]) * SCALE) < HIGH
    deep = jnp.where(jnp.all(within, axis=1)[:, None], deep, deep[jnp.argmax(within.all(axis=1))])
    starts = jax.vmap(posterior.chart.position)(deep) + 0.01 * jr.normal(jr.key(4), deep.shape)
    target = _Measured(posterior, size)
    starts = jnp.where(
        jax.vmap(lambda z: jnp.isfinite(target(z)))(starts)[:, None], starts, starts[0]
    )
    starts = starts + 1e-4 * jr.normal(jr.key(6), starts.shape)
    state = engine.init(jr.key(2), target, starts)
    state, _ = engine.advance(jr.key(3), target, state)
    state, block = engine.advance(jr.key(3), target, state)
    z = np.asarray(block.draws)
    y = jax.vmap(lambda z: posterior.theta(z)["y"])(jnp.asarray(z.reshape(-1, 3)))
    c_y = np.arcsinh(np.asarray(y) / SCALE).reshape(z.shape[:2])
    assert diagnostics.rhat(c_y, engine.groups) < 1.02
    where, weight = along_the_root(model)
    mean = np.sum(weight * where)
    for edge in (-np.arcsinh(1.0 / model.slope / SCALE) - 1.0, 0.0):
        expected = np.sum(weight[where < edge])
        region = (c_y < edge).astype(float)
        means = [region[engine.groups == g].mean() for g in np.unique(engine.groups)]
        spread = np.std(means, ddof=1) / 2.0
        assert abs(region.mean() - expected) < 4.0 * max(spread, 0.005), edge
    assert abs(c_y.mean() - mean) < 5.0 * diagnostics.mcse_mean(c_y)


def along_the_root(model):
    """(c_y, weight) along t = 0: in steps of c_y, and of c_x where x is the smaller of the two."""
    end = np.arcsinh(HIGH / SCALE)
    grid = np.linspace(-end, end, 400_001)
    y = SCALE * np.sinh(grid)
    x = 1.0 + model.slope * y
    first = np.where((np.abs(x) < HIGH) & (np.abs(x) >= 0.5), 1.0 / np.hypot(x, SCALE), 0.0)
    x = SCALE * np.sinh(grid)
    y = (x - 1.0) / model.slope
    inside = (np.abs(y) < HIGH) & (np.abs(x) < 0.5)
    second = np.where(inside, 1.0 / (model.slope * np.hypot(y, SCALE)), 0.0)
    weight = np.concatenate([first, second])
    return np.concatenate([grid, np.arcsinh(y / SCALE)]), weight / weight.sum()
