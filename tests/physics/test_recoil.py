"""Electron recoil: cross-sections against traces, the pp spectrum, published limits returned."""

import csv
import functools
import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.oracles import made_with
from helpers.places import ROOT
from nmmjax.physics import recoil
from nmmjax.physics.constants import SM

CURVES = ROOT / "nmmjax" / "constraints" / "data" / "curves"
WINDOW = np.linspace(1.0, 30.0, 581) * 1e-6  # GeV, XENONnT
# events per (tonne year keV) of one flux-weighted cross-section in GeV^-3 per atom
ATOMS = 1e6 / 131.293 * 6.02214076e23 * 3.15576e7 * 3.8937937e-28 * 1e-6
BACKGROUND, EXPOSURE = 15.8, 1.16  # per t yr keV and t yr, arXiv:2207.11330
BOREXINO = np.linspace(190.0, 664.0, 475) * 1e-6


def test_sections_and_end_points_against_traces(reference):
    sm = made_with("recoil/sections.json")
    for row in reference("recoil/sections.json")["points"]:
        t, e, m_n, mass = (float(row[key]) for key in ("T", "E", "m_N", "M"))
        low, high = recoil.end_points(e, m_n, sm)
        assert float(low) == pytest.approx(float(row["T_min"]), rel=1e-12)
        assert float(high) == pytest.approx(float(row["T_max"]), rel=1e-13)
        if float(low) < t < float(high):
            moment = float(recoil.moment(t, e, m_n, sm))
            assert moment == pytest.approx(float(row["moment"]), rel=1e-12)
        if t < float(recoil.end_points(e, 0.0, sm)[1]):
            vector = float(recoil.vector(t, e, mass, sm))
            assert vector == pytest.approx(float(row["vector"]), rel=1e-12)
            weak = float(recoil.weak(t, e, 0.73, 0.23, sm))
            assert weak == pytest.approx(float(row["weak_73_23"]), rel=1e-12)


def test_nothing_recoils_outside_the_kinematic_range():
    low, high = recoil.end_points(4e-4, 2.5e-4)
    for t in (0.99 * float(low), 1.01 * float(high)):
        assert float(recoil.moment(t, 4e-4, 2.5e-4)) == 0.0
    assert float(recoil.moment(1e-5, 1e-4, 2e-4)) == 0.0  # below threshold


def test_pp_spectrum_against_a_quadrature():
    """The mean energy, and what the spectrum lacks without the Coulomb factor of the positron."""
    m, q = mp.mpf(SM.m_e), mp.mpf("4.2022e-4")

    def shape(e):
        total = q - e + m
        momentum = mp.sqrt(total**2 - m**2)
        eta = 2 * mp.pi * SM.alpha_0 * total / momentum
        return e**2 * total * momentum * eta / mp.expm1(eta)

    mean = mp.quad(lambda e: e * shape(e), [0, q]) / mp.quad(shape, [0, q])
    nu = recoil.solar("pp")
    assert np.sum(nu.flux) == pytest.approx(5.98e10, rel=1e-13)
    assert np.sum(nu.flux * nu.energy) / np.sum(nu.flux) == pytest.approx(float(mean), rel=1e-5)


@functools.cache
def xenon(kind, mass):
    """Limit on the squared coupling of XENONnT's first run, free electrons with stepping."""
    section = {"moment": recoil.moment, "vector": recoil.vector}[kind]
    rates = recoil.rate(lambda t, e: section(t, e, mass), WINDOW, recoil.solar("pp", "7Be"))
    signal = rates * recoil.xenon_electrons(WINDOW) * ATOMS
    return float(recoil.flat_background_limit(signal, 1e6 * WINDOW, BACKGROUND, EXPOSURE))


@functools.cache
def borexino(kind, mass):
    """Electrons above 190 keV by 7Be neutrinos, per squared coupling."""
    section = {"moment": recoil.moment, "vector": recoil.vector}[kind]
    nu = recoil.solar("7Be")
    rates = recoil.rate(lambda t, e: section(t, e, mass), BOREXINO, nu)
    return float(jnp.trapezoid(rates, BOREXINO))


def test_the_published_limit_of_xenonnt_is_returned():
    """6.4e-12 mu_B observed, from exposure and background alone (efficiency 1)."""
    assert math.sqrt(xenon("moment", 0.0)) == pytest.approx(6.4e-12, rel=0.15)


def read(name):
    lines = (CURVES / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("at", [0, 5, -1])
def test_portal_curves(at):
    """mu limits for N of mass m_N over those for a massless one."""
    row = read("portal_recast_own.csv")[at]
    mass = float(row["m_N_GeV"])
    ratio = math.sqrt(xenon("moment", mass) / xenon("moment", 0.0))
    assert float(row["xenonnt"]) == pytest.approx(ratio, rel=1e-4)
    ratio = math.sqrt(borexino("moment", 0.0) / borexino("moment", mass))
    assert float(row["borexino"]) == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("at", [0, 9, -1])
def test_vector_curves(at):
    """g_nu g_e for which a vector boson gives the signal of the published moment."""
    row = read("vector_recast_own.csv")[at]
    mass = float(row["m_Aprime_GeV"])
    limit = 6.4e-12 * math.sqrt(xenon("vector", mass) / xenon("moment", 0.0))
    assert float(row["xenonnt"]) == pytest.approx(limit, rel=1e-4)
    limit = 2.8e-11 * math.sqrt(borexino("moment", 0.0) / borexino("vector", mass))
    assert float(row["borexino"]) == pytest.approx(limit, rel=1e-4)


def test_a_heavy_vector_is_a_contact_interaction():
    """Twice the mass, four times the coupling."""
    ratio = math.sqrt(xenon("vector", 2.0) / xenon("vector", 1.0))
    assert ratio == pytest.approx(4.0, rel=1e-4)


def test_gradients_are_finite():
    t, e = jnp.geomspace(1e-6, 1e-3, 200), 8.613e-4
    slopes = jax.vmap(jax.grad(lambda t, m: recoil.moment(t, e, m), argnums=(0, 1)), (0, None))
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in slopes(t, 1e-4))
