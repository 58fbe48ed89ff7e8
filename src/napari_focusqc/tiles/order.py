"""In which order blocks are read: what a user looks at first, then outwards.

Room: tiles.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.tiles.grid import TileGrid

BlockPlace = tuple[slice, slice]
"""Rows and columns of the tiles of a block."""


def outwards(blocks: Iterable[BlockPlace], grid: TileGrid, first: TileGrid) -> list[BlockPlace]:
    """Sort blocks by their distance from a part of the grid; those beside each other keep theirs.

    Parameters
    ----------
    blocks
        Places in `grid`.
    grid
        The tiles that are read.
    first
        The part to begin with, of the same slide's grid.
    """
    top, left = first.row0 - grid.row0, first.col0 - grid.col0
    seen = (top, top + first.rows), (left, left + first.cols)

    def apart(place: BlockPlace) -> int:
        gap = 0
        for part, (start, stop) in zip(place, seen, strict=True):
            gap = max(gap, start - part.stop + 1, part.start - stop + 1)
        return gap

    return sorted(blocks, key=apart)


def every_nth(wanted: NDArray[np.bool_], grid: TileGrid, step: int) -> NDArray[np.bool_]:
    """Return the wanted tiles in every `step`-th row and column of the slide's grid."""
    rows = (grid.row0 + np.arange(wanted.shape[0])) % step == 0
    cols = (grid.col0 + np.arange(wanted.shape[1])) % step == 0
    chosen: NDArray[np.bool_] = wanted & rows[:, None] & cols[None]
    return chosen
