"""Figures: units on every axis, scales of the priors, limits where they belong, honest contours."""

import h5py
import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.contour import ContourSet
from matplotlib.patches import Rectangle, StepPatch
from scipy.stats import binned_statistic_2d

from helpers.synthetic_run import draw_groups, with_curve, write_run
from nmmjax.errors import InputError
from nmmjax.figures import draw
from nmmjax.figures.axes import Scale
from nmmjax.figures.limit_lines import typeset
from nmmjax.results import summary
from nmmjax.results.rundir import open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "good"
    return open_run(write_run(directory, draw_groups(64, 500, memory=0.0)))


@pytest.fixture(scope="module")
def corner(run):
    return draw.corner(run)


@pytest.fixture(scope="module")
def region_map(run):
    return draw.draw(run, ["map"])["region_map"]


def draw_map(directory):
    return draw.draw(open_run(directory), ["map"])["region_map"]


def labels(figure, which):
    found = {getattr(axes, f"get_{which}label")() for axes in figure.axes}
    return found - {""}


def panel(figure, row, column, n=7):
    """Axes of a corner plot, which are made row by row."""
    assert len(figure.axes) == n * (n + 1) // 2
    return figure.axes[row * (row + 1) // 2 + column]


@pytest.mark.slow
def test_save_all_writes_every_figure_twice(run, tmp_path):
    paths = draw.save_all(run, tmp_path / "figures")
    names = {path.name for path in paths}
    stems = ("corner", "region_map", "trace")
    assert names == {f"{stem}.{suffix}" for stem in stems for suffix in ("png", "pdf")}
    for path in paths:
        start = path.read_bytes()[:5]
        assert start == (b"%PDF-" if path.suffix == ".pdf" else b"\x89PNG\r")
        assert path.stat().st_size > 10_000


def test_corner_has_units_on_its_axes(corner):
    assert labels(corner, "x") == {
        r"$y_\Psi$", r"$m_\Psi$ [GeV]", r"$\lambda_{HS}$", r"$\phi$ [rad]",
        r"$m_\nu$ [eV]", r"$\mu_\nu$ [$\mu_B$]", r"$\Delta_{\mathrm{BG}}$",
    }  # fmt: skip
    assert labels(corner, "y") == labels(corner, "x") - {r"$y_\Psi$"}


def test_corner_axes_are_linear_in_what_the_prior_is_flat_in(corner):
    scales = [panel(corner, 6, column).get_xscale() for column in range(4)]
    assert scales == ["log", "log", "asinh", "linear"]
    assert panel(corner, 2, 0).get_yscale() == "asinh"


def test_corner_titles_give_median_and_interval(run, corner):
    low, middle, high = np.quantile(run.read("m_psi"), (0.05, 0.5, 0.95))
    title = panel(corner, 1, 1).get_title()
    assert title.startswith(r"$m_\Psi$ [GeV]")
    found = title.split("\n")
    assert float(found[1]) == pytest.approx(middle, rel=0.05)
    ends = found[2].strip("()").split(", ")
    np.testing.assert_allclose([float(x) for x in ends], [low, high], rtol=0.05)


def lines_of(axes):
    return [c for c in axes.collections if isinstance(c, ContourSet) and not c.filled]


def inside_contours(corner, a, b):
    """Shares of fresh draws inside the 95% and 68% contours of the (y_psi, m_psi) panel."""
    y_psi, m_psi = np.exp(-7.0 + 0.8 * a), np.exp(8.0 + 0.4 * b + 0.2 * a)
    (contours,) = lines_of(panel(corner, 1, 0))
    points = np.column_stack([y_psi, m_psi])
    return [path.contains_points(points).mean() for path in contours.get_paths()]


def test_contours_hold_the_stated_share_of_a_gaussian(corner):
    a, b = np.random.default_rng(11).normal(size=(2, 50_000))
    outer, inner = inside_contours(corner, a, b)
    assert inner == pytest.approx(0.68, abs=0.02)
    assert outer == pytest.approx(0.95, abs=0.02)


def test_contours_of_another_gaussian_do_not(corner):
    a, b = np.random.default_rng(12).normal(size=(2, 50_000)) * 1.15
    outer, inner = inside_contours(corner, a, b)
    assert abs(inner - 0.68) > 0.02
    assert abs(outer - 0.95) > 0.02


def test_region_map_has_units_and_logs(region_map):
    assert labels(region_map, "x") == {r"$m_\nu$ [eV]", r"$m_\Psi$ [GeV]"}
    assert r"$\mu_\nu$ [$\mu_B$]" in labels(region_map, "y")
    assert r"$\Delta_{\mathrm{BG}}$, average" in labels(region_map, "y")
    for axes in region_map.axes[:2]:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert region_map.axes[2].get_yscale() == "log"


def positions(axes, label, k):
    return [line.get_data()[k][0] for line in axes.lines if line.get_label() == label]


def test_region_map_draws_the_limits_of_the_run(run, region_map):
    left, right = region_map.axes[:2]
    for axes in (left, right):
        assert positions(axes, "XENONnT 2022, 90% CL", 1) == [6.4e-12]
        assert positions(axes, "wish for $\\mu_\\nu$, 0.25 dex wide", 1) == [1e-12]
    benchmark = r"$m_{\nu}$ near 0.05 eV (benchmark), ±2σ"
    triplet = "ATLAS 2022 fermion triplet, 95% CL"
    np.testing.assert_allclose(positions(left, benchmark, 0), [0.04, 0.06], rtol=1e-12)
    assert positions(right, triplet, 0) == [910.0]
    assert positions(left, triplet, 0) == []
    (legend,) = region_map.legends
    shown = {text.get_text() for text in legend.get_texts()}
    assert shown == {
        "XENONnT 2022, 90% CL", benchmark, triplet, "wish for $\\mu_\\nu$, 0.25 dex wide",
        r"largest allowed $\mu_\nu$", "68% and 95% of the draws",
    }  # fmt: skip
    best = summary.summarise(run).largest.values
    np.testing.assert_allclose(
        positions(left, r"largest allowed $\mu_\nu$", 1), best["mu_nu"], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("NuFIT 6.1 sin^2 theta_12", r"NuFIT 6.1 $\sin^2\theta_{12}$"),
        ("JUNO 2025 Dm^2_21", r"JUNO 2025 $\Delta m^2_{21}$"),
        ("N_eff (Dirac flips)", r"$N_{\mathrm{eff}}$ (Dirac flips)"),
        ("W_L-W_R mixing", r"$W_{L}$-$W_{R}$ mixing"),
        ("my_own limit of tritium_3", "my_own limit of tritium_3"),
    ],
)
def test_symbols_of_labels_are_set_as_such(label, shown):
    assert typeset(label) == shown


