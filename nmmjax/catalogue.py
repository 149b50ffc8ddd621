"""The catalogue of observables: what each public name means, its unit and its LaTeX.

Masses are in GeV except neutrino masses and their terms, which are in eV; moments are in Bohr
magnetons; angles are in radians. Models return these names, constraints ask for them.
"""

import dataclasses
import math
import re

from nmmjax.errors import InputError, suggest


@dataclasses.dataclass(frozen=True)
class Quantity:
    """Unit ("" if dimensionless), LaTeX without dollar signs, meaning; of angles the period."""

    unit: str
    latex: str
    text: str
    period: float | None = None


_NEUTRINO_MASS = {
    "m_nu": Quantity("eV", r"m_\nu", "Neutrino mass: |sum of all terms|, or the largest of three"),
    "m_nu_total": Quantity("eV", r"m_\nu^{\mathrm{signed}}", "Neutrino mass with its sign"),
    "m_nu_tree": Quantity("eV", r"m_\nu^{\mathrm{tree}}", "Tree-level mass, signed"),
    "m_nu_dirac": Quantity("eV", r"m_\nu^{\mathrm{Dirac}}", "Tree: direct Yukawa term, signed"),
    "m_nu_seesaw": Quantity("eV", r"m_\nu^{\mathrm{seesaw}}", "Tree: heavy-mixing term, signed"),
    "m_nu_loop": Quantity("eV", r"m_\nu^{\mathrm{loop}}", "Sum of the one-loop terms, signed"),
    "m_nu_neutral": Quantity("eV", r"m_\nu^{\mathrm{neutral}}", "Neutral-scalar loop, signed"),
    "m_nu_charged": Quantity("eV", r"m_\nu^{\mathrm{charged}}", "Charged-scalar loop, signed"),
    "m_nu_split": Quantity(
        "eV", r"m_\nu^{\mathrm{split}}", "Loop from mass splittings in a multiplet, signed"
    ),
    "m_nu_quartic": Quantity(
        "eV", r"m_\nu^{\mathrm{quartic}}", "Loop from splittings by quartic couplings, signed"
    ),
    "m_nu_ew": Quantity(
        "eV", r"m_\nu^{\mathrm{EW}}", "Loop from electroweak mass splittings, signed"
    ),
    "m_nu_rge": Quantity(
        "eV",
        r"m_\nu^{\mathrm{RGE}}",
        "Mass by running of the moment's operator (Majorana: an estimate)",
    ),
    "m_nu_cubic": Quantity(
        "eV", r"m_\nu^{\mathrm{cubic}}", "Tree mass from the induced cubic scalar coupling"
    ),
    "m_nu_mixing": Quantity("eV", r"m_\nu^{W_L W_R}", "Estimate: mass that W_L-W_R mixing induces"),
    "m_nu_unsuppressed": Quantity(
        "eV", r"m_\nu^{\mathrm{uns}}", "Estimate: loop mass without the protecting symmetry"
    ),
    "m_nu_2loop": Quantity(
        "eV", r"m_\nu^{(2)}", "Estimate: mass from the two-loop moment's graphs without photon"
    ),
    "m_nu_l1": Quantity("eV", r"m_\nu^{L_1}", "Mass term of the coupling product l1, signed"),
    "m_nu_l2": Quantity("eV", r"m_\nu^{L_2}", "Mass term of the coupling product l2, signed"),
    "m_nu_naive": Quantity(
        "eV", r"m_\nu^{\mathrm{naive}}", "Estimate: mass of the moment's loop without the photon"
    ),
    "m_nu_lnv_r": Quantity(
        "eV", r"m_\nu^{N_R}", "Part of the largest mass from the Majorana mass of N_R, signed"
    ),
    "m_nu_lnv_l": Quantity(
        "eV", r"m_\nu^{N_L}", "Part of the largest mass from the Majorana mass of N_L, signed"
    ),
    "m_lightest": Quantity("eV", r"m_{\mathrm{lightest}}", "Mass of the lightest neutrino"),
    "sum_m_nu": Quantity("eV", r"\Sigma m_\nu", "Sum of the three neutrino masses"),
    "m_beta": Quantity("eV", r"m_\beta", "Mass in beta decay, (sum |U_ei|^2 m_i^2)^(1/2)"),
    "m_nu_medium": Quantity("eV", r"m_\nu^{\mathrm{star}}", "Neutrino mass inside a star's core"),
    "m_ee": Quantity("eV", r"|m_{ee}|", "Mass in neutrinoless double beta decay"),
}

