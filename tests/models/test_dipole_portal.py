"""dipole_portal: conventions, width, estimates of the mass, curves at known points."""

import jax
import jax.numpy as jnp
import mpmath as mp
import pytest

from nmmjax.constraints import library
from nmmjax.models.dipole_portal import DipolePortal
from nmmjax.physics.constants import SM
from nmmjax.target.model import guarded_predict

MU_B = SM.e / (2.0 * SM.m_e)  # GeV^-1


def at(nature="dirac", **changes):
    model = DipolePortal(nature=nature)
    theta = {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}
    return {name: float(x) for name, x in model.predict(theta).items()}


def test_the_moment_is_twice_the_dipole():
    found = at(d_e=3e-9, d_mu=0.0, d_tau=4e-9)
    assert found["d_any"] == pytest.approx(5e-9, rel=1e-15)
    assert found["mu_nu"] == pytest.approx(1e-8 / MU_B, rel=1e-14)


def test_lifetime_against_the_width_of_a_moment():
    """Gamma = mu^2 m^3/(16 pi) of a left-handed transition, two helicities for Majorana N."""
    found = at(d_e=0.0, d_mu=1e-6, d_tau=0.0, m_n=0.3)
    width = (2e-6) ** 2 * 0.3**3 / (16.0 * jnp.pi)
    assert found["tau_n"] == pytest.approx(SM.hbar / float(width), rel=1e-13)
    assert at("majorana", d_e=0.0, d_mu=1e-6, d_tau=0.0, m_n=0.3)["tau_n"] == pytest.approx(
        0.5 * found["tau_n"], rel=1e-14
    )


@pytest.mark.parametrize("d", [1e-13, 1e-10, 1e-6])
def test_the_light_mass_is_an_eigenvalue(d):
    found = at("majorana", d_e=d, d_mu=0.0, d_tau=0.0, m_n=0.2)
    with mp.workdps(40):
        m_d = mp.mpf(found["m_nu_naive"]) / 10**9
        values, vectors = mp.eigsy(mp.matrix([[0, m_d], [m_d, mp.mpf("0.2")]]))
        light = min(range(2), key=lambda i: abs(values[i]))
        assert found["m_nu"] == pytest.approx(float(abs(values[light])) * 1e9, rel=1e-12)
        assert found["theta_sq"] == pytest.approx(float(vectors[1, light] ** 2), rel=1e-12)
    assert "m_nu" not in at(d_e=d, m_n=0.2)


def test_solar_shares():
    """nu_e alone: the survival probability, 0.55 of pp neutrinos and about 1/3 of 8B ones."""
    found = at(d_e=1e-9, d_mu=0.0, d_tau=0.0)
    assert (found["d_solar"] / 1e-9) ** 2 == pytest.approx(0.34, abs=0.03)
    assert (found["mu_portal_solar"] / found["mu_nu"]) ** 2 == pytest.approx(0.55, abs=0.02)
    same = at(d_e=1e-9, d_mu=1e-9, d_tau=1e-9)
    assert same["d_solar"] == pytest.approx(1e-9, rel=1e-10)


def test_curves_at_published_points():
    """DONUT's 3.9e-7 mu_B and XENONnT's 6.4e-12 mu_B for a light N."""
    donut, xenon = library.load(["portal_donut", "portal_xenonnt_light"])
    massless = 3.9e-7 * MU_B / 2.0
    assert float(donut.limit_at(jnp.asarray(1.1e-3))) == pytest.approx(massless, rel=0.02)
    assert float(xenon.limit_at(jnp.asarray(1e-6))) == pytest.approx(6.4e-12, rel=1e-4)


@pytest.mark.parametrize("name", ["portal_nomad", "portal_lep", "portal_lsnd", "portal_miniboone"])
def test_a_point_on_either_side_of_a_curve(name):
    (curve,) = library.load([name])
    key = curve.requires[0]
    limit = float(curve.limit_at(jnp.asarray(0.05)))
    for factor, allowed in ((0.9, True), (1.1, False)):
        seen = {key: jnp.asarray(factor * limit), "m_n": jnp.asarray(0.05)}
        assert bool(curve.allowed(seen)) is allowed


def test_gradients_are_finite_over_the_prior():
    """2e4 draws of the default priors."""
    model = DipolePortal(nature="majorana")
    u = jax.random.uniform(jax.random.key(1), (len(model.parameters), 20000, 1))
    theta = {
        p.name: jax.vmap(lambda x, prior=p.prior: prior.value(prior.from_unit(x)))(x)
        for p, x in zip(model.parameters, u, strict=True)
    }

    def total(point):
        found, _ = guarded_predict(model, point)
        return sum(jnp.log(x) for x in found.values())

    slopes = jax.jit(jax.vmap(jax.grad(total)))(theta)
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in slopes.values())
