"""Models I, II, III of arXiv:2605.19544 for one generation, at 50 digits.

Masses in GeV; moments in GeV^-1 without e, and as 2 m_e mu in mu_B. K = 16 pi^2. `derived` is what
the Lagrangian gives, `as_printed` the formula of the paper. Equations are those of the paper.
"""

import mpmath as mp
from oracle import Table
from weak_triplet_loops import G, Gm, L, mass_splitting
from weak_triplet_matrices import light_and_heavy


def finite_b0(m, scalar, scale2=1):
    """-B0(0; m, M) in MSbar: L(M^2/m^2) + ln(M^2/mu^2) - 1."""
    return L((scalar / m) ** 2) + mp.log(scalar**2 / scale2) - 1


def in_mu_b(made, c):
    return made | {f"{k}_muB": 2 * c.m_e * x for k, x in made.items() if k.startswith("mu_")}


def neutral_tree(p, singlet, c):
    """Light and heavy neutrino of [[y_D v, y_Psi v/sqrt2], [singlet, m_Psi]]; sines."""
    m = (p["yD"] * c.v_h, p["yPsi"] * c.v_h / mp.sqrt(2), singlet, p["mPsi"])
    return dict(
        zip(("m_nu_tree", "m_N_heavy", "sin_thL", "sin_thR"), light_and_heavy(*m), strict=True)
    )


# Model I


def model_1(p, c):
    neutral = neutral_tree(p, p["yd"] * p["vS"], c)
    charged = dict(
        zip(
            ("m_E_light", "m_E_heavy", "sin_thLE", "sin_thRE"),
            light_and_heavy(p["ye"] * c.v_h, p["yPsi"] * c.v_h, mp.mpf(0), p["mPsi"]),
            strict=True,
        )
    )
    scalars = neutral_scalars(p, c)
    loops = masses_1(p, neutral, charged, scalars, c)
    moments = moments_1(p, neutral, charged, scalars, c)
    made = neutral | expansions_1(p, c) | charged | scalars | loops
    made["m_nu_loop"] = sum(loops[f"m_loop_{k}"] for k in ("neutral", "HSpm", "split"))
    made["m_nu_total"] = made["m_nu_tree"] + made["m_nu_loop"]
    made["m_nu_total_as_printed"] = made["m_nu_tree"] + made["m_loop_eq45_as_printed"]
    return made | in_mu_b(moments, c)


def expansions_1(p, c):
    """Eqs. (16), (19), (20): tree mass and mixing for small v y/m."""
    v, y, m, root = c.v_h, p["yPsi"], p["mPsi"], mp.sqrt(2)
    mass = p["yD"] * v - v * p["vS"] * p["yd"] * y / (root * m)
    left = (1 - v**2 * y**2 / (4 * m**2)) * v * y / (root * m)
    right = p["yd"] * p["vS"] / m + p["yD"] * y * v**2 / (root * m**2)
    return {
        "m_nu_tree_eq16": mass - v**3 * p["yD"] * y**2 / (4 * m**2),
        "sin_thL_eq19": left,
        "sin_thR_eq20": (1 - y**2 * v**2 / (2 * m**2)) * right,
    }


def neutral_scalars(p, c):
    """Mass matrix of (h, S0), its eigenvalues and mixing; the charged scalars' mixing xi.

    h = c phi1 - s phi2, S = s phi1 + c phi2, phi1 -> h without mixing; Eq. (31) has -zeta.
    """
    v, vs, root = c.v_h, p["vS"], mp.sqrt(2)
    quartic = c.m_h**2 / (4 * v**2)
    cubic = root * vs * p["Mphi"] ** 2 / (v**2 + 2 * vs**2)
    m11, m12 = 4 * v**2 * quartic, 2 * root * v * vs * p["lHS"] - v * cubic
    m22 = 8 * vs**2 * p["lS"] + v**2 * cubic / (root * vs)
    with mp.workdps(mp.mp.dps + 60):
        gap, sign = mp.sqrt((m22 - m11) ** 2 + 4 * m12**2), mp.sign(m22 - m11)
        zeta = mp.atan(-2 * m12 / (m22 - m11)) / 2
        squares = (m11 + m22 - sign * gap) / 2, (m11 + m22 + sign * gap) / 2
        sine, double = mp.sin(zeta), mp.sin(2 * zeta)
    return {
        "mu_cubic": cubic, "lambda_H": quartic, "M0sq_11": m11, "M0sq_12": m12, "M0sq_22": m22,
        "m_phi1_sq": +squares[0], "m_phi2_sq": +squares[1], "sin_zeta": +sine,
        "sin_2zeta": +double, "sin_zeta_as_printed": -sine,
        "sin_xi": mp.sin(-mp.atan(root * vs / v)),
        "M_phipm_sq": v**2 * cubic / (root * vs) + root * vs * cubic,
    }  # fmt: skip