_MOMENTS = {
    "mu_nu": Quantity("mu_B", r"\mu_\nu", "Size of the magnetic moment, in any basis"),
    "mu_nu_flip": Quantity(
        "mu_B", r"\mu_\nu^{\mathrm{flip}}", "Moment by chirality flip on the charged lepton, signed"
    ),
    "mu_nu_mass": Quantity("mu_B", r"\mu_\nu^{m}", "Moment proportional to m_nu, signed"),
    "mu_nu_1loop": Quantity("mu_B", r"\mu_\nu^{(1)}", "Size of the one-loop moment"),
    "mu_nu_2loop": Quantity("mu_B", r"\mu_\nu^{(2)}", "Size of the two-loop moment"),
    "mu_nu_leading": Quantity("mu_B", r"\mu_\nu^{\mathrm{lead}}", "Leading term of the moment"),
    "mu_eff_solar": Quantity(
        "mu_B", r"\mu_{\mathrm{eff}}^{\odot}", "Moment seen by solar neutrinos: mu_eff_pp"
    ),
    "mu_eff_pp": Quantity(
        "mu_B", r"\mu_{\mathrm{eff}}^{pp}", "Moment seen by solar pp neutrinos (XENONnT, LZ)"
    ),
    "mu_eff_be7": Quantity(
        "mu_B",
        r"\mu_{\mathrm{eff}}^{^7\mathrm{Be}}",
        "Moment seen by solar 7Be neutrinos (Borexino)",
    ),
    "mu_eff_b8": Quantity(
        "mu_B",
        r"\mu_{\mathrm{eff}}^{^8\mathrm{B}}",
        "Moment seen by solar 8B neutrinos (Super-Kamiokande)",
    ),
    "mu_eff_reactor": Quantity(
        "mu_B", r"\mu_{\mathrm{eff}}^{\bar{\nu}_e}", "Moment seen by reactor antineutrinos"
    ),
    "mu_eff_numu": Quantity("mu_B", r"\mu_{\mathrm{eff}}^{\nu_\mu}", "Moment seen by nu_mu beams"),
    "mu_eff_nutau": Quantity(
        "mu_B", r"\mu_{\mathrm{eff}}^{\nu_\tau}", "Moment seen by nu_tau beams"
    ),
    "mu_eff_plasmon": Quantity(
        "mu_B", r"\mu_{\mathrm{eff}}^{\mathrm{plasmon}}", "Moment in plasmon decay, in stars"
    ),
    "d_nu": Quantity("mu_B", r"d_\nu", "Electric moment for a real, positive mass, signed"),
    "mu_eff_dirac": Quantity(
        "mu_B", r"\mu_{\mathrm{eff}}^{\mathrm{Dirac}}", "Moment that flips nu_L to a sterile nu_R"
    ),
    "mu_portal_solar": Quantity(
        "mu_B", r"\mu_{\nu N}^{\odot}", "Moment of low-energy solar neutrinos to a heavy lepton N"
    ),
    "m_n": Quantity("GeV", "m_N", "Mass of a heavy neutral lepton N"),
    "d_e": Quantity("GeV^-1", "d_e", "Dipole of nu_e to a heavy lepton N"),
    "d_mu": Quantity("GeV^-1", r"d_\mu", "Dipole of nu_mu to a heavy lepton N"),
    "d_tau": Quantity("GeV^-1", r"d_\tau", "Dipole of nu_tau to a heavy lepton N"),
    "d_solar": Quantity("GeV^-1", r"d^{\odot}", "Dipole of 8B neutrinos to a heavy lepton N"),
    "d_any": Quantity("GeV^-1", "d", "Dipoles of all flavours to a heavy lepton N, in quadrature"),
    "mu_eff_dark": Quantity(
        "mu_B", r"\epsilon\,\mu_D", "Dark moment times kinetic mixing, without mediator factor"
    ),
    "mu_eff_dark_solar": Quantity(
        "mu_B",
        r"\epsilon\,\mu_D^{\odot}",
        "mu_eff_dark as solar neutrinos see it, of the model's setting `source`",
    ),
    "mu_eff_dark_pp": Quantity(
        "mu_B", r"\epsilon\,\mu_D^{pp}", "mu_eff_dark as solar pp neutrinos see it (XENONnT)"
    ),
    "mu_eff_dark_be7": Quantity(
        "mu_B",
        r"\epsilon\,\mu_D^{^7\mathrm{Be}}",
        "mu_eff_dark as solar 7Be neutrinos see it (Borexino)",
    ),
    "mu_eff_dark_reactor": Quantity(
        "mu_B", r"\epsilon\,\mu_D^{\bar{\nu}_e}", "mu_eff_dark as reactor antineutrinos see it"
    ),
}

