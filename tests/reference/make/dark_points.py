"""Points of the dark-photon model, arXiv:2603.25704: masses, moments, charged-lepton rates.

Inputs are decimal texts, exact; masses in GeV. `derived` is re-derived from the Lagrangian,
`as_printed` is the paper's formula with the units of a moment, 2 m_e/e, supplied. Q_S = -1.
"""

import itertools

import mpmath as mp
from dark_loops import F, S, delta_b, delta_j, rotation
from oracle import Table

LEPTONS = ("e", "mu", "tau")
MASSES = ("MH1", "MH2", "MA1", "MA2")


def in_mu_b(c):
    return 2 * c.m_e / mp.sqrt(4 * mp.pi / c.alpha_inv_0)


def pmns(angles):
    t12, t13, t23, delta, a21, a31 = (
        mp.mpf(angles[key]) for key in ("t12", "t13", "t23", "delta", "a21", "a31")
    )
    s12, c12, s13, c13 = mp.sin(t12), mp.cos(t12), mp.sin(t13), mp.cos(t13)
    s23, c23, e = mp.sin(t23), mp.cos(t23), mp.expj(delta)
    u = mp.matrix(
        [
            [c12 * c13, s12 * c13, s13 / e],
            [-s12 * c23 - c12 * s23 * s13 * e, c12 * c23 - s12 * s23 * s13 * e, s23 * c13],
            [s12 * s23 - c12 * c23 * s13 * e, -c12 * s23 - s12 * c23 * s13 * e, c23 * c13],
        ]
    )
    return u * mp.diag([1, mp.expj(a21 / 2), mp.expj(a31 / 2)])


def heavy(p):
    """The two heavy states m -+ m_D, with their signs."""
    return p["m"] - p["mD"], p["m"] + p["mD"]


def mass_matrix(p):
    """K of M_nu = y* K y^dagger: 1/(64 pi^2) sum_a M_a [R B(H) R^T - I B(A) I^T]; GeV."""
    r, i, base, total = rotation(p["thR"]), rotation(p["thI"]), p["MH1"] ** 2, mp.matrix(2, 2)
    for m in heavy(p):
        b = [mp.mpf(0), *(delta_b(p[k] ** 2, base, m**2)[0] for k in MASSES[1:])]
        total += m * (r * mp.diag(b[:2]) * r.T - i * mp.diag(b[2:]) * i.T)
    return total / (64 * mp.pi**2)


def casas_ibarra(p, u, given):
    """Yukawas of given masses: y* = U* sqrt(m) R K^(-1/2), R complex orthogonal, 3 x 2."""
    values, vectors = mp.eigsy(mass_matrix(p))
    v = mp.matrix(vectors)
    for k in (0, 1):
        if values[k] < 0:
            v[0, k], v[1, k] = v[0, k] * mp.mpc(0, 1), v[1, k] * mp.mpc(0, 1)
    z, zeta = mp.mpc(*given["z"]), given["zeta"]
    rows = [[mp.cos(z), -mp.sin(z)], [zeta * mp.sin(z), zeta * mp.cos(z)]]
    r = mp.matrix([[0, 0], *rows] if given["ordering"] == "NO" else [*rows, [0, 0]])
    m = mp.diag([mp.sqrt(mp.mpf(x) / 10**9) for x in given["target_mnu_eV"]])
    scale = mp.diag([1 / mp.sqrt(abs(x)) for x in values])
    return (u.conjugate() * m * r * scale * v.H).conjugate()


def entries(m):
    return [[mp.mpc(m[i, j]) for j in range(m.cols)] for i in range(m.rows)]


def wedge(v, i, j):
    return mp.conj(v[i, 0] * v[j, 1] - v[i, 1] * v[j, 0])


