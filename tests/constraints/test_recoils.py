"""Recoil spectra of XENONnT and LZ: published limits, independent fits, interference, errors."""

import csv
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.special import ndtr

from helpers.curves import one
from helpers.places import ROOT
from nmmjax.constraints import library
from nmmjax.constraints.entries import build
from nmmjax.errors import InputError
from nmmjax.physics import recoil
from nmmjax.physics.constants import SM

FOLDER = ROOT / "nmmjax" / "constraints" / "data" / "curves"
LZ = ("LZ_WS2022_recoils.csv", 0.9035, (0.33, 0.0))
ROLES = ("mu_eff_dark_pp", "g_nu_e_solar", "g_nu_e_neutral", "g_nu_e_charged", "m_aprime")


@functools.cache
def table(file="XENONnT_SR0_recoils.csv"):
    lines = (FOLDER / file).read_text().splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {
        key: np.array(x)
        for key, x in zip(
            ("low", "high", "events", "background", "efficiency"),
            zip(*([float(x) for x in row.values()] for row in rows), strict=True),
            strict=True,
        )
    }


@functools.cache
def dense(file="XENONnT_SR0_recoils.csv", exposure=1.16, resolution=(0.31, 0.0037)):
    """Recoils in keV, and events by bin per unit of a flux-weighted section: 2500 of them."""
    t = np.concatenate([np.geomspace(0.2, 4.0, 1001)[:-1], np.linspace(4.0, 45.0, 1501)])
    data = table(file)
    sigma = resolution[0] * np.sqrt(t) + resolution[1] * t
    seen = ndtr((data["high"][:, None] - t) / sigma) - ndtr((data["low"][:, None] - t) / sigma)
    seen *= data["efficiency"][:, None] * np.gradient(t) * recoil.xenon_electrons(1e-6 * t)
    per_tonne_year = 1e6 / 131.293 * 6.02214076e23 * 3.15576e7 * 3.8937937e-28 * 1e-6
    return t, seen * per_tonne_year * exposure


def spectrum(section, *detector):
    t, seen = dense(*detector)
    nu = recoil.solar("pp", "7Be")
    return seen @ np.asarray(recoil.rate(section, 1e-6 * t, nu))


def fit(signal):
    """2 ln of the ratio to no signal, by a minimiser over the background."""
    data = table()
    expected = data["background"] * (data["high"] - data["low"]) * 1.16

    def minus(b, s):
        rate = b * expected + s
        return np.sum(rate - data["events"] * np.log(rate)) + 0.5 * ((b - 1.0) / 0.082) ** 2

    best = [
        minimize_scalar(minus, (0.9, 1.1), args=(s,), method="brent", tol=1e-10).fun
        for s in (signal, 0.0)
    ]
    return 2.0 * (best[1] - best[0])


def lz_fit(signal):
    """2 ln of the ratio to no signal, by a minimiser over the background and the line of 37Ar."""
    data = table(*LZ[:1])
    edges = np.append(data["low"], data["high"][-1])
    line = np.diff(ndtr((edges - 2.82) / (0.33 * math.sqrt(2.82)))) * data["efficiency"]
    expected = data["background"] * (data["high"] - data["low"]) * LZ[1]

    def minus(x, s):
        rate = x[0] * expected + x[1] * line + s
        return np.sum(rate - data["events"] * np.log(rate)) + 0.5 * ((x[0] - 1.0) / 0.13) ** 2

    bounds, options = [(0.5, 1.5), (0.0, 300.0)], {"ftol": 1e-13, "gtol": 1e-9}
    best = [
        minimize(minus, (1.0, 50.0), args=(s,), bounds=bounds, options=options).fun
        for s in (signal, 0.0)
    ]
    return 2.0 * (best[1] - best[0])


def found(*values):
    point = {name: jnp.asarray(x) for name, x in zip(ROLES, values, strict=True)}
    return 2.0 * float(compiled()(point))


@functools.cache
def compiled():
    return jax.jit(one("xenonnt_2022_recoils_dark").log_likelihood)


def test_no_curve_is_drawn():
    assert not library.drawn("xenonnt_2022_recoils")
    assert library.drawn("xenonnt_2022_massive")
    assert "spectrum of recoils (90% CL)" in str(library.card("xenonnt_2022_recoils_dark"))


