"""Gradients of the Z-pole, muon-decay and universality observables at 2e4 points of every prior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.model_points import prior_draws
from nmmjax.models.bridge import Bridge
from nmmjax.models.bridge_fourplet import BridgeFourplet
from nmmjax.models.bridge_majorana import BridgeMajorana
from nmmjax.models.colored_triplet import ColoredTriplet
from nmmjax.models.inert_doublet import InertDoublet
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.models.weak_triplet3.model import WeakTriplet3

MODELS = (
    *(WeakTriplet, WeakTriplet3, InertDoublet, ColoredTriplet, Bridge),
    *(BridgeMajorana, BridgeFourplet),
)
NAMES = (
    *("gamma_z_ee", "gamma_z_mumu", "gamma_z_tautau", "gamma_z_inv", "sin2_eff", "delta_g_mu"),
    *("m_w", "ckm_row_1", "g_tau_over_g_mu", "g_tau_over_g_e", "g_mu_over_g_e"),
)
POINTS = 20_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_finite_at_2e4_prior_points(kind):
    """Every slope by every parameter; they do not vanish, and are those of a function of y/m."""
    model = kind()
    columns = prior_draws(model, POINTS)

    def stacked(theta):
        found = model.predict(theta)
        return jnp.stack([found[name] for name in NAMES])

    inside = jax.jit(jax.vmap(lambda x: jnp.stack([*model.domain(x).values()])))(columns)
    inside = np.all(np.asarray(inside) > 0.0, axis=1)
    assert np.sum(inside) > POINTS // 20
    values, slopes = jax.jit(jax.vmap(lambda x: (stacked(x), jax.jacrev(stacked)(x))))(columns)
    assert np.all(np.isfinite(values[inside]))
    for name, slope in slopes.items():
        assert np.all(np.isfinite(slope[inside])), name
    for name in ("gamma_z_ee", "sin2_eff", "delta_g_mu", "m_w"):  # the rest is 1 for one flavour
        one = np.max([np.abs(x[inside, NAMES.index(name)]) for x in slopes.values()], axis=0)
        assert np.all(one > 0.0), name
    if "y_psi" in columns:  # mixing is y_psi/m_psi, but for (m_l/m_psi)^2
        up, down = (columns[p][inside, None] * slopes[p][inside] for p in ("y_psi", "m_psi"))
        assert np.all(np.abs(up + down) <= 1e-8 * np.abs(up) + 1e-300)
