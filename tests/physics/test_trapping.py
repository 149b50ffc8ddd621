"""Neutrino masses inside stars and what they do to plasmon limits, against 30-digit references."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import integrate

from helpers.curves import one
from helpers.oracles import made_with
from nmmjax.constraints.entries import build
from nmmjax.errors import InputError
from nmmjax.physics import trapping

OMEGA = 1.8e4  # eV, of the shipped entries


def log_l(constraint, moment, mass):
    point = {"mu_eff_plasmon": jnp.asarray(moment), "m_nu_medium": jnp.asarray(mass)}
    return float(constraint.log_likelihood(point))


def test_reference_points(reference):
    rows = reference("constraints/trapping.json")["rows"]
    sm = made_with("constraints/trapping.json")
    assert len(rows) == 54
    for row in rows:
        x = {key: float(row[key]) for key in row if key not in ("target", "forbidden")}
        density = (
            trapping.nucleon_density(x["rho_gcc"])
            if row["target"] == "N"
            else trapping.electron_scalar_density(x["rho_gcc"], x["Ye"], sm)
        )
        assert density == pytest.approx(x["n_source_eV3"], rel=1e-8)
        omega = trapping.plasma_frequency(x["rho_gcc"], x["Ye"], sm)
        assert omega == pytest.approx(x["omega_pl_eV"], rel=1e-8)
        couplings, m_phi = jnp.asarray(x["ynu_yf"]), jnp.asarray(x["mphi_eV"])
        mass = trapping.medium_mass(couplings, m_phi, density, x["R_km"])
        assert float(mass) == pytest.approx(x["m_eff_eV"], rel=1e-8)
        r = (mass / omega) ** 2
        assert float(trapping.plasmon_factor(r)) == pytest.approx(x["Phi_mag"], rel=1e-6)
        assert float(trapping.plasmon_factor(r, "electric")) == pytest.approx(x["Phi_el"], rel=1e-6)
        assert row["forbidden"] == (float(r) >= 0.25)


def test_red_giant_core():
    # 18.0 keV at 1e6 g/cm^3
    assert trapping.plasma_frequency(1e6) == pytest.approx(1.80e4, rel=3e-3)


@pytest.mark.parametrize("x", [1e-12, 1e-6, 1e-2, 0.3, 3.0, 50.0])
def test_profile_of_a_uniform_sphere(x):
    m_phi = jnp.asarray(1e-9)
    km = x / 1e-9 * 1.973269804593025e-7 * 1e-3  # hbar c in eV m
    with mpmath.workdps(50):
        exact = float(1 - (1 + mpmath.mpf(x)) * mpmath.exp(-mpmath.mpf(x)))
    found = float(trapping.medium_mass(jnp.asarray(1e-18), m_phi, 1.0, km))
    assert found == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("rho", [1.0, 1e2, 1e6, 1e9])
def test_electron_scalar_density_is_an_integral_over_the_fermi_sea(rho):
    m = mpmath.mpf("510998.95069")
    p_fermi = (3 * mpmath.pi**2 * trapping.nucleon_density(rho) / 2) ** (mpmath.mpf(1) / 3)
    with mpmath.workdps(30):
        exact = mpmath.quad(lambda p: p**2 * m / mpmath.sqrt(p**2 + m**2), [0, p_fermi])
    found = trapping.electron_scalar_density(rho)
    assert found == pytest.approx(float(exact / mpmath.pi**2), rel=1e-11)


@pytest.mark.parametrize("coupling", ["magnetic", "electric"])
def test_factor_is_continuous_and_its_square_has_finite_slope(coupling):
    r = jnp.linspace(0.0, 0.5, 5001)
    square = jax.vmap(lambda t: trapping.plasmon_factor(t, coupling, squared=True))
    assert float(square(r)[0]) == 1.0
    assert np.all(np.asarray(square(r))[2500:] == 0.0)
    assert np.max(np.abs(np.diff(square(r)))) < 4e-3
    slopes = jax.vmap(jax.grad(lambda t: trapping.plasmon_factor(t, coupling, squared=True)))(r)
    assert np.all(np.isfinite(slopes))
    assert np.max(np.abs(slopes)) < 40.0


@pytest.mark.parametrize("name", ["trgb_ngc4258_trapped", "trgb_omegaCen_trapped"])
def test_limit_fades_with_the_mass_in_the_star(name):
    trapped, plain = one(name), one(name.removesuffix("_trapped"))
    mu = 2.0 * plain.value
    assert log_l(trapped, mu, 0.0) == pytest.approx(
        float(plain.log_likelihood({"mu_eff_plasmon": jnp.asarray(mu)})), rel=1e-12
    )
    assert log_l(trapped, mu, 0.5 * OMEGA) == 0.0
    assert log_l(trapped, 1e3 * mu, 2.0 * OMEGA) == 0.0
    masses = OMEGA * np.linspace(0.41, 0.5, 41)  # Phi peaks at 0.408
    assert np.all(np.diff([log_l(trapped, mu, m) for m in masses]) > 0.0)
    point = {"mu_eff_plasmon": jnp.asarray(mu), "m_nu_medium": jnp.asarray(0.6 * OMEGA)}
    assert trapped.allowed(point)
    assert not trapped.allowed(point | {"m_nu_medium": jnp.asarray(0.0)})


def test_flat_prior_returns_the_limit_over_root_phi():
    trapped = one("trgb_omegaCen_trapped")
    mass = 0.45 * OMEGA
    phi = float(trapping.plasmon_factor(jnp.asarray((mass / OMEGA) ** 2)))
    limit = 1.2e-12 / phi**0.5  # mu_TRGB / sqrt(Phi)
    y = np.linspace(0.0, 10.0, 2001)
    moments = jnp.asarray(limit * y**0.5)
    fixed = jnp.asarray(mass)
    terms = jax.vmap(
        lambda mu: trapped.log_likelihood({"mu_eff_plasmon": mu, "m_nu_medium": fixed})
    )
    density = np.exp(terms(moments))
    inside = y <= 1.0
    share = integrate.simpson(density[inside], y[inside]) / integrate.simpson(density, y)
    assert share == pytest.approx(0.95, abs=1e-3)


def test_gradient_is_finite_through_the_threshold():
    trapped = one("trgb_omegaCen_trapped")

    def term(mass):
        point = {"mu_eff_plasmon": jnp.asarray(1e-11), "m_nu_medium": mass}
        return trapped.log_likelihood(point)

    for mass in OMEGA * np.array([0.0, 0.3, 0.5, 0.5 + 1e-9, 0.7, 1e6]):
        assert np.isfinite(jax.grad(term)(mass))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coupling": "both"}, "coupling must be 'magnetic' or 'electric', got 'both'"),
        ({"plasma_frequency": 0.0}, "plasma_frequency must be a number > 0"),
        ({"observable": "mu_eff_plasmon"}, r"observable must be \[moment, medium mass\]"),
    ],
)
def test_errors(changes, message):
    entry = {
        "observable": ["mu_eff_plasmon", "m_nu_medium"],
        "type": "upper_limit_plasmon",
        "value": 1e-12,
        "cl": 0.95,
        "plasma_frequency": 1.8e4,
        "units": "mu_B",
        "year": 2026,
        "reference": "arXiv:0000.00000",
        "verified": "lookup",
    }
    with pytest.raises(InputError, match=message):
        build("mine", entry | changes)