def test_a_limit_far_from_the_draws_is_left_out(tmp_path):
    groups = draw_groups(8, 50)
    for name in ("mu_nu", "mu_eff_solar"):
        groups["posterior"][name] = groups["posterior"][name] * 1e-6
    figure = draw_map(write_run(tmp_path / "run", groups))
    shown = {text.get_text() for text in figure.legends[0].get_texts()}
    assert not any("XENONnT" in text or "off scale" in text for text in shown)
    assert figure.axes[0].get_ylim()[1] < 1e-15


def test_an_effective_moment_that_differs_from_mu_nu_sets_no_limit_on_it(tmp_path):
    groups = draw_groups(8, 50)
    groups["posterior"]["mu_eff_solar"] = 0.9 * groups["posterior"]["mu_nu"]
    figure = draw_map(write_run(tmp_path / "run", groups))
    assert positions(figure.axes[0], "XENONnT 2022, 90% CL", 1) == []


def test_raw_colour_is_the_median_tuning_of_each_bin(run):
    raw = draw.draw(run, ["map"], raw=True)["region_map"]
    (mesh,) = (c for c in raw.axes[0].collections if isinstance(c, QuadMesh))
    values = mesh.get_array()
    corners = mesh.get_coordinates()
    x, y, tuning = (run.read(n).ravel() for n in ("m_nu", "mu_nu", "tuning_bg"))
    edges = [np.log(corners[0, :, 0]), np.log(corners[:, 0, 1])]
    expected = binned_statistic_2d(np.log(x), np.log(y), tuning, "median", bins=edges)[0].T
    same = np.isclose(values.filled(np.nan), expected, rtol=1e-12, equal_nan=True)
    assert same.mean() > 0.998  # a draw on an edge may fall to either side
    assert np.isfinite(expected).sum() > 500


