"""The density of runs/quickstart.toml in plain NumPy: what a careful user would write by hand.

The same mass terms, moment and likelihoods as `weak_triplet`, from the same closed forms, with
the cancellations of the naive formulas left in. Works on columns and on single points.
"""

import numpy as np

V_H, M_H, M_E, K, SQRT2 = 174.1035772744943, 125.13, 0.00051099895069, 16 * np.pi**2, np.sqrt(2.0)
NAMES = ("y_d", "y_psi", "y_t", "y_delta", "m_psi", "m_phi", "v_s", "lambda_hs")


def loop_l(t):
    return np.where(np.abs(t - 1) < 1e-6, 1.0 - 0.5 * (t - 1), np.log(t) / (t - 1))


def loop_g(t):
    near = np.abs(t - 1) < 1e-4
    return np.where(near, 0.5 - (t - 1) / 3, (t - 1 - np.log(t)) / (t - 1) ** 2)


def observables(p, lambda_s=0.1):
    """(m_nu in eV, mu_nu in mu_B, theta_sq, rho0, largest Yukawa)."""
    m, m_phi, v_s = p["m_psi"], p["m_phi"], p["v_s"]
    m_d, m_h, m_s = p["y_d"] * V_H, p["y_psi"] * V_H / SQRT2, p["y_delta"] * v_s
    heavy = 0.5 * (np.hypot(m_d + m, m_h - m_s) + np.hypot(m_d - m, m_h + m_s))
    tree = (m_d * m - m_h * m_s) / heavy
    s_l = np.sin(0.5 * np.arctan2(2 * (m_d * m_s + m_h * m), m**2 + m_s**2 - m_d**2 - m_h**2))
    v2 = V_H**2 + 2 * v_s**2
    m11, m12 = M_H**2, SQRT2 * V_H * v_s * (2 * p["lambda_hs"] - m_phi**2 / v2)
    m22 = 8 * v_s**2 * lambda_s + V_H**2 * m_phi**2 / v2
    gap = m22 - m11
    root = np.hypot(gap, 2 * m12)
    sin_2zeta = -2 * m12 * np.sign(gap) / root
    low, high = 0.5 * (m11 + m22 - root), 0.5 * (m11 + m22 + root)
    m1, m2 = np.where(gap >= 0, low, high), np.where(gap >= 0, high, low)
    yy = p["y_psi"] * p["y_delta"] * m
    neutral = yy * sin_2zeta / (4 * K) * (loop_l(m**2 / m1) - loop_l(m**2 / m2))
    x = SQRT2 * v_s / V_H
    charged = -yy * np.sqrt(1 - s_l**2) * x / (1 + x**2) * loop_l((m / m_phi) ** 2) / K
    heavy_e = np.sqrt(m**2 + 2 * m_h**2)  # electron mass neglected
    t, t_e = (m / m_phi) ** 2, (heavy_e / m_phi) ** 2
    loop_f = [loop_l(u) + np.log(u) for u in (t, t_e)]
    common = s_l * p["y_t"] * p["y_delta"] / (1 + x**2) / (SQRT2 * K)
    split = common * m * (loop_f[0] - loop_f[1])
    moment = common * m * (loop_g(t) + loop_g(t_e)) / m_phi**2
    m_nu = np.abs(tree + neutral + charged + split) * 1e9
    largest = np.maximum(np.maximum(p["y_psi"], p["y_t"]), p["y_delta"])
    theta_sq = 0.5 * (p["y_psi"] * V_H / m) ** 2
    return m_nu, 2 * M_E * np.abs(moment), theta_sq, 1 + 2 * (v_s / V_H) ** 2, largest


def log_likelihood(p):
    """The constraints and the wish of runs/quickstart.toml."""
    m_nu, mu_nu, theta_sq, rho0, largest = observables(p)
    total = -0.5 * ((m_nu - 0.05) / 0.005) ** 2 - 0.5 * (mu_nu**2 * 1.6449 / 6.4e-12**2) ** 2
    total = total - 0.5 * (theta_sq * 1.95996 / 1e-3) ** 2 - 0.5 * ((rho0 - 1.00031) / 1.9e-4) ** 2
    total = total - 0.5 * np.logaddexp(0.0, (910.0 - p["m_psi"]) / 9.1) ** 2
    total = total - 0.5 * np.logaddexp(0.0, (largest / np.sqrt(4 * np.pi) - 1) / 0.01) ** 2
    return total - 0.5 * (np.maximum(-12.0 - np.log10(mu_nu), 0.0) / 0.25) ** 2