_MIXING = {
    "sin_theta_l": Quantity("", r"\sin\theta_L", "Left mixing of nu with the heavy neutral lepton"),
    "sin_theta_r": Quantity("", r"\sin\theta_R", "Right mixing of nu_R with the heavy lepton"),
    "sin_theta_l_e": Quantity("", r"\sin\theta_L^{E}", "Left mixing of charged leptons"),
    "sin_theta_r_e": Quantity("", r"\sin\theta_R^{E}", "Right mixing of charged leptons"),
    "theta_sq": Quantity("", r"|\Theta|^2", "Square of the active-heavy mixing"),
    "sin_zeta": Quantity("", r"\sin\zeta", "Mixing of the neutral scalars"),
    "sin_2zeta": Quantity("", r"\sin 2\zeta", "Mixing of the neutral scalars, double angle"),
    "sin_xi": Quantity("", r"\sin\xi", "Mixing of the charged scalars"),
    "sin2_th12": Quantity("", r"\sin^2\theta_{12}", "Solar mixing"),
    "sin2_th23": Quantity("", r"\sin^2\theta_{23}", "Atmospheric mixing"),
    "sin2_th13": Quantity("", r"\sin^2\theta_{13}", "Reactor mixing"),
    "delta_cp": Quantity(
        "rad", r"\delta_{\mathrm{CP}}", "Dirac phase of the PMNS matrix", period=2.0 * math.pi
    ),
    "dm2_21": Quantity("eV^2", r"\Delta m^2_{21}", "Solar mass splitting"),
    "dm2_3l": Quantity(
        "eV^2", r"\Delta m^2_{3\ell}", "m_3^2 - m_1^2 > 0 (NO) or m_3^2 - m_2^2 < 0 (IO)"
    ),
}

