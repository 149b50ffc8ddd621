"""Three generations of Model-I: against one generation, exact symmetries and limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from helpers.cases import one_quick
from helpers.model_points import point, prior_draws
from helpers.three_generations import (
    EVERY_TERM,
    FLAVOURS,
    TERMS,
    N,
    drawn,
    gentle,
    matrix,
    predictions,
    three,
    written,
)
from nmmjax.catalogue import quantity
from nmmjax.errors import InputError
from nmmjax.models.weak_triplet.model import WeakTriplet
from nmmjax.models.weak_triplet3.model import WeakTriplet3
from nmmjax.target.model import guarded_predict

SETTINGS = [
    EVERY_TERM,
    {"n_psi": 2} | EVERY_TERM,
    {"yukawas": "oscillation"} | EVERY_TERM,
    {"yukawas": "oscillation", "ordering": "IO", "n_psi": 2},
]
SOME_SLOW = one_quick(SETTINGS)
MOMENTS = ("mu_nu", "mu_nu_leading", "mu_eff_plasmon", "m_nu_naive")


# --- one generation inside three ------------------------------------------------------------------


def embedded(rng, flavour_index, n_psi):
    """One-generation points and the same with three generations: (one, three) columns."""
    n = N
    low = {"y_d": -13.5, "y_psi": -4, "y_t": -1, "y_delta": -2, "m_psi": 2.6, "m_phi": 2.6}
    span = {"y_d": 2, "y_psi": 4, "y_t": 1.5, "y_delta": 2, "m_psi": 2.4, "m_phi": 2.4}
    one = {p: 10 ** (low[p] + span[p] * rng.uniform(size=n)) for p in low}
    one |= {"v_s": 10 ** rng.uniform(-12, -4, n), "lambda_hs": rng.uniform(0, 1, n)}
    one |= {"lambda_s": np.full(n, 0.1)}
    model = three(n_psi=n_psi)
    columns = {p: np.zeros(n) for p in model.reference}
    a, nu = FLAVOURS[flavour_index], "2"
    first = "" if n_psi == 1 else "1"
    columns[f"re_y_psi_{a}{first}"] = one["y_psi"]
    columns[f"re_y_delta_{first}{nu}"] = one["y_delta"]
    columns[f"re_y_d_{flavour_index + 1}{nu}"] = one["y_d"]
    if n_psi == 1:
        columns |= {"y_t": one["y_t"], "m_psi": one["m_psi"]}
    else:
        columns |= {"y_t_11": one["y_t"], "y_t_22": 0.3 + columns["y_t_22"]}
        columns |= {"m_psi_1": one["m_psi"], "m_psi_2": 2.0 * one["m_psi"]}
    columns |= {p: one[p] for p in ("m_phi", "v_s", "lambda_hs", "lambda_s")}
    return one, columns


@pytest.mark.parametrize("n_psi", one_quick([1, 2]))
@pytest.mark.parametrize("flavour_index", one_quick([0, 1, 2], 1))
def test_one_flavour_reproduces_one_generation(flavour_index, n_psi):
    rng = np.random.default_rng(flavour_index)
    one, columns = embedded(rng, flavour_index, n_psi)
    a = predictions(WeakTriplet(lepton=FLAVOURS[flavour_index], **EVERY_TERM), one)
    b = predictions(three(n_psi=n_psi, **EVERY_TERM), columns)
    sign = np.sign(a["m_nu_total"])
    scale = sum(np.abs(a[f"m_nu_{term}"]) for term in TERMS)
    for term in (*TERMS, "tree", "loop"):
        name = f"m_nu_{term}"
        assert np.max(np.abs(b[name] * sign - a[name]) / np.abs(a[name])) < 1e-12, name
    assert np.max(np.abs(b["m_nu"] - a["m_nu"]) / scale) < 1e-12
    assert np.max(np.abs(b["m_nu_1"]) + np.abs(b["m_nu_2"])) == 0.0
    tuning = scale / a["m_nu"]
    assert np.max(np.abs(b["tuning_cancel"] / tuning - 1.0) / tuning) < 1e-12
    # the second triplet, decoupled but heavier, would count in m_nu_naive
    moments = MOMENTS if n_psi == 1 else MOMENTS[:-1]
    names = {*moments, "theta_sq", f"eta_{FLAVOURS[flavour_index] * 2}", "tuning_rge", "rho0"}
    for name in names:
        assert np.max(np.abs(b[name] / a[name] - 1.0)) < 1e-12, name
    seen = ("mu_eff_reactor", "mu_eff_numu", "mu_eff_nutau")[flavour_index]
    assert np.max(np.abs(b[seen] / a["mu_nu"] - 1.0)) < 1e-12


@pytest.mark.slow
def test_lepton_flavour_is_conserved_by_one_flavour():
    model = three(**EVERY_TERM)
    muon_only = {p: 0.0 for p in model.reference if p[3:] in ("y_psi_e", "y_psi_tau")}
    found = predictions(model, model.reference | muon_only)
    for name in found:
        if name.startswith(("br_", "cr_")):
            assert np.all(found[name] == 0.0), name
    assert found["delta_a_mu"][0] < 0.0


# --- masses and mixing as inputs ------------------------------------------------------------------


def solved_y_d(model, columns):
    """The Dirac Yukawas that oscillation mode finds, as parameters of free mode."""
    full = {p: jnp.asarray(np.broadcast_to(x, (N,))) for p, x in columns.items()}
    y_d = jax.jit(jax.vmap(model.dirac_yukawas))(full)
    return written("y_d", "123", "123", np.asarray(y_d))


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS[2:])
def test_solved_yukawas_give_back_the_oscillation_parameters(settings):
    """Solved y_d fed to free mode: tree by the Schur form + loops, then a singular-value step."""
    model = three(**settings)
    columns = gentle(model, 5)
    wanted = predictions(model, columns)
    y_d = solved_y_d(model, columns)
    free = three(**(settings | {"yukawas": "free"}))
    kept = {p: x for p, x in columns.items() if p in free.reference}
    found = predictions(free, kept | y_d)
    # y_d is rounded: what it cancels returns as eps times the cancellation, over the splittings
    rounding = 1e-15 * wanted["tuning_cancel"] * wanted["m_nu"]
    smallest = wanted["m_nu_1" if model.ordering == "NO" else "m_nu_3"]
    good = rounding < 1e-11 * smallest
    assert good.sum() > N // 2
    for name in ("m_nu_1", "m_nu_2", "m_nu_3", "m_nu", "sum_m_nu", "m_beta"):
        assert np.max(np.abs(found[name] / wanted[name] - 1.0)[good]) < 1e-10, name
    for name in ("sin2_th12", "sin2_th23", "sin2_th13", "dm2_21", "dm2_3l"):
        assert np.max(np.abs(found[name] / columns[name] - 1.0)[good]) < 1e-9, name
    turn = np.angle(np.exp(1j * (found["delta_cp"] - columns["delta_cp"])))
    assert np.max(np.abs(turn[good])) < 1e-9
    for name in ("mu_nu", "mu_eff_solar", "mu_nu_13", "mu_nu_emu", "y_d_max", "tuning_cancel"):
        assert np.max(np.abs(found[name] / wanted[name] - 1.0)[good]) < 1e-9, name
    moved = predictions(free, kept | {p: 1.001 * x for p, x in y_d.items()})
    assert np.median(np.abs(moved["m_nu"] / wanted["m_nu"] - 1.0)) > 1e-4  # negative control


@pytest.mark.parametrize("settings", SOME_SLOW)
def test_named_terms_add_up_to_the_heaviest_mass(settings):
    model = three(**settings)
    found = predictions(model, drawn(model, 1))
    optional = {"rge": model.rge, "cubic": model.lambda_uv > 0.0}
    counted = [t for t in TERMS if optional.get(t, True)]
    terms = np.stack([found[f"m_nu_{t}"] for t in counted])
    size = found["tuning_cancel"] * found["m_nu"]
    assert np.max(np.abs(terms.sum(axis=0) - found["m_nu"]) / size) < 1e-13
    assert np.all(np.abs(terms).sum(axis=0) < 3.1 * size)
    assert np.all(found["m_nu"] == np.maximum(found["m_nu_2"], found["m_nu_3"]))


# --- symmetries -----------------------------------------------------------------------------------


def unitary(rng, n):
    z = rng.normal(size=(N, n, n)) + 1j * rng.normal(size=(N, n, n))
    return np.linalg.qr(z)[0]


def rotated(columns, model, left, right, psi):
    """Couplings after L -> left L, nu_R -> right nu_R, Psi -> diag(psi) Psi."""
    triplets = ("",) if model.n_psi == 1 else ("1", "2")
    y_psi = matrix(columns, "y_psi", FLAVOURS, triplets)
    y_delta = matrix(columns, "y_delta", triplets, "123")
    y_d = matrix(columns, "y_d", "123", "123")
    r_dag = right.conj().swapaxes(1, 2)
    return (
        columns
        | written("y_psi", FLAVOURS, triplets, left[:, :, None] * y_psi * psi.conj()[:, None, :])
        | written("y_delta", triplets, "123", psi[:, :, None] * y_delta @ r_dag)
        | written("y_d", "123", "123", left[:, :, None] * y_d @ r_dag)
    )


@pytest.mark.parametrize("n_psi", one_quick([1, 2]))
def test_rephasing_and_nu_r_rotations_change_nothing(n_psi):
    model = three(n_psi=n_psi, **EVERY_TERM)
    rng = np.random.default_rng(3)
    columns = gentle(model, 2)
    phases = np.exp(2j * np.pi * rng.uniform(size=(N, 4)))
    psi = np.repeat(phases[:, 3:], n_psi, axis=1)  # y_T is real: one phase for both triplets
    moved = rotated(columns, model, phases[:, :3], unitary(rng, 3), psi)
    a, b = predictions(model, columns), predictions(model, moved)
    loose = 1e-13 * a["tuning_cancel"] * a["m_nu"] / a["m_nu_1"]
    clean = loose < 1e-10
    assert clean.sum() > N // 2
    for name in ("mu_nu", "mu_eff_reactor", "mu_eff_numu", "theta_sq", "eta_emu", "br_mu_3e"):
        assert np.max(np.abs(b[name] / a[name] - 1.0)) < 1e-12, name
    for name in ("m_nu_1", "m_nu_2", "m_nu_3", "mu_nu_12", "mu_nu_33", "mu_nu_etau", "sin2_th13"):
        assert np.max(np.abs(b[name] / a[name] - 1.0)[clean]) < 1e-8, name
    control = columns | {"re_y_psi_e": -columns["re_y_psi_e"]} if n_psi == 1 else None
    if control is not None:  # conjugating one coupling is no symmetry
        assert np.max(np.abs(predictions(model, control)["m_nu_1"] / a["m_nu_1"] - 1.0)) > 1e-3


def test_relabelling_the_triplets_changes_nothing():
    model = three(**SETTINGS[1])
    columns = drawn(model, 4)
    swap = str.maketrans("12", "21")

    def relabelled(name):
        if name.startswith(("y_t_", "m_psi_")):
            return name.translate(swap)
        if "_y_psi_" in name:
            return name[:-1] + name[-1].translate(swap)
        if "_y_delta_" in name:
            return name[:-2] + name[-2].translate(swap) + name[-1]
        return name

    moved = {p: columns[relabelled(p)] for p in columns}
    a, b = predictions(model, columns), predictions(model, moved)
    for name in ("mu_nu", "mu_eff_numu", "theta_sq", "eta_emu", "br_mu_e_gamma", "m_triplet"):
        assert np.max(np.abs(b[name] / a[name] - 1.0)) < 1e-12, name
    bound = 1e-12 * np.maximum(a["tuning_cancel"], 1.0)
    assert np.all(np.abs(b["m_nu"] / a["m_nu"] - 1.0) < bound)


def test_one_triplet_gives_rank_one_and_two_give_rank_two():
    """With y_d = 0 every term of n triplets has rank n, and the moment too."""
    model = three(**EVERY_TERM)
    none = {p: np.zeros(N) for p in model.reference if "_y_d_" in p}
    found = predictions(model, drawn(model, 6) | none)
    assert np.all(found["m_nu_2"] < 1e-14 * found["m_nu_3"])
    outer = found["mu_eff_reactor"] * found["mu_eff_numu"]
    assert np.all(outer > 0.0)
    entries = found["mu_nu_12"] * found["mu_nu_21"] - found["mu_nu_11"] * found["mu_nu_22"]
    assert np.max(np.abs(entries) / found["mu_nu"] ** 2) < 1e-13
    for name, values in found.items():
        assert np.all(np.isfinite(values)), name
    two = three(**SETTINGS[1])
    none = {p: np.zeros(N) for p in two.reference if "_y_d_" in p}
    found = predictions(two, drawn(two, 6) | none)
    assert np.all(found["m_nu_1"] < 1e-14 * found["m_nu_3"])
    assert np.median(found["m_nu_2"] / found["m_nu_3"]) > 1e-6


def test_decoupling_powers():
    """Moment, split, mixing and l -> 3l' as M^-2, M^-2, M^-2, M^-4; the seesaw as M^-1."""
    model = three(**SETTINGS[1])
    none = {p: 0.0 for p in model.reference if "_y_d_" in p}
    base = {p: np.full(N, x) for p, x in (model.reference | none | {"lambda_hs": 0.0}).items()}
    scale = np.geomspace(1.0, 10.0, N)
    heavy = {p: base[p] * 3.0 * scale for p in ("m_psi_1", "m_psi_2", "m_phi")}
    found = predictions(model, base | heavy)

    def power(name):
        return np.log10(np.abs(found[name][-1] / found[name][0]))

    for name, expected in (("mu_nu", -2), ("theta_sq", -2), ("eta_emu", -2), ("br_mu_3e", -4)):
        assert power(name) == pytest.approx(expected, abs=1e-4), name
    assert power("cr_mu_e_au") == pytest.approx(-4, abs=1e-4)
    assert power("br_mu_e_gamma") == pytest.approx(-4, abs=0.5)