def test_trace_shows_every_parameter_and_ensemble(run):
    figure = draw.trace(run)
    assert len(figure.axes) == 5
    assert labels(figure, "y") == {
        r"$y_\Psi$", r"$m_\Psi$ [GeV]", r"$\lambda_{HS}$", r"$\phi$ [rad]", "ln density"
    }  # fmt: skip
    assert labels(figure, "x") == {"stored draw"}
    for axes in figure.axes:
        assert len(axes.lines) == 4
        assert axes.get_title(loc="right").startswith(r"$\hat R$ = 1.0")
    mean = np.exp(np.log(run.read("y_psi")[16:32]).mean(axis=0))
    line = figure.axes[0].lines[1]
    where = line.get_xdata()
    assert len(where) > 100
    np.testing.assert_allclose(line.get_ydata(), mean[where], rtol=1e-12)


def test_a_model_without_a_moment_has_no_region_map(tmp_path):
    groups = draw_groups(8, 50)
    for name in ("mu_nu", "mu_eff_solar"):
        del groups["posterior"][name]
    run = open_run(write_run(tmp_path / "run", groups))
    assert set(draw.draw(run)) == {"corner", "trace", "rank"}


def test_stuck_walkers_can_still_be_drawn(tmp_path):
    groups = draw_groups(8, 50)
    for name, values in groups["posterior"].items():
        groups["posterior"][name] = np.full_like(values, values[0, 0])
    run = open_run(write_run(tmp_path / "run", groups))
    for figure in draw.draw(run).values():
        figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (-0.1, 0.25, 4, [1.0, 1.25, 1.5, 1.75]),
        (-12.2, -8.9, 4, [1e-12, 1e-11, 1e-10, 1e-9]),
        (-15.1, -0.9, 4, [1e-12, 1e-8, 1e-4]),
        (2.9, 4.1, 4, [1e3, 2e3, 5e3, 1e4]),
        (-1.45, -1.15, 5, [0.04, 0.05, 0.06, 0.07]),
    ],
)
def test_log_ticks_are_few_and_round(low, high, most, expected):
    ticks = Scale("log").ticks(low, high, most)
    np.testing.assert_allclose(ticks, expected, rtol=1e-12)


def test_any_two_quantities_make_a_map(run):
    figure = draw.draw(run, ["map"], ["phase", "lambda_hs"])["map_phase_lambda_hs"]
    assert labels(figure, "x") == {r"$\phi$ [rad]"}
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "asinh")


def held(contours, x, y):
    points = np.column_stack([x.ravel(), y.ravel()])
    return [path.contains_points(points).mean() for path in contours.get_paths()]


def test_contours_of_a_map_hold_the_stated_share_of_fresh_draws(run):
    figure = draw.draw(run, ["map"], ["y_psi", "m_psi"])["map_y_psi_m_psi"]
    (contours,) = lines_of(figure.axes[0])
    a, b = np.random.default_rng(13).normal(size=(2, 50_000))
    outer, inner = held(contours, np.exp(-7.0 + 0.8 * a), np.exp(8.0 + 0.4 * b + 0.2 * a))
    assert inner == pytest.approx(0.68, abs=0.03)
    assert outer == pytest.approx(0.95, abs=0.02)
    outer, _ = held(contours, np.exp(-7.0 + 1.1 * a), np.exp(8.0 + 0.6 * b + 0.2 * a))
    assert abs(outer - 0.95) > 0.02


def test_ranks_are_flat_where_ensembles_agree_and_not_where_one_is_shifted(run, tmp_path):
    good = draw.rank(run).axes[1]
    shifted = open_run(write_run(tmp_path / "run", draw_groups(64, 500, memory=0.0, shift=1.0)))
    bad = draw.rank(shifted).axes[1]
    for axes, agree in ((good, True), (bad, False)):
        (band,) = (p for p in axes.patches if isinstance(p, Rectangle))
        low, high = band.get_y(), band.get_y() + band.get_height()
        steps = [p.get_data().values for p in axes.patches if isinstance(p, StepPatch)]
        assert len(steps) == 4
        inside = np.mean([(low < s) & (s < high) for s in steps])
        assert (inside > 0.8) == agree
        np.testing.assert_allclose([s.mean() for s in steps], 1.0, rtol=1e-12)