_SPECTRUM = {
    "m_n_heavy": Quantity("GeV", r"m_{N}", "Heavy neutral lepton"),
    "tau_n": Quantity("s", r"\tau_N", "Lifetime of a heavy neutral lepton by its dipoles"),
    "m_e_light": Quantity("GeV", r"m_{\ell}", "Light charged lepton"),
    "m_e_heavy": Quantity("GeV", r"m_{E}", "Heavy charged lepton"),
    "m_phi1": Quantity("GeV", r"m_{\phi_1}", "Higgs-like neutral scalar"),
    "m_phi2": Quantity("GeV", r"m_{\phi_2}", "Other neutral scalar"),
    "m_triplet": Quantity("GeV", r"m_{\Psi}", "Fermion triplet, as collider searches see it"),
    "m_vll": Quantity("GeV", r"m_{\mathrm{VLL}}", "Vector-like charged lepton"),
    "m_charged_scalar": Quantity("GeV", r"m_{\phi^\pm}", "Lightest charged scalar"),
    "m_doubly_charged_scalar": Quantity("GeV", r"m_{\phi^{\pm\pm}}", "Doubly charged scalar"),
    "m_colored_scalar": Quantity("GeV", r"m_{S}^{\mathrm{col}}", "Lightest coloured scalar"),
    "m_colored_fermion": Quantity("GeV", r"m_{F}^{\mathrm{col}}", "Lightest coloured fermion"),
    "mu_cubic": Quantity("GeV", r"\mu_{HHS}", "Cubic coupling of the scalar potential"),
    "lambda_h": Quantity("", r"\lambda_H", "Higgs quartic coupling"),
    "det_m0": Quantity("GeV^4", r"\det M_0^2", "Determinant of the neutral-scalar mass matrix"),
    "quartic_kappa": Quantity("", r"\lambda_\kappa", "Quartic coupling behind a cubic one, kappa"),
    "delta_c_loop": Quantity(
        "GeV^2", r"\delta_c^{\mathrm{loop}}", "Estimate: scalar splitting that Yukawa loops induce"
    ),
    "min_eig": Quantity("GeV^2", r"\min\mathrm{eig}\,M_S^2", "Smallest scalar mass squared"),
    "y_d_max": Quantity("", r"\max|y_D|", "Largest Dirac Yukawa coupling of the neutrinos"),
    "max_yukawa": Quantity("", r"\max|y|", "Largest Yukawa coupling"),
}

_RARE = {
    "br_mu_e_gamma": Quantity("", r"\mathrm{BR}(\mu\to e\gamma)", "Branching ratio"),
    "br_tau_mu_gamma": Quantity("", r"\mathrm{BR}(\tau\to\mu\gamma)", "Branching ratio"),
    "br_tau_e_gamma": Quantity("", r"\mathrm{BR}(\tau\to e\gamma)", "Branching ratio"),
    "br_mu_3e": Quantity("", r"\mathrm{BR}(\mu\to 3e)", "Branching ratio"),
    "br_tau_3mu": Quantity("", r"\mathrm{BR}(\tau\to 3\mu)", "Branching ratio"),
    "br_tau_3e": Quantity("", r"\mathrm{BR}(\tau\to 3e)", "Branching ratio"),
    "cr_mu_e_al": Quantity("", r"\mathrm{CR}(\mu\to e,\,\mathrm{Al})", "Conversion in aluminium"),
    "cr_mu_e_ti": Quantity("", r"\mathrm{CR}(\mu\to e,\,\mathrm{Ti})", "Conversion in titanium"),
    "cr_mu_e_au": Quantity("", r"\mathrm{CR}(\mu\to e,\,\mathrm{Au})", "Conversion in gold"),
    "delta_a_e": Quantity("", r"\Delta a_e", "New contribution to (g-2)/2 of the electron"),
    "delta_a_mu": Quantity("", r"\Delta a_\mu", "New contribution to (g-2)/2 of the muon"),
    "delta_a_mu_neutral": Quantity("", r"\Delta a_\mu^0", "delta_a_mu from neutral scalars"),
    "delta_a_mu_charged": Quantity("", r"\Delta a_\mu^\pm", "delta_a_mu from charged scalars"),
    "eps_tau": Quantity("", r"\epsilon_\tau", "Tau-decay amplitude over that of the W, minus 1"),
    "eps_emu": Quantity("", r"\epsilon_{e\mu}", "Amplitude of mu -> e nu nu over W's, minus 1"),
    "eps_etau": Quantity("", r"\epsilon_{e\tau}", "Amplitude of tau -> e nu nu over W's, minus 1"),
    "eps_mutau": Quantity(
        "", r"\epsilon_{\mu\tau}", "Amplitude of tau -> mu nu nu over W's, minus 1"
    ),
    "br_h_inv": Quantity("", r"\mathrm{BR}(h\to\mathrm{inv})", "Invisible Higgs decays"),
    "br_k_pi_inv": Quantity(
        "", r"\mathrm{BR}(K^+\to\pi^+ A')", "Kaon decays to a pion and an invisible boson"
    ),
}

