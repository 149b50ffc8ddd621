"""Left-right, R-parity-violating and SU(2)_H models: masses and moments by mixing, 50 digits.

Charged scalars mix in pairs, so that a quantity is a divided difference of its one-scalar kernel
between two squared masses. K = 16 pi^2; moments in mu_B are 2 m_e times those over e.
"""

import mpmath as mp
from moment_loops import scalar_t, value
from oracle import Table


def moment_kernel(m):
    """F_flip(m^2/z)/z: both photon graphs of a fermion m and a scalar of squared mass z."""
    return lambda z: value("F_flip", m**2 / z) / z


def mass_kernel(m):
    """z ln(z/m^2)/(z-m^2): the two-point function up to a term that cancels in differences."""
    return lambda z: z * mp.log(z / m**2) / (z - m**2)


def divided(kernel, x, y):
    return (kernel(x) - kernel(y)) / (x - y) if x != y else mp.diff(kernel, x)


def leptons(c):
    return {"e": c.m_e, "mu": c.m_mu, "tau": c.m_tau}


# Left-right symmetric: mixing xi of W_L and W_R


def left_right(given, c):
    """Chirality flip on the charged lepton, exact and leading; the mass term; the talk's form."""
    xi, heavy, m_nu = (mp.mpf(given[key]) for key in ("xi", "MW2", "mnu_GeV"))
    m, r = leptons(c)[given["ml"]], (c.m_w / heavy) ** 2
    share = 1 / (mp.cos(xi) ** 2 + r * mp.sin(xi) ** 2)  # of G_F in the light W
    unit = 2 * c.m_e * c.g_f / (2 * mp.sqrt(2) * mp.pi**2)
    talk = unit * m * mp.sin(2 * xi)
    loops = value("K_LR", (m / c.m_w) ** 2) - r * value("K_LR", (m / heavy) ** 2)
    return {
        "mu_flip_exact": talk * share * loops / 4,
        "mu_flip_leading": talk * (1 - r),
        "mu_mass_term": unit * mp.mpf(3) / 4 * m_nu * (1 + r),
        "slide": talk,
    }


# R-parity violation: L1 = lambda_ijk lambda_i'kj, L2 = lambda_i'jk lambda_ikj


def sfermions(first, second, off):
    half = mp.sqrt((first - second) ** 2 / 4 + off**2)
    return (first + second) / 2 - half, (first + second) / 2 + half


def rpv(given, c):
    """Sfermions j and k mix by m A; quarks carry three colours and a third of the charge."""
    fermions = leptons(c) | {"s": c.m_s, "b": c.m_b}
    mj, mk = fermions[given["j"]], fermions[given["k"]]
    colours, charge = (1, 1) if given["type"] == "lambda" else (3, mp.mpf(1) / 3)
    l1, l2, a = (mp.mpf(given[key]) for key in ("L1", "L2", "A_eff"))
    lj, rj, lk, rk = (mp.mpf(given[k]) for k in ("mL2_j", "mR2_j", "mL2_k", "mR2_k"))
    j, k = sfermions(lj, rj, mj * a), sfermions(lk, rk, mk * a)

    def both(kernel, sign):
        return mj * mk * a * (divided(kernel(mk), *j) + sign * divided(kernel(mj), *k))

    factor = colours / (16 * mp.pi**2)
    return {
        "mu_muB": 2 * c.m_e * factor * charge * (l1 - l2) * both(moment_kernel, -1),
        "M_nu_GeV": factor * (l1 + l2) * both(mass_kernel, 1),
        "m2": [*j, *k],
    }


# SU(2)_H: two charged scalars phi, eta in doublets of the horizontal symmetry