def moments(p, y, u, tag, c):
    """Sum of M delta_J and the transition moments in both bases, in mu_B."""
    printed = tag == "as_printed"
    loops = [delta_j([abs(m), *(p[k] for k in MASSES)], printed) for m in heavy(p)]
    total = sum(m * x for m, x in zip(heavy(p), loops, strict=True))
    factor = p["gD"] * mp.sin(2 * (p["thI"] - p["thR"])) * total * in_mu_b(c) / mp.pi**2
    made = {f"DJ_{tag}": loops, f"sum_M_DJ_{tag}": total}
    for basis, v in (("mass", (y.T * u.conjugate()).T), ("flavour", y)):
        a = mp.matrix(3, 3)
        for i, j in itertools.permutations(range(3), 2):
            a[i, j] = (
                -factor * mp.im(wedge(v, i, j)) / 64 if printed else factor * wedge(v, i, j) / 128
            )
        made[f"mu_{basis}_{tag}_muB"] = entries(a)
        if basis == "mass":
            pairs = itertools.combinations(range(3), 2)
            made[f"mu_eff_{tag}_muB"] = {
                f"{i + 1}{j + 1}": p["eps"] * abs(a[i, j]) for i, j in pairs
            }
    return made


def amplitudes(p, y, tag):
    """A_R of l_j -> l_i gamma: couplings to H1, H2, A1, A2 times the loop of the charged lepton."""
    r, i = rotation(p["thR"]), rotation(p["thI"])
    states = [
        (p[f"M{x}{k + 1}"], [o[0, k], o[1, k]]) for x, o in (("H", r), ("A", i)) for k in (0, 1)
    ]
    total = mp.matrix(3, 3)
    for m, mixing in states:
        if tag == "derived":
            loop = S(3, [p["ME"] ** 2, m**2], [3, 2]) / 3 / (64 * mp.pi**2)
        else:
            loop = F(m**2 / p["ME"] ** 2) / p["ME"] ** 2 / (32 * mp.pi**2)
        x = [y[k, 0] * mixing[0] + y[k, 1] * mixing[1] for k in range(3)]
        total += mp.matrix([[a * mp.conj(b) * loop for b in x] for a in x])
    return total


def rates(a, tag, c):
    """BR of the three radiative decays; derived also mu -> 3e and conversion by the dipole."""
    masses = (c.m_e, c.m_mu, c.m_tau)
    factor = (48 if tag == "derived" else 24) * mp.pi**3 / c.alpha_inv_0 / c.g_f**2
    shares = {(0, 1): mp.mpf(1), (0, 2): c.br_tau_enunu, (1, 2): c.br_tau_mununu}
    made = {}
    for (i, j), share in shares.items():
        light = 1 + masses[i] ** 2 / masses[j] ** 2 if tag == "derived" else 1
        name = f"{LEPTONS[j]}_{LEPTONS[i]}_gamma"
        made[name] = factor * abs(a[i, j]) ** 2 * light * share
    if tag == "derived":
        log = 2 * mp.log(c.m_mu / c.m_e) - mp.mpf(11) / 4
        made["mu_3e_dipole"] = made["mu_e_gamma"] / (3 * mp.pi * c.alpha_inv_0) * log
        width = c.g_f**2 * c.m_mu**5 / (192 * mp.pi**3) / c.hbar
        for nucleus, (overlap, capture) in c.nuclei.items():
            rate = mp.pi * overlap**2 * width / capture
            made[f"mu_e_conv_{nucleus}_dipole"] = made["mu_e_gamma"] * rate
    return made


def anomalies(p, y, a, tag, c):
    """Delta a of the three leptons: 2 m^2 Re A_R, or the paper's heavy-lepton form."""
    made = {}
    for i, (name, m) in enumerate(zip(LEPTONS, (c.m_e, c.m_mu, c.m_tau), strict=True)):
        size = sum(abs(y[i, k]) ** 2 for k in (0, 1))
        printed = m**2 / (24 * mp.pi**2 * p["ME"] ** 2) * size
        made[name] = 2 * m**2 * mp.re(a[i, i]) if tag == "derived" else printed
    return made


