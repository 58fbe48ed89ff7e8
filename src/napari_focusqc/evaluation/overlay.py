"""The pixels of an overlay: a grey slide with its focus map painted at the true place.

Room: evaluation. Plain numpy; the frame around it, with colour bar and legend, is in figures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from napari_focusqc.errors import EvaluationError
from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.tiles.grid import TileGrid

Paint = NDArray[np.uint8]
HEAT = 0.65
"""Weight of the score's colour over the grey slide."""

LONGEST_PX = 1000
_MOST_PX = 4096
_PX_PER_TILE = 2
_OUTLINED_TILE_PX = 5
_LUMA = (0.212, 0.715, 0.072)


@dataclass(frozen=True, slots=True)
class Panel:
    """The rectangle of pixels that shows a whole slide.

    Parameters
    ----------
    height, width
        Size, px.
    zoom
        Pixels drawn where a picture of `longest_px` would draw one: line widths follow it.
    """

    height: int
    width: int
    zoom: float

    @classmethod
    def for_grid(cls, grid: TileGrid, longest_px: int = LONGEST_PX) -> "Panel":
        """Choose a size: `longest_px`, or more where tiles would fall below 2 px, to 4096 px."""
        longest = max(grid.shape)
        tiles = longest / grid.stride_level0
        side = int(min(max(longest_px, np.ceil(_PX_PER_TILE * tiles)), _MOST_PX))
        height, width = (max(round(s * side / longest), 1) for s in grid.shape)
        return cls(height, width, side / longest_px)

    def tile_px(self, grid: TileGrid) -> float:
        """Return the step between tiles, px of the panel."""
        return grid.stride_level0 * max(self.height, self.width) / max(grid.shape)


def grey_slide(thumbnail: NDArray[np.uint8], panel: Panel) -> Paint:
    """Return the slide in grey at the panel's size, uint8 (height, width, 3).

    Parameters
    ----------
    thumbnail
        uint8 (h, w, 3) or (h, w), the whole slide at any size.
    panel
        Size to return.

    Raises
    ------
    EvaluationError
        The thumbnail is no uint8 image.
    """
    rgb = thumbnail.ndim == 3 and thumbnail.shape[2] == 3
    if thumbnail.dtype != np.uint8 or not (rgb or thumbnail.ndim == 2) or thumbnail.size == 0:
        raise EvaluationError(
            f"the thumbnail is {thumbnail.dtype} {thumbnail.shape}; it must be uint8 (h, w, 3) or "
            "(h, w)"
        )
    grey = thumbnail @ np.array(_LUMA) if rgb else thumbnail.astype(np.float64)
    image = Image.fromarray(np.rint(grey).astype(np.uint8))
    small = np.asarray(image.resize((panel.width, panel.height), Image.Resampling.LANCZOS))
    return np.repeat(small[..., None], 3, axis=2)


def paint_map(
    grey: Paint,
    focus_map: FocusMap,
    verdicts: NDArray[np.uint8],
    colours: NDArray[np.uint8],
    panel: Panel,
) -> Paint:
    """Paint every tile as the square of one stride around its centre.

    Parameters
    ----------
    grey
        From `grey_slide`.
    focus_map
        Which scores lie where.
    verdicts
        From `FocusMap.verdicts`.
    colours
        Colour of each tile's score, uint8 (rows, cols, 3).
    panel
        Size of `grey`.

    Returns
    -------
    uint8 (height, width, 3). Scored tiles are coloured, unreadable ones striped, abstained ones
    chequered; glass and tiles not run show the slide.
    """
    row, col = _tile_of_pixel(focus_map.grid, panel)
    tiles = np.ix_(row, col)
    inside = (row >= 0)[:, None] & (col >= 0)[None, :]
    verdict = np.where(inside, verdicts[tiles], Verdict.NOT_RUN)
    scored = inside & np.isin(verdict, SCORED) & ~np.isnan(focus_map.scores[tiles])
    heat = colours[row][:, col]
    picture = np.where(scored[..., None], mixed(heat, grey), grey)
    for reason in PATTERNS:
        picture = np.where(
            (verdict == reason)[..., None], pattern(reason, grey, panel.zoom), picture
        )
    if panel.tile_px(focus_map.grid) >= _OUTLINED_TILE_PX * panel.zoom:
        picture = outlined(picture, verdict == Verdict.OUT_OF_FOCUS, panel.zoom)
    return picture