_ELECTROWEAK = {
    "s_param": Quantity("", r"S", "Oblique parameter S, new contribution"),
    "t_param": Quantity("", r"T", "Oblique parameter T, new contribution"),
    "u_param": Quantity("", r"U", "Oblique parameter U, new contribution"),
    "rho0": Quantity("", r"\rho_0", "Tree-level rho parameter, 1 in the Standard Model"),
    "m_w": Quantity("GeV", r"m_W", "Mass of the W boson"),
    "gamma_z_ee": Quantity("MeV", r"\Gamma(Z\to ee)", "Width of Z -> e e"),
    "gamma_z_mumu": Quantity("MeV", r"\Gamma(Z\to\mu\mu)", "Width of Z -> mu mu"),
    "gamma_z_tautau": Quantity("MeV", r"\Gamma(Z\to\tau\tau)", "Width of Z -> tau tau"),
    "m_w_heavy": Quantity("GeV", r"m_{W_2}^{\mathrm{heavy}}", "Mass of a second, right-handed W"),
    "w_mixing": Quantity("rad", r"\xi_{LR}", "Mixing angle of W_L and W_R"),
    "sin2_eff": Quantity(
        "", r"\sin^2\theta_{\mathrm{eff}}", "Weak mixing angle of the Z's couplings, by G_mu"
    ),
    "delta_g_mu": Quantity(
        "", r"\Delta G_\mu/G_F", "Fermi constant of muon decay over v's, minus 1"
    ),
    "ckm_row_1": Quantity(
        "", r"\sum_i|V_{ui}|^2", "First row of the CKM matrix as measured with G_mu and electrons"
    ),
    "g_tau_over_g_mu": Quantity("", r"g_\tau/g_\mu", "Charged current of tau over muon, tau -> e"),
    "g_tau_over_g_e": Quantity("", r"g_\tau/g_e", "Charged current of tau over e, tau -> mu"),
    "g_mu_over_g_e": Quantity("", r"g_\mu/g_e", "Charged current of mu over e, pi -> l nu"),
    "gamma_z_inv": Quantity("GeV", r"\Gamma_Z^{\mathrm{inv}}", "Invisible width of the Z boson"),
    "n_eff": Quantity("", r"N_{\mathrm{eff}}", "Effective number of relativistic neutrinos"),
}

_DARK = {
    "m_aprime": Quantity("GeV", r"m_{A'}", "Mass of the dark photon"),
    "m_dark_fermion": Quantity("GeV", r"m_{N_1}^{D}", "Lightest fermion charged under U(1)_D"),
    "eps": Quantity("", r"\epsilon", "Kinetic mixing of the dark photon"),
    "eps_loop": Quantity("", r"\epsilon_{\mathrm{loop}}", "Estimate of radiative kinetic mixing"),
    "br_inv_aprime": Quantity("", r"\mathrm{BR}(A'\to\mathrm{inv})", "Invisible dark photon"),
    "invisible_dominates": Quantity(
        "", r"[A'\to\mathrm{inv}]", "1 where most dark photons decay invisibly"
    ),
    "v_nunu_aprime": Quantity(
        "", r"\max|v_{\nu\nu A'}|", "Largest vector coupling of light neutrinos to A'"
    ),
    "g_nu_e_solar": Quantity(
        "", r"|g_\nu g_e|^{\odot}", "Couplings of A' to solar neutrinos times that to electrons"
    ),
    "g_nu_e_neutral": Quantity(
        "", r"g_{\nu e}^{Z}", "Part of g_nu_e_solar, signed, that interferes with Z exchange"
    ),
    "g_nu_e_charged": Quantity(
        "", r"g_{\nu e}^{W}", "Part of g_nu_e_solar, signed, that interferes with W exchange"
    ),
    "vector_dominates": Quantity(
        "", r"[v_{\nu\nu A'}\ \mathrm{dominates}]", "1 where the vector coupling beats the dipole"
    ),
}

