"""Model-II against 50-digit values, exact cancellations, oblique parameters, limits."""

import functools
import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers import model_points
from helpers.model_points import elasticity_error, error, prior_draws
from helpers.oracles import made_with
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.models.inert_doublet import InertDoublet
from nmmjax.physics.constants import SM
from nmmjax.target.model import guarded_predict

MADE = made_with("weak_triplet/model2.json")

EV = 1e9
PARAMETERS = {
    "yD": "y_d",
    "yPsi": "y_psi",
    "y1": "y_1",
    "y2": "y_2",
    "mPsi": "m_psi",
    "mF": "m_f",
    "mu2": "mu2_eta",
    "l3": "lambda_3",
    "l4": "lambda_4",
    "l5": "lambda_5",
}
ELASTIC = {"m_nu_total": "m_nu", "mu_derived": "mu_nu"}
ON_SHELL = {"ew_splitting": "on_shell"}
SETTINGS = [
    {},
    {"rge": False},
    ON_SHELL,
    {**ON_SHELL, "rge": True, "scheme": "as_printed"},
    {**ON_SHELL, "convention": "as_printed"},
]


point = functools.partial(model_points.point, InertDoublet())


def compiled(**settings):
    return model_points.compiled(InertDoublet(**settings))


@pytest.fixture(scope="module")
def rows(reference):
    return reference("weak_triplet/model2.json")["rows"]


@pytest.fixture(scope="module")
def columns(rows):
    return {
        public: jnp.array([float(row["inputs"][name]) for row in rows])
        for name, public in PARAMETERS.items()
    }


def test_outputs_match_the_reference(rows, columns):
    full = jax.vmap(InertDoublet(sm=MADE, **ON_SHELL, rge=False).predict)(columns)
    assert len(rows) == 24
    for public, name in (
        ("m_nu_tree", "m_nu_tree"),
        ("m_nu_quartic", "m_loop_quartic_only"),
        ("m_nu_loop", "m_loop_full_MSbar"),
        ("m_nu_total", "m_nu_total"),
    ):
        assert error(full[public], rows, name, EV) < 1e-14, public
    for public, name in (
        ("mu_nu", "mu_derived_muB"),
        ("sin_theta_l", "sin_thL"),
        ("sin_theta_r", "sin_thR"),
        ("m_n_heavy", "m_N_heavy"),
    ):
        assert error(full[public], rows, name) < 1e-14, public
    none = jax.vmap(InertDoublet(sm=MADE).predict)(columns)
    assert error(none["m_nu_loop"], rows, "m_loop_quartic_only", EV) < 1e-14
    assert error(none["m_charged_scalar"] ** 2, rows, "m_etap_sq_tree") < 1e-14
    squares = ("m_etap_sq_tree", "m_etaR_sq", "m_etaI_sq")
    lightest = [min(float(row["outputs"][name]) for name in squares) for row in rows]
    assert np.max(np.abs(none["min_eig"] / np.array(lightest) - 1.0)) < 1e-14
    shift = full["m_charged_scalar"] - none["m_charged_scalar"]  # m_eta+ rounds to 1e-13 of it
    assert error(shift, rows, "dmS_EW") < 1e-9


def test_scheme_and_convention(rows, columns):
    printed = jax.vmap(InertDoublet(sm=MADE, **ON_SHELL, scheme="as_printed").predict)(columns)
    assert error(printed["m_nu_loop"], rows, "m_loop_full_f_only", EV) < 1e-14
    assert error(printed["m_nu_loop"], rows, "m_loop_full_MSbar", EV) > 0.1  # negative control
    leading = jax.vmap(InertDoublet(sm=MADE, **ON_SHELL, convention="as_printed").predict)(columns)
    mixing = MADE.v_h / math.sqrt(2.0) * columns["y_psi"] / columns["m_psi"]
    for name in ("m_nu_loop", "mu_nu"):
        ratio = leading[name] / printed[name] * printed["sin_theta_l"] / mixing
        assert np.max(np.abs(ratio - 1.0)) < 1e-14, name


@pytest.mark.slow
def test_elasticities_match_the_reference(rows, columns):
    model = InertDoublet(sm=MADE, **ON_SHELL, rge=False)
    assert elasticity_error(model, rows, columns, PARAMETERS, ELASTIC) < 1e-12


def test_degenerate_scalars_give_no_mass():
    found = compiled(rge=False)(point(y_d=0.0, lambda_4=0.0, lambda_5=0.0))
    assert float(found["m_nu"]) == float(found["t_param"]) == float(found["s_param"]) == 0.0
    assert float(found["mu_nu"]) > 0.0
    split = compiled(**ON_SHELL, rge=False)(point(y_d=0.0, lambda_4=0.0, lambda_5=0.0))
    assert float(split["m_nu_quartic"]) == 0.0
    assert float(split["m_nu"]) > 0.0  # negative control


