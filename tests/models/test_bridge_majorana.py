"""Majorana completion of the bridge: 30-digit rows, symmetries, limits."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers import model_points
from helpers.model_points import column, prior_draws, relative
from helpers.oracles import made_with
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.models.bridge_majorana import BridgeMajorana

MADE = made_with("bridge/majorana.json")

FLAVOURS = ("e", "mu", "tau")


point = functools.partial(model_points.point, BridgeMajorana())


def compiled(**settings):
    return model_points.compiled(BridgeMajorana(**settings))


def batched(**settings):
    return model_points.batched(BridgeMajorana(**settings))


def majorana_columns(points):
    columns = {}
    for name, key in (("y_psi", "y_psi"), ("y_n", "y_N")):
        for k, a in enumerate(FLAVOURS):
            columns[f"{name}_{a}"] = jnp.array([float(p["input"][key][k]) for p in points])
    names = {"y_t": "y_T", "y_delta": "y_delta", "m_psi": "m_psi", "m_s": "m_S", "m_n": "m_N"}
    names["sin_beta"] = "sin_beta"
    return columns | {p: column(points, "input", key) for p, key in names.items()}


def test_majorana_rows(reference):
    points = reference("bridge/majorana.json")["points"]
    assert len(points) == 24
    found = batched(sm=MADE)(majorana_columns(points))
    # y_psi_a y_N_b -+ y_psi_b y_N_a may cancel: relative to the larger product
    for (i, a), (j, b) in itertools.combinations(enumerate(FLAVOURS), 2):
        expected = column(points, "output", f"mu_{a}{b}_muB")
        assert np.max(relative(found[f"re_mu_nu_{a}{b}"], expected)) < 1e-13
        assert np.all(found[f"mu_nu_{a}{b}"] == np.abs(found[f"re_mu_nu_{a}{b}"]))
        assert i < j
    for a, b in itertools.combinations_with_replacement(FLAVOURS, 2):
        expected = column(points, "output", f"M_{a}{b}_eV")
        assert np.max(relative(found[f"re_m_nu_{a}{b}"], expected)) < 1e-12
    assert np.max(relative(found["mu_nu"], column(points, "output", "mu_eff_frob_muB"))) < 1e-14


@pytest.mark.slow
def test_majorana_masses_and_mixing():
    """Rank 2 with eigenvalues |u||w| +- u.w, size of the moment in any basis, unitarity."""
    columns = prior_draws(BridgeMajorana(), 500, seed=2)
    found = batched()(columns)
    psi, n = (np.stack([columns[f"{y}_{a}"] for a in FLAVOURS]) for y in ("y_psi", "y_n"))
    length = np.linalg.norm(psi, axis=0) * np.linalg.norm(n, axis=0)
    dot = np.abs(np.sum(psi * n, axis=0))
    heavy = np.asarray(found["m_nu_3"])
    assert np.max(np.abs(found["m_nu_1"]) / heavy) < 1e-14
    # relative to the heaviest: the light one is |u||w| - |u.w|, which the comparison itself rounds
    light = np.asarray(found["m_nu_2"]) / heavy - (length - dot) / (length + dot)
    assert np.max(np.abs(light)) < 1e-14
    squares = sum(found[f"mu_nu_{pair}"] ** 2 for pair in ("12", "13", "23"))
    assert np.max(np.abs(np.sqrt(squares) / found["mu_nu"] - 1.0)) < 1e-9
    assert np.allclose(found["mu_eff_plasmon"], found["mu_nu"], rtol=1e-14)


def test_majorana_moment_is_antisymmetric_and_mass_symmetric_under_exchange():
    """y_psi <-> y_N flips mu and keeps M up to the factor |y_psi|^2; relabelling flavours too."""
    theta = point()
    swapped = dict(theta)
    for a in FLAVOURS:
        swapped[f"y_psi_{a}"], swapped[f"y_n_{a}"] = theta[f"y_n_{a}"], theta[f"y_psi_{a}"]
    one, two = compiled()(theta), compiled()(swapped)
    norm = {y: sum(float(theta[f"{y}_{a}"]) ** 2 for a in FLAVOURS) for y in ("y_psi", "y_n")}
    for pair in ("emu", "etau", "mutau"):
        assert float(two[f"re_mu_nu_{pair}"]) == pytest.approx(-float(one[f"re_mu_nu_{pair}"]))
        ratio = float(two[f"re_m_nu_{pair}"] / one[f"re_m_nu_{pair}"])
        assert ratio == pytest.approx(norm["y_n"] / norm["y_psi"], rel=1e-13)
    permuted = dict(theta)
    for a, b in (("e", "mu"), ("mu", "e")):
        for y in ("y_psi", "y_n"):
            permuted[f"{y}_{a}"] = theta[f"{y}_{b}"]
    three = compiled()(permuted)
    assert float(three["re_mu_nu_emu"]) == -float(one["re_mu_nu_emu"])
    assert float(three["re_mu_nu_etau"]) == float(one["re_mu_nu_mutau"])
    for name in ("m_nu_2", "m_nu_3", "mu_nu"):
        assert float(three[name]) == pytest.approx(float(one[name]), rel=1e-13)


def test_majorana_parallel_and_orthogonal_couplings():
    reference = BridgeMajorana().reference
    same = compiled()(point())
    parallel = {f"y_n_{a}": 30.0 * reference[f"y_psi_{a}"] for a in FLAVOURS}
    found = compiled()(point(**parallel))
    assert float(found["mu_nu"]) < 1e-15 * float(same["mu_nu"])
    assert float(found["m_nu"]) > 0.0
    orthogonal = dict(zip(("y_n_e", "y_n_mu", "y_n_tau"), (3e-3, -1e-3, 0.0), strict=True))
    found = compiled()(point(**orthogonal))
    assert float(found["m_nu_2"]) == pytest.approx(float(found["m_nu_3"]), rel=1e-13)
    flip = compiled()(point(sin_beta=-reference["sin_beta"]))
    assert float(flip["re_mu_nu_emu"]) == -float(same["re_mu_nu_emu"])  # rephasing of N
    assert float(flip["m_nu"]) == pytest.approx(float(same["m_nu"]), rel=1e-14)


@pytest.mark.slow
def test_majorana_cubic_coupling():
    """As for Dirac neutrinos: 4 ln(lambda_uv^2/m_psi^2)/G times the loop mass."""
    theta = point()
    with_cubic = compiled(lambda_uv=1e5)(theta)
    ratio = float(with_cubic["m_nu"] / compiled()(theta)["m_nu"])
    t = (1.5e3 / 1e3) ** 2
    expected = 1.0 + 4.0 * math.log((1e5 / 1.5e3) ** 2) / ((t - 1.0 - math.log(t)) / (t - 1.0) ** 2)
    assert ratio == pytest.approx(expected, rel=1e-13)
    below = compiled(lambda_uv=1e3)(theta)
    assert float(below["m_nu"]) == pytest.approx(float(compiled()(theta)["m_nu"]), rel=1e-15)


@pytest.mark.slow
def test_majorana_is_finite_on_the_prior():
    model = BridgeMajorana(ordering="IO", lambda_uv=1e6)
    columns = prior_draws(BridgeMajorana(), 20_000)
    seen = ("m_nu", "m_beta", "m_ee", "mu_nu", "mu_eff_solar", "sin2_th12", "sin2_th23", "eta_emu")

    def total(theta):
        o = model.predict(theta)
        return sum(jnp.arcsinh(1e12 * o[name]) for name in seen), o

    slopes, found = jax.jit(jax.vmap(jax.grad(total, has_aux=True)))(columns)
    assert [quantity(name) for name in found]
    for name, value in (found | slopes).items():
        assert np.all(np.isfinite(value)), name
    for margin in jax.vmap(model.domain)(columns).values():
        assert np.all(margin > 0.0)
    assert float(model.domain(point(sin_beta=1.1))["cos_beta"]) < 0.0


def test_majorana_bad_settings():
    for settings, hint in (({"ordering": "NH"}, "ordering"), ({"lambda_uv": -1.0}, "lambda_uv")):
        with pytest.raises(InputError, match=hint):
            BridgeMajorana(**settings)
