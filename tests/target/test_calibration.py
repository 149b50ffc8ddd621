"""Simulation-based calibration through the whole stack (arXiv:1804.06788).

Parameters are drawn from the prior, data from the parameters, then the posterior of the data is
sampled: chart, starting points, engine. Ranks of the true values among posterior draws are flat
if and only if every part is right. Data are array leaves of the constraint, so that nothing is
compiled twice.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.stats import chi2

from helpers.toy_model import Toy
from nmmjax.constraints.base import Constraint, Source
from nmmjax.samplers.engines.ensemble import Ensemble
from nmmjax.target import start
from nmmjax.target.posterior import Posterior

pytestmark = pytest.mark.slow

REPLICAS, RANKS, BINS = 240, 63, 8
SIGMA = 0.5
QUANTITIES = ("b", "a", "x", "m_psi", "lambda_hs", "phase", "m_nu", "ln L")


class Data(Constraint):
    """ln of an observable, known to within SIGMA."""

    value: jax.Array = eqx.field(kw_only=True)
    power: float = eqx.field(static=True, kw_only=True, default=1.0)

    def _log_likelihood(self, observables):
        pull = (jnp.log(observables[self.requires[0]]) - self.value) / SIGMA
        return -0.5 * self.power * pull**2

    def _allowed(self, observables):
        return self._log_likelihood(observables) > -2.0

    def excess(self, observables):
        return -2.0 - self._log_likelihood(observables)

    def describe(self):
        return self.requires[0]


def posterior(values, power=1.0):
    source = Source("made up", 2026, "by construction")
    made = [
        Data(f"d_{name}", (name,), source, value=values[name], power=power)
        for name in ("m_nu", "mu_nu")
    ]
    return Posterior(Toy(), {}, made)


def simulated(key):
    """True parameters, from the prior where the model is defined, and data."""
    prior = Posterior(Toy(), {}, [])
    key_start, key_noise = jr.split(key)
    z = start.prior(prior, key_start, 1).positions[0]
    truth = prior.observables(prior.theta(z)) | prior.theta(z)
    noise = SIGMA * jr.normal(key_noise, (2,))
    data = {n: jnp.log(truth[n]) + noise[i] for i, n in enumerate(("m_nu", "mu_nu"))}
    return truth, data


@eqx.filter_jit
def described(target, z):
    """(number, quantity) at positions (number, dim)."""

    def one(z):
        theta = target.theta(z)
        found = target.model.predict(theta) | theta
        log_l = sum(target.terms(theta).values())
        return jnp.stack([*(found[name] for name in QUANTITIES[:-1]), log_l])

    return jax.vmap(one)(z)


def ranks(key, power):
    """Rank of each true quantity among RANKS posterior draws."""
    key_truth, key_start, key_run, key_pick = jr.split(key, 4)
    truth, data = simulated(key_truth)
    target = posterior(data, power)
    engine = Ensemble(ensembles=4, walkers=32, thin=20, block=50)
    points = start.screened(target, key_start, engine.chains).positions
    state, kept = engine.init(key_run, target, points), []
    for _ in range(4):
        state, block = engine.advance(key_run, target, state)
        kept.append(block.draws)
    flat = jnp.concatenate(kept[1:], axis=1).reshape(-1, target.dim)  # the first is burn-in
    chosen = described(target, flat[jr.choice(key_pick, len(flat), (RANKS,), replace=False)])
    exact = posterior(data)  # ln L of the truth, as of the draws, is the data's own
    true = jnp.stack(
        [
            *(truth[name] for name in QUANTITIES[:-1]),
            sum(exact.terms({p: truth[p] for p in target.sampled}).values()) * power,
        ]
    )
    return np.asarray(jnp.sum(chosen < true, axis=0))


def p_values(power=1.0, replicas=REPLICAS):
    """p value of flatness for each quantity."""
    found = np.stack([ranks(jr.fold_in(jr.key(17), i), power) for i in range(replicas)])
    expected = replicas / BINS
    table = np.stack([np.bincount(r * BINS // (RANKS + 1), minlength=BINS) for r in found.T])
    return chi2.sf(np.sum((table - expected) ** 2, axis=1) / expected, BINS - 1)


def test_ranks_are_flat():
    """Eight tests at 1e-3 each."""
    p = dict(zip(QUANTITIES, p_values(), strict=True))
    assert min(p.values()) > 1e-3, p


def test_a_sampler_of_another_temperature_is_found_out():
    """ln L raised to the power 2: what a wrong factor in an acceptance would do."""
    p = dict(zip(QUANTITIES, p_values(power=2.0, replicas=REPLICAS // 2), strict=True))
    assert min(p.values()) < 1e-3, p