def weights_1(charged):
    """Weights of the light and heavy lepton in the Psi_R, Psi_L entry; they add up to m_Psi."""
    left, right = charged["sin_thLE"], charged["sin_thRE"]
    cosines = mp.sqrt(1 - left**2) * mp.sqrt(1 - right**2)
    return right * charged["m_E_light"] * left, cosines * charged["m_E_heavy"]


def masses_1(p, neutral, charged, scalars, c):
    """Loops: neutral scalars, Eq. (45); H+ and S+; Psi+ against Psi- and lepton, exact mixing."""
    m, y = p["mPsi"], p["yPsi"] * p["yd"]
    first, second = (L(m * m / scalars[f"m_phi{i}_sq"]) for i in (1, 2))
    printed = y * scalars["sin_2zeta"] * m / (64 * mp.pi**2) * (first - second)
    sine, left = scalars["sin_xi"], neutral["sin_thL"]
    cosine, cos_left = mp.sqrt(1 - sine**2), mp.sqrt(1 - left**2)
    light, heavy = weights_1(charged)
    split = m * finite_b0(m, p["Mphi"])
    split -= light * finite_b0(abs(charged["m_E_light"]), p["Mphi"])
    split -= heavy * finite_b0(charged["m_E_heavy"], p["Mphi"])
    k = 16 * mp.pi**2
    return {
        "m_loop_neutral": printed,
        "m_loop_eq45_as_printed": -printed,
        "m_loop_HSpm": y * m * cos_left * sine * cosine * L(m**2 / p["Mphi"] ** 2) / k,
        "m_loop_split": left * p["yT"] * p["yd"] * cosine**2 / (mp.sqrt(2) * k) * split,
    }


def moments_1(p, neutral, charged, scalars, c):
    """Both photon graphs on Psi+, Psi- and lepton; its leading term; Eq. (42)."""
    m, scalar, k = p["mPsi"], p["Mphi"], 16 * mp.pi**2
    light, heavy = weights_1(charged)
    cosine, yukawas = mp.sqrt(1 - scalars["sin_xi"] ** 2), p["yPsi"] * p["yT"] * p["yd"]

    def g(mass):
        return G((mass / scalar) ** 2) / scalar**2

    total = m * g(m) + light * g(charged["m_E_light"]) + heavy * g(charged["m_E_heavy"])
    factor = neutral["sin_thL"] * p["yT"] * p["yd"] * cosine**2 / (mp.sqrt(2) * k)
    printed = -yukawas / (8 * mp.pi**2) * c.v_h * cosine / scalar**2 * Gm((m / scalar) ** 2)
    return {
        "mu_derived": factor * total,
        "mu_leading": yukawas * c.v_h / (k * scalar**2) * G((m / scalar) ** 2),
        "mu_eq42_as_printed": printed,
    }


# Model II: F and eta are doublets


def model_2(p, c):
    v, mu2 = c.v_h, p["mu2"]
    charged, real, imaginary = (
        mu2 + (p["l3"] + a * p["l4"] + b * p["l5"]) * v**2 for a, b in ((0, 0), (1, 1), (1, -1))
    )
    made = neutral_tree(p, mp.mpf(0), c)
    charges = (1, 0, mp.mpf(1) / 2)
    made["dmF_EW"] = mass_splitting("F", p["mF"], charges, c)
    made["dmS_EW"] = mass_splitting("S", mp.sqrt(charged), charges, c)
    made |= {"m_etap_sq_tree": charged, "m_etaR_sq": real, "m_etaI_sq": imaginary}
    factor = made["sin_thL"] * p["y1"] * p["y2"] / (mp.sqrt(2) * 16 * mp.pi**2)
    m0, mp_, eta = p["mF"], p["mF"] + made["dmF_EW"], mp.sqrt(charged) + made["dmS_EW"]

    def mass(f, fermion, scalar2):
        return factor * (m0 * (f(m0, real) + f(m0, imaginary)) / 2 - fermion * f(fermion, scalar2))

    def msbar(m, scalar2):
        return finite_b0(m, mp.sqrt(scalar2), p["mF"] ** 2)

    def f_only(m, scalar2):  # as in Eq. (55)
        return L(m**2 / scalar2)

    made["m_loop_quartic_only"] = mass(f_only, m0, charged)
    made["m_loop_full_MSbar"] = mass(msbar, mp_, eta**2)
    made["m_loop_full_f_only"] = mass(f_only, mp_, eta**2)
    made["m_nu_total"] = made["m_nu_tree"] + made["m_loop_full_MSbar"]
    return made | in_mu_b({"mu_derived": factor * mp_ * G((mp_ / eta) ** 2) / eta**2}, c)


