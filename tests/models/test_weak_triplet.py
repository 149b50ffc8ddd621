"""Model-I against 50-digit values, its symmetries and its limits."""

import functools
import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers import model_points
from helpers.model_points import prior_draws
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.physics.constants import SM, Constants
from nmmjax.target.model import guarded_predict

SETTINGS = [
    {},
    {"rge": True},
    {"lambda_uv": 1e6},
    {"rge": True, "lambda_uv": 1e6},
    {"convention": "as_printed"},
    {"convention": "as_printed", "rge": True},
]


point = functools.partial(model_points.point, WeakTriplet())


def test_observables_are_in_the_catalogue_and_scalar():
    for settings in SETTINGS:
        for lepton in ("e", "mu", "tau"):
            found = jax.eval_shape(WeakTriplet(lepton=lepton, **settings).predict, point())
            assert all(value.shape == () for value in found.values())
            assert [quantity(name) for name in found]
            assert f"eta_{lepton}{lepton}" in found
            assert ("m_beta" in found) == (lepton == "e")


@pytest.mark.parametrize("lepton", ["e", "mu", "tau"])
def test_lepton_mass_fixes_its_yukawa(lepton):
    theta = point(y_psi=1.3, m_psi=700.0)
    found = WeakTriplet(lepton=lepton).predict(theta)
    assert float(found["m_e_light"]) == getattr(SM, f"m_{lepton}")
    with mp.workdps(40):
        m_h = mp.mpf(1.3) * SM.v_h / mp.sqrt(2)
        m_e = mp.mpf(float(found["m_e_light"])) * mp.mpf(float(found["m_e_heavy"])) / 700
        both = mp.svd_r(mp.matrix([[m_e, mp.sqrt(2) * m_h], [0, 700]]), compute_uv=False)
        y_lepton = float(m_e / SM.v_h)
    assert float(both[1] / float(found["m_e_light"])) == pytest.approx(1.0, abs=1e-14)
    given = WeakTriplet(lepton=lepton, y_lepton=y_lepton).predict(theta)
    for name, value in found.items():
        assert float(given[name]) == pytest.approx(float(value), rel=1e-13), name


@pytest.mark.parametrize("settings", SETTINGS)
def test_named_terms_add_up(settings):
    model = WeakTriplet(**settings)
    found = jax.vmap(model.predict)(prior_draws(model, 500))
    terms = np.stack([found[name] for name in model.mass_terms])
    scale = np.sum(np.abs(terms), axis=0)
    defined = np.isfinite(scale)
    assert defined.sum() > 400
    defect = (np.sum(terms, axis=0) - found["m_nu_total"])[defined]
    assert np.max(np.abs(defect) / scale[defined]) < 1e-14
    assert np.array_equal(np.abs(found["m_nu_total"])[defined], found["m_nu"][defined])
    assert {"m_nu_rge", "m_nu_cubic"} <= set(found)
    for ratio in model.ratios:
        assert {*ratio.numerator, *ratio.denominator} <= set(model.mass_terms)
        assert ratio.handle in model.reference


def test_ratio_handles_are_degree_one():
    """Terms in a numerator carry one power of the handle, those in the denominator none."""
    model = WeakTriplet(rge=True, lambda_uv=1e5)
    low, high = (model.predict(point(v_s=v, y_d=y)) for v, y in ((1e-9, 1e-13), (1e-8, 1e-12)))
    for name in ("m_nu_seesaw", "m_nu_neutral", "m_nu_charged", "m_nu_dirac"):
        assert float(high[name] / low[name]) == pytest.approx(10.0, rel=1e-12)
    for name in ("m_nu_split", "m_nu_rge", "m_nu_cubic"):
        assert float(high[name] / low[name]) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.slow
def test_values_and_gradients_are_finite_on_the_prior():
    model = WeakTriplet(rge=True, lambda_uv=1e6)
    columns = prior_draws(model, 20_000)

    def checked(theta):
        found, inside = guarded_predict(model, theta)
        return found, inside

    def seen(theta):
        found, _ = guarded_predict(model, theta)
        return jnp.log(found["m_nu"]) + jnp.log(found["mu_nu"]) + found["theta_sq"]

    found, inside = jax.jit(jax.vmap(checked))(columns)
    assert 0.3 < np.mean(inside) < 1.0
    for name, value in found.items():
        assert np.all(np.isfinite(value)), name
    for p, slope in jax.jit(jax.vmap(jax.grad(seen)))(columns).items():
        assert np.all(np.isfinite(slope)), p


def test_domain_holds_at_the_reference_point_and_fails_where_it_must():
    model = WeakTriplet()
    assert all(float(m) > 0.0 for m in model.domain(point()).values())
    assert float(model.domain(point(v_s=3.0, m_phi=1e5))["det_m0"]) < 0.0
    assert float(model.domain(point(lambda_s=-100.0, v_s=100.0))["det_m0"]) < 0.0
    assert float(model.domain(point(lambda_s=-0.1))["lambda_s"]) < 0.0
    edge = 2.0 * math.sqrt(SM.m_h**2 / (4.0 * SM.v_h**2) * 0.1)
    assert float(model.domain(point(lambda_hs=-0.999 * edge))["bounded_below"]) > 0.0
    assert float(model.domain(point(lambda_hs=-1.001 * edge))["bounded_below"]) < 0.0


