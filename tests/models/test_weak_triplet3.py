"""Three generations of Model-I: against one generation, mpmath, exact symmetries and limits."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.cases import one_quick
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.models import _triplet_lfv as lfv
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.models.weak_triplet3 import loops
from nmmjax.models.weak_triplet3.model import WeakTriplet3
from nmmjax.physics.constants import SM
from nmmjax.physics.moment_loops import N_F, N_S
from nmmjax.physics.one_loop import I_F, I_S
from nmmjax.physics.svd3 import svd3
from nmmjax.target.model import guarded_predict

FLAVOURS = ("e", "mu", "tau")
N = 64  # points a batch
EVERY_TERM = {"rge": True, "lambda_uv": 1e7}
SETTINGS = [
    EVERY_TERM,
    {"n_psi": 2} | EVERY_TERM,
    {"yukawas": "oscillation"} | EVERY_TERM,
    {"yukawas": "oscillation", "ordering": "IO", "n_psi": 2},
]
SOME_SLOW = [*SETTINGS[:3], pytest.param(SETTINGS[3], marks=pytest.mark.slow)]
TERMS = ("dirac", "seesaw", "neutral", "charged", "split", "rge", "cubic")
MOMENTS = ("mu_nu", "mu_nu_leading", "mu_eff_plasmon", "m_nu_naive")


def three(**settings):
    return WeakTriplet3(**settings)


def point(model, **changes):
    return {p: jnp.asarray(x) for p, x in (model.reference | changes).items()}


@functools.cache
def compiled(model):
    """One compilation per model serves the whole file: every batch has N points."""
    return jax.jit(jax.vmap(model.predict))


def predictions(model, columns):
    """Observables at N points, columns first; a single number stands for all of them."""
    full = {p: jnp.asarray(np.broadcast_to(x, (N,))) for p, x in columns.items()}
    return {name: np.asarray(x) for name, x in compiled(model)(full).items()}


def gentle(model, seed):
    """N points around the reference: mild cancellations, nothing degenerate."""
    rng = np.random.default_rng(seed)
    moved = {p: x * np.exp(0.3 * rng.normal(size=N)) for p, x in model.reference.items()}
    for p, x in model.reference.items():
        if p.startswith(("sin2_", "dm2_")):
            moved[p] = x * (1.0 + 0.05 * rng.normal(size=N))
        if "_y_delta_" in p:
            moved[p] = 0.03 * moved[p]
    return moved


def drawn(model, seed=0):
    """N prior draws inside the domain."""
    columns = prior_draws(model, 4 * N, seed)
    margins = jnp.stack(list(jax.vmap(model.domain)(columns).values()))
    chosen = np.flatnonzero(np.all(margins > 0.0, axis=0))[:N]
    return {p: np.asarray(x)[chosen] for p, x in columns.items()}


def prior_draws(model, n, seed=0):
    """n points drawn from the default priors, columns first."""
    keys = jax.random.split(jax.random.key(seed), len(model.parameters))
    columns = {}
    for parameter, key in zip(model.parameters, keys, strict=True):
        units = jax.random.uniform(key, (n, parameter.prior.dims))
        value = jax.vmap(lambda u, prior=parameter.prior: prior.value(prior.from_unit(u)))
        columns[parameter.name] = value(units)
    return columns


def matrix(columns, name, rows, labels):
    """Complex coupling matrices, (N, rows, columns)."""
    re, im = (
        np.array(
            [[np.broadcast_to(columns[f"{p}_{name}_{a}{b}"], (N,)) for b in labels] for a in rows]
        )
        for p in ("re", "im")
    )
    return np.moveaxis(re + 1j * im, -1, 0)


def written(name, rows, labels, values):
    """The inverse of `matrix`: parameters of given entries."""
    found = {}
    for i, a in enumerate(rows):
        for j, b in enumerate(labels):
            found |= {f"re_{name}_{a}{b}": values[:, i, j].real}
            found |= {f"im_{name}_{a}{b}": values[:, i, j].imag}
    return found


# --- one generation inside three ------------------------------------------------------------------


def embedded(rng, flavour_index, n_psi):
    """One-generation points and the same with three generations: (one, three) columns."""
    n = N
    low = {"y_d": -13.5, "y_psi": -4, "y_t": -1, "y_delta": -2, "m_psi": 2.6, "m_phi": 2.6}
    span = {"y_d": 2, "y_psi": 4, "y_t": 1.5, "y_delta": 2, "m_psi": 2.4, "m_phi": 2.4}
    one = {p: 10 ** (low[p] + span[p] * rng.uniform(size=n)) for p in low}
    one |= {"v_s": 10 ** rng.uniform(-12, -4, n), "lambda_hs": rng.uniform(0, 1, n)}
    one |= {"lambda_s": np.full(n, 0.1)}
    model = three(n_psi=n_psi)
    columns = {p: np.zeros(n) for p in model.reference}
    a, nu = FLAVOURS[flavour_index], "2"
    first = "" if n_psi == 1 else "1"
    columns[f"re_y_psi_{a}{first}"] = one["y_psi"]
    columns[f"re_y_delta_{first}{nu}"] = one["y_delta"]
    columns[f"re_y_d_{flavour_index + 1}{nu}"] = one["y_d"]
    if n_psi == 1:
        columns |= {"y_t": one["y_t"], "m_psi": one["m_psi"]}
    else:
        columns |= {"y_t_11": one["y_t"], "y_t_22": 0.3 + columns["y_t_22"]}
        columns |= {"m_psi_1": one["m_psi"], "m_psi_2": 2.0 * one["m_psi"]}
    columns |= {p: one[p] for p in ("m_phi", "v_s", "lambda_hs", "lambda_s")}
    return one, columns


@pytest.mark.parametrize("n_psi", one_quick([1, 2], 1))
@pytest.mark.parametrize("flavour_index", one_quick([0, 1, 2], 1))
def test_one_flavour_reproduces_one_generation(flavour_index, n_psi):
    rng = np.random.default_rng(flavour_index)
    one, columns = embedded(rng, flavour_index, n_psi)
    a = predictions(WeakTriplet(lepton=FLAVOURS[flavour_index], **EVERY_TERM), one)
    b = predictions(three(n_psi=n_psi, **EVERY_TERM), columns)
    sign = np.sign(a["m_nu_total"])
    scale = sum(np.abs(a[f"m_nu_{term}"]) for term in TERMS)
    for term in (*TERMS, "tree", "loop"):
        name = f"m_nu_{term}"
        assert np.max(np.abs(b[name] * sign - a[name]) / np.abs(a[name])) < 1e-12, name
    assert np.max(np.abs(b["m_nu"] - a["m_nu"]) / scale) < 1e-12
    assert np.max(np.abs(b["m_nu_1"]) + np.abs(b["m_nu_2"])) == 0.0
    tuning = scale / a["m_nu"]
    assert np.max(np.abs(b["tuning_cancel"] / tuning - 1.0) / tuning) < 1e-12
    # the second triplet, decoupled but heavier, would count in m_nu_naive
    moments = MOMENTS if n_psi == 1 else MOMENTS[:-1]
    names = {*moments, "theta_sq", f"eta_{FLAVOURS[flavour_index] * 2}", "tuning_rge", "rho0"}
    for name in names:
        assert np.max(np.abs(b[name] / a[name] - 1.0)) < 1e-12, name
    seen = ("mu_eff_reactor", "mu_eff_numu", "mu_eff_nutau")[flavour_index]
    assert np.max(np.abs(b[seen] / a["mu_nu"] - 1.0)) < 1e-12


# --- exact diagonalisation ------------------------------------------------------------------------


def mass_matrices(m_d, m_h, m_s, m_psi, m_e):
    """M_N and M_E, 3 + n, at working precision."""
    n = m_psi.rows
    neutral, charged = mp.matrix(3 + n), mp.matrix(3 + n)
    for i in range(3):
        for j in range(3):
            neutral[i, j], charged[i, j] = m_d[i, j], m_e[i, j]
        for j in range(n):
            neutral[i, 3 + j], charged[i, 3 + j] = m_h[i, j], mp.sqrt(2) * m_h[i, j]
            neutral[3 + j, i] = m_s[j, i]
    for i in range(n):
        for j in range(n):
            neutral[3 + i, 3 + j] = charged[3 + i, 3 + j] = m_psi[i, j]
    return neutral, charged


def rotations(m):
    """(values ascending, U, V) of M = U diag V^dagger."""
    u, values, v_dag = mp.svd_c(m)
    order = sorted(range(m.rows), key=lambda i: values[i])
    left = mp.matrix(m.rows)
    right = mp.matrix(m.rows)
    for new, old in enumerate(order):
        left[:, new] = u[:, old]
        right[:, new] = v_dag.H[:, old]
    return [values[i] for i in order], left, right


def root(m):
    """Hermitian square root by eigenvectors."""
    values, vectors = mp.eighe(m)
    return vectors * mp.diag([mp.sqrt(x) for x in values]) * vectors.H


def charged_lepton_block(m_h, m_psi, masses):
    """m_E whose light charged leptons are e, mu, tau in the flavour basis, to m_l^2/m_psi^2."""
    theta = m_h * m_psi**-1
    wide = root(mp.eye(3) + 2 * theta * theta.H)
    return wide * mp.diag(masses)


@pytest.fixture(scope="module")
def heavy_mixing():
    """A point with large Theta, two triplets, and its exact rotations at 60 digits."""
    rng = np.random.default_rng(7)
    theta = 0.15 * (rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)))
    m_psi = np.array([800.0, 1900.0])
    with mp.workdps(60):
        heavy = mp.diag([mp.mpf(x) for x in m_psi])
        m_h = mp.matrix(theta.tolist()) * heavy
        m_s = mp.matrix((1e-9 * rng.normal(size=(2, 3))).tolist())
        m_d = mp.matrix((1e-10 * rng.normal(size=(3, 3))).tolist())
        leptons = [mp.mpf(SM.m_e) / 1e6, mp.mpf(SM.m_mu) / 1e6, mp.mpf(SM.m_tau) / 1e6]
        neutral, charged = mass_matrices(
            m_d, m_h, m_s, heavy, charged_lepton_block(m_h, heavy, leptons)
        )
        nu, e = rotations(neutral), rotations(charged)
    return {"theta": theta, "m_psi": m_psi, "m_d": m_d, "m_s": m_s, "nu": nu, "e": e}


def test_full_mixing_is_unitary_and_the_charged_current_is_not(heavy_mixing):
    """U_CC = E^dag N + sqrt2 E_Psi^dag N_Psi of the exact rotations against N (PMNS)."""
    with mp.workdps(60):
        (_, n_l, n_r), (_, e_l, _) = heavy_mixing["nu"], heavy_mixing["e"]
        for rotation in (n_l, n_r, e_l):
            assert mp.norm(rotation.H * rotation - mp.eye(5)) < mp.mpf(10) ** -50
        u_cc = e_l[:3, :3].H * n_l[:3, :3] + mp.sqrt(2) * e_l[3:, :3].H * n_l[3:, :3]
        gram = np.array((u_cc * u_cc.H).tolist(), dtype=complex)
    # Phases of the mass states drop out of the product of |entries| and of U U^dag in modulus.
    expected = np.asarray(loops.charged_current(jnp.asarray(heavy_mixing["theta"])))
    found = expected @ expected
    assert np.max(np.abs(np.abs(gram) - np.abs(found))) < 1e-11
    assert np.max(np.abs(expected - expected.conj().T)) < 1e-15
    square = heavy_mixing["theta"] @ heavy_mixing["theta"].conj().T
    assert np.linalg.norm(found - np.eye(3) - square) < np.linalg.norm(square) ** 2
    assert np.linalg.norm(found - np.eye(3)) > 0.5 * np.linalg.norm(square)  # not unitary


def test_enhancement_of_the_charged_current_in_one_flavour():
    """U_CC = 1 + |Theta|^2/2: opposite to the mixing with a singlet."""
    for size in (1e-2, 1e-3):
        theta = jnp.array([[0.0], [size], [0.0]], dtype=complex)
        excess = np.asarray(loops.charged_current(theta)) - np.eye(3)
        assert excess[1, 1].real / (0.5 * size**2) == pytest.approx(1.0, abs=3.0 * size**2)
        assert np.abs(excess[[0, 2]]).max() == 0.0


def test_kernels_of_two_triplets_by_the_undiagonalised_charged_mass_matrix():
    """Momentum integrals of the 5 x 5 matrix M_E itself, on a finer and wider grid."""
    rng = np.random.default_rng(11)
    theta = 0.2 * (rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)))
    m_psi, m_phi = np.array([600.0, 1700.0]), 1100.0
    values, vectors = np.linalg.eigh(np.eye(3) + 2.0 * theta @ theta.conj().T)
    wide = (vectors * np.sqrt(values)) @ vectors.conj().T
    leptons = np.diag([SM.m_e, SM.m_mu, SM.m_tau])
    m_e = np.zeros((5, 5), dtype=complex)
    m_e[:3, :3], m_e[:3, 3:], m_e[3:, 3:] = (
        wide @ leptons,
        np.sqrt(2) * theta * m_psi,
        np.diag(m_psi),
    )
    step = 0.2
    k2 = m_phi**2 * np.exp(np.arange(-60.0, 60.0, step))[:, None, None]
    weight = step * k2 * k2 / (k2 + m_phi**2)
    mixed = np.linalg.inv(k2 * np.eye(5) + m_e.conj().T @ m_e)
    bare = np.linalg.inv(k2 * np.eye(2) + np.diag(m_psi**2))
    split = np.sum(weight * (mixed[:, 3:, 3:] - bare), axis=0) * m_psi
    dipole = np.sum(weight * ((mixed @ mixed)[:, 3:, 3:] + bare @ bare), axis=0) * m_psi
    charged = loops.charged_leptons(jnp.asarray(theta), jnp.asarray(m_psi), SM)
    found = loops.kernels(charged, jnp.asarray(m_psi), jnp.asarray(m_phi))
    # (m_tau/m_psi)^2 = 9e-6 enters to first order in Theta^2; off the diagonal not to Theta^4
    assert np.max(np.abs(found.split / split - 1.0)) < 5e-7
    assert np.max(np.abs(found.dipole / dipole - 1.0)) < 5e-7
    massless = loops.Charged(charged.delta, 0.0 * charged.light, charged.masses)
    control = loops.kernels(massless, jnp.asarray(m_psi), jnp.asarray(m_phi))
    assert np.max(np.abs(control.split / split - 1.0)) > 2e-6


# --- lepton-flavour violation ---------------------------------------------------------------------


def vertex_integrals(r, kind):
    """(even, odd) Feynman integrals at light external leptons, r = m_F^2/M^2 (Leveille)."""
    even, odd, below = {
        "Z": (
            lambda x: 2 * x * (1 - x) * (x - 2) - r * x**2 * (1 + x),
            lambda x: 4 * x * (1 - x) + r * x**2,
            lambda x: 1 - x + r * x,
        ),
        "W": (
            lambda x: 2 * x**2 * (1 + x) + r * x * (1 - x) * (2 - x),
            lambda x: -4 * x**2 - r * x * (1 - x),
            lambda x: r * (1 - x) + x,
        ),
        "neutral": (lambda x: x**2 - x**3, lambda x: x**2, lambda x: 1 - x + r * x),
        "charged": (
            lambda x: x**3 - x**2,
            lambda x: x**2 - x,
            lambda x: r * (1 - x) + x,
        ),
    }[kind]
    cuts = [0, mp.mpf("1e-4"), mp.mpf("0.03"), mp.mpf("0.5"), mp.mpf("0.97"), 1 - mp.mpf("1e-4"), 1]
    return tuple(mp.quad(lambda x, n=n: n(x) / below(x), cuts) for n in (even, odd))


def summed(left, right, masses, boson, kind, m_l):
    """A_emu of one boson: L L^dag even/2 + L R^dag m_F odd/m_l, over 16 pi^2 M^2."""
    total = mp.mpf(0)
    for l_e, l_mu, r_mu, mass in zip(left[0], left[1], right[1], masses, strict=True):
        even, odd = vertex_integrals((mass / boson) ** 2, kind)
        total += l_e * mp.conj(l_mu) * even / 2 + l_e * mp.conj(r_mu) * odd * mass / m_l
    return total / (16 * mp.pi**2 * boson**2)


def rows_of(m):
    return [[m[i, j] for j in range(m.cols)] for i in range(m.rows)]


def exact_emu_dipole(theta, m_psi, y_t, m_phi):
    """A_emu with the couplings of exact 4 x 4 rotations, for a muon so light that only Theta^2,
    not (m_mu/m_Z)^2 ln(m_Z/m_mu) = 3e-5, is left of the corrections.
    """
    with mp.workdps(40):
        m, v, m_mu = mp.mpf(m_psi), mp.mpf(SM.v_h), mp.mpf(SM.m_mu) / 100
        heavy, x = mp.matrix([[m]]), mp.matrix([[mp.mpc(complex(z))] for z in theta])
        m_h = x * m
        # e far lighter than mu, so that flips on its leg drop out, as in the formula
        block = charged_lepton_block(m_h, heavy, [m_mu / 10**12, m_mu, 17 * m_mu])
        none = mp.zeros(3)
        neutral, charged = mass_matrices(none, m_h, mp.matrix(1, 3), heavy, block)
        masses, e_l, e_r = rotations(charged)
        _, n_l, n_r = rotations(neutral)
        g_sq = 8 * mp.mpf(SM.m_w) ** 2 * mp.mpf(SM.g_f) / mp.sqrt(2)
        n_masses = [mp.mpf(0)] * 3 + [mp.sqrt(m**2 + (m_h.H * m_h)[0, 0])]
        # W: lbar gamma (L P_L + R P_R) N
        cc = mp.diag([1, 1, 1, mp.sqrt(2)])
        w_l, w_r = e_l.H * cc * n_l, e_r.H * mp.diag([0, 0, 0, mp.sqrt(2)]) * n_r
        total = g_sq / 2 * summed(rows_of(w_l), rows_of(w_r), n_masses, mp.mpf(SM.m_w), "W", m_mu)
        s2 = mp.mpf(SM.s2w)
        z_l = e_l.H * mp.diag([-0.5, -0.5, -0.5, -1]) * e_l + s2 * mp.eye(4)
        z_r = e_r.H * mp.diag([0, 0, 0, -1]) * e_r + s2 * mp.eye(4)
        weak = g_sq * (mp.mpf(SM.m_z) / mp.mpf(SM.m_w)) ** 2
        total += weak * summed(rows_of(z_l), rows_of(z_r), masses, mp.mpf(SM.m_z), "Z", m_mu)
        yukawa = e_l.H * (charged - mp.diag([0, 0, 0, m])) * e_r / (mp.sqrt(2) * v)
        pair = (rows_of(yukawa), rows_of(yukawa.H))
        total += summed(*pair, masses, mp.mpf(SM.m_h), "neutral", m_mu)
        unit = mp.diag([0, 0, 0, mp.mpf(y_t) / mp.sqrt(2)])
        s_0 = -e_l.H * unit * e_r
        total += summed(rows_of(s_0), rows_of(s_0.H), masses, mp.mpf(m_phi), "neutral", m_mu)
        left, right = e_l.H * unit * n_r, e_r.H * unit * n_l
        total += summed(rows_of(left), rows_of(right), n_masses, mp.mpf(m_phi), "charged", m_mu)
        return complex(total)


@pytest.mark.parametrize("y_t", [0.0, 3.0])
def test_dipole_against_exact_rotations_and_vertex_integrals(y_t):
    m_psi, m_phi = 700.0, 1300.0
    mixing = np.array([1e-4, 0.7e-4 + 0.4e-4j, 0.5e-4j])
    exact = exact_emu_dipole(mixing, m_psi, y_t, m_phi)
    args = (jnp.array([m_psi]), jnp.array([[y_t]]), jnp.asarray(m_phi), SM)
    found = lfv.dipoles(jnp.asarray(mixing)[:, None], *args)[0, 1]
    # leading order in Theta^2 = 2e-8
    assert abs(found) / abs(exact) == pytest.approx(1.0, abs=3e-6)
    wrong = lfv.dipoles(1.01 * jnp.asarray(mixing)[:, None], *args)[0, 1]
    assert abs(wrong) / abs(exact) != pytest.approx(1.0, abs=1e-3)


def abada_functions(x):
    """A, B, C that vanish for heavy triplets, as remembered from arXiv:0803.0481."""
    log, d = mp.log(x), 3 * (x - 1) ** 4
    return (
        (-30 + 153 * x - 198 * x**2 + 75 * x**3 + 18 * (4 - 3 * x) * x**2 * log) / d,
        (33 - 18 * x - 45 * x**2 + 30 * x**3 + 18 * (4 - 3 * x) * x * log) / d,
        (-7 + 12 * x + 3 * x**2 - 8 * x**3 + 6 * (3 * x - 2) * x * log) / d,
    )


def test_gauge_amplitude_closed_form():
    m_psi = np.array([100.0, SM.m_w, SM.m_h, 126.0, 300.0, 1e3, 1e4, 1e6])
    found = 4.0 * np.asarray(lfv.gauge_amplitude(jnp.asarray(m_psi), SM))
    with mp.workdps(60):
        for value, m in zip(found, m_psi, strict=True):
            x = [(mp.mpf(float(m)) / mp.mpf(b)) ** 2 for b in (SM.m_w, SM.m_z, SM.m_h)]
            x = [y + mp.mpf(10) ** -12 * (y == 1) for y in x]
            exact = -mp.mpf(16) / 3 * mp.mpf(SM.s2w)
            exact += sum(abada_functions(y)[i] for i, y in enumerate(x))
            assert value == pytest.approx(
                float(exact), rel=1e-11 if min(abs(y - 1) for y in x) < 1e-6 else 3e-14
            )
    slope = jax.vmap(jax.grad(lambda m: lfv.gauge_amplitude(m[None], SM)[0]))(jnp.asarray(m_psi))
    assert np.all(np.isfinite(slope))
    # A ~ -18 (m_W/m)^2 ln(m/m_W)^2 = 2e-6 is what is left at 1e6 GeV
    assert found[-1] == pytest.approx(-16.0 / 3.0 * SM.s2w, rel=1e-5)


def test_heavy_limit_of_the_gauge_amplitude_from_textbook_pieces():
    """10/3 - 8/3 + 14/3 - (16/3)(1 + s_W^2) without any vector-boson integral.

    Light leptons: W and Z in the muon's g-2, 10/3 and -(16/3)(g_L^2 + g_R^2) + 16 g_L g_R in units
    of G_F m^2/(8 sqrt2 pi^2), with one vertex made flavour changing. Triplets: far above the weak
    scale W, Z, h are the massless doublet, and l couples to n H^- by y/sqrt2, to m H0* by y; e_R
    couples to n and m by their mixing with nu and l, which flips the chirality by
    y_e Theta m_psi, y_e sqrt2 Theta m_psi. The same rule gives a singlet its 4/3.
    """
    t = jnp.asarray(1e12)
    even_f, even_s, flip_f, flip_s = (float(t * f(t)) for f in (N_F, N_S, I_F, I_S))

    def heavy(q_f, q_s, square, product):
        """4 b per |Theta|^2 = y^2 v_H^2/m^2: photon on the fermion and on the scalar."""
        fermion, scalar = (
            0.5 * e * square + f * product for e, f in ((even_f, flip_f), (even_s, flip_s))
        )
        return 4.0 * (q_s * scalar - q_f * fermion)

    singlet = heavy(0.0, -1.0, 1.0, -1.0)  # opposite sign of the charged member of H-tilde
    assert singlet == pytest.approx(4.0 / 3.0, rel=1e-9)
    charged, neutral = 2.0 * heavy(0.0, -1.0, 0.5, 0.5), 2.0 * heavy(-1.0, 0.0, 1.0, 1.0)
    assert (charged, neutral) == pytest.approx((-8.0 / 3.0, 14.0 / 3.0), rel=1e-9)
    g_l, g_r = SM.s2w - 0.5, SM.s2w
    z = 16.0 / 3.0 * 2.0 * g_l - 16.0 * g_r  # times -g_emu = Theta Theta^dag
    found = 4.0 * float(lfv.gauge_amplitude(jnp.array([1e7]), SM)[0])
    assert found == pytest.approx(10.0 / 3.0 + charged + neutral + z, rel=1e-6)


def test_tree_level_rates():
    """Ratios that the couplings fix, and the values flavio 2.7.1 gives without running."""
    mixing = jnp.array([[1e-3], [1e-3], [1e-3]], dtype=complex)
    args = (jnp.array([1e3]), jnp.array([[0.0]]), jnp.asarray(1e3), SM)
    found = lfv.observables(lfv.dipoles(mixing, *args), lfv.z_couplings(mixing), SM)
    g_l, g_r = SM.s2w - 0.5, SM.s2w
    assert float(found["br_mu_3e"]) == pytest.approx(4e-12 * (2 * g_l**2 + g_r**2), rel=1e-14)
    assert float(found["br_tau_3mu"] / found["br_mu_3e"]) == pytest.approx(SM.br_tau_mununu)
    assert float(found["br_tau_3e"] / found["br_mu_3e"]) == pytest.approx(SM.br_tau_enunu)
    for nucleus, rate in (("au", 3.20402522e-11), ("al", 7.9915385e-12), ("ti", 1.61462660e-11)):
        assert float(found[f"cr_mu_e_{nucleus}"]) == pytest.approx(rate, rel=1e-7)
    assert float(found["br_mu_e_gamma"] / found["br_mu_3e"]) < 0.01


def test_lepton_flavour_is_conserved_by_one_flavour():
    model = three(**EVERY_TERM)
    muon_only = {p: 0.0 for p in model.reference if p[3:] in ("y_psi_e", "y_psi_tau")}
    found = predictions(model, model.reference | muon_only)
    for name in found:
        if name.startswith(("br_", "cr_")):
            assert np.all(found[name] == 0.0), name
    assert found["delta_a_mu"][0] < 0.0


# --- masses and mixing as inputs ------------------------------------------------------------------


def solved_y_d(model, columns):
    """The Dirac Yukawas that oscillation mode finds, as parameters of free mode."""
    full = {p: jnp.asarray(np.broadcast_to(x, (N,))) for p, x in columns.items()}
    y_d = jax.jit(jax.vmap(model.dirac_yukawas))(full)
    return written("y_d", "123", "123", np.asarray(y_d))


@pytest.mark.parametrize("settings", SOME_SLOW[2:])
def test_solved_yukawas_give_back_the_oscillation_parameters(settings):
    """Solved y_d fed to free mode: tree by the Schur form + loops, then a singular-value step."""
    model = three(**settings)
    columns = gentle(model, 5)
    wanted = predictions(model, columns)
    y_d = solved_y_d(model, columns)
    free = three(**(settings | {"yukawas": "free"}))
    kept = {p: x for p, x in columns.items() if p in free.reference}
    found = predictions(free, kept | y_d)
    # y_d is rounded: what it cancels returns as eps times the cancellation, over the splittings
    rounding = 1e-15 * wanted["tuning_cancel"] * wanted["m_nu"]
    smallest = wanted["m_nu_1" if model.ordering == "NO" else "m_nu_3"]
    good = rounding < 1e-11 * smallest
    assert good.sum() > N // 2
    for name in ("m_nu_1", "m_nu_2", "m_nu_3", "m_nu", "sum_m_nu", "m_beta"):
        assert np.max(np.abs(found[name] / wanted[name] - 1.0)[good]) < 1e-10, name
    for name in ("sin2_th12", "sin2_th23", "sin2_th13", "dm2_21", "dm2_3l"):
        assert np.max(np.abs(found[name] / columns[name] - 1.0)[good]) < 1e-9, name
    turn = np.angle(np.exp(1j * (found["delta_cp"] - columns["delta_cp"])))
    assert np.max(np.abs(turn[good])) < 1e-9
    for name in ("mu_nu", "mu_eff_solar", "mu_nu_13", "mu_nu_emu", "y_d_max", "tuning_cancel"):
        assert np.max(np.abs(found[name] / wanted[name] - 1.0)[good]) < 1e-9, name
    moved = predictions(free, kept | {p: 1.001 * x for p, x in y_d.items()})
    assert np.median(np.abs(moved["m_nu"] / wanted["m_nu"] - 1.0)) > 1e-4  # negative control


@pytest.mark.parametrize("settings", SOME_SLOW)
def test_named_terms_add_up_to_the_heaviest_mass(settings):
    model = three(**settings)
    found = predictions(model, drawn(model, 1))
    counted = [t for t in TERMS if settings.get("rge") or t not in ("rge", "cubic")]
    terms = np.stack([found[f"m_nu_{t}"] for t in counted])
    size = found["tuning_cancel"] * found["m_nu"]
    assert np.max(np.abs(terms.sum(axis=0) - found["m_nu"]) / size) < 1e-13
    assert np.all(np.abs(terms).sum(axis=0) < 3.1 * size)
    assert np.all(found["m_nu"] == np.maximum(found["m_nu_2"], found["m_nu_3"]))


# --- symmetries -----------------------------------------------------------------------------------


def unitary(rng, n):
    z = rng.normal(size=(N, n, n)) + 1j * rng.normal(size=(N, n, n))
    return np.linalg.qr(z)[0]


def rotated(columns, model, left, right, psi):
    """Couplings after L -> left L, nu_R -> right nu_R, Psi -> diag(psi) Psi."""
    triplets = ("",) if model.n_psi == 1 else ("1", "2")
    y_psi = matrix(columns, "y_psi", FLAVOURS, triplets)
    y_delta = matrix(columns, "y_delta", triplets, "123")
    y_d = matrix(columns, "y_d", "123", "123")
    r_dag = right.conj().swapaxes(1, 2)
    return (
        columns
        | written("y_psi", FLAVOURS, triplets, left[:, :, None] * y_psi * psi.conj()[:, None, :])
        | written("y_delta", triplets, "123", psi[:, :, None] * y_delta @ r_dag)
        | written("y_d", "123", "123", left[:, :, None] * y_d @ r_dag)
    )


@pytest.mark.parametrize("n_psi", [1, 2])
def test_rephasing_and_nu_r_rotations_change_nothing(n_psi):
    model = three(n_psi=n_psi, **EVERY_TERM)
    rng = np.random.default_rng(3)
    columns = gentle(model, 2)
    phases = np.exp(2j * np.pi * rng.uniform(size=(N, 4)))
    psi = np.repeat(phases[:, 3:], n_psi, axis=1)  # y_T is real: one phase for both triplets
    moved = rotated(columns, model, phases[:, :3], unitary(rng, 3), psi)
    a, b = predictions(model, columns), predictions(model, moved)
    loose = 1e-13 * a["tuning_cancel"] * a["m_nu"] / a["m_nu_1"]
    clean = loose < 1e-10
    assert clean.sum() > N // 2
    for name in ("mu_nu", "mu_eff_reactor", "mu_eff_numu", "theta_sq", "eta_emu", "br_mu_3e"):
        assert np.max(np.abs(b[name] / a[name] - 1.0)) < 1e-12, name
    for name in ("m_nu_1", "m_nu_2", "m_nu_3", "mu_nu_12", "mu_nu_33", "mu_nu_etau", "sin2_th13"):
        assert np.max(np.abs(b[name] / a[name] - 1.0)[clean]) < 1e-8, name
    control = columns | {"re_y_psi_e": -columns["re_y_psi_e"]} if n_psi == 1 else None
    if control is not None:  # conjugating one coupling is no symmetry
        assert np.max(np.abs(predictions(model, control)["m_nu_1"] / a["m_nu_1"] - 1.0)) > 1e-3


def test_relabelling_the_triplets_changes_nothing():
    model = three(**SETTINGS[1])
    columns = drawn(model, 4)
    swap = str.maketrans("12", "21")

    def relabelled(name):
        if name.startswith(("y_t_", "m_psi_")):
            return name.translate(swap)
        if "_y_psi_" in name:
            return name[:-1] + name[-1].translate(swap)
        if "_y_delta_" in name:
            return name[:-2] + name[-2].translate(swap) + name[-1]
        return name

    moved = {p: columns[relabelled(p)] for p in columns}
    a, b = predictions(model, columns), predictions(model, moved)
    for name in ("mu_nu", "mu_eff_numu", "theta_sq", "eta_emu", "br_mu_e_gamma", "m_triplet"):
        assert np.max(np.abs(b[name] / a[name] - 1.0)) < 1e-12, name
    bound = 1e-12 * np.maximum(a["tuning_cancel"], 1.0)
    assert np.all(np.abs(b["m_nu"] / a["m_nu"] - 1.0) < bound)


def test_one_triplet_gives_rank_one_and_two_give_rank_two():
    """With y_d = 0 every term of n triplets has rank n, and the moment too."""
    model = three(**EVERY_TERM)
    none = {p: np.zeros(N) for p in model.reference if "_y_d_" in p}
    found = predictions(model, drawn(model, 6) | none)
    assert np.all(found["m_nu_2"] < 1e-14 * found["m_nu_3"])
    outer = found["mu_eff_reactor"] * found["mu_eff_numu"]
    assert np.all(outer > 0.0)
    entries = found["mu_nu_12"] * found["mu_nu_21"] - found["mu_nu_11"] * found["mu_nu_22"]
    assert np.max(np.abs(entries) / found["mu_nu"] ** 2) < 1e-13
    for name, values in found.items():
        assert np.all(np.isfinite(values)), name
    two = three(**SETTINGS[1])
    none = {p: np.zeros(N) for p in two.reference if "_y_d_" in p}
    found = predictions(two, drawn(two, 6) | none)
    assert np.all(found["m_nu_1"] < 1e-14 * found["m_nu_3"])
    assert np.median(found["m_nu_2"] / found["m_nu_3"]) > 1e-6


def test_decoupling_powers():
    """Moment, split, mixing and l -> 3l' as M^-2, M^-2, M^-2, M^-4; the seesaw as M^-1."""
    model = three(**SETTINGS[1])
    none = {p: 0.0 for p in model.reference if "_y_d_" in p}
    base = {p: np.full(N, x) for p, x in (model.reference | none | {"lambda_hs": 0.0}).items()}
    scale = np.geomspace(1.0, 10.0, N)
    heavy = {p: base[p] * 3.0 * scale for p in ("m_psi_1", "m_psi_2", "m_phi")}
    found = predictions(model, base | heavy)

    def power(name):
        return np.log10(np.abs(found[name][-1] / found[name][0]))

    for name, expected in (("mu_nu", -2), ("theta_sq", -2), ("eta_emu", -2), ("br_mu_3e", -4)):
        assert power(name) == pytest.approx(expected, abs=1e-4), name
    assert power("cr_mu_e_au") == pytest.approx(-4, abs=1e-4)
    assert power("br_mu_e_gamma") == pytest.approx(-4, abs=0.5)


