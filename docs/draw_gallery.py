"""Draw the pictures of the gallery, small: `python docs/draw_gallery.py [NAME ...]`."""

import io
import pathlib
import sys

from PIL import Image

from nmmjax.cli.session import start_jax
from nmmjax.reproduce import definition, figure

FOLDER = pathlib.Path(__file__).parent / "images" / "gallery"
_DPI = 120
_COLOURS = 256


def draw(name: str) -> None:
    """Draw one figure and save it with few colours."""
    about = definition.read(name)
    memory = io.BytesIO()
    figure.drawn(about, figure.computed(about)).savefig(memory, format="png", dpi=_DPI)
    few = Image.open(memory).convert("RGB").quantize(_COLOURS)
    few.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    start_jax()
    FOLDER.mkdir(exist_ok=True, parents=True)
    for chosen in sys.argv[1:] or definition.names():
        draw(chosen)
