"""Three generations of Model-I from the Lagrangian: full mass matrices, full singular values.

    M_E = [[m_E, y_psi v_H], [0, m_psi]]
    M_N = [[y_D v_H + n, y_psi v_H/sqrt2], [y_delta v_s + l, m_psi]]

with the loops n (neutral and charged scalars, light neutrinos outside) and l (y_T, from the
triplet that mixes with e, mu, tau). Nothing is expanded in the mixing, no block is integrated
out: light masses and moments are read from the singular vectors of 3 + n states, 60 digits.
m_E is the matrix whose light block is diag(m_e, m_mu, m_tau) to first order in (m_l/m_psi)^2.
"""

import mpmath as mp
from oracle import Table

FLAVOURS, NU_R = ("e", "mu", "tau"), ("1", "2", "3")
LOOP = 16 * mp.pi**2
SCALE = 1000  # GeV; drops out


def b_0(m, scalar):
    """-B0(0; m, scalar) up to a constant that drops out."""
    t = (m / scalar) ** 2
    return mp.log(t) / (t - 1) + mp.log((m / SCALE) ** 2) - 1


def photon(t):
    """G(t) of a fermion between two photon vertices."""
    return (t - 1 - mp.log(t)) / (t - 1) ** 2


def couplings(given):
    """Yukawa matrices and triplet masses of the parameters, as text."""
    number = {name: mp.mpf(x) for name, x in given["theta"].items()}
    labels = ("",) if given["n_psi"] == 1 else ("1", "2")

    def matrix(name, rows, columns):
        pairs = [[(f"re_{name}_{a}{b}", f"im_{name}_{a}{b}") for b in columns] for a in rows]
        return mp.matrix([[mp.mpc(*(number[part] for part in pair)) for pair in x] for x in pairs])

    one = given["n_psi"] == 1
    y_t = [[number["y_t" if one else f"y_t_{i}{j}"] for j in labels] for i in labels]
    m_psi = [number["m_psi" if one else f"m_psi_{i}"] for i in labels]
    y_psi, y_delta = matrix("y_psi", FLAVOURS, labels), matrix("y_delta", labels, NU_R)
    return number, y_psi, y_delta, matrix("y_d", NU_R, NU_R), mp.matrix(y_t), m_psi


def blocks(upper_left, upper_right, lower_left, m_psi):
    """[[A, B], [C, diag(m_psi)]]."""
    n = len(m_psi)
    full = mp.matrix(3 + n, 3 + n)
    for a in range(3):
        for b in range(3):
            full[a, b] = upper_left[a, b]
        for i in range(n):
            full[a, 3 + i], full[3 + i, a] = upper_right[a, i], lower_left[i, a]
    for i in range(n):
        full[3 + i, 3 + i] = m_psi[i]
    return full


def inside(charged, function):
    """[M f(M)] between the triplets, of the charged leptons M = U diag V."""
    u, values, v = charged
    n = len(values) - 3

    def entry(k, i):
        every = range(len(values))
        return sum(
            mp.conj(v[a, 3 + k]) * values[a] * function(values[a]) * mp.conj(u[3 + i, a])
            for a in every
        )

    return mp.matrix([[entry(k, i) for i in range(n)] for k in range(n)])


def outer_loops(number, y_psi, m_psi, c):
    """n without y_delta: neutral scalars h and S, and the charged ones with the Goldstone boson."""
    v_s, m_phi, m_h = number["v_s"], number["m_phi"], c.m_h
    span = c.v_h**2 + 2 * v_s**2
    mixed = mp.sqrt(2) * v_s * c.v_h * (2 * number["lambda_hs"] - m_phi**2 / span)
    second = 8 * v_s**2 * number["lambda_s"] + c.v_h**2 * m_phi**2 / span
    apart = second - m_h**2
    gap = mp.sqrt(apart**2 + 4 * mixed**2)
    low, high = (mp.sqrt((m_h**2 + second + sign * gap) / 2) for sign in (-1, 1))
    zeta = mp.atan2(-2 * mixed, apart) / 2
    x = mp.sqrt(2) * v_s / c.v_h
    found = mp.matrix(3, len(m_psi))
    for a in range(3):
        for i, m in enumerate(m_psi):
            neutral = mp.sin(2 * zeta) / 4 * (b_0(m, low) - b_0(m, high))
            goldstone = mp.log((m / SCALE) ** 2) - 1
            charged = x / (1 + x**2) * (goldstone - b_0(m, m_phi))
            found[a, i] = y_psi[a, i] * m * (neutral + charged) / LOOP
    return found


def row(given, c):
    number, y_psi, y_delta, y_d, y_t, m_psi = couplings(given)
    heavy, n = mp.diag(m_psi), len(m_psi)
    theta = mp.matrix(
        [[y_psi[a, i] * c.v_h / (mp.sqrt(2) * m_psi[i]) for i in range(n)] for a in range(3)]
    )
    light = mp.sqrtm(mp.eye(3) + 2 * theta * theta.H) * mp.diag([c.m_e, c.m_mu, c.m_tau])
    charged = mp.svd_c(blocks(light, y_psi * c.v_h, mp.zeros(n, 3), m_psi))
    m_phi = number["m_phi"]
    size = 1 / ((1 + 2 * (number["v_s"] / c.v_h) ** 2) * mp.sqrt(2) * LOOP)

    def mass(m):
        return b_0(m, m_phi)

    def dipole(m):
        return photon((m / m_phi) ** 2) / m_phi**2

    split = size * y_t * (inside(charged, mass) - mp.diag([m * mass(m) for m in m_psi])) * y_delta
    bare = mp.diag([m * dipole(m) for m in m_psi])
    moment = -size * y_t * (inside(charged, dipole) + bare) * y_delta
    neutral = blocks(
        y_d * c.v_h + outer_loops(number, y_psi, m_psi, c) * y_delta,
        theta * heavy,
        y_delta * number["v_s"] + split,
        m_psi,
    )
    u, values, v = mp.svd_c(neutral)
    states = sorted(range(3 + n), key=lambda k: values[k])[:3]
    full = mp.zeros(3 + n, 3 + n)
    for i in range(n):
        for j in range(3):
            full[3 + i, j] = moment[i, j]
    rotated = 2 * c.m_e * u.H * full * v.H
    return {
        "m_nu_eV": [mp.mpf(10) ** 9 * values[k] for k in states],
        "mu_muB": [[abs(rotated[a, b]) for b in states] for a in states],
    }


TABLES = (Table("weak_triplet/three_generations.json", ("rows",), ("n_psi", "theta"), row, dps=60),)
