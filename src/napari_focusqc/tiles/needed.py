"""Which parts of a block have to be decoded: the file's tiles under wanted windows, no others.

Room: tiles. Works out rectangles; reads nothing.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.geometry import Region
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.level_source import LevelSource

Cells = NDArray[np.bool_]
"""bool (rows, cols), the file's tiles under a block, those needed True."""


def needed_parts(
    source: LevelSource, grid: TileGrid, window: Region, wanted: NDArray[np.bool_]
) -> list[Region]:
    """Return rectangles that together hold every wanted window of a block, each pixel once.

    Parameters
    ----------
    source
        What the block is read from.
    grid
        Side and step of the windows.
    window
        The block in model pixels; its first window starts at its corner.
    wanted
        bool (rows, cols), the windows that are wanted.

    Returns
    -------
    Regions in model pixels, inside slide and block, along the borders of the file's tiles; one
    where all is needed. Where a window reaches beyond the slide, they hold what is mirrored there.
    """
    inside = window.clipped(source.shape)
    downs = source.cuts(0, inside.y, inside.bottom)
    rights = source.cuts(1, inside.x, inside.right)
    under_rows = _under(source, grid, 0, window.y, wanted.shape[0], downs)
    under_cols = _under(source, grid, 1, window.x, wanted.shape[1], rights)
    cells = (under_rows.T @ wanted.astype(np.intp) @ under_cols) > 0
    if cells.all():
        return [inside]
    return [
        Region(int(downs[a]), int(rights[c]), int(downs[b] - downs[a]), int(rights[d] - rights[c]))
        for a, b, c, d in _rectangles(cells)
    ]


def _under(
    source: LevelSource, grid: TileGrid, axis: int, start: int, count: int, cuts: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Say by 0 or 1 which cells each row (axis 0) or column (1) of windows shows."""
    under = np.zeros((count, len(cuts) - 1), np.intp)
    for index in range(count):
        at = start + index * grid.stride_px
        first = np.searchsorted(cuts, source.mirrored_from(axis, at, grid.tile_px), "right") - 1
        last = np.searchsorted(cuts, at + grid.tile_px, "left")
        under[index, max(int(first), 0) : int(last)] = 1
    return under


def _rectangles(cells: Cells) -> Iterator[tuple[int, int, int, int]]:
    """Part cells into rectangles, as (top, bottom, left, right), ends left out.

    Runs that lie alike in rows one below the other become one.
    """
    open_runs: dict[tuple[int, int], int] = {}
    for row in range(len(cells) + 1):
        runs = _runs(cells[row]) if row < len(cells) else set()
        for run in [run for run in open_runs if run not in runs]:
            yield open_runs.pop(run), row, *run
        for run in runs - open_runs.keys():
            open_runs[run] = row


def _runs(row: NDArray[np.bool_]) -> set[tuple[int, int]]:
    """Return where a row of cells is True without a gap, as (left, right)."""
    edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0)).tolist()
    return set(zip(edges[::2], edges[1::2], strict=True))
