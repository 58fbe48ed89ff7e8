"""One slide's maps by several models beside its known defocus, in one picture.

Room: evaluation. matplotlib's object interface; no state is shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.colour_bar import DEFAULT_COLORMAP, colours, draw_colour_bar
from napari_focusqc.evaluation.figures import slide_axes
from napari_focusqc.evaluation.focus_protocols import ComparedMap, KnownDefocus
from napari_focusqc.evaluation.legend import draw_swatch, swatches
from napari_focusqc.evaluation.overlay import (
    Paint,
    Panel,
    grey_slide,
    has_outline,
    paint_cells,
    paint_map,
)
from napari_focusqc.evaluation.sheet import Sheet, Style, scale_bar
from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.scale import score_limits
from napari_focusqc.results.summary import summarise

PANEL_PX = 640
"""Longest side of a panel: on the sample slide even DeepFocus's tiles are large enough for an
outline."""

_LEFT, _TOP, _GAP = 28.0, 140.0, 26.0
_BELOW = 120.0
"""Room below the panels for their colour bars and the legend."""

_SWATCH_WIDTH = 150.0
_RADIUS = "equivalent blur radius, µm"


def write_side_by_side(
    maps: Sequence[ComparedMap], known: KnownDefocus, thumbnail: NDArray[np.uint8], path: str | Path
) -> Path:
    """Write a PNG of one slide's maps in a row, the known defocus last.

    Where all weights are calibrated, the colours are equivalent blur radii, µm, on the scale of
    the known defocus; else each map has its model's own scale. The picture says which.

    Parameters
    ----------
    maps
        From `focus_protocols.compare`, at least one, all of the same slide.
    known
        What is known of it.
    thumbnail
        uint8 (h, w, 3) or (h, w), the whole slide at any size.
    path
        PNG file to make or replace.

    Returns
    -------
    The path of the file.

    Raises
    ------
    EvaluationError
        The maps are not of one slide, or the thumbnail is no uint8 image.
    OutputError
        The file cannot be written.
    WeightsError
        The calibration on a map's card is damaged.
    """
    path = Path(path)
    figure = side_by_side_figure(maps, known, thumbnail)
    with file_beside(path) as partial:
        figure.savefig(partial, format="png", dpi=figure.dpi)
    return path


def side_by_side_figure(
    maps: Sequence[ComparedMap], known: KnownDefocus, thumbnail: NDArray[np.uint8]
) -> Figure:
    """Draw what `write_side_by_side` writes; its axes are a panel, its colour bar, the next."""
    focus_maps = [compared.focus_map for compared in maps]
    first = _finest(focus_maps)
    row = _Row.of(first, thumbnail, len(maps) + 1)
    calibrated = all(focus_map.calibration is not None for focus_map in focus_maps)
    largest_um = float(np.nanmax(known.radius_um))
    common = colours(DEFAULT_COLORMAP, (0.0, largest_um))
    _heading(row.sheet, first, calibrated=calibrated)
    for number, compared in enumerate(maps):
        coloured = _in_radii(compared, common) if calibrated else _in_scores(compared)
        _draw_map(row, number, compared, coloured)
    scale_bar(row.sheet.figure.axes[0], first.grid.shape, first.source.mpp)
    _draw_known(row, len(maps), known, common)
    _legend(row, focus_maps, common)
    return row.sheet.figure


@dataclass(frozen=True, slots=True, eq=False)
class _Coloured:
    """What of a map is coloured, float32 (rows, cols), how, and its threshold on that scale."""

    values: NDArray[np.float32]
    scale: ScalarMappable
    threshold: float | None
    meaning: str
    unit: str = ""


def _in_scores(compared: ComparedMap) -> _Coloured:
    """Colour a map by its scores, on its model's own scale."""
    focus_map = compared.focus_map
    scale = colours(DEFAULT_COLORMAP, score_limits(focus_map))
    meaning = f"{focus_map.source.model} score, higher = more out of focus"
    return _Coloured(focus_map.scores, scale, focus_map.source.threshold, meaning)