def test_rge_mass():
    """The formula at 40 digits, and 235 eV for 1e-12 mu_B run from 1 TeV."""
    theta = point(m_psi=1000.0, m_phi=1000.0)
    found = WeakTriplet().predict(theta)
    with mp.workdps(40):
        g2 = 4 * mp.pi / (mp.mpf(SM.alpha_inv_mz) * SM.s2w)
        f = 2 + mp.mpf(2) / 3 * SM.s2w / (1 - mp.mpf(SM.s2w))
        log = mp.log(1000 / mp.mpf(SM.v_ew))
        per_moment = 9 * g2**2 * SM.v_ew**2 * f * log / (256 * mp.pi**2 * SM.m_e)
    assert float(f) == pytest.approx(2.2005, abs=5e-5)
    ratio = float(found["m_nu_rge"] / found["mu_nu"])
    assert ratio == pytest.approx(1e9 * float(per_moment), rel=1e-13)
    assert 1e-12 * ratio == pytest.approx(235.0, abs=0.5)
    assert float(found["tuning_rge"]) == pytest.approx(abs(float(found["m_nu_rge"])) / 0.05)
    assert float(found["rge_log"]) == pytest.approx(float(log), rel=1e-14)
    heavy_end = WeakTriplet().predict(point(m_psi=350.0, m_phi=5e3))
    assert float(heavy_end["rge_log"]) == pytest.approx(math.log(5e3 / SM.v_ew), rel=1e-14)


def test_cubic_mass_is_four_logs_over_g_times_the_split_term():
    theta = point(y_psi=1e-4, m_psi=2e3, m_phi=700.0)
    found = WeakTriplet(lambda_uv=1e5).predict(theta)
    with mp.workdps(30):
        t = (mp.mpf(2000) / 700) ** 2
        g = (t - 1 - mp.log(t)) / (t - 1) ** 2
        ratio = 4 * mp.log(mp.mpf(1e5) ** 2 / mp.mpf(2000) ** 2) / g
    # the split term has corrections of relative order (m_H/m_psi)^2 = 4e-11 and (m_e/m_psi)^2
    measured = float(found["m_nu_cubic"] / found["m_nu_split"])
    assert measured == pytest.approx(float(ratio), rel=1e-9)
    assert float(WeakTriplet(lambda_uv=1e3).predict(theta)["m_nu_cubic"]) == 0.0
    assert float(WeakTriplet().predict(theta)["m_nu_cubic"]) == 0.0


def test_split_term_by_momentum_integral():
    """Euclidean loop with the undiagonalised charged mass matrix: no mixing angle, no F."""
    y_psi, m, phi = 1.1, mp.mpf(800), mp.mpf(1700)
    theta = point(y_psi=y_psi, m_psi=800.0, m_phi=1700.0, v_s=1e-12, y_t=0.3, y_delta=0.7)
    found = WeakTriplet(y_lepton=1e-2).predict(theta)
    m_e, mix = mp.mpf(1e-2) * SM.v_h, mp.mpf(y_psi) * SM.v_h  # mix = sqrt2 m_H

    def difference(log_k2):
        k2 = mp.e**log_k2
        a, b, d = k2 + m_e**2, m_e * mix, k2 + m**2 + mix**2
        mixed = a * m / (a * d - b * b)  # [(k^2 + M^T M)^-1 M^T]_22
        return k2**2 * (m / (k2 + m**2) - mixed) / (k2 + phi**2)

    centre = 2 * mp.log(m)
    steps = (-60, -25, -10, -4, -2, 0, 2, 4, 10, 25, 60)
    integral = mp.quad(difference, [centre + k for k in steps])
    vertex = float(found["sin_theta_l"]) * 0.3 * 0.7 / (math.sqrt(2.0) * 16.0 * math.pi**2)
    assert float(found["m_nu_split"]) == pytest.approx(-1e9 * vertex * float(integral), rel=1e-12)


def test_expansions_of_the_paper_hold_to_fourth_order():
    """Eqs. (16), (19), (20): halving m_H/m_psi divides the relative error by 16."""

    def errors(y_psi):
        theta = point(y_psi=y_psi, y_d=1e-12, v_s=1e-13, lambda_hs=0.1)
        found = WeakTriplet().predict(theta)
        v, m, y_d, m_s = SM.v_h, 1e3, 1e-12, 1e-13
        tree = 1e9 * (
            y_d * v - v * m_s * y_psi / (math.sqrt(2) * m) - v**3 * y_d * (y_psi / m / 2) ** 2
        )
        left = (1 - (v * y_psi / m / 2) ** 2) * v * y_psi / (math.sqrt(2) * m)
        right = (1 - (y_psi * v / m) ** 2 / 2) * (
            m_s / m + y_d * y_psi * v**2 / math.sqrt(2) / m**2
        )
        exact = (found["m_nu_tree"], found["sin_theta_l"], found["sin_theta_r"])
        return np.array([a / float(b) - 1 for a, b in zip((tree, left, right), exact, strict=True)])

    coarse, fine = errors(0.4), errors(0.2)
    size = (0.4 * SM.v_h / math.sqrt(2) / 1e3) ** 4
    assert np.all(np.abs(coarse) < 3.0 * size)
    assert coarse / fine == pytest.approx(16.0, rel=0.05)


