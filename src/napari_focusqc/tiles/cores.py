"""Squares that part a slide between them, each in a window that says all about it.

Room: tiles. Works out rectangles in model pixels; reads nothing. The squares are those of the
slide, not of the region asked for, so that a region has the results of the whole slide.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_focusqc.geometry import Region
from napari_focusqc.tiles.grid import TileGrid, model_shape

CORE_PX = 768
"""Side of a core. Larger ones share less of their windows, and take more memory."""


@dataclass(frozen=True, slots=True)
class Core:
    """One of the squares.

    Parameters
    ----------
    inside
        The pixels that are this core's own, model px; smaller at the slide's right and bottom.
    window
        Those and a margin around them, model px, as far as the slide goes.
    """

    inside: Region
    window: Region

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of the window that are the core's own."""
        top, left = self.inside.y - self.window.y, self.inside.x - self.window.x
        return np.s_[top : top + self.inside.height, left : left + self.inside.width]


def core_grid(shape: tuple[int, int], scale: float, region: Region | None = None) -> TileGrid:
    """Lay cores over a slide, or return the part of them that a region touches.

    Parameters
    ----------
    shape
        (height, width) of the slide's level 0, px.
    scale
        Level-0 pixels per model pixel.
    region
        Level-0 px.

    Raises
    ------
    RegionError
        The region lies wholly outside the slide.
    """
    grid = TileGrid.covering(shape, scale, CORE_PX, CORE_PX, "cover")
    return grid if region is None else grid.within(region)


def cores(grid: TileGrid, margin_px: int) -> Iterator[Core]:
    """Yield the cores of a grid, row by row.

    Parameters
    ----------
    grid
        From `core_grid`.
    margin_px
        How far a window reaches beyond its core, model px.
    """
    shape, side = model_shape(grid.shape, grid.scale), grid.stride_px
    whole = side + 2 * margin_px
    for row in range(grid.row0, grid.row0 + grid.rows):
        for col in range(grid.col0, grid.col0 + grid.cols):
            y, x = row * side, col * side
            around = Region(y - margin_px, x - margin_px, whole, whole)
            yield Core(Region(y, x, side, side).clipped(shape), around.clipped(shape))
