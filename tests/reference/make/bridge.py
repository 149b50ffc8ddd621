"""The SU(2)-bridge models of arXiv:2506.15777, cases (b) to (e) and the Majorana case.

    v = (sqrt2 G_F)^(-1/2), v_H = v/sqrt2, K = 16 pi^2; L = -couplings, D = d + i e Q A

Moments in mu_B, masses in eV, signs of masses relative to moments; inputs are decimal texts, exact.
"""

import itertools

import mpmath as mp
from bridge_loops import B0, L0, Gh, dB0, fW, mixed
from oracle import Table

EV = mp.mpf(10) ** 9
FLAVOURS = ("e", "mu", "tau")


def loop():
    return 16 * mp.pi**2


def v_h(c):
    """<H0> = (2 sqrt2 G_F)^(-1/2)."""
    return 1 / mp.sqrt(2 * mp.sqrt(2) * c.g_f)


def g2_squared(c):
    return 4 * mp.pi / (c.alpha_inv_mz * c.s2w)


def natural(r, c):
    """1 - r - (2/3) r t^2 - (1/3)(1+r) t^4, t = tan theta_W: the running of hep-ph/0504134."""
    t2 = c.s2w / (1 - c.s2w)
    return (1 - r) - 2 * r * t2 / 3 - (1 + r) * t2**2 / 3


def running_mass(mu, scale, c, r=-1):
    """Mass in GeV that a Dirac moment (mu_B) gives by running from `scale` down to v."""
    v = mp.sqrt(2) * v_h(c)
    factor = 9 * g2_squared(c) ** 2 * v**2 / (256 * mp.pi**2 * c.m_e)
    return factor * abs(natural(mp.mpf(r), c)) * mp.log(scale / v) * abs(mu)


def isospins(n):
    return [mp.mpf(n - 1) / 2 - k for k in range(n)]


def given_as(names, given):
    return (mp.mpf(given["input"][name]) for name in names)


# Case (c): psi = (1,3,0), real S = (1,3,0), the fermion in the loop is psi


def case_c(given, c):
    y, yt, yd, m, s, kappa, scale = given_as(
        ("y_psi", "y_T", "y_delta", "m_psi", "m_S", "kappa", "Lambda_UV"), given
    )
    return {"output": values_c(y, yt, yd, m, s, kappa, scale, c)}


def values_c(y, yt, yd, m, s, kappa, scale, c):
    vh, yukawas, x, root = v_h(c), y * yt * yd, s**2 / m**2, mp.sqrt(2)
    v = root * vh
    mu = -2 * c.m_e * yukawas * v / (8 * root * mp.pi**2 * m**2) * fW(x)
    mass = y**2 * yukawas * v**3 / (16 * root * mp.pi**2 * m**2) * fW(x)
    tan = y * vh / m
    sine, charged = tan / mp.sqrt(1 + tan**2), 2 * y**2 * vh**2
    loops = Gh(m**2, s**2) + Gh(m**2 + charged, s**2)
    cubic = -yt * y**2 * m / (2 * mp.pi**2) * mp.log(scale**2 / m**2)
    angle = mp.atan(2 * root * kappa * vh / (s**2 - c.m_h**2))
    neutral = root * mp.sin(angle) * mixed(c.m_h**2, s**2, m**2) / 4
    return {
        "C_nuW_GeVm2": mp.sqrt(g2_squared(c)) * yukawas * fW(x) / (loop() * m**2),
        "mu_nu_muB": mu,
        "mu_nu_muB_mixexact": -2 * c.m_e * sine * yt * yd * m * loops / loop(),
        "m_nu_loop_eV": mass * EV,
        "m_nu_loop_mixexact_eV": sine * yt * yd * m * dB0(m**2, charged, s**2) / loop() * EV,
        "v_S_GeV": kappa * vh**2 / s**2,
        "m_nu_tree_kappa_eV": -y * yd * kappa * vh**3 / (s**2 * m) * EV,
        "kappa_RG_GeV": cubic,
        "m_nu_kappaRG_eV": -y * yd * cubic * vh**3 / (m * s**2) * EV,
        "sin2zeta": mp.sin(angle),
        "m_nu_hSmix_eV": y * yd * m / loop() * neutral * EV,
        "m_nu_dim4_kappa_eV": -3 * y * yd * kappa * vh * m * L0(m**2, s**2) / loop() * EV,
        "m_nu_RGE_LL_eV": running_mass(mu, scale, c) * EV,
        "mu_over_m_ratio_check": mass / mu * (-4 * c.m_e) / (y * v) ** 2,
    }


# Any multiplet R of hypercharge Y, split or not; components by falling T3


def moment(t3, y, fermions, scalars):
    parts = zip(t3, fermions, scalars, strict=True)
    return sum(t * (t + y) * f * Gh(f**2, s**2) for t, f, s in parts) / loop()


