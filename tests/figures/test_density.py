"""Contours of draws whose regions are known: the share they hold, where they lie, their length.

The oracles are the ellipses of a Gaussian and the sides of a rectangle.
"""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from nmmjax.figures.density import MASSES, Densities

DRAWS = 100_000
CHAINS = 100
SQUARE = (0.0, 1.0)
OPEN = (None, None)
WIDE = 0.2  # of the strip


def normal(rng, memory):
    """Draws of chains that follow one another, each an AR(1) series of unit variance."""
    noise = rng.normal(size=(CHAINS, DRAWS // CHAINS)) * math.sqrt(1.0 - memory**2)
    noise[:, 0] /= math.sqrt(1.0 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise, axis=1).ravel()


def gaussian(rng, memory=0.0):
    a, b = normal(rng, memory), normal(rng, memory)
    return a, 0.8 * a + 0.6 * b


def square(rng, memory=0.0):
    return ndtr(normal(rng, memory)), ndtr(normal(rng, memory))


def strip(rng, memory=0.0):
    x, y = square(rng, memory)
    return x, WIDE * y


def tilted(rng, memory=0.0):
    """The strip, turned by 45 degrees."""
    x, y = strip(rng, memory)
    return (x - y) / math.sqrt(2.0), (x + y) / math.sqrt(2.0)


def drawn(x, y, bounds):
    """Areas (paths) and lengths of the contours of 95 and 68%."""
    found = Densities({"x": x, "y": y}, dict(zip("xy", bounds, strict=True))).plane("x", "y")
    assert found is not None
    axes = Figure().add_subplot()
    of = found.x, found.y, found.values
    areas = [
        axes.contourf(*of, [level, np.inf], colors="k").get_paths()[0] for level in found.levels
    ]
    return areas, [length(path) for path in axes.contour(*of, found.levels, colors="k").get_paths()]


def length(path):
    pieces = (np.diff(line, axis=0) for line in path.to_polygons(closed_only=False))
    return sum(float(np.hypot(*step.T).sum()) for step in pieces)


@pytest.mark.parametrize(
    ("of", "bounds", "sides", "memory"),
    [
        (square, (SQUARE, SQUARE), 4.0, 0.0),
        (square, (SQUARE, SQUARE), 4.0, 0.95),
        (strip, (SQUARE, OPEN), 2.0 * (1.0 + WIDE), 0.0),
        (strip, (SQUARE, OPEN), 2.0 * (1.0 + WIDE), 0.95),
        (tilted, (OPEN, OPEN), 2.0 * (1.0 + WIDE), 0.0),
    ],
)
def test_flat_draws_have_plain_contours_with_their_share(of, bounds, sides, memory):
    areas, lengths = drawn(*of(np.random.default_rng(1), memory), bounds)
    fresh = np.column_stack(of(np.random.default_rng(2)))[::4]
    for area, mass, around in zip(areas, sorted(MASSES, reverse=True), lengths, strict=True):
        near = 0.01 if memory == 0.0 else 0.02  # there are 2600 independent draws then
        assert area.contains_points(fresh).mean() == pytest.approx(mass, abs=near)
        assert around < 1.5 * sides


def test_contours_of_a_gaussian_are_its_ellipses():
    areas, lengths = drawn(*gaussian(np.random.default_rng(3)), (OPEN, OPEN))
    x, y = gaussian(np.random.default_rng(4))
    for area, mass, around in zip(areas, sorted(MASSES, reverse=True), lengths, strict=True):
        radius_sq = -2.0 * math.log1p(-mass)
        inside = x * x + ((y - 0.8 * x) / 0.6) ** 2 <= radius_sq
        found = area.contains_points(np.column_stack([x, y]))
        assert found.mean() == pytest.approx(mass, abs=0.01)
        assert np.mean(found != inside) < 0.02
        assert around == pytest.approx(math.sqrt(radius_sq) * ellipse(), rel=0.05)
    outer = areas[0].contains_points(1.15 * np.column_stack([x, y])).mean()
    assert abs(outer - MASSES[1]) > 0.02


def ellipse():
    """Length of the ellipse of one sd: its axes are the roots of the eigenvalues 1.8 and 0.2."""
    t = np.linspace(0.0, 2.0 * math.pi, 10_001)
    return float(
        np.hypot(np.diff(math.sqrt(1.8) * np.cos(t)), np.diff(math.sqrt(0.2) * np.sin(t))).sum()
    )


def test_a_quantity_without_structure_gives_straight_lines():
    rng = np.random.default_rng(5)
    x, y = rng.uniform(size=DRAWS), rng.normal(size=DRAWS)
    _, lengths = drawn(x, y, (SQUARE, OPEN))
    around = [2.0 + 4.0 * float(ndtri(0.5 + 0.5 * mass)) for mass in sorted(MASSES, reverse=True)]
    np.testing.assert_allclose(lengths, around, rtol=0.02)


def test_lines_are_flat_where_draws_are_and_fall_where_they_do():
    rng = np.random.default_rng(6)
    columns = {"flat": rng.uniform(size=DRAWS), "bell": rng.normal(size=DRAWS)}
    found = Densities(columns, {"flat": SQUARE})
    flat, bell = found.line("flat"), found.line("bell")
    assert flat is not None
    assert bell is not None
    np.testing.assert_allclose(flat[1] / flat[1].mean(), 1.0, atol=1e-9)
    x, values = bell
    np.testing.assert_allclose(values / values.max(), np.exp(-0.5 * x * x), atol=0.03)


def test_draws_that_repeat_one_another_show_no_structure_of_their_own():
    few = np.random.default_rng(7).uniform(size=(500, 2))
    again = np.random.default_rng(8).integers(500, size=DRAWS)
    _, lengths = drawn(*few[again].T, (SQUARE, SQUARE))
    assert max(lengths) < 6.0


def test_too_few_draws_and_constants_have_no_density():
    found = Densities({"few": np.arange(99.0), "same": np.ones(99)}, {})
    assert found.line("few") is None
    assert found.plane("few", "same") is None
    many = Densities({"x": np.arange(500.0), "same": np.ones(500)}, {})
    assert many.plane("x", "same") is None


@pytest.mark.parametrize(("thick", "followed"), [(0.0, False), (0.1, False), (4.0, True)])
def test_a_line_thinner_than_a_bin_has_no_contours(thick, followed):
    """Contours would be beads. A pair of quantities is cut into 64 bins; `thick` is the sd in bins.

    Few draws scattered over a plane are no line.
    """
    rng = np.random.default_rng(8)
    x = rng.uniform(size=DRAWS)
    y = 3.0 + 1e-3 * (x + thick / 64.0 * rng.normal(size=DRAWS))
    assert (Densities({"x": x, "y": y}, {}).plane("x", "y") is not None) == followed
    few = dict(zip("xy", rng.normal(size=(2, 150)), strict=True))
    assert Densities(few, {}).plane("x", "y") is not None