# --- the contract ---------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", SETTINGS)
def test_observables_are_in_the_catalogue_and_scalar(settings):
    model = three(**settings)
    assert set(model.reference) == {p.name for p in model.parameters}
    found = jax.eval_shape(model.predict, point(model))
    assert all(value.shape == () for value in found.values())
    assert all(quantity(name) for name in found)
    assert all(float(margin) > 0.0 for margin in model.domain(point(model)).values())
    assert not set(found) & set(model.reference)
    assert (model.mass_terms, model.ratios, model.rescaling) == ((), (), None)
    assert jax.tree.leaves(model) == []


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS)
def test_values_and_gradients_are_finite_on_the_prior(settings):
    model = three(**settings)
    columns = prior_draws(model, 20_000)

    def seen(theta):
        found, inside = guarded_predict(model, theta)
        total = sum(jnp.log(found[n]) for n in ("m_nu", "mu_nu", "mu_eff_solar", "br_mu_3e"))
        total += sum(found[n] for n in ("m_beta", "sum_m_nu", "mu_nu_12", "theta_sq", "eta_emu"))
        return total + jnp.log(found["br_mu_e_gamma"]), (found, inside)

    gradient, (found, inside) = jax.jit(jax.vmap(jax.grad(seen, has_aux=True)))(columns)
    assert 0.3 < np.mean(inside) < 1.0
    for name, value in (found | gradient).items():
        assert np.all(np.isfinite(value)), name