def mass(t3, fermions, scalars, q2):
    parts = zip(t3, fermions, scalars, strict=True)
    return sum(t * f * B0(f**2, s**2, q2) for t, f, s in parts) / loop()


def general(given, c):
    i, t3 = given["input"], isospins(given["input"]["R"])
    y, yp, yt, yd, m, q, scale = given_as(
        ("Y", "y_psi", "y_T", "y_delta", "m_psi", "mu_bar", "Lambda_UV"), given
    )
    f, s = ([mp.mpf(x) for x in i[key]] for key in ("m_F", "m_S"))
    vertex = i["N_c"] * yp * v_h(c) / m * yt * yd
    mu = -2 * c.m_e * vertex * moment(t3, y, f, s)
    shifts = [t * y * c.m_z / c.alpha_inv_mz for t in t3]  # electroweak, of heavy multiplets
    split = ([x[0] + d for d in shifts] for x in (f, s))
    even = len({*f}) == len({*s}) == 1
    return {
        "output": {
            "mu_nu_muB": mu,
            "m_nu_eV": mp.mpf(0) if even else vertex * mass(t3, f, s, q**2) * EV,
            "m_nu_EWsplit_eV": mp.mpf(0) if y == 0 else vertex * mass(t3, *split, q**2) * EV,
            "dynkin": mp.mpf(len(t3)) * (mp.mpf(len(t3)) ** 2 - 1) / 12,
            "m_nu_RGE_LL_eV": running_mass(mu, scale, c) * EV,
        }
    }


# Case (e): F, eta = (1,2,1/2), odd under a Z2; eta_R and eta_I may split


def case_e(given, c):
    names = ("y_psi", "y_1", "y_2", "m_psi", "m_Fp", "m_F0", "m_etap", "m_etaR", "m_etaI")
    y, y1, y2, m, fp, f0, plus, real, imaginary = given_as(names, given)
    q, scale = given_as(("mu_bar", "Lambda_UV"), given)
    factor = y * v_h(c) / m * y1 * y2 / 2 / loop()
    mu = -2 * c.m_e * factor * fp * Gh(fp**2, plus**2)

    def term(f, s):
        return f * B0(f**2, s**2, q**2)

    light = term(fp, plus) - (term(f0, real) + term(f0, imaginary)) / 2
    even = fp == f0 and plus == real == imaginary
    made = {"mu_nu_muB": mu, "m_nu_eV": mp.mpf(0) if even else factor * light * EV}
    return {"output": made | {"m_nu_RGE_LL_eV": running_mass(mu, scale, c) * EV}}


# Case (b): F = (1,2,1/2), the scalar in the loop is the Higgs doublet, massless


def case_b(given, c):
    y, y1, y2, m, f = given_as(("y_psi", "y_1", "y_2", "m_psi", "m_F"), given)
    vh, yukawas = v_h(c), y * y1 * y2
    return {
        "output": {
            "mu_nu_muB_bridge": -c.m_e * yukawas * vh / m / (loop() * f),
            "m_nu_tree_dim6_abs_eV": yukawas * vh**3 / (m * f) / 2 * EV,
            "m_nu_loop_dim4_abs_eV": 3 * yukawas * vh * m * f * L0(m**2, f**2) / loop() / 2 * EV,
        }
    }


# Majorana: -1/4 mu_ab nubar_a sigma nu^c_b F and -1/2 M_ab nubar_a nu^c_b


def majorana(given, c):
    psi, n = ([mp.mpf(x) for x in given["input"][key]] for key in ("y_psi", "y_N"))
    yt, yd, m, s, heavy, sine = given_as(
        ("y_T", "y_delta", "m_psi", "m_S", "m_N", "sin_beta"), given
    )
    v = mp.sqrt(2) * v_h(c)
    v1, v2 = v * mp.sqrt(1 - sine**2), v * sine
    k = yt * yd * v1 * v2 * fW(s**2 / m**2) / (loop() * heavy * m**2)
    pairs = [*itertools.combinations(range(3), 2)]
    wedge = {(a, b): psi[a] * n[b] - psi[b] * n[a] for a, b in pairs}
    size = mp.sqrt(sum(x**2 for x in wedge.values()))
    made = {f"mu_{FLAVOURS[a]}{FLAVOURS[b]}_muB": -2 * c.m_e * k * x for (a, b), x in wedge.items()}
    factor = sum(y**2 for y in psi) * v1**2 / 2 * k * EV
    for a, b in itertools.combinations_with_replacement(range(3), 2):
        made[f"M_{FLAVOURS[a]}{FLAVOURS[b]}_eV"] = factor * (psi[a] * n[b] + psi[b] * n[a])
    return {"output": made | {"mu_eff_frob_muB": 2 * c.m_e * abs(k) * size}}


CASES = {
    "case_b": case_b,
    "case_c": case_c,
    "case_d_general": general,
    "case_e": case_e,
    "majorana": majorana,
}
TABLES = tuple(
    Table(f"bridge/{name}.json", ("points",), ("input",), row) for name, row in CASES.items()
)
