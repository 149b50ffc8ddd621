"""Words that fit: labels no longer than their axes, legends no wider than their figure."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

_MOST_COLUMNS = 3
_MARGIN = 0.97  # of the room there is


def fitted(figure: Figure) -> Figure:
    """Make letters smaller where a label, a title or a line of words exceeds its room."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
    for text, room, upright in _rooms(figure):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent(renderer)
            share = _MARGIN * room / max(box.height if upright else box.width, 1e-9)
            if share < 1.0:
                text.set_fontsize(float(text.get_fontsize()) * share)
    return figure


def legend_below(figure: Figure, panels: Sequence[Axes], **options: object) -> None:
    """One entry per label below the panels, in as many columns as there is room for.

    The figure needs a constrained layout.
    """
    pairs = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels]
    entries = {label: handle for pair in pairs for handle, label in pair}
    if not entries:
        return
    renderer, room = FigureCanvasAgg(figure).get_renderer(), _MARGIN * figure.bbox.width
    for columns in range(min(_MOST_COLUMNS, len(entries)), 0, -1):
        legend = figure.legend(
            list(entries.values()),
            list(entries),
            loc="outside lower center",
            ncols=columns,
            **options,  # pyright: ignore[reportArgumentType]
        )
        width = legend.get_window_extent(renderer).width
        if width <= room:
            return
        if columns > 1:
            legend.remove()
    for text in legend.get_texts():
        text.set_fontsize(float(text.get_fontsize()) * room / width)


def _rooms(figure: Figure) -> Iterator[tuple[Text, float, bool]]:
    """Every text beside axes or above a figure, the pixels it may take, and whether it is upright.

    Next to a panel's own length there is a part of the margin on either side.
    """
    for axes in figure.axes:
        box = axes.get_window_extent()
        yield axes.xaxis.label, 1.05 * box.width, False
        yield axes.yaxis.label, 1.05 * box.height, True
        for where in ("left", "center", "right"):
            title = {"left": axes._left_title, "center": axes.title, "right": axes._right_title}  # pyright: ignore[reportAttributeAccessIssue]
            yield title[where], box.width, False
    for text in (*figure.texts, *([figure._suptitle] if figure._suptitle else [])):  # pyright: ignore[reportAttributeAccessIssue]
        yield text, figure.bbox.width, False