def test_domain_margins_fail_where_they_must():
    free, solved = three(), three(yukawas="oscillation", ordering="IO")
    assert float(free.domain(point(free, m_psi=1.0))["m_psi"]) < 0.0
    assert float(free.domain(point(free, v_s=3.0, m_phi=1e5))["det_m0"]) < 0.0
    assert float(solved.domain(point(solved, sin2_th12=1.2))["sin2_th12"]) < 0.0
    assert float(solved.domain(point(solved, dm2_21=-1e-5))["dm2_21"]) < 0.0
    assert float(solved.domain(point(solved, dm2_3l=-1e-5))["dm2_3l"]) < 0.0
    normal = three(yukawas="oscillation")
    assert float(normal.domain(point(normal, dm2_3l=-1e-3))["dm2_3l"]) < 0.0


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"n_psi": 3}, "n_psi = 3 given; it is 1 or 2"),
        ({"n_psi": True}, "n_psi = true given; it is 1 or 2"),
        ({"yukawas": "oscilation"}, "it is 'free' or 'oscillation'"),
        ({"ordering": "xo"}, "ordering = 'xo' given; it is 'NO' or 'IO'"),
        ({"generations": 1}, "it is 3 (one generation is the model weak_triplet)"),
    ],
)
def test_bad_settings_fail_in_one_line(settings, hint):
    with pytest.raises(InputError) as caught:
        WeakTriplet3(**settings)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
