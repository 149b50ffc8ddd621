"""zee: 30-digit values, antisymmetry, rephasing, diagonalisation, limits of the mixing."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import model_points
from helpers.oracles import made_with
from nmmjax.models.zee import Zee
from nmmjax.physics.constants import SM

NAMES = ("e", "mu", "tau")
PAIRS = {"emu": (0, 1), "etau": (0, 2), "mutau": (1, 2)}


@pytest.fixture(scope="module")
def predict():
    return jax.jit(Zee().predict)


@pytest.fixture(scope="module")
def predict_one_loop():
    return jax.jit(Zee(two_loop=False).predict)


point = functools.partial(model_points.point, Zee())


def theta_of(row):
    scalars = {"phi": "phi", "y_top": "y", "y_bottom": "yp", "m_h_plus": "mh", "m_heavy_plus": "mH"}
    theta = {p: row[key] for p, key in scalars.items()}
    theta |= {f"f_{pair}": row[f"f_{pair}"] for pair in PAIRS}
    theta |= {
        f"y_{NAMES[i]}{NAMES[j]}": row["Y"][i][j] for i, j in itertools.product(range(3), repeat=2)
    }
    return {p: jnp.asarray(float(x)) for p, x in theta.items()}


def test_every_reference_row(reference):
    sm = made_with("baselines/models.json")
    predict = jax.jit(Zee(sm=sm).predict)
    predict_one_loop = jax.jit(Zee(two_loop=False, sm=sm).predict)
    for row in reference("baselines/models.json")["Zee_BFZ"]:
        theta = theta_of(row)
        full, one_loop = predict(theta), predict_one_loop(theta)
        mass = 1e9 * np.array(row["M_nu_GeV"], float)
        one = np.array(row["mu_1loop_muB"], float)
        two = np.array(row["mu_2loop_muB"], float)
        for pair, (a, b) in PAIRS.items():
            assert float(one_loop[f"re_mu_nu_{pair}"]) == pytest.approx(one[a, b], rel=1e-11)
            total = one[a, b] + two[a, b]
            assert float(full[f"re_mu_nu_{pair}"]) == pytest.approx(total, rel=1e-11)
        for name, part in (("mu_nu_1loop", one), ("mu_nu_2loop", two), ("mu_nu", one + two)):
            size = np.sqrt(0.5 * np.sum(part**2))
            assert float(full[name]) == pytest.approx(size, rel=1e-11)
        for i, j in itertools.combinations_with_replacement(range(3), 2):
            got = float(full[f"re_m_nu_{NAMES[i]}{NAMES[j]}"])
            assert got == pytest.approx(mass[i, j], rel=1e-13)
        masses = [float(full[f"m_nu_{i}"]) for i in (1, 2, 3)]
        singular = np.sort(np.linalg.svd(mass, compute_uv=False))
        np.testing.assert_allclose(masses, singular, rtol=1e-9, atol=1e-13 * singular[2])


def test_moment_has_the_same_size_in_both_bases(predict):
    observed = predict(point())
    flavour = sum(float(observed[f"mu_nu_{pair}"]) ** 2 for pair in PAIRS)
    mass = sum(float(observed[f"mu_nu_{i}{j}"]) ** 2 for i, j in ((1, 2), (1, 3), (2, 3)))
    assert np.sqrt(mass) == pytest.approx(np.sqrt(flavour), rel=1e-12)
    assert float(observed["mu_nu"]) == pytest.approx(np.sqrt(flavour), rel=1e-14)
    reactor = np.hypot(float(observed["mu_nu_emu"]), float(observed["mu_nu_etau"]))
    assert float(observed["mu_eff_reactor"]) == pytest.approx(reactor, rel=1e-12)


@pytest.mark.parametrize("signs", [(1, -1, 1), (-1, 1, 1), (-1, -1, 1)])
def test_rephasing_of_lepton_flavours(predict, signs):
    """L_a -> s_a L_a, e_Ra -> s_a e_Ra: f_ab and Y_ab take s_a s_b, nothing observable changes."""
    theta = point()
    rephased = dict(theta)
    for i, j in itertools.product(range(3), repeat=2):
        key = f"y_{NAMES[i]}{NAMES[j]}"
        rephased[key] = signs[i] * signs[j] * theta[key]
        if i < j:
            key = f"f_{NAMES[i]}{NAMES[j]}"
            rephased[key] = signs[i] * signs[j] * theta[key]
    one, other = predict(theta), predict(rephased)
    for name in one:
        if name.startswith("re_") or name == "delta_cp":
            continue
        assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-9), name
    assert abs(np.cos(float(one["delta_cp"])) - np.cos(float(other["delta_cp"]))) < 1e-9


def test_no_mixing_no_mass_no_moment(predict):
    for observed in (predict(point(phi=0.0)), predict(point(m_heavy_plus=150.0))):
        assert float(observed["m_nu"]) == 0.0
        assert float(observed["mu_nu"]) == 0.0


def test_two_loop_moment_carries_no_mass_and_follows_f(predict):
    base, strong = predict(point()), predict(point(y_top=1.0, y_bottom=0.2))
    assert float(strong["m_nu"]) == float(base["m_nu"])
    assert float(strong["mu_nu_2loop"] / base["mu_nu_2loop"]) == pytest.approx(2.0, rel=1e-13)
    ratio = float(predict(point(f_emu=2e-2))["mu_nu_2loop"] / base["mu_nu_2loop"])
    f_sq = np.array([1e-4, 4e-6, 9e-6])
    expected = np.sqrt((4.0 * f_sq[0] + f_sq[1] + f_sq[2]) / f_sq.sum())
    assert ratio == pytest.approx(expected, rel=1e-12)


def test_relabelling_of_the_charged_scalars(predict):
    theta = point()
    other = theta | {
        "phi": 0.5 * np.pi - theta["phi"],
        "m_h_plus": theta["m_heavy_plus"],
        "m_heavy_plus": theta["m_h_plus"],
    }
    one, two = predict(theta), predict(other)
    for name in ("m_nu", "mu_nu", "mu_nu_2loop", "br_mu_e_gamma", "delta_a_mu", "eps_emu"):
        assert float(one[name]) == pytest.approx(float(two[name]), rel=1e-9), name


def test_radiative_decay_of_the_singlet():
    """eta alone is the charged loop of Zee-Babu: BR = (alpha/48 pi) |f_ac f_cb|^2/(G_F m^2)^2."""
    quiet = {f"y_{a}{b}": 0.0 for a, b in itertools.product(NAMES, NAMES)}
    theta = point(**quiet, phi=0.5 * np.pi, m_h_plus=500.0)
    observed = Zee(two_loop=False).predict(theta)
    product = 2e-3 * 3e-3
    expected = SM.alpha_0 / (48.0 * np.pi) * (product / (SM.g_f * 500.0**2)) ** 2
    assert float(observed["br_mu_e_gamma"]) == pytest.approx(expected, rel=1e-12)
    charged = -4.0 * (1e-4 + 9e-6) * SM.m_mu**2 / (96.0 * np.pi**2 * 500.0**2)
    assert float(observed["delta_a_mu"]) == pytest.approx(charged, rel=1e-12)


def test_decoupling_of_both_scalars(predict):
    """Masses depend on the ratio of the scalar masses, moments fall like 1/M^2 and logarithms."""

    def at(scale):
        return predict(point(m_h_plus=150.0 * scale, m_heavy_plus=300.0 * scale))

    near, far = at(1e2), at(1e3)
    assert float(far["m_nu"] / near["m_nu"]) == pytest.approx(1.0, rel=1e-5)
    for name in ("mu_nu_1loop", "mu_nu_2loop"):
        assert 1.7 < np.log10(float(near[name] / far[name])) < 2.0
