"""Multistart search on targets whose modes are known, and starting points made of them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.special import ive

from helpers import ridges
from helpers import targets as T
from nmmjax.samplers import starting
from nmmjax.samplers.engines import _climb, search

KEY = jr.key(60)


class Nothing(T.Boxed):
    """A likelihood that is NaN or +inf everywhere in its box."""

    value: float = eqx.field(static=True)
    low: tuple[float, ...] = eqx.field(static=True, default=(0.0, 0.0))
    high: tuple[float, ...] = eqx.field(static=True, default=(1.0, 1.0))

    def inside(self, z):
        return self.value + 0.0 * z[0]


class Phase(eqx.Module):
    """A phase with ln L = kappa cos(phi - 1) on a plane, and x ~ N(0, 1/100)."""

    kappa: float = eqx.field(static=True)
    planes: tuple[int, ...] = eqx.field(static=True, default=(0,))
    dim: int = eqx.field(static=True, default=3)

    def __call__(self, z):
        prior = -0.5 * (z[0] ** 2 + z[1] ** 2) - math.log(2.0 * math.pi)
        phi = jnp.arctan2(z[1], z[0])
        normal = -0.5 * (10.0 * z[2]) ** 2 - 0.5 * math.log(2.0 * math.pi) + math.log(10.0)
        return prior + normal + self.kappa * jnp.cos(phi - 1.0)

    def from_unit(self, u):
        return jax.scipy.special.ndtri(u)


def draws(target, count):
    return jax.vmap(target.from_unit)(jr.uniform(KEY, (count, target.dim)))


def found(target, points=None, **options):
    """The last block of a search from prior draws."""
    engine = search.Search(**({"starts": 256, "steps": 200} | options))
    state = engine.init(KEY, target, draws(target, engine.starts) if points is None else points)
    while True:
        state, block = engine.advance(KEY, target, state)
        assert block.draws is None
        if block.done:
            return block
        assert set(block.tables) == {"progress"}


def test_a_gaussian_has_one_mode_with_its_widths_and_evidence():
    target = T.Gaussian(5, condition=50.0)
    modes = found(target).tables["modes"]
    assert modes["position"].shape == (1, 5)
    np.testing.assert_allclose(modes["position"], 0.0, atol=1e-9)
    np.testing.assert_allclose(modes["width"][0], np.sqrt(np.diag(target.covariance)), rtol=1e-6)
    np.testing.assert_allclose(modes["log_z_laplace"], target.log_z, atol=1e-6)
    assert modes["count"].tolist() == [256]
    assert modes["gradient_norm"][0] < 1e-6


def test_both_modes_of_a_mixture_their_weights_by_laplace():
    target = T.Mixture(dim=3, distance=8.0, weight=0.3)
    modes = found(target).tables["modes"]
    np.testing.assert_allclose(modes["position"][:, 0], [-4.0, 4.0], atol=1e-6)
    weights = np.exp(modes["log_z_laplace"] - target.log_z)
    np.testing.assert_allclose(weights, [0.7, 0.3], atol=1e-6)
    assert modes["count"].sum() == 256
    np.testing.assert_allclose(modes["count"], 128, atol=5 * 8)  # basins are halves of the box


def test_all_eighteen_modes_of_an_eggbox():
    modes = found(T.Eggbox(), starts=512).tables["modes"]
    top = np.isclose(modes["log_density"], modes["log_density"][0], atol=1e-6)
    assert top.sum() == 18
    grid = np.asarray(modes["position"])[top] / (2.0 * math.pi)
    np.testing.assert_allclose(grid, np.round(grid), atol=1e-6)
    assert len(np.unique(np.round(grid), axis=0)) == 18
    assert found(T.Eggbox(), starts=512, modes=4).tables["modes"]["count"].shape == (4,)


@pytest.mark.slow
def test_modes_merge_where_nothing_separates_them():
    """A plateau with a shallow dent is one mode; with a deep one two (the negative control)."""

    class Dented(T.Gaussian):
        depth: float = eqx.field(static=True, default=0.0)

        def inside(self, z):
            return -0.5 * z[1] ** 2 - self.depth * jnp.exp(-0.5 * z[0] ** 2) - (z[0] / 10.0) ** 8

    for depth, count in ((0.1, 1), (3.0, 2)):
        target = eqx.tree_at(lambda t: t.precision, Dented(2), jnp.eye(2))
        object.__setattr__(target, "depth", depth)
        assert len(found(target).tables["modes"]["count"]) == count


@pytest.mark.slow
@pytest.mark.parametrize("kappa", [30.0, 100.0])
def test_a_phase_on_a_plane_has_a_mode_at_radius_one(kappa):
    """Exact: I_0(kappa); Laplace is off by 1/(8 kappa) and, for the radius, ln sqrt(pi/e)."""
    target = Phase(kappa)
    modes = found(target).tables["modes"]
    np.testing.assert_allclose(modes["position"][0], [math.cos(1.0), math.sin(1.0), 0.0], atol=1e-5)
    exact = math.log(ive(0, kappa)) + kappa
    radius = 0.5 * math.log(math.pi / math.e)
    np.testing.assert_allclose(modes["log_z_laplace"][0] - exact, radius, atol=0.3 / kappa)


def test_without_planes_the_maximum_of_a_phase_has_no_angle():
    """The negative control: the density over the plane is largest at its origin."""
    modes = found(Phase(30.0, planes=())).tables["modes"]
    assert np.linalg.norm(modes["position"][0, :2]) < 0.1
    assert np.isnan(modes["log_z_laplace"][0])


def test_a_maximum_on_a_wall_has_a_gradient_and_no_width():
    class Slope(T.Gaussian):
        def inside(self, z):
            return z[0] - 0.5 * z[1] ** 2

    modes = found(Slope(2)).tables["modes"]
    np.testing.assert_allclose(modes["position"][0], [12.0, 0.0], atol=0.2)
    assert modes["position"][0, 0] <= 12.0
    assert modes["gradient_norm"][0] > 1.0
    assert np.isnan(modes["log_z_laplace"][0])
    assert np.all(np.isnan(modes["width"][0]))


def test_starts_of_zero_density_stay_and_are_counted():
    target = T.Gaussian(3)
    points = draws(target, 256).at[:64, 0].set(50.0)
    block = found(target, points)
    assert block.stats["nonfinite_fraction"] == 0.25
    assert block.tables["modes"]["count"].tolist() == [192]
    with pytest.raises(ValueError, match="none of the 256 starting points has finite density"):
        found(target, points + 100.0)
    with pytest.raises(ValueError, match="search needs 256 starting points, got 255"):
        found(target, points[1:])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_undefined_densities_are_refused(value):
    with pytest.raises(ValueError, match="none of the"):
        found(Nothing(value))
    with pytest.raises(ValueError, match="no finite density in 4096 prior draws"):
        starting.from_search(Nothing(value), KEY, 64)


def test_a_gradient_that_is_nan_does_not_stop_the_search():
    class Torn(T.Gaussian):
        def inside(self, z):
            return -0.5 * z @ z - jnp.sqrt(jnp.where(jnp.abs(z[1]) > 6.0, 1.0, 0.0 * z[0] ** 2))

    modes = found(Torn(2)).tables["modes"]
    assert np.all(np.isfinite(modes["position"]))
    assert modes["log_density"][0] > -10.0


def test_the_same_key_and_a_resumed_state_give_the_same_table():
    target = T.Mixture(dim=2)
    engine = search.Search(starts=64, steps=40, block=20)
    state = engine.init(KEY, target, draws(target, 64))
    like = eqx.filter_eval_shape(
        engine.init, KEY, target, jax.ShapeDtypeStruct((64, 2), jnp.float64)
    )
    assert jax.tree.structure(state) == jax.tree.structure(like)
    middle, _ = engine.advance(KEY, target, state)
    leaves = [np.array(leaf) for leaf in jax.tree.leaves(middle)]
    restored = jax.tree.unflatten(jax.tree.structure(like), map(jnp.asarray, leaves))
    here, block = engine.advance(KEY, target, restored)
    assert not block.done
    _, last = engine.advance(KEY, target, here)
    assert last.done
    whole = found(target, draws(target, 64), starts=64, steps=40, block=20).tables["modes"]
    for name, values in last.tables["modes"].items():
        np.testing.assert_array_equal(values, whole[name])


def test_nothing_is_traced_again_between_blocks():
    traces = []

    class Counted(T.Gaussian):
        def inside(self, z):
            traces.append(1)
            return super().inside(z)

    target, engine = Counted(2), search.Search(starts=16, steps=100, block=10)
    state = engine.init(KEY, target, draws(target, 16))
    state, _ = engine.advance(KEY, target, state)
    before = sum(traces)
    for _ in range(3):
        state, _ = engine.advance(KEY, target, state)
    assert sum(traces) == before


@pytest.mark.parametrize("name", ["starts", "steps", "block", "modes"])
def test_options_that_make_no_sense(name):
    with pytest.raises(ValueError, match=f"search needs {name} >= 1, got 0"):
        search.Search(**{name: 0})


# Starting points


@pytest.mark.slow
def test_starting_points_are_wider_than_the_posterior_and_inside_it():
    target = T.Gaussian(4, condition=30.0)
    points = np.asarray(starting.from_search(target, KEY, 256))
    assert points.shape == (256, 4)
    assert np.all(np.isfinite(jax.vmap(target)(points)))
    whitened = points @ np.linalg.inv(np.linalg.cholesky(target.covariance)).T
    sd = whitened.std(axis=0)
    assert np.all((sd > 1.5) & (sd < 2.4))  # twice the posterior, some jumps halved
    np.testing.assert_array_equal(points, starting.from_search(target, KEY, 256))


@pytest.mark.slow
def test_starting_points_cover_both_modes_and_both_loops_of_a_ridge():
    target = T.Mixture(dim=3, distance=10.0, weight=0.1)
    mixture = np.asarray(starting.from_search(target, KEY, 256))
    assert 0.35 < np.mean(mixture[:, 0] > 0.0) < 0.65  # basins, not weights
    ridge = np.asarray(starting.from_search(ridges.Ridge(0.1), KEY, 128))
    assert 0.3 < np.mean(ridge[:, 2] > 0.0) < 0.7
    assert np.all(np.isfinite(jax.vmap(ridges.Ridge(0.1))(ridge)))


@pytest.mark.slow
def test_curvatures_by_differences_against_autodiff():
    target = T.Rosenbrock(4)
    x = 0.1 * draws(target, 16)
    value, gradient, hessian = _climb.slopes(target, x, jnp.full(16, _climb.H))
    np.testing.assert_allclose(value, jax.vmap(target)(x), rtol=1e-12)
    np.testing.assert_allclose(gradient, jax.vmap(jax.grad(target))(x), rtol=1e-12)
    exact = np.asarray(jax.vmap(jax.hessian(target))(x))
    np.testing.assert_allclose(hessian, exact, atol=1e-7 * np.abs(exact).max())


def test_newton_leaves_a_saddle_uphill():
    x, h = jnp.array([[1e-3, 0.5]]), jnp.full(1, _climb.H)
    for _ in range(20):
        x, h, _ = _climb.newton(lambda x: x[0] ** 2 - x[1] ** 2 - x[0] ** 4, x, h)
    np.testing.assert_allclose(x[0], [math.sqrt(0.5), 0.0], atol=1e-8)