def test_quartic_mass_is_linear_in_lambda_4_and_quadratic_in_lambda_5():
    def mass(l4, l5):
        return float(compiled()(point(lambda_4=l4, lambda_5=l5))["m_nu_quartic"])

    assert mass(1e-9, 0.0) / mass(1e-10, 0.0) == pytest.approx(10.0, rel=1e-8)
    assert mass(-1e-10, 0.0) / mass(1e-10, 0.0) == pytest.approx(-1.0, rel=1e-8)
    assert mass(0.0, 1e-5) / mass(0.0, 1e-6) == pytest.approx(100.0, rel=1e-9)
    assert mass(1e-7, -1e-3) == mass(1e-7, 1e-3)
    theta = point(m_f=1e3, mu2_eta=1e6, lambda_3=0.0, lambda_4=1e-9, lambda_5=0.0)
    found = compiled()(theta)
    vertex = float(found["sin_theta_l"] * theta["y_1"] * theta["y_2"]) / math.sqrt(2.0)
    expected = EV * vertex * 1e3 * 1e-9 * SM.v_h**2 / 1e6 * 0.5 / (16.0 * math.pi**2)
    assert float(found["m_nu_quartic"]) == pytest.approx(expected, rel=1e-9)


def test_nearly_cancelling_quartics_keeps_its_digits():
    """|lambda_4| << |lambda_5|: first orders of eta_R and eta_I cancel; against 60 digits."""
    theta = point(lambda_4=3e-13, lambda_5=2e-7, m_f=700.0)
    with mp.workdps(60):
        i = {name: mp.mpf(float(x)) for name, x in theta.items()}
        v2, plus = mp.mpf(SM.v_h) ** 2, i["mu2_eta"] + i["lambda_3"] * mp.mpf(SM.v_h) ** 2

        def loop(m_sq):
            t = i["m_f"] ** 2 / m_sq
            return mp.log(t) / (t - 1)

        pair = [loop(plus + (i["lambda_4"] + s * i["lambda_5"]) * v2) for s in (1, -1)]
        m_h, m_d = i["y_psi"] * mp.mpf(SM.v_h) / mp.sqrt(2), i["y_d"] * mp.mpf(SM.v_h)
        angle = mp.atan2(2 * m_h * i["m_psi"], i["m_psi"] ** 2 - m_d**2 - m_h**2) / 2
        vertex = mp.sin(angle) * i["y_1"] * i["y_2"] / (mp.sqrt(2) * 16 * mp.pi**2)
        expected = float(10**9 * vertex * i["m_f"] * (sum(pair) / 2 - loop(plus)))
    assert float(compiled()(theta)["m_nu_quartic"]) == pytest.approx(expected, rel=1e-12)


def test_electroweak_overestimate_is_linear_in_the_weak_scale():
    """356 MeV for heavy doublets; m_nu_ew/mu does not depend on couplings: 1.34 keV per 1e-12."""
    bare = {"lambda_3": 0.0, "lambda_4": 0.0, "lambda_5": 0.0, "m_f": 1e3, "mu2_eta": 1e6}
    ratios = []
    for y in (0.1, 1.0):
        found = compiled(**ON_SHELL)(point(y_psi=y, y_1=y, y_2=y, m_psi=1e3, **bare))
        ratios.append(abs(float(found["m_nu_ew"] / found["mu_nu"])) * 1e-12)
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-12)
    assert ratios[0] == pytest.approx(1345.0, abs=1.0)
    heavy = point(**(bare | {"m_f": 1e7, "mu2_eta": 1e14}))
    shift = compiled(**ON_SHELL)(heavy)["m_charged_scalar"] - 1e7
    assert float(shift) == pytest.approx(0.5 * SM.m_z / SM.alpha_inv_mz, rel=1e-4)


def test_rge_mass_follows_the_signed_moment():
    theta = point(lambda_4=-1e-3)
    found = compiled(rge=True)(theta)
    assert float(found["m_nu_rge"]) < 0.0  # the moment is negative for positive couplings
    flipped = compiled(rge=True)(point(lambda_4=-1e-3, y_1=-0.5))
    assert float(flipped["m_nu_rge"]) == -float(found["m_nu_rge"])
    assert float(flipped["mu_nu"]) == float(found["mu_nu"])
    total = found["m_nu_dirac"] + found["m_nu_quartic"] + found["m_nu_rge"]
    assert float(found["m_nu_total"]) == pytest.approx(float(total), rel=1e-15)


