"""Loop functions at limits and seams, reference rows, second derivatives; errors: test_errors."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.accuracy import exact
from helpers.accuracy.errors import ERRORS, MARGIN
from helpers.accuracy.exact import DIGITS, T_GRID, mp_l, numbers, slopes, splittings, worst
from helpers.accuracy.loops import OF_T
from helpers.cases import one_quick
from nmmjax.errors import InputError
from nmmjax.physics import electroweak, one_loop

pytestmark = pytest.mark.defined

OF_ONE = ("L", "G", "Gm", "I_F", "I_S")
JSON_NAME = {"I_F": "IF", "I_S": "IS"}


def bounds(name):
    """What test_errors allows for the value and for the slope."""
    return [MARGIN * error for error in ERRORS[name]]


@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("L", 1, Fraction(-1, 2)),
        ("G", Fraction(1, 2), Fraction(-1, 3)),
        ("Gm", Fraction(1, 6), Fraction(-1, 6)),
        ("I_F", Fraction(1, 3), Fraction(-1, 4)),
        ("I_S", Fraction(1, 6), Fraction(-1, 12)),
    ],
)
def test_function_of_t_at_one(name, value, slope):
    f = getattr(one_loop, name)
    of_value, of_slope = bounds(name)
    assert float(f(jnp.array(1.0))) == pytest.approx(float(value), rel=of_value)
    assert float(jax.grad(f)(1.0)) == pytest.approx(float(slope), rel=of_slope)


@pytest.mark.parametrize("name", OF_ONE)
def test_function_of_t_reference_rows(name, reference):
    rows = reference("weak_triplet/loop_t.json")["rows"]
    f, key = getattr(one_loop, name), JSON_NAME.get(name, name)
    (t,) = exact.columns(rows, "t")
    of_value, of_slope = bounds(name)
    with mp.workdps(30):
        assert worst(jax.jit(f)(t), [mp.mpf(row[key]) for row in rows]) < of_value
        for slope in slopes(f, 0, t):
            assert worst(slope, [mp.mpf(row["d" + key]) for row in rows]) < of_slope


@pytest.mark.parametrize("name", one_quick(OF_ONE, 1))
def test_second_derivative(name):
    """As good as the slope times 100, from 1e-30 to 1e30."""
    f, closed, grid = OF_T[name]
    with mp.workdps(DIGITS):
        curvature = [mp.diff(closed, x, 2, h=x * mp.mpf(10) ** -25) for (x,) in numbers(grid)]
        found = jax.jit(jax.vmap(jax.grad(jax.grad(f))))(grid)
        assert worst(found, curvature) < 100.0 * bounds(name)[1]


def test_the_closed_forms_would_fail_these_tests():
    t = np.array([1.0 + 1e-6])
    naive = ((1.0 + t) * np.log(t) - 2.0 * (t - 1.0)) / (t - 1.0) ** 3
    with mp.workdps(DIGITS):
        assert worst(naive, [exact.mp_gm(mp.mpf(t[0].item()))]) > 1e-4


def test_weights_of_the_two_masses_add_to_one():
    t = jnp.array(T_GRID)
    total = t * one_loop.G(t) + one_loop.G(1.0 / t) / t
    assert np.abs(np.asarray(total) - 1.0).max() < 2.0 * bounds("G")[0]


def test_bracket_reference_rows(reference):
    rows = reference("weak_triplet/loop_r.json")["rows"]
    r = jnp.asarray(exact.columns(rows, "r")[0])
    with mp.workdps(30):
        column = {key: [mp.mpf(row[key]) for row in rows] for key in rows[0]}
        for name, letter, floor in (("B_F", "F", 0.0), ("B_S", "S", 1.0)):
            bracket, of_value = getattr(electroweak, name), bounds(name)[0]
            assert worst(bracket(r), column[f"B{letter}"], floor=floor) < of_value
            reduced = [x / y for x, y in zip(column[f"f{letter}"], r.tolist(), strict=True)]
            function = getattr(electroweak, f"f_{letter}")
            assert worst(function(r) / r, reduced, floor=floor) < of_value + 2.0**-51


@pytest.mark.parametrize("bracket", [electroweak.B_F, electroweak.B_S])
def test_second_derivatives_of_brackets_are_finite_at_their_seams(bracket):
    seams = np.array([1e-12, 1.0, np.nextafter(1, 2), 2.0, 3.0, np.nextafter(3, 4), 1e4])
    assert np.isfinite(np.asarray(jax.jit(jax.vmap(jax.grad(jax.grad(bracket))))(seams))).all()


def test_scheme_of_the_scalar_bracket():
    r = jnp.array([0.3, 1.0, 20.0])
    difference = electroweak.f_S(r, 2.0) - electroweak.f_S(r)
    np.testing.assert_allclose(difference, r**2 / 2.0, rtol=1e-14)


@pytest.mark.parametrize("f", [one_loop.dL, lambda u, du: one_loop.dL_pair(u, 0.01 * du, du)])
def test_second_derivatives_of_differences_are_finite(f):
    """Hessian times (1, 1): not finite if any entry is not."""

    def rows(*at):
        return jax.jvp(jax.grad(f, (0, 1)), at, tuple(jnp.ones_like(a) for a in at))[1]

    u, du = splittings(60)
    assert np.isfinite(np.asarray(jax.jit(jax.vmap(rows))(u, du))).all()


def test_difference_of_l_reference_rows(reference):
    rows = reference("weak_triplet/loop_dL.json")["rows"]
    u, du = exact.columns(rows, "u", "du")
    of_value, of_slope = bounds("dL")
    with mp.workdps(30):
        assert worst(jax.jit(one_loop.dL)(u, du), [mp.mpf(row["dL"]) for row in rows]) < of_value
        slope = slopes(one_loop.dL, 1, u, du)[0]
        assert worst(slope, [mp.mpf(row["ddL_ddu"]) for row in rows]) < of_slope


def test_subtracting_rounded_values_would_fail():
    u, du = jnp.array([0.7]), jnp.array([1e-12])
    with mp.workdps(DIGITS):
        exact_difference = [mp_l(mp.mpf(0.7) + mp.mpf(1e-12)) - mp_l(mp.mpf(0.7))]
        naive = one_loop.L(jnp.exp(u + du)) - one_loop.L(jnp.exp(u))
        assert worst(naive, exact_difference) > 1e-5


def test_equal_splittings_give_the_splitting_itself():
    d = jnp.array([1e-12, -0.4, 3.0])
    np.testing.assert_allclose(one_loop.Fsplit(13.0, 14.5, d, d), d, rtol=1e-15)


def test_splitting_of_one_mass_alone_keeps_relative_accuracy():
    u, du = splittings(60)
    with mp.workdps(DIGITS):
        of_m = [mp_l(a + b) - mp_l(a) + b for a, b in numbers(u, du)]
        got = jax.jit(one_loop.Fsplit)(u, 0.0, du, 0.0)
        assert worst(got, of_m) < bounds("dL")[0]


def test_mass_loop_at_equal_masses_and_its_symmetry():
    np.testing.assert_allclose(jax.grad(one_loop.F)(300.0, 300.0, 91.0), 1.0 / 300.0, rtol=1e-14)
    exchanged = float(one_loop.F(700.0, 300.0, 91.0))
    assert float(one_loop.F(300.0, 700.0, 91.0)) == pytest.approx(exchanged, rel=1e-14)


def test_pair_is_even_and_flat_without_splitting():
    assert float(one_loop.dL_pair(0.3, 0.0, 0.0)) == 0.0
    assert float(jax.grad(one_loop.dL_pair, 2)(0.3, 0.0, 0.0)) == 0.0
    up, down = one_loop.dL_pair(0.3, 0.1, 0.2), one_loop.dL_pair(0.3, 0.1, -0.2)
    assert float(up) == pytest.approx(float(down), rel=1e-15)


def test_electroweak_splitting_refuses_another_kind():
    with pytest.raises(InputError, match="no kind 'fermoin'; did you mean 'fermion'"):
        electroweak.mass_split_ew(
            "fermoin", jnp.array(1e3), 1.0, 0.0, 0.5, 91.2, 80.4, 1 / 128, 0.23
        )


@pytest.mark.parametrize("name", [*OF_ONE, "B_F", "B_S"])
def test_vmap_equals_loop(name):
    f = getattr(electroweak if name.startswith("B") else one_loop, name)
    x = jnp.array([1e-6, 0.32, 0.34, 0.999, 1.0, 1.7, 2.0, 2.9, 3.1, 40.0])
    one_by_one = jnp.stack([f(value) for value in x])
    np.testing.assert_allclose(jax.vmap(f)(x), one_by_one, rtol=2.0 * bounds(name)[0])
    np.testing.assert_allclose(f(x.reshape(2, 5)).ravel(), one_by_one, rtol=2.0 * bounds(name)[0])
