"""Every level as a lazy dask array, for looking only.

Room: slides. Built from `Slide.read` alone, so it serves every kind of slide; scoring never
comes this way.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.slide import Slide

COARSEST_PX = 1024
"""napari reads the coarsest level whole: levels are added until its longer side is this short."""

CHUNK_PX = 1024
"""Chunks are whole tiles of the file, as many as fit into a square of this side."""

UNDECODABLE_GREY = 128
"""What a chunk that cannot be decoded looks like: neither glass nor tissue."""


def build_pyramid(slide: Slide, tiles: Sequence[tuple[int, int]]) -> list[da.Array]:
    """Lay out every level, stored and computed; decodes nothing.

    Parameters
    ----------
    slide
        What is read, chunk by chunk, when the arrays are.
    tiles
        (height, width) of the file's own tiles or strips at each stored level, px.

    Returns
    -------
    uint8 arrays (H, W, 3), or (Z, H, W, 3) with more than one plane, finest first; each computed
    level is the 2 × 2 area mean of the one before it, an odd last row or column left out.
    """
    levels = [_stored_level(slide, level, tile) for level, tile in enumerate(tiles)]
    while max(levels[-1].shape[-3:-1]) > COARSEST_PX:
        levels.append(_halved(levels[-1]))
    return levels


def _stored_level(slide: Slide, level: int, tile: tuple[int, int]) -> da.Array:
    """Return one level of the file, chunked along its tiles."""
    height, width = slide.level_shapes[level]
    chunk_y, chunk_x = _chunk(height, tile[0]), _chunk(width, tile[1])
    chunks: tuple[tuple[int, ...], ...] = (_split(height, chunk_y), _split(width, chunk_x), (3,))
    if len(slide.z_um) > 1:
        chunks = ((1,) * len(slide.z_um), *chunks)

    def read_chunk(block_info: Any = None) -> NDArray[np.uint8]:
        *planes, rows, columns, _ = block_info[None]["array-location"]
        region = Region(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])
        pixels = _read_or_grey(slide, region, level, planes[0][0] if planes else 0)
        return pixels[None] if planes else pixels

    array: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        read_chunk,
        chunks=chunks,
        dtype=np.uint8,
        meta=np.empty((0,) * len(chunks), np.uint8),
        name=f"slide-level-{level}-{uuid4().hex}",
    )
    return array


def _read_or_grey(slide: Slide, region: Region, level: int, z: int) -> NDArray[np.uint8]:
    """Read a region, or return flat grey where it cannot be decoded."""
    try:
        return slide.read(region, level, z)
    except UnreadableRegionError:
        return np.full((region.height, region.width, 3), UNDECODABLE_GREY, np.uint8)


def _chunk(side: int, tile: int) -> int:
    """Return the side of a chunk, px: whole tiles, no longer than the level is."""
    return min(tile * max(CHUNK_PX // tile, 1), side)


def _split(side: int, chunk: int) -> tuple[int, ...]:
    """Cut a side into chunks; the last may be shorter."""
    count = ceil(side / chunk)
    return (chunk,) * (count - 1) + (side - chunk * (count - 1),)


def _halved(level: da.Array) -> da.Array:
    """Return the 2 × 2 area mean of a level, lazily."""
    height, width = (side // 2 for side in level.shape[-3:-1])
    even = level[..., : max(2 * height, 1), : max(2 * width, 1), :]
    even = even.rechunk({-3: 2 * CHUNK_PX, -2: 2 * CHUNK_PX})
    rows, columns = ([max(n // 2, 1) for n in sides] for sides in even.chunks[-3:-1])
    chunks = (*even.chunks[:-3], tuple(rows), tuple(columns), (3,))
    half: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        halve, even, chunks=chunks, dtype=np.uint8, meta=even._meta
    )
    return half


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
    wide = image.astype(np.uint16)
    rows = wide[..., 0::2, :, :] + wide[..., (1 if image.shape[-3] > 1 else 0) :: 2, :, :]
    total = rows[..., 0::2, :] + rows[..., (1 if image.shape[-2] > 1 else 0) :: 2, :]
    mean: NDArray[np.uint8] = ((total + 1 + (total // 4 & 1)) // 4).astype(np.uint8)
    return mean
