"""su2_horizontal: 30-digit values, exact cancellations, the correlation with g-2."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers import model_points
from helpers.oracles import made_with
from nmmjax.models.su2_horizontal import SU2Horizontal
from nmmjax.physics.constants import SM

COLUMNS = {
    "f": "f",
    "f_prime": "fp",
    "alpha": "alpha",
    "m_h_plus": "mh",
    "m_heavy_plus": "mH",
    "m_h0": "mH0",
    "m_a0": "mA0",
    "delta_c": "dC",
}
# observable -> column, factor, tolerance; signs belong to the convention where the two differ
OUTPUTS = {
    "mu_nu": ("mu_emu_with_splitting", 1.0, 1e-13),
    "mu_nu_leading": ("mu_emu_leadinglog", 1.0, 1e-12),  # a difference of two scalars, 300/301 GeV
    "m_nu": ("m_nu_emu_GeV", 1e9, 1e-13),
    "m_nu_unsuppressed": ("unsuppressed_m_emu_GeV", 1e9, 1e-13),
    "m_nu_naive": ("natural_mass_eV", 1.0, 1e-13),
    "delta_c_loop": ("dC_estimate_GeV2_Lambda10TeV", 1.0, 1e-13),
    "delta_a_mu": ("Delta_a_mu", 1.0, 1e-13),
    "delta_a_mu_neutral": ("Delta_a_mu_neutral", 1.0, 1e-13),
    "delta_a_mu_charged": ("Delta_a_mu_charged", 1.0, 1e-13),
    "eps_tau": ("eps_tau", 1.0, 1e-13),
    "t_param": ("Delta_T", 1.0, 1e-11),  # five terms of which 1e-4 is left at alpha = 0.01
}


@pytest.fixture(scope="module")
def predict():
    return jax.jit(SU2Horizontal().predict)


point = functools.partial(model_points.point, SU2Horizontal())


def test_every_reference_row(reference):
    """The row with m_h > m_H is outside the domain, where the formulas still hold."""
    predict = jax.jit(SU2Horizontal(sm=made_with("baselines/models.json")).predict)
    for row in reference("baselines/models.json")["SU2H"]:
        observed = predict({p: jnp.asarray(float(row[key])) for p, key in COLUMNS.items()})
        for name, (column, factor, tolerance) in OUTPUTS.items():
            value = factor * float(row[column])
            value = abs(value) if name.startswith(("mu_nu", "m_nu")) else value
            assert float(observed[name]) == pytest.approx(value, rel=tolerance, abs=0.0), name


def test_mass_vanishes_with_the_symmetry(predict):
    """m ~ delta_c exactly linearly to (delta_c/gap)^2, and the moment stays."""
    exact = predict(point(delta_c=0.0))
    assert float(exact["m_nu"]) == 0.0
    one, ten = predict(point(delta_c=1e-4)), predict(point(delta_c=1e-3))
    assert float(ten["m_nu"] / one["m_nu"]) == pytest.approx(10.0, rel=1e-12)
    assert float(one["mu_nu"]) == pytest.approx(float(exact["mu_nu"]), rel=1e-12)
    assert float(one["m_nu"]) < 1e-6 * float(one["m_nu_unsuppressed"])


def test_mass_against_the_plain_difference():
    """50-digit difference of the two copies, up to the largest splitting the domain allows."""

    def copy(theta, sign):
        with mp.workdps(50):
            f, fp, a, h, heavy, d = (
                mp.mpf(float(theta[p]))
                for p in ("f", "f_prime", "alpha", "m_h_plus", "m_heavy_plus", "delta_c")
            )
            c, s = mp.cos(a), mp.sin(a)
            top = (c * h) ** 2 + (s * heavy) ** 2
            low = (s * h) ** 2 + (c * heavy) ** 2 + sign * d / 2
            off = s * c * (h**2 - heavy**2)
            root = mp.sqrt((top - low) ** 2 / 4 + off**2)
            m_sq = mp.mpf(SM.m_tau) ** 2

            def g(z):
                return z * mp.log(z / m_sq) / (z - m_sq)

            z1, z2 = (top + low) / 2 - root, (top + low) / 2 + root
            return f * fp * mp.mpf(SM.m_tau) / (16 * mp.pi**2) * off * (g(z1) - g(z2)) / (z1 - z2)

    gap = 500.0**2 - 110.0**2
    predict = jax.jit(SU2Horizontal().predict)
    for fraction in (1e-12, 1e-3, 0.03, 0.0999):
        theta = point(delta_c=fraction * gap)
        with mp.workdps(50):
            expected = float(abs(copy(theta, 1) - copy(theta, -1)) * 10**9)
        assert float(predict(theta)["m_nu"]) == pytest.approx(expected, rel=1e-13)


def test_equal_charged_scalars_have_no_moment(predict):
    theta = point(m_heavy_plus=110.0 * (1.0 + 1e-9), delta_c=0.0)
    observed = predict(theta)
    assert float(observed["mu_nu"]) < 1e-8 * float(predict(point())["mu_nu"])
    zero_mixing = predict(point(alpha=0.0))
    assert float(zero_mixing["mu_nu"]) == 0.0


def test_relabelling_of_the_charged_scalars(predict):
    """h <-> H with alpha -> pi/2 - alpha is the same physics."""
    theta = point(alpha=0.3)
    other = theta | {
        "alpha": jnp.asarray(0.5 * np.pi - 0.3),
        "m_h_plus": theta["m_heavy_plus"],
        "m_heavy_plus": theta["m_h_plus"],
    }
    one, two = predict(theta), predict(other)
    for name in ("mu_nu", "m_nu", "delta_a_mu", "eps_tau", "t_param", "m_nu_unsuppressed"):
        assert float(one[name]) == pytest.approx(float(two[name]), rel=1e-10), name


def test_correlation_with_the_muon_g_minus_2(predict):
    """delta_a_mu/f'^2 follows the neutral mass alone; the moment the product f f' sin 2alpha."""
    base = predict(point(f=1e-6))
    for scale in (0.1, 3.0):
        other = predict(point(f=1e-6, f_prime=0.3 * scale))
        assert float(other["delta_a_mu"] / base["delta_a_mu"]) == pytest.approx(scale**2, rel=1e-6)
        assert float(other["mu_nu"] / base["mu_nu"]) == pytest.approx(scale, rel=1e-12)
    m0 = 1e4
    heavy = predict(point(f=1e-6, m_h0=m0, m_a0=m0))
    limit = 0.3**2 * SM.m_mu**2 / (48.0 * np.pi**2 * m0**2)
    assert float(heavy["delta_a_mu"]) == pytest.approx(limit, rel=1e-4)
    charged = predict(point(f=0.1, f_prime=1e-6))
    assert float(charged["delta_a_mu"]) < 0.0


def test_decoupling_of_all_scalars(predict):
    """Moment and delta_a_mu fall like 1/M^2 (moment: up to its logarithm), T with splittings."""

    def at(scale):
        masses = {p: scale * x for p, x in SU2Horizontal().reference.items() if p.startswith("m_")}
        return predict(point(**masses))

    near, far = at(1e2), at(1e3)
    assert np.log10(float(near["delta_a_mu"] / far["delta_a_mu"])) == pytest.approx(2.0, abs=1e-4)
    assert 1.8 < np.log10(float(near["mu_nu"] / far["mu_nu"])) < 2.0
    assert float(far["t_param"] / near["t_param"]) == pytest.approx(100.0, rel=1e-9)


def test_custodial_point_has_no_t(predict):
    """No mixing and degenerate partners: T = 0."""
    degenerate = predict(point(alpha=0.0, m_h_plus=200.0, m_h0=200.0, m_a0=200.0))
    assert abs(float(degenerate["t_param"])) < 1e-15
    twisted = predict(point(alpha=0.0, m_h_plus=200.0, m_h0=200.0, m_a0=700.0))
    assert abs(float(twisted["t_param"])) < 1e-12


def test_solar_coefficient_of_one_entry(predict):
    """mu_eff_solar^2/mu_emu^2 = 0.764 with vacuum-like fractions of NuFIT 6.1 (matter: 2% off)."""
    observed = predict(point())
    assert float(observed["mu_eff_solar"] / observed["mu_nu"]) ** 2 == pytest.approx(
        0.764, rel=0.03
    )
    assert float(observed["mu_eff_reactor"]) == pytest.approx(float(observed["mu_nu"]), rel=1e-12)
    assert float(observed["mu_eff_nutau"]) < 1e-12 * float(observed["mu_nu"])


def test_s_parameter_from_the_currents(predict):
    """S = 16 pi [Pi'_33(0) - Pi'_3Q(0)] of the mass eigenstates, T3 and Q as matrices; mpmath."""
    theta = point(alpha=0.4, m_h_plus=150.0, m_heavy_plus=900.0, m_h0=200.0, m_a0=350.0)
    values = {p: mp.mpf(float(x)) for p, x in theta.items()}

    def slope(a, b):  # Pi' of two complex scalars with unit couplings, less a constant
        return mp.quad(lambda x: x * (1 - x) * mp.log(x * a**2 + (1 - x) * b**2), [0, 1])

    rotation = mp.matrix([[mp.cos(values["alpha"]), -mp.sin(values["alpha"])]])
    t3 = rotation.T * rotation / 2
    masses = [values["m_h_plus"], values["m_heavy_plus"]]
    total = slope(values["m_h0"], values["m_a0"]) / 4
    for i in range(2):
        total -= t3[i, i] * slope(masses[i], masses[i])
        total += sum(t3[i, j] * t3[j, i] * slope(masses[i], masses[j]) for j in range(2))
    expected = 2 * 16 * mp.pi * total / (8 * mp.pi**2)  # two copies
    assert float(predict(theta)["s_param"]) == pytest.approx(float(expected), rel=1e-10)