# --- the contract ---------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", SETTINGS)
def test_observables_are_in_the_catalogue_and_scalar(settings):
    model = three(**settings)
    assert set(model.reference) == {p.name for p in model.parameters}
    found = jax.eval_shape(model.predict, point(model))
    assert all(value.shape == () for value in found.values())
    assert all(quantity(name) for name in found)
    assert all(float(margin) > 0.0 for margin in model.domain(point(model)).values())
    assert not set(found) & set(model.reference)
    assert (model.mass_terms, model.ratios, model.rescaling) == ((), (), None)
    assert jax.tree.leaves(model) == []


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS)
def test_values_and_gradients_are_finite_on_the_prior(settings):
    model = three(**settings)
    columns = prior_draws(model, 20_000)

    def seen(theta):
        found, inside = guarded_predict(model, theta)
        total = sum(jnp.log(found[n]) for n in ("m_nu", "mu_nu", "mu_eff_solar", "br_mu_3e"))
        total += sum(found[n] for n in ("m_beta", "sum_m_nu", "mu_nu_12", "theta_sq", "eta_emu"))
        return total + jnp.log(found["br_mu_e_gamma"]), (found, inside)

    gradient, (found, inside) = jax.jit(jax.vmap(jax.grad(seen, has_aux=True)))(columns)
    assert 0.3 < np.mean(inside) < 1.0
    for name, value in (found | gradient).items():
        assert np.all(np.isfinite(value)), name


