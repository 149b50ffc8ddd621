"""The frontier against maxima known in closed form, and against brute force on real models."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from helpers.places import ROOT
from helpers.toy_model import Toy
from nmmjax.cli.engines import build_engine
from nmmjax.constraints.library import load
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.runfile import build
from nmmjax.samplers.engines import frontier
from nmmjax.target.posterior import Posterior
from nmmjax.target.priors import LogUniform

KEY = jr.key(70)


class Known(eqx.Module):
    """ln mu = r + p - q + 2 bumps(s) under r <= -p/2, r <= -q and p + q <= 4.

    p, q in [0, 3] are ln x and ln y, r in [-6, 1] is ln g, s in [-2, 2]; the bumps are a high one
    at s = 1 and one lower by 0.5 at s = -1. Likelihood: Gaussians around p = 1, q = 2, s = p.
    """

    low: tuple[float, ...] = eqx.field(static=True, default=(0.0, 0.0, -6.0, -2.0))
    high: tuple[float, ...] = eqx.field(static=True, default=(3.0, 3.0, 1.0, 2.0))
    dim: int = eqx.field(static=True, default=4)
    names: tuple[str, ...] = eqx.field(static=True, default=("x", "y", "g", "mu", "signed"))

    @property
    def box(self):
        ends = zip("xyg", self.low, self.high, strict=False)
        return {name: (math.exp(a), math.exp(b)) for name, a, b in ends}

    def _inside(self, z):
        return jnp.all((z >= jnp.array(self.low)) & (z <= jnp.array(self.high)))

    def log_prior_at(self, z):
        volume = math.prod(b - a for a, b in zip(self.low, self.high, strict=True))
        return jnp.where(self._inside(z), -math.log(volume), -jnp.inf)

    def log_likelihood_at(self, z):
        value = -0.5 * ((z[0] - 1.0) ** 2 + (z[1] - 2.0) ** 2 + (z[3] - z[0]) ** 2)
        return jnp.where(self._inside(z), value, -jnp.inf)

    def __call__(self, z):
        return self.log_prior_at(z) + self.log_likelihood_at(z)

    def from_unit(self, u):
        low, high = jnp.array(self.low), jnp.array(self.high)
        return low + (high - low) * u

    def terms_at(self, z):
        return {"all": self.log_likelihood_at(z)}

    def quantities_at(self, z):
        p, q, r, s = z
        bumps = jnp.exp(-8.0 * (s - 1.0) ** 2) + 0.75 * jnp.exp(-8.0 * (s + 1.0) ** 2)
        mu = jnp.exp(r + p - q + 2.0 * bumps)
        return {"x": jnp.exp(p), "y": jnp.exp(q), "g": jnp.exp(r), "mu": mu, "signed": r + p - q}

    def excess_at(self, z):
        p, q, r, _ = z
        low, high = jnp.array(self.low), jnp.array(self.high)
        walls = ((2.0 * z - low - high) / (high - low)) ** 2 - 1.0
        prior = {f"prior_{n}": walls[i] for i, n in enumerate("pqrs")}
        return prior | {"first": r + 0.5 * p, "second": r + q, "third": p + q - 4.0}

    def largest(self, x_edges, y_edges):
        """ln of the largest mu per cell (y, x); NaN where nothing is allowed."""
        p_low, p_high = np.log(x_edges[:-1]), np.log(x_edges[1:])
        q_low = np.log(y_edges[:-1])[:, None]
        p = np.minimum(p_high, 4.0 - q_low)
        best = p - q_low + np.minimum(-0.5 * p, -q_low) + 2.0
        return np.where(p > p_low, best, np.nan)


def asked(**options):
    usual = {
        "x": "x",
        "y": "y",
        "x_range": (1.0, math.exp(3.0)),
        "y_range": (1.0, math.exp(3.0)),
        "x_cells": 5,
        "y_cells": 4,
        "objective": "mu",
        "pool": 512,
        "starts": 8,
    }
    return frontier.Frontier(**usual | options)


def mapped(target, engine):
    """(table, stats of every round)."""
    u = jr.uniform(KEY, (engine.chains, target.dim))
    state = engine.init(KEY, target, jax.vmap(target.from_unit)(u))
    stats = []
    while True:
        state, block = engine.advance(KEY, target, state)
        assert block.draws is None
        stats.append(block.stats)
        if block.done:
            return {k: np.asarray(v) for k, v in block.tables["frontier"].items()}, stats


@pytest.mark.slow
def test_the_largest_value_of_every_cell():
    table, stats = mapped(Known(), asked())
    exact = Known().largest(table["x_edges"], table["y_edges"])
    assert np.isnan(exact).sum() > 0
    np.testing.assert_array_equal(np.isnan(table["value"]), np.isnan(exact))
    np.testing.assert_array_equal(table["feasible"] == 1, ~np.isnan(exact))
    short = exact - np.log(table["value"])
    there = ~np.isnan(exact)
    assert np.all(short[there] >= 0.0)  # never above what is allowed
    assert np.all(short[there] < 2e-3)
    assert stats[-1]["improved_cells"] == 0
    assert stats[-1]["feasible_cells"] == there.sum()
    assert table["value"].shape == (4, 5)
    assert table["position"].shape == (4, 5, 4)
    assert np.all(table["n_feasible_starts"][there] > 0)


def test_slacks_name_what_holds_a_maximum_back():
    table, _ = mapped(Known(), asked())
    for key in ("first", "second", "third", "prior_p", "prior_r"):
        excess = jax.vmap(jax.vmap(Known().excess_at))(table["position"])[key]
        np.testing.assert_allclose(table[f"slack_{key}"], -excess, atol=1e-12)
    there = table["feasible"] == 1
    tight = np.minimum(table["slack_first"], table["slack_second"])
    assert np.all(tight[there] < 2e-3)
    assert np.all(tight[there] > 0.0)
    assert table["slack_prior_r"].min() > 0.1  # far from its bounds everywhere
    assert np.all(table["slack_third"][~there] < 0.0)  # what forbids the empty cells


@pytest.mark.slow
def test_without_the_barriers_getting_thin_the_maximum_is_missed(monkeypatch):
    """The negative control: barriers that stay wide keep f well below."""
    monkeypatch.setattr(frontier, "BARRIERS", np.full(40, 0.3))
    table, _ = mapped(Known(), asked(tolerance=0.011))
    short = Known().largest(table["x_edges"], table["y_edges"]) - np.log(table["value"])
    assert np.nanmedian(short) > 0.05


@pytest.mark.slow
def test_smallest_and_linear_scales():
    """The smallest of a quantity that changes sign: -6 + p_low - q_high."""
    engine = asked(objective="signed", kind="smallest", scale="linear", y_scale="linear")
    table, _ = mapped(Known(), engine)
    p, q = np.log(table["x_edges"])[:-1], np.log(table["y_edges"])[1:, None]
    exact = -6.0 + p - np.minimum(q, 4.0 - p)
    there = table["feasible"] == 1
    np.testing.assert_allclose(table["value"][there], exact[there], atol=0.02)
    assert np.all(table["value"][there] >= exact[there])
    np.testing.assert_allclose(np.diff(table["y_edges"]), np.ptp(table["y_edges"]) / 4.0)


@pytest.mark.slow
def test_a_profile_likelihood_has_its_closed_form_and_only_priors_bound_it():
    table, _ = mapped(Known(), asked(kind="profile", objective=""))
    p_edges, q_edges = np.log(table["x_edges"]), np.log(table["y_edges"])
    p = np.clip(1.0, p_edges[:-1], p_edges[1:])
    q = np.clip(2.0, q_edges[:-1], q_edges[1:])[:, None]
    # p and s: the best s is p inside [-2, 2], beyond it the two trade
    lower = np.maximum(p - 2.0, 0.0)
    exact = -0.5 * ((p - 1.0) ** 2 + (q - 2.0) ** 2 + lower**2)
    np.testing.assert_allclose(table["value"], exact, atol=5e-3)
    assert table["feasible"].all()
    assert {k for k in table if k.startswith("slack")} == {f"slack_prior_{n}" for n in "pqrs"}


@pytest.mark.slow
def test_the_same_key_and_a_resumed_state_give_the_same_map():
    target, engine = Known(), asked(x_cells=2, y_cells=2, rounds=3)
    starts = jax.vmap(target.from_unit)(jr.uniform(KEY, (engine.chains, 4)))
    state = engine.init(KEY, target, starts)
    like = eqx.filter_eval_shape(
        engine.init, KEY, target, jax.ShapeDtypeStruct(starts.shape, float)
    )
    leaves = [np.array(x) for x in jax.tree.leaves(state)]
    described = [(x.shape, x.dtype) for x in jax.tree.leaves(like)]
    assert described == [(x.shape, x.dtype) for x in leaves]
    restored = jax.tree.unflatten(jax.tree.structure(like), map(jnp.asarray, leaves))
    one, two = engine.advance(KEY, target, state)[1], engine.advance(KEY, target, restored)[1]
    for name, values in one.tables["frontier"].items():
        np.testing.assert_array_equal(values, two.tables["frontier"][name])


def test_nothing_is_traced_again_between_rounds():
    traces = []

    class Counted(Known):
        def excess_at(self, z):
            traces.append(1)
            return super().excess_at(z)

    target, engine = Counted(), asked(x_cells=2, y_cells=2)
    starts = jax.vmap(target.from_unit)(jr.uniform(KEY, (engine.chains, 4)))
    state, _ = engine.advance(KEY, target, engine.init(KEY, target, starts))
    before = sum(traces)
    engine.question.bounding(target)  # what a round asks for its table, by tracing
    once = sum(traces) - before
    engine.advance(KEY, target, state)
    assert sum(traces) - before == 2 * once


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": ""}, "needs x, the name of a parameter or observable"),
        ({"y": "x"}, "two different quantities x and y, got x twice"),
        ({"x_cells": 0}, "x_cells >= 1, got 0"),
        ({"y_cells": -3}, "y_cells >= 1, got -3"),
        ({"starts": 5}, "starts >= 6, got 5"),
        ({"pool": 7}, "pool >= starts = 8, got 7"),
        ({"rounds": 0}, "rounds >= 1, got 0"),
        ({"chains": 0}, "chains >= 1, got 0"),
        ({"tolerance": 0.0}, "tolerance > 0, got 0"),
        ({"kind": "biggest"}, "kind largest or smallest or profile, got 'biggest'"),
        ({"scale": "lin"}, "scale log or linear, got 'lin'"),
        ({"x_scale": "ln"}, "x_scale log or linear, got 'ln'"),
        ({"x_range": (2.0,)}, r"x_range = \[low, high\]"),
        ({"x_range": (2.0, 2.0)}, r"x_range = \[low, high\] with low < high"),
        ({"y_range": (0.0, 2.0)}, r"y_range above 0 on a log scale, got \[0.0, 2.0\]"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        asked(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "xx"}, "x 'xx' is no quantity of this model"),
        ({"objective": "mu_"}, "objective 'mu_' is no quantity of this model; did you mean 'mu'?"),
        ({"x_range": (0.5, 3.0)}, r"x_range \[0.5, 3\] of x reaches outside its prior, \[1, 20.08"),
        ({"objective": "signed"}, "signed is not positive at .* give scale = 'linear'"),
        ({"x": "signed", "x_range": (0.1, 1.0)}, None),
    ],
)
def test_targets_that_cannot_answer(options, message):
    engine, target = asked(**options), Known()
    starts = jax.vmap(target.from_unit)(jr.uniform(KEY, (engine.chains, 4)))
    if message is None:  # positive somewhere: fine
        engine.init(KEY, target, starts)
        return
    with pytest.raises(ValueError, match=message):
        engine.init(KEY, target, starts)


def test_a_mere_density_is_refused():
    with pytest.raises(ValueError, match="frontier needs more than a log density"):
        asked().init(KEY, lambda z: -z @ z, jnp.zeros((16, 4)))


@pytest.mark.slow
def test_a_cancellation_to_one_part_in_a_million_is_no_obstacle():
    """Toy model: mu = 1e-12 b/(M/1 TeV)^2, b <= 1, while |a - b x| = 0.05 eV of up to 1e7 eV.

    The largest mu of a cell is 1e-12/(M_low/1 TeV)^2 whatever the mixing x. Every maximum is
    allowed by the constraints' own word.
    """
    limits = load(["m_nu_target"], observables={"m_nu"})
    target = Posterior(Toy(), {"lambda_hs": 0.1, "phase": 0.3}, limits)
    engine = frontier.Frontier(
        x="m_psi",
        x_range=(100.0, 1e4),
        x_cells=3,
        y="x",
        y_range=(1e-4, 9e-3),
        y_cells=2,
        pool=2048,
    )
    table, _ = mapped(target, engine)
    exact = 1e-3 / table["x_edges"][:-1] ** 2
    np.testing.assert_allclose(table["value"], np.broadcast_to(exact, (2, 3)), rtol=5e-3)
    allowed = jax.vmap(jax.vmap(lambda z: target.allowed(target.theta(z))))(table["position"])
    assert np.all(allowed)
    again = jax.vmap(jax.vmap(target.quantities_at))(table["position"])
    cancelled = np.abs(again["m_nu_dirac"]) / again["m_nu"]
    assert cancelled.min() > 1e4
    # A coupling that the chart solves for carries the rounding that the cancellation magnifies.
    rounding = 2.0 * np.finfo(float).eps * cancelled
    assert np.all(np.abs(again["mu_nu"] / table["value"] - 1.0) < rounding)


@pytest.mark.slow
@pytest.mark.long
def test_the_running_mass_is_cancelled_to_the_last_digit():
    """m_nu_rge of 50 eV and more against m_nu_split alone: y_psi is the root of their sum.

    The largest moment of a cell is that of the root with y_t and y_delta at their bounds, at the
    best masses in the cell. No prior draw is allowed: one in 1e4 would have to hit y_psi.
    """
    priors = {"y_d": 1e-15, "v_s": 1e-14, "lambda_hs": 0.1, "lambda_s": 0.1}
    priors |= {"y_t": LogUniform(1e-3, 0.1), "y_delta": LogUniform(1e-3, 0.1)}
    priors |= {name: LogUniform(1e3, 4e3) for name in ("m_psi", "m_phi")}
    limits = load(["m_nu_target"], observables={"m_nu"})
    target = Posterior(WeakTriplet(), priors, limits)
    ends = {"x_range": (1e3, 4e3), "y_range": (1e3, 4e3), "x_cells": 2, "y_cells": 2}
    engine = frontier.Frontier(
        objective="mu_nu", x="m_psi", y="m_phi", pool=8192, starts=32, **ends
    )
    table, _ = mapped(target, engine)

    @jax.jit
    @jax.vmap
    def at_the_root(m_psi, m_phi):
        theta = {p: jnp.asarray(x) for p, x in target.chart.fixed}
        theta |= {"y_t": 0.1, "y_delta": 0.1, "m_psi": m_psi, "m_phi": m_phi}

        def halved(_, ends):
            middle = jnp.sqrt(ends[0] * ends[1])
            found = target.model.predict(theta | {"y_psi": middle})
            low = found["m_nu_split"] + found["m_nu_rge"] > 0.0
            return jnp.where(low, middle, ends[0]), jnp.where(low, ends[1], middle)

        ends = jax.lax.fori_loop(0, 60, halved, (jnp.asarray(1e-4), jnp.asarray(3.0)))
        return target.model.predict(theta | {"y_psi": ends[0]})["mu_nu"]

    grid = np.geomspace(1e3, 4e3, 41)
    psi, phi = (g.ravel() for g in np.meshgrid(grid, grid))
    mu = np.asarray(at_the_root(psi, phi)).reshape(41, 41)
    exact = [[mu[j : j + 21, i : i + 21].max() for i in (0, 20)] for j in (0, 20)]
    np.testing.assert_allclose(table["value"], exact, rtol=5e-3)


def brute_force(posterior, edges, draws):
    """Largest allowed mu_nu per cell of (m_phi, m_psi) among prior draws, and their number."""
    x, y = (np.log(e) for e in edges)
    cells, chunk = len(x) - 1, 2**18

    def one(c):
        theta = posterior.chart.values(c)
        seen = posterior.observables(theta)
        return seen["mu_nu"], theta["m_psi"], theta["m_phi"], posterior.allowed(theta)

    @jax.jit
    def some(key):
        u = jr.uniform(key, (posterior.dim, chunk), minval=1e-300)
        c = jax.vmap(posterior.coordinates_from_unit, in_axes=-1, out_axes=-1)(u)
        mu, m_psi, m_phi, allowed = jax.vmap(one, in_axes=-1)(c)
        i = jnp.clip(((jnp.log(m_psi) - x[0]) / (x[1] - x[0])).astype(int), 0, cells - 1)
        j = jnp.clip(((jnp.log(m_phi) - y[0]) / (y[1] - y[0])).astype(int), 0, cells - 1)
        mu = jnp.where(allowed, mu, -jnp.inf)
        return jax.ops.segment_max(mu, j * cells + i, cells**2)

    best = np.full(cells**2, -np.inf)
    for number in range(-(-draws // chunk)):
        best = np.maximum(best, some(jr.fold_in(KEY, number)))
    return best.reshape(cells, cells)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("draws", "narrow"), [(10**8, False), (10**7, True)])
def test_brute_force_on_the_weak_triplet(draws, narrow):
    """No prior draw that is allowed lies above the map, which lies above all by up to seven.

    Narrow: draws close to where the maxima are, the couplings y_t and y_delta within 10% of their
    bound and y_d within a factor of two; these come within a third of the map.
    """
    run, _ = build.read(ROOT / "runs" / "frontier.toml", ["model.settings.rge=false"])
    posterior = build.build_posterior(run, "frontier.toml")
    small = run.engine.options | {"x_cells": 6, "y_cells": 6}
    engine = build_engine(run.engine.model_copy(update={"options": small}), "frontier.toml")
    table, _ = mapped(posterior, engine)
    allowed = jax.jit(jax.vmap(lambda z: posterior.allowed(posterior.theta(z))))
    assert np.all(allowed(table["position"].reshape(-1, posterior.dim)))
    priors = dict(posterior.chart.priors) | dict(posterior.chart.fixed)
    if narrow:
        top = priors["y_t"].high
        priors |= {"y_t": LogUniform(0.9 * top, top), "y_delta": LogUniform(0.9 * top, top)}
        priors["y_d"] = LogUniform(0.5 * priors["y_d"].high, priors["y_d"].high)
    sampled = Posterior(posterior.model, priors, posterior.constraints)
    edges = table["x_edges"], table["y_edges"]
    best = brute_force(sampled, edges, draws)
    reached = np.isfinite(best)
    assert reached.all()
    assert np.all(table["value"] >= 0.95 * best)
    if narrow:
        assert np.median(best / table["value"]) > 0.66
