"""Every level as a lazy dask array, for looking only.

Room: slides. Built from `Slide.read` alone, so it serves every kind of slide; scoring never
comes this way. Dask sees each level as an array that decodes what is asked of it, in chunks that
are the file's own tiles: a pan decodes the tiles in view and no others, and opening a slide of any
size costs nothing. (A zarr store in between would add a codec and an event loop, and no pixel.)
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np
from dask.array.core import slices_from_chunks
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.progress import Progress
from napari_focusqc.slides.colour import Recolour
from napari_focusqc.slides.slide import Slide

COARSEST_PX = 1024
"""napari reads the coarsest level whole: levels are added until its longer side is this short."""

CHUNK_PX = 256
"""Chunks are one tile of the file, or as many small ones as fit into a square of this side."""

BLOCK_PX = 2048
"""A computed level is read in stored blocks of at most this side, which bounds its memory."""

UNDECODABLE_GREY = 128
"""What a tile that cannot be decoded looks like: neither glass nor tissue."""

Pixels = Callable[[Region, int], NDArray[np.uint8]]
"""Reads a region of one plane of a level, uint8 (height, width, 3)."""


def build_pyramid(slide: Slide, recolour: Recolour | None = None) -> list[da.Array]:
    """Lay out every level, stored and computed; decodes nothing.

    Parameters
    ----------
    slide
        What is read, chunk by chunk, when the arrays are.
    recolour
        Turns the stored colours into those to be shown; None shows them as they are.

    Returns
    -------
    uint8 arrays (H, W, 3), or (Z, H, W, 3) with more than one plane, finest first; each computed
    level is the 2 × 2 area mean of the one before it, an odd last row or column left out.
    """
    levels: list[da.Array] = []
    for shape, chunk, pixels in _levels(slide):
        view = LevelView(shape, len(slide.z_um), pixels, recolour)
        array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
            view,
            chunks=(1,) * (view.ndim - 3) + (*chunk, 3),
            name=f"slide-level-{len(levels)}-{uuid4().hex}",
            asarray=False,
            meta=np.empty((0,) * view.ndim, np.uint8),
        )
        levels.append(array)
    return levels


def read_overview(levels: Sequence[da.Array]) -> Generator[Progress[None], None, list[Any]]:
    """Decode the coarsest level now: napari reads it whole, in its window's thread, if we do not.

    Where the file lacks small levels all of its pixels are decoded for it, so this is long work.

    Parameters
    ----------
    levels
        From `build_pyramid`.

    Returns
    -------
    The levels, the coarsest as a numpy array.
    """
    *finer, coarsest = levels
    pixels = np.empty(coarsest.shape, np.uint8)
    rows = slices_from_chunks(coarsest.chunks[:-2])  # type: ignore[no-untyped-call]
    for done, row in enumerate(rows):
        yield Progress(done, len(rows), "reading the overview")
        pixels[row] = coarsest[row].compute()
    return [*finer, pixels]


class LevelView:
    """One level as an array that decodes what is asked of it: what dask needs, and no more.

    Parameters
    ----------
    shape
        (height, width), px.
    planes
        How many there are; with more than one the array has an axis for them.
    pixels
        How the level is read.
    recolour
        Turns its colours into those to be shown, or None.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, shape: tuple[int, int], planes: int, pixels: Pixels, recolour: Recolour | None
    ) -> None:
        self.shape = (planes,) * (planes > 1) + (*shape, 3)
        self.ndim = len(self.shape)
        self._pixels = pixels
        self._recolour = recolour

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[np.uint8]:
        """Decode what forward slices or numbers cover, one per axis: dask joins its slices."""
        numbers = [isinstance(part, (int, np.integer)) for part in key]
        spans = [
            range(part, part + 1) if number else range(*part.indices(side))
            for part, number, side in zip(key, numbers, self.shape, strict=True)
        ]
        *planes, rows, columns, samples = spans
        height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
        region = Region(rows[0], columns[0], height, width)
        picked = np.s_[:: rows.step, :: columns.step, samples.start : samples.stop : samples.step]
        parts = [self._shown(region, z)[picked] for z in (planes[0] if planes else (0,))]
        pixels = np.stack(parts) if planes else parts[0]
        return pixels[tuple(0 if number else slice(None) for number in numbers)]

    def _shown(self, region: Region, z: int) -> NDArray[np.uint8]:
        """Return a region of one plane in the colours to be shown."""
        pixels = self._pixels(region, z)
        return pixels if self._recolour is None else self._recolour(pixels)