def test_domain_margins_fail_where_they_must():
    free, solved = three(), three(yukawas="oscillation", ordering="IO")
    assert float(free.domain(point(free, m_psi=1.0))["m_psi"]) < 0.0
    assert float(free.domain(point(free, v_s=3.0, m_phi=1e5))["det_m0"]) < 0.0
    assert float(solved.domain(point(solved, sin2_th12=1.2))["sin2_th12"]) < 0.0
    assert float(solved.domain(point(solved, dm2_21=-1e-5))["dm2_21"]) < 0.0
    assert float(solved.domain(point(solved, dm2_3l=-1e-5))["dm2_3l"]) < 0.0
    normal = three(yukawas="oscillation")
    assert float(normal.domain(point(normal, dm2_3l=-1e-3))["dm2_3l"]) < 0.0


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"n_psi": 3}, "n_psi = 3 given; it is 1 or 2"),
        ({"n_psi": True}, "n_psi = true given; it is 1 or 2"),
        ({"yukawas": "oscilation"}, "it is 'free' or 'oscillation'"),
        ({"ordering": "xo"}, "ordering = 'xo' given; it is 'NO' or 'IO'"),
        ({"generations": 1}, "it is 3 (one generation is the model weak_triplet)"),
    ],
)
def test_bad_settings_fail_in_one_line(settings, hint):
    with pytest.raises(InputError) as caught:
        WeakTriplet3(**settings)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


