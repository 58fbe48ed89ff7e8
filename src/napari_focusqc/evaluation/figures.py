"""Pictures for reports: a slide with its focus map, colour bar, scale bar and legend.

Room: evaluation. matplotlib's object interface; no state is shared.
"""

from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from napari_focusqc.errors import SettingsError
from napari_focusqc.evaluation.overlay import (
    PATTERNS,
    Paint,
    Panel,
    grey_slide,
    has_outline,
    mixed,
    outlined,
    paint_map,
    pattern,
)
from napari_focusqc.evaluation.sheet import FAINT, INK, Sheet, scale_bar
from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.results.scale import score_limits
from napari_focusqc.results.summary import MapSummary, summarise, tile_count

DEFAULT_COLORMAP = "viridis"
"""Dark is in focus, bright is out of focus; told apart by every kind of colour vision."""

PAPER_COLORMAP = "jet"
"""Blue to red, as in Kohlberger et al. 2019 [1]_; hard on colour-blind readers.

.. [1] Kohlberger et al., "Whole-slide image focus quality", J Pathol Inform 10:39, 2019.
"""

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
    scores = _colours(colormap, limits or score_limits(focus_map))
    verdicts, summary = focus_map.verdicts(), summarise(focus_map)
    sheet = Sheet(panel.height / panel.zoom, panel.width / panel.zoom, panel.zoom)
    tiles = scores.to_rgba(focus_map.scores, bytes=True)[..., :3]
    picture = paint_map(grey_slide(thumbnail, panel), focus_map, verdicts, tiles, panel)
    sheet.place(picture, sheet.left, sheet.top)
    axes = _slide_axes(sheet, focus_map)
    scale_bar(axes, focus_map.grid.shape, focus_map.source.mpp)
    _heading(sheet, focus_map, summary)
    _colour_bar(sheet, scores, focus_map)
    outline = has_outline(focus_map, verdicts, panel)
    _legend(sheet, _samples(summary, scores.cmap, panel.zoom, outline=outline))
    return sheet.figure


def _colours(name: str, limits: tuple[float, float]) -> ScalarMappable:
    """Return what turns scores into colours; scores beyond the limits take the last colour."""
    if name not in mpl.colormaps:
        raise SettingsError(
            f"no colormap {name!r}; choose viridis, cividis, magma, jet or another of matplotlib's"
        )
    if not limits[0] < limits[1]:
        raise SettingsError(f"the limits {limits} do not rise; give the lower score first")
    return ScalarMappable(Normalize(*limits), mpl.colormaps[name])


def _slide_axes(sheet: Sheet, focus_map: FocusMap) -> Axes:
    """Lay see-through axes in level-0 px over the slide; a dashed frame shows a part that was run.

    The frame is left out where the map misses less than two tiles along both sides.
    """
    grid, (height, width) = focus_map.grid, focus_map.grid.shape
    axes = sheet.axes(sheet.left, sheet.top, sheet.picture_width, sheet.picture_height)
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
    sheet.write(sheet.left, 30, source.slide, "title")
    sheet.write(
        sheet.left, 55, f"{scored_by} · {source.mpp:.4g} µm/px ({source.mpp_source})", "note"
    )
    sheet.write(sheet.left, 75, summary.lines()[0], "text")


def _colour_bar(sheet: Sheet, scores: ScalarMappable, focus_map: FocusMap) -> None:
    """Draw the colour bar with its meaning above it and the threshold on it."""
    x, y = sheet.column, sheet.top
    sheet.write(x, y + 10, f"{focus_map.source.model} score", "heading")
    sheet.write(x, y + 30, "higher = more out of focus", "note")
    axes = sheet.axes(x + 14, y + 50, 22, _BAR_HEIGHT)
    low, high = scores.get_clim()
    extend = _beyond(focus_map.scores, low, high)
    bar = Colorbar(axes, scores, extend=extend, extendfrac=0.04)
    bar.outline.set(linewidth=0.6, edgecolor=FAINT)
    axes.tick_params(labelsize=9, color=FAINT, labelcolor=INK, width=0.6)
    threshold = focus_map.source.threshold
    if threshold is None:
        sheet.write(x, y + _BAR_HEIGHT + 74, "no threshold for these scores", "text")
        return
    shown = low <= threshold <= high
    if shown:
        _mark(axes, threshold)
    words = f"{'▶ ' if shown else ''}out of focus above {threshold:.4g}"
    sheet.write(x, y + _BAR_HEIGHT + 74, words, "text")


def _beyond(
    scores: NDArray[np.float32], low: float, high: float
) -> Literal["neither", "both", "min", "max"]:
    """Say at which ends of the colour bar scores lie beyond it."""
    below, above = bool((scores < low).any()), bool((scores > high).any())
    if below and above:
        return "both"
    return "min" if below else "max" if above else "neither"


def _mark(axes: Axes, threshold: float) -> None:
    """Draw a line across the colour bar with a pointer left of it."""
    axes.axhline(threshold, color="white", linewidth=3)
    axes.axhline(threshold, color="black", linewidth=1.2)
    axes.plot(
        [-0.32],
        [threshold],
        ">",
        color=INK,
        markersize=6,
        clip_on=False,
        transform=axes.get_yaxis_transform(),
    )


def _samples(
    summary: MapSummary, cmap: Colormap, zoom: float, *, outline: bool
) -> list[tuple[Paint, str]]:
    """Return a swatch and words for everything in the picture that the colour bar does not say."""
    plain = np.full((round(18 * zoom), round(28 * zoom), 3), 225, np.uint8)
    samples = []
    if outline:
        samples.append((_outline_swatch(plain, cmap, zoom), Verdict.OUT_OF_FOCUS))
    samples += [(pattern(verdict, plain, zoom), verdict) for verdict in PATTERNS]
    samples += [(plain, verdict) for verdict in (Verdict.GLASS, Verdict.NOT_RUN)]
    counts = [(swatch, verdict.words, summary.tiles[verdict.words]) for swatch, verdict in samples]
    return [(swatch, f"{words}: {tile_count(count)}") for swatch, words, count in counts if count]


def _outline_swatch(plain: Paint, cmap: Colormap, zoom: float) -> Paint:
    """Return a swatch with one outlined tile on it."""
    heat = np.broadcast_to(np.array(cmap(0.6, bytes=True)[:3], np.uint8), plain.shape)
    tile = np.zeros(plain.shape[:2], bool)
    edge = round(3 * zoom)
    tile[edge:-edge, edge:-edge] = True
    return outlined(np.where(tile[..., None], mixed(heat, plain), plain), tile, zoom)


def _legend(sheet: Sheet, samples: list[tuple[Paint, str]]) -> None:
    """List the swatches below the colour bar."""
    top = sheet.top + _BAR_HEIGHT + 100
    for number, (swatch, words) in enumerate(samples):
        y = top + _ROW * number
        sheet.place(swatch, sheet.column, y)
        sheet.write(sheet.column + 38, y + 9, words, "text")