_TUNING = {
    "tuning_bg": Quantity(
        "", r"\Delta_{\mathrm{BG}}", "Largest |d ln m_nu/d ln p| over all parameters p of the model"
    ),
    "tuning_cancel": Quantity(
        "", r"\Delta_{\mathrm{cancel}}", "Sum of the sizes of the mass terms over that of the mass"
    ),
    "tuning_rge": Quantity("", r"\Delta_{\mathrm{RGE}}", "|m_nu_rge| over 0.05 eV"),
    "rge_log": Quantity(
        "",
        r"\ln(M/v)",
        "Logarithm in m_nu_rge, M the heaviest mass in the loop; below 1 it is taken as 1",
    ),
}

CATALOGUE: dict[str, Quantity] = (
    _NEUTRINO_MASS | _MOMENTS | _MIXING | _SPECTRUM | _RARE | _ELECTROWEAK | _DARK | _TUNING
)

_GROUPS = {
    "Neutrino masses": _NEUTRINO_MASS,
    "Magnetic moments": _MOMENTS,
    "Flavour": _MIXING | _RARE,
    "Dark sector": _DARK,
    "Collider and electroweak": _SPECTRUM | _ELECTROWEAK,
    "Fine-tuning": _TUNING,
}
OTHER = "Other quantities"
GROUPS = (*_GROUPS, OTHER)

_FLAVOUR = {"e": "e", "mu": r"\mu", "tau": r"\tau"}
_INDEX = _FLAVOUR | {str(i): str(i) for i in (1, 2, 3)}
_PAIR = r"(?:([123])([123])|(e|mu|tau)(e|mu|tau))"
_FAMILIES = {
    "mu_nu": Quantity("mu_B", r"\mu", "Moment"),
    "d_nu": Quantity("mu_B", "d", "Electric moment"),
    "m_nu": Quantity("eV", "m", "Neutrino mass matrix"),
}


def quantity(name: str) -> Quantity:
    """Return the catalogue's entry of `name`, or that of its family.

    Families: mu_nu_12 (mass basis), mu_nu_emu (flavour basis), d_nu and m_nu alike, their
    real and imaginary parts re_mu_nu_12, im_mu_nu_12; m_nu_1, m_nu_2, m_nu_3; eta_ee, eta_emu.
    Raises InputError for any other name.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    if match := re.fullmatch(r"m_nu_([123])", name):
        return Quantity("eV", f"m_{match[1]}", f"Neutrino mass {match[1]}")
    if match := re.fullmatch(r"eta_(e|mu|tau)(e|mu|tau)", name):
        index = f"{_FLAVOUR[match[1]]}{_FLAVOUR[match[2]]}"
        return Quantity("", rf"\eta_{{{index}}}", "Non-unitarity of the PMNS matrix, N = (1-eta) U")
    if match := re.fullmatch(rf"(re_|im_)?(mu_nu|d_nu|m_nu)_{_PAIR}", name):
        return _entry(match[1] or "", _FAMILIES[match[2]], [g for g in match.groups()[2:] if g])
    raise InputError(f"'{name}' is not in the catalogue of observables{suggest(name, CATALOGUE)}")


def group(name: str) -> str:
    """Return the group of `GROUPS` that a quantity is told in."""
    for words, members in _GROUPS.items():
        if name in members:
            return words
    unit = known_or_bare(name).unit
    by_unit = {"eV": "Neutrino masses", "mu_B": "Magnetic moments"}
    return "Flavour" if name.startswith("eta_") else by_unit.get(unit, OTHER)


def known_or_bare(name: str) -> Quantity:
    """Return the catalogue's entry, or the bare name of an observable that only a plug-in knows."""
    try:
        return quantity(name)
    except InputError:
        escaped = name.replace("_", r"\_")
        return Quantity("", rf"\mathrm{{{escaped}}}", "")


def _entry(part: str, family: Quantity, pair: list[str]) -> Quantity:
    prefix, word = {
        "": ("", ""),
        "re_": (r"\mathrm{Re}\,", ", real part"),
        "im_": (r"\mathrm{Im}\,", ", imaginary part"),
    }[part]
    basis = "mass" if pair[0].isdigit() else "flavour"
    index = "".join(_INDEX[i] for i in pair)
    text = f"{family.text}, entry {' '.join(pair)} in the {basis} basis{word}"
    return Quantity(family.unit, f"{prefix}{family.latex}_{{{index}}}", text)