def _in_radii(compared: ComparedMap, common: ScalarMappable) -> _Coloured:
    """Colour a map by the equivalent blur radius of its scores, on the scale of all."""
    focus_map = compared.focus_map
    threshold, calibration = focus_map.source.threshold, focus_map.calibration
    if threshold is not None and calibration is not None:
        threshold = float(calibration.radius_um_of(threshold))
    return _Coloured(focus_map.blur_radius_um(), common, threshold, _RADIUS, " µm")


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """Panels of one size in a row, with room above and below each."""

    sheet: Sheet
    panel: Panel
    grey: Paint
    map_of_slide: FocusMap

    @classmethod
    def of(cls, focus_map: FocusMap, thumbnail: NDArray[np.uint8], panels: int) -> "_Row":
        """Make room for some panels that each show the slide of a map."""
        panel = Panel.for_grid(focus_map.grid, PANEL_PX)
        width, height = panel.width / panel.zoom, panel.height / panel.zoom
        whole = 2 * _LEFT + panels * width + (panels - 1) * _GAP
        sheet = Sheet(whole, _TOP + height + _BELOW, panel.zoom)
        return cls(sheet, panel, grey_slide(thumbnail, panel), focus_map)

    @property
    def width(self) -> float:
        """Width of a panel."""
        return self.panel.width / self.panel.zoom

    @property
    def bottom(self) -> float:
        """Where the panels end."""
        return _TOP + self.panel.height / self.panel.zoom

    def left(self, number: int) -> float:
        """Return where a panel begins."""
        return _LEFT + number * (self.width + _GAP)

    def show(self, number: int, picture: Paint) -> Axes:
        """Put a picture into a panel; return axes for its colour bar."""
        x = self.left(number)
        self.sheet.place(picture, x, _TOP)
        slide_axes(self.sheet, self.map_of_slide, self.panel, x, _TOP)
        return self.sheet.axes(x + 14, self.bottom + 22, self.width - 28, 14)

    def write(self, number: int, y: float, text: str, style: Style) -> None:
        """Write a line no longer than a panel is wide."""
        x = self.left(number)
        self.sheet.write(x, y, text, style, x + self.width + _GAP / 2)


def _finest(maps: Sequence[FocusMap]) -> FocusMap:
    """Return the map of the smallest tiles.

    Raises
    ------
    EvaluationError
        The maps are not of one slide.
    """
    slides = {(focus_map.source.slide, focus_map.grid.shape) for focus_map in maps}
    if len(slides) != 1:
        raise EvaluationError(
            f"the maps are of {len(slides)} slides; side by side go maps of one and the same slide"
        )
    return min(maps, key=lambda focus_map: focus_map.grid.stride_level0)


def _heading(sheet: Sheet, focus_map: FocusMap, *, calibrated: bool) -> None:
    """Write what slide this is, and what the colours mean."""
    source = focus_map.source
    sheet.write(_LEFT, 30, f"{source.slide}: focus models side by side", "title")
    own = "each model's own score, as not all of the weights are calibrated; known defocus in µm"
    meaning = f"{_RADIUS}, one scale for all" if calibrated else own
    size = f"{source.mpp:.4g} µm/px ({source.mpp_source})"
    sheet.write(_LEFT, 55, f"{size} · colours: {meaning}", "note")


def _draw_map(row: _Row, number: int, compared: ComparedMap, coloured: _Coloured) -> None:
    """Draw a map's panel with its heading, and its colour bar below."""
    focus_map = compared.focus_map
    source = focus_map.source
    row.write(number, _TOP - 50, f"{source.model}, weights {source.weights['name']}", "heading")
    row.write(number, _TOP - 31, summarise(focus_map).lines()[0], "text")
    follows = f"Spearman against the known defocus: {compared.uniform}"
    row.write(number, _TOP - 13, follows, "text")
    tiles = coloured.scale.to_rgba(coloured.values, bytes=True)[..., :3]
    picture = paint_map(row.grey, focus_map, focus_map.verdicts(), tiles, row.panel)
    bar = row.show(number, picture)
    shown = draw_colour_bar(bar, coloured.scale, coloured.values, coloured.threshold, "horizontal")
    words = coloured.meaning
    if coloured.threshold is not None:
        mark = "▼ " if shown else ""
        words += f" · {mark}out of focus above {coloured.threshold:.3g}{coloured.unit}"
    row.write(number, row.bottom + 68, words, "text")


def _draw_known(row: _Row, number: int, known: KnownDefocus, common: ScalarMappable) -> None:
    """Draw the panel of what is known, with its colour bar below."""
    row.write(number, _TOP - 50, "known defocus", "heading")
    row.write(number, _TOP - 31, "radius of the disk that the slide was blurred with", "text")
    radii = common.to_rgba(known.radius_um, bytes=True)[..., :3]
    picture = paint_cells(row.grey, radii, np.isfinite(known.radius_um))
    draw_colour_bar(row.show(number, picture), common, known.radius_um, None, "horizontal")
    row.write(number, row.bottom + 68, "radius of the blur disk, µm", "text")


def _legend(row: _Row, maps: Sequence[FocusMap], common: ScalarMappable) -> None:
    """List once, below everything, what the maps show besides their colours."""
    verdicts = [focus_map.verdicts() for focus_map in maps]
    outline = any(
        has_outline(focus_map, each, row.panel)
        for focus_map, each in zip(maps, verdicts, strict=True)
    )
    x = _LEFT
    for swatch, verdict in swatches(common.cmap, row.panel.zoom, outline=outline):
        if any((each == verdict).any() for each in verdicts):
            draw_swatch(row.sheet, x, row.bottom + 88, swatch, verdict.words)
            x += _SWATCH_WIDTH
