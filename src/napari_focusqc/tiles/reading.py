"""Big blocks of pixels at the model's resolution, decoded and used in the same thread.

Room: tiles. Every thread has one block at a time and the buffers are used again; what a
block holds does not depend on how the grid is cut into blocks.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.tiles.needed import needed_parts
from napari_focusqc.tiles.order import outwards

R = TypeVar("R")

BLOCK_PX, LEAST_BLOCK_PX = 4096, 512
"""Side of the square of strides that one block holds, model px (at least one tile): as large as may
be, as what blocks share is read twice, but small grids are cut so that all threads have work."""
BLOCKS_PER_THREAD = 4


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Pixels under a rectangle of tiles.

    Parameters
    ----------
    row, col
        First tile, counted from the first tile of the grid that was read.
    wanted
        bool (rows, cols), the tiles asked for.
    readable
        bool (rows, cols), False for a wanted tile that could not be decoded.
    pixels
        uint8 (h, w, 3) at the model's resolution, tile (r, c) starts at (r, c) × stride; what lies
        under no wanted tile is not decoded and holds anything. Lent: it is written over once the
        function that got the block returns.
    """

    row: int
    col: int
    wanted: NDArray[np.bool_]
    readable: NDArray[np.bool_]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a slide is read.

    Parameters
    ----------
    threads
        Number of threads, at least 1.
    z
        Index of the plane.
    first
        The part of the grid to begin with, or None to begin at the top left.
    """

    threads: int = 1
    z: int = 0
    first: TileGrid | None = None


def map_blocks(
    function: Callable[[Block], R],
    slide: Slide,
    grid: TileGrid,
    wanted: NDArray[np.bool_],
    reading: Reading,
) -> Generator[R, None, None]:
    """Call a function with every block that holds a wanted tile, in the thread that decoded it.

    So the pixels are still in that core's cache, and all cores stay busy. Where a block cannot
    be decoded, its wanted tiles are read one by one and those that fail are marked. Closing the
    generator waits for the threads.

    Parameters
    ----------
    function
        Gets a block, whose pixels it must not keep; may be called from several threads at once.
    slide
        Read at the coarsest level that is not coarser than the model.
    grid
        The tiles.
    wanted
        bool (rows, cols).
    reading
        How it is read.

    Yields
    ------
    What the function returned, block by block, row-major or outwards from `Reading.first`; only a
    few results are computed ahead.
    """
    source = LevelSource.of(slide, grid, reading.z)
    side = _side(grid, reading.threads)
    span = side * grid.stride_px + grid.tile_px
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for _ in range(reading.threads):
        free.put(np.empty(span * span * 3, np.uint8))

    def work(place: tuple[slice, slice]) -> R:
        buffer, (rows, cols) = free.get(), place
        try:
            part = wanted[rows, cols]
            return function(_read_block(source, grid, rows.start, cols.start, part, buffer))
        finally:
            free.put(buffer)

    blocks = list(_blocks(source, grid, wanted, side))
    if reading.first is not None:
        blocks = outwards(blocks, grid, reading.first)
    yield from in_order(work, blocks, reading.threads)


def _side(grid: TileGrid, threads: int) -> int:
    """Return the side of a block, tiles.

    It depends on the grid, not on the tiles wanted: torch's last bits depend on the tiles that are
    scored together, and a run that goes on must find the same blocks.
    """
    share = sqrt(grid.rows * grid.cols / (BLOCKS_PER_THREAD * threads))
    least = min(LEAST_BLOCK_PX, BLOCK_PX) // grid.stride_px
    return max(min(int(share), BLOCK_PX // grid.stride_px), least, 1)


def _blocks(
    source: LevelSource, grid: TileGrid, wanted: NDArray[np.bool_], side: int
) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of every block that has a wanted one, at most side + 1 either way."""
    downs = _parts(source, grid, 0, wanted.shape[0], side)
    rights = _parts(source, grid, 1, wanted.shape[1], side)
    for rows in downs:
        for cols in rights:
            if wanted[rows, cols].any():
                yield rows, cols


