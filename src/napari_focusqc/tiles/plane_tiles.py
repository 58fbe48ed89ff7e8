"""The same tiles in several planes, strip by strip.

Room: tiles. A strip is a run of tiles in one row of the slide's grid, cut where the slide's columns
say and not the region's, so a tile is always read in the same company.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.level_source import LevelSource

STRIP = 8
"""Tiles in a strip: with 40 planes of 224 px, 48 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Tiles side by side, with their pixels in every plane.

    Parameters
    ----------
    row
        Of the tiles, counted from the first of the grid that was read.
    cols
        Columns of the tiles, intp (n,), counted likewise, rising.
    readable
        bool (n,), False where a plane of the tile cannot be decoded.
    pixels
        uint8 (Z, n, tile, tile, 3), at the grid's resolution; anything where not readable.
    """

    row: int
    cols: NDArray[np.intp]
    readable: NDArray[np.bool_]
    pixels: NDArray[np.uint8]


def strips(grid: TileGrid, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield row and columns of each strip with a wanted tile, row by row.

    Parameters
    ----------
    grid
        The tiles.
    wanted
        bool (rows, cols).
    """
    for row in range(grid.rows):
        cols = np.flatnonzero(wanted[row])
        parts = (cols + grid.col0) // STRIP
        for part in np.unique(parts):
            yield row, cols[parts == part]


def read_strip(
    slide: Slide, grid: TileGrid, planes: Sequence[int], place: tuple[int, NDArray[np.intp]]
) -> Strip:
    """Read a strip; beyond the slide it is mirrored.

    Parameters
    ----------
    slide
        Read at the coarsest level that is not coarser than the grid.
    grid
        The tiles.
    planes
        Indices in `slide.z_um`.
    place
        From `strips`.
    """
    row, cols = place
    side = grid.tile_px
    pixels = np.empty((len(planes), len(cols), side, side, 3), np.uint8)
    readable = np.ones(len(cols), bool)
    for plane, z in zip(pixels, planes, strict=True):
        source = LevelSource.of(slide, grid, z)
        for index, col in enumerate(cols):
            y, x = (grid.row0 + row) * grid.stride_px, (grid.col0 + int(col)) * grid.stride_px
            try:
                source.read(Region(y, x, side, side), plane[index])
            except UnreadableRegionError:
                readable[index] = False
    return Strip(row, cols, readable, pixels)
