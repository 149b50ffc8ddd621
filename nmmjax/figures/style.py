"""The look of every figure: sizes, fonts, colours that the colour-blind tell apart too, hatching.

Widths are those of one and of two columns of a journal; letters of 6 to 8 points are read there.
"""

from typing import Any

type Style = dict[Any, Any]

ONE_COLUMN, TWO_COLUMNS = 3.375, 7.0  # inches
STYLE: Style = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 6.5,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.4,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "image.cmap": "viridis",
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
}
COLOURS = ("#440154", "#31688e", "#35b779", "#d8b512")  # viridis, its yellow darkened
# Okabe and Ito's colours, apart for what is measured and what is hoped for.
LIMITS = ("#000000", "#d55e00", "#cc79a7", "#0072b2")
PROJECTIONS = ("#56b4e9", "#009e73", "#e69f00", "0.45")
CURVES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
RUNS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("-", "--", "-.")
PROJECTED = ":"
WISH: Style = {"color": "0.35", "ls": (0, (5.0, 1.5, 1.0, 1.5, 1.0, 1.5))}
INSIDE = ("#d3e0ee", "#8fb3d4")  # of the contours of 95 and of 68%
OUTLINE = "#1f4e79"
EXCLUDED: Style = {"facecolor": "none", "hatch": "//////", "lw": 0.0}
EMPTY: Style = {"facecolor": "0.9", "hatch": "////", "edgecolor": "0.6", "lw": 0.0}