def test_oblique_parameters():
    """Against the textbook formulas at 40 digits; custodial points; a light charged scalar."""
    theta = point(lambda_3=0.4, lambda_4=-0.7, lambda_5=0.25, mu2_eta=3e5)
    found = compiled()(theta)
    with mp.workdps(40):
        v2 = mp.mpf(SM.v_h) ** 2
        plus = 3 * mp.mpf(10) ** 5 + mp.mpf(0.4) * v2
        real, imag = (plus + (mp.mpf(-0.7) + s * mp.mpf(0.25)) * v2 for s in (1, -1))

        def f2(x, y):
            return (x + y) / 2 - x * y / (x - y) * mp.log(x / y)

        t = (f2(plus, real) + f2(plus, imag) - f2(real, imag)) * mp.mpf(SM.alpha_inv_mz)
        t /= 16 * mp.pi**2 * mp.mpf(SM.v_ew) ** 2
        s = mp.quad(
            lambda x: x * (1 - x) * mp.log((x * real + (1 - x) * imag) / plus), [0, 0.5, 1]
        ) / (2 * mp.pi)
    assert float(found["t_param"]) == pytest.approx(float(t), rel=1e-12)
    assert float(found["s_param"]) == pytest.approx(float(s), rel=1e-13)
    for l5 in (0.3, -0.3):
        custodial = compiled()(point(lambda_4=0.3, lambda_5=l5))
        assert abs(float(custodial["t_param"])) < 1e-14 * float(found["t_param"])
    small = compiled()(point(lambda_4=1e-4, lambda_5=0.0))
    log = math.log1p(1e-4 * SM.v_h**2 / (1e6 + 0.1 * SM.v_h**2))
    assert float(small["s_param"]) == pytest.approx(log / (12.0 * math.pi), rel=1e-12)


def test_decoupling():
    """Moment as M^-2 with all masses, as M^-1 with that of the triplet alone."""
    scaled = {"m_psi": 2e4, "m_f": 1e4, "mu2_eta": 1e8}
    low = compiled()(point(y_psi=1e-3, lambda_3=0.0))
    high = compiled()(point(y_psi=1e-3, lambda_3=0.0, **scaled))
    assert float(high["mu_nu"] / low["mu_nu"]) == pytest.approx(1e-2, rel=1e-6)
    assert float(high["m_nu_quartic"] / low["m_nu_quartic"]) == pytest.approx(1e-2, rel=1e-3)
    bridge = compiled()(point(y_psi=1e-3, lambda_3=0.0, m_psi=2e4))
    assert float(bridge["mu_nu"] / low["mu_nu"]) == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_observables_are_in_the_catalogue_and_scalar(settings):
    model = InertDoublet(**settings)
    found = jax.eval_shape(model.predict, point())
    assert all(value.shape == () for value in found.values())
    assert [quantity(name) for name in found]
    assert set(model.mass_terms) <= set(found)


@pytest.mark.slow
def test_values_and_gradients_are_finite_on_the_prior():
    model = InertDoublet(**ON_SHELL, rge=True)
    columns = prior_draws(InertDoublet(), 20_000)

    def seen(theta):
        o, inside = guarded_predict(model, theta)
        parts = (jnp.arcsinh(o[name] / 0.05) for name in model.mass_terms)
        return jnp.log(o["m_nu"] * o["mu_nu"]) + sum(parts) + o["t_param"] + o["s_param"], (
            o,
            inside,
        )

    slopes, (found, inside) = jax.jit(jax.vmap(jax.grad(seen, has_aux=True)))(columns)
    assert np.all(inside)
    for name, value in (found | slopes).items():
        assert np.all(np.isfinite(value)), name
    terms = np.stack([found[name] for name in model.mass_terms])
    defect = np.sum(terms, axis=0) - found["m_nu_total"]
    assert np.all(np.abs(defect) <= 1e-15 * np.sum(np.abs(terms), axis=0))


def test_mass_is_homogeneous_in_the_declared_rescaling():
    model = InertDoublet(rge=True)
    low = compiled(rge=True)(point())
    scaled = {p: 7.0 * model.reference[p] for p, _ in model.rescaling.weights}
    high = compiled(rge=True)(point(**scaled))
    assert float(high["m_nu"] / low["m_nu"]) == pytest.approx(7.0, rel=1e-12)


def test_domain():
    model = InertDoublet()
    assert all(float(m) > 0.0 for m in model.domain(point()).values())
    light = {"mu2_eta": 9e4, "lambda_3": -0.5}
    assert float(model.domain(point(**(light | {"lambda_3": -3.0})))["eta_charged"]) < 0.0
    assert float(model.domain(point(lambda_5=2.0, **light))["eta_neutral"]) > 0.0
    assert float(model.domain(point(lambda_5=2.6, **light))["eta_neutral"]) < 0.0
    assert float(model.domain(point(lambda_3=-2.6))["bounded_below"]) < 0.0


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"convention": "printed"}, "it is 'derived' or 'as_printed'"),
        ({"scheme": "ms_bar"}, "it is 'msbar' or 'as_printed', or left out"),
        ({"ew_splitting": "onshell"}, "it is 'none' or 'on_shell'"),
    ],
)
def test_bad_settings_fail_in_one_line(settings, hint):
    with pytest.raises(InputError) as caught:
        InertDoublet(**settings)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
