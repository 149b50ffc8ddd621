"""Model-III against 50-digit values, the printed formulas, exact cancellations, limits."""

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
from nmmjax.models.colored_triplet import ColoredTriplet
from nmmjax.physics.constants import SM
from nmmjax.target.model import guarded_predict

MADE = made_with("weak_triplet/model3.json")

EV = 1e9
PARAMETERS = {
    "yD": "y_d",
    "yPsi": "y_psi",
    "yT": "y_t",
    "yd": "y_delta",
    "mPsi": "m_psi",
    "mF": "m_f",
    "mS": "m_s",
    "lamp": "lambda_prime",
}
ELASTIC = {"m_nu_total": "m_nu", "mu_derived_all": "mu_nu"}
ON_SHELL = {"ew_splitting": "on_shell"}
PRINTED = {"convention": "as_printed"}
SETTINGS = [{}, {"rge": False}, ON_SHELL, PRINTED, {**PRINTED, **ON_SHELL, "scheme": "msbar"}]


point = functools.partial(model_points.point, ColoredTriplet())


def compiled(**settings):
    return model_points.compiled(ColoredTriplet(**settings))


def batched(**settings):
    return model_points.batched(ColoredTriplet(**settings))


@pytest.fixture(scope="module")
def rows(reference):
    return reference("weak_triplet/model3.json")["rows"]


@pytest.fixture(scope="module")
def columns(rows):
    return {
        public: jnp.array([float(row["inputs"][name]) for row in rows])
        for name, public in PARAMETERS.items()
    }


@pytest.fixture(scope="module")
def unsplit(columns):
    return columns | {"lambda_prime": jnp.zeros_like(columns["m_s"])}


def test_tree_level_splitting(rows, columns):
    assert len(rows) == 25
    found = batched(sm=MADE)(columns)
    assert error(found["m_nu_tree"], rows, "m_nu_tree", EV) < 1e-14
    assert error(found["m_nu_loop"], rows, "m_loop_MSbar_tree", EV) < 1e-14
    assert error(found["m_nu_quartic"], rows, "m_loop_MSbar_tree", EV) < 1e-14
    assert error(found["mu_nu"], rows, "mu_derived_tree_muB") < 1e-14
    for public, name in (
        ("sin_theta_l", "sin_thL"),
        ("sin_theta_r", "sin_thR"),
        ("m_n_heavy", "m_N_heavy"),
    ):
        assert error(found[public], rows, name) < 1e-14
    lightest = [min(float(r["outputs"][f"m_S{q}_tree"]) for q in ("43", "23")) for r in rows]
    assert np.max(np.abs(found["m_colored_scalar"] / np.array(lightest) - 1.0)) < 1e-14


@pytest.mark.slow
def test_electroweak_splitting(rows, columns, unsplit):
    """ "EW" columns: lambda' = 0; "all": both splittings; "EW_as_printed": Eqs. (58), (59)."""
    model = batched(sm=MADE, **ON_SHELL, rge=False)
    alone, both = model(unsplit), model(columns)
    assert error(alone["m_nu_ew"], rows, "m_loop_MSbar_EW", EV) < 1e-14
    assert np.all(alone["m_nu_quartic"] == 0.0)
    assert error(alone["mu_nu"], rows, "mu_derived_EW_muB") < 1e-14
    assert error(both["m_nu_loop"], rows, "m_loop_MSbar_all", EV) < 1e-14
    assert error(both["mu_nu"], rows, "mu_derived_all_muB") < 1e-14
    assert error(both["m_nu_total"], rows, "m_nu_total", EV) < 1e-14
    literal = batched(sm=MADE, **PRINTED, **ON_SHELL)(unsplit)
    assert error(literal["m_nu_loop"], rows, "m_loop_eq55_EW_as_printed", EV) < 1e-14
    assert error(-literal["mu_nu"], rows, "mu_eq54_as_printed_EW_as_printed_muB") < 1e-14


@pytest.mark.slow
def test_printed_formulas(rows, columns, unsplit):
    """Mixed columns (printed in one respect, derived in another) differ by the mixing alone."""
    found = batched(sm=MADE, **PRINTED)(columns)
    assert error(found["m_nu_loop"], rows, "m_loop_eq55_tree", EV) < 1e-14
    assert error(-found["mu_nu"], rows, "mu_eq54_as_printed_tree_muB") < 1e-14
    assert error(found["mu_nu"], rows, "mu_derived_tree_muB") > 0.1  # negative control
    mixing = MADE.v_h / math.sqrt(2.0) * columns["y_psi"] / columns["m_psi"] / found["sin_theta_l"]
    eq55 = batched(sm=MADE, **ON_SHELL, scheme="as_printed")
    assert error(mixing * eq55(unsplit)["m_nu_loop"], rows, "m_loop_eq55_EW", EV) < 1e-14
    assert error(mixing * eq55(columns)["m_nu_loop"], rows, "m_loop_eq55_all", EV) < 1e-14
    literal = batched(sm=MADE, **PRINTED, **ON_SHELL, scheme="msbar")(unsplit)
    assert error(literal["m_nu_loop"] / mixing, rows, "m_loop_MSbar_EW_as_printed", EV) < 1e-14


