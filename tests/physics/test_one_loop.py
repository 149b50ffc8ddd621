"""Loop functions against 50-digit arithmetic; tolerances are the targets, not what passes."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.errors import InputError
from nmmjax.physics import electroweak, one_loop

DIGITS = 120  # the closed forms below cancel; this leaves more than 50 digits everywhere


# Closed forms of the papers, never used by the code.
def mp_gm(t):
    return ((1 + t) * mp.log(t) - 2 * (t - 1)) / (t - 1) ** 3


def mp_g(t):
    return (t - 1 - mp.log(t)) / (t - 1) ** 2


def mp_log_a(r):
    root = mp.sqrt(mp.mpc(r * r - 4))
    return root, mp.log(-1 + r * r / 2 - r * root / 2)


def mp_b_f(r):
    root, log_a = mp_log_a(r)
    return mp.re(-2 * r + 2 * r**3 * mp.log(r) + root * (2 + r * r) * log_a)


def mp_b_s(r):
    root, log_a = mp_log_a(r)
    return mp.re(-2 * r**3 * mp.log(r) - root**3 * log_a)


EXACT_T = {
    "L": lambda t: mp.log(t) / (t - 1),
    "G": mp_g,
    "Gm": mp_gm,
    "I_F": lambda t: (mp_g(t) + mp_gm(t)) / 2,
    "I_S": lambda t: (mp_g(t) - mp_gm(t)) / 2,
}
EXACT_R = {"B_F": mp_b_f, "B_S": mp_b_s}
TOLERANCE = {"L": 1e-14, "G": 1e-14, "I_F": 1e-14, "I_S": 1e-14, "Gm": 1e-13}
JSON_NAME = {"L": "L", "G": "G", "Gm": "Gm", "I_F": "IF", "I_S": "IS", "B_F": "BF", "B_S": "BS"}


def _around(*seams):
    steps = np.array([0.0, 1e-15, 1e-9, 1e-4, 1e-2])
    return np.concatenate([seam * (1.0 + sign * steps) for seam in seams for sign in (1, -1)])


SEAMS = [t**sign for t in ((1 + 0.4**0.5) / (1 - 0.4**0.5),) for sign in (1, -1)]  # z^2 = 0.4
T_GRID = np.unique(
    np.concatenate(
        [
            10.0 ** np.linspace(-30, 30, 121),
            10.0 ** np.linspace(-1, 1, 81),
            _around(*SEAMS),
            *[1.0 + sign * 10.0 ** np.arange(-15, -0.4) for sign in (1, -1)],
        ]
    )
)
T_GRID = T_GRID[T_GRID != 1.0]  # the closed form has no value there; its limit is tested apart
R_GRID = np.unique(
    np.concatenate(
        [
            10.0 ** np.linspace(-12, 4, 81),
            np.linspace(0.05, 8.0, 160),
            _around(1.0, 3.0),
            *[2.0 + sign * 10.0 ** np.arange(-12, 0.0) for sign in (1, -1)],
        ]
    )
)
R_GRID = R_GRID[R_GRID != 2.0]


def worst(got, exact, floor=0.0):
    """Largest |got - exact| / max(|exact|, floor), the difference taken in full precision."""
    got = np.asarray(got)
    assert np.isfinite(got).all()
    pairs = zip(got.tolist(), exact, strict=True)
    return max(float(abs(g - x) / max(abs(x), floor)) for g, x in pairs)


def derivative(f, x):
    h = x * mp.mpf(10) ** -30  # the error of the central difference is of order 1e-60
    return (f(x + h) - f(x - h)) / (2 * h)


def second_derivative(f, x):
    h = x * mp.mpf(10) ** -25
    return (f(x + h) - 2 * f(x) + f(x - h)) / h**2


def forward(f):
    return jax.jit(jax.vmap(jax.jacfwd(f)))


def reverse(f):
    return jax.jit(jax.vmap(jax.grad(f)))


@pytest.mark.parametrize("name", EXACT_T)
def test_function_of_t_and_its_derivatives(name):
    f, exact, tol = getattr(one_loop, name), EXACT_T[name], TOLERANCE[name]
    with mp.workdps(DIGITS):
        points = [mp.mpf(t) for t in T_GRID.tolist()]
        values = [exact(t) for t in points]
        slopes = [derivative(exact, t) for t in points]
        curvatures = [second_derivative(exact, t) for t in points]
        assert worst(jax.jit(f)(jnp.array(T_GRID)), values) < tol
        assert worst(forward(f)(T_GRID), slopes) < tol
        assert worst(reverse(f)(T_GRID), slopes) < tol
        assert worst(reverse(jax.grad(f))(T_GRID), curvatures) < 1e-12


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
    f = getattr(electroweak if name in EXACT_R else one_loop, name)
    assert float(jax.jit(f)(jnp.array(1.0))) == pytest.approx(float(value), rel=1e-15)
    assert float(jax.jit(jax.grad(f))(1.0)) == pytest.approx(float(slope), rel=1e-15)


@pytest.mark.parametrize("name", EXACT_T)
def test_function_of_t_reference_rows(name, reference):
    rows = reference("weak_triplet/loop_t.json")["rows"]
    f, key, tol = getattr(one_loop, name), JSON_NAME[name], TOLERANCE[name]
    t = jnp.array([float(row["t"]) for row in rows])
    with mp.workdps(30):
        assert worst(f(t), [mp.mpf(row[key]) for row in rows]) < tol
        assert worst(reverse(f)(t), [mp.mpf(row["d" + key]) for row in rows]) < tol


def test_the_closed_forms_would_fail_these_tests():
    t = np.array([1.0 + 1e-6])
    with mp.workdps(DIGITS):
        exact = [mp_gm(mp.mpf(t[0].item()))]
    naive = ((1.0 + t) * np.log(t) - 2.0 * (t - 1.0)) / (t - 1.0) ** 3
    assert worst(naive, exact) > 1e-4


def test_weights_of_the_two_masses_add_to_one():
    t = jnp.array(T_GRID)
    total = t * one_loop.G(t) + one_loop.G(1.0 / t) / t
    assert np.abs(np.asarray(total) - 1.0).max() < 1e-14


@pytest.mark.parametrize("name", EXACT_R)
def test_bracket_and_its_derivative(name):
    f, exact = getattr(electroweak, name), EXACT_R[name]
    floor = 1.0 if name == "B_S" else 0.0  # B_S crosses zero near r = 1.5
    with mp.workdps(DIGITS):
        points = [mp.mpf(r) for r in R_GRID.tolist()]
        values = [exact(r) for r in points]
        slopes = [derivative(exact, r) for r in points]
        assert worst(jax.jit(f)(jnp.array(R_GRID)), values, floor) < 1e-13
        assert worst(forward(f)(R_GRID), slopes, floor) < 1e-13
        assert worst(reverse(f)(R_GRID), slopes, floor) < 1e-13
    seams = np.array([1e-12, 1.0, np.nextafter(1, 2), 2.0, 3.0, np.nextafter(3, 4), 1e4])
    assert np.isfinite(np.asarray(reverse(jax.grad(f))(seams))).all()


def test_bracket_reference_rows(reference):
    rows = reference("weak_triplet/loop_r.json")["rows"]
    r = jnp.array([float(row["r"]) for row in rows])
    with mp.workdps(30):
        column = {key: [mp.mpf(row[key]) for row in rows] for key in rows[0]}
        assert worst(electroweak.B_F(r), column["BF"]) < 1e-13
        assert worst(electroweak.B_S(r), column["BS"], floor=1.0) < 1e-13
        assert worst(reverse(electroweak.B_F)(r), column["dBF"]) < 1e-13
        assert worst(reverse(electroweak.B_S)(r), column["dBS"], floor=1.0) < 1e-13
        f_f = [x / y for x, y in zip(column["fF"], r.tolist(), strict=True)]
        assert worst(electroweak.f_F(r) / r, f_f) < 1e-13
        f_s = [x / y for x, y in zip(column["fS"], r.tolist(), strict=True)]
        assert worst(electroweak.f_S(r) / r, f_s, floor=1.0) < 1e-13


def test_scheme_of_the_scalar_bracket():
    r = jnp.array([0.3, 1.0, 20.0])
    difference = electroweak.f_S(r, 2.0) - electroweak.f_S(r)
    np.testing.assert_allclose(difference, r**2 / 2.0, rtol=1e-14)


# Differences of L. Exact by construction: L(e^u) = u/(e^u - 1).
def mp_l(u):
    return mp.mpf(1) if u == 0 else u / mp.expm1(u)


def mp_weight(u):
    """-dL/du."""
    return mp.mpf(1) / 2 if u == 0 else (u * mp.exp(u) - mp.expm1(u)) / mp.expm1(u) ** 2


def second_derivatives_finite(f, *x):
    """Hessian times (1, 1, ...): not finite if any entry is not."""

    def rows(*at):
        argnums = tuple(range(len(at)))
        return jax.jvp(jax.grad(f, argnums), at, tuple(jnp.ones_like(a) for a in at))[1]

    return bool(np.isfinite(np.asarray(jax.jit(jax.vmap(rows))(*x))).all())


def splittings(count=400):
    """Logarithms u and splittings du: all scales, and every seam of the implementation."""
    rng = np.random.default_rng(4)
    sign = rng.choice([-1.0, 1.0], count)
    tiny = 10.0 ** rng.uniform(-15, -3, count)
    wide = rng.uniform(-69, 69, count), sign * 10.0 ** rng.uniform(-20, 1.8, count)
    central = rng.uniform(-3, 3, count), rng.uniform(-3, 3, count)
    unit_du = rng.uniform(-4, 4, count), sign * (1.0 + rng.choice([-1.0, 1.0], count) * tiny)
    du = rng.uniform(-1, 1, count)
    unit_s = sign * (1.0 + rng.choice([-1.0, 1.0], count) * tiny) - du / 2, du
    to_one = du * 20, -du * 20 * (1.0 + rng.choice([-1.0, 0.0, 1.0], count) * tiny)
    corners = np.array([[0, 1], [0, -1], [0, 0.3], [1, -1], [-1, 1], [0.5, -0.25]], float).T
    u, du = np.concatenate([wide, central, unit_du, unit_s, to_one, corners], axis=1)
    return u, du


def test_difference_of_l_and_its_gradient():
    u, du = splittings()
    with mp.workdps(DIGITS):
        pairs = [(mp.mpf(a), mp.mpf(b)) for a, b in zip(u.tolist(), du.tolist(), strict=True)]
        values = [mp_l(a + b) - mp_l(a) for a, b in pairs]
        by_du = [-mp_weight(a + b) for a, b in pairs]
        by_u = [mp_weight(a) - mp_weight(a + b) for a, b in pairs]
        assert worst(jax.jit(one_loop.dL)(jnp.array(u), jnp.array(du)), values) < 1e-14
        for mode in (jax.grad, jax.jacfwd):
            d_u, d_du = jax.jit(jax.vmap(mode(one_loop.dL, (0, 1))))(u, du)
            assert worst(d_du, by_du) < 1e-14
            assert worst(d_u, by_u) < 1e-14
    assert second_derivatives_finite(one_loop.dL, u, du)


def test_difference_of_l_reference_rows(reference):
    rows = reference("weak_triplet/loop_dL.json")["rows"]
    u, du = (jnp.array([float(row[key]) for row in rows]) for key in ("u", "du"))
    with mp.workdps(30):
        assert worst(jax.jit(one_loop.dL)(u, du), [mp.mpf(row["dL"]) for row in rows]) < 1e-14
        slope = jax.jit(jax.vmap(jax.grad(one_loop.dL, 1)))(u, du)
        assert worst(slope, [mp.mpf(row["ddL_ddu"]) for row in rows]) < 1e-14


def test_subtracting_rounded_values_would_fail():
    u, du = jnp.array([0.7]), jnp.array([1e-12])
    with mp.workdps(DIGITS):
        exact = [mp_l(mp.mpf(0.7) + mp.mpf(1e-12)) - mp_l(mp.mpf(0.7))]
    assert worst(one_loop.L(jnp.exp(u + du)) - one_loop.L(jnp.exp(u)), exact) > 1e-5


def test_splitting_of_the_mass_loop():
    rng = np.random.default_rng(5)
    u, du = splittings(60)
    ln_big = rng.uniform(5, 20, u.size)
    share = rng.uniform(0, 1, u.size)  # of du between the two masses, same sign of both weights
    d_m, d_big = share * du, (share - 1.0) * du
    arguments = [ln_big + u, ln_big, d_m, d_big]
    with mp.workdps(DIGITS):
        exact = []
        for m, big, dm, dbig in zip(*[map(mp.mpf, a.tolist()) for a in arguments], strict=True):
            exact.append(mp_l(m + dm - big - dbig) - mp_l(m - big) + dm)
        scale = [abs(x) + abs(y) for x, y in zip(d_m.tolist(), d_big.tolist(), strict=True)]
        got = np.asarray(jax.jit(one_loop.Fsplit)(*map(jnp.array, arguments))).tolist()
        errors = [abs(g - x) / s for g, x, s in zip(got, exact, scale, strict=True)]
        assert max(errors) < 1e-14


def test_equal_splittings_give_the_splitting_itself():
    d = jnp.array([1e-12, -0.4, 3.0])
    np.testing.assert_allclose(one_loop.Fsplit(13.0, 14.5, d, d), d, rtol=1e-15)


def test_splitting_of_one_mass_alone_keeps_relative_accuracy():
    u, du = splittings(60)
    with mp.workdps(DIGITS):
        pairs = [(mp.mpf(a), mp.mpf(b)) for a, b in zip(u.tolist(), du.tolist(), strict=True)]
        of_m = [mp_l(a + b) - mp_l(a) + b for a, b in pairs]
        got = jax.jit(one_loop.Fsplit)(jnp.array(u), 0.0, jnp.array(du), 0.0)
        assert worst(got, of_m) < 1e-14


def test_mass_loop():
    rng = np.random.default_rng(6)
    m, big, mu = 10.0 ** rng.uniform(-3, 6, (3, 200))
    big[:20] = m[:20]
    with mp.workdps(DIGITS):
        exact, scale = [], []
        for x, y, z in zip(*[map(mp.mpf, a.tolist()) for a in (m, big, mu)], strict=True):
            exact.append(mp_l(2 * mp.log(x / y)) + 2 * mp.log(x / z) - 1)
            scale.append(abs(mp.log(x / z)) + abs(mp.log(y / z)) + 1)
        got = np.asarray(one_loop.F(jnp.array(m), jnp.array(big), jnp.array(mu))).tolist()
        assert max(abs(g - x) / s for g, x, s in zip(got, exact, scale, strict=True)) < 1e-14
    np.testing.assert_allclose(jax.grad(one_loop.F)(300.0, 300.0, 91.0), 1.0 / 300.0, rtol=1e-14)
    assert float(one_loop.F(300.0, 700.0, 91.0)) == pytest.approx(
        float(one_loop.F(700.0, 300.0, 91.0))
    )


def test_difference_of_masses_times_l():
    m2, u2 = jnp.array([1e3, 1e3, 5e4]), jnp.array([0.0, 2.0, -7.0])
    dm, du = jnp.array([1e-9, 0.4, 3.0]), jnp.array([-1e-12, 1e-6, 1.5])
    with mp.workdps(DIGITS):
        exact = []
        for m, u, d, e in zip(*[map(mp.mpf, a.tolist()) for a in (m2, u2, dm, du)], strict=True):
            exact.append((m + d) * mp_l(u + e) - m * mp_l(u))
        assert worst(one_loop.mass_split(m2, u2, dm, du), exact) < 1e-14


def test_pair_of_split_scalars():
    rng = np.random.default_rng(7)
    count = 300
    u = np.concatenate([rng.uniform(-40, 40, count), rng.uniform(-3, 3, count)])
    sign = rng.choice([-1.0, 1.0], 2 * count)
    wide, central = 10.0 ** rng.uniform(-16, 1.3, count), rng.uniform(0, 2.5, count)
    delta = sign * np.concatenate([wide, central])
    dbar = rng.choice([-1.0, 1.0], 2 * count) * 10.0 ** rng.uniform(-24, 0, 2 * count)
    delta[::9] = (u + dbar)[::9]  # one scalar at t = 1
    with mp.workdps(DIGITS):
        exact, scale, slope = [], [], []
        for a, b, d in zip(*[map(mp.mpf, x.tolist()) for x in (u, dbar, delta)], strict=True):
            even = (mp_l(a + b + d) + mp_l(a + b - d)) / 2 - mp_l(a + b)
            odd = mp_l(a + b) - mp_l(a)
            exact.append(even + odd)
            scale.append(abs(even) + abs(odd))  # the two may cancel: that is the physics
            slope.append((mp_weight(a + b - d) - mp_weight(a + b + d)) / 2)
        arguments = [jnp.array(x) for x in (u, dbar, delta)]
        got = np.asarray(jax.jit(one_loop.dL_pair)(*arguments)).tolist()
        assert max(abs(g - x) / s for g, x, s in zip(got, exact, scale, strict=True)) < 1e-14
        for mode in (jax.grad, jax.jacfwd):
            assert worst(jax.jit(jax.vmap(mode(one_loop.dL_pair, 2)))(*arguments), slope) < 1e-14
    assert second_derivatives_finite(one_loop.dL_pair, *arguments)


def test_pair_is_even_and_flat_without_splitting():
    assert float(one_loop.dL_pair(0.3, 0.0, 0.0)) == 0.0
    assert float(jax.grad(one_loop.dL_pair, 2)(0.3, 0.0, 0.0)) == 0.0
    up, down = one_loop.dL_pair(0.3, 0.1, 0.2), one_loop.dL_pair(0.3, 0.1, -0.2)
    assert float(up) == pytest.approx(float(down), rel=1e-15)


def test_electroweak_splitting_reference_rows(reference):
    rows, sm = reference("weak_triplet/dm_EW.json")["rows"], made_with("weak_triplet/dm_EW.json")
    kinds = {"F": ("fermion", electroweak.f_F), "S": ("scalar", electroweak.f_S)}
    alpha = 1.0 / sm.alpha_inv_mz
    with mp.workdps(30):
        for row in rows:
            q, q_prime, y = (float(Fraction(row[key])) for key in ("Q", "Qp", "Y"))
            (kind, f), m = kinds[row["kind"]], jnp.array(float(row["m"]))
            got = electroweak.mass_split_ew(kind, m, q, q_prime, y, sm.m_z, sm.m_w, alpha, sm.s2w)
            # W, Z and photon terms may cancel (1/3, -2/3): errors are relative to the terms.
            f_z, f_w = abs(float(f(sm.m_z / m))), abs(float(f(sm.m_w / m)))
            terms = abs(q**2 - q_prime**2) * sm.s2w * f_z
            terms += abs((q - q_prime) * (q + q_prime - 2 * y)) * (f_w + f_z)
            scale = alpha / sm.s2w * float(m) / (4 * np.pi) * terms
            assert abs(float(got) - mp.mpf(row["dm"])) / scale < 1e-14


def test_electroweak_splitting_refuses_another_kind():
    with pytest.raises(InputError, match="no kind 'fermoin'; did you mean 'fermion'"):
        electroweak.mass_split_ew(
            "fermoin", jnp.array(1e3), 1.0, 0.0, 0.5, 91.2, 80.4, 1 / 128, 0.23
        )


@pytest.mark.parametrize("name", [*EXACT_T, *EXACT_R])
def test_vmap_equals_loop(name):
    f = getattr(electroweak if name in EXACT_R else one_loop, name)
    x = jnp.array([1e-6, 0.32, 0.34, 0.999, 1.0, 1.7, 2.0, 2.9, 3.1, 40.0])
    one_by_one = jnp.stack([f(value) for value in x])
    np.testing.assert_allclose(jax.vmap(f)(x), one_by_one, rtol=1e-14)
    np.testing.assert_allclose(f(x.reshape(2, 5)).ravel(), one_by_one, rtol=1e-14)
