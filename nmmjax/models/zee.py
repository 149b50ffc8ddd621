r"""Zee model: one-loop neutrino masses, one- and two-loop (Barr-Freire-Zee) transition moments."""

from jaxtyping import Array, Float

from nmmjax.models._zee import NEUTRAL, ZeeScalars
from nmmjax.target.model import Parameter, Plane, Theta, positive
from nmmjax.target.settings import setting


class Zee(ZeeScalars):
    r"""Majorana neutrinos from a second doublet (phi^+) and a charged singlet (eta^+).

    L = f_ab L_a^T C i tau_2 L_b eta^+ + Y_ab nubar_a P_R l_b phi^+
        + y_top tbar P_L b phi^+ + y_bottom tbar P_R b phi^+ + h.c.,   F_ab = 2 f_ab = -F_ba,
    h^+ = cos phi phi^+ + sin phi eta^+ (m_h), H^+ orthogonal (m_H); real couplings,
    s = sin(2 phi)/2, K = 16 pi^2, k_m(z) = G(m^2/z)/z, g_m(z) = z ln(z/m^2)/(z-m^2):
        M_ab     = (s/K)   sum_c (F_ac Y_bc + F_bc Y_ac) m_c [g_{m_c}(m_h^2) - g_{m_c}(m_H^2)]
        mu_ab(1) = (e s/K) sum_c (F_ac Y_bc - F_bc Y_ac) m_c [k_{m_c}(m_h^2) - k_{m_c}(m_H^2)]
        mu_ab(2) = F_ab e g^2 N_c s/K^2 {y_top m_t [J_up(m_h) - J_up(m_H)]
                                         + y_bottom m_b [J_down(m_h) - J_down(m_H)]}
    with g^2 = 8 G_F m_W^2/sqrt2 and J_up, J_down of `physics.two_loop`. The two-loop moment is
    antisymmetric like f and has no mass with it: without the photon only a longitudinal W is
    left, suppressed by m_l^2/m_W^2 (estimate, not included). Masses and mixing come from the
    Takagi factorisation of M; moments are rotated with it.

    mu_nu_1loop, mu_nu_2loop: sizes (sum_{a<b} |mu_ab|^2)^(1/2) of either part; mu_nu that of the
    sum. Charged-lepton observables: dipoles
        A_l'l = -[(F^T F)_l'l S_eta + (m_l'/m_l) (Y^T Y)_l'l S_phi]/(192 pi^2),
        S_eta = sin^2 phi/m_h^2 + cos^2 phi/m_H^2, S_phi with sin <-> cos
    of the charged scalars. With neutral_scalars = true H and A of the second doublet have masses
    m_h0, m_a0, add dipoles, and l -> 3 l' at tree level (`physics.neutral_scalars`).
    eps_emu ... = F_ab^2 S_eta/(4 sqrt2 G_F), the amplitude of l_a -> l_b nu nubar relative to the
    W: eps_emu shifts G_mu, and with it m_w, the Z's widths and the CKM row (`physics.z_pole`), all
    three the tau's universality.

    Estimates: m_nu_naive = m_h^2 mu/(2 m_e mu_B); m_nu_rge, `rge.majorana_mass` at m_h.

    Domain: m_heavy_plus > m_h_plus > 2 m_tau (the first a convention: phi -> pi/2 - phi). Inner
    loops of W, Z, h and other scalars and m_l in the outer two-loop integral (below 1%, estimate)
    are left out. Derivatives of m_nu_i and mixing exist where masses differ.
    Settings in full, conventions, accuracy, chart: docs/models/zee.md.
    Source: derived, prefactor twice; two-loop tensor weights from explicit Dirac traces,
    its muon analogue reproduces the H^+ W^- Barr-Zee diagram of arXiv:1502.04199.
    """

    neutral_scalars: bool = setting(
        False, "H and A of the second doublet in charged-lepton observables: m_h0, m_a0"
    )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*super().parameters, *(NEUTRAL if self.neutral_scalars else ()))

    @property
    def reference(self) -> dict[str, float]:
        neutral = {"m_h0": 220.0, "m_a0": 240.0} if self.neutral_scalars else {}
        return super().reference | neutral

    def domain(self, theta: Theta) -> dict[str, Float[Array, ""]]:
        """Margins: those of `ZeeScalars`, and positive masses of H and A."""
        masses = [p.name for p in NEUTRAL] if self.neutral_scalars else []
        return (positive(theta, *masses) if masses else {}) | super().domain(theta)

    @property
    def planes(self) -> tuple[Plane, ...]:
        return (Plane("m_h_plus", "mu_nu"),)