def _parts(source: LevelSource, grid: TileGrid, axis: int, count: int, side: int) -> list[slice]:
    """Cut a row (axis 1) or column (axis 0) of the grid's tiles into parts for blocks.

    - A part begins where no tile of the file does, as far as possible: so a file tile under two
      blocks lies whole in neither, and whichever decodes it keeps it for the other.
    - One tile left over joins the last part: two always hold what is mirrored beyond the slide.
    """
    starts = [0]
    while starts[-1] + side < count - 1:
        most = starts[-1] + side
        begun = (
            start
            for start in range(most, most - side // 2, -1)
            if not source.tile_begins(axis, *_overlap(grid, axis, start))
        )
        starts.append(next(begun, most))
    return [slice(a, b) for a, b in pairwise([*starts, count])]


def _overlap(grid: TileGrid, axis: int, index: int) -> tuple[int, int]:
    """Return what a tile shares with the one before it, model px down or right, end left out."""
    start = ((grid.row0, grid.col0)[axis] + index) * grid.stride_px
    return start, start + grid.tile_px - grid.stride_px


def _read_block(
    source: LevelSource,
    grid: TileGrid,
    row: int,
    col: int,
    wanted: NDArray[np.bool_],
    buffer: NDArray[np.uint8],
) -> Block:
    """Fill a block, tile by tile where the whole cannot be decoded."""
    rows, cols = wanted.shape
    region = _window(grid, row, col, rows, cols)
    pixels = buffer[: region.height * region.width * 3].reshape(region.height, region.width, 3)
    readable = np.ones((rows, cols), bool)
    try:
        _read_wanted(source, grid, region, wanted, pixels)
    except UnreadableRegionError:
        _read_tiles(source, grid, (row, col), wanted, readable, pixels)
    return Block(row, col, wanted, readable, pixels)


def _read_wanted(
    source: LevelSource,
    grid: TileGrid,
    region: Region,
    wanted: NDArray[np.bool_],
    pixels: NDArray[np.uint8],
) -> None:
    """Fill a block where tiles are wanted; elsewhere it keeps what was there before.

    Raises
    ------
    UnreadableRegionError
        A compressed tile under it cannot be decoded.
    """
    for part in needed_parts(source, grid, region, wanted):
        source.read(part, _view(pixels, region, part))
    if source.mirror(region, pixels):
        return
    beyond = _beyond(source.shape, grid, region, wanted.shape)
    for row, col in np.argwhere(wanted & beyond):
        y, x = region.y + row * grid.stride_px, region.x + col * grid.stride_px
        tile = Region(y, x, grid.tile_px, grid.tile_px)
        source.read(tile, _view(pixels, region, tile))


def _beyond(
    slide: tuple[int, int], grid: TileGrid, region: Region, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Say which windows of a block reach beyond the slide, bool of `shape`; all in model px."""
    ends_y = region.y + np.arange(shape[0]) * grid.stride_px + grid.tile_px
    ends_x = region.x + np.arange(shape[1]) * grid.stride_px + grid.tile_px
    return (ends_y > slide[0])[:, None] | (ends_x > slide[1])[None]


def _view(pixels: NDArray[np.uint8], region: Region, part: Region) -> NDArray[np.uint8]:
    """Return the view of a region's pixels that a part of it fills."""
    y, x = part.y - region.y, part.x - region.x
    return pixels[y : y + part.height, x : x + part.width]


def _read_tiles(
    source: LevelSource,
    grid: TileGrid,
    first: tuple[int, int],
    wanted: NDArray[np.bool_],
    readable: NDArray[np.bool_],
    pixels: NDArray[np.uint8],
) -> None:
    """Read the wanted tiles one by one into `pixels`, marking those that fail."""
    pixels.fill(255)
    tile = np.empty((grid.tile_px, grid.tile_px, 3), np.uint8)
    for row, col in np.argwhere(wanted):
        y, x = row * grid.stride_px, col * grid.stride_px
        try:
            source.read(_window(grid, first[0] + row, first[1] + col, 1, 1), tile)
        except UnreadableRegionError:
            readable[row, col] = False
        else:
            pixels[y : y + grid.tile_px, x : x + grid.tile_px] = tile


def _window(grid: TileGrid, row: int, col: int, rows: int, cols: int) -> Region:
    """Return the model pixels under rows × cols tiles, counted from the grid's first tile."""
    stride, overlap = grid.stride_px, grid.tile_px - grid.stride_px
    return Region(
        (grid.row0 + row) * stride,
        (grid.col0 + col) * stride,
        rows * stride + overlap,
        cols * stride + overlap,
    )