def test_curve_constraints_and_their_projections_over_the_points(tmp_path):
    groups = draw_groups(8, 200)
    groups["posterior"]["rho0"] = 0.1 * np.ones((8, 200))
    run = open_run(write_run(tmp_path / "run", groups, resolved=with_curve("own")))
    (axes,) = draw.draw(run, ["constraints"])["constraints"].axes
    (line,) = axes.lines
    limit = np.interp(3.0, np.log10(line.get_xdata()), np.log10(line.get_ydata()))
    assert limit == pytest.approx(-3.5, abs=0.01)
    assert len(axes.collections[0].get_offsets()) == 1600
    figure = draw.draw(run, ["map"], ["m_psi", "y_psi"])["map_m_psi_y_psi"]
    assert "own, 90% CL" in {line.get_label() for line in figure.axes[0].lines}
    groups["posterior"]["y_psi"] *= 1e-9
    far = open_run(write_run(tmp_path / "far", groups, resolved=with_curve("own")))
    figure = draw.draw(far, ["map"], ["m_psi", "y_psi"])["map_m_psi_y_psi"]
    assert "own, 90% CL" not in {line.get_label() for line in figure.axes[0].lines}


def test_panels_side_by_side_share_their_scale(region_map):
    left, right = region_map.axes[:2]
    assert left.get_ylim() == right.get_ylim()
    for axes in (left, right):
        (outer, _), (low, high) = lines_of(axes)[0].get_paths(), axes.get_ylim()
        heights = outer.vertices[:, 1]
        assert low < heights.min() < heights.max() < high


def test_what_cannot_be_drawn_is_refused(run):
    for kinds, names, text in (
        (["crner"], [], "cannot draw 'crner'; did you mean 'corner'"),
        (["map"], ["m_nuu", "mu_nu"], "has no 'm_nuu'; did you mean 'm_nu'"),
        (["map"], ["mu_nu"], "a map needs two quantities, got 'mu_nu' alone"),
        (["constraints"], [], "no constraint of this run is a curve .* it has: xenonnt_2022"),
    ):
        with pytest.raises(InputError, match=text):
            draw.draw(run, kinds, names)


def test_a_corner_of_few_draws_shows_them_and_half_defined_columns_say_so(tmp_path):
    groups = draw_groups(8, 5)
    groups["posterior"]["rho0"] = np.where(np.arange(5) < 2, np.nan, groups["posterior"]["m_nu"])
    run = open_run(write_run(tmp_path / "run", groups))
    figure = draw.draw(run, ["corner"], ["y_psi", "m_psi", "rho0", "mu_nu"])[
        "corner_y_psi_m_psi_rho0_mu_nu"
    ]
    for row, column in ((1, 0), (2, 0), (3, 2)):
        (dots,) = panel(figure, row, column, 4).collections
        assert len(dots.get_offsets()) == 40
    assert "Dots: draws too few" in figure.texts[0].get_text()
    label, middle, _ = panel(figure, 2, 2, 4).get_title().split("\n")
    assert label.endswith("defined at 60%")
    expected = np.nanmedian(groups["posterior"]["rho0"])
    assert float(middle) == pytest.approx(expected, rel=0.05)


def test_few_draws_are_shown_as_points(tmp_path):
    run = open_run(write_run(tmp_path / "run", draw_groups(8, 50)))
    axes = draw.draw(run, ["map"], ["m_psi", "mu_nu"])["map_m_psi_mu_nu"].axes[0]
    (points,) = (c for c in axes.collections if isinstance(c, PathCollection))
    assert len(points.get_offsets()) == 400


def test_draws_off_a_logarithmic_axis_are_counted_in_the_figure(tmp_path):
    groups = draw_groups(64, 500)
    groups["posterior"]["theta_sq"][0, :7] = 0.0
    run = open_run(write_run(tmp_path / "run", groups))
    figure = draw.draw(run, ["map"], ["theta_sq", "mu_nu"])["map_theta_sq_mu_nu"]
    headline, missing = figure.get_suptitle().split("\n")
    assert headline.startswith("Median sizes: $m_\\nu$ 0.05 eV, ")
    assert missing == "theta_sq: 7 of 32000 draws off the axis"


def test_latex_that_matplotlib_cannot_set_falls_back_to_the_name(tmp_path):
    groups = draw_groups(8, 50)
    write_run(tmp_path / "run", groups)
    with h5py.File(tmp_path / "run" / "chains.h5", "r+") as file:
        file["posterior/m_psi"].attrs["latex"] = r"\nosuchthing{"
    figure = draw.corner(open_run(tmp_path / "run"))
    assert "m_psi [GeV]" in labels(figure, "x")
    figure.draw_without_rendering()
