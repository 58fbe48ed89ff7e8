"""A TIFF file as a slide: SVS, OME-TIFF and every plain tiled or stripped TIFF.

Room: slides. Tiles are fetched by offset and decoded one by one, straight into the caller's
buffer; nothing is cached and nothing is shared between threads but the open file.
"""

from collections.abc import Iterator
from pathlib import Path

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import ClosedSlideError, UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.byte_source import ByteSource
from napari_focusqc.slides.canvas import WHITE, lay_canvas, on_white
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.planes import settle_heights
from napari_focusqc.slides.pyramid import build_pyramid
from napari_focusqc.slides.resolution import settle_resolution
from napari_focusqc.slides.slide import SlideInfo, Source
from napari_focusqc.slides.tiff_associated import read_associated
from napari_focusqc.slides.tiff_layout import read_layout
from napari_focusqc.slides.tiff_level import TiffLevel

UNDECODABLE = (ValueError, RuntimeError, TypeError, IndexError, OSError)
"""What imagecodecs and tifffile raise for a damaged tile, and the system for a lost disk."""


class TiffSlide:
    """A `Slide` over a TIFF file.

    Parameters
    ----------
    path
        The file; its directories have passed `check_directories`.
    mpp
        Micrometres per pixel to use instead of what the file says.
    z_step_um
        Distance of neighbouring planes to use instead of what the file says, µm.

    Raises
    ------
    NotASlideError, TruncatedSlideError
        See `read_layout`.
    SettingsError
        `mpp` or `z_step_um` is out of range, or there is one plane only.
    """

    def __init__(
        self, path: Path, mpp: float | None = None, z_step_um: float | None = None
    ) -> None:
        self.name = path.name
        self._layout = read_layout(path)
        self._path = path
        facts = self._layout.facts
        self._resolution = settle_resolution(facts.stated_mpp, mpp, facts.objective)
        planes = len(self._layout.levels[0].planes)
        self._heights = settle_heights(planes, facts.z_um, z_step_um, self.name)
        self._source: ByteSource | None = ByteSource(path)

    @property
    def mpp(self) -> float | None:
        """µm per pixel of level 0, or None."""
        return self._resolution.mpp

    @property
    def mpp_source(self) -> Source | None:
        """Where `mpp` is from."""
        return self._resolution.source

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of level 0, px."""
        return self._layout.levels[0].shape

    @property
    def level_shapes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of every stored level, px."""
        return tuple(level.shape for level in self._layout.levels)

    @property
    def z_um(self) -> tuple[float, ...]:
        """Height of each plane, µm; 0, 1, 2 … where nobody knows (see `info`)."""
        return self._heights.z_um

    @property
    def info(self) -> SlideInfo:
        """What the file says of itself."""
        facts = self._layout.facts
        return SlideInfo(
            format=facts.format,
            reader="tifffile",
            compression=self._layout.compression,
            objective=facts.objective,
            vendor=facts.vendor,
            path=self._path,
            stated_mpp=facts.stated_mpp,
            z_source=self._heights.source,
            associated=tuple(self._layout.associated),
            notes=(*self._layout.notes, *self._resolution.notes, *self._heights.notes),
        )

    @property
    def icc_profile(self) -> bytes | None:
        """The scanner's colour profile."""
        return self._layout.icc_profile

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, [level.tile for level in self._layout.levels], recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture beside the slide; see `Slide.associated_image`."""
        if self._source is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        return read_associated(self._path, name)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode a region; see `Slide.read`."""
        source = self._source
        if source is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        canvas = lay_canvas(self, region, level, z, out)
        stored = self._layout.levels[level]
        for sample in range(stored.samples if stored.planar else 1):
            target = canvas.target[..., sample : sample + 1] if stored.planar else canvas.target
            for tile in _tiles_under(stored, canvas.inside):
                pixels = self._tile(source, stored, tile, z, sample)
                _paste(pixels, tile, canvas.inside, target)
        return canvas.out

    def _tile(
        self, source: ByteSource, level: TiffLevel, tile: Region, z: int, sample: int
    ) -> NDArray[np.uint8] | None:
        """Decode one tile; None where the scanner left it out.

        Raises
        ------
        UnreadableRegionError
            Its bytes cannot be decoded.
        """
        rows, columns = level.grid
        row, column = tile.y // level.tile[0], tile.x // level.tile[1]
        index = (sample * rows + row) * columns + column
        plane = level.planes[z]
        offset, count = int(plane.offsets[index]), int(plane.counts[index])
        if count == 0:
            return None
        try:
            data = source.read(offset, count)
            shapes = ((level.tile[0], level.tile[1]), (tile.height, tile.width))
            return _toned(level, plane.decode(data, index, shapes))
        except UNDECODABLE as error:
            raise UnreadableRegionError(
                f"the tile at y {tile.y}, x {tile.x} px of {self.name} cannot be decoded "
                f"({error}); it counts as unreadable"
            ) from error

    def close(self) -> None:
        """Close the file once the reads in flight are done."""
        self._source = None


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
