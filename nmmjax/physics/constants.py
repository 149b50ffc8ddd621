"""Standard-Model inputs: one frozen dataclass and its default instance `SM`.

Masses and energies in GeV. Each field names its source. Reference values in `tests/reference` carry
the constants that they were made with, and need no change when a value here does.
"""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Constants:
    """Inputs of the Standard Model; `Constants(v_h=174.0)` overrides one of them.

    `alpha_0`, `e`, `v_ew` and `v_h` are derived from `alpha_inv_0` and `g_f` unless given.
    """

    # Leptons
    m_e: float = 0.00051099895069  # CODATA 2022
    m_mu: float = 0.1056583755  # CODATA 2022
    m_tau: float = 1.77693  # PDG 2026
    # Electroweak
    g_f: float = 1.1663788e-05  # GeV^-2, PDG 2023
    alpha_inv_0: float = 137.035999177  # CODATA 2022
    alpha_inv_mz: float = 127.93  # MSbar, five flavours, PDG 2024
    s2w: float = 0.23122  # sin^2 theta_W, MSbar at m_Z, PDG 2025
    m_w: float = 80.3625  # PDG 2026, CDF 2022 excluded
    m_z: float = 91.1879  # PDG 2026
    gamma_z: float = 2.4955  # PDG 2026
    m_h: float = 125.13  # PDG 2026
    # Quarks
    m_t: float = 172.6  # direct measurements, PDG 2026
    m_b: float = 4.186  # MSbar at m_b, PDG 2026
    m_c: float = 1.2729  # MSbar at m_c, PDG 2026
    m_s: float = 0.0929  # MSbar at 2 GeV, PDG 2026
    m_d: float = 0.0047  # MSbar at 2 GeV, PDG 2026
    m_u: float = 0.00216  # MSbar at 2 GeV, PDG 2026
    alpha_s_mz: float = 0.118  # PDG 2025
    # Decays
    tau_mu: float = 2.1969811e-06  # s, PDG 2026
    tau_tau: float = 2.903e-13  # s, PDG 2026
    br_tau_enunu: float = 0.17847  # HFLAV fit, PDG 2026
    br_tau_mununu: float = 0.17366  # HFLAV fit, PDG 2026
    hbar: float = 6.582119569509e-25  # GeV s, exact, CODATA 2022
    # Derived unless given
    alpha_0: float = math.nan  # 1/alpha_inv_0
    e: float = math.nan  # sqrt(4 pi alpha_0), Heaviside-Lorentz
    v_ew: float = math.nan  # (sqrt2 G_F)^(-1/2) = 246.2196 GeV
    v_h: float = math.nan  # <H0> = v_ew/sqrt2 = 174.1036 GeV

    def __post_init__(self) -> None:
        alpha_0 = 1.0 / self.alpha_inv_0
        derived = {
            "alpha_0": alpha_0,
            "e": math.sqrt(4.0 * math.pi * alpha_0),
            "v_ew": (math.sqrt(2.0) * self.g_f) ** -0.5,
            "v_h": (2.0 * math.sqrt(2.0) * self.g_f) ** -0.5,
        }
        for name, value in derived.items():
            if math.isnan(getattr(self, name)):
                object.__setattr__(self, name, value)


SM = Constants()
