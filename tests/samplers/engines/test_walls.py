"""Moves that leave through one wall of the prior and come back through the opposite one."""

import types

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import dblquad

from nmmjax.samplers import diagnostics
from nmmjax.samplers.engines import _walls, ensemble
from nmmjax.samplers.engines.ensemble import Ensemble

ENGINE = Ensemble(ensembles=4, walkers=32, thin=10, block=50)
ENDS = ((0.0, 1.0), (-1.0, 1.0))


class Tilted(eqx.Module):
    """p ~ exp(2 x - 3 x y) N(w; x, 0.3) in a box of (x, y): high at one wall, low at the other."""

    walls = (*ENDS, (-np.inf, np.inf))

    def __call__(self, z):
        x, y, w = z
        inside = (x >= 0.0) & (x <= 1.0) & (y >= -1.0) & (y <= 1.0)
        value = 2.0 * x - 3.0 * x * y - 0.5 * ((w - x) / 0.3) ** 2
        return jnp.where(inside, value, -jnp.inf)


def moments():
    """Means of x, y and x y by quadrature."""

    def integral(f):
        return dblquad(lambda y, x: f(x, y) * np.exp(2.0 * x - 3.0 * x * y), 0.0, 1.0, -1.0, 1.0)[0]

    parts = (lambda x, y: x), (lambda x, y: y), (lambda x, y: x * y)
    return np.array([integral(f) for f in parts]) / integral(lambda x, y: 1.0)


def sampled(target, blocks=12):
    """Draws (chain, draw, dim) and the share of proposals without a finite density."""
    key = jr.key(3)
    low, high = jnp.array([[0.0, -1.0, 0.0]]), jnp.array([[1.0, 1.0, 1.0]])
    starts = low + (high - low) * jr.uniform(key, (ENGINE.chains, 3))
    state, draws, lost = ENGINE.init(key, target, starts), [], []
    for i in range(blocks):
        state, block = ENGINE.advance(jr.fold_in(key, i), target, state)
        draws.append(np.asarray(block.draws))
        lost.append(float(block.stats["nonfinite_fraction"]))
    return np.concatenate(draws[2:], axis=1), np.mean(lost[2:])


def pulls(draws):
    """Distance from the exact means, in standard errors of means over coupled walkers."""
    x, y, w = np.moveaxis(draws, -1, 0)
    found = [x, y, x * y, w]
    exact = moments()
    worth = [diagnostics.ensemble_mean_ess(v, ENGINE.groups) for v in found]
    spread = [v.reshape(4, 32, -1).mean(axis=1).std() for v in found]
    errors = np.array(spread) / np.sqrt(worth)
    return (np.array([v.mean() for v in found]) - [*exact, exact[0]]) / errors


def test_the_distribution_is_the_one_within_the_walls():
    draws, lost = sampled(Tilted())
    assert np.all(np.abs(pulls(draws)) < 4.0)
    assert np.all((draws[..., :2] >= np.min(ENDS, axis=1)) & (draws[..., :2] <= 1.0))
    # Only stretch moves, a tenth of all, still end outside.
    assert lost < 0.1


def test_stopping_at_the_wall_fails_the_same_check(monkeypatch):
    def stopped(target, x):
        low, high = np.asarray(target.walls).T.reshape(2, -1, *[1] * (x.ndim - 1))
        return jnp.clip(x, low, high)

    monkeypatch.setattr(ensemble, "through", stopped)
    assert np.any(np.abs(pulls(sampled(Again())[0])) > 8.0)


class Again(Tilted):
    """The same density under another name, for which nothing is compiled yet."""


@pytest.mark.parametrize("x", [-0.25, 0.0, 0.5, 1.0, 1.25, 3.75])
def test_a_way_out_leads_in_through_the_opposite_wall(x):
    target = types.SimpleNamespace(walls=((0.0, 1.0), (-np.inf, np.inf)))
    found = _walls.through(target, jnp.array([[x], [x]]))
    np.testing.assert_allclose(found, [[x % 1.0], [x]], rtol=0.0, atol=1e-15)