def test_printed_moments_of_shifted_masses(rows, columns, unsplit):
    """The two functions of the moment, G and Gm, at masses that no setting combines."""
    for settings, theta, tag in (
        (ON_SHELL, unsplit, "EW"),
        (ON_SHELL, columns, "all"),
        ({**PRINTED, **ON_SHELL}, unsplit, "EW_as_printed"),
    ):
        model = ColoredTriplet(sm=MADE, **settings)
        derived, printed = jax.vmap(lambda t, m=model: m._moments(m._point(t)))(theta)
        sines = batched(sm=MADE)(theta)["sin_theta_l"]
        mixing = MADE.v_h / math.sqrt(2.0) * theta["y_psi"] / theta["m_psi"] / sines
        if model.convention == "derived":
            printed = printed * mixing
        else:
            derived = derived / mixing
        assert error(derived, rows, f"mu_derived_{tag}_muB") < 1e-14
        assert error(printed, rows, f"mu_eq54_as_printed_{tag}_muB") < 1e-14


@pytest.mark.slow
def test_elasticities_match_the_reference(rows, columns):
    model = ColoredTriplet(sm=MADE, **ON_SHELL, rge=False)
    assert elasticity_error(model, rows, columns, PARAMETERS, ELASTIC) < 1e-12


def test_degenerate_scalars_give_no_mass():
    found = compiled(rge=False)(point(y_d=0.0, lambda_prime=0.0))
    assert float(found["m_nu"]) == float(found["t_param"]) == float(found["s_param"]) == 0.0
    assert float(found["mu_nu"]) > 0.0
    assert float(compiled(rge=False)(point(y_d=0.0))["m_nu"]) > 0.0  # negative control


def test_quartic_mass_is_odd_and_linear():
    """N_c y y y v_H^3 lambda'/(32 pi^2 m_psi m_F) for equal masses; odd in lambda'."""
    theta = point(y_psi=1e-3, m_f=3e3, m_s=3e3, lambda_prime=1e-9)
    couplings = 3.0 * 1e-3 * 0.3 * 0.3 * SM.v_h**3 * 1e-9
    expected = EV * couplings / (32.0 * math.pi**2 * 2e3 * 3e3)
    found = compiled()(theta)["m_nu_quartic"]
    assert float(found) == pytest.approx(expected, rel=2e-8)
    for x in (1e-9, 0.05):
        plus, minus = (compiled()(point(lambda_prime=s * x))["m_nu_quartic"] for s in (1, -1))
        assert float(plus) == pytest.approx(-float(minus), rel=1e-13)


def test_small_splitting_against_sixty_digits():
    theta = point(lambda_prime=1e-12, m_f=5e6)
    with mp.workdps(60):
        i = {name: mp.mpf(float(x)) for name, x in theta.items()}
        v_h = mp.mpf(SM.v_h)

        def loop(sign):
            t = i["m_f"] ** 2 / (i["m_s"] ** 2 + sign * i["lambda_prime"] * v_h**2)
            return mp.log(t) / (t - 1)

        m_h, m_d = i["y_psi"] * v_h / mp.sqrt(2), i["y_d"] * v_h
        sine = mp.sin(mp.atan2(2 * m_h * i["m_psi"], i["m_psi"] ** 2 - m_d**2 - m_h**2) / 2)
        vertex = 3 * sine * i["y_t"] * i["y_delta"] / (mp.sqrt(2) * 16 * mp.pi**2)
        expected = float(10**9 * vertex * i["m_f"] * (loop(1) - loop(-1)))
    assert float(compiled()(theta)["m_nu_quartic"]) == pytest.approx(expected, rel=1e-12)


def test_charges_weigh_the_moment():
    """E3: 4/3 and 2/3 add up to 2, the sum of T3 Q = T(3); hypercharge drops out."""
    theta = point(y_psi=1e-4, lambda_prime=0.0, m_f=3e3, m_s=3e3)
    found = compiled()(theta)
    leading = 3.0 * 1e-4 * 0.3**2 * SM.v_h / (2.0 * 2e3 * 16.0 * math.pi**2) * 2.0 * 0.5 / 3e3
    assert float(found["mu_nu"]) == pytest.approx(2.0 * SM.m_e * leading, rel=1e-9)
    printed = compiled(**PRINTED)(theta)
    # (3/4) of equal weights, 1/2 of the prefactor, G/Gm = 3 at t = 1
    assert float(found["mu_nu"] / printed["mu_nu"]) == pytest.approx(0.75 * 0.5 * 3.0, rel=1e-9)


