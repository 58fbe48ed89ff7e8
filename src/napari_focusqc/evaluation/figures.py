"""Pictures for reports: a slide with its focus map, colour bar, scale bar and legend.

Room: evaluation. matplotlib's object interface; no state is shared.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from napari_focusqc.evaluation.colour_bar import DEFAULT_COLORMAP, colours, draw_colour_bar
from napari_focusqc.evaluation.legend import draw_swatch, swatches
from napari_focusqc.evaluation.overlay import Paint, Panel, grey_slide, has_outline, paint_map
from napari_focusqc.evaluation.sheet import INK, Sheet, scale_bar
from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.results.scale import score_limits
from napari_focusqc.results.summary import MapSummary, summarise, tile_count

PAPER_COLORMAP = "jet"
"""Blue to red, as in Kohlberger et al. 2019 [1]_; hard on colour-blind readers.

.. [1] Kohlberger et al., "Whole-slide image focus quality", J Pathol Inform 10:39, 2019.
"""

_LEFT, _TOP = 28.0, 98.0
_COLUMN_WIDTH, _COLUMN_HEIGHT = 264.0, 480.0
_BAR_HEIGHT = 236.0
_ROW = 27


def write_overlay(
    focus_map: FocusMap,
    thumbnail: NDArray[np.uint8],
    path: str | Path,
    *,
    colormap: str = DEFAULT_COLORMAP,
    limits: tuple[float, float] | None = None,
) -> Path:
    """Write a PNG of the slide with its focus map, colour bar, scale bar and legend.

    Parameters
    ----------
    focus_map
        The map to show.
    thumbnail
        uint8 (h, w, 3) or (h, w), the whole slide at any size.
    path
        PNG file to make or replace.
    colormap
        Name of a matplotlib colormap; ``"viridis"`` suits every kind of colour vision, ``"jet"``
        is the paper's.
    limits
        Scores shown as the first and the last colour; None takes `score_limits`.

    Returns
    -------
    The path of the file.

    Raises
    ------
    SettingsError
        There is no such colormap, or the limits do not rise.
    EvaluationError
        The thumbnail is no uint8 image.
    OutputError
        The file cannot be written.
    """
    path = Path(path)
    figure = overlay_figure(focus_map, thumbnail, colormap=colormap, limits=limits)
    with file_beside(path) as partial:
        figure.savefig(partial, format="png", dpi=figure.dpi)
    return path


def overlay_figure(
    focus_map: FocusMap,
    thumbnail: NDArray[np.uint8],
    *,
    colormap: str = DEFAULT_COLORMAP,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw what `write_overlay` writes; its first axes are in level-0 px of the slide."""
    panel = Panel.for_grid(focus_map.grid)
    scale = colours(colormap, limits or score_limits(focus_map))
    verdicts, summary = focus_map.verdicts(), summarise(focus_map)
    column = _LEFT + panel.width / panel.zoom + 32
    height = _TOP + max(panel.height / panel.zoom, _COLUMN_HEIGHT) + 28
    sheet = Sheet(column + _COLUMN_WIDTH, height, panel.zoom)
    tiles = scale.to_rgba(focus_map.scores, bytes=True)[..., :3]
    picture = paint_map(grey_slide(thumbnail, panel), focus_map, verdicts, tiles, panel)
    sheet.place(picture, _LEFT, _TOP)
    axes = slide_axes(sheet, focus_map, panel, _LEFT, _TOP)
    scale_bar(axes, focus_map.grid.shape, focus_map.source.mpp)
    _heading(sheet, focus_map, summary)
    _colour_bar(sheet, column, scale, focus_map)
    outline = has_outline(focus_map, verdicts, panel)
    _legend(sheet, column, swatches(scale.cmap, panel.zoom, outline=outline), summary)
    return sheet.figure


def slide_axes(sheet: Sheet, focus_map: FocusMap, panel: Panel, x: float, y: float) -> Axes:
    """Lay see-through axes in level-0 px over the slide; a dashed frame shows a part that was run.

    The frame is left out where the map misses less than two tiles along both sides.

    Parameters
    ----------
    sheet
        Where the picture of the slide is.
    focus_map
        Gives the slide's size and the part that was run.
    panel
        Size of the picture.
    x, y
        Its top left corner on the sheet.
    """
    grid, (height, width) = focus_map.grid, focus_map.grid.shape
    axes = sheet.axes(x, y, panel.width / panel.zoom, panel.height / panel.zoom)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.spines[:].set(color="#b0b0b0", linewidth=0.6)
    top, left = (centre - grid.stride_level0 / 2 for centre in grid.first_centre_level0)
    rows, cols = grid.rows * grid.stride_level0, grid.cols * grid.stride_level0
    if min(rows - height, cols - width) < -2 * grid.tile_level0:
        frame = Rectangle((left, top), cols, rows, fill=False, edgecolor=INK, linewidth=0.9)
        frame.set_linestyle((0, (5, 4)))
        axes.add_patch(frame)
    return axes


def _heading(sheet: Sheet, focus_map: FocusMap, summary: MapSummary) -> None:
    """Write the slide's name, the weights and the share out of focus above the picture."""
    source = focus_map.source
    weights = source.weights.get("name")
    scored_by = source.model if weights is None else f"{source.model}, weights {weights}"
    sheet.write(_LEFT, 30, source.slide, "title")
    sheet.write(_LEFT, 55, f"{scored_by} · {source.mpp:.4g} µm/px ({source.mpp_source})", "note")
    sheet.write(_LEFT, 75, summary.lines()[0], "text")


def _colour_bar(sheet: Sheet, x: float, scale: ScalarMappable, focus_map: FocusMap) -> None:
    """Draw the colour bar with its meaning above it and the threshold on it."""
    sheet.write(x, _TOP + 10, f"{focus_map.source.model} score", "heading")
    sheet.write(x, _TOP + 30, "higher = more out of focus", "note")
    axes = sheet.axes(x + 14, _TOP + 50, 22, _BAR_HEIGHT)
    threshold = focus_map.source.threshold
    shown = draw_colour_bar(axes, scale, focus_map.scores, threshold)
    below = _TOP + _BAR_HEIGHT + 74
    if threshold is None:
        sheet.write(x, below, "no threshold for these scores", "text")
    else:
        words = f"{'▶ ' if shown else ''}out of focus above {threshold:.4g}"
        sheet.write(x, below, words, "text")


def _legend(
    sheet: Sheet, x: float, samples: list[tuple[Paint, Verdict]], summary: MapSummary
) -> None:
    """List below the colour bar what is in the picture, with the number of its tiles."""
    y = _TOP + _BAR_HEIGHT + 100
    for swatch, verdict in samples:
        if count := summary.tiles[verdict.words]:
            draw_swatch(sheet, x, y, swatch, f"{verdict.words}: {tile_count(count)}")
            y += _ROW
