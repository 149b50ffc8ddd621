"""Neutrino masses in stars and the plasmon decay they suppress (arXiv:2007.04291, 1912.13488)."""

import mpmath as mp
from oracle import Table


def plasma(rho, y_e, c):
    """Nucleon density in eV^3, Fermi momentum and plasma frequency of a degenerate gas in eV."""
    nucleons = rho / c.u_g * c.hbarc_ev_cm**3
    electrons, m = y_e * nucleons, c.m_e * mp.mpf(10) ** 9
    momentum = mp.cbrt(3 * mp.pi**2 * electrons)
    energy = mp.sqrt(momentum**2 + m**2)
    return nucleons, momentum, mp.sqrt(4 * mp.pi / c.alpha_inv_0 * electrons / energy)


def scalar_density(momentum, c):
    """<ebar e> = m/(2 pi^2) [p E - m^2 ln((p+E)/m)], in eV^3."""
    m = c.m_e * mp.mpf(10) ** 9
    energy = mp.sqrt(momentum**2 + m**2)
    return m / (2 * mp.pi**2) * (momentum * energy - m**2 * mp.log((momentum + energy) / m))


def row(given, c):
    """Medium mass y_nu y_f n/m_phi^2 [1 - (1+X) e^-X], X = m_phi R, and both factors Phi(r)."""
    keys = ("rho_gcc", "Ye", "ynu_yf", "mphi_eV", "R_km")
    rho, y_e, couplings, m_phi, radius = (mp.mpf(given[key]) for key in keys)
    nucleons, momentum, omega = plasma(rho, y_e, c)
    source = nucleons if given["target"] == "N" else scalar_density(momentum, c)
    x = m_phi * radius * mp.mpf(10) ** 5 / c.hbarc_ev_cm
    mass = couplings * source / m_phi**2 * (1 - (1 + x) * mp.exp(-x))
    r = (mass / omega) ** 2
    left = max(1 - 4 * r, mp.mpf(0))
    return {
        "n_source_eV3": source,
        "omega_pl_eV": omega,
        "m_eff_eV": mass,
        "Phi_mag": (1 + 8 * r) * mp.sqrt(left),
        "Phi_el": left * mp.sqrt(left),
        "forbidden": bool(2 * mass >= omega),
    }


GIVEN = ("rho_gcc", "Ye", "ynu_yf", "mphi_eV", "R_km", "target")
TABLES = (Table("constraints/trapping.json", ("rows",), GIVEN, row),)
