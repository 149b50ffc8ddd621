"""Off-shell photon and box of one loop: integrals in 30 digits, rates from Dirac traces."""

import math

import jax.numpy as jnp
import mpmath as mp
import pytest

from helpers.spinors import LEFT, RIGHT, dalitz, dipole, vector
from nmmjax.physics import decays, lepton_contacts
from nmmjax.physics import flavour_violation as lfv
from nmmjax.physics.constants import SM

RATIOS = (1e-6, 0.03, 1.0, 1.0 + 1e-7, 40.0, 1e6)
NONE = jnp.zeros((3, 3))


@pytest.mark.parametrize("t", RATIOS)
def test_loops_against_integrals(t):
    with mp.workdps(30):
        x = mp.mpf(t)
        scalar = mp.quad(lambda s: s**3 / (s + x * (1 - s)) / 6, [0, 0.5, 1])
        low, high = x / (1 + x), 1 / (1 + x)
        ends = sorted({mp.mpf(0), low / 100, low, high, 1 - high / 100, mp.mpf(1)})
        fermion = mp.quad(
            lambda s: s**3 / 6 * (2 / (1 - s + s * x) + x / (1 - s + s * x) ** 2), ends
        )
        box = mp.quad(lambda u: u**2 / ((u + x) ** 2 * (u + 1) ** 2), [0, x, 1, mp.inf])
    found = [f(jnp.asarray(t)) for f in (lepton_contacts.P_S, lepton_contacts.P_F)]
    found.append(lepton_contacts.D_box(jnp.asarray(t)))
    for mine, exact in zip(found, (scalar, fermion, box), strict=True):
        assert float(mine) == pytest.approx(float(exact), rel=3e-14)


def closed_forms(x):
    """hep-ph/9510309, A_1 of neutralinos and charginos over 1/(16 pi^2), J_4 of equal masses."""
    neutral = (2 - 9 * x + 18 * x**2 - 11 * x**3 + 6 * x**3 * mp.log(x)) / (36 * (1 - x) ** 4)
    charged = 16 - 45 * x + 36 * x**2 - 7 * x**3 + 12 * mp.log(x) - 18 * x * mp.log(x)
    return neutral, -charged / (36 * (1 - x) ** 4), (1 - x**2 + 2 * x * mp.log(x)) / (1 - x) ** 3


def test_loops_against_published_closed_forms():
    with mp.workdps(40):
        for t in (1e-3, 0.4, 7.0):
            exact = closed_forms(mp.mpf(t))
            for name, value in zip(("P_S", "P_F", "D_box"), exact, strict=True):
                mine = float(getattr(lepton_contacts, name)(jnp.asarray(t)))
                assert mine == pytest.approx(float(value), rel=1e-13), name


def test_rates_and_interference_against_explicit_traces():
    """2 |G_L|^2 + |G_R|^2 + 4 a (2 G_L + G_R): every bilinear but the logarithm of |a|^2."""
    found = dalitz((vector(LEFT), vector(RIGHT), dipole))
    expected = {(0, 0): 2.0, (1, 1): 1.0, (0, 1): 0.0, (0, 2): 4.0, (1, 2): 2.0}
    for (i, j), value in expected.items():
        assert found[i, j] == pytest.approx(value, rel=1e-6, abs=1e-9), (i, j)


def test_limits_of_the_rates():
    """Z alone: the tree-level rates of `flavour_violation`; dipole alone: those of `decays`."""
    z = 0j + NONE.at[0, 1].set(3e-6).at[0, 2].set(2e-5).at[1, 2].set(-1e-4)
    none = lepton_contacts.Contacts(NONE, NONE)
    tree = lfv.observables(NONE + 0j, z, SM)
    for name, value in lepton_contacts.rates(NONE + 0j, z, none, SM).items():
        assert float(value) == pytest.approx(float(tree[name]), rel=1e-13), name
    dipoles = jnp.array([[0.0, 1e-12, 2e-11], [1e-12, 0.0, 3e-11], [2e-11, 3e-11, 0.0]]) + 0j
    alone = decays.observables(dipoles, SM)
    for name, value in lepton_contacts.rates(dipoles, NONE + 0j, none, SM).items():
        assert float(value) == pytest.approx(float(alone[name]), rel=1e-13), name


def test_a_photon_at_a_point_nucleus_sees_monopole_and_dipole_as_one():
    """B + A enters where D = 8 e V_p (hep-ph/9510309: A_1 - A_2): equal signs add up."""
    e = math.sqrt(4 * math.pi * SM.alpha_0)
    nucleus = decays.nuclei()["Al"]
    ratio = nucleus.dipole / (8 * e * nucleus.proton)
    assert ratio == pytest.approx(1.0, abs=0.15)

    def rate(a, b):
        contacts = lepton_contacts.Contacts(NONE.at[0, 1].set(b), NONE)
        dipoles = 0j + NONE.at[0, 1].set(a)
        return float(lepton_contacts.rates(dipoles, NONE + 0j, contacts, SM)["cr_mu_e_al"])

    both, one, two = rate(1e-12, 1e-12), rate(1e-12, 0.0), rate(0.0, 1e-12)
    assert both == pytest.approx((math.sqrt(one) + math.sqrt(two)) ** 2, rel=1e-12)