# Model III: coloured triplets with charges 4/3 and -2/3 of hypercharge 1/3


def model_3(p, c):
    v, third = c.v_h, mp.mpf(1) / 3
    made = neutral_tree(p, mp.mpf(0), c)
    charges = (4 * third, -2 * third, third)
    df, ds = (mass_splitting(k, p[m], charges, c) for k, m in (("F", "mF"), ("S", "mS")))
    up, down = (mp.sqrt(p["mS"] ** 2 + sign * p["lamp"] * v**2) for sign in (1, -1))
    made |= {"dmF_EW": df, "dmS_EW": ds, "m_S43_tree": up, "m_S23_tree": down}
    f, s = p["mF"], p["mS"]
    blocks = {
        "tree": (f, f, up, down),
        "EW": (f + df, f, s + ds, s),
        "EW_as_printed": (mp.sqrt(f**2 + df), f, mp.sqrt(s**2 + ds), s),  # Eqs. (58), (59)
        "all": (f + df, f, up + ds, down),
    }
    for tag, masses in blocks.items():
        made |= in_mu_b(block_3(tag, masses, p, made["sin_thL"], c), c)
    made["m_nu_total"] = made["m_nu_tree"] + made["m_loop_MSbar_all"]
    return made


def block_3(tag, masses, p, sine, c):
    """Eqs. (55) and (54), and what the Lagrangian gives, for one set of the four masses."""
    f4, f2, s4, s2 = masses
    charge, yukawas = mp.mpf(2) / 3, p["yT"] * p["yd"]
    printed = 3 * p["yPsi"] * yukawas * c.v_h / p["mPsi"]
    derived = 3 * sine * yukawas / (mp.sqrt(2) * 16 * mp.pi**2)

    def over(g, f, s):
        return f * g((f / s) ** 2) / s**2

    def b0(f, s):
        return f * finite_b0(f, s, p["mF"] ** 2)

    eq55 = f4 * L((f4 / s4) ** 2) - f2 * L((f2 / s2) ** 2)
    eq54 = over(Gm, f4, s4) + over(Gm, f2, s2)
    return {
        f"m_loop_eq55_{tag}": printed / (32 * mp.pi**2) * eq55,
        f"m_loop_MSbar_{tag}": derived * (b0(f4, s4) - b0(f2, s2)),
        f"mu_derived_{tag}": derived * charge * (2 * over(G, f4, s4) + over(G, f2, s2)),
        f"mu_eq54_as_printed_{tag}": -printed / (12 * mp.pi**2) * eq54,
    }


# Rows


def rows_of(model, moment):
    """Outputs at one point, and d ln X/d ln p of the mass and the moment to 15 digits."""

    def row(given, constants):
        point = {key: mp.mpf(float(x)) for key, x in given["inputs"].items()}
        slopes = {key: {} for key in ("m_nu_total", moment)}
        for name in (key for key, x in point.items() if x != 0):
            step = mp.mpf(10) ** -18
            with mp.workdps(90):
                up, down = (
                    model(point | {name: point[name] * (1 + s)}, constants) for s in (step, -step)
                )
                for key, found in slopes.items():
                    rate = (up[key] - down[key]) / (up[key] + down[key]) / step
                    found[name] = mp.nstr(rate, 15)
        return {"outputs": model(point, constants), "elasticity": slopes}

    return row


TABLES = (
    Table("weak_triplet/model1.json", ("rows",), ("inputs",), rows_of(model_1, "mu_derived"), 70),
    Table("weak_triplet/model2.json", ("rows",), ("inputs",), rows_of(model_2, "mu_derived"), 70),
    Table(
        "weak_triplet/model3.json", ("rows",), ("inputs",), rows_of(model_3, "mu_derived_all"), 70
    ),
)
