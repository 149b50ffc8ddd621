"""`bridge`: its kernels, case by case against reference rows and other models, exact limits."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.model_points import column, point, prior_draws, relative
from helpers.oracles import made_with
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.models.bridge import Bridge
from nmmjax.models.inert_doublet import InertDoublet
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.physics import bridge_loops as bl
from nmmjax.physics import rge
from nmmjax.physics.constants import SM
from nmmjax.target.model import guarded_predict

MADE = made_with("bridge/case_c.json")
EV = 1e9
SETTINGS = [
    {},
    {"rge": True},
    {"multiplet": 2, "hypercharge": 0.5, "ew_splitting": "on_shell"},
    {"multiplet": 5, "hypercharge": -7 / 6, "colors": 3, "ew_splitting": "on_shell"},
    {"multiplet": 4, "hypercharge": 1, "mixing": "eft", "mu_bar": 1e3},
    {"case": "b"},
    {"case": "d", "hypercharge": 1},
    {"case": "d0", "rge": True},
    {"case": "e", "ew_splitting": "on_shell"},
]


# --- component lists: the kernels themselves --------------------------------------------------


def eft_vertex(p, first="y_T", second="y_delta", colors=1.0):
    y_psi, m_psi = float(p["y_psi"]), float(p["m_psi"])
    return colors * y_psi * MADE.v_h / m_psi * float(p[first]) * float(p[second])


@jax.jit
def kernels(m_f, m_s, y, mu_bar):
    """Moment, mass and electroweak mass of component lists ordered by falling T3."""
    n = len(m_f)
    t3, half = 0.5 * (n - 1) - jnp.arange(n), n // 2
    low_f, low_s = m_f[::-1][:half], m_s[::-1][:half]
    split = bl.bridge_mass(t3[:half], low_f, m_f[:half] - low_f, low_s, m_s[:half] - low_s, mu_bar)
    shift = t3 * y * MADE.m_z / MADE.alpha_inv_mz  # of a multiplet of the first masses
    ew = bl.bridge_mass(t3, m_f[0], shift, m_s[0], shift, mu_bar)
    return bl.bridge_moment(t3, t3 + y, m_f, m_s), split, ew, jnp.sum(t3**2)


def test_kernels_of_general_multiplets(reference):
    points = reference("bridge/case_d_general.json")["points"]
    assert len(points) == 30
    for p in points:
        i, o = p["input"], {key: float(x) for key, x in p["output"].items()}
        vertex = eft_vertex(i, colors=float(i["N_c"]))
        m_f, m_s = (jnp.array([float(x) for x in i[key]]) for key in ("m_F", "m_S"))
        moment, split, ew, dynkin = kernels(m_f, m_s, float(i["Y"]), float(i["mu_bar"]))
        mu = -2.0 * MADE.m_e * vertex * moment
        assert relative(mu, o["mu_nu_muB"]) < 1e-14
        assert np.all(relative(EV * vertex * split, o["m_nu_eV"]) < 1e-12)
        assert np.all(relative(EV * vertex * ew, o["m_nu_EWsplit_eV"]) < 1e-12)
        run = EV * rge.dirac_mass(abs(mu), float(i["Lambda_UV"]), MADE)
        assert relative(run, o["m_nu_RGE_LL_eV"]) < 1e-14
        assert float(dynkin) == o["dynkin"]
    assert sum(float(p["output"]["m_nu_eV"]) == 0.0 for p in points) == 16


def test_kernels_of_case_e(reference):
    for p in reference("bridge/case_e.json")["points"]:
        i = {key: float(x) for key, x in p["input"].items()}
        vertex = eft_vertex(p["input"], "y_1", "y_2")
        mu = -2.0 * MADE.m_e * vertex * 0.5 * i["m_Fp"] / (16.0 * math.pi**2)
        mu *= bl.Gh(i["m_Fp"] ** 2, i["m_etap"] ** 2)
        assert relative(mu, float(p["output"]["mu_nu_muB"])) < 1e-14
        step = i["m_Fp"] - i["m_F0"]
        mass = sum(
            bl.bridge_mass(0.25, i["m_F0"], step, i[eta], i["m_etap"] - i[eta], i["mu_bar"])
            for eta in ("m_etaR", "m_etaI")
        )
        assert np.all(relative(EV * vertex * mass, float(p["output"]["m_nu_eV"])) < 1e-12)
        run = EV * rge.dirac_mass(abs(mu), i["Lambda_UV"], MADE)
        assert relative(run, float(p["output"]["m_nu_RGE_LL_eV"])) < 1e-14


def test_model_independent_rows(reference):
    data = reference("bridge/model_independent.json")
    assert float(data["derived"]["v_GeV"]) == pytest.approx(MADE.v_ew, rel=1e-15)
    for row in data["naive"]:
        naive = bl.moment_observables(jnp.asarray(float(row["mu_muB"])), float(row["Lambda"]), MADE)
        assert relative(naive["m_nu_naive"], float(row["m_nu_eV_noloop"])) < 1e-14
    rows = [row for row in data["dirac_RG"] if row["r"] == "-1"]
    assert len(rows) == 5
    for row in rows:
        scale = float(row["Lambda"])
        log = math.log(scale / MADE.v_ew)  # the rows do not raise it to 1
        per_moment = EV * rge.dirac_mass(1.0, scale, MADE) * log / max(log, 1.0)
        assert relative(1.0 / per_moment, float(row["mu_bound_muB_for_1eV"])) < 1e-14


def test_running_from_a_light_loop_is_that_of_a_logarithm_of_one():
    """Continuous at M = e v, flat below, and its gradient finite everywhere."""
    edge = math.e * MADE.v_ew
    least = float(rge.dirac_mass(1e-12, edge, MADE))
    with mp.workdps(30):
        g_sq = 4 * mp.pi / (mp.mpf(MADE.alpha_inv_mz) * MADE.s2w)
        tan_sq = MADE.s2w / (1 - mp.mpf(MADE.s2w))
        expected = 9 * g_sq**2 * MADE.v_ew**2 * (2 + 2 * tan_sq / 3) / (256 * mp.pi**2 * MADE.m_e)
    assert least == pytest.approx(1e-12 * float(expected), rel=1e-14)
    for scale in (1.0, 200.0, edge * (1.0 - 1e-9), edge * (1.0 + 1e-9)):
        assert float(rge.dirac_mass(1e-12, scale, MADE)) == pytest.approx(least, rel=2e-9)
    slopes = jax.vmap(jax.grad(lambda m: rge.dirac_mass(1e-12, m, MADE)))
    found = slopes(jnp.array([1.0, 200.0, edge, 1e3, 1e5]))
    assert np.all(np.isfinite(found))
    np.testing.assert_allclose(found[-2:], least / np.array([1e3, 1e5]), rtol=1e-13)


def test_a_light_scalar_does_not_switch_the_running_off():
    """m_s = 1 GeV: the loop ends at m_f = 1 TeV, where its operator is matched."""
    model = Bridge(multiplet=3)
    found = model.predict(point(model, m_psi=1e3, m_f=1e3, m_s=1.0))
    per_moment = EV * rge.dirac_mass(1.0, 1e3, model.sm)
    assert float(found["rge_log"]) == pytest.approx(math.log(1e3 / model.sm.v_ew), rel=1e-14)
    expected = float(per_moment * found["mu_nu"])
    assert abs(float(found["m_nu_rge"])) == pytest.approx(expected, rel=1e-14) != 0.0


# --- the model --------------------------------------------------------------------------------


def test_case_b_rows(reference):
    points = reference("bridge/case_b.json")["points"]
    names = {"y_psi": "y_psi", "y_t": "y_1", "y_delta": "y_2", "m_psi": "m_psi", "m_f": "m_F"}
    theta = {p: column(points, "input", name) for p, name in names.items()}
    found = jax.vmap(Bridge(sm=MADE, case="b", mixing="eft").predict)(theta)
    out = {key: column(points, "output", key) for key in points[0]["output"]}
    assert np.max(relative(-found["mu_nu"], out["mu_nu_muB_bridge"])) < 1e-14
    assert np.max(relative(-found["m_nu_tree"], out["m_nu_tree_dim6_abs_eV"])) < 1e-14
    assert np.max(relative(-found["m_nu_loop"], out["m_nu_loop_dim4_abs_eV"])) < 1e-14


def test_case_b_tree_and_loop_add_up():
    """Relative sign: the 3 x 3 mass matrix against the loop with one VEV fewer, by contraction."""
    t = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]) / 2.0
    eps = np.array([[0.0, 1.0], [-1.0, 0.0]])
    h = np.array([0.0, 1.0])
    ht = eps @ h.conj()
    tree = sum(2.0 * s @ ht * (h.conj() @ s @ h) for s in t)
    # the field of Ht contracts with that of H at nu_R: delta of their doublet indices
    loop = sum(2.0 * s @ eps @ (h.conj() @ s) for s in t)
    assert tree[0].real / ht[0] == pytest.approx(-0.5)
    assert loop[0].real / ht[0] == pytest.approx(-1.5)
    model = Bridge(case="b")
    found = model.predict(point(model))
    ratio = float(found["m_nu_loop"] / found["m_nu_tree"])
    m_psi, m_f = model.reference["m_psi"], model.reference["m_f"]
    expected = 3.0 * (m_psi * m_f / SM.v_h) ** 2 * float(bl.L0(m_psi**2, m_f**2)) / 16 / math.pi**2
    assert ratio == pytest.approx(expected, rel=1e-13)


def test_case_c_is_the_weak_triplet(reference):
    """Every column of case (c) from Model-I with y_D = 0, a massless lepton, lambda_HS = 0."""
    for p in reference("bridge/case_c.json")["points"]:
        i = {key: float(x) for key, x in p["input"].items()}
        o = {key: float(x) for key, x in p["output"].items()}
        theta = {
            "y_d": 0.0,
            "y_psi": math.sqrt(2.0) * i["y_psi"],
            "y_t": -math.sqrt(2.0) * i["y_T"],
            "y_delta": i["y_delta"],
            "m_psi": i["m_psi"],
            "m_phi": i["m_S"],
            "v_s": i["kappa"] * MADE.v_h**2 / i["m_S"] ** 2,
            "lambda_hs": 0.0,
            "lambda_s": 0.1,
        }
        theta = {name: jnp.asarray(x) for name, x in theta.items()}
        found = WeakTriplet(sm=MADE, y_lepton=1e-12, lambda_uv=i["Lambda_UV"]).predict(theta)
        mixing = math.sqrt(2.0) * i["kappa"] * MADE.v_h / i["m_S"]
        light = WeakTriplet(
            y_lepton=1e-12, sm=dataclasses.replace(MADE, m_h=max(1e-4, 3.0 * mixing))
        )
        light = light.predict(theta)
        dipole = o["C_nuW_GeVm2"] * 2.0 * MADE.m_e * math.sqrt(2.0) * MADE.v_ew
        g = math.sqrt(4.0 * math.pi / MADE.alpha_inv_mz / MADE.s2w)
        xi = 1.0 + 2.0 * (float(theta["v_s"]) / MADE.v_h) ** 2  # 1/cos^2 xi, absent in the rows
        cos_l = math.sqrt(1.0 - float(light["sin_theta_l"]) ** 2)
        dim4 = light["m_nu_neutral"] + light["m_nu_charged"] / cos_l
        # the row's v_S, tree and h-S mixing are to first order in v_S/v_H, 1e-12 at most
        checks = {
            "C_nuW": (found["mu_nu_leading"] * g, dipole, 1e-14),
            "mu": (-found["mu_nu_leading"], o["mu_nu_muB"], 1e-14),
            "mu_exact": (-found["mu_nu"] * xi, o["mu_nu_muB_mixexact"], 1e-14),
            "m_A": (found["m_nu_split"] * xi, o["m_nu_loop_mixexact_eV"], 1e-13),
            "v_S": (theta["v_s"], o["v_S_GeV"], 1e-15),
            "tree": (
                found["m_nu_seesaw"] * found["m_n_heavy"] / i["m_psi"],
                o["m_nu_tree_kappa_eV"],
                1e-14,
            ),
            "m_B": (found["m_nu_cubic"], o["m_nu_kappaRG_eV"], 1e-13),
            "sin2zeta": (found["sin_2zeta"], o["sin2zeta"], 1e-11),
            "h_S": (found["m_nu_neutral"], o["m_nu_hSmix_eV"], 1e-11),
            "m_4": (dim4, o["m_nu_dim4_kappa_eV"], 1e-10),  # m_h -> 0: (m_h/m_S)^2 is left
            "kappa": (
                found["m_nu_cubic"] * i["m_psi"] * i["m_S"] ** 2,
                -EV * i["y_psi"] * i["y_delta"] * o["kappa_RG_GeV"] * MADE.v_h**3,
                1e-13,
            ),
            "m_A_eft": (
                o["mu_nu_muB"] * (i["y_psi"] * MADE.v_ew) ** 2 / (4.0 * MADE.m_e) * EV,
                -o["m_nu_loop_eV"],
                1e-14,
            ),
        }
        for name, (value, expected, tolerance) in checks.items():
            deviation = relative(value, expected)
            assert np.all(deviation < tolerance), (name, deviation)
        if i["y_psi"] < 1e-2:  # to leading order in the mixing
            deviation = relative(found["m_nu_split"], o["m_nu_loop_eV"])
            assert deviation < 3.0 * (i["y_psi"] * MADE.v_h / i["m_psi"]) ** 2
        run = EV * rge.dirac_mass(-o["mu_nu_muB"], i["Lambda_UV"], MADE)
        assert relative(run, o["m_nu_RGE_LL_eV"]) < 1e-14


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("y", one_quick([0.0, 0.5, 1.0, -7.0 / 6.0], 3))
def test_degenerate_multiplets_have_no_mass_and_dynkin_moments(n, y):
    model = Bridge(multiplet=n, hypercharge=y, rge=False)
    for changes in ({}, {"m_f": 777.7, "m_s": 333.3, "y_t": -2.1}):
        theta = point(model, split_f=0.0, split_s=0.0, **changes)
        found = model.predict(theta)
        assert float(found["m_nu"]) == 0.0
        i = {name: float(x) for name, x in theta.items()}
        t = i["y_psi"] * SM.v_h / i["m_psi"]
        weight = n * (n**2 - 1) / 12.0 * t / math.sqrt(1.0 + t**2) * i["y_t"] * i["y_delta"]
        loop = i["m_f"] * float(bl.Gh(i["m_f"] ** 2, i["m_s"] ** 2)) / (16.0 * math.pi**2)
        assert float(found["mu_nu"]) == pytest.approx(abs(2 * SM.m_e * weight * loop), rel=1e-13)


@pytest.mark.parametrize("split", [1e-12, 1e-9, 1e-5, 1e-2])
@pytest.mark.parametrize(("n", "y"), [(2, 0.5), (3, 0.0), (4, 1.0), (5, 0.0)])
def test_split_mass_against_quadruple_precision(split, n, y):
    """Relative splittings of 1e-9 and less, where differences of rounded masses say nothing."""
    model = Bridge(multiplet=n, hypercharge=y, mixing="eft", mu_bar=700.0, rge=False)
    theta = point(model, split_f=split, split_s=-0.3 * split, m_f=900.0, m_s=1400.0)
    with mp.workdps(50):
        i = {name: mp.mpf(float(x)) for name, x in theta.items()}
        total = mp.mpf(0)
        for k in range(n):
            t3 = mp.mpf(n - 1) / 2 - k
            a, b = i["m_f"] * (1 + i["split_f"] * t3), i["m_s"] * (1 + i["split_s"] * t3)
            logs = (a**2 * mp.log(a**2 / 700**2) - b**2 * mp.log(b**2 / 700**2)) / (a**2 - b**2)
            total += t3 * a * (1 - logs)
        vertex = i["y_psi"] * mp.mpf(SM.v_h) / i["m_psi"] * i["y_t"] * i["y_delta"]
        expected = float(10**9 * vertex * total / (16 * mp.pi**2))
    assert relative(model.predict(theta)["m_nu_total"], expected) < 1e-12


def test_electroweak_splitting_needs_hypercharge():
    on = {"multiplet": 3, "ew_splitting": "on_shell"}
    still = Bridge(**on)
    assert "m_nu_ew" not in still.mass_terms
    assert float(still.predict(point(still))["m_nu_ew"]) == 0.0
    model = Bridge(hypercharge=1 / 3, colors=3, **on)
    found = model.predict(point(model, split_f=0.0, split_s=0.0))
    assert float(found["m_nu_split"]) == 0.0
    assert abs(float(found["m_nu"])) > 0.0
    clean = Bridge(case="d0", rge=False)
    assert float(clean.predict(point(clean))["m_nu"]) == 0.0
    assert clean.rescaling is None
    run = Bridge(case="d0", rge=True).predict(point(clean))
    assert float(run["m_nu"]) == abs(float(run["m_nu_rge"])) > 0.0


def test_inert_doublet_is_case_e():
    inert = InertDoublet()
    theta = point(inert, y_d=0.0, lambda_3=0.0, lambda_4=3e-2, lambda_5=0.0, m_f=1200.0)
    plus, zero = 1e3, math.sqrt(1e6 + 3e-2 * SM.v_h**2)
    mean, gap = 0.5 * (plus + zero), 3e-2 * SM.v_h**2 / (plus + zero)
    bridge = Bridge(case="e")
    i = {name: float(x) for name, x in theta.items()}
    same = point(
        bridge,
        y_psi=i["y_psi"] / math.sqrt(2.0),
        y_t=math.sqrt(2.0) * i["y_1"],
        y_delta=i["y_2"],
        m_psi=i["m_psi"],
        m_f=1200.0,
        m_s=mean,
        split_f=0.0,
        split_s=-gap / mean,
    )
    a, b = inert.predict(theta), bridge.predict(same)
    assert float(b["m_nu_split"] / a["m_nu_quartic"]) == pytest.approx(1.0, rel=1e-12)
    for name in ("mu_nu", "m_nu", "sin_theta_l", "theta_sq", "m_charged_scalar", "m_nu_rge"):
        assert float(b[name] / a[name]) == pytest.approx(1.0, rel=1e-12), name


@pytest.mark.parametrize("settings", SETTINGS)
def test_observables_are_in_the_catalogue_and_scalar(settings):
    model = Bridge(**settings)
    assert set(model.reference) == {p.name for p in model.parameters}
    found = jax.eval_shape(model.predict, point(model))
    assert all(value.shape == () for value in found.values())
    assert [quantity(name) for name in found]
    assert set(model.mass_terms) <= set(found)


@pytest.mark.parametrize("settings", one_quick([SETTINGS[1], SETTINGS[2], SETTINGS[5]]))
def test_observables_and_gradients_are_finite_on_the_prior(settings):
    model = Bridge(**settings)
    columns = prior_draws(model, 20_000)

    def seen(theta):
        o, inside = guarded_predict(model, theta)
        masses = sum(jnp.arcsinh(o[name] / 0.05) for name in (*model.mass_terms, "m_nu_total"))
        return jnp.log(o["mu_nu"]) + masses, (o, inside)

    slopes, (found, inside) = jax.jit(jax.vmap(jax.grad(seen, has_aux=True)))(columns)
    assert np.mean(inside) > 0.9
    for name, value in (found | slopes).items():
        assert np.all(np.isfinite(value)), name
    terms = np.stack([found[name] for name in model.mass_terms])
    defect = np.sum(terms, axis=0) - found["m_nu_total"]
    assert np.all(np.abs(defect) <= 1e-15 * np.sum(np.abs(terms), axis=0))


def test_decoupling_powers():
    """Everything scaled up: moment and split mass as 1/M (leading mixing), colours a factor."""
    model = Bridge(mixing="eft")
    scaled = {name: 10.0 * model.reference[name] for name in ("m_psi", "m_f", "m_s")}
    low, high = model.predict(point(model)), model.predict(point(model, **scaled))
    assert float(high["mu_nu"] / low["mu_nu"]) == pytest.approx(1e-2, rel=1e-12)
    assert float(high["m_nu_split"] / low["m_nu_split"]) == pytest.approx(1.0, rel=1e-12)
    octet = Bridge(mixing="eft", colors=8).predict(point(model))
    assert float(octet["mu_nu"] / low["mu_nu"]) == pytest.approx(8.0, rel=1e-14)
    assert "m_colored_scalar" in octet
    assert "m_charged_scalar" in low


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"case": "c"}, "case = 'c' given; it is 'general', 'b', 'd', 'd0' or 'e'"),
        ({"multiplet": 6}, "multiplet = 6 given; it is 2, 3, 4 or 5"),
        ({"case": "e", "multiplet": 3}, "multiplet = 3 given; case 'e' has 2"),
        ({"case": "d0", "hypercharge": 1.0}, "hypercharge = 1.0 given; case 'd0' has 0.0"),
        ({"case": "d", "multiplet": 2}, "in case 'd' it is 3, 4 or 5"),
        ({"case": "d", "hypercharge": 0.5}, "in case 'd' it is 0 or 1"),
        ({"colors": 2}, "colors = 2 given"),
        ({"hypercharge": math.inf}, "hypercharge = inf given"),
        ({"mixing": "exakt"}, "it is 'exact' or 'eft'"),
        ({"ew_splitting": "onshell"}, "it is 'none' or 'on_shell'"),
        ({"mu_bar": 0.0}, "mu_bar = 0.0 given"),
    ],
)
def test_bad_settings_fail_in_one_line(settings, hint):
    with pytest.raises(InputError) as caught:
        Bridge(**settings)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
