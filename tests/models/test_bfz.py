"""bfz: 16-digit values, the limits in which it is the Zee model, and its reach."""

import functools
import itertools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.models.bfz import Bfz
from nmmjax.models.zee import Zee
from nmmjax.physics.doublets import log_mean

NAMES = ("e", "mu", "tau")
PAIRS = {"emu": (0, 1), "etau": (0, 2), "mutau": (1, 2)}
EXTRA = ("kappa", "m_s_plus", "m_s_r", "m_s_i", "m_h0", "m_a0")
REACH = {  # the benchmark of the talk: kappa = 0.5 TeV, F = 0.1, one neutral scalar
    "phi": 0.25 * np.pi,
    "m_h_plus": 100.0,
    "m_heavy_plus": 1000.0,
    "f_emu": 0.0,
    "f_etau": 0.0,
    "f_mutau": 0.05,
    "y_top": 0.0,
    "y_bottom": 0.0,
    "kappa": 500.0,
}


@functools.cache
def predict(sm=None):
    model = Bfz() if sm is None else Bfz(sm=sm)
    return jax.jit(model.predict)


def at(**changes):
    theta = {p: jnp.asarray(x) for p, x in (Bfz().reference | changes).items()}
    return {name: float(x) for name, x in predict()(theta).items()}


def theta_of(row):
    scalars = {"phi": "phi", "y_top": "y", "y_bottom": "yp", "m_h_plus": "mh", "m_heavy_plus": "mH"}
    theta = {p: row[key] for p, key in scalars.items()} | {p: row[p] for p in EXTRA}
    theta |= {f"f_{pair}": row[f"f_{pair}"] for pair in PAIRS}
    pairs = itertools.product(range(3), repeat=2)
    theta |= {f"y_{NAMES[i]}{NAMES[j]}": row["Y"][i][j] for i, j in pairs}
    return {p: jnp.asarray(float(x)) for p, x in theta.items()}


def test_every_reference_row(reference):
    sm = made_with("baselines/bfz.json")
    for row in reference("baselines/bfz.json")["points"]:
        found = predict(sm)(theta_of(row))
        two = np.array(row["mu_2loop_muB"], float)
        size = np.sqrt(0.5 * np.sum(two**2))
        assert float(found["mu_nu_2loop"]) == pytest.approx(size, rel=1e-11)
        assert float(found["s_param"]) == pytest.approx(float(row["S"]), rel=1e-12, abs=1e-14)
        assert float(found["t_param"]) == pytest.approx(float(row["T"]), rel=1e-11, abs=1e-13)
        assert float(found["quartic_kappa"]) == pytest.approx(float(row["quartic_kappa"]))


@pytest.mark.parametrize("neutral", [True, False])
def test_without_kappa_it_is_the_zee_model(neutral):
    """With H and A, or without them where theirs are out of reach."""
    zee = Zee(neutral_scalars=neutral)
    theta = {p: jnp.asarray(x) for p, x in zee.reference.items()}
    masses = {} if neutral else {"m_h0": 1e12, "m_a0": 1e12}
    mine = at(kappa=0.0, **masses)
    for name, value in jax.jit(zee.predict)(theta).items():
        if name != "m_charged_scalar":
            assert mine[name] == pytest.approx(float(value), rel=1e-13), name


def test_the_reach_of_the_talk():
    """1.2e-12 to 3.3e-12 mu_B of one neutral scalar; the other, far away, adds nothing."""
    one = at(**REACH, m_s_plus=100.0, m_s_r=100.0, m_s_i=1e9)["mu_nu"]
    other = at(**REACH, m_s_plus=150.0, m_s_r=300.0, m_s_i=1e9)["mu_nu"]
    assert one == pytest.approx(3.3e-12, rel=0.01)
    assert other == pytest.approx(1.2e-12, rel=0.03)
    both = at(**REACH, m_s_plus=100.0, m_s_r=100.0, m_s_i=100.0)["mu_nu"]
    assert both == pytest.approx(2.0 * one, rel=1e-9)


def test_the_current_of_degenerate_scalars_leaves_no_mass():
    assert at(**REACH, m_s_plus=100.0, m_s_r=100.0, m_s_i=100.0)["m_nu_2loop"] == 0.0
    assert at(**REACH, m_s_plus=100.0, m_s_r=100.0, m_s_i=140.0)["m_nu_2loop"] > 1.0


def test_an_inert_doublet_of_equal_masses_is_not_oblique():
    """With phi = 0 both are plain doublets: S and T vanish where their members are degenerate."""
    found = at(phi=0.0, m_h_plus=200.0, m_h0=200.0, m_a0=200.0, m_s_r=150.0, m_s_i=150.0)
    assert abs(found["s_param"]) < 1e-14
    assert abs(found["t_param"]) < 1e-14


@pytest.mark.parametrize("ratio", [1e-4, 0.3, 1.0, 1.0 + 1e-7, 4.0, 1e5])
def test_log_mean_against_a_quadrature(ratio):
    a, b = mp.mpf(ratio) * 1e4, mp.mpf(10) ** 4
    ends = [0, mp.mpf("1e-4"), mp.mpf("0.01"), mp.mpf("0.99"), 1]
    value = mp.quad(lambda x: x * (1 - x) * mp.log(x * a + (1 - x) * b), ends)
    got = float(log_mean(jnp.asarray(float(a)), jnp.asarray(float(b))))
    assert got == pytest.approx(float(value), rel=1e-14)


@pytest.mark.slow
def test_gradients_are_finite_over_the_prior():
    """2e4 draws of the default priors inside the domain."""
    model = Bfz()
    u = jax.random.uniform(jax.random.key(1), (len(model.parameters), 20000, 1))
    theta = {
        p.name: jax.vmap(lambda x, prior=p.prior: prior.value(prior.from_unit(x)))(x)
        for p, x in zip(model.parameters, u, strict=True)
    }
    light, heavy = theta["m_h_plus"], theta["m_heavy_plus"]
    theta["m_h_plus"], theta["m_heavy_plus"] = jnp.minimum(light, heavy), jnp.maximum(light, heavy)

    def outputs(point):
        found = model.predict(point)
        names = ("mu_nu_2loop", "s_param", "t_param", "m_nu_2loop", "br_mu_e_gamma")
        return jnp.stack([found[n] for n in names])

    slopes = jax.jit(jax.vmap(jax.jacrev(outputs)))(theta)
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in slopes.values())
