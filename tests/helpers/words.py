"""Faults of the text in a drawn figure: what leaves the canvas, what lies over other text."""

import itertools

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

_SLACK = 1.0  # pixels, of rounding and of empty margins of letters


def faults(figure):
    """Lines about each text that is clipped and each pair that overlaps, as they are drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    hidden = {id(text) for text in _not_drawn(figure)}
    texts = (t for t in figure.findobj(Text) if id(t) not in hidden)
    seen = [t for t in texts if t.get_visible() and t.get_text().strip()]
    shown = [(t.get_text(), _corners(t, renderer)) for t in seen]
    width, height = figure.bbox.size
    for words, corners in shown:
        low, high = corners.min(axis=0), corners.max(axis=0)
        if low.min() < -_SLACK or high[0] > width + _SLACK or high[1] > height + _SLACK:
            yield f"'{words}' leaves the canvas"
    for (a, first), (b, second) in itertools.combinations(shown, 2):
        if not _apart(first, second):
            yield f"'{a}' lies over '{b}'"


def _not_drawn(figure):
    """Labels of ticks outside of the limits of their axis: they are made, and not drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            drawn = axis._update_ticks() if axes.get_visible() and axes.axison else []
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not any(tick is one for one in drawn):
                    yield from (tick.label1, tick.label2)


def _corners(text, renderer):
    """(4, 2) corners of the text's own box, turned as it is, shrunk by the slack."""
    middle = text.get_window_extent(renderer)
    centre = 0.5 * np.array([middle.x0 + middle.x1, middle.y0 + middle.y1])
    angle = np.deg2rad(text.get_rotation())
    text.set_rotation(0.0)
    box = text.get_window_extent(renderer)
    text.set_rotation(np.rad2deg(angle))
    half = np.maximum(0.5 * np.array([box.width, box.height]) - _SLACK, 0.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return centre + (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half) @ turn.T


def _apart(first, second):
    """Separating axes of two rectangles."""
    for corners in (first, second):
        for edge in (corners[1] - corners[0], corners[3] - corners[0]):
            a, b = first @ edge, second @ edge
            if a.max() <= b.min() or b.max() <= a.min():
                return True
    return False
