"""Loop integrals of the dark sector against 30-digit values, each other, limits and symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.oracles import made_with
from nmmjax.physics import dark_loops
from nmmjax.physics.dark_scalars import scalars_from_masses, scalars_from_matrices
from nmmjax.physics.dark_sector import dark_loops as sector_loops
from nmmjax.physics.dark_sector import lepton_loop

MADE = made_with("dark_dipole/points.json")

EPS = 2.0**-53
MASSES = ("MH1", "MH2", "MA1", "MA2")


@pytest.fixture(scope="module")
def points(reference):
    return reference("dark_dipole/points.json")["points"]


def scalar_arrays(point):
    keys = (*MASSES, "thR", "thI")
    return [jnp.asarray(float(point["inputs"][k])) for k in keys]


def heavy(point):
    return [jnp.asarray(float(point["inputs"][k])) for k in ("m", "mD")]


def yukawas(point):
    rows = point["y_real_imag"]
    return jnp.array([[complex(float(x[0]), float(x[1])) for x in row] for row in rows])


def random_scalars(key, count):
    """Positive definite pairs N +- A over six decades."""
    u = np.random.default_rng(key).uniform(size=(count, 5))
    n1, n2 = 10.0 ** (6.0 * u[:, :2].T - 3.0)
    root = np.sqrt(n1 * n2)
    a = (
        0.8 * n1 * (2 * u[:, 2] - 1),
        0.15 * root * (2 * u[:, 3] - 1),
        0.8 * n2 * (2 * u[:, 4] - 1),
    )
    return [jnp.asarray(x) for x in (n1, n2, *a)]


def test_moment_by_paths_closed_form_and_integral_agree(points):
    """To 1e-11 wherever the naive sum over paths keeps its digits."""

    @jax.jit
    def three_ways(y, g_d, m, m_dirac, masses, theta_r, theta_i):
        sector = scalars_from_masses(*masses, theta_r, theta_i)
        c = sector_loops(sector, m, m_dirac, 192).moment
        given = (y, g_d, m, m_dirac, masses, theta_r, theta_i)
        integral = g_d * c / (128 * np.pi**2) * dark_loops.wedge(y)
        return dark_loops.moment_paths(*given), dark_loops.moment_closed(*given), integral

    compared = 0
    for point in points:
        h1, h2, a1, a2, *angles = scalar_arrays(point)
        given = (yukawas(point), jnp.asarray(0.3), *heavy(point), (h1, h2, a1, a2), *angles)
        paths, closed, integral = three_ways(*given)
        size = jnp.max(jnp.abs(integral))
        if path_terms(*given) * EPS > 1e-12 * size:
            continue
        compared += 1
        assert jnp.max(jnp.abs(closed - integral)) < 1e-11 * size
        assert jnp.max(jnp.abs(paths - integral)) < 1e-11 * size
        # Majorana moments are antisymmetric without being made so.
        assert jnp.max(jnp.abs(paths + paths.T)) < 1e-11 * size
    assert compared >= 12


def path_terms(y, g_d, m, m_dirac, masses, theta_r, theta_i):
    """Size of the largest term in the sum over paths, GeV^-1."""
    y_max = float(jnp.max(jnp.abs(y)))
    loops = [
        abs(float(x * dark_loops.J(jnp.abs(x), h, a)))
        for x in (m - m_dirac, m + m_dirac)
        for h in masses[:2]
        for a in masses[2:]
    ]
    return float(g_d) / (16 * np.pi**2) * y_max**2 / 4.0 * max(loops)


@pytest.mark.slow
def test_sum_over_heavy_states(points):
    """twist-free moment integral against sum M delta_J; K against its reference."""
    for point in points:
        given = {k: float(v) for k, v in point["inputs"].items()}
        s = scalars_from_masses(*scalar_arrays(point))
        m, m_dirac = heavy(point)
        loss = 4 * EPS * max(given["m"], given["mD"]) / abs(given["m"] - given["mD"])
        gaps = [abs(float(x)) for x in point["outputs"]["splittings_GeV2"].values()]
        loss += 4 * EPS * max(given[k] ** 2 for k in MASSES) / min(g for g in gaps if g > 0)
        for convention in ("derived", "as_printed"):
            loops = sector_loops(s, m, m_dirac, 192, convention == "as_printed")
            sine = np.sin(2.0 * (given["thI"] - given["thR"]))
            value = float(point["outputs"][f"sum_M_DJ_{convention}"]) * sine
            assert loops.moment == pytest.approx(value, rel=1e-12 + loss, abs=0)
        k = np.array([[float(x[0]) for x in row] for row in point["outputs"]["K_GeV"]])
        parts = np.abs(loops.mass_r) + np.abs(loops.mass_l)
        assert np.max(np.abs(loops.mass - k)) < (1e-12 + loss) * np.max(parts)


def test_mass_zero_surface_has_a_moment(points):
    for point in (p for p in points if p["label"] == "mass_zero_surface"):
        loops = sector_loops(scalars_from_masses(*scalar_arrays(point)), *heavy(point), 192)
        assert np.max(np.abs(loops.mass)) < 1e-13 * np.max(np.abs(loops.mass_l))
        assert abs(loops.moment) > 1e-3
    # negative control: off the surface the two parts no longer cancel
    h1, h2, a1, a2, *angles = scalar_arrays(point)
    off = sector_loops(scalars_from_masses(h1, 1.1 * h2, a1, 1.1 * a2, *angles), *heavy(point), 192)
    assert np.max(np.abs(off.mass)) > 1e-3 * np.max(np.abs(off.mass_l))


def test_vector_coupling_references(reference):
    for row in reference("dark_dipole/vector_coupling.json")["points"]:
        given = [*row["MH"], *row["MA"], row["thR"], row["thI"]]
        s = scalars_from_masses(*(jnp.asarray(float(x)) for x in given))
        t = sector_loops(s, jnp.asarray(float(row["m"])), jnp.asarray(float(row["mD"])), 192).vector
        ref = np.array([[float(x) for x in line] for line in row["T"]])
        assert np.max(np.abs(t - ref) / np.abs(ref)) < 1e-12


def test_vector_coupling_vanishes_for_unbroken_symmetry():
    """Gauge invariance: T = 0 for m = A = 0, and quadratic in either breaking."""
    zero, m_dirac = jnp.asarray(0.0), jnp.asarray(1.3)
    n1, n2 = jnp.asarray(0.5), jnp.asarray(0.9)

    def size(m, a):
        s = scalars_from_matrices(n1, n2, 0.3 * a, -0.2 * a, 0.1 * a)
        return float(jnp.max(jnp.abs(sector_loops(s, m, m_dirac, 192).vector)))

    assert size(zero, zero) == 0.0
    for breaking in (lambda x: size(zero, x), lambda x: size(0.1 * x, zero)):
        values = [breaking(jnp.asarray(x)) for x in (1e-3, 1e-4)]
        assert values[0] / values[1] == pytest.approx(100.0, rel=1e-3)


def test_relabelling_and_sign_of_the_scalars():
    """S_1 <-> S_2 exchanges rows and columns of K, T and X; S_2 -> -S_2 flips the 12 entries."""
    n1, n2, a11, a12, a22 = random_scalars(1, 50)
    m, m_dirac, m_e = jnp.asarray(0.3), jnp.asarray(2.0), jnp.asarray(50.0)
    swap = np.array([[0, 1], [1, 0]])

    def evaluate(*x):
        s = scalars_from_matrices(*x)
        return sector_loops(s, m, m_dirac, 192), lepton_loop(s, m_e, 192)

    evaluate = jax.jit(jax.vmap(evaluate))
    loops, lepton = evaluate(n1, n2, a11, a12, a22)
    other, other_lepton = evaluate(n2, n1, a22, a12, a11)
    signed, signed_lepton = evaluate(n1, n2, a11, -a12, a22)
    assert np.allclose(other.moment, -loops.moment, rtol=1e-12, atol=0)
    assert np.allclose(signed.moment, -loops.moment, rtol=1e-12, atol=0)
    flip = np.array([[1, -1], [-1, 1]])
    pairs = [
        (getattr(loops, x), getattr(other, x), getattr(signed, x)) for x in ("mass_r", "vector")
    ]
    for here, there, minus in [*pairs, (lepton, other_lepton, signed_lepton)]:
        scale = np.max(np.abs(here), axis=(1, 2), keepdims=True)
        assert np.all(np.abs(there - swap @ here @ swap) < 1e-12 * scale)
        assert np.all(np.abs(minus - flip * np.asarray(here)) < 1e-12 * scale)


def test_dimensions_and_decoupling():
    """C ~ 1/mass, K ~ mass under a common scale; C ~ m_D^-4, K ~ m_D^-2 for a heavy fermion."""
    s = [jnp.asarray(x) for x in (0.5, 0.9, 0.1, 0.2, -0.05)]
    m, m_dirac = jnp.asarray(0.02), jnp.asarray(1.3)

    def loops(factor, m_dirac=m_dirac):
        scalars = scalars_from_matrices(*(factor**2 * x for x in s))
        return sector_loops(scalars, factor * m, factor * m_dirac, 192)

    assert loops(10.0).moment == pytest.approx(0.1 * float(loops(1.0).moment), rel=1e-13)
    assert np.allclose(loops(10.0).mass, 10.0 * loops(1.0).mass, rtol=1e-13, atol=0)
    assert np.allclose(loops(10.0).vector, loops(1.0).vector, rtol=1e-12, atol=0)
    far, farther = loops(1.0, jnp.asarray(1e4)), loops(1.0, jnp.asarray(1e5))
    assert far.moment / farther.moment == pytest.approx(1e4, rel=1e-2)
    ratio = far.mass_l / farther.mass_l
    assert np.all((ratio > 50.0) & (ratio < 101.0))  # up to the logarithm


def test_moment_and_mass_are_odd_in_the_lepton_number_violating_mass():
    s = scalars_from_matrices(*(jnp.asarray(x) for x in (0.5, 0.9, 0.1, 0.2, -0.05)))
    m_dirac = jnp.asarray(1.3)
    plus, minus = (sector_loops(s, jnp.asarray(x), m_dirac, 192) for x in (0.3, -0.3))
    assert plus.moment == pytest.approx(-float(minus.moment), rel=1e-14)
    assert np.allclose(plus.mass, -minus.mass, rtol=1e-13, atol=0)
    small = [sector_loops(s, jnp.asarray(x), m_dirac, 192) for x in (1e-4, 1e-6)]
    assert small[0].moment / small[1].moment == pytest.approx(100.0, rel=1e-6)


def test_small_splittings_follow_f_split():
    m_f = jnp.asarray([0.1, 1.0, 7.0])
    h, a = 1e-5, 3e-5
    value = dark_loops.delta_J(m_f, *(jnp.full(3, x) for x in (1 + h, 1 - h, 1 + a, 1 - a)))
    assert np.allclose(value, 16 * h * a * dark_loops.f_split(m_f**2), rtol=1e-8, atol=0)


def test_heavy_charged_lepton():
    """X -> 1/(3 M_E^2) and the derived over the printed normalisation is 1/4."""
    s = scalars_from_matrices(*(jnp.asarray(x) for x in (0.5, 0.9, 0.1, 0.2, -0.05)))
    m_e = jnp.asarray(1e5)
    x = lepton_loop(s, m_e, 192) * m_e**2
    assert np.allclose(x, np.eye(2) / 3.0, rtol=1e-6, atol=1e-6)
    printed = lepton_loop(s, m_e, 192, printed=True) * m_e**2
    assert np.allclose(printed, np.eye(2) * 4.0 / 3.0, rtol=1e-6, atol=1e-6)


def test_lepton_loop_against_the_sum_over_eigenstates(points):
    """The matrix integral against F(M_E^2/M^2)/M^2 of each scalar."""
    for point in points[:10]:
        h1, h2, a1, a2, theta_r, theta_i = scalar_arrays(point)
        m_e = jnp.asarray(float(point["inputs"]["ME"]))
        total = np.zeros((2, 2))
        for mass_1, mass_2, t in ((h1, h2, theta_r), (a1, a2, theta_i)):
            r = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
            f = [dark_loops.F_lepton((m_e / x) ** 2) / x**2 for x in (mass_1, mass_2)]
            total += r @ np.diag(f) @ r.T
        x = lepton_loop(scalars_from_masses(h1, h2, a1, a2, theta_r, theta_i), m_e, 192)
        assert np.max(np.abs(x - total)) < 1e-13 * np.max(total)


def test_a_single_scale_may_vanish():
    """m = m_dirac (M_1 = 0) and a nearly massless scalar: finite, and continuous."""
    s = scalars_from_matrices(*(jnp.asarray(x) for x in (0.5, 0.9, 0.1, 0.2, -0.05)))
    m = jnp.asarray(0.7)
    exact = sector_loops(s, m, m, 192)
    near = sector_loops(s, m, m * (1 + 1e-9), 192)
    assert np.isfinite(exact.moment)
    assert exact.moment == pytest.approx(float(near.moment), rel=1e-7)
    assert np.allclose(exact.mass, near.mass, rtol=1e-7, atol=0)


def test_mediator_factor_of_the_reference_points(points):
    for point in points:
        mass = jnp.asarray(float(point["inputs"]["mAp"]))
        limit = 2.8e-11 * float(dark_loops.mediator_factor(mass, MADE.m_e, 8.62e-4, 5e-5))
        assert limit == pytest.approx(float(point["outputs"]["borexino_limit_muB"]), rel=1e-14)


@pytest.mark.slow
def test_nodes_in_turn_and_at_once_agree(monkeypatch):
    """A CPU takes the nodes in turn, an accelerator at once: values, slopes, second derivatives."""

    def total(x):
        s = scalars_from_matrices(*x[:5])
        loops, lepton = sector_loops(s, x[5], x[6], 160), lepton_loop(s, x[7], 160)
        return sum(jnp.sum(jnp.log(jnp.abs(part))) for part in (*loops, lepton))

    def found():
        both = jax.value_and_grad(total)
        (value, slopes), (_, curved) = jax.jit(lambda x: jax.jvp(both, (x,), (x,)))(x)
        return value, slopes, curved

    x = jnp.asarray([0.5, 0.9, 0.1, 0.2, -0.05, 0.3, 2.0, 50.0])
    in_turn = found()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    for here, there in zip(in_turn, found(), strict=True):
        assert np.all(np.isfinite(here))
        assert np.allclose(here, there, rtol=0, atol=1e-12 * np.max(np.abs(there)))