def _levels(slide: Slide) -> Iterator[tuple[tuple[int, int], tuple[int, int], Pixels]]:
    """Yield shape, chunk and pixels of every level, the stored ones first."""
    for level, (shape, tile) in enumerate(zip(slide.level_shapes, slide.tile_shapes, strict=True)):
        chunk = (_chunk(shape[0], tile[0]), _chunk(shape[1], tile[1]))
        yield shape, chunk, _stored(slide, level, chunk)
    last = _stored(slide, level, chunk)
    shapes = [shape]
    while max(shapes[-1]) > COARSEST_PX:
        shapes.append((max(shapes[-1][0] // 2, 1), max(shapes[-1][1] // 2, 1)))
        side = min(max(shapes[-1]), CHUNK_PX)
        yield shapes[-1], (side, side), _computed(last, tuple(shapes))


def _chunk(side: int, tile: int) -> int:
    """Return the side of a chunk, px: whole tiles, no longer than the level is."""
    return min(tile * max(CHUNK_PX // tile, 1), side)


def _stored(slide: Slide, level: int, chunk: tuple[int, int]) -> Pixels:
    """Return how a stored level is read; a tile that cannot be decoded is grey."""

    def pixels(region: Region, z: int) -> NDArray[np.uint8]:
        out = np.empty((region.height, region.width, 3), np.uint8)
        try:
            return slide.read(region, level, z, out)
        except UnreadableRegionError:
            for part in _cut(region, chunk):
                place = _within(out, region, part)
                try:
                    slide.read(part, level, z, place)
                except UnreadableRegionError:
                    place[...] = UNDECODABLE_GREY
        return out

    return pixels


def _computed(stored: Pixels, shapes: tuple[tuple[int, int], ...]) -> Pixels:
    """Return how a level is computed from a stored one, block by block.

    Parameters
    ----------
    stored
        Reads the stored level.
    shapes
        Its shape, that of the level to compute, and those between, finest first, px.
    """
    halvings = len(shapes) - 1
    side = max(BLOCK_PX >> halvings, 1)

    def pixels(region: Region, z: int) -> NDArray[np.uint8]:
        out = np.empty((region.height, region.width, 3), np.uint8)
        for part in _cut(region, (side, side)):
            block = part
            for height, width in reversed(shapes[:-1]):
                rows, columns = min(2 * block.height, height), min(2 * block.width, width)
                block = Region(2 * block.y, 2 * block.x, rows, columns)
            image = stored(block, z)
            for _ in range(halvings):
                image = halve(image)
            _within(out, region, part)[...] = image
        return out

    return pixels


def _cut(region: Region, step: tuple[int, int]) -> Iterator[Region]:
    """Cut a region along the multiples of a step, px."""
    for y in range(region.y // step[0] * step[0], region.bottom, step[0]):
        for x in range(region.x // step[1] * step[1], region.right, step[1]):
            top, left = max(y, region.y), max(x, region.x)
            bottom, right = min(y + step[0], region.bottom), min(x + step[1], region.right)
            yield Region(top, left, bottom - top, right - left)


def _within(pixels: NDArray[np.uint8], region: Region, part: Region) -> NDArray[np.uint8]:
    """Return the view of a region's pixels that a part of it fills."""
    top, left = part.y - region.y, part.x - region.x
    return pixels[top : top + part.height, left : left + part.width]


def halve(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the area mean of every 2 × 2 pixels, halves rounded to even so that nothing drifts.

    Parameters
    ----------
    image
        uint8, shape (..., H, W, 3); H and W are even, or 1 (a side of one pixel stays).

    Returns
    -------
    uint8, shape (..., H / 2, W / 2, 3).
    """
    down, right = (int(side > 1) for side in image.shape[-3:-1])
    rows = np.add(image[..., 0::2, :, :], image[..., down::2, :, :], dtype=np.uint16)
    total = rows[..., 0::2, :] + rows[..., right::2, :]
    total += 1 + (total >> 2 & 1)
    total >>= 2
    return total.astype(np.uint8)