def mediator_factor(mass, c):
    """sqrt of the massless over the massive-mediator rate of 862 keV neutrinos above 50 keV.

    dR/dT ~ (1/T - 1/E) T^2/(T + a)^2 with a = m_A'^2/(2 m_e), up to T = 2E^2/(2E + m_e).
    """
    with mp.workdps(mp.mp.dps + 60):
        e, low = mp.mpf("862e-6"), mp.mpf("50e-6")
        high, a = 2 * e**2 / (2 * e + c.m_e), mass**2 / (2 * c.m_e)

        def massless(t):
            return mp.log(t) - t / e

        def massive(t):
            log = mp.log(t + a)
            return log + a / (t + a) - (t - 2 * a * log - a**2 / (t + a)) / e

        ratio = (massless(high) - massless(low)) / (massive(high) - massive(low))
    return mp.sqrt(ratio)


def outputs(p, y, u, c):
    k = mass_matrix(p)
    m_nu = y.conjugate() * k * y.H
    singular = sorted(mp.svd_c(m_nu, compute_uv=False))
    low, high = (abs(x) for x in heavy(p))
    made = {
        "M_heavy_signed": [*heavy(p)],
        "K_GeV": entries(k),
        "Mnu_flavour_GeV": entries(m_nu),
        "mnu_eV": [x * 10**9 if x > mp.mpf("1e-45") else mp.mpf(0) for x in singular],
    }
    for tag in ("derived", "as_printed"):
        a = amplitudes(p, y, tag)
        made |= moments(p, y, u, tag, c) | {f"A_R_mue_{tag}": mp.mpc(a[0, 1])}
        made |= {f"BR_{tag}": rates(a, tag, c), f"Delta_a_{tag}": anomalies(p, y, a, tag, c)}
    pairs = (("H1", "H2"), ("A1", "A2"), ("H1", "A1"), ("H2", "A2"))
    made["splittings_GeV2"] = {f"{x}-{z}": p[f"M{x}"] ** 2 - p[f"M{z}"] ** 2 for x, z in pairs}
    made["borexino_limit_muB"] = mp.mpf("2.8e-11") * mediator_factor(p["mAp"], c)
    made["open_Ap_to_N1N2"] = bool(p["mAp"] > low + high)
    scalars = min(p["MH1"], p["MH2"]) + min(p["MA1"], p["MA2"])
    return made | {"open_Ap_to_HA": bool(p["mAp"] > scalars)}


def row(given, c):
    p, u = {key: mp.mpf(x) for key, x in given["inputs"].items()}, pmns(given["pmns"])
    y = mp.matrix([[mp.mpc(*x) for x in line] for line in given["y_real_imag"]])
    return {"outputs": outputs(p, y, u, c)}


def fitted_row(given, c):
    """A point whose Yukawas follow from the masses; the wedge against sqrt(m m'/det K)."""
    p, u = {key: mp.mpf(x) for key, x in given["inputs"].items()}, pmns(given["pmns"])
    y = casas_ibarra(p, u, given["casas_ibarra"])
    v = (y.T * u.conjugate()).T
    m = [mp.mpf(x) / 10**9 for x in given["casas_ibarra"]["target_mnu_eV"]]
    i, j = (1, 2) if given["casas_ibarra"]["ordering"] == "NO" else (0, 1)
    size = mp.sqrt(abs(m[i] * m[j] / mp.det(mass_matrix(p))))
    return {
        "y_real_imag": entries(y),
        "outputs": outputs(p, y, u, c),
        "check_wedge_over_sqrt_mm_detK": abs(wedge(v, i, j)) / size,
    }


def any_row(given, c):
    return fitted_row(given, c) if "casas_ibarra" in given else row(given, c)


GIVEN = ("label", "inputs", "pmns", "casas_ibarra", "y_real_imag")
TABLES = (Table("dark_dipole/points.json", ("points",), GIVEN, any_row, dps=60, rows=1),)