def paint_cells(grey: Paint, colours: NDArray[np.uint8], known: NDArray[np.bool_]) -> Paint:
    """Paint the cells of a grid that covers the whole slide.

    Parameters
    ----------
    grey
        From `grey_slide`.
    colours
        Colour of each cell, uint8 (rows, cols, 3).
    known
        bool (rows, cols), which cells to paint; the others show the slide.

    Returns
    -------
    uint8 (height, width, 3).
    """
    row, col = (
        np.arange(pixels) * cells // pixels
        for pixels, cells in zip(grey.shape[:2], known.shape, strict=True)
    )
    painted = known[row][:, col, None]
    return np.where(painted, mixed(colours[row][:, col], grey), grey)


SCORED = (Verdict.IN_FOCUS, Verdict.OUT_OF_FOCUS, Verdict.SCORED)
PATTERNS = (Verdict.UNREADABLE, Verdict.ABSTAINED)


def has_outline(focus_map: FocusMap, verdicts: NDArray[np.uint8], panel: Panel) -> bool:
    """Say whether `paint_map` outlines tiles: some are out of focus, and not too small."""
    large = panel.tile_px(focus_map.grid) >= _OUTLINED_TILE_PX * panel.zoom
    return bool(large and (verdicts == Verdict.OUT_OF_FOCUS).any())


def mixed(heat: Paint, grey: Paint) -> Paint:
    """Lay colours over a grey picture so that its structure stays visible."""
    return np.rint(HEAT * heat + (1 - HEAT) * grey).astype(np.uint8)


def pattern(verdict: Verdict, grey: Paint, zoom: float) -> Paint:
    """Return the pattern of tiles without a score: stripes (unreadable) or chequers (abstained)."""
    y, x = np.ogrid[: grey.shape[0], : grey.shape[1]]
    step = max(round(4 * zoom), 1)
    if verdict is Verdict.UNREADABLE:
        odd, dark, light = ((x + y) // step) % 2 == 1, (20, 20, 20), (255, 255, 255)
    else:
        odd, dark, light = (x // step + y // step) % 2 == 1, (150, 60, 120), (245, 215, 232)
    return np.where(odd[..., None], np.array(dark, np.uint8), np.array(light, np.uint8))


def outlined(picture: Paint, inside: NDArray[np.bool_], zoom: float) -> Paint:
    """Draw a black line around a mask, inside its border, and a white one outside."""
    steps = max(round(zoom), 1)
    inner = inside & ~binary_erosion(inside, iterations=steps, border_value=1)
    outer = ~inside & binary_dilation(inside, iterations=steps)
    picture = np.where(outer[..., None], np.uint8(255), picture)
    return np.where(inner[..., None], np.uint8(0), picture)


def _tile_of_pixel(grid: TileGrid, panel: Panel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row of each of the panel's rows and the column of each column; -1 for none."""
    first_y, first_x = grid.first_centre_level0
    row = _nearest_tile(panel.height, grid.shape[0], first_y, grid.stride_level0, grid.rows)
    col = _nearest_tile(panel.width, grid.shape[1], first_x, grid.stride_level0, grid.cols)
    return row, col


def _nearest_tile(
    pixels: int, side: int, first_centre: float, stride: float, count: int
) -> NDArray[np.int64]:
    centres = (np.arange(pixels) + 0.5) * side / pixels
    tile = np.floor((centres - first_centre) / stride + 0.5).astype(np.int64)
    return np.where((tile >= 0) & (tile < count), tile, -1)
