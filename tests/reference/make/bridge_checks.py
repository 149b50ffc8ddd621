"""Model-independent bounds, headline numbers and cross-checks of arXiv:2506.15777.

`checks` compares two ways to one quantity, or a printed formula with the derived one.
"""

import itertools

import mpmath as mp
from bridge import EV, g2_squared, isospins, loop, natural, running_mass, v_h, values_c
from bridge_loops import G, Gh, fW, on_fermion, on_scalar
from oracle import Table


def derived(given, c):
    return {
        "v_GeV": mp.sqrt(2) * v_h(c),
        "v_H_GeV": v_h(c),
        "g2": mp.sqrt(g2_squared(c)),
    }


def naive(given, c):
    """Lambda^2 mu/(2 m_e), Eq. (1), and with a factor alpha/8 pi."""
    scale, mu = mp.mpf(given["Lambda"]), mp.mpf(given["mu_muB"])
    square = scale**2 * mu / c.m_e * EV
    return {
        "m_nu_eV_noloop": square / 2,
        "m_nu_eV_alpha": square / (16 * mp.pi * c.alpha_inv_mz),
    }


def by_running(given, c):
    r = mp.mpf(given["r"])
    unit = running_mass(mp.mpf(1), mp.mpf(given["Lambda"]), c, r)
    return {"f": natural(r, c), "mu_bound_muB_for_1eV": 1 / EV / unit}


def headline(given, c):
    vh, m_nu, tev, root = v_h(c), mp.mpf("0.05") / EV, mp.mpf(1000), mp.sqrt(2)
    v = root * vh
    unit = 2 * c.m_e * v / (8 * root * mp.pi**2 * tev**2) * fW(1)  # all couplings 1
    y = mp.cbrt(m_nu / (v**3 / (16 * root * mp.pi**2 * tev**2) * fW(1)))
    less = y / mp.cbrt(1 + 8 * mp.log(100))  # with the cubic coupling run from 10 TeV
    k = v**2 * mp.mpf("0.1") * mp.sqrt(mp.mpf("0.99")) / 2 / (loop() * tev**3)
    y_m = mp.cbrt(m_nu / (v**2 * mp.mpf("0.99") / 2 * k))
    splitting = c.m_z / c.alpha_inv_mz  # 2 a Y alpha m_Z between T3 = +a and -a
    return {
        "case_c_1TeV_ypsi_for_loop_mass_0.05eV(yT=yd=1)": y,
        "case_c_1TeV_mu_at_that_ypsi_muB": unit * y,
        "case_c_1TeV_mu_all_y_1_muB": unit,
        "same_with_kappaRG_from_10TeV_ypsi": less,
        "same_with_kappaRG_from_10TeV_mu_muB": unit * less,
        "RGE_bound_mu_muB_0.05eV_Lambda1TeV_r=-1": m_nu / running_mass(mp.mpf(1), tev, c),
        "naive_Eq1_mu_muB_0.1eV_100GeV": 2 * c.m_e / EV / 10**5,
        "naive_m_nu_eV_for_1e-11_100GeV": mp.mpf("1e-7") / (2 * c.m_e) * EV,
        "SM_Dirac_mu_muB_per_eV": 3 * c.g_f * 2 * c.m_e / EV / (8 * root * mp.pi**2),
        "FS_vS_max_GeV": root * tev * m_nu / vh,
        "FS_sin2zeta_max": m_nu * 64 * mp.pi**2 / tev,
        "doublet_Y=1/2_EW_split_GeV": splitting / 2,
        "ModelIII_EW_split_GeV": splitting * 2 / 3,
        "majorana_1TeV_sb0.1_yN1_ypsi_for_M=0.05eV": y_m,
        "majorana_mu_at_that_muB": 2 * c.m_e * k * y_m,
    }


# Cross-checks, stored with 8 digits