@pytest.mark.parametrize(
    ("flipped", "mass_sign"),
    [
        (("y_psi", "y_delta"), 1.0),  # Psi -> -Psi
        (("v_s", "y_t", "y_delta"), 1.0),  # S -> -S
        (("y_d", "y_delta"), -1.0),  # nu_R -> -nu_R
    ],
)
def test_field_reflections(flipped, mass_sign):
    model = WeakTriplet(rge=True, lambda_uv=1e6)
    theta = point(y_psi=0.4, y_d=2e-12, v_s=3e-7)
    mirrored = {p: -x if p in flipped else x for p, x in theta.items()}
    a, b = model.predict(theta), model.predict(mirrored)
    for name in (*model.mass_terms, "m_nu_tree", "m_nu_total"):
        assert float(b[name]) == mass_sign * float(a[name]), name
    for name in ("m_nu", "mu_nu", "m_phi1", "m_phi2", "max_yukawa"):
        assert float(b[name]) == float(a[name]), name
    wrong = model.predict({p: -x if p == "y_psi" else x for p, x in theta.items()})
    assert float(wrong["m_nu"]) != float(a["m_nu"])  # negative control: not a symmetry


def test_cubic_coupling_reproduces_the_charged_scalar_mass():
    """v_S and mu_cubic are one parameter at fixed m_phi: Eq. (36)."""
    for v_s in (1e-10, 1e-3, 2.0):
        theta = point(v_s=v_s, m_phi=850.0)
        mu3 = float(WeakTriplet().predict(theta)["mu_cubic"])
        m_phi_sq = SM.v_h**2 * mu3 / (math.sqrt(2) * v_s) + math.sqrt(2) * v_s * mu3
        assert math.sqrt(m_phi_sq) == pytest.approx(850.0, rel=1e-14)


def test_moment_and_split_term_decouple():
    """Both fall as M^-2; the tree seesaw as M^-1."""
    model = WeakTriplet()
    low, high = (
        model.predict(point(y_psi=1e-3, m_psi=2e3 * s, m_phi=3e3 * s, lambda_hs=0.0))
        for s in (1.0, 10.0)
    )
    for name, power in (
        ("mu_nu", -2),
        ("m_nu_split", -2),
        ("m_nu_seesaw", -1),
        ("m_nu_charged", 1),
    ):
        assert float(high[name] / low[name]) == pytest.approx(10.0**power, rel=1e-6), name


def test_charged_loop_is_twice_the_neutral_one_above_the_weak_scale():
    """SU(2): three equal components, of which the neutral one is one."""
    light = Constants(v_h=0.1, m_h=0.1)
    found = WeakTriplet(sm=light, y_lepton=1e-6).predict(
        point(y_psi=1e-6, v_s=1e-10, lambda_hs=0.0, m_psi=5e4, m_phi=5e4)
    )
    assert float(found["m_nu_charged"] / found["m_nu_neutral"]) == pytest.approx(2.0, rel=1e-8)


def test_mass_is_nearly_homogeneous_in_the_declared_rescaling():
    model = WeakTriplet(rge=True, lambda_uv=1e6)
    columns = prior_draws(model, 20_000, seed=3)
    inside = jnp.all(jnp.stack(list(jax.vmap(model.domain)(columns).values())) > 0.0, axis=0)
    scale = 0.06 / columns["y_delta"]
    names = [p for p, _ in model.rescaling.weights]
    moved = {p: x * scale if p in names else x for p, x in columns.items()}
    mass = jax.jit(jax.vmap(lambda theta: model.predict(theta)["m_nu"]))
    defect = np.abs(np.log(mass(moved) / mass(columns) / scale))[inside]
    assert np.median(defect) < 1e-14
    assert np.max(defect) < 2.4e-4


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (
            {"generations": 3},
            "it is 1 (three generations are the model weak_triplet3)",
        ),
        ({"lepton": "muon"}, "it is 'e', 'mu' or 'tau'"),
        ({"convention": "printed"}, "it is 'derived' or 'as_printed'"),
        ({"y_lepton": 0.0}, "y_lepton = 0.0 given"),
        ({"y_lepton": math.inf}, "y_lepton = inf given"),
        ({"lambda_uv": -1.0}, "lambda_uv = -1.0 given"),
        ({"lambda_uv": math.nan}, "lambda_uv = nan given"),
    ],
)
def test_bad_settings_fail_in_one_line(settings, hint):
    with pytest.raises(InputError) as caught:
        WeakTriplet(**settings)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_model_is_a_static_pytree():
    model = WeakTriplet(lepton="mu", rge=True)
    assert jax.tree.leaves(model) == []
    assert hash(model) == hash(WeakTriplet(lepton="mu", rge=True))
