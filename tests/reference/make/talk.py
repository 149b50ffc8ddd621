"""Numbers of the overview of models: coefficients and estimates, 12 digits."""

import mpmath as mp
from moment_loops import value
from oracle import Table
from trapping import plasma


def coefficients(c):
    """Standard-Model moments per eV of mass, with and without the factor 3 of the loop."""
    unit = 2 * c.m_e * c.g_f / (8 * mp.sqrt(2) * mp.pi**2) * mp.mpf("1e-9")
    square = (c.m_tau / c.m_w) ** 2
    return {
        "SM_Dirac_coeff_muB_per_eV (3eGF/8sqrt2pi^2)": 3 * unit,
        "slide_formula_without_3_at_0.1eV": unit / 10,
        "with_3_at_0.1eV": 3 * unit / 10,
        "Dirac_transition_coeff (3eGF/32sqrt2pi^2)(mtau/MW)^2 per eV": 3 * unit / 4 * square,
        "Majorana_transition_coeff (3eGF/16sqrt2pi^2)(mtau/MW)^2 per eV": 3 * unit / 2 * square,
        "naturalness M=100GeV mu=1e-11 -> eV": mp.mpf("1e-7") / (2 * c.m_e) * mp.mpf("1e9"),
    }


def left_right(c):
    unit = c.g_f * c.m_e / (mp.sqrt(2) * mp.pi**2)
    masses = {"e": c.m_e, "mu": c.m_mu, "tau": c.m_tau}
    return {
        **{f"LR_coeff_sin2xi_{name}": unit * m for name, m in masses.items()},
        **{
            f"LR_sin2xi_for_1e-15_{name}": mp.mpf("1e-15") / (unit * m)
            for name, m in masses.items()
        },
        "LR_xi_geometric_MW2=5TeV": (c.m_w / 5000) ** 2,
    }


def su2_h(c):
    """Couplings that give a moment, or the muon's g-2, at 100 GeV and a decoupled H."""
    t = (c.m_tau / 100) ** 2
    per_coupling = 2 * c.m_e / (16 * mp.pi**2) * c.m_tau * value("F_flip", t) / 10**4
    g2 = c.m_mu**2 / (16 * mp.pi**2) * value("N_F", t) / 10**4
    return {
        **{
            f"SU2H_ffp_sin2a_for_{mu}_mh100_mHinf": mp.mpf(mu) / per_coupling
            for mu in ("2.2e-11", "6.4e-12")
        },
        "SU2H_fp2_for_Da251e-11_m100 (mH0=mA0)": mp.mpf("251e-11") / g2,
    }


def row(given, c):
    rpv = 2 * c.m_e * c.m_tau**2 / 100 * 500 / (16 * mp.pi**2) / mp.mpf(500) ** 4
    return {
        **coefficients(c),
        **left_right(c),
        **su2_h(c),
        "omega_pl_TRGB_rho1e6_eV": plasma(mp.mpf(10) ** 6, mp.mpf(1) / 2, c)[2],
        "RPV_slide lam'^2 ml^2 A/(16pi^2 M^4): lam'=0.1 ml=mtau A=M=500 (muB)": rpv,
    }


TABLES = (Table("baselines/slide_numbers.json", ("numbers",), (), row, digits=12),)