# --- singular values ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matrices():
    """Generic, graded, rank-one, degenerate and empty matrices."""
    rng = np.random.default_rng(1)
    m = rng.normal(size=(600, 3, 3)) + 1j * rng.normal(size=(600, 3, 3))
    m[:200] *= 10.0 ** rng.uniform(-9, 0, size=(200, 1, 3))
    m[200:300] = m[200:300, :, :1] * m[200:300, :1, :]
    m[300:310] = unitary(rng, 3)[:10]
    m[310] = 0.0
    m[311:320, :, 1] = 0.0
    return m


def test_svd3_reproduces_the_matrix(matrices):
    values, u, v = (np.asarray(x) for x in jax.jit(jax.vmap(svd3))(jnp.asarray(matrices)))
    scale = np.maximum(np.abs(matrices).max(axis=(1, 2)), 1e-300)
    back = u * values[:, None, :] @ v.conj().swapaxes(1, 2)
    assert np.max(np.abs(back - matrices).max(axis=(1, 2)) / scale) < 4e-15
    for w in (u, v):
        assert np.max(np.abs(w.conj().swapaxes(1, 2) @ w - np.eye(3))) < 4e-15
    with mp.workdps(40):
        for i in range(0, 20):
            exact = mp.svd_c(mp.matrix(matrices[i].tolist()), compute_uv=False)
            exact = sorted(float(x) for x in exact)
            assert values[i] == pytest.approx(exact, rel=1e-14)


def test_svd3_derivatives():
    rng = np.random.default_rng(2)
    m, dm, q = rng.normal(size=(3, 3, 3)) + 1j * rng.normal(size=(3, 3, 3))

    def invariants(m):
        values, u, v = svd3(m)
        return jnp.concatenate(
            [values, jnp.abs(u.conj().T @ q @ v).ravel(), jnp.abs(q @ v @ u.conj().T).ravel()]
        )

    _, slope = jax.jvp(invariants, (jnp.asarray(m),), (jnp.asarray(dm),))
    step = 1e-3  # fourth-order difference: error step^4
    ahead = [invariants(jnp.asarray(m + k * step * dm)) for k in (-2, -1, 1, 2)]
    expected = (ahead[0] - 8.0 * ahead[1] + 8.0 * ahead[2] - ahead[3]) / (12.0 * step)
    assert np.max(np.abs(slope - expected)) < 1e-9