def su2_h(given, c):
    names = ("f", "fp", "alpha", "mh", "mH", "mH0", "mA0", "dC")
    f, fp, alpha, light, heavy, h0, a0, split = (mp.mpf(given[key]) for key in names)
    l2, h2, sine, cosine = light**2, heavy**2, mp.sin(alpha), mp.cos(alpha)
    loop, tl, th = 16 * mp.pi**2, c.m_tau**2 / l2, c.m_tau**2 / h2
    eta, mixing = sine**2 * l2 + cosine**2 * h2, sine * cosine * (l2 - h2)

    def copy(kernel, change):  # one member of the horizontal doublet, m^2(eta) shifted
        return mixing * divided(
            kernel(c.m_tau), *sfermions(cosine**2 * l2 + sine**2 * h2, eta + change, mixing)
        )

    moment = 2 * c.m_e * f * fp * c.m_tau / loop
    mass = f * fp * c.m_tau / loop
    exact = moment * mp.sin(2 * alpha) * (value("F_flip", tl) / l2 - value("F_flip", th) / h2)
    logs = (mp.log(1 / tl) - 1) / l2 - (mp.log(1 / th) - 1) / h2
    parts = [copy(mass_kernel, s * split / 2) for s in (1, -1)]
    both = [mass_kernel(c.m_tau)(x) for x in (l2, h2)]
    return {
        "mu_emu_muB": exact,
        "mu_emu_leadinglog": moment * mp.sin(2 * alpha) * logs,
        "mu_emu_with_splitting": moment * sum(copy(moment_kernel, s * split / 2) for s in (1, -1)),
        "m_nu_emu_GeV": mass * (parts[0] - parts[1]),
        "dC_estimate_GeV2_Lambda10TeV": f**2 / (8 * mp.pi**2) * (c.m_mu**2 - c.m_e**2)
        * mp.log(mp.mpf(10) ** 8 / eta),
        "natural_mass_eV": l2 * abs(exact) / (2 * c.m_e) * mp.mpf(10) ** 9,
        "unsuppressed_m_emu_GeV": abs(mass * mp.sin(2 * alpha) * (both[0] - both[1])),
    } | su2_h_limits(f, fp, sine, cosine, (l2, h2), (h0, a0), c)  # fmt: skip


def su2_h_limits(f, fp, sine, cosine, charged, neutral, c):
    """g-2 of the muon from neutral and charged scalars, eps_tautau, and the T parameter."""
    (l2, h2), (x, y) = charged, (m**2 for m in neutral)
    inverse = sine**2 / l2 + cosine**2 / h2
    loops = sum(value("N_F", c.m_tau**2 / m2) / m2 for m2 in (x, y))
    neutral_part = fp**2 * c.m_mu**2 / (32 * mp.pi**2) * loops
    charged_part = -(f**2) * c.m_mu**2 / (96 * mp.pi**2) * inverse
    t = sum(w * (scalar_t(m2, x) + scalar_t(m2, y)) for w, m2 in ((cosine**2, l2), (sine**2, h2)))
    t -= scalar_t(x, y) + 2 * (sine * cosine) ** 2 * scalar_t(l2, h2)
    return {
        "Delta_a_mu_neutral": neutral_part,
        "Delta_a_mu_charged": charged_part,
        "Delta_a_mu": neutral_part + charged_part,
        "eps_tau": f**2 / (4 * mp.sqrt(2) * c.g_f) * inverse,
        "Delta_T": 2 * t * c.alpha_inv_0 * mp.sqrt(2) * c.g_f / (16 * mp.pi**2),
    }


FILE = "baselines/models.json"
SFERMIONS = ("mL2_j", "mR2_j", "mL2_k", "mR2_k")
TABLES = (
    Table(FILE, ("LR",), ("ml", "xi", "MW2", "mnu_GeV"), left_right),
    Table(FILE, ("RPV",), ("type", "j", "k", "L1", "L2", "A_eff", *SFERMIONS), rpv),
    Table(FILE, ("SU2H",), ("f", "fp", "alpha", "mh", "mH", "mH0", "mA0", "dC"), su2_h),
)
