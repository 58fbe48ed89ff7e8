"""Big blocks of pixels at the model's resolution, decoded and used in the same thread.

Room: tiles. Every thread has one block at a time and the buffers are used again; what a
block holds does not depend on how the grid is cut into blocks.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region, level_downsample
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid, model_shape
from napari_focusqc.tiles.resample import area_average, source_span

R = TypeVar("R")

BLOCK_PX = 4096
"""Side of the square of strides that one block holds, model px (at least one tile)."""


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
        uint8 (h, w, 3) at the model's resolution, tile (r, c) starts at (r, c) × stride. Lent:
        it is written over once the function that got the block returns.
    """

    row: int
    col: int
    wanted: NDArray[np.bool_]
    readable: NDArray[np.bool_]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Source:
    """The level and plane a grid is read from, and level pixels per model pixel."""

    slide: Slide
    level: int
    z: int
    factor: float
    shape: tuple[int, int]


def map_blocks(
    function: Callable[[Block], R],
    slide: Slide,
    grid: TileGrid,
    wanted: NDArray[np.bool_],
    *,
    threads: int,
    z: int = 0,
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
    threads
        Number of threads, at least 1.
    z
        Index of the plane.

    Yields
    ------
    What the function returned, row-major; only a few results are computed ahead.
    """
    source = _source(slide, grid, z)
    side = max(BLOCK_PX // grid.stride_px, 1)
    span = (side - 1) * grid.stride_px + grid.tile_px
    free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
    for _ in range(threads):
        free.put(np.empty(span * span * 3, np.uint8))

    def work(row: int, col: int) -> R:
        buffer = free.get()
        try:
            part = wanted[row : row + side, col : col + side]
            return function(_read_block(source, grid, row, col, part, buffer))
        finally:
            free.put(buffer)

    plan, ahead = _plan(wanted, side), deque[Future[R]]()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="focusqc")
    try:
        for row, col in plan:
            ahead.append(pool.submit(work, row, col))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _plan(wanted: NDArray[np.bool_], side: int) -> Iterator[tuple[int, int]]:
    """Yield the first tile of every block of side × side tiles that has a wanted one."""
    for row in range(0, wanted.shape[0], side):
        for col in range(0, wanted.shape[1], side):
            if wanted[row : row + side, col : col + side].any():
                yield row, col


def _source(slide: Slide, grid: TileGrid, z: int) -> _Source:
    """Choose the coarsest level that is at least as fine as the model."""
    level, factor = 0, grid.scale
    for index, shape in enumerate(slide.level_shapes):
        down = level_downsample(slide.shape, shape)
        if down <= grid.scale * (1 + 1e-6):
            level, factor = index, max(grid.scale / down, 1.0)
    if abs(factor - 1) < 1e-6:
        factor = 1.0
    return _Source(slide, level, z, factor, model_shape(grid.shape, grid.scale))


def _read_block(
    source: _Source,
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
        _read_model_pixels(source, region, pixels)
    except UnreadableRegionError:
        _read_tiles(source, grid, (row, col), wanted, readable, pixels)
    return Block(row, col, wanted, readable, pixels)


def _read_tiles(
    source: _Source,
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
            _read_model_pixels(source, _window(grid, first[0] + row, first[1] + col, 1, 1), tile)
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


def _read_model_pixels(source: _Source, region: Region, out: NDArray[np.uint8]) -> None:
    """Fill `out` with a region in model pixels; beyond the slide, the slide is mirrored.

    What is mirrored may lie outside the region; so a tile's pixels do not depend on its block.
    """
    inside = region.clipped(source.shape)
    rows = _mirrored(region.y, region.height, source.shape[0])
    cols = _mirrored(region.x, region.width, source.shape[1])
    top, left = int(rows.min()), int(cols.min())
    under = Region(top, left, inside.bottom - top, inside.right - left)
    target = out[: inside.height, : inside.width]
    if under == inside:
        pixels = target
        _read_inside(source, under, pixels)
    else:
        pixels = np.empty((under.height, under.width, 3), np.uint8)
        _read_inside(source, under, pixels)
        target[...] = pixels[inside.y - top :, inside.x - left :]
    if inside != region:
        right, below = cols[inside.width :] - left, rows[inside.height :] - top
        out[: inside.height, inside.width :] = pixels[inside.y - top :, right]
        out[inside.height :] = pixels[below][:, cols - left]


def _read_inside(source: _Source, region: Region, out: NDArray[np.uint8]) -> None:
    """Fill `out` with a region that lies wholly inside the slide, averaged where it must be."""
    if source.factor == 1:
        source.slide.read(region, source.level, source.z, out)
        return
    top, bottom = source_span(region.y, region.height, source.factor)
    left, right = source_span(region.x, region.width, source.factor)
    under = Region(top, left, bottom - top, right - left)
    pixels = source.slide.read(under, source.level, source.z)
    start, size = (region.y, region.x), (region.height, region.width)
    out[...] = area_average(pixels, source.factor, start, size)


def _mirrored(start: int, count: int, side: int) -> NDArray[np.intp]:
    """Return for the positions from `start` on the position inside a side that mirrors them."""
    period = max(2 * (side - 1), 1)
    steps = np.arange(start, start + count) % period
    return np.where(steps < side, steps, period - steps).astype(np.intp)
