"""Figures of curves: what is drawn, where, with which labels."""

import jax.numpy as jnp
import numpy as np
import pytest

from nmmjax.catalogue import quantity
from nmmjax.constraints import library
from nmmjax.constraints.ends import Curve
from nmmjax.constraints.entries import build
from nmmjax.constraints.library import catalogue, load
from nmmjax.errors import InputError
from nmmjax.figures.curves import curves_figure
from nmmjax.figures.limit_lines import printed

NAMES = [
    name
    for name, entry in catalogue().items()
    if entry["type"].endswith("_curve") or entry["type"] == "excluded_region"
]


def lines(axes):
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.get_lines()}


@pytest.mark.parametrize("name", NAMES)
def test_every_curve_draws_its_limit(name):
    (curve,) = load([name])
    assert isinstance(curve, Curve)
    (axes,) = curves_figure([curve]).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "[GeV]" in axes.get_xlabel()
    unit = quantity(curve.requires[0]).unit
    assert (r"$\mu_B$" in axes.get_ylabel()) == (unit == "mu_B")
    (label, drawn), *others = lines(axes).items()
    assert not others
    assert library.label(name) in label
    if "90%" in label or "95%" in label:
        mass, limit = drawn[137]
        assert curve.allowed(inside(curve, 0.99 * limit, mass))
        assert not curve.allowed(inside(curve, 1.01 * limit, mass))


def inside(curve, coupling, mass):
    values = map(jnp.asarray, (coupling, mass, 0.0 if curve.visible else 1.0))
    return dict(zip(curve.requires, values, strict=False))


def test_one_panel_per_pair_of_axes_over_the_points():
    rng = np.random.default_rng(0)
    points = {
        "eps": rng.uniform(-1e-3, 1e-3, (4, 9000)),
        "m_aprime": rng.uniform(0.1, 1.0, (4, 9000)),
    }
    chosen = [c for n in ("na64e_2023", "babar_2017", "xenonnt_2022_massive") for c in load([n])]
    eps, moment = curves_figure([*chosen, *load(["m_nu_target"])], points).axes
    assert len(lines(eps)) == 2
    assert len(lines(moment)) == 1
    (cloud,) = [c for c in eps.collections if c.get_label() == "points of the model"]
    assert 5_000 < len(cloud.get_offsets()) <= 20_000
    assert np.all(cloud.get_offsets()[:, 1] > 0.0)
    assert all(c.get_label() != "points of the model" for c in moment.collections)


def test_saves(tmp_path):
    curves_figure(load(["sn1987a_visible"])).savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5_000


def test_no_curve():
    with pytest.raises(InputError, match="no curve to draw among the constraints: m_nu_target"):
        curves_figure(load(["m_nu_target"]))


@pytest.mark.parametrize(
    ("about", "expected"),
    [({"label": "My reactor 2027"}, "My reactor 2027, 90% CL"), ({}, "my_reactor_2027, 90% CL")],
)
def test_a_limit_of_the_user_has_its_printed_name(about, expected):
    entry = dict(catalogue()["lz_2023"]) | {"observable": "mu_eff_reactor"}
    entry = {key: x for key, x in entry.items() if key != "label"} | about
    term = build("my_reactor_2027", entry)
    assert printed(term, term.interval().label) == expected


def test_a_projection_excludes_nothing(tmp_path):
    """Hatched is what is excluded: beside a limit, not beside what an experiment hopes for."""
    (limit,), (hope,) = (
        curves_figure(load([name])).axes for name in ("na64e_2023", "future_na64e_1e13")
    )
    assert [c.get_hatch() for c in limit.collections] == ["//////"]
    assert len(hope.collections) == 0
    assert len(hope.lines) == 1