def test_bins_hold_the_published_events():
    """433 events, and the published 15.8 per (t yr keV) times the efficiency."""
    data = table()
    assert np.sum(data["events"]) == 433
    flat = data["background"] / data["efficiency"]
    width = data["high"] - data["low"]
    assert np.sum(flat * width) / 29.0 == pytest.approx(15.8, abs=1.3)


def test_the_published_limit_on_the_moment_is_returned():
    """6.4e-12 mu_B at 90%."""
    assert one("xenonnt_2022_recoils").interval().high == pytest.approx(6.4e-12, rel=0.15)


def test_the_published_limit_of_lz_is_returned():
    """1.36e-11 mu_B at 90%, and 471 events, those of its figure, in the bins."""
    assert one("lz_2022_recoils").interval().high == pytest.approx(1.36e-11, rel=0.15)
    assert np.sum(table(LZ[0])["events"]) == 471


@pytest.mark.parametrize("mu", [5e-12, 1.36e-11, 3e-11, 1e-10])
def test_moment_in_lz_against_an_independent_fit(mu):
    """The line shrinks as the signal grows, to nothing at the last of them."""
    expected = lz_fit(mu**2 * spectrum(recoil.moment, *LZ))
    got = 2.0 * float(one("lz_2022_recoils").log_likelihood({"mu_eff_pp": jnp.asarray(mu)}))
    assert got == pytest.approx(expected, rel=5e-3, abs=1e-3)


@pytest.mark.parametrize("mu", [2e-12, 7e-12, 3e-11])
def test_moment_against_an_independent_fit(mu):
    expected = fit(mu**2 * spectrum(recoil.moment))
    assert found(mu, 0.0, 0.0, 0.0, 0.0) == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(("g", "mass"), [(4e-14, 1e-6), (2e-13, 1e-4), (3e-5, 1.0)])
def test_vector_boson_with_interference_against_an_independent_fit(g, mass):
    """A boson that nu_e alone couples to, added to W and Z in the amplitude, for both signs."""
    share = 0.55

    def shifted(sign):
        def section(t, e):
            v = sign * g / share**0.5 / (2.0 * math.sqrt(2.0) * SM.g_f)
            v = v / (2.0 * SM.m_e * t + mass**2)
            left, right = SM.s2w + 0.5, SM.s2w
            weak = recoil.weak(t, e, left + v, right + v) - recoil.weak(t, e, left, right)
            return share * weak

        return fit(spectrum(section))

    linear = g * share**0.5
    better = max(shifted(1.0), shifted(-1.0))
    assert found(0.0, g, linear, linear, mass) == pytest.approx(better, rel=1e-2, abs=5e-3)


def test_interference_is_all_that_may_beat_no_signal():
    """Without it ln L <= 0 but for 1e-4; with all of it 0.4 at most."""
    sizes = jnp.geomspace(1e-16, 1e-3, 200)
    for mass in (1e-6, 1e-4, 1e-2):
        for part, most in ((0.0, 1e-4), (1.0, 0.4)):
            tried = jax.vmap(
                lambda g, p=part, m=mass: compiled()(
                    dict(zip(ROLES, (0.0 * g, g, p * g, 0.74 * p * g, m + 0.0 * g), strict=True))
                )
            )(sizes)
            assert float(jnp.max(tried)) < most


def test_gradients_are_finite():
    slope = jax.jit(jax.grad(compiled()))
    for mass in (0.0, 1e-6, 1.0):
        for size in (0.0, 1e-13, 1e-6):
            point = dict(zip(ROLES, (100.0 * size, size, size, -size, mass), strict=True))
            slopes = slope({name: jnp.asarray(x) for name, x in point.items()})
            assert all(math.isfinite(float(x)) for x in slopes.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": "moment"}, "signals must give each of the 5 observables a role"),
        ({"signals": "moment vector neutral charge mass"}, "'charge' is none of moment"),
        ({"sources": "pp 8B"}, "'8B' is none of pp, 7Be"),
        ({"line": 0.5}, "line must lie inside the bins"),
        ({"resolution": [0.3]}, "resolution must be two numbers"),
        ({"columns": ["high", "low", "events", "background", "efficiency"]}, "must end above"),
    ],
)
def test_errors(changes, message):
    entry = dict(library.catalogue()["xenonnt_2022_recoils_dark"])
    with pytest.raises(InputError, match=message):
        build("mine", entry | changes, FOLDER)
