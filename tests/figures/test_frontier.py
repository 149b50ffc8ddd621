"""Heat maps of frontiers: what is drawn, where, with which labels."""

import h5py
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nmmjax.errors import InputError
from nmmjax.figures.frontier import draw_frontier, frontier_figure
from nmmjax.results.rundir import Run

ABOUT = {
    "m_psi": {"units": "GeV", "latex": r"m_\Psi"},
    "m_phi": {"units": "GeV", "latex": r"m_{\phi^\pm}"},
}
ASKED = {
    "x": "m_psi",
    "y": "m_phi",
    "x_scale": "log",
    "y_scale": "log",
    "objective": "mu_nu",
    "kind": "largest",
    "scale": "log",
}


def table(shape=(6, 8), empty=0, profile=False):
    """mu = 1e-12 (1 TeV)^2 / (x y), or a paraboloid; the last `empty` rows hold nothing."""
    x, y = np.geomspace(1e2, 1e4, shape[1] + 1), np.geomspace(3e2, 3e4, shape[0] + 1)
    across, up = np.sqrt(x[1:] * x[:-1]), np.sqrt(y[1:] * y[:-1])[:, None]
    value = -0.5 * (np.log(across / 1e3) ** 2 + np.log(up / 1e3) ** 2)
    if not profile:
        value = 1e-12 * 1e6 / (across * up)
    feasible = np.ones(shape, np.int8)
    if empty:
        feasible[-empty:] = 0
    return {
        "x_edges": x,
        "y_edges": y,
        "value": np.where(feasible == 1, value, np.nan),
        "feasible": feasible,
        "tuning_bg": 2.0 + across / up,
    }


def drawn(*args, **kwargs):
    """The figure after it was really drawn, and its panels without colour bars."""
    figure = draw_frontier(*args, **kwargs)
    FigureCanvasAgg(figure).draw()
    return figure, [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def bars(figure):
    return [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]


def test_the_map_and_the_tuning_beside_it():
    figure, (left, right) = drawn(table(), ASKED, ABOUT)
    assert left.get_xlabel() == right.get_xlabel() == r"$m_\Psi$ [GeV]"
    assert left.get_ylabel() == r"$m_{\phi^\pm}$ [GeV]"
    assert left.get_xscale() == left.get_yscale() == "log"
    np.testing.assert_allclose(left.get_xlim(), [1e2, 1e4])
    np.testing.assert_allclose(left.get_ylim(), [3e2, 3e4])
    first, second = bars(figure)
    assert first.get_ylabel() == r"largest $\mu_\nu$ [$\mu_B$]"
    assert "there" in second.get_ylabel()
    mesh = left.collections[0]
    np.testing.assert_allclose(mesh.get_array(), table()["value"])
    np.testing.assert_allclose(right.collections[0].get_array(), table()["tuning_bg"])
    assert not figure.legends


def test_contours_lie_where_the_value_is_what_they_say():
    _, (left, _) = drawn(table((40, 50)), ASKED, ABOUT)
    contours = left.collections[1]
    assert len(left.texts) >= 2
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        x, y = path.vertices.T
        # straight lines between centres 9 and 12% apart: off by a quarter of their squares
        np.testing.assert_allclose(1e-12 * 1e6 / (x * y), 10.0**level, rtol=0.006)
    assert {float(text.get_text()) for text in left.texts} <= {
        float(f"{10.0**level:.1e}") for level in contours.levels
    }


def test_empty_cells_are_hatched_and_said_to_be():
    figure, (left, _) = drawn(table(empty=2), ASKED, ABOUT)
    assert left.patch.get_hatch()
    mask = np.ma.getmaskarray(left.collections[0].get_array())
    assert mask[-2:].all()
    assert not mask[:-2].any()
    (legend,) = figure.legends
    assert legend.get_texts()[0].get_text() == "no allowed point found"


def test_a_profile_likelihood_has_two_contours_below_its_maximum():
    figure, (left, _) = drawn(table((40, 50), profile=True), ASKED | {"kind": "profile"}, ABOUT)
    assert bars(figure)[0].get_ylabel() == r"$\Delta \ln L$"
    assert left.collections[0].get_array().max() == 0.0
    assert {text.get_text() for text in left.texts} == {"68.3%", "95.4%"}
    inner = left.collections[1].get_paths()[-1].vertices
    radius = np.hypot(*np.log(inner / 1e3).T)
    np.testing.assert_allclose(radius, np.sqrt(2.0 * 1.148), rtol=0.03)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (2, 2)])
def test_maps_of_a_single_row_or_cell(shape):
    _, panels = drawn(table(shape), ASKED, ABOUT)
    assert len(panels) == 2


def test_without_a_measure_of_tuning_there_is_one_panel():
    alone = {k: v for k, v in table().items() if k != "tuning_bg"}
    _, panels = drawn(alone, ASKED | {"scale": "linear"}, {})
    assert len(panels) == 1
    assert "psi" in panels[0].get_xlabel()  # the name stands for what is not known


def test_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="no cell of the frontier holds an allowed point"):
        draw_frontier(table(empty=6), ASKED, ABOUT)
    run = Run(tmp_path, {}, {}, 0, np.arange(4), {}, {})
    with pytest.raises(InputError, match="holds no frontier: its engine was another"):
        frontier_figure(run)


def test_units_come_from_the_table_itself(tmp_path):
    with h5py.File(tmp_path / "chains.h5", "w") as file:
        for name, values in (
            table() | {"m_psi": np.ones((6, 8)), "m_phi": np.ones((6, 8))}
        ).items():
            item = file.create_dataset(f"frontier/{name}", data=values)
            item.attrs.update(ABOUT.get(name, {}))
    resolved = {"sampling": {"engine": ASKED}}
    run = Run(tmp_path, resolved, {}, 0, np.arange(4), {}, {}, ("frontier",))
    axes = frontier_figure(run).axes[0]
    assert axes.get_xlabel() == r"$m_\Psi$ [GeV]"
