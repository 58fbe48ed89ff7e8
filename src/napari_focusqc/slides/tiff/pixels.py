"""Which pixels of a TIFF page can be read here, and how a tile of them is decoded.

Room: slides. The place to look when a new compression or colour has to be read.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffPage

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.tiff.jpeg_tile import JpegTile, check_jpeg2000
from napari_focusqc.slides.tiff.level import Decode, TiffPlane, TileShapes

COMPRESSIONS = {
    1: "none",
    5: "LZW",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
}
"""TIFF compressions that are decoded here, by tag value."""

MOST_TILE_PX = 65_536
MOST_TILE_BYTES = 1 << 30
"""A tile that claims a longer side, or a tile or strip of more bytes once decoded, is refused."""

BAND_BYTES = 1 << 19
"""Uncompressed strips are read in bands of about so many bytes, however long the strips are."""

_JPEG, _JPEG2000 = 7, (33005, 34712)
_GREY_INVERTED, _GREY, _RGB, _YCBCR = 0, 1, 2, 6
_PREMULTIPLIED = 1


def is_planar(page: TiffPage) -> bool:
    """Say whether each sample of a page has tiles of its own."""
    return int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1


def is_inverted(page: TiffPage) -> bool:
    """Say whether 0 is white."""
    return int(page.photometric) == _GREY_INVERTED


def is_premultiplied(page: TiffPage) -> bool:
    """Say whether the colours are already multiplied by alpha."""
    return _PREMULTIPLIED in tuple(page.extrasamples)


def is_banded(page: TiffPage) -> bool:
    """Say whether a page is one block of plain bytes, which can be read in bands of any height."""
    return bool(page.is_final) and not page.is_tiled


def band_rows(page: TiffPage) -> int:
    """Return the height of the bands that a plain page is read in, px."""
    return max(BAND_BYTES // _row_bytes(page), 1)


def _row_bytes(page: TiffPage) -> int:
    """Return the bytes in one row of a plain page, of one sample where they are apart."""
    return int(page.imagewidth) * (1 if is_planar(page) else int(page.samplesperpixel))


def check_pixels(page: TiffPage, name: str) -> None:
    """Refuse pixels that are not 8-bit grey or RGB, or that nothing here can decode.

    Raises
    ------
    NotASlideError
        Naming what the page holds.
    """
    compression, photometric = int(page.compression), int(page.photometric)
    samples = int(page.samplesperpixel)
    if compression not in COMPRESSIONS:
        raise NotASlideError(
            f"{name} has the compression {_label(page.compression)}, which cannot be decoded here; "
            "convert it to JPEG, JPEG 2000, LZW or deflate"
        )
    if page.dtype not in (np.uint8, np.int8) or page.bitspersample != 8:
        raise NotASlideError(
            f"the pixels of {name} are {page.dtype} with {page.bitspersample} bits; "
            "a slide needs 8-bit colour or grey (uint8)"
        )
    grey = photometric in (_GREY, _GREY_INVERTED) and samples == 1
    colour = photometric == _RGB and (samples == 3 or (samples == 4 and not is_planar(page)))
    jpeg_colour = photometric == _YCBCR and samples == 3 and compression == _JPEG
    if not (grey or colour or (jpeg_colour and not is_planar(page))) or page.imagedepth != 1:
        raise NotASlideError(
            f"the pixels of {name} are {_label(page.photometric)} with {samples} samples; "
            "a slide needs RGB or one grey channel"
        )


def _label(code: Any) -> str:
    """Return a tag value as its name and number, or the number alone where it has no name."""
    named = getattr(code, "name", None)
    return f"{int(code)}" if named is None else f"{named} ({int(code)})"


def check_tile_size(page: TiffPage, tile: tuple[int, int], name: str) -> None:
    """Refuse tiles that would need a monstrous buffer.

    Raises
    ------
    NotASlideError
        Naming the size the file claims.
    """
    samples = 1 if is_planar(page) else int(page.samplesperpixel)
    long = page.is_tiled and max(tile) > MOST_TILE_PX
    if long or tile[0] * tile[1] * samples > MOST_TILE_BYTES:
        raise NotASlideError(
            f"{name} claims tiles of {tile[0]} × {tile[1]} px, too large to decode; "
            "export it with tiles of 256 to 4096 px"
        )


def decoder(page: TiffPage, tables: bytes | None) -> Decode:
    """Return how the tiles of a page are decoded.

    Parameters
    ----------
    page
        The page, or the one its frames follow.
    tables
        The JPEG tables of this page or frame.
    """
    if int(page.compression) == _JPEG:
        samples = 1 if is_planar(page) else int(page.samplesperpixel)
        stored, wanted = _jpeg_colours(page)
        return partial(_decode_jpeg, JpegTile(tables, stored, wanted, samples))
    check = check_jpeg2000 if int(page.compression) in _JPEG2000 else None
    return partial(_decode_other, page.decode, check)


def _jpeg_colours(page: TiffPage) -> tuple[str | None, str | None]:
    """Return what JPEG samples are stored as and what they are decoded to.

    Aperio stores RGB samples as they are, without JFIF's mark; a JFIF tile says itself.
    """
    if int(page.samplesperpixel) == 1 or is_planar(page):
        return None, "GRAYSCALE"
    if int(page.photometric) == _RGB and not page.is_jfif:
        return "RGB", "RGB"
    return None, "RGB"


def _decode_jpeg(
    tile: JpegTile, data: bytes, _index: int, shapes: TileShapes, scratch: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Decode a JPEG tile; all tiles of a page are alike, whatever their index."""
    return tile.decode(data, shapes, scratch)


def _decode_other(
    decode: Callable[..., Any],
    check: Callable[[bytes, TileShapes], None] | None,
    data: bytes,
    index: int,
    shapes: TileShapes,
    _scratch: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Decode a tile through tifffile; (h, w, samples)."""
    if check is not None:
        check(data, shapes)
    pixels: NDArray[np.uint8] = decode(data, index)[0][0]
    return pixels


def banded(
    page: TiffPage, offsets: NDArray[np.int64], counts: NDArray[np.int64], name: str
) -> TiffPlane:
    """Cut a plane of plain bytes into bands of whole rows.

    Parameters
    ----------
    page
        The page, or the one its frames follow.
    offsets, counts
        Of the plane's strips, bytes.
    name
        The file's name.

    Raises
    ------
    NotASlideError
        The strips of this plane do not follow one another.
    """
    if (offsets[1:] != offsets[:-1] + counts[: len(offsets) - 1]).any():
        raise NotASlideError(f"the strips of {name} are out of order; export it again")
    height, step, row_bytes = int(page.imagelength), band_rows(page), _row_bytes(page)
    first = np.arange(0, height, step, dtype=np.int64)
    rows = np.minimum(first + step, height) - first
    samples = int(page.samplesperpixel) if is_planar(page) else 1
    starts = np.concatenate([offsets[0] + (s * height + first) * row_bytes for s in range(samples)])
    return TiffPlane(starts, np.tile(rows * row_bytes, samples), _decode_plain)


def _decode_plain(
    data: bytes, _index: int, shapes: TileShapes, _scratch: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Give plain bytes the shape of their band, (h, w, samples)."""
    height, width = shapes[-1]
    return np.frombuffer(data, np.uint8).reshape(height, width, -1)
