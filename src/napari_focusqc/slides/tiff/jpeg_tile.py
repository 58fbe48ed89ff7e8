"""One JPEG or JPEG 2000 tile: what its own header promises, and its pixels.

Room: slides. A tile whose header disagrees with the slide's is refused before anything is
allocated, and a JPEG tile that was cut off is refused although libjpeg would fill it with grey:
such grey looks like blur.
"""

import struct
from dataclasses import dataclass
from math import prod

import imagecodecs
import numpy as np
from numpy.typing import NDArray

_START = b"\xff\xd8"
_END = b"\xff\xd9"
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive; all Huffman coded
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_SCAN = 0xDA
_PADDING = 64  # bytes some writers leave after the end mark
_J2K_SIZE = b"\xff\x4f\xff\x51"


@dataclass(frozen=True, slots=True)
class JpegTile:
    """How the JPEG tiles of one page are decoded.

    Parameters
    ----------
    tables
        Huffman and quantisation tables shared by the page's tiles (tag JPEGTables), or None.
    colorspace
        What the samples are stored as; None leaves it to the tile's own header.
    outcolorspace
        What they are decoded to; None leaves it at the default.
    samples
        Samples per pixel, 1 or 3.
    """

    tables: bytes | None
    colorspace: int | str | None
    outcolorspace: int | str | None
    samples: int

    def decode(
        self,
        data: bytes,
        shapes: tuple[tuple[int, int], ...],
        scratch: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode one tile.

        Parameters
        ----------
        data
            The compressed bytes.
        shapes
            The (height, width) that it may have.
        scratch
            Memory for the largest of them, uint8, flat; new memory is taken where it is None.

        Returns
        -------
        uint8, shape (height, width, samples); a view of `scratch` where it was given.

        Raises
        ------
        ValueError
            Its header promises another size, or it was cut off.
        RuntimeError
            The decoder refuses it.
        """
        height, width, components = jpeg_shape(data)
        if (height, width) not in shapes or components != self.samples:
            raise ValueError(f"its header says {height} × {width} px, {components} samples")
        shape = (height, width, components) if components > 1 else (height, width)
        if scratch is None or scratch.size < prod(shape):
            scratch = np.empty(prod(shape), np.uint8)
        out = scratch[: prod(shape)].reshape(shape)
        if data.rfind(_END, -_PADDING) >= 0:
            return self._decode(data, out)
        # Without an end mark: whole if and only if what follows does not change the pixels.
        pixels = self._decode(data + _END, out)
        other = self._decode(data + b"\x55" * _PADDING + _END, np.empty_like(out))
        if not np.array_equal(pixels, other):
            raise ValueError("it was cut off")
        return pixels

    def _decode(self, data: bytes, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Decode into `out`; return it as (height, width, samples)."""
        imagecodecs.jpeg8_decode(
            data,
            tables=self.tables,
            colorspace=self.colorspace,
            outcolorspace=self.outcolorspace,
            out=out,
        )
        return out.reshape(*out.shape[:2], self.samples)


def jpeg_shape(data: bytes) -> tuple[int, int, int]:
    """Return (height, width, components) from a JPEG header.

    Raises
    ------
    ValueError
        There is no frame header of an 8-bit baseline or progressive JPEG.
    """
    if data[:2] != _START:
        raise ValueError("it is no JPEG")
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _FRAMES and at + 10 <= len(data):
            precision, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
            if precision != 8:
                raise ValueError(f"it has {precision} bits per sample")
            return height, width, components
        if marker in _OTHER_FRAMES or marker == _SCAN:
            break
        at += 2 + length
    raise ValueError("its header is damaged")


def check_jpeg2000(data: bytes, shapes: tuple[tuple[int, int], ...]) -> None:
    """Compare the size in a JPEG 2000 header with what the tile may have.

    Raises
    ------
    ValueError
        There is no header, or it promises another size.
    """
    at = data.find(_J2K_SIZE, 0, 1024)
    if at < 0 or at + 40 > len(data):
        raise ValueError("it is no JPEG 2000")
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    if (bottom - top, right - left) not in shapes:
        raise ValueError(f"its header says {bottom - top} × {right - left} px")
