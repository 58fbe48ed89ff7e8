"""The pixels under a region of a TIFF level: tiles fetched, decoded one by one and put together.

Room: slides. Threads share the open file and the few tiles that lie across their regions.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.canvas import WHITE, on_white
from napari_focusqc.slides.tiff.byte_source import ByteSource
from napari_focusqc.slides.tiff.level import TiffLevel, TiffPlane
from napari_focusqc.slides.tiff.tile_cache import BLOCK_BYTES, TileCache

UNDECODABLE = (ValueError, RuntimeError, TypeError, IndexError, OSError)
"""What imagecodecs and tifffile raise for a damaged tile, and the system for a lost disk."""


class TiffPixels:
    """The pixels of an open TIFF file, for several threads at once.

    The file closes when the last reference goes, so a read in flight never loses it.

    Parameters
    ----------
    path
        The file.
    cache_bytes
        How much should be kept of tiles that regions used in part.
    """

    def __init__(self, path: Path, cache_bytes: int = 0) -> None:
        self._source = ByteSource(path)
        self._name = path.name
        self._cache = TileCache(cache_bytes)
        self._own = local()

    def fill(self, target: NDArray[np.uint8], inside: Region, level: TiffLevel, z: int = 0) -> None:
        """Decode a region of one plane into a buffer.

        Parameters
        ----------
        target
            Filled, uint8 (height, width, 3), RGB.
        inside
            The region, px of the level, wholly inside it.
        level
            Where its tiles lie.
        z
            Index of the plane.

        Raises
        ------
        UnreadableRegionError
            A tile under the region cannot be decoded.
        """
        depth = 1 if level.planar else level.samples
        scratch = self._scratch(level.tile[0] * level.tile[1] * depth)
        for sample in range(level.samples if level.planar else 1):
            place = target[..., sample : sample + 1] if level.planar else target
            for tile in _tiles_under(level, inside):
                index = _index(level, tile, sample)
                key = (level.shape, z, index)
                decode = partial(self._decoded, level, tile, level.planes[z], index, scratch)
                if _within(tile, inside):
                    pixels = self._cache.get(key)
                    pixels = decode() if pixels is None else pixels
                else:
                    pixels = self._cache.once(key, decode)
                _paste(pixels, tile, inside, place)

    def _scratch(self, size: int) -> NDArray[np.uint8]:
        """Return memory for a tile, this thread's own.

        The system clears fresh memory, which takes half as long as decoding a tile into it.
        """
        scratch: NDArray[np.uint8] | None = getattr(self._own, "scratch", None)
        if scratch is None or scratch.size < size:
            scratch = np.empty(size, np.uint8)
            if size <= BLOCK_BYTES:
                self._own.scratch = scratch
        return scratch

    def _decoded(
        self,
        level: TiffLevel,
        tile: Region,
        plane: TiffPlane,
        index: int,
        scratch: NDArray[np.uint8],
    ) -> NDArray[np.uint8] | None:
        """Decode one tile, maybe into `scratch`; None where the scanner left it out.

        Raises
        ------
        UnreadableRegionError
            Its bytes are gone or cannot be decoded.
        """
        offset, count = int(plane.offsets[index]), int(plane.counts[index])
        if count == 0:
            return None
        try:
            data = self._source.read(offset, count)
            if len(data) < count:
                raise ValueError(f"the file now ends {count - len(data)} bytes before its end")
            shapes = ((level.tile[0], level.tile[1]), (tile.height, tile.width))
            return _toned(level, plane.decode(data, index, shapes, scratch))
        except UNDECODABLE as error:
            raise UnreadableRegionError(
                f"the tile at y {tile.y}, x {tile.x} px of {self._name} cannot be decoded "
                f"({error}); it counts as unreadable"
            ) from error


def _index(level: TiffLevel, tile: Region, sample: int) -> int:
    """Return the place of a tile in the list of its plane's tiles."""
    rows, columns = level.grid
    return (sample * rows + tile.y // level.tile[0]) * columns + tile.x // level.tile[1]


def _within(tile: Region, region: Region) -> bool:
    """Say whether a region uses the whole of a tile."""
    top_left = tile.y >= region.y and tile.x >= region.x
    return top_left and tile.bottom <= region.bottom and tile.right <= region.right


def _tiles_under(level: TiffLevel, inside: Region) -> Iterator[Region]:
    """Yield the visible part of every tile under a region, px of the level."""
    tall, wide = level.tile
    for y in range(inside.y // tall * tall, inside.bottom, tall):
        for x in range(inside.x // wide * wide, inside.right, wide):
            yield Region(y, x, min(tall, level.shape[0] - y), min(wide, level.shape[1] - x))


def _paste(
    pixels: NDArray[np.uint8] | None, tile: Region, inside: Region, target: NDArray[np.uint8]
) -> None:
    """Copy the part of a tile that lies inside the region into the region's buffer."""
    top, left = max(tile.y, inside.y), max(tile.x, inside.x)
    bottom, right = min(tile.bottom, inside.bottom), min(tile.right, inside.right)
    place = target[top - inside.y : bottom - inside.y, left - inside.x : right - inside.x]
    if pixels is None:
        place[...] = WHITE
    else:
        place[...] = pixels[top - tile.y : bottom - tile.y, left - tile.x : right - tile.x]


def _toned(level: TiffLevel, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a decoded tile as unsigned grey or RGB where 255 is white."""
    if level.signed:
        pixels = pixels.view(np.uint8) ^ np.uint8(0x80)
    if level.inverted:
        pixels = WHITE - pixels
    if level.samples < 4:
        return pixels
    if not level.premultiplied:
        return on_white(pixels)
    behind = WHITE - np.maximum(pixels[..., 3:], pixels[..., :3].max(axis=-1, keepdims=True))
    laid: NDArray[np.uint8] = pixels[..., :3] + behind
    return laid