def feynman_integrals():
    """Whether closed forms are their integrals over one Feynman parameter, to 1e-40."""
    weights = ((G, lambda x: x), (on_fermion, lambda x: x**2), (on_scalar, lambda x: x * (1 - x)))
    return all(
        abs(integral(w, t) / f(t) - 1) < mp.mpf("1e-40")
        for t in map(mp.mpf, ("0.003", "0.3", "0.999", "1.7", "55", "4000"))
        for f, w in weights
    )


def integral(weight, t):
    return mp.quad(lambda x: weight(x) / (1 + (t - 1) * x), [0, 0.01, 1])


def bases():
    """Whether photon couplings summed over a multiplet are the Dynkin index of the W3, to 1e-40."""
    t, misses = mp.mpf("1.7"), []
    for n, y in itertools.product((2, 3, 4, 5), ("0", "0.5", "1", "-1.2")):
        photons = sum(i * (i + mp.mpf(y)) for i in isospins(n)) * (on_fermion(t) + on_scalar(t))
        misses.append(photons / (mp.mpf(n * (n * n - 1)) / 12 * G(t)) - 1)
    return max(map(abs, misses)) < mp.mpf("1e-40")


def tadpole(y, c):
    """kappa from the Coleman-Weinberg potential in a background S over the running formula.

    Masses in the background: m + y_T S with the lepton's mixing, m - y_T S, m; scale 5 TeV.
    """
    m, yt, q, vh = mp.mpf(1000), mp.mpf("0.7"), mp.mpf(5000), v_h(c)

    def potential(s):
        squares = (2 * (y * vh) ** 2 + (m + yt * s) ** 2, (m - yt * s) ** 2, (y * vh) ** 2 + m**2)
        return sum(-(x**2) * (mp.log(x / q**2) - mp.mpf(3) / 2) for x in squares) / (16 * mp.pi**2)

    running = -yt * y**2 * m / (2 * mp.pi**2) * mp.log(q**2 / m**2)
    return -mp.diff(potential, 0) / vh**2 / running


def printed_moment(square):
    """Eq. (42) of arXiv:2605.19544 over the derived moment at m_phi^2/m_psi^2 = square."""
    s = mp.mpf(square)
    printed = s * (2 * (s - 1) - (s + 1) * mp.log(s)) / (s - 1) ** 3 / (8 * mp.pi**2)
    return abs(printed) / (Gh(mp.mpf(1), s) / loop())


def checks(given, c):
    third, tiny = mp.mpf(1) / 3, mp.mpf(10) ** -8
    point = [mp.mpf(x) for x in ("0.1", "1", "1", "40000", "30000", "1", "1e5")]
    heavy = values_c(*point, c)
    log = mp.log(tiny)
    leptoquark = (
        (2 * on_fermion(tiny) - on_scalar(tiny)) * third / (-2 * third * (log + mp.mpf(7) / 4))
    )
    return {
        "closed forms are Feynman integrals": feynman_integrals(),
        "photon couplings are Dynkin indices": bool(bases()),
        "kappa_CW_over_analytic(yp=0.3)": tadpole(mp.mpf("0.3"), c),
        "kappa_CW_over_analytic(yp->0)": tadpole(mp.mpf("1e-4"), c),
        "higgs_gm2: [d(t)+1/3]/[-ln t-7/6]": (on_fermion(tiny) + third) / (-log - 7 * third / 2),
        "S1 LQ: [(2/3)d-(1/3)dbar]/[-(2/3)(ln t+7/4)]": leptoquark,
        **{
            f"FS42/true at (mphi/mpsi)^2={x}": printed_moment(x)
            for x in ("0.01", "0.25", "0.9999", "4", "100")
        },
        "hSmix/(dim4/3) at 30-40 TeV": 3 * heavy["m_nu_hSmix_eV"] / heavy["m_nu_dim4_kappa_eV"],
    }


FILE = "bridge/model_independent.json"
TABLES = (
    Table(FILE, ("derived",), (), derived),
    Table(FILE, ("naive",), ("Lambda", "mu_muB"), naive),
    Table(FILE, ("dirac_RG",), ("Lambda", "r"), by_running),
    Table(FILE, ("headline",), (), headline),
    Table("bridge/checks.json", ("checks",), (), checks, digits=8),
)
