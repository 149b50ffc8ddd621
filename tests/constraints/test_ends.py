"""Where curves begin and end: a gate at either end, or a limit that goes on."""

import numpy as np
import pytest

from helpers.curves import OWN, at, gradient, log_l, one
from nmmjax.constraints.entries import build


@pytest.mark.parametrize("name", ["na64e_2023", "a_e_dark_photon_Rb", "xenonnt_2022_massive"])
def test_a_curve_that_goes_on_below_is_held_there(name):
    curve = one(name)
    first = curve.mass[0]
    coupling = 2.0 * curve.limit[0]
    held = log_l(curve, coupling, first)[0]
    assert held < -1.0
    assert log_l(curve, coupling, [1e-4 * first, 0.9 * first]) == pytest.approx([held, held])
    assert not curve.allowed(at(curve, coupling, 0.5 * first))
    assert "GeV and below" in curve.describe()


BELOW = {
    "limit_curve": {},
    "poisson_zero_curve": {"power": None},
    "one_sided_gaussian_curve": {"power": None, "limit": None, "centre": [1e-10, 0.0, 1e-10]}
    | {"sigma": [1e-10, 1e-8, 1e-6]},
    "excluded_region": {"mass": [0.01, 1.0, 0.01], "limit": None, "power": None, "cl": None}
    | {"coupling": [1e-6, 1e-4, 1e-2]},
}


@pytest.mark.parametrize("kind", BELOW)
@pytest.mark.parametrize("beyond", ["gate", "slope"])
def test_a_curve_ends_at_its_first_mass_unless_it_is_extended(kind, beyond):
    if beyond == "slope" and kind != "limit_curve":
        return
    entry = OWN | BELOW[kind] | {"type": kind}
    entry = {k: x for k, x in entry.items() if x is not None}
    if kind == "limit_curve":
        entry["beyond"] = beyond
    curve, held = build("a", entry), build("b", entry | {"extend": "below"})
    first, coupling = curve.mass[0], 1e-4
    assert "below" not in curve.describe()
    assert log_l(curve, coupling, [1e-9, 0.5 * first]) == pytest.approx([0.0, 0.0], abs=1e-3)
    assert log_l(held, coupling, 0.5 * first)[0] < -1.0
    half = log_l(curve, coupling, first)[0] / log_l(held, coupling, first)[0]
    assert half == pytest.approx(0.5, rel=1e-12)
    for mass, inside in ((0.99 * first, False), (1.3 * first, True)):
        point = at(curve, coupling, mass)
        assert bool(curve.allowed(point)) != inside
        assert (float(curve.excess(point)) > 0.0) == inside
        assert not held.allowed(point)
    u = np.linspace(-0.3, 0.3, 2001)
    values, whole = (log_l(c, coupling, first * np.exp(u)) for c in (curve, held))
    # The gate itself has no kink, and ln L none but where its limit begins to be held.
    for smooth in (values / whole, values[u <= 0.0], values[u >= 0.0]):
        slopes = np.diff(smooth)
        assert np.max(np.abs(np.diff(slopes))) < 0.05 * np.max(np.abs(slopes))
    for mass in (0.0, 1e-9, 0.9 * first, first):
        assert np.all(np.isfinite(gradient(curve, coupling, mass)))


def test_a_table_that_starts_at_mass_zero_has_no_lower_end():
    curve = one("babar_2017")
    assert curve.mass[0] == 0.0
    assert log_l(curve, 3e-3, 0.0)[0] == pytest.approx(log_l(curve, 3e-3, 1e-6)[0], rel=1e-6)
    assert not curve.allowed(at(curve, 3e-3, 0.0))
