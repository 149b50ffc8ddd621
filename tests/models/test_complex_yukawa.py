"""A phase of y_T: magnetic and electric moment, and no induced cubic coupling if imaginary."""

import cmath
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nmmjax.errors import InputError
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.models.weak_triplet3.model import WeakTriplet3

EVERY_TERM = {"rge": True, "lambda_uv": 1e6}
TERMS = ("dirac", "seesaw", "neutral", "charged", "split", "rge", "cubic")
POINT = {"y_d": 1e-11, "y_psi": 0.02, "y_t": 0.7, "y_delta": 0.3, "m_psi": 1.2e3, "v_s": 1e-7}


@functools.cache
def compiled(model):
    return jax.jit(model.predict)


def predicted(model, **changes):
    theta = {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}
    return {name: float(x) for name, x in compiled(model)(theta).items()}


COMPLEX = WeakTriplet(complex_y_t=True, **EVERY_TERM)
REAL = WeakTriplet(**EVERY_TERM)


@pytest.mark.slow
def test_no_phase_is_the_real_coupling():
    real, turned = predicted(REAL, **POINT), predicted(COMPLEX, arg_y_t=0.0, **POINT)
    sign = np.sign(real["m_nu_total"])
    for term in TERMS:
        assert turned[f"m_nu_{term}"] == pytest.approx(sign * real[f"m_nu_{term}"], rel=1e-13)
    assert turned["d_nu"] == 0.0
    for name in ("m_nu", "mu_nu", "mu_eff_pp", "tuning_rge", "m_nu_naive"):
        assert turned[name] == pytest.approx(real[name], rel=1e-13), name
    # a phase of pi is the other sign
    minus = predicted(COMPLEX, arg_y_t=np.pi, **POINT)
    total = sum(real[f"m_nu_{t}"] * (-1 if t in ("split", "rge", "cubic") else 1) for t in TERMS)
    assert minus["m_nu"] == pytest.approx(abs(total), rel=1e-12)


@pytest.mark.parametrize("phase", [0.4, 1.9, -2.5])
def test_terms_in_the_complex_plane(phase):
    """From the terms of a real y_T: loops turn with y_T, the cubic coupling keeps Re y_T."""
    real, turned = predicted(REAL, **POINT), predicted(COMPLEX, arg_y_t=phase, **POINT)
    factors = dict.fromkeys(TERMS, 1.0) | dict.fromkeys(("split", "rge"), cmath.exp(1j * phase))
    full = {t: real[f"m_nu_{t}"] * factors[t] for t in TERMS}
    full["cubic"] = real["m_nu_cubic"] * np.cos(phase)
    total = sum(full.values())
    assert turned["m_nu"] == pytest.approx(abs(total), rel=1e-12)
    assert sum(turned[f"m_nu_{t}"] for t in TERMS) == pytest.approx(turned["m_nu"], rel=1e-11)
    back = cmath.exp(-1j * cmath.phase(total))
    for t in TERMS:
        along = (full[t] * back).real
        assert turned[f"m_nu_{t}"] == pytest.approx(along, abs=1e-12 * abs(full[t])), t
    # the moment's sign is that of m_nu_rge, its derived part is real for a real coupling
    moment = np.sign(real["m_nu_rge"]) * real["mu_nu"] * factors["rge"] * back
    assert turned["mu_nu"] == pytest.approx(abs(moment.real), rel=1e-12)
    assert turned["d_nu"] == pytest.approx(-moment.imag, rel=1e-12)
    size = np.hypot(turned["mu_nu"], turned["d_nu"])
    assert turned["mu_eff_be7"] == pytest.approx(size, rel=1e-14)


def test_imaginary_coupling_induces_no_cubic_term():
    turned = predicted(COMPLEX, arg_y_t=0.5 * np.pi, **POINT)
    real = predicted(REAL, **POINT)
    assert abs(real["m_nu_cubic"]) > 10.0 * abs(real["m_nu_split"])
    assert abs(turned["m_nu_cubic"]) < 1e-15 * abs(real["m_nu_cubic"])
    # with neither tree mass nor VEV the moment is electric against no mass but its own loop's
    alone = predicted(COMPLEX, **(POINT | {"arg_y_t": 0.5 * np.pi, "y_d": 1e-30, "v_s": 1e-30}))
    assert abs(alone["d_nu"]) < 1e-12 * alone["mu_nu"]


@pytest.mark.slow
def test_gradients_and_refusal():
    model = COMPLEX
    theta = {p: jnp.asarray(x) for p, x in (model.reference | POINT).items()}
    slopes = jax.jit(jax.grad(lambda t: jnp.log(model.predict(t)["m_nu"])))(theta)
    assert all(np.isfinite(float(x)) for x in slopes.values())
    assert float(slopes["arg_y_t"]) != 0.0
    with pytest.raises(InputError, match="have no phase"):
        WeakTriplet(complex_y_t=True, convention="as_printed")


@pytest.mark.slow
def test_three_generations_with_one_flavour():
    """The matrices of `weak_triplet3`, which know no projections, give the same mass and moment."""
    model = WeakTriplet3(complex_y_t=True, **EVERY_TERM)
    columns = dict.fromkeys(model.reference, 0.0)
    columns |= {p: x for p, x in model.reference.items() if p in ("m_phi", "lambda_hs", "lambda_s")}
    columns |= {"re_y_psi_e": POINT["y_psi"], "re_y_delta_2": POINT["y_delta"]}
    columns |= {"re_y_d_12": POINT["y_d"], "arg_y_t": 0.9}
    columns |= {p: POINT[p] for p in ("y_t", "m_psi", "v_s")}
    three = predicted(model, **columns)
    one = predicted(COMPLEX, arg_y_t=0.9, **POINT)
    for name in ("m_nu", "mu_nu_leading"):
        assert three[name] == pytest.approx(one[name], rel=1e-11), name
    size = np.hypot(one["mu_nu"], one["d_nu"])
    assert three["mu_eff_reactor"] == pytest.approx(size, rel=1e-11)
    for term in TERMS:
        assert three[f"m_nu_{term}"] == pytest.approx(
            one[f"m_nu_{term}"], rel=1e-10, abs=1e-12 * one["m_nu"]
        ), term
