"""Parameters of `dark_dipole` in its parametrisations: names, priors, units."""

from nmmjax.physics.neutrinos import FLAVOURS
from nmmjax.physics.numbers import PERTURBATIVE
from nmmjax.target.model import Parameter, Plane
from nmmjax.target.priors import Angle, LogUniform, SignedLog, Uniform

LEPTONS = FLAVOURS


def matrix() -> tuple[Parameter, ...]:
    """Return the scalar mass matrices N = diag(n1, n2) and A."""
    breaking = SignedLog(1.0, scale=1e-6)
    rows = [
        ("n1", LogUniform(1e-4, 1.0), "N_1", "U(1)_D-conserving scalar mass squared"),
        ("n2", LogUniform(1e-4, 1.0), "N_2", "U(1)_D-conserving scalar mass squared"),
        ("a11", breaking, "A_{11}", "U(1)_D-breaking scalar mass squared"),
        ("a12", breaking, "A_{12}", "U(1)_D-breaking scalar mixing"),
        ("a22", breaking, "A_{22}", "U(1)_D-breaking scalar mass squared"),
    ]
    return tuple(Parameter(p, prior, "GeV^2", tex, text) for p, prior, tex, text in rows)


def eigenstates() -> tuple[Parameter, ...]:
    """Masses and mixing angles of the dark scalars."""
    masses = tuple(
        Parameter(f"m_{s}{k}", LogUniform(1e-2, 1.0), "GeV", f"M_{{{s.upper()}_{k}}}", text)
        for s, text in (("h", "CP-even dark scalar"), ("a", "CP-odd dark scalar"))
        for k in (1, 2)
    )
    return (*masses, *_ANGLES)


def pairs() -> tuple[Parameter, ...]:
    """Masses around which H_k and A_k form pairs, their splittings, and mixing angles."""
    masses = tuple(
        Parameter(f"m_s{k}", LogUniform(1e-2, 1.0), "GeV", f"M_{k}", "Mass of the pair H_k, A_k")
        for k in (1, 2)
    )
    splits = tuple(
        Parameter(
            f"split_{k}",
            SignedLog(1.0, scale=1e-8),
            "",
            rf"\ln(M_{{A_{k}}}/M_{{H_{k}}})",
            "Splitting of the pair H_k, A_k",
            logarithm=True,
        )
        for k in (1, 2)
    )
    return (*masses, *splits, *_ANGLES)


_ANGLES = (
    Parameter("theta_r", Angle(), "rad", r"\theta_R", "Mixing of the CP-even dark scalars"),
    Parameter("theta_i", Angle(), "rad", r"\theta_I", "Mixing of the CP-odd dark scalars"),
)
TILT = Parameter(
    "tilt",
    SignedLog(1.0, scale=1e-8),
    "",
    r"\ln(m_D/m_D^0)",
    "Dirac mass of N over that of massless neutrinos",
    logarithm=True,
)
FERMIONS = (
    Parameter("m_lnv", LogUniform(1e-6, 10.0), "GeV", "m", "Lepton-number violating mass of N"),
    Parameter("m_dirac", LogUniform(1e-2, 1e4), "GeV", "m_D", "Dirac mass of N"),
    Parameter("m_e_vll", LogUniform(200.0, 1e4), "GeV", "M_E", "Vector-like charged lepton"),
)
PLANES = (Plane("m_aprime", "eps", "br_inv_aprime"), Plane("m_aprime", "mu_eff_dark_solar"))
GAUGE = (
    Parameter("g_d", LogUniform(1e-4, PERTURBATIVE), "", "g_D", "Coupling of U(1)_D"),
    Parameter("eps", LogUniform(1e-8, 1e-2), "", r"\epsilon", "Kinetic mixing"),
    Parameter("m_aprime", LogUniform(1e-3, 1.0), "GeV", "m_{A'}", "Dark photon"),
)
ANGLE = (
    Parameter("ci_re", Angle(), "rad", r"\mathrm{Re}\,z", "Casas-Ibarra angle"),
    Parameter("ci_im", Uniform(-3.0, 3.0), "", r"\mathrm{Im}\,z", "Casas-Ibarra angle"),
)


def yukawas() -> tuple[Parameter, ...]:
    """Real and imaginary parts of y_la."""
    tex = {"e": "e", "mu": r"\mu", "tau": r"\tau"}
    return tuple(
        Parameter(
            f"{part}_y_{lepton}{a}",
            SignedLog(PERTURBATIVE, scale=1e-5),
            "",
            rf"\mathrm{{{part.capitalize()}}}\,y_{{{tex[lepton]}{a}}}",
            f"Yukawa coupling of L_{lepton}, Psi and S_{a}",
        )
        for lepton in LEPTONS
        for a in (1, 2)
        for part in ("re", "im")
    )
