"""Swatches for what a picture of a map shows besides its colours, each with words beside it.

Room: evaluation.
"""

import numpy as np
from matplotlib.colors import Colormap

from napari_focusqc.evaluation.overlay import PATTERNS, Paint, mixed, outlined, pattern
from napari_focusqc.evaluation.sheet import Sheet
from napari_focusqc.results.focus_map import Verdict

_GREY = 225


def swatches(cmap: Colormap, zoom: float, *, outline: bool) -> list[tuple[Paint, Verdict]]:
    """Return a swatch for every verdict that the colour bar does not say.

    Parameters
    ----------
    cmap
        Colours of the scores.
    zoom
        Pixels per hundredth of an inch.
    outline
        Whether tiles out of focus are outlined in the picture.
    """
    plain = np.full((round(18 * zoom), round(28 * zoom), 3), _GREY, np.uint8)
    samples = [(pattern(verdict, plain, zoom), verdict) for verdict in PATTERNS]
    samples += [(plain, verdict) for verdict in (Verdict.GLASS, Verdict.NOT_RUN)]
    if outline:
        samples.insert(0, (_outline_swatch(plain, cmap, zoom), Verdict.OUT_OF_FOCUS))
    return samples


def draw_swatch(sheet: Sheet, x: float, y: float, swatch: Paint, words: str) -> None:
    """Put a swatch with its top left corner at (x, y), and words beside it."""
    sheet.place(swatch, x, y)
    sheet.write(x + 38, y + 9, words, "text")


def _outline_swatch(plain: Paint, cmap: Colormap, zoom: float) -> Paint:
    """Return a swatch with one outlined tile on it."""
    heat = np.broadcast_to(np.array(cmap(0.6, bytes=True)[:3], np.uint8), plain.shape)
    tile = np.zeros(plain.shape[:2], bool)
    edge = round(3 * zoom)
    tile[edge:-edge, edge:-edge] = True
    return outlined(np.where(tile[..., None], mixed(heat, plain), plain), tile, zoom)
