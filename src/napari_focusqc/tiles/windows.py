"""A window of the slide at the model's resolution, and which of its pixels could be decoded.

Room: tiles. Whether a pixel can be decoded depends on the file's tiles under it, and not on the
window it is read in.
"""

from collections.abc import Iterator
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.tiles.resample import area_average, source_span

GLASS = 255
"""Grey level of what could not be decoded."""


def read_window(source: LevelSource, window: Region) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Read a window, around what cannot be decoded.

    Parameters
    ----------
    source
        What is read.
    window
        Model px, inside the slide.

    Returns
    -------
    pixels
        uint8 (height, width, 3), RGB; white where not readable.
    readable
        bool (height, width), False for a pixel with a part of it in a tile of the file that cannot
        be decoded.
    """
    pixels = np.empty((window.height, window.width, 3), np.uint8)
    try:
        source.read(window, pixels)
    except UnreadableRegionError:
        return _around_faults(source, window)
    return pixels, np.ones(pixels.shape[:2], bool)


def _around_faults(
    source: LevelSource, window: Region
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Read a window tile by tile of the file."""
    factor, readable = source.factor, np.ones((window.height, window.width), bool)
    (top, bottom), (left, right) = (
        source_span(window.y, window.height, factor),
        source_span(window.x, window.width, factor),
    )
    found = np.full((bottom - top, right - left, 3), GLASS, np.uint8)
    for part in _file_tiles(source, Region(top, left, bottom - top, right - left)):
        at = np.s_[part.y - top : part.bottom - top, part.x - left : part.right - left]
        try:
            source.slide.read(part, source.level, source.z, found[at])
        except UnreadableRegionError:
            rows = _touched(part.y, part.bottom, window.y, factor)
            readable[rows, _touched(part.x, part.right, window.x, factor)] = False
    pixels = area_average(found, factor, (window.y, window.x), readable.shape)
    pixels[~readable] = GLASS
    return pixels, readable


def _file_tiles(source: LevelSource, under: Region) -> Iterator[Region]:
    """Yield the parts of a region, level px, that lie in one tile of the file each."""
    inside = under.clipped(source.slide.level_shapes[source.level])
    height, width = source.slide.tile_shapes[source.level]
    for y in range(inside.y // height * height, inside.bottom, height):
        for x in range(inside.x // width * width, inside.right, width):
            top, left = max(y, inside.y), max(x, inside.x)
            bottom, right = min(y + height, inside.bottom), min(x + width, inside.right)
            yield Region(top, left, bottom - top, right - left)


def _touched(start: int, stop: int, first: int, factor: float) -> slice:
    """Return which model pixels of a window, from `first` on, show level pixels in a range."""
    return slice(max(floor(start / factor + 1e-9) - first, 0), ceil(stop / factor - 1e-9) - first)
