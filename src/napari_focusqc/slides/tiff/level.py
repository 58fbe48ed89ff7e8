"""Where the tiles of one TIFF level lie in the file and what their pixels mean.

Room: slides. Plain data, worked out once when the slide is opened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil

import numpy as np
from numpy.typing import NDArray

TileShapes = tuple[tuple[int, int], ...]
"""The (height, width) that a decoded tile may have: full, or cut to the image."""

Decode = Callable[[bytes, int, TileShapes, NDArray[np.uint8]], NDArray[np.uint8]]
"""Turns a tile's bytes, its index and the shapes it may have into (h, w, samples); the last
argument is memory for a full tile, which may be used and returned."""


@dataclass(frozen=True, slots=True)
class TiffPlane:
    """The tiles of one plane of one level.

    Parameters
    ----------
    offsets, counts
        Place and length of every tile or strip in the file, bytes, int64; a length of 0 is a
        tile the scanner left out.
    decode
        How they are decoded.
    """

    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]
    decode: Decode


def joined(pages: list[TiffPlane]) -> TiffPlane:
    """Return the pages of one plane, one per colour, as a plane with tiles for each sample.

    Parameters
    ----------
    pages
        Of one sample each, in the order of the samples; or a single page, returned as it is.
    """
    if len(pages) == 1:
        return pages[0]
    decoders = [page.decode for page in pages]
    return TiffPlane(
        np.concatenate([page.offsets for page in pages]),
        np.concatenate([page.counts for page in pages]),
        partial(_decode_joined, decoders, len(pages[0].offsets)),
    )


def _decode_joined(
    decoders: list[Decode],
    tiles: int,
    data: bytes,
    index: int,
    shapes: TileShapes,
    scratch: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Decode a tile as the page it came from does."""
    page, own_index = divmod(index, tiles)
    return decoders[page](data, own_index, shapes, scratch)


@dataclass(frozen=True, slots=True)
class TiffLevel:
    """One level of the pyramid.

    Parameters
    ----------
    shape
        (height, width), px.
    tile
        (height, width) of its tiles or strips, px.
    samples
        Samples per pixel: 1, 3, or 4 with alpha.
    planar
        Whether each sample has tiles of its own.
    inverted
        Whether 0 is white.
    signed
        Whether the samples are int8, whose −128 … 127 are read as 0 … 255.
    premultiplied
        Whether the colours are already multiplied by alpha.
    planes
        One per focal plane.
    """

    shape: tuple[int, int]
    tile: tuple[int, int]
    samples: int
    planar: bool
    inverted: bool
    signed: bool
    premultiplied: bool
    planes: tuple[TiffPlane, ...]

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of tiles."""
        return ceil(self.shape[0] / self.tile[0]), ceil(self.shape[1] / self.tile[1])