def test_oblique_parameters():
    theta = point(m_s=1100.0, lambda_prime=0.1)
    found = compiled()(theta)
    with mp.workdps(40):
        x = mp.mpf(0.1) * mp.mpf(SM.v_h) ** 2
        squares = [mp.mpf(1100) ** 2 + k * x for k in (1, 0, -1)]

        def f2(a, b):
            return (a + b) / 2 - a * b / (a - b) * mp.log(a / b)

        scale = 8 * mp.pi**2 / mp.mpf(SM.alpha_inv_mz) * mp.mpf(SM.v_ew) ** 2
        t = 3 * 2 * (f2(squares[0], squares[1]) + f2(squares[1], squares[2])) / scale
        s = -mp.log(squares[0] / squares[2]) / (3 * mp.pi)
    assert float(found["t_param"]) == pytest.approx(float(t), rel=1e-12)
    assert float(found["s_param"]) == pytest.approx(float(s), rel=1e-12)
    tiny = compiled()(point(m_s=1100.0, lambda_prime=1e-6))
    assert float(found["t_param"] / tiny["t_param"]) == pytest.approx(1e10, rel=1e-3)


def test_rge_mass_has_the_sign_of_the_moment():
    found, flipped = compiled(rge=True)(point()), compiled(rge=True)(point(y_t=-0.3))
    assert float(found["m_nu_rge"]) > 0.0
    assert float(flipped["m_nu_rge"]) == -float(found["m_nu_rge"])
    assert float(flipped["mu_nu"]) == float(found["mu_nu"])
    assert float(found["tuning_rge"]) == pytest.approx(float(found["m_nu_rge"]) / 0.05)


def test_decoupling():
    scaled = {"m_psi": 2e4, "m_f": 3e4, "m_s": 4e4}
    low, high = (compiled()(point(y_psi=1e-3, **changes)) for changes in ({}, scaled))
    assert float(high["mu_nu"] / low["mu_nu"]) == pytest.approx(1e-2, rel=1e-6)
    assert float(high["m_nu_quartic"] / low["m_nu_quartic"]) == pytest.approx(1e-2, rel=1e-6)
    assert float(high["t_param"] / low["t_param"]) == pytest.approx(1e-2, rel=1e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_observables_are_in_the_catalogue_and_scalar(settings):
    model = ColoredTriplet(**settings)
    found = jax.eval_shape(model.predict, point())
    assert all(value.shape == () for value in found.values())
    assert [quantity(name) for name in found]
    assert set(model.mass_terms) <= set(found)


@pytest.mark.slow
def test_values_and_gradients_are_finite_on_the_prior():
    model = ColoredTriplet(**ON_SHELL, rge=True)
    columns = prior_draws(ColoredTriplet(), 20_000)

    def seen(theta):
        o, inside = guarded_predict(model, theta)
        parts = (jnp.arcsinh(o[name] / 0.05) for name in model.mass_terms)
        total = jnp.log(o["m_nu"] * o["mu_nu"]) + sum(parts) + o["t_param"] + o["s_param"]
        return total, (o, inside)

    slopes, (found, inside) = jax.jit(jax.vmap(jax.grad(seen, has_aux=True)))(columns)
    assert np.all(inside)
    for name, value in (found | slopes).items():
        assert np.all(np.isfinite(value)), name
    terms = np.stack([found[name] for name in model.mass_terms])
    defect = np.sum(terms, axis=0) - found["m_nu_total"]
    assert np.all(np.abs(defect) <= 1e-15 * np.sum(np.abs(terms), axis=0))


def test_mass_is_homogeneous_in_the_declared_rescaling():
    model = ColoredTriplet(rge=True)
    low = compiled(rge=True)(point())
    scaled = {p: 7.0 * model.reference[p] for p, _ in model.rescaling.weights}
    assert float(compiled(rge=True)(point(**scaled))["m_nu"] / low["m_nu"]) == pytest.approx(
        7.0, rel=1e-12
    )


def test_domain():
    model = ColoredTriplet()
    assert float(model.domain(point())["scalars"]) > 0.0
    assert float(model.domain(point(m_s=100.0, lambda_prime=0.5))["scalars"]) < 0.0


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
        ColoredTriplet(**settings)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
